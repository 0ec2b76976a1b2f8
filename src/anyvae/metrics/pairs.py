"""Pairs of columns as the field reports them, so that figures can be laid beside those of other tools."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, final

import numpy as np

from anyvae.metrics.columns import Array, Column, Table, typed_columns, varies

__all__ = ["PairTrends", "pair_trends"]

_BINS = 10


@final
class PairTrends(NamedTuple):
    """Every pair of columns.

    Arguments:
        names: of the columns.
        similarity: from 0 to 1, 1 on the diagonal; NaN for pairs without a correlation; shape (d, d), symmetric.
        mean: over pairs of different columns; NaN where there is no pair.
    """

    names: tuple[str, ...]
    similarity: Array
    mean: float


def pair_trends(real: Table, synthetic: Table, *, categories: Collection[str] = ()) -> PairTrends:
    r"""The likeness of every pair of columns, "column pair trends".

    - two numbers, with Pearson's correlation r over the rows in which both are there:

      .. math:: S = 1 - \tfrac12 |r_{synthetic} - r_{real}|

    - any other pair, with the shares of every combination of levels:

      .. math:: S = 1 - \tfrac12 \sum_{a, b} |p_{synthetic}(a, b) - p_{real}(a, b)|

      where a number is read as one of ten equal bins between the least and the greatest real value, or as below or
      above them, and a hole is a level of its own.

    Source: Synthetic Data Metrics (DataCebo, 2023), correlation similarity and contingency similarity.

    Arguments:
        real, synthetic: tables with the same columns.
        categories: columns of numbers to read as categories.

    Raises:
        ValueError: see `typed_columns`.

    >>> a = {"x": np.array([0.0, 1.0, 2.0]), "y": np.array([0.0, 1.0, 2.0])}
    >>> b = {"x": np.array([0.0, 1.0, 2.0]), "y": np.array([2.0, 1.0, 0.0])}
    >>> pair_trends(a, b).mean
    0.0
    """
    first, second = typed_columns(real, synthetic, categories=categories)
    names = tuple(first)
    levels = [_levels(first[name], second[name]) for name in names]
    similarity = np.eye(len(names))
    for i, one in enumerate(names):
        for j in range(i):
            other = names[j]
            if first[one].numeric and first[other].numeric:
                r = [_pearson(columns[one], columns[other]) for columns in (first, second)]
                found = 1.0 - 0.5 * abs(r[0] - r[1])
            else:
                found = 1.0 - _contingency(levels[i], levels[j])
            similarity[i, j] = similarity[j, i] = found
    pairs = similarity[np.triu_indices(len(names), 1)]
    pairs = pairs[np.isfinite(pairs)]
    return PairTrends(names, similarity, float(pairs.mean()) if len(pairs) else float("nan"))


def _pearson(a: Column, b: Column) -> float:
    both = a.known & b.known
    x, y = a.values[both], b.values[both]
    if not (varies(x) and varies(y)):
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    # Scaled one by one: squares of large numbers overflow.
    x, y = (v / np.abs(v).max() for v in (x, y))
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1.0, 1.0))


def _levels(real: Column, synthetic: Column) -> tuple[Array, Array, int]:
    """Codes from 0 of both columns, and how many there are."""
    if real.levels is not None:
        return real.values + 1, synthetic.values + 1, len(real.levels) + 1
    values = real.values[real.known]
    inner = np.linspace(values.min(), values.max(), _BINS + 1) if len(values) else np.zeros(_BINS + 1)

    def codes(column: Column) -> Array:
        # The greatest real value belongs to the last bin and not above it.
        place = np.searchsorted(inner, column.values, side="right")
        place = np.where(column.values == inner[-1], _BINS, place)
        return np.where(column.known, place + 1, 0).astype(np.int64)

    return codes(real), codes(synthetic), _BINS + 3


def _contingency(a: tuple[Array, Array, int], b: tuple[Array, Array, int]) -> float:
    """Total variation between the tables of two pairs of columns; combinations that never occur take no memory."""
    real, synthetic = a[0] * b[2] + b[0], a[1] * b[2] + b[1]
    _, place = np.unique(np.concatenate([real, synthetic]), return_inverse=True)
    shares = [np.bincount(part, minlength=int(place.max()) + 1) for part in np.split(place, [len(real)])]
    return 0.5 * float(np.abs(shares[0] / len(real) - shares[1] / len(synthetic)).sum())
