"""Data beside reconstructions beside draws: as pictures, or as columns and printed rows."""

from __future__ import annotations

from html import escape

import numpy as np

from anyvae.report import figures
from anyvae.report.findings import Array, Findings, Rows
from anyvae.report.markup import card, details, grid, image, legend, section, table
from anyvae.report.pictures import tile, value_range
from anyvae.report.summaries import Marginal, columns_of, marginals, shares_of
from anyvae.report.words import decimal, number, short

COLUMNS = 10
DRAWN_ROWS = 3
PRINTED_ROWS = 5
SHOWN_MARGINALS, MOST_MARGINALS = 12, 48
FEW_LEVELS = 8
PRINTED_COLUMNS = 40
PRINTED_GIVEN = 8
MOVED_COLUMNS = 6
STILL = 0.05
"""A column that moves by less than this share of its standard deviation is said to rest."""
TRAVERSED = 10


def samples(findings: Findings) -> str:
    """What was given, what the model makes of it, and what it makes of nothing."""
    if findings.image_shape is not None:
        return section(
            "samples",
            "Data, reconstructions, draws",
            "A draw is what the model says data look like, noise and all; a mean is smoother than any datum.",
            image_cards(findings),
        )
    return section(
        "samples",
        "Data, reconstructions, draws",
        "Synthetic rows are draws from the model, noise and all.",
        table_cards(findings),
    )


def image_cards(findings: Findings) -> str:
    """Held-out images over their reconstructions, then draws over their means."""
    observed = as_images(findings.observed, findings)
    span = value_range(observed)
    wide = COLUMNS if observed.shape[1] and max(observed.shape[1:3]) <= 48 else COLUMNS - 2
    reconstructions = "".join(
        strip(name, note, as_images(rows, findings)[:wide], wide, span)
        for name, note, rows in (
            ("Data", "held-out rows", findings.observed),
            ("Reconstruction", f"mean of {findings.likelihood}", findings.reconstructed_mean),
            ("Reconstruction", f"one draw from {findings.likelihood}", findings.reconstructed_draw),
        )
        if len(rows)
    )
    # No row of draws is begun that they do not fill.
    drawn = min(len(findings.sampled) // wide, DRAWN_ROWS) * wide or len(findings.sampled)
    draws = "".join(
        strip(name, note, as_images(rows, findings)[:count], wide, span)
        for name, note, rows, count in (
            ("Draws", findings.ancestry, findings.sampled, drawn),
            ("Means", f"of {findings.likelihood} for the first row of draws", findings.sampled_mean, wide),
        )
        if len(rows)
    )
    caption = ""
    if findings.conditions:
        told = "; ".join(
            f"{name} = {', '.join(number(values[i % len(values)]) for i in range(drawn))}"
            for name, values in findings.conditions.items()
        )
        caption = f"Row by row the draws are given {told}, as held-out rows are."
    holes = "Missing pixels are left blank." if np.isnan(observed).any() else ""
    return card("Reconstructions of held-out data", reconstructions, holes) + card(
        "New data from the model", draws, caption
    )


def strip(name: str, note: str, images: Array, wide: int, span: tuple[float, float]) -> str:
    """A row of images with its name."""
    picture = tile(images, wide, span, alt=f"{name}: {note}")
    return (
        f'<div class="strip"><div><b>{escape(name)}</b><span>{escape(note)}</span></div>'
        f"<div>{image(picture)}</div></div>"
    )


def as_images(rows: Rows, findings: Findings) -> Array:
    """Rows as (m, H, W[, C])."""
    assert findings.image_shape is not None
    return np.asarray(rows, dtype=float).reshape(-1, *findings.image_shape)


def traversals(findings: Findings) -> str:
    """What changes while one latent moves through the prior and the others rest."""
    means = f"Means of {findings.likelihood} while one latent moves from"
    lead = f"{means} -3 to 3 and the others rest at 0, most active first."
    ends = ("-3", "0", "3")
    if not findings.standard_prior:
        lead = (
            f"{means} three standard deviations of the prior below its mean to three above, and the others rest at "
            "theirs, most active first."
        )
        ends = ("-3 sd", "mean", "3 sd")
    if findings.conditions:
        first = ", ".join(f"{name} = {number(values[0])}" for name, values in findings.conditions.items())
        lead += f" All are given {first}, as a held-out row is."
    shown = list(findings.traversals)[:TRAVERSED]
    if not shown:
        return ""
    cards = []
    if findings.image_shape is not None:
        span = value_range(as_images(findings.observed, findings))
        for k, path in shown:
            images = as_images(path, findings)
            picture = tile(
                images,
                len(images),
                span,
                alt=f"Decoder means while {findings.latent(k)} moves from {ends[0]} to {ends[-1]}",
            )
            axis = '<div class="axis">' + "".join(f"<span>{end}</span>" for end in ends) + "</div>"
            cards.append(card(latent_name(findings, k), image(picture) + axis))
    else:
        names = list(columns_of(findings.observed))
        for k, path in shown:
            cards.append(card(latent_name(findings, k), moved_columns(findings, columns_of(path, names))))
    return section("traversals", "Traversals", lead, grid(cards))


def latent_name(findings: Findings, k: int) -> str:
    """The latent and what it carries."""
    return f"{findings.latent(k)} · {decimal(findings.kl_per_latent[k])} nats"


def moved_columns(findings: Findings, path: dict[str, Array]) -> str:
    """The columns a latent moves most, shaded by where the data's own range has the value."""
    observed = columns_of(findings.observed)
    moves = {name: movement(observed.get(name), values) for name, values in path.items()}
    chosen = sorted((n for n in moves if moves[n] > STILL), key=lambda n: -moves[n])[:MOVED_COLUMNS]
    if not chosen:
        return '<p class="caption">Moves no column.</p>'
    steps = len(next(iter(path.values())))
    at = np.unique(np.linspace(0, steps - 1, min(steps, 5)).round().astype(int))
    head = "".join(f"<th>{_trim(-3 + 6 * i / max(steps - 1, 1))}</th>" for i in at)
    body = ""
    for name in chosen:
        cells = "".join(
            f'<td style="background:color-mix(in srgb,var(--accent) {share:.0f}%,var(--surface))">'
            f"{escape(short(number(_rounded(path[name][i], 3), 3), 14))}</td>"
            for i, share in zip(at, shading(observed.get(name), path[name][at]))
        )
        body += f'<tr><th scope="row" title="{escape(name)}">{escape(short(name, 15))}</th>{cells}</tr>'
    return (
        f'<div class="scroll"><table class="shaded"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def movement(observed: Array | None, values: Array) -> float:
    """How far a column moves, in standard deviations of the data; changes of a category count as one each."""
    if observed is not None and values.dtype.kind in "iufb" and observed.dtype.kind in "iufb":
        known = observed.astype(float)
        known = known[np.isfinite(known)]
        spread = (float(known.std()) if len(known) else 0.0) or 1.0
        path = values.astype(float)
        path = path[np.isfinite(path)]
        return float(np.ptp(path)) / spread if len(path) else 0.0
    return float(len(set(map(str, values.tolist()))) - 1)


def shading(observed: Array | None, values: Array) -> list[float]:
    """Percent of accent behind each value: none at the data's low end, much at its high end."""
    if observed is None or values.dtype.kind not in "iufb" or observed.dtype.kind not in "iufb":
        return [6.0] * len(values)
    known = observed.astype(float)
    known = known[np.isfinite(known)]
    if not len(known):
        return [6.0] * len(values)
    low, high = np.quantile(known, [0.02, 0.98])
    share = (values.astype(float) - low) / ((high - low) or 1.0)
    return [4.0 + 36.0 * float(s) for s in np.clip(np.nan_to_num(share), 0, 1)]


def table_cards(findings: Findings) -> str:
    """Marginals of the columns, the least alike first, and a few rows printed."""
    found = marginals(findings)
    key = legend([("data", figures.PALE), ("draws from the model", figures.ACCENT)])
    chance = max((m.chance for m in found), default=0.0)
    caption = (
        f"The least alike first, {min(len(found), SHOWN_MARGINALS)} of {len(found):,} columns. Distances are "
        "Kolmogorov-Smirnov for numbers and total variation for categories, from 0 (alike) to 1 (apart); "
        f"up to {chance:.2f} is what chance gives."
    )
    body = card("Columns of the data and of the draws", key, caption) if found else ""
    body += grid([marginal_card(m) for m in found[:SHOWN_MARGINALS]], kind="small")
    rest = found[SHOWN_MARGINALS:MOST_MARGINALS]
    if rest:
        body += details(
            f"{len(rest)} more column{'s' * (len(rest) != 1)}",
            grid([marginal_card(m) for m in rest], kind="small"),
        )
    if len(found) > MOST_MARGINALS:
        listed = [(m.name, f"{m.distance:.3f}") for m in found]
        body += details(f"Distances of all {len(found):,} columns", table(["Column", "Distance"], listed))
    return body + printed_rows(findings)


def marginal_card(m: Marginal) -> str:
    """One column: a histogram for numbers, bars for few levels."""
    missing = f", {m.missing:.0%} missing" if m.missing > 0 else ""
    caption = f"distance {m.distance:.2f}{missing}"
    if not len(m.observed) or not len(m.sampled):
        return card(short(m.name), "", f"nothing to compare{missing}")
    if m.numeric and len(np.unique(np.concatenate([m.observed, m.sampled]))) > FEW_LEVELS + 4:
        picture = figures.marginal_histogram(m.observed, m.sampled, alt=f"{short(m.name)}: data and draws")
        return card(short(m.name), image(picture), caption)
    return card(short(m.name), level_bars(m), caption)


def level_bars(m: Marginal) -> str:
    """Shares of the most frequent levels, data over draws."""
    text = [[number(v) for v in x.tolist()] for x in (m.observed, m.sampled)]
    real, drawn = (shares_of(np.asarray(t, dtype=object)) for t in text)
    frequent = sorted(real, key=lambda level: -real[level])[:FEW_LEVELS]
    if m.numeric:
        frequent.sort(key=lambda level: float(level.replace(",", "")))
    shares = [(level, real[level], drawn.get(level, 0.0)) for level in frequent]
    others = (1 - sum(s[1] for s in shares), 1 - sum(s[2] for s in shares))
    if max(others) > 0.005:
        shares.append(("other", *others))
    top = max(max(s[1:]) for s in shares)
    return (
        '<div class="bars">'
        + "".join(
            f'<span title="{escape(level)}: {a:.1%} of data, {b:.1%} of draws">'
            f"{escape(short(level, 24))}</span>"
            f'<div><i style="width:{100 * a / top:.1f}%"></i><i style="width:{100 * b / top:.1f}%"></i></div>'
            for level, a, b in shares
        )
        + "</div>"
    )


def printed_rows(findings: Findings) -> str:
    """A few rows in print: real, reconstructed, synthetic."""
    parts = [
        ("data", findings.observed),
        ("mean", findings.reconstructed_mean),
        ("draw", findings.reconstructed_draw),
    ]
    real = [(name, columns_of(rows)) for name, rows in parts]
    names = list(real[0][1])[:PRINTED_COLUMNS]
    given = [*findings.conditions][:PRINTED_GIVEN]

    def told(i: int) -> list[object]:
        return [_rounded(values[i % len(values)]) for values in (findings.conditions[name] for name in given)]

    lines = []
    for i in range(PRINTED_ROWS):
        for name, columns in real:
            if columns and all(len(values) > i for values in columns.values()):
                label = f"{name} {i + 1}" if name == "data" else name
                lines.append((label, *told(i), *line(columns, names, i)))
    head = ["", *(f"given {short(name, 24)}" for name in given), *(short(name, 24) for name in names)]
    cut = f" The first {PRINTED_COLUMNS} columns." if len(real[0][1]) > PRINTED_COLUMNS else ""
    body = card(
        "Rows and their reconstructions",
        table(
            head,
            lines,
            kind="even triples" if all(len(columns) for _, columns in real) else "even",
        ),
        f"Held-out rows; under each the mean of {findings.likelihood}, then one draw from it.{cut}",
    )
    drawn = [
        (label, *told(i), *line(columns, names, i))
        for label, columns in (
            ("draw", columns_of(findings.sampled)),
            ("mean", columns_of(findings.sampled_mean)),
        )
        for i in range(PRINTED_ROWS)
        if columns and all(len(values) > i for values in columns.values())
    ]
    return body + card(
        "Synthetic rows",
        table(head, drawn, kind="even"),
        f"Draws {findings.ancestry}; then, labelled as means, the means of {findings.likelihood} for the same draws."
        f"{cut}",
    )


def line(columns: dict[str, Array], names: list[str], row: int) -> list[object]:
    """The cells of one row in print."""
    return [_rounded(columns[name][row]) if name in columns else None for name in names]


def _rounded(value: object, digits: int = 4) -> object:
    plain = value.item() if isinstance(value, np.generic) else value
    return float(f"{plain:.{digits}g}") if isinstance(plain, float) and np.isfinite(plain) else plain


def _trim(value: float) -> str:
    return f"{value:+.2g}" if value else "0"
