"""Synthetic rows as a data set: whether columns, pairs and what can be learned are kept, and what is given away."""

from __future__ import annotations

import math
from html import escape

import numpy as np

from anyvae.report.findings import Findings
from anyvae.report.markup import card, grid, section, table
from anyvae.report.table_findings import EfficacyFindings, PrivacyFindings, SyntheticFindings
from anyvae.report.words import decimal, percent, short

LISTED = 6
COPIED = 3.0
"""Standard errors beyond which a membership attack is said to succeed."""


def synthetic(findings: Findings) -> str:
    """Tiles, then columns and pairs, what is learned, and privacy."""
    found = None if findings.table is None else findings.table.synthesis
    if found is None:
        return ""
    lead = (
        f"{found.rows[1]:,} draws from the model against {found.rows[0]:,} of the rows fitted, as a data set to be "
        "used in their place."
    )
    beside = [card for card in (learned(found.efficacy), given_away(found.privacy)) if card]
    stack = f"<div>{''.join(beside)}</div>" if beside else ""
    return section(
        "synthetic", "Synthetic data", lead, tiles(found) + grid([columns_and_pairs(found), stack])
    )


def tiles(found: SyntheticFindings) -> str:
    """The few numbers asked for first."""
    entries = [("Columns alike", percent_of(mean_shape(found)), "mean of 1 - distance over columns")]
    if math.isfinite(found.trends):
        entries.append(("Pairs alike", percent_of(found.trends), "mean likeness of pairs of columns"))
    if found.efficacy is not None:
        name, real, made = found.efficacy.scores[0]
        entries.append(
            (
                f"Learned of {short(found.efficacy.target, 20)}",
                decimal(made, 3),
                f"{name}; {decimal(real, 3)} from real rows",
            )
        )
    if found.privacy is not None:
        entries.append(
            (
                "Membership attack",
                decimal(found.privacy.membership, 3),
                f"AUROC; 0.5 ± {decimal(found.privacy.membership_error, 3)} gives nothing away",
            )
        )
    cells = "".join(
        f'<div class="tile"><dt>{escape(name)}</dt><dd>{value}</dd><dd class="under">{escape(under)}</dd></div>'
        for name, value, under in entries
    )
    return f'<dl class="tiles inner">{cells}</dl>'


def mean_shape(found: SyntheticFindings) -> float:
    """Mean likeness of columns."""
    return float(np.mean(list(found.shapes.values()))) if found.shapes else math.nan


def percent_of(share: float) -> str:
    """A likeness in percent with one decimal."""
    return f"{100 * share:.1f} <small>%</small>" if math.isfinite(share) else "–"


def columns_and_pairs(found: SyntheticFindings) -> str:
    """The least alike columns and pairs."""
    columns = sorted(found.shapes.items(), key=lambda item: item[1])[:LISTED]
    body = table(
        ["Column", "Likeness"], [(short(name), decimal(value, 3)) for name, value in columns], kind="narrow"
    )
    if found.worst_pairs:
        pairs = [
            (f"{short(a, 24)} with {short(b, 24)}", decimal(v, 3)) for a, b, v in found.worst_pairs[:LISTED]
        ]
        body += table(["Pair of columns", "Likeness"], pairs, kind="narrow")
    caption = (
        "The least alike. Columns: 1 - Kolmogorov-Smirnov distance of numbers, 1 - total variation of categories, a "
        "hole being a category. Pairs: 1 - |difference of Pearson correlations| / 2 of two numbers, else 1 - total "
        "variation of the table of combinations, numbers in ten bins."
    )
    return card("Columns and pairs", body, caption)


def learned(found: EfficacyFindings | None) -> str:
    """Learners fitted to synthetic rows beside those fitted to real ones."""
    if found is None:
        return ""
    rows = [
        (name, decimal(real, 3), decimal(made, 3), signed(made - real)) for name, real, made in found.scores
    ]
    caption = (
        f"Each learner foretells {short(found.target)} from the other columns; fitted to {found.rows[0]:,} real or to "
        f"{found.rows[1]:,} synthetic rows, tested on {found.rows[2]:,} held-out rows."
    )
    return card(
        "Learned from synthetic rows",
        table(["Learner and score", "Real", "Synthetic", "Difference"], rows, kind="narrow"),
        caption,
    )


def signed(value: float) -> str:
    """A difference with its sign."""
    return f"{value:+.3f}" if math.isfinite(value) else "–"


def given_away(found: PrivacyFindings | None) -> str:
    """Copies, the closest record, and the attack, each beside its baseline of held-out rows."""
    if found is None:
        return ""
    rows = [
        ("Equal to a fitted row", percent(found.duplicates), percent(found.held_out_duplicates)),
        (
            "Distance to the closest fitted row, median",
            decimal(found.median[0], 3),
            decimal(found.median[1], 3),
        ),
        ("the same, 5 % quantile", decimal(found.low[0], 3), decimal(found.low[1], 3)),
    ]
    caption = (
        "Held-out rows are the baseline: synthetic rows should be no closer to the rows fitted than these are. "
        "Distance: mean over columns of the difference in standard deviations, or of 1 for unlike categories. "
        "Membership attack: guessing from the distance to the closest synthetic row whether a row was fitted succeeds "
        f"with AUROC {decimal(found.membership, 3)} ({found.rows[0]:,} fitted and {found.rows[1]:,} held-out rows; "
        "0.5 is chance)."
    )
    return card("Privacy", table(["", "Synthetic", "Held out"], rows, kind="narrow"), caption)


def gives_away(found: PrivacyFindings) -> bool:
    """Whether the attack beats chance beyond its error."""
    return found.membership - 0.5 > COPIED * found.membership_error
