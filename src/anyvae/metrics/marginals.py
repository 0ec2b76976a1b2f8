"""How far each column of a synthetic table is from the same column of the real one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple, final

import numpy as np

from anyvae.metrics.columns import Array, Column, Table, typed_columns

__all__ = ["MarginalDistance", "column_shapes", "kolmogorov_smirnov", "marginal_distance"]

_KOLMOGOROV = 1.358  # his law's 95 % quantile
_REPEATS = 200


@final
class MarginalDistance(NamedTuple):
    """One column.

    Arguments:
        distance: 0 where both are distributed alike, 1 where they share nothing.
        kind: which distance it is.
        chance: what two samples of these sizes from one law exceed one time in twenty, or less often.
        missing_gap: share of missing cells of the synthetic column less the real one's.
    """

    distance: float
    kind: Literal["Kolmogorov-Smirnov", "total variation"]
    chance: float
    missing_gap: float


def marginal_distance(
    real: Table, synthetic: Table, *, categories: Collection[str] = ()
) -> dict[str, MarginalDistance]:
    r"""The distance of every column: Kolmogorov-Smirnov for numbers, total variation for categories.

    .. math:: D = \sup_x |F_{real}(x) - F_{synthetic}(x)|, \qquad TV = \tfrac12 \sum_c |p_{real}(c) - p_{synthetic}(c)|

    A hole is a category of its own; among numbers holes are left out of D and counted in `missing_gap`, and a column
    with numbers in one table only has distance 1.

    Arguments:
        real, synthetic: tables with the same columns.
        categories: columns of numbers to read as categories.

    Raises:
        ValueError: see `typed_columns`.

    >>> a = {"x": np.array([1.0, 2.0, 3.0, 4.0]), "y": np.array(["a", "a", "b", "b"])}
    >>> b = {"x": np.array([1.0, 2.0, 3.0, 9.0]), "y": np.array(["a", "c", "b", "b"])}
    >>> {name: found.distance for name, found in marginal_distance(a, b).items()}
    {'x': 0.25, 'y': 0.25}
    """
    first, second = typed_columns(real, synthetic, categories=categories)
    return {name: _distance(column, second[name]) for name, column in first.items()}


def column_shapes(real: Table, synthetic: Table, *, categories: Collection[str] = ()) -> dict[str, float]:
    r"""The likeness of every column, 1 - D for numbers and 1 - TV for categories, as the field reports it.

    .. math:: S = 1 - \sup_x |F_{real}(x) - F_{synthetic}(x)|, \qquad S = 1 - \tfrac12 \sum_c |p_{real}(c) - p_{syn}(c)|

    A table's figure is the mean over its columns. Source: Synthetic Data Metrics (DataCebo, 2023), "column shapes".

    Arguments:
        real, synthetic: tables with the same columns.
        categories: columns of numbers to read as categories.

    Raises:
        ValueError: see `typed_columns`.
    """
    found = marginal_distance(real, synthetic, categories=categories)
    return {name: 1.0 - one.distance for name, one in found.items()}


def _distance(real: Column, synthetic: Column) -> MarginalDistance:
    gap = synthetic.missing - real.missing
    if real.levels is None:
        a, b = real.values[real.known], synthetic.values[synthetic.known]
        if not len(a) or not len(b):
            return MarginalDistance(float(len(a) != len(b)), "Kolmogorov-Smirnov", 1.0, gap)
        chance = min(1.0, _KOLMOGOROV * float(np.sqrt(1 / len(a) + 1 / len(b))))
        return MarginalDistance(kolmogorov_smirnov(a, b), "Kolmogorov-Smirnov", chance, gap)
    levels = len(real.levels) + 1
    p, q = (np.bincount(c.values + 1, minlength=levels) / len(c.values) for c in (real, synthetic))
    chance = _chance_of_categories(p, q, len(real.values), len(synthetic.values))
    return MarginalDistance(0.5 * float(np.abs(p - q).sum()), "total variation", chance, gap)


def kolmogorov_smirnov(a: Array, b: Array) -> float:
    """The greatest distance between two empirical distribution functions.

    Arguments:
        a, b: numbers without holes, at least one each.
    """
    points = np.sort(np.concatenate([a, b]))
    steps = [np.searchsorted(np.sort(values), points, side="right") / len(values) for values in (a, b)]
    return float(np.abs(steps[0] - steps[1]).max())


def _chance_of_categories(p: Array, q: Array, n: int, m: int) -> float:
    """The 95 % quantile of TV between samples of n and m rows from the pooled shares, by drawing them."""
    pooled = (n * p + m * q) / (n + m)
    random = np.random.default_rng(0)
    drawn = [random.multinomial(rows, pooled, size=_REPEATS) / rows for rows in (n, m)]
    return float(np.quantile(0.5 * np.abs(drawn[0] - drawn[1]).sum(1), 0.95))
