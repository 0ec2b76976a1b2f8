"""The figures of a table in words: associations, coverage of intervals, and privacy."""

from __future__ import annotations

import math

from anyvae.report.associations import largest_differences, mean_difference
from anyvae.report.cells import pooled_coverage
from anyvae.report.findings import Diagnosis, Findings
from anyvae.report.synthetic import gives_away
from anyvae.report.table_findings import TableFindings
from anyvae.report.words import percent, sentence, short

LOST = 0.15
"""A difference of two associations worth naming, beyond what two standard errors explain."""
WEAK = 0.05
"""Mean difference over all pairs, beyond one standard error, below which associations are kept."""
COVERAGE = 0.03
"""Coverage may miss its level by this much, beyond what the number of cells explains."""
COPIES = 0.01
"""Share of synthetic rows equal to fitted ones beyond that of held-out rows."""


def associations_kept(findings: Findings) -> Diagnosis | None:
    """Pairs of columns whose association is another in the draws."""
    pairs = None if findings.table is None else findings.table.pairs
    if pairs is None:
        return None
    worst, mean = largest_differences(pairs), mean_difference(pairs)
    if not worst:
        return None
    assert findings.table is not None
    noise = chance(findings.table)
    wrong = [pair for pair in worst if abs(pair[3] - pair[2]) > LOST + 2 * noise][:3]
    if not wrong and mean <= WEAK + noise:
        return Diagnosis(
            "good",
            "Associations are kept",
            f"Associations of pairs of columns differ by {mean:.3f} on average between draws and data, and nowhere by "
            f"more than {abs(worst[0][3] - worst[0][2]):.2f}.",
        )
    named = [
        f"{short(a)} with {short(b)} ({real:.2f} in the data, {made:.2f} in the draws)"
        for a, b, real, made in wrong
    ]
    most = f" Most of all {sentence(named)}" if named else ""
    return Diagnosis(
        "note",
        "Associations differ",
        f"Associations of pairs of columns differ by {mean:.3f} on average between draws and data.{most}",
    )


def chance(table: TableFindings) -> float:
    """Standard error of the difference of two correlations near 0 between samples of these sizes; less beyond."""
    counts = [len(next(iter(rows.values()), ())) for rows in (table.real, table.synthetic)]
    return math.sqrt(sum(1 / count for count in counts if count))


def intervals_hold(findings: Findings) -> Diagnosis | None:
    """Coverage of the intervals of filled holes against their levels, over all columns."""
    found = () if findings.table is None else findings.table.imputation
    if not found:
        return None
    assert findings.table is not None
    levels = findings.table.levels
    cells = sum(one.cells for one in found)
    if not cells:
        return None
    shares = pooled_coverage(found, len(levels))
    off = [
        abs(share - level) - 2 * math.sqrt(level * (1 - level) / cells)
        for share, level in zip(shares, levels, strict=True)
    ]
    said = " and ".join(
        f"{share:.0%} of {level:.0%} intervals" for share, level in zip(shares, levels, strict=True)
    )
    if max(off) <= COVERAGE:
        return Diagnosis(
            "good",
            "Filled cells are as sure as they say",
            f"The truth of {cells:,} hidden cells lies in {said}.",
        )
    k = off.index(max(off))
    tight = shares[k] < levels[k]
    return Diagnosis(
        "note",
        "Filled cells are too sure" if tight else "Filled cells are less sure than they could be",
        f"The truth of {cells:,} hidden cells lies in {said}: draws of missing cells are too "
        f"{'narrow, or in the wrong place' if tight else 'wide'}.",
    )


def privacy(findings: Findings) -> Diagnosis | None:
    """Copies and the membership attack, each against held-out rows."""
    synthesis = None if findings.table is None else findings.table.synthesis
    found = None if synthesis is None else synthesis.privacy
    if found is None:
        return None
    parts = []
    if found.duplicates > found.held_out_duplicates + COPIES:
        parts.append(
            f"{percent(found.duplicates)} of synthetic rows equal a fitted row, where "
            f"{percent(found.held_out_duplicates)} of held-out rows do"
        )
    if gives_away(found):
        parts.append(
            f"rows that were fitted can be told from held-out rows by their closest synthetic row with AUROC "
            f"{found.membership:.2f}"
        )
    if parts:
        return Diagnosis(
            "problem", "Synthetic rows give rows away", sentence(parts)[0].upper() + sentence(parts)[1:]
        )
    return Diagnosis(
        "good",
        "No row is given away",
        f"{percent(found.duplicates)} of synthetic rows equal a fitted row ({percent(found.held_out_duplicates)} of "
        f"held-out rows do), and a membership attack has AUROC {found.membership:.2f}, where "
        f"0.5 ± {found.membership_error:.2f} is chance.",
    )
