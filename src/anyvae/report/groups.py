"""Classes, clusters and experts that the model has of its own, values that rows are given, and layers of latents."""

from __future__ import annotations

import numpy as np

from anyvae.report.findings import Array, Findings, GroupFindings, Rows
from anyvae.report.markup import card, image, section, table
from anyvae.report.pictures import tile, value_range
from anyvae.report.rows import COLUMNS, as_images, line, strip
from anyvae.report.summaries import columns_of
from anyvae.report.words import decimal, number, short

SHOWN_GROUPS = 20
SHOWN_COLUMNS = 8
DRAWN = 5
PRINTED = 2


TITLES = {"class": "Classes", "cluster": "Clusters", "expert": "Experts", "value": "What rows are given"}


def groups(findings: Findings) -> str:
    """Every class, cluster, expert and given value: how many rows it has, which are its own, and draws of it."""
    there = [found for found in findings.groups if found.names]
    return "".join(
        section(
            "groups" if place == 0 else f"groups-{place + 1}",
            TITLES[found.kind],
            _lead(findings, found),
            (_pictures if findings.image_shape is not None else _columns)(findings, found),
        )
        for place, found in enumerate(there)
    )


def _lead(findings: Findings, found: GroupFindings) -> str:
    if found.kind == "value":
        lead = f"Rows are given {', '.join(findings.conditions)} and never scored on it: values in held-out rows."
        if len(findings.conditions) > 1:
            lead += " Of other columns, draws are given what held-out rows of the value are."
        return lead
    used = int((np.asarray(found.shares) > 0).sum())
    lead = f"{used} of {len(found.names)} have held-out rows, each counted where its probability is highest."
    if found.kind == "class" and np.isfinite(found.accuracy):
        lead += f" Of held-out rows with a label {100 * found.accuracy:.1f} % are put in their class."
    return lead


def _own(found: GroupFindings) -> tuple[str, str]:
    """Which held-out rows stand for a group, and which draws."""
    if found.kind == "value":
        return "that have the value", "given it"
    return f"that are surest of their {found.kind}", "of it"


def _order(found: GroupFindings) -> list[int]:
    """The groups that are shown, the most frequent first."""
    return [int(k) for k in np.argsort(-np.asarray(found.shares), kind="stable")[:SHOWN_GROUPS]]


def _pictures(findings: Findings, found: GroupFindings) -> str:
    """Rows and draws of every group side by side, and every class in the style of some rows."""
    span = value_range(as_images(findings.observed, findings))
    body = "".join(
        strip(
            found.names[k],
            f"{100 * found.shares[k]:.1f} % of rows",
            _side_by_side(findings, found.exemplars[k], found.draws[k]),
            2 * DRAWN + 1,
            span,
        )
        for k in _order(found)
    )
    rows, draws = _own(found)
    plural = {"class": "Classes", "value": "Values"}.get(found.kind, f"{found.kind.capitalize()}s")
    cards = card(
        f"{plural}, the most frequent first",
        body,
        f"Left, held-out rows {rows}; right, draws {draws}.",
    )
    if findings.image_shape is not None and found.analogies is not None and len(found.names) <= SHOWN_GROUPS:
        of_a_row = 1 + len(found.names)
        images = as_images(found.analogies, findings).reshape(-1, of_a_row, *findings.image_shape)
        # Few classes are no reason for large pictures.
        empty = ((0, 0), (0, max(0, COLUMNS - of_a_row)), *((0, 0) for _ in findings.image_shape))
        padded = np.pad(images, empty, constant_values=np.nan)
        sheet = tile(
            padded.reshape(-1, *findings.image_shape),
            padded.shape[1],
            span,
            alt="Held-out rows, and every class in their style",
        )
        cards += card(
            "Every class in the style of a row",
            image(sheet),
            "First a held-out row; then, with the style that the model reads in it, the mean of "
            f"p(x | style, class) for {', '.join(found.names)}.",
        )
    return cards


def _columns(findings: Findings, found: GroupFindings) -> str:
    """What is typical of the draws of every group, and rows that are its own."""
    every, order = list(columns_of(findings.observed)), _order(found)
    names = every[:SHOWN_COLUMNS]
    rows = []
    for k in order:
        drawn = columns_of(found.draws[k], every)
        typical = (_typical(drawn.get(name)) for name in names)
        rows.append((found.names[k], f"{100 * found.shares[k]:.1f} %", *typical))
    which, draws = _own(found)
    cards = card(
        f"Draws of each {found.kind}" if found.kind != "value" else "Draws given each value",
        table([found.kind.capitalize(), "Held-out rows", *names], rows),
        f"Means, or the most frequent value, of draws {draws}.",
    )
    own = [columns_of(found.exemplars[k], every) for k in order]
    surest = [
        (found.names[k], *line(columns, names, row))
        for k, columns in zip(order, own, strict=True)
        for row in range(min(PRINTED, *(len(values) for values in columns.values())))
    ]
    return cards + card(
        f"Rows of each {found.kind}",
        table([found.kind.capitalize(), *names], surest),
        f"Held-out rows {which}, as they stand in the data.",
    )


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
            f"Means of {findings.likelihood}. In each row the layers above the named one are the same draw, that one "
            "and those below are drawn anew.",
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
