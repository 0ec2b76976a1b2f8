"""Classes and clusters that the model has of its own, and layers of latents."""

from __future__ import annotations

import numpy as np

from anyvae.report.findings import Array, Findings, Rows
from anyvae.report.markup import card, image, section, table
from anyvae.report.pictures import tile, value_range
from anyvae.report.rows import COLUMNS, as_images, line, strip
from anyvae.report.summaries import columns_of
from anyvae.report.words import decimal, number, short

SHOWN_GROUPS = 20
SHOWN_COLUMNS = 8
DRAWN = 5
PRINTED = 2


def groups(findings: Findings) -> str:
    """Every class or cluster: how many rows it has, those that are most its own, and draws of it."""
    found = findings.groups
    if found is None or not found.names:
        return ""
    order = np.argsort(-np.asarray(found.shares), kind="stable")[:SHOWN_GROUPS]
    what = "class" if found.labels else "cluster"
    plural = "Classes" if found.labels else "Clusters"
    used = int((np.asarray(found.shares) > 0).sum())
    lead = f"{used} of {len(found.names)} have held-out rows, each counted where its probability is highest."
    if found.labels and np.isfinite(found.accuracy):
        lead += f" Of held-out rows with a label {100 * found.accuracy:.1f} % are put in their class."
    if findings.image_shape is not None:
        span = value_range(as_images(findings.observed, findings))
        body = "".join(
            strip(
                found.names[k],
                f"{100 * found.shares[k]:.1f} % of rows",
                _side_by_side(findings, found.exemplars[k], found.draws[k]),
                2 * DRAWN + 1,
                span,
            )
            for k in order
        )
        caption = f"Left, held-out rows that are surest of their {what}; right, draws of it."
        cards = card(f"{plural}, the most frequent first", body, caption)
        if found.analogies is not None and len(found.names) <= SHOWN_GROUPS:
            sheet = tile(
                as_images(found.analogies, findings),
                1 + len(found.names),
                span,
                alt="Held-out rows, and every class in their style",
            )
            cards += card(
                "Every class in the style of a row",
                image(sheet),
                "First a held-out row; then, with the style that the model reads in it, the mean of "
                f"p(x | style, class) for {', '.join(found.names)}.",
            )
        return section("groups", plural, lead, cards)
    every = list(columns_of(findings.observed))
    names = every[:SHOWN_COLUMNS]
    rows = []
    for k in order:
        drawn = columns_of(found.draws[k], every)
        typical = (_typical(drawn.get(name)) for name in names)
        rows.append((found.names[k], f"{100 * found.shares[k]:.1f} %", *typical))
    cards = card(
        f"Draws of each {what}",
        table([what.capitalize(), "Held-out rows", *names], rows),
        f"Means, or the most frequent value, of draws of each {what}.",
    )
    own = [columns_of(found.exemplars[k], every) for k in order]
    surest = [
        (found.names[k], *line(columns, names, row))
        for k, columns in zip(order, own, strict=True)
        for row in range(min(PRINTED, *(len(values) for values in columns.values())))
    ]
    cards += card(
        f"Rows of each {what}",
        table([what.capitalize(), *names], surest),
        f"Held-out rows that are surest of their {what}, as they stand in the data.",
    )
    return section("groups", plural, lead, cards)


def layers(findings: Findings) -> str:
    """What each layer of a hierarchy adds: draws that share all layers above it."""
    if len(findings.layers) < 2:
        return ""
    rows = [
        (layer.name, number(layer.size), number(layer.active), decimal(layer.kl)) for layer in findings.layers
    ]
    body = card(
        "Layers of latents, from the top",
        table(["Latents", "How many", "Active", "KL, nats"], rows, kind="even"),
        "The KL of a layer is what held-out rows write into it beyond what the layers above have told; a latent is "
        "active here whose own KL is above .01 nats.",
    )
    if findings.image_shape is not None:
        span = value_range(as_images(findings.observed, findings))
        strips = "".join(
            strip(
                f"from {layer.name}",
                "all layers" if place == 0 else "those above held",
                as_images(layer.draws, findings)[:COLUMNS],
                COLUMNS,
                span,
            )
            for place, layer in enumerate(findings.layers)
            if layer.draws is not None
        )
        body += card(
            "What a layer changes",
            strips,
            "Means of p(x | z). In each row the layers above the named one are the same draw, that one and those below "
            "are drawn anew.",
        )
    lead = "The model has several layers of latents: upper ones are drawn first, and lower ones given them."
    return section("layers", "Layers", lead, body)


def _side_by_side(findings: Findings, exemplars: Rows, draws: Rows) -> Array:
    """Exemplars, an empty picture, and draws."""
    left, right = as_images(exemplars, findings)[:DRAWN], as_images(draws, findings)[:DRAWN]
    assert findings.image_shape is not None
    empty = np.full((DRAWN + 1 - len(left), *findings.image_shape), np.nan)
    return np.concatenate([left, empty, right])


def _typical(values: Array | None) -> str:
    if values is None or not len(values):
        return "–"
    if np.asarray(values).dtype.kind in "iuf":
        known = np.asarray(values, dtype=float)
        known = known[np.isfinite(known)]
        return number(float(f"{known.mean():.3g}"), 3) if known.size else "–"
    names, counts = np.unique(np.asarray(values).astype(str), return_counts=True)
    return short(str(names[counts.argmax()]), 20)
