"""Values of a real column that come again far more often than their neighbours, as no density explains."""

from __future__ import annotations

from typing import Any

import numpy as np

from anyvae.data.marginals import looked_at

__all__ = ["MOST_POINTS", "apart", "few_values", "recurrent"]

Array = np.ndarray[Any, np.dtype[Any]]

MOST_POINTS = 30
_LEFT_OUT = 5  # others for each number left out
_ROWS_EACH = 10  # where a column holds few values and no others
_SHARE, _ROWS, _TIMES, _NEIGHBOURS, _MOST_SPIKES = 0.05, 10, 5.0, 10, 8


def few_values(values: Array) -> list[float]:
    """All values where there are at most 30 and ten rows for each, sorted; else none.

    Arguments:
        values: observed, (n,).

    Example:
        >>> few_values(np.repeat([3.0, 28.0, 90.0], 20)), few_values(np.arange(20.0))
        ([3.0, 28.0, 90.0], [])
    """
    return _few(*np.unique(looked_at(values), return_counts=True))


def apart(values: Array) -> bool:
    """Whether whole numbers have gaps between them that rows would have filled if they could.

    A number is left out that lies between two which ten rows each hold; a fifth as many are, as there are others.

    Arguments:
        values: observed whole numbers, (n,).

    Example:
        >>> [apart(np.repeat(x, 20)) for x in ([10, 20, 30], [1, 2, 3, 5], [1, 2, 3, 4, 5, 6, 8])]
        [True, True, False]
        >>> apart(np.repeat([0, 1, 2, 5], [60, 20, 10, 1]))
        False
    """
    distinct, counts = np.unique(looked_at(values), return_counts=True)
    held = counts >= _ROWS
    left_out = (np.diff(distinct) - 1)[held[1:] & held[:-1]].sum()
    return bool(_LEFT_OUT * left_out >= len(distinct))


def recurrent(values: Array) -> list[float]:
    """`few_values`, or where there are none those that stand out, at most 8, sorted.

    One stands out that a twentieth of the rows hold, ten at least, and five times as many as its neighbours do on
    average, ten on either side: zeros of a sum that is mostly not paid do, but not the values of a rounded column.

    Arguments:
        values: observed, (n,).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> paid = np.where(rng.random(300) < 0.4, 0.0, rng.exponential(size=300))
        >>> [recurrent(x) for x in (paid, rng.normal(size=300).round(1), rng.choice([0.1, 0.25, 0.4], 300))]
        [[0.0], [], [0.1, 0.25, 0.4]]
    """
    distinct, counts = np.unique(looked_at(values), return_counts=True)
    if few := _few(distinct, counts):
        return few
    often = np.flatnonzero((counts >= _SHARE * counts.sum()) & (counts >= _ROWS))
    found = [k for k in often.tolist() if counts[k] >= _TIMES * _around(counts, k)]
    best = sorted(found, key=lambda k: -int(counts[k]))[:_MOST_SPIKES]
    return [float(distinct[k]) for k in sorted(best)]


def _few(distinct: Array, counts: Array) -> list[float]:
    few = len(distinct) <= MOST_POINTS and counts.sum() >= _ROWS_EACH * len(distinct)
    return [float(value) for value in distinct] if few else []


def _around(counts: Array, k: int) -> float:
    """How many rows hold a neighbour of the value k, on average."""
    others = np.concatenate([counts[max(k - _NEIGHBOURS, 0) : k], counts[k + 1 : k + 1 + _NEIGHBOURS]])
    return float(others.mean())
