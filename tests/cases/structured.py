"""Normals with a structure, at parameters that the battery tries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anyvae.conditionals import LowRankNormal as LowRankFamily
from anyvae.conditionals import NetworkScale, OneScale
from anyvae.conditionals import SparseNormal as SparseFamily
from anyvae.distributions import ComplexNormal, FromNoise, LowRankNormal, SparseNormal
from cases.basic import ROWS, numbers


def low_rank(
    event: tuple[int, ...] = (4,), rank: int = 2, *, one_scale: bool = False, seed: int = 0
) -> LowRankNormal:
    family = LowRankFamily(event, rank, OneScale() if one_scale else NetworkScale())
    params = {
        name: 0.7 * numbers(*(() if name in family.free else (ROWS,)), *size, seed=seed + i)
        for i, (name, size) in enumerate(family.params.items())
    }
    return family(params, {})


def sparse(
    event: tuple[int, ...] = (1, 3, 4), neighbourhood: int = 3, *, one_scale: bool = False, seed: int = 0
) -> SparseNormal:
    family = SparseFamily(event, neighbourhood, OneScale() if one_scale else NetworkScale())
    params = {
        name: 0.5 * numbers(*(() if name in family.free else (ROWS,)), *size, seed=seed + i)
        for i, (name, size) in enumerate(family.params.items())
    }
    return family(params, {})


CASES: dict[str, tuple[Callable[[], FromNoise], dict[str, Any]]] = {
    "low_rank": (low_rank, {}),
    "low_rank_picture": (lambda: low_rank((2, 2, 2), 3, one_scale=True), {}),
    "sparse": (sparse, {}),
    "sparse_wide_colour": (lambda: sparse((2, 2, 3), 5, one_scale=True), {}),
    "sparse_plane": (lambda: sparse((3, 3), 3), {}),
    "complex": (lambda: ComplexNormal(numbers(ROWS, 3).exp()), {}),
    "complex_located": (
        lambda: ComplexNormal(numbers(2, 2, seed=1).exp(), numbers(ROWS, 2, 2, 2), event_dims=3),
        {},
    ),
}
