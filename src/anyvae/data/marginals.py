"""Which shape the values of one column have by themselves, and so which likelihood suits them.

Every candidate density is fitted to the column alone by maximum likelihood, and the plainest one is kept unless a
richer one gains more than it costs: so many nats a row, and so many in all, which few rows cannot gain by chance.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np

__all__ = ["Form", "Shape", "looked_at", "real_shape", "summarise", "trimmed_moments", "whole_shape"]

Array = np.ndarray[Any, np.dtype[Any]]
Form = Literal["plain", "heavy", "mixture"]

_MOST_ROWS = 100_000  # looked at
_POINTS, _EXTREMES = 2000, 50
_FLOOR = 0.0025  # of the spread: the least scale that a family of the model has
_MODE = 0.1  # of the spread: the least width of a mode of a density
_COSTS = {  # nats a row, and in all
    "log": (0.05, 3.0),
    "heavy": (0.03, 3.0),
    "counts": (0.1, 3.0),
    "mixture": (0.15, 10.0),
    "mixture over counts": (0.05, 10.0),
}
_FREEDOM = (1.5, 2.5, 4.0, 8.0)
_STEPS = 30
_HALF_LOG_2PI_E = 0.5 * math.log(2.0 * math.pi * math.e)
_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


class Points(NamedTuple):
    """Distinct values, sorted, and the share of the rows that each stands for; and how many rows there are."""

    values: Array
    shares: Array
    rows: int


class Shape(NamedTuple):
    """What suits a column: the form, whether of its logarithm or as counts, and its location and scale."""

    form: Form
    log: bool = False
    counts: bool = False
    mean: float | None = None
    scale: float | None = None


def summarise(values: Array, most: int = _POINTS) -> Points:
    """A few values that stand for all: quantiles, and the 50 most extreme on either side.

    Arguments:
        values: observed, one or more, float64, (n,).
        most: quantiles.

    Example:
        >>> summarise(np.array([3.0, 1.0, 3.0, 3.0]))
        Points(values=array([1., 3.]), shares=array([0.25, 0.75]), rows=4)
    """
    n = len(values)
    values = np.sort(looked_at(values))
    seen = len(values)
    if seen > most + 2 * _EXTREMES:
        inner = seen - 2 * _EXTREMES
        middle = _EXTREMES + ((np.arange(most) + 0.5) * inner / most).astype(np.int64)
        places = np.concatenate([np.arange(_EXTREMES), middle, np.arange(seen - _EXTREMES, seen)])
        shares = np.full(len(places), inner / most)
        shares[:_EXTREMES] = shares[-_EXTREMES:] = 1.0
        values, shares = values[places], shares / seen
    else:
        shares = np.full(seen, 1.0 / seen)
    distinct, first = np.unique(values, return_index=True)
    return Points(distinct, np.add.reduceat(shares, first), n)


def looked_at(values: Array) -> Array:
    """At most 100,000 of the values, evenly spaced among the rows.

    Arguments:
        values: shape (n,).

    Example:
        >>> len(looked_at(np.arange(250_000))), len(looked_at(np.arange(5)))
        (100000, 5)
    """
    n = len(values)
    return values[np.linspace(0, n - 1, _MOST_ROWS).astype(np.int64)] if n > _MOST_ROWS else values


def real_shape(points: Points, *, log: bool | None = None, plain: bool = False) -> Shape:
    """Normal, Student's t or a mixture of normals; of the value or, where all are positive, of its logarithm.

    The logarithm has to gain 0.05 nats a row and 3 in all over the value, Student's t 0.03 and 3 over the normal, a
    mixture of three normals 0.15 and 10 over both.

    Arguments:
        points: of the column, at least two.
        log: whether the logarithm is taken; None to choose.
        plain: whether one normal has to do.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=500)
        >>> [real_shape(summarise(x))[:2] for x in (noise, np.exp(noise), noise / noise[::-1])]
        [('plain', False), ('plain', True), ('heavy', False)]
    """
    # Divided by the largest, so that squares neither overflow nor vanish.
    unit = float(np.abs(points.values).max()) or 1.0
    points = Points(points.values / unit, points.shares, points.rows)
    if log is None:
        log = bool(points.values[0] > 0)
        if log:
            gain = _unimodal(_logs(points))[0] - float(points.shares @ np.log(points.values))
            log = _pays("log", gain - _unimodal(points)[0], points.rows)
    if plain:
        return Shape("plain", log)
    if log:
        points = _logs(points)
    score, form, location, scale = _unimodal(points)
    # A density grows without end on a value that recurs, so a mode counts as a tenth of the spread wide at least.
    if _pays("mixture", _mixture(points, max(_floor(points), _MODE * _spread(points))) - score, points.rows):
        form, (location, scale) = "mixture", trimmed_moments(points)
    if log:
        return Shape(form, log, False, location + math.log(unit), scale)
    return Shape(form, log, False, location * unit, scale * unit)


def whole_shape(points: Points, *, counts: bool = True) -> Shape:
    """A discretised logistic, counts under a negative binomial, or a mixture of discretised logistics.

    Counts have to gain 0.1 nats a row and 3 in all, for a negative binomial cannot be narrower than Poisson's
    distribution, whatever else is known of the row; a mixture 0.15 and 10 over the logistic, 0.05 and 10 over
    counts.

    Arguments:
        points: of the column, whole numbers, at least two.
        counts: whether counts are considered.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> age, words = rng.normal(300, 30, 500).round(), rng.negative_binomial(1, 0.01, 500) * 1.0
        >>> paid = np.where(rng.random(500) < 0.9, 0.0, 100.0 * rng.integers(10, 100, 500))
        >>> [(s.form, s.counts) for s in map(whole_shape, map(summarise, (age, words, paid)))]
        [('plain', False), ('plain', True), ('mixture', False)]
    """
    deviation = math.sqrt(_variance(points) + 1.0 / 12.0)
    best = -math.log(deviation) - _HALF_LOG_2PI_E
    gain = _negative_binomial(points) - best if counts and points.values[0] >= 0 else 0.0
    counts = _pays("counts", gain, points.rows)
    best += gain if counts else 0.0
    # At 0.4 of a step the density in the middle is one: all mass is on one number, and never more than all.
    richer = "mixture over counts" if counts else "mixture"
    if _pays(richer, _mixture(points, 0.4) - best, points.rows):
        return Shape("mixture", False, False, *trimmed_moments(points))
    return Shape("plain", False, counts)


def trimmed_moments(points: Points) -> tuple[float, float]:
    """Mean and standard deviation of the middle 99.8 % of the rows; of all where those are equal.

    Example:
        >>> trimmed_moments(summarise(np.array([0.0, 2.0])))
        (1.0, 1.0)
    """
    before = points.shares.cumsum()
    inside = (before >= 0.001) & (before - points.shares <= 0.999)
    for chosen in (inside, np.ones(len(inside), dtype=bool)):
        part = Points(points.values[chosen], points.shares[chosen] / points.shares[chosen].sum(), points.rows)
        if (deviation := _deviation(part)) > 0:
            break
    return float(part.shares @ part.values), deviation


def _pays(what: str, gain: float, rows: int) -> bool:
    each, total = _COSTS[what]
    return gain * rows > each * rows + total


def _logs(points: Points) -> Points:
    return Points(np.log(points.values), points.shares, points.rows)


def _variance(points: Points) -> float:
    deviation = _deviation(points)
    return deviation * deviation


def _deviation(points: Points) -> float:
    """The standard deviation; above 0 where values differ, though their squares be too small for numbers."""
    unit = float(np.abs(points.values).max()) or 1.0
    scaled = points.values / unit
    deviation = math.sqrt(points.shares @ (scaled - points.shares @ scaled) ** 2)
    return max(deviation * unit, math.ulp(0.0)) if deviation else 0.0


def _spread(points: Points) -> float:
    """Of the middle half where that is not one value, of all else; the core's, whatever lies far out."""
    quarters = np.interp([0.25, 0.75], points.shares.cumsum() - points.shares / 2, points.values)
    return float(quarters[1] - quarters[0]) / 1.349 or _deviation(points) or 1.0


def _floor(points: Points) -> float:
    """The least scale of a density: that of the model, or how far apart neighbours stand, as after rounding."""
    return max(_FLOOR * _spread(points), float(np.median(np.diff(points.values))), 1e-9)


def _unimodal(points: Points) -> tuple[float, Form, float, float]:
    """The better of normal and Student's t: log-density a row, and its location and scale."""
    deviation = _deviation(points) or 1.0
    normal = -math.log(deviation) - _HALF_LOG_2PI_E
    tails = max(_student(points, df) for df in _FREEDOM)
    if _pays("heavy", tails[0] - normal, points.rows):
        return tails[0], "heavy", tails[1], tails[2]
    return normal, "plain", float(points.shares @ points.values), deviation


def _student(points: Points, df: float) -> tuple[float, float, float]:
    """Log-density a row, location and scale of Student's t, by expectation-maximisation."""
    values, shares, _ = points
    floor = _floor(points)
    location = float(np.interp(0.5, shares.cumsum() - shares / 2, values))
    scale = max(_spread(points), floor)
    for _ in range(_STEPS):
        weight = shares * (df + 1.0) / (df + ((values - location) / scale) ** 2)
        location = float(weight @ values / weight.sum())
        scale = max(math.sqrt(float(weight @ (values - location) ** 2)), floor)
    constant = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(math.pi * df)
    inner = np.log1p(((values - location) / scale) ** 2 / df)
    return constant - math.log(scale) - 0.5 * (df + 1.0) * float(shares @ inner), location, scale


def _mixture(points: Points, floor: float) -> float:
    """Log-density a row of three normals: started at quantiles, and with one at the most frequent value."""
    values, shares, _ = points
    if len(values) < 4:
        return -math.inf
    places = shares.cumsum() - shares / 2
    spread = max(_deviation(points), floor)
    even = np.interp([1 / 6, 1 / 2, 5 / 6], places, values)
    top = int(shares.argmax())
    rest = np.delete(shares, top)
    others = np.interp([0.25, 0.75], (rest.cumsum() - rest / 2) / rest.sum(), np.delete(values, top))
    starts = [(even, np.full(3, spread / 3))]
    starts += [(np.append(others, values[top]), np.array([spread / 2, spread / 2, floor]))]
    return max(_three_normals(points, *start, floor) for start in starts)


def _three_normals(points: Points, centres: Array, scales: Array, floor: float) -> float:
    values, shares, _ = points
    scales = np.maximum(scales, floor)
    log_weights = np.full(3, -math.log(3.0))
    for _ in range(_STEPS):
        joint = (
            log_weights - np.log(scales) - 0.5 * ((values[:, None] - centres) / scales) ** 2 - _HALF_LOG_2PI
        )
        total = np.logaddexp.reduce(joint, axis=1)
        held = np.exp(joint - total[:, None]) * shares[:, None]
        sums = np.maximum(held.sum(0), 1e-12)
        log_weights = np.log(sums)
        centres = values @ held / sums
        scales = np.sqrt(np.maximum((held * (values[:, None] - centres) ** 2).sum(0) / sums, floor**2))
    return float(shares @ total)


def _negative_binomial(points: Points) -> float:
    """Log-mass a row, the mean that of the data and the dispersion the best of a few."""
    import torch

    values, shares = torch.from_numpy(points.values), torch.from_numpy(points.shares)
    mean = float(shares @ values)
    guess = max((_variance(points) - mean) / mean**2, 1e-3)
    size = 1.0 / (guess * 4.0 ** torch.arange(-3.0, 3.0, dtype=torch.float64))[:, None]
    ways = torch.lgamma(values + size) - torch.lgamma(size) - torch.lgamma(values + 1.0)
    mass = ways - size * torch.log1p(mean / size) - values * torch.log1p(size / mean)
    return float((mass @ shares).max())
