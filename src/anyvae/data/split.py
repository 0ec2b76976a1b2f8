"""Which rows are fitted and which are held out."""

from __future__ import annotations

from typing import Any

import numpy as np

from anyvae.data.errors import DataError

Rows = np.ndarray[Any, np.dtype[np.int64]]


def held_out_split(n: int, seed: int, fraction: float = 0.1) -> tuple[Rows, Rows]:
    """The rows to fit and the rows held out, chosen by the seed alone.

    Arguments:
        n: number of rows, at least 2.
        seed: of the draw.
        fraction: of the rows to hold out, between 0 and 1; each side gets at least one row.

    Returns:
        Two sorted arrays of row numbers that share no row and together hold every row.

    Raises:
        DataError: fewer than two rows, or a fraction outside (0, 1).

    Example:
        >>> fitted, held_out = held_out_split(20, seed=0)
        >>> len(fitted), len(held_out), np.intersect1d(fitted, held_out).size
        (18, 2, 0)
    """
    if n < 2:
        raise DataError(
            f"{n} row{'s' * (n != 1)} cannot be split: one part is fitted, one held out; give two rows or "
            "more"
        )
    if not 0 < fraction < 1:
        raise DataError(f"the held-out fraction is {fraction}: give one between 0 and 1, such as 0.1")
    held_out = min(max(round(n * fraction), 1), n - 1)
    order = np.random.default_rng(seed).permutation(n)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def some_rows(n: int, most: int, seed: int = 0) -> Rows:
    """All row numbers, or so many where there are more, in rising order.

    They are drawn by chance: files are often sorted, by class for one, and their first rows are like no others.

    Arguments:
        n: number of rows.
        most: of them that are wanted.
        seed: of the draw.

    Example:
        >>> some_rows(4, 10), len(some_rows(1000, 10))
        (array([0, 1, 2, 3]), 10)
    """
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))
