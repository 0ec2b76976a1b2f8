"""Values with a probability of their own, told apart from each other and from the rest in single precision."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from anyvae.data.marginals import summarise, trimmed_moments

__all__ = ["FARTHEST", "Place", "kept_apart", "nearest_points"]

Array = np.ndarray[Any, np.dtype[Any]]

FARTHEST = 1e15  # standard deviations; the square still is a number of single precision
_SLACK = 4.0 * float(np.finfo(np.float32).eps)  # codes are kept in single precision
_MOST_ON = 0.01  # of the rest, which may lie on a point by chance


class Place(NamedTuple):
    """Location and scale of a column."""

    mean: float
    scale: float


def nearest_points(codes: Array, places: Array) -> tuple[Array, Array]:
    """The number of the point nearest to each code, and whether the code lies on it.

    Arguments:
        codes: standardised values, of any shape.
        places: standardised points, (k,).

    Example:
        >>> [found.tolist() for found in nearest_points(np.array([0.1, 2.0]), np.array([0.0, 2.0]))]
        [[0, 1], [False, True]]
    """
    places = places.astype(np.float32)
    nearest = np.abs(codes[..., None] - places).argmin(-1)
    return nearest, np.abs(codes - places[nearest]) <= _reach(places)[nearest]


def kept_apart(observed: Array, own: list[float], most: int) -> Place | None:
    """A location and scale under which no value is two points, and the rest is none; None where there is none.

    Those of all values where they do, for a network reads all; else of the middle, whatever lies far out; else of the
    values that are no points.

    Arguments:
        observed: values, (n,).
        own: the points, sorted.
        most: quantiles by which the spread is judged.

    Example:
        >>> kept_apart(np.repeat([1.0, 2.0, 3.0, 9e9], 20), [1.0, 2.0, 3.0, 9e9], 200)
        Place(mean=3.0, scale=2.0)
        >>> kept_apart(np.repeat([1.0, 2.0, 9e9, 9e9 + 1], 20), [1.0, 2.0, 9e9, 9e9 + 1], 200) is None
        True
    """
    rest = observed[~np.isin(observed, own)]
    for place in _places(observed, rest, most):
        codes, points = ((values - place.mean) / place.scale for values in (rest, np.array(own)))
        if _distinct(points) and nearest_points(codes, points)[1].sum() <= _MOST_ON * len(rest):
            return place
    return None


def _places(observed: Array, rest: Array, most: int) -> list[Place]:
    middle = np.sort(observed)[len(observed) // 2]
    off = np.sort(np.abs(observed[observed != middle] - middle))
    found = [
        Place(*trimmed_moments(summarise(observed, most))),
        Place(float(middle), float(off[(len(off) - 1) // 2])),
    ]
    return [*found, Place(*trimmed_moments(summarise(rest, most)))] if len(np.unique(rest)) > 1 else found


def _distinct(places: Array) -> bool:
    """Whether no value lies on two of the places, sorted."""
    reach, single = _reach(places), places.astype(np.float32).astype(np.float64)
    return bool((np.diff(single) > reach[1:] + reach[:-1]).all() and np.abs(places).max() < FARTHEST)


def _reach(places: Array) -> Array:
    return _SLACK * np.maximum(np.abs(places), 1.0)
