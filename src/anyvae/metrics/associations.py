"""How strongly the columns of a table hang together, two by two, and how well synthetic rows keep it."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, final

import numpy as np

from anyvae.metrics.columns import Array, Column, Table, mid_ranks, typed_columns

__all__ = ["AssociationGap", "Associations", "association", "association_gap"]

_LEVELS = 50
"""Categories beyond the most frequent ones are taken together: a table of 10,000 by 10,000 says nothing."""


@final
class Associations(NamedTuple):
    """Every pair of columns.

    Arguments:
        names: of the columns.
        strength: from 0 (none) to 1, 1 on the diagonal; NaN where a pair has fewer than three rows in common or a
            column does not vary; shape (d, d), symmetric.
        kinds: of the columns, "number" or "category".
    """

    names: tuple[str, ...]
    strength: Array
    kinds: tuple[str, ...]


@final
class AssociationGap(NamedTuple):
    """The associations of two tables.

    Arguments:
        names: of the columns.
        real, synthetic: strengths, shape (d, d).
        difference: synthetic less real, shape (d, d); NaN where either has none.
        mean: of the absolute difference over pairs of different columns; NaN where there is no pair.
    """

    names: tuple[str, ...]
    real: Array
    synthetic: Array
    difference: Array
    mean: float


def association(table: Table, *, categories: Collection[str] = ()) -> Associations:
    r"""The strength of association of every pair of columns, over the rows in which both are there.

    - two numbers: \|Spearman's rank correlation\|;
    - a number and a category: the correlation ratio of the number's ranks, corrected for chance;

      .. math:: \epsilon = \sqrt{\max(0, 1 - \tfrac{n - 1}{n - k} \tfrac{SS_{within}}{SS_{total}})}

    - two categories: Cramer's V, corrected for chance.

      .. math:: V = \sqrt{\frac{\max(0, \phi^2 - \frac{(k - 1)(r - 1)}{n - 1})}{\min(\tilde k, \tilde r) - 1}}, \quad
         \tilde k = k - \frac{(k - 1)^2}{n - 1}, \quad \phi^2 = \chi^2 / n

    Of a category's levels the 50 most frequent count singly, the others as one.
    Source: An unbiased correlation ratio measure (Kelley, 1935); A bias-correction for Cramer's V (Bergsma, 2013).

    Arguments:
        table: with rows in any order.
        categories: columns of numbers to read as categories.

    Raises:
        ValueError: see `typed_columns`.

    >>> x = np.arange(10.0)
    >>> association({"x": x, "y": -(x**3)}).strength
    array([[1., 1.],
           [1., 1.]])
    """
    [columns] = typed_columns(table, categories=categories)
    return _associations(columns)


def association_gap(real: Table, synthetic: Table, *, categories: Collection[str] = ()) -> AssociationGap:
    """How the associations of a synthetic table differ from the real ones; see `association`.

    Arguments:
        real, synthetic: tables with the same columns.
        categories: columns of numbers to read as categories.

    Raises:
        ValueError: see `typed_columns`.
    """
    first, second = (_associations(c) for c in typed_columns(real, synthetic, categories=categories))
    difference = second.strength - first.strength
    pairs = difference[np.triu_indices(len(first.names), 1)]
    pairs = pairs[np.isfinite(pairs)]
    mean = float(np.abs(pairs).mean()) if len(pairs) else float("nan")
    return AssociationGap(first.names, first.strength, second.strength, difference, mean)


def _associations(columns: dict[str, Column]) -> Associations:
    names = tuple(columns)
    folded = {name: _fold(column) for name, column in columns.items()}
    ranked = {name: mid_ranks(c.values[c.known]) for name, c in folded.items() if c.numeric}
    strength = np.eye(len(names))
    for i, first in enumerate(names):
        for j in range(i):
            strength[i, j] = strength[j, i] = _strength(
                folded[first], folded[names[j]], ranked.get(first), ranked.get(names[j])
            )
    return Associations(
        names, strength, tuple("number" if c.numeric else "category" for c in columns.values())
    )


def _strength(a: Column, b: Column, a_ranks: Array | None, b_ranks: Array | None) -> float:
    both = a.known & b.known
    if int(both.sum()) < 3:
        return float("nan")
    if not a.numeric and not b.numeric:
        return cramers_v(a.values[both], b.values[both])
    ranks = [_shared(c, r, both) for c, r in ((a, a_ranks), (b, b_ranks)) if r is not None]
    if len(ranks) == 2:
        return _correlation(*ranks)
    return correlation_ratio(ranks[0], (b if a.numeric else a).values[both])


def _shared(column: Column, ranks: Array, both: Array) -> Array:
    """Ranks among the rows that two columns share: those among all known cells where these are the same rows."""
    return ranks if len(ranks) == int(both.sum()) else mid_ranks(column.values[both])


def _fold(column: Column) -> Column:
    """A category's levels beyond the most frequent as one, in the fewest codes."""
    if column.levels is None:
        return column
    counts = np.bincount(column.values[column.known], minlength=len(column.levels))
    place = np.full(len(column.levels) + 1, min(_LEVELS, len(column.levels)), dtype=np.int64)
    place[np.argsort(-counts, kind="stable")[:_LEVELS]] = np.arange(min(_LEVELS, len(column.levels)))
    place[-1] = -1
    return Column(place[column.values], column.levels)


def _correlation(a: Array, b: Array) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return min(1.0, abs(float(a @ b)) / size) if size > 0 else float("nan")


def correlation_ratio(values: Array, codes: Array) -> float:
    """How much of a number's variance lies between categories, corrected for chance, as a square root in [0, 1].

    Arguments:
        values: numbers, shape (n,).
        codes: of the categories, whole numbers from 0, shape (n,).
    """
    counts = np.bincount(codes)
    groups, rows = int((counts > 0).sum()), len(values)
    values = values - values.mean()
    total = float(values @ values)
    if total <= 0 or groups < 2 or rows <= groups:
        return float("nan")
    between = float((np.bincount(codes, weights=values) ** 2 / np.maximum(counts, 1)).sum())
    return float(np.sqrt(max(0.0, 1.0 - (rows - 1) / (rows - groups) * max(0.0, 1.0 - between / total))))


def cramers_v(a: Array, b: Array) -> float:
    """Cramer's V of two categories, corrected for chance, in [0, 1].

    Arguments:
        a, b: codes, whole numbers from 0, shape (n,).
    """
    width = int(b.max()) + 1
    seen = np.bincount(a * width + b, minlength=(int(a.max()) + 1) * width).reshape(-1, width)
    seen = seen[seen.sum(1) > 0][:, seen.sum(0) > 0].astype(float)
    rows, (k, r) = seen.sum(), seen.shape
    if min(k, r) < 2:
        return float("nan")
    expected = np.outer(seen.sum(1), seen.sum(0)) / rows
    phi = float(((seen - expected) ** 2 / expected).sum() / rows)
    phi = max(0.0, phi - (k - 1) * (r - 1) / (rows - 1))
    room = min(k - (k - 1) ** 2 / (rows - 1), r - (r - 1) ** 2 / (rows - 1)) - 1
    return float(min(1.0, np.sqrt(phi / room))) if room > 0 else float("nan")
