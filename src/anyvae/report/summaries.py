"""Numbers the page and the diagnosis derive from the findings: activity, moments, distances."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from anyvae.report.findings import Array, Findings, Rows

ACTIVE_VARIANCE = 0.01
"""A latent is active when its posterior mean varies more than this over rows.

References: Importance Weighted Autoencoders (Burda et al., 2016), https://arxiv.org/abs/1509.00519
"""


class Moments(NamedTuple):
    r"""First and second moments of the aggregate posterior :math:`q(z) = \frac{1}{n} \sum_i q(z | x_i)`."""

    mean: Array  # (K,)
    scale: Array  # (K,)
    correlation: Array  # (K, K)


class Marginal(NamedTuple):
    """How one column of the draws differs from the data."""

    name: str
    distance: float  # Kolmogorov-Smirnov for numbers, total variation for categories; in [0, 1]
    chance: float  # what two samples of these sizes from one distribution exceed one time in twenty
    numeric: bool
    observed: Array  # (m,) without missing cells
    sampled: Array
    missing: float  # share of the data's cells that are missing


def finite_rows(findings: Findings) -> tuple[Findings, int]:
    """The findings without held-out rows whose posterior is not finite, and how many those were."""
    kept = np.isfinite(findings.latent_mean).all(axis=1) & np.isfinite(findings.latent_scale).all(axis=1)
    if kept.all():
        return findings, 0
    labels = None if findings.labels is None else np.asarray(findings.labels)[kept]
    mean, scale = findings.latent_mean[kept], findings.latent_scale[kept]
    return replace(findings, latent_mean=mean, latent_scale=scale, labels=labels), int((~kept).sum())


def active_latents(findings: Findings) -> Array:
    """Which latents are active, (K,) bool; by their KL where a single row leaves no variance to take."""
    if len(findings.latent_mean) < 2:
        return np.asarray(findings.kl_per_latent) > ACTIVE_VARIANCE
    return np.asarray(np.var(findings.latent_mean, axis=0, dtype=float) > ACTIVE_VARIANCE)


def active_count(findings: Findings) -> int:
    """The number of active latents as it was measured, else as the pictured rows give it."""
    measured = findings.metric("active_units")
    return int(measured) if np.isfinite(measured) else int(active_latents(findings).sum())


def has_shares(findings: Findings) -> bool:
    """Whether single latents have a KL of their own, as those of normal posteriors have."""
    return bool(np.isfinite(findings.kl_per_latent).any())


def is_certain(findings: Findings) -> bool:
    """Whether every posterior is a single point, as a code is."""
    return bool(findings.latent_scale.size) and not findings.latent_scale.any()


def by_variable(findings: Findings) -> dict[str, tuple[int, int]]:
    """How many features of each latent variable are active, and how many there are."""
    active = active_latents(findings)
    found: dict[str, tuple[int, int]] = {}
    for k in range(len(active)):
        name, bracket, _ = findings.latent(k).partition("[")
        name = name if bracket else "z"  # z0, z1, ... are of one variable
        used, there = found.get(name, (0, 0))
        found[name] = (used + bool(active[k]), there + 1)
    return found


def by_activity(findings: Findings) -> list[int]:
    """Indices of the latents, the one that carries most nats first."""
    kl = np.nan_to_num(np.asarray(findings.kl_per_latent, dtype=float), nan=-np.inf)
    return [int(k) for k in np.argsort(-kl, kind="stable")]


def size_in_nats(findings: Findings) -> float:
    """What a difference of bounds is judged against: the bound, the KL or one nat, whichever is largest.

    A density in the units of the input may be near 0 nats by an accident of units; the KL has no units.
    """
    bound = findings.metric("elbo")
    return max(abs(bound) if math.isfinite(bound) else 0.0, total_kl(findings), 1.0)


def total_kl(findings: Findings) -> float:
    """Nats that all latents carry together; the sum of what they carry alone where nothing else was measured."""
    measured = findings.metric("kl")
    if math.isfinite(measured):
        return measured
    return float(np.nansum(findings.kl_per_latent))


def noise_ratio(findings: Findings) -> float:
    """What reconstructions leave over as a share of the spread of the rows, NaN where it is unknown."""
    noise, data = findings.noise.get("noise_scale"), findings.noise.get("data_scale")
    return noise / data if noise is not None and data is not None and data > 0 else math.nan


def late_gain(findings: Findings) -> float:
    """How far the best validation bound of the last tenth of the run is above the best before, nats a row; signed."""
    steps, bound = findings.measured("validation_elbo")
    if len(bound) < 4:
        return math.nan
    late = steps > steps[0] + 0.9 * (steps[-1] - steps[0])
    if not late.any() or late.all():
        return math.nan
    return float(bound[late].max() - bound[~late].max())


def aggregate_moments(mean: Array, scale: Array) -> Moments:
    r"""Exact moments of a mixture of n diagonal normals.

    .. math:: \mathrm{Cov}[z] = \mathrm{Cov}_i[\mu_i] + \mathrm{diag}\,\mathrm{E}_i[\sigma_i^2]

    Arguments:
        mean: :math:`(n, K)`.
        scale: :math:`(n, K)`.

    >>> moments = aggregate_moments(np.array([[-1.0], [1.0]]), np.array([[2.0], [2.0]]))
    >>> float(moments.mean[0]), round(float(moments.scale[0] ** 2), 9)
    (0.0, 5.0)
    """
    mean, scale = np.asarray(mean, dtype=float), np.asarray(scale, dtype=float)
    centred = mean - mean.mean(axis=0)
    covariance = centred.T @ centred / len(mean) + np.diag((scale**2).mean(axis=0))
    deviation = np.sqrt(np.diag(covariance))
    safe = np.where(deviation > 0, deviation, 1.0)
    return Moments(mean.mean(axis=0), deviation, covariance / np.outer(safe, safe))


def aggregate_histogram(mean: Array, scale: Array, edges: Array) -> Array:
    r"""Exact density of the mixture in each bin, per latent: no draws, so no noise of drawing.

    Arguments:
        mean: :math:`(n,)` posterior means of one latent.
        scale: :math:`(n,)` posterior standard deviations.
        edges: :math:`(b + 1,)` increasing.

    >>> edges = np.linspace(-6.0, 6.0, 13)
    >>> density = aggregate_histogram(np.zeros(3), np.ones(3), edges)
    >>> bool(abs(density.sum() - 1.0) < 1e-6)
    True
    """
    from scipy.special import ndtr

    below = ndtr((edges[:, None] - mean) / np.maximum(scale, 1e-12)).mean(axis=1)
    return np.asarray(np.diff(below) / np.diff(edges))


def columns_of(rows: Rows, names: list[str] | None = None) -> dict[str, Array]:
    """Rows as named columns; the elements of vectors are called x0, x1, ... unless names are given."""
    if isinstance(rows, Mapping):
        return {str(name): np.asarray(values) for name, values in rows.items()}
    rows = np.asarray(rows)
    flat = rows.reshape(
        len(rows), math.prod(rows.shape[1:])
    )  # -1 stands for no number where there are no rows
    if names is None or len(names) != flat.shape[1]:
        names = [f"x{i}" for i in range(flat.shape[1])]
    return {name: flat[:, i] for i, name in enumerate(names)}


def known_cells(values: Array) -> tuple[Array, bool]:
    """The cells that are present, as floats where all of them are numbers, and whether they are."""
    if values.dtype.kind in "iuf":
        values = values.astype(float)
        return values[np.isfinite(values)], True
    present = [v for v in values.tolist() if v is not None and v != "" and v == v]
    if present and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in present):
        return np.asarray(present, dtype=float), True
    return np.asarray([str(v) for v in present], dtype=object), False


def marginals(findings: Findings) -> list[Marginal]:
    """Every column of the draws against the data, the largest distance first; of the rows fitted where there are."""
    observed, sampled = columns_of(findings.observed), columns_of(findings.sampled)
    if findings.table is not None and findings.table.real:
        observed, sampled = dict(findings.table.real), dict(findings.table.synthetic)
    found = [
        marginal(name, values, sampled[name])
        for name, values in observed.items()
        if name in sampled and len(values) and len(sampled[name])
    ]
    return sorted(found, key=lambda m: -m.distance)


def marginal(name: str, observed: Array, sampled: Array) -> Marginal:
    """One column of the draws against the same column of the data."""
    real, real_is_numeric = known_cells(observed)
    drawn, drawn_is_numeric = known_cells(sampled)
    numeric = real_is_numeric and drawn_is_numeric
    missing = 1.0 - len(real) / max(len(observed), 1)
    if not len(real) or not len(drawn):
        return Marginal(name, 0.0, 1.0, numeric, real, drawn, missing)
    if numeric:
        points = np.unique(np.concatenate([real, drawn]))
        steps = [np.searchsorted(np.sort(x), points, side="right") / len(x) for x in (real, drawn)]
        distance = float(np.abs(steps[0] - steps[1]).max())
    else:
        real, drawn = (np.asarray([str(v) for v in x], dtype=object) for x in (real, drawn))
        shares = [shares_of(x) for x in (real, drawn)]
        levels = set(shares[0]) | set(shares[1])
        distance = 0.5 * sum(abs(shares[0].get(v, 0.0) - shares[1].get(v, 0.0)) for v in levels)
    # The two-sample Kolmogorov-Smirnov bound at 5 %; it holds for total variation of few categories too.
    chance = 1.36 * float(np.sqrt(1 / len(real) + 1 / len(drawn)))
    return Marginal(name, distance, chance, numeric, real, drawn, missing)


def shares_of(values: Array) -> dict[str, float]:
    """The share of each distinct value."""
    levels, counts = np.unique(np.asarray([str(v) for v in values]), return_counts=True)
    return {str(level): float(count) / len(values) for level, count in zip(levels, counts, strict=True)}


def standard_error(*errors: float) -> float:
    """Standard error of a difference; parts that were not measured count as 0."""
    return math.sqrt(sum(error**2 for error in errors if math.isfinite(error)))
