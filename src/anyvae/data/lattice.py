"""Whether numbers lie on a lattice, low + step * k, and what their mean and scale are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

MOST_LEVELS = 256  # of values found by search; whole numbers may have more
_MOST_WHOLE_LEVELS = 1 << 22  # float32 still tells neighbouring levels apart
_MOST_DISTINCT = 4096  # above MOST_LEVELS, for one level may come in several roundings
_LEAST_TOLERANCE, _MOST_TOLERANCE = 1e-5, 0.02  # of a step
_CHUNK = 1 << 22
_LEAST_ROUNDED, _LARGE = 10, 1e15


class Counts(NamedTuple):
    """Distinct values, sorted, float64, and how often each occurs."""

    values: Array
    counts: Array


class Lattice(NamedTuple):
    """value = low + step * k for k = 0 .. levels - 1; ``values`` where that formula misses the last bit."""

    low: float
    step: float
    levels: int
    values: list[float] | None


def chunks(array: Array, size: int = _CHUNK) -> Iterator[Array]:
    """Flat pieces of an array of any shape, the first one small, without a copy where there need be none."""
    flat = array.reshape(-1)
    first = min(size, 1 << 16)
    if len(flat):
        yield flat[:first]
    for start in range(first, len(flat), size):
        yield flat[start : start + size]


def count_distinct(array: Array, limit: int = _MOST_DISTINCT) -> Counts | None:
    """The distinct observed values and their counts, or None when there are more than ``limit``.

    Arguments:
        array: numbers of any shape; NaN is not observed.
        limit: on the number of distinct values; counting stops as soon as it is passed.

    Example:
        >>> count_distinct(np.array([2.0, np.nan, 0.0, 2.0]))
        Counts(values=array([0., 2.]), counts=array([1, 2]))
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    total: dict[float, int] = {}
    for chunk in chunks(array):
        if chunk.dtype == np.bool_:
            chunk = chunk.view(np.uint8)
        elif chunk.dtype == np.float16:
            chunk = chunk.astype(np.float32)
        # Hashing, not sorting: linear in the number of elements, and there are tens of millions in a set of
        # images.
        found = pc.value_counts(pa.array(np.ascontiguousarray(chunk)))
        values, counts = (found.field(i).to_numpy(zero_copy_only=False) for i in (0, 1))
        if len(values) > limit + 1:  # one of them may be NaN
            return None
        for value, count in zip(values.astype(np.float64).tolist(), counts.tolist()):
            if not math.isnan(value):
                total[value] = total.get(value, 0) + count  # -0.0 and 0.0 are one key
        if len(total) > limit:
            return None
    values = np.array(sorted(total), dtype=np.float64)
    return Counts(values, np.array([total[v] for v in values.tolist()], dtype=np.int64))


def find_lattice(values: Array, precision: float) -> Lattice | None:
    """The coarsest lattice of at most 256 levels that holds all the values, or None.

    Every number of levels is tried, so a value missing from the data costs nothing. A value may stray by 1e-5
    of a step, or by the rounding of its number format where that is more, but never by more than 0.02 of a
    step.

    Arguments:
        values: distinct, sorted, float64.
        precision: relative rounding of the format they come from, such as ``np.finfo(np.float32).eps``.

    Example:
        >>> find_lattice(np.array([3.0, 3.01, 3.04, 3.16]), np.finfo(np.float64).eps)[2]
        17
    """
    if len(values) < 2:
        return None
    noise = 2 * precision * float(np.abs(values).max())
    gaps = np.diff(values)
    starts = np.concatenate(
        [[0], 1 + np.flatnonzero(gaps > 2 * noise)]
    )  # roundings of one level are one level
    level_values = values[starts]
    distinct = len(level_values)
    if not 2 <= distinct <= MOST_LEVELS:
        return None
    low, high = float(level_values[0]), float(values[-1])
    intervals = np.arange(distinct - 1, MOST_LEVELS)
    place = (values - low) / (high - low)
    if not np.isfinite(place).all():
        return None
    stray = np.abs((t := place * intervals[:, None]) - np.rint(t)).max(axis=1)
    tolerance = np.clip(noise * intervals / (high - low), _LEAST_TOLERANCE, None)
    fits = np.flatnonzero((stray <= tolerance) & (tolerance <= _MOST_TOLERANCE))
    if not len(fits):
        return None
    n = int(intervals[fits[0]])
    return _lattice(low, (high - low) / n, n + 1, level_values)


def whole_levels(low: float, high: float, step: float = 1.0) -> int | None:
    """How many levels there are from low to high, or None where float32 could not tell neighbours apart.

    Example:
        >>> whole_levels(17, 90), whole_levels(0, 2**40)
        (74, None)
    """
    if max(abs(low), abs(high)) > 2**53:  # float64 skips whole numbers beyond
        return None
    levels = int((high - low) // step) + 1
    return levels if levels <= _MOST_WHOLE_LEVELS else None


def whole_lattice(counted: Counts | None, low: float, high: float) -> Lattice | None:
    """The lattice of whole numbers: step their greatest common divisor, 1 where they are too many to count.

    Arguments:
        counted: the distinct values, or None when they are many.
        low: least of the values.
        high: greatest of the values.

    Example:
        >>> whole_lattice(Counts(np.array([5.0, 11.0, 8.0]), np.ones(3)), 5, 11)
        Lattice(low=5.0, step=3.0, levels=3, values=None)
    """
    if max(abs(low), abs(high)) > 2**53:
        return None
    step = 1 if counted is None else int(np.gcd.reduce((counted.values - low).astype(np.int64)))
    levels = whole_levels(low, high, max(step, 1))
    return Lattice(float(low), float(step), levels, None) if step and levels is not None else None


def precision_of(dtype: np.dtype[Any], values: Array) -> float:
    """Relative rounding of the numbers: of their dtype, or of float32 where float64 holds nothing finer.

    Example:
        >>> precision_of(np.dtype(np.float64), np.array([np.float32(0.1)], dtype=np.float64)) > 1e-8
        True
    """
    if dtype.kind != "f":
        return float(np.finfo(np.float64).eps)
    precision = float(np.finfo(dtype).eps)
    with np.errstate(over="ignore"):
        single = values.astype(np.float32).astype(np.float64)
    if dtype == np.float64 and not (values == np.rint(values)).all() and (single == values).all():
        return float(np.finfo(np.float32).eps)
    return precision


def counted_moments(counted: Counts) -> tuple[float, float]:
    """Mean and standard deviation (float64, ddof 0) of counted values; the scale is never 0.

    Example:
        >>> counted_moments(Counts(np.array([0.0, 2.0]), np.array([3, 3])))
        (1.0, 1.0)
    """
    values, counts = counted
    unit = _unit(float(np.abs(values).max()))
    scaled = values / unit
    mean = float(np.average(scaled, weights=counts))
    variance = float(np.average((scaled - mean) ** 2, weights=counts))
    return mean * unit, _positive(math.sqrt(variance) * unit)


def decimals_of(values: Array, dtype: str) -> int | None:
    """To how many decimals all of at least ten values are rounded, 0 to 6; None where to none.

    Arguments:
        values: observed, float64.
        dtype: of the input; whole numbers have no decimals to tell.

    Example:
        >>> decimals_of(np.arange(20) / 4, "float64"), decimals_of(np.arange(20) / 3, "float64")
        (2, None)
    """
    if np.dtype(dtype).kind != "f" or len(values) < _LEAST_ROUNDED:
        return None
    # A few tell most columns that are not rounded.
    for part in (values[:_LEAST_ROUNDED], values):
        found = (k for k in range(7) if (round_to(part, k).astype(dtype) == part.astype(dtype)).all())
        decimals = next(found, None)
        if decimals is None:
            return None
    return decimals


def round_to(values: Array, decimals: int) -> Array:
    """Values to so many decimals; as they are where they are too large to have any.

    Arguments:
        values: float64.
        decimals: from 0 to 6.

    Example:
        >>> round_to(np.array([0.126, 1e300]), 2).tolist()
        [0.13, 1e+300]
    """
    small = np.abs(values) < _LARGE
    return np.where(small, np.round(np.where(small, values, 0.0), decimals), values)


def moments(array: Array) -> tuple[float, float]:
    """Mean and standard deviation (float64, ddof 0) of the observed elements; the scale is never 0.

    Arguments:
        array: finite numbers of any shape, in which NaN is not observed.

    Example:
        >>> moments(np.array([1e200, np.nan, 3e200]))
        (2e+200, 1e+200)
    """
    floating = array.dtype.kind == "f"
    peak = max(abs(float(np.fmin.reduce(array, axis=None))), abs(float(np.fmax.reduce(array, axis=None))))
    unit = _unit(peak)

    def observed() -> Iterator[Array]:
        for chunk in chunks(array):
            scaled = chunk.astype(np.float64) / unit
            yield scaled[~np.isnan(scaled)] if floating else scaled

    n = total = squares = 0.0
    for chunk in observed():
        n, total = n + len(chunk), total + float(chunk.sum())
    mean = total / n
    for chunk in observed():
        squares += float(((chunk - mean) ** 2).sum())
    return mean * unit, _positive(math.sqrt(squares / n) * unit)


def _lattice(low: float, step: float, levels: int, observed: Array) -> Lattice:
    formula = low + step * np.arange(levels)
    k = np.rint((observed - low) / step).astype(np.int64)
    if (formula[k] == observed).all():
        return Lattice(low, step, levels, None)
    formula[k] = observed  # the last bit, so that what goes in comes out
    return Lattice(low, step, levels, formula.tolist())


def _unit(peak: float) -> float:
    # A power of two, so that dividing by it is exact and squares neither overflow nor vanish.
    return math.ldexp(1.0, min(max(math.frexp(peak)[1], -1000), 1000)) if peak else 1.0


def _positive(scale: float) -> float:
    return scale if scale > 0 and math.isfinite(scale) else 1.0
