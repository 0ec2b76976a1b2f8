"""The figures of a table in words: columns, associations, single cells, coverage of intervals, and privacy."""

from __future__ import annotations

import math

from anyvae.report.associations import largest_differences, mean_difference
from anyvae.report.cells import pooled_coverage, spread
from anyvae.report.findings import Diagnosis, Findings, Level
from anyvae.report.summaries import marginals
from anyvae.report.synthetic import gives_away
from anyvae.report.table_findings import TableFindings
from anyvae.report.words import percent, sentence, short

MARGINAL = 0.1
"""Distance of a synthetic column from the data, beyond what chance explains."""
LOST = 0.15
"""A difference of two associations worth naming, beyond what two standard errors explain."""
WEAK = 0.05
"""Mean difference over all pairs, beyond one standard error, below which associations are kept."""
WORSE, MUCH_WORSE = 1.1, 1.25
"""What is left to guess of a cell given its row over what is of the column alone; the latter comes from rows fitted."""
SIGNIFICANT = 3.0
"""Standard errors by which it must be more."""
COVERAGE = 0.03
"""Coverage may miss its level by this much, beyond what the number of cells explains."""
COPIES = 0.01
"""Share of synthetic rows equal to fitted ones beyond that of held-out rows."""


def synthetic_columns(findings: Findings) -> Diagnosis | None:
    """Columns of the draws whose distribution is not the data's; for tables."""
    if findings.image_shape is not None:
        return None
    columns = marginals(findings)
    if not columns:
        return None
    wrong = [m for m in columns if m.distance > m.chance + MARGINAL]
    if not wrong:
        return Diagnosis(
            "good",
            "Synthetic columns match",
            f"None of {len(columns):,} columns of the draws is further than {MARGINAL:g} from the data "
            f"beyond chance; the furthest is {short(columns[0].name)}, by {columns[0].distance:.2f}.",
        )
    return Diagnosis(
        "note",
        "Synthetic columns differ",
        f"{len(wrong):,} of {len(columns):,} columns of the draws are distributed unlike the data, most of "
        f"all {sentence([f'{short(m.name)} (distance {m.distance:.2f})' for m in wrong[:3]])}",
    )


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


def cells_foretold(findings: Findings) -> Diagnosis | None:
    """Columns whose held-out cells are less probable given the rest of the row than the column by itself would be."""
    found = None if findings.table is None else findings.table.density
    if found is None:
        return None
    excess, sure = {}, {}
    for k, name in enumerate(found.names):
        share, error = spread(found, k)[2], float(found.error[k])
        if math.isfinite(share) and share > 0:
            excess[name] = math.log(share)
            # The mean of few cells, one of them very improbable, is as uncertain as it is bad.
            sure[name] = math.isfinite(error) and excess[name] > SIGNIFICANT * error
    if not excess:
        return None
    order = sorted(excess, key=lambda name: -excess[name])
    worse = [name for name in order if sure[name] and excess[name] > math.log(WORSE)]
    doubtful = [name for name in order if not sure[name] and excess[name] > math.log(MUCH_WORSE)]
    columns = f"of {len(excess):,} columns"
    named = sentence([f"{short(name)} ({_left(excess[name])})" for name in (worse or doubtful or order)[:3]])
    if worse:
        level: Level = "problem" if excess[worse[0]] > math.log(MUCH_WORSE) else "note"
        return Diagnosis(
            level,
            "Columns foretold worse than by themselves",
            f"Held-out cells of {len(worse):,} {columns} are harder to foretell given the rest of their rows than by "
            f"the column's own frequencies: {named} The likelihood of such a column does not fit it (see --kind), "
            "the model over-fits, or it has learned for too short a time.",
        )
    if doubtful:
        return Diagnosis(
            "note",
            "Columns that may be foretold worse than by themselves",
            f"Held-out cells of {len(doubtful):,} {columns} seem harder to foretell given the rest of their rows than "
            f"by the column's own frequencies: {named} A few improbable cells may account for that: it is less than "
            f"{SIGNIFICANT:g} standard errors of {found.rows:,} rows.",
        )
    return Diagnosis(
        "good",
        "No column is foretold worse than by itself",
        f"Given the rest of their rows, held-out cells of none {columns} are harder to foretell than by the column's "
        "own frequencies, beyond what chance explains.",
    )


def _left(excess: float) -> str:
    """What is left to guess of a cell, of what is of the column alone, from the logarithm of their ratio."""
    return (
        f"{percent(math.exp(excess))} is left to guess" if excess < math.log(10) else "over ten times as hard"
    )


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
