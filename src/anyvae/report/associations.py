"""Pairwise associations as heat maps of HTML, so that every cell can be asked for its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from anyvae.report.findings import Array, Findings
from anyvae.report.markup import card, grid, section, table
from anyvae.report.table_findings import PairFindings
from anyvae.report.words import decimal, short

MOST_COLUMNS = 24
LISTED_PAIRS = 8
STRONGEST_DIFFERENCE = 0.3
"""Differences are drawn at full colour from here on."""


def associations(findings: Findings) -> str:
    """Data, draws and their difference, then the pairs that differ most."""
    pairs = None if findings.table is None else findings.table.pairs
    if pairs is None or len(pairs.names) < 2:
        return ""
    shown = chosen(pairs)
    names = [pairs.names[k] for k in shown]
    real, synthetic = (
        np.asarray(m, dtype=float)[np.ix_(shown, shown)] for m in (pairs.real, pairs.synthetic)
    )
    mean = mean_difference(pairs)
    maps = grid(
        [
            card("Data", heat_map(names, real, "the data"), "0 is pale, 1 is full colour."),
            card(
                "Draws from the model", heat_map(names, synthetic, "draws from the model"), "The same scale."
            ),
            card(
                "Draws less data",
                heat_map(names, synthetic - real, "draws less data", signed=True),
                f"Green: more in the draws, red: less; full colour from {STRONGEST_DIFFERENCE:g} on.",
            ),
        ],
        kind="three",
    )
    lead = (
        "How strongly each pair of columns hangs together, from 0 to 1: Spearman's correlation of two numbers, the "
        "correlation ratio of a number's ranks between categories, Cramer's V of two categories, the last two "
        "corrected for chance."
    )
    caption = f"Mean absolute difference over all pairs: {decimal(mean, 3)}." if math.isfinite(mean) else ""
    if pairs.columns > len(names):
        caption += f" The maps show {len(names)} of {pairs.columns:,} columns, those that differ most."
    listed = [
        (short(one), short(other), decimal(a, 3), decimal(b, 3), f"{b - a:+.3f}")
        for one, other, a, b in largest_differences(pairs)
    ]
    if not listed:
        return section("associations", "Associations", lead, maps)
    body = table(["Column", "With", "Data", "Draws", "Difference"], listed, kind="even")
    return section("associations", "Associations", lead, maps + card("Pairs that differ most", body, caption))


def chosen(pairs: PairFindings) -> list[int]:
    """Which columns are drawn: all, or those with the largest difference, in the table's order."""
    count = len(pairs.names)
    if count <= MOST_COLUMNS:
        return list(range(count))
    difference = np.abs(np.asarray(pairs.synthetic, dtype=float) - np.asarray(pairs.real, dtype=float))
    worst = np.nan_to_num(difference, nan=-1.0).max(axis=1)
    return sorted(int(k) for k in np.argsort(-worst, kind="stable")[:MOST_COLUMNS])


def mean_difference(pairs: PairFindings) -> float:
    """Mean of the absolute differences over pairs of different columns, NaN where there is none."""
    found = [abs(b - a) for _, _, a, b in all_pairs(pairs)]
    return float(np.mean(found)) if found else math.nan


def largest_differences(pairs: PairFindings) -> list[tuple[str, str, float, float]]:
    """Pairs with their associations in the data and in the draws, the largest difference first."""
    return sorted(all_pairs(pairs), key=lambda pair: -abs(pair[3] - pair[2]))[:LISTED_PAIRS]


def all_pairs(pairs: PairFindings) -> list[tuple[str, str, float, float]]:
    """Every pair that has an association on both sides."""
    found = []
    for i, one in enumerate(pairs.names):
        for j in range(i + 1, len(pairs.names)):
            a, b = float(pairs.real[i, j]), float(pairs.synthetic[i, j])
            if math.isfinite(a) and math.isfinite(b):
                found.append((one, pairs.names[j], a, b))
    return found


def heat_map(names: Sequence[str], values: Array, what: str, *, signed: bool = False) -> str:
    """A square of coloured cells with names at its left and its foot; each cell tells its pair and its number."""
    cells = []
    for i, one in enumerate(names):
        cells.append(f'<span title="{escape(one)}">{escape(short(one, 18))}</span>')
        for j, other in enumerate(names):
            value = float(values[i, j])
            tip = f"{short(one)}, {short(other)}: {decimal(value)}"
            cells.append(f'<i style="{shade(value, signed, i == j)}" title="{escape(tip)}"></i>')
    foot = "".join(f'<b title="{escape(name)}">{escape(short(name, 12))}</b>' for name in names)
    columns = f"minmax(40px,84px) repeat({len(names)},minmax(0,1fr))"
    return (
        f'<div class="heat" role="img" aria-label="{escape(f"Associations of {len(names)} columns: {what}")}" '
        f'style="grid-template-columns:{columns}">{"".join(cells)}<span></span>{foot}</div>'
    )


def shade(value: float, signed: bool, diagonal: bool) -> str:
    """The colour of a cell as a declaration; what is not measured, and a column with itself, has none."""
    if not math.isfinite(value) or diagonal:
        return "background:var(--line)"
    share = min(1.0, abs(value) / STRONGEST_DIFFERENCE) if signed else min(1.0, abs(value))
    colour = "var(--problem)" if signed and value < 0 else "var(--accent)"
    return f"background:color-mix(in srgb,{colour} {4 + 92 * share:.0f}%,var(--surface))"
