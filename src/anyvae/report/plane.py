"""The latent plane: where held-out rows lie, coloured by label where there is one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from anyvae.report import figures
from anyvae.report.findings import Array, Findings
from anyvae.report.markup import card, image, legend
from anyvae.report.summaries import active_latents, by_activity, has_shares

MOST_ROWS = 10_000
MOST_GROUPS = len(figures.PALETTE)
USES = {
    "unfitted": "was never fitted",
    "fitted": "the model was fitted to in other rows, and was not told of these",
    "given": "the model is given with every row, so that latents need not hold it",
}
"""What a model had of the labels that colour the plane."""


class Groups(NamedTuple):
    """Rows by label: names, colours, and the rows of each."""

    names: list[str]
    colours: list[str]
    rows: list[Array]


def latent_plane(findings: Findings, left_out: int = 0) -> str:
    """A card with the two most active latents, or the plane of most variance when there are more.

    Arguments:
        findings: with finite posteriors.
        left_out: rows that had none.
    """
    keep = np.sort(np.random.default_rng(0).permutation(len(findings.latent_mean))[:MOST_ROWS])
    mean = np.asarray(findings.latent_mean, dtype=float)[keep]
    labels = None if findings.labels is None else np.asarray(findings.labels)[keep]
    points, names, caption = project(findings, mean)
    if len(keep) < len(findings.latent_mean):
        caption += f" {len(keep):,} of {len(findings.latent_mean):,} rows."
    if left_out:
        caption += f" {left_out:,} rows whose posterior is not finite are left out."
    values = continuous(labels)
    alt = "Posterior means of held-out rows" + (", coloured by label" if labels is not None else "")
    if points.shape[1] == 1:
        groups = group_rows(labels, len(points))
        picture = figures.line_of_latents(
            [(points[r, 0], c) for r, c in zip(groups.rows, groups.colours)], alt=alt
        )
        body = colour_names(groups) + image(picture)
    elif values is not None:
        body = image(
            figures.coloured_plane(points, values, names=names, alt=alt, rings=findings.standard_prior)
        )
    else:
        groups = group_rows(labels, len(points))
        picture = figures.plane(
            points,
            list(zip(groups.rows, groups.colours)),
            names=names,
            alt=alt,
            rings=findings.standard_prior,
        )
        body = colour_names(groups) + image(picture)
    if labels is not None:
        caption += f" Colour is the label, which {USES[findings.label_use]}."
    return card("Latent plane", body, caption)


def project(findings: Findings, mean: Array) -> tuple[Array, tuple[str, str], str]:
    """Points to draw, names of the axes, and a sentence that says what they are.

    The plane is turned, not shifted, so a prior N(0, I) stays one in it and its rings stay where they are.
    """
    active = np.flatnonzero(active_latents(findings))
    rings = ""
    if findings.standard_prior:
        rings = " Rings lie 1 and 2 standard deviations of the prior from its centre."
    if mean.shape[1] == 1:
        return mean, (findings.latent(0), ""), "Posterior means of held-out rows; there is one latent."
    if len(active) <= 2:
        if has_shares(findings):
            first, second = by_activity(findings)[:2]
            which = "the two latents of largest KL"
        else:
            first, second = (int(k) for k in np.argsort(-mean.var(axis=0), kind="stable")[:2])
            which = "the two latents that vary most"
        caption = f"Posterior means of held-out rows in {which}.{rings}"
        return mean[:, [first, second]], (findings.latent(first), findings.latent(second)), caption
    used = mean[:, active]
    _, spread, axes = np.linalg.svd(used - used.mean(axis=0), full_matrices=False)
    for axis in axes[:2]:
        axis *= np.sign(axis[np.argmax(np.abs(axis))])  # a sign that does not depend on the algebra's library
    share = float((spread[:2] ** 2).sum() / max((spread**2).sum(), 1e-300))
    caption = (
        "Posterior means of held-out rows in the plane of most variance through "
        f"{len(active)} active latents; it holds {share:.0%} of it.{rings}"
    )
    return used @ axes[:2].T, ("first principal direction", "second principal direction"), caption


def continuous(labels: Array | None) -> Array | None:
    """Labels as numbers on a scale, when there are too many of them to name."""
    if labels is None or labels.dtype.kind not in "iuf":
        return None
    values = labels.astype(float)
    known = np.unique(values[np.isfinite(values)])
    whole = np.array_equal(known, np.round(known))
    return values if len(known) > (2 * MOST_GROUPS if whole else MOST_GROUPS) else None


def group_rows(labels: Array | None, rows: int) -> Groups:
    """Rows of each label; beyond the palette the rarest share one pale colour."""
    if labels is None:
        return Groups([], [figures.ACCENT], [np.arange(rows)])
    cells = labels.tolist()
    missing = np.array([v is None or v == "" or v != v for v in cells], dtype=bool)
    text = np.array([_plain(v) for v in cells], dtype=object)
    levels, counts = np.unique(text[~missing].astype(str), return_counts=True)
    common = levels[np.argsort(-counts, kind="stable")][
        : MOST_GROUPS if len(levels) <= MOST_GROUPS else MOST_GROUPS - 1
    ]
    names = sorted(common.tolist(), key=_natural)
    groups = [np.flatnonzero(~missing & (text == name)) for name in names]
    colours = list(figures.PALETTE[: len(names)])
    rest = np.flatnonzero(~missing & ~np.isin(text.astype(str), common))
    if len(rest):
        names.append(f"{len(levels) - len(common)} others")
        groups.append(rest)
        colours.append(figures.OTHER)
    if missing.any():
        names.append("no label")
        groups.append(np.flatnonzero(missing))
        colours.append(figures.PALE)
    return Groups(names, colours, groups)


def colour_names(groups: Groups) -> str:
    """The names beside their colours, where there are labels."""
    return legend(zip(groups.names, groups.colours)) if groups.names else ""


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _natural(name: str) -> tuple[int, float, str]:
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name
