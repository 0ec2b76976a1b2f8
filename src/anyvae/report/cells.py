"""Single cells: which are missing, how probable each is given the others, and how well holes are filled."""

from __future__ import annotations

import math
from html import escape
from typing import Any

import numpy as np

from anyvae.report.findings import Findings
from anyvae.report.markup import card, grid, section, table
from anyvae.report.table_findings import DensityFindings, ImputedColumn, MissingFindings, SurprisingRow
from anyvae.report.words import decimal, nats, number, percent, short

MOST_COLUMNS = 30
PATTERNS = 8
PATTERN_COLUMNS = 12
BLAMED_COLUMNS = 8
DEEPEST = 8.0
"""Nats of excess from which a cell is shaded fully."""
ENTROPY_OF_UNIT_NORMAL = 0.5 * math.log(2 * math.pi * math.e)


def missing(findings: Findings) -> str:
    """Rate of holes per column, and which columns are missing together."""
    found = None if findings.table is None else findings.table.missing
    if found is None or not any(found.rates.values()):
        return ""
    holed = sorted((name for name, rate in found.rates.items() if rate > 0), key=lambda n: -found.rates[n])
    top = found.rates[holed[0]]
    bars = "".join(
        f'<span title="{escape(name)}">{escape(short(name, 28))}</span>'
        f'<div class="rate"><i style="width:{100 * found.rates[name] / top:.1f}%"></i>'
        f"<em>{percent(found.rates[name])}</em></div>"
        for name in holed[:MOST_COLUMNS]
    )
    whole = len(found.rates) - len(holed)
    caption = f"{whole:,} of {len(found.rates):,} columns have no hole." if whole else ""
    if len(holed) > MOST_COLUMNS:
        caption += f" The {MOST_COLUMNS} with most holes of {len(holed):,}."
    cards = [
        card("Missing cells per column", f'<div class="bars">{bars}</div>', caption),
        patterns(found, holed),
    ]
    lead = (
        f"Holes of {found.rows:,} rows fitted. They have no part in the likelihood; draws from the model are whole "
        "rows."
    )
    return section("missing", "Missing cells", lead, grid(cards))


def patterns(found: MissingFindings, holed: list[str]) -> str:
    """One line a pattern: filled squares are missing."""
    names = holed[:PATTERN_COLUMNS]
    lines = []
    for absent, share in found.patterns[:PATTERNS]:
        squares = "".join(f'<i class="{"hole" if name in absent else ""}"></i>' for name in names)
        said = "whole rows" if not absent else ", ".join(short(n, 24) for n in absent[:6])
        lines.append(f'<div title="missing: {escape(said)}">{squares}</div><span>{percent(share)}</span>')
    rest = 1.0 - sum(share for _, share in found.patterns[:PATTERNS])
    key = " ".join(
        f"{i + 1} {short(name, 24)}" + ("," if i + 1 < len(names) else ".") for i, name in enumerate(names)
    )
    caption = f"Each line is a pattern and the share of rows that have it; filled squares are missing. Columns: {key}"
    if rest > 0.0005:
        caption += f" Other patterns: {percent(rest)}."
    return card("Which cells are missing together", f'<div class="patterns">{"".join(lines)}</div>', caption)


def densities(findings: Findings) -> str:
    """Held-out log-density of each column given the others."""
    found = None if findings.table is None else findings.table.density
    if found is None or not len(found.names):
        return ""
    order = np.argsort(-np.asarray([spread(found, k)[2] for k in range(len(found.names))]), kind="stable")
    rows = []
    for k in (int(k) for k in order[:MOST_COLUMNS]):
        left, alone, share = spread(found, k)
        rows.append(
            (
                short(found.names[k]),
                decimal(float(found.mean[k]), 3),
                decimal(float(found.error[k]), 3),
                number(int(found.cells[k])),
                "–" if found.mixed[k] else guess(left, bool(found.numeric[k])),
                "–" if found.mixed[k] else guess(alone, bool(found.numeric[k])),
                percent(share) if math.isfinite(share) else "–",
            )
        )
    head = ["Column", "Mean, nats a cell", "± error", "Cells", "Left to guess", "Column alone", "Share left"]
    cut = (
        f" The {MOST_COLUMNS} least foretold of {len(found.names):,} columns."
        if len(rows) < len(found.names)
        else ""
    )
    caption = (
        "Left to guess: of a category, or a number of few values, the number of equally likely levels that would be as "
        "hard to foretell, of a number the standard deviation (sd), in the column's units, of the normal that would. "
        f"Beside it the same of the column by itself, from its entropy among the rows fitted.{cut}"
    )
    lead = (
        f"Mean over cells of {found.rows:,} held-out rows of log p(x_j | x_-j), the log-density of a cell given all "
        "other cells of its row: a probability for whole numbers, categories and values that come again, a density in "
        "the column's units for other numbers. The least foretold columns come first."
    )
    body = card("Log-density of each column given the others", table(head, rows, kind="even"), caption)
    return section("densities", "Held-out cells", lead, body)


def guess(size: float, numeric: bool) -> str:
    """What is left to guess: a standard deviation in the column's units, or a number of levels.

    >>> guess(10795.2, True), guess(2.0, False), guess(float("nan"), True)
    ('sd 10,795', '2 levels', '–')
    """
    if not math.isfinite(size):
        return "–"
    return f"sd {number(size, 3)}" if numeric else f"{number(size, 3)} levels"


def spread(found: DensityFindings, k: int) -> tuple[float, float, float]:
    """What is left to guess of a column, what it holds alone, and the first over the second."""
    surprise = -float(found.mean[k]) - (ENTROPY_OF_UNIT_NORMAL if found.numeric[k] else 0.0)
    left = math.exp(min(surprise, 700.0)) if math.isfinite(surprise) else math.nan
    alone = float(found.alone[k])
    return left, alone, left / alone if alone > 0 else math.nan


def surprising(findings: Findings) -> str:
    """The least probable held-out rows, the cells to blame shaded."""
    rows = () if findings.table is None else findings.table.surprising
    if not rows:
        return ""
    assert findings.table is not None
    names = blamed(list(rows))
    head = "".join(f'<th scope="col" title="{escape(name)}">{escape(short(name, 16))}</th>' for name in names)
    body = "".join(
        f'<tr><th scope="row">{row.number:,}</th><td>{decimal(row.log_density, 1)}</td>'
        + "".join(blamed_cell(row.values.get(name), row.excess.get(name, math.nan)) for name in names)
        + "</tr>"
        for row in rows
    )
    left_out = len(rows[0].values) - len(names)
    caption = "The deeper the colour, the less probable is a cell given the other cells of its row."
    if left_out > 0:
        caption += f" {left_out:,} columns that are less to blame are left out."
    shown = (
        '<div class="scroll"><table class="blame"><thead><tr><th scope="col">Held-out row</th>'
        f'<th scope="col">Log-density</th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )
    usual = findings.table.usual_log_density
    lead = "Held-out rows with the lowest log p(x), nats, and the cells to blame."
    if math.isfinite(usual):
        lead += f" The median held-out row has {nats(usual)}."
    lead += (
        " A cell is to blame by the nats that its log p(x_j | x_-j) lies below the median of its column; the tip of a "
        "cell tells them."
    )
    return section("surprising", "Surprising rows", lead, card("Least probable rows", shown, caption))


def blamed(rows: list[SurprisingRow]) -> list[str]:
    """The columns that bear most of the blame in some row, in the table's order."""
    names = list(rows[0].values)
    worst = {n: max(_finite(row.excess.get(n, math.nan)) for row in rows) for n in names}
    kept = set(sorted(names, key=lambda name: -worst[name])[:BLAMED_COLUMNS])
    return [name for name in names if name in kept]


def blamed_cell(value: Any, excess: float) -> str:
    """A cell shaded by its excess."""
    share = min(1.0, max(0.0, _finite(excess)) / DEEPEST)
    plain = value.item() if isinstance(value, np.generic) else value
    tip = f"{excess:+.2f} nats" if math.isfinite(excess) else "missing"
    colour = f' style="background:color-mix(in srgb,var(--problem) {48 * share:.0f}%,var(--surface))"'
    return f'<td{colour if share > 0.02 else ""} title="{tip}">{escape(short(number(plain), 18))}</td>'


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def imputation(findings: Findings) -> str:
    """Hidden cells of held-out rows: errors, and whether intervals hold what they promise."""
    found = () if findings.table is None else findings.table.imputation
    if not found:
        return ""
    assert findings.table is not None
    levels = findings.table.levels
    pooled = pooled_coverage(found, len(levels))
    said = ", ".join(f"{share:.1%} of {level:.0%} intervals" for level, share in zip(levels, pooled))
    rows = "".join(imputed_row(one, levels) for one in found[:MOST_COLUMNS])
    head = "".join(
        f'<th scope="col">{escape(name)}</th>'
        for name in ("Column", "Cells", "Error", "Coverage", *(f"{level:.0%}" for level in levels))
    )
    shown = (
        f'<div class="scroll"><table class="even cover"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
    caption = (
        "Error: of the means given the rest of the row, root mean square as a multiple of the column's standard "
        "deviation σ, for numbers; share of most probable levels that are wrong for categories. Coverage: share of "
        "true cells that lie in the central interval of the draws, or among their most frequent levels; upright marks "
        "show the levels, bars one standard error."
    )
    cut = f" The first {MOST_COLUMNS} of {len(found):,} columns." if len(found) > MOST_COLUMNS else ""
    lead = (
        f"Known cells of held-out rows were hidden, a fifth of a row at a time, and filled in {findings.table.draws:,} "
        f"times from p(hidden | rest). The truth lies in {said}."
    )
    return section(
        "imputation", "Filling in holes", lead, card("Calibration per column", shown, caption + cut)
    )


def pooled_coverage(found: Any, levels: int) -> list[float]:
    """Coverage over all cells of all columns, one number a level."""
    cells = np.asarray([one.cells for one in found], dtype=float)
    return [
        float(np.nansum([one.coverage[i] * one.cells for one in found]) / max(cells.sum(), 1))
        for i in range(levels)
    ]


def imputed_row(one: ImputedColumn, levels: Any) -> str:
    """A line with the coverage drawn from 0 to 1."""
    marks = "".join(f'<u style="left:{100 * level:.0f}%"></u>' for level in levels)
    dots = "".join(
        interval(max(0.0, share - error), min(1.0, share + error))
        + f'<i style="left:{100 * share:.1f}%"></i>'
        for share, error in zip(one.coverage, one.coverage_error)
        if math.isfinite(share)
    )
    shares = "".join(
        f'<td class="n">{share:.0%}</td>' if math.isfinite(share) else '<td class="n">–</td>'
        for share in one.coverage
    )
    error = f"{decimal(one.error)} σ" if one.kind == "NRMSE" else f"{percent(one.error)} wrong"
    return (
        f'<tr><th scope="row">{escape(short(one.name))}</th><td class="n">{one.cells:,}</td>'
        f'<td class="n">{error if math.isfinite(one.error) else "–"}</td>'
        f'<td><div class="track">{marks}{dots}</div></td>{shares}</tr>'
    )


def interval(low: float, high: float) -> str:
    """A thin bar between two shares."""
    return f'<s style="left:{100 * low:.1f}%;width:{100 * (high - low):.1f}%"></s>'
