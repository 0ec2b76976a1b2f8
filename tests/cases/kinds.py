"""Families of table columns, at parameters that the battery tries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from anyvae.distributions import (
    Bernoulli,
    CellMixture,
    Columns,
    DiscretisedLogistic,
    DiscretisedLogisticMixture,
    DiscretisedNormal,
    FromNoise,
    NegativeBinomial,
    Normal,
    OneHotColumns,
    OneHotLayout,
    Ordinal,
    Placed,
    PointMasses,
    StudentT,
)
from cases.basic import ROWS, numbers
from cases.likelihoods import doubles

ENDLESS = torch.full((), torch.inf, dtype=torch.float64)
HALVES = torch.arange(-300.0, 301.0, dtype=torch.float64) * 0.5
PLACED = doubles(-0.7), doubles(0.25)
POINTS = PLACED[0] + PLACED[1] * torch.arange(400.0, dtype=torch.float64)
BETWEEN = {"outside": doubles(-0.95, -0.6, 0.0)}
SOME_POINTS = torch.tensor([[0.0, torch.nan], [-1.0, 1.0], [2.0, torch.nan]], dtype=torch.float64)
CASES: dict[str, tuple[Callable[[], FromNoise], dict[str, Any]]] = {
    "logistic_without_ends": (
        lambda: DiscretisedLogistic(
            numbers(ROWS, 3), doubles(0.5, 1.0, 3.0), -ENDLESS, ENDLESS, doubles(0.5), origin=doubles(1.0)
        ),
        {"points": HALVES},
    ),
    "logistic_with_a_lowest_point": (
        lambda: DiscretisedLogistic(
            numbers(ROWS, 3), doubles(0.5, 1.0, 3.0), doubles(-1.0), ENDLESS, doubles(0.5)
        ),
        {"points": HALVES[HALVES >= -1.0]},
    ),
    "normal_with_a_highest_point": (
        lambda: DiscretisedNormal(
            numbers(ROWS, 3),
            doubles(0.5, 1.0, 3.0),
            -ENDLESS,
            doubles(1.0),
            doubles(0.5),
            origin=doubles(0.0),
        ),
        {"points": HALVES[HALVES <= 1.0]},
    ),
    "logistic_mixture_without_ends": (
        lambda: DiscretisedLogisticMixture(
            numbers(ROWS, 3, 4),
            2.0 * numbers(ROWS, 3, 4, seed=1),
            doubles(0.5, 1.0, 0.5, 3.0),
            -ENDLESS,
            ENDLESS,
            doubles(0.5),
            origin=doubles(0.5),
        ),
        {"points": HALVES},
    ),
    "placed_counts": (
        lambda: Placed(
            NegativeBinomial(doubles(-2.0, 0.0, 1.5).expand(ROWS, 3), doubles(2.0, 0.5, 0.05)), *PLACED
        ),
        {"points": POINTS} | BETWEEN,
    ),
    "placed_ordinal": (
        lambda: Placed(
            Ordinal(2.0 * numbers(ROWS, 3), numbers(3, 4, seed=1).exp().cumsum(-1) - 2.0), *PLACED
        ),
        {"points": POINTS[:5]} | BETWEEN,
    ),
    "cell_mixture": (
        lambda: CellMixture(
            numbers(ROWS, 3, 4),
            Normal(2.0 * numbers(ROWS, 3, 4, seed=1), numbers(3, 4, seed=2).exp(), event_dims=2),
        ),
        {},
    ),
    "cell_mixture_of_student_t": (
        lambda: CellMixture(
            numbers(ROWS, 3, 2),
            StudentT(numbers(ROWS, 3, 2, seed=1), doubles(0.3, 1.0), doubles(9.0, 20.0), event_dims=2),
        ),
        {},
    ),
    "cell_mixture_image": (
        lambda: CellMixture(
            numbers(ROWS, 2, 2, 3), Normal(numbers(ROWS, 2, 2, 3), doubles(0.5), event_dims=3)
        ),
        {},
    ),
    "point_masses": (
        lambda: PointMasses(
            numbers(ROWS, 3, 3),
            SOME_POINTS,
            StudentT(numbers(ROWS, 3, seed=1), doubles(0.3, 1.0, 2.0), doubles(9.0, 20.0, 5.0)),
        ),
        {},
    ),
    "point_masses_on_a_lattice": (
        lambda: PointMasses(
            numbers(ROWS, 3, 3),
            SOME_POINTS,
            DiscretisedLogistic(
                numbers(ROWS, 3), doubles(0.5, 1.0, 3.0), -ENDLESS, ENDLESS, doubles(0.5), origin=doubles(1.0)
            ),
            adds=True,
        ),
        {"points": HALVES},
    ),
    "point_masses_beside_modes": (
        lambda: PointMasses(
            numbers(ROWS, 3, 3, seed=3),
            SOME_POINTS,
            CellMixture(numbers(ROWS, 3, 2), Normal(numbers(ROWS, 3, 2), doubles(0.5), event_dims=2)),
        ),
        {},
    ),
    "one_hot_columns": (lambda: OneHotColumns(numbers(ROWS, 9), OneHotLayout.of([2, 4, 3])), {}),
    "columns_that_stand_apart": (
        lambda: Columns(
            [
                Normal(numbers(ROWS, 2), numbers(2, seed=1).exp()),
                Bernoulli(numbers(ROWS, 2, seed=2)),
                NegativeBinomial(numbers(ROWS, 1, seed=1), doubles(0.5)),
            ],
            torch.tensor([4, 0, 3, 1, 2]),
            torch.tensor([1, 3, 4, 2, 0]),
        ),
        {},
    ),
    "columns_one_with_points": (
        lambda: Columns(
            [
                Bernoulli(numbers(ROWS, 1, seed=2)),
                PointMasses(
                    numbers(ROWS, 1, 2), doubles(-1.0)[:, None], Normal(numbers(ROWS, 1), doubles(0.5))
                ),
            ],
            torch.tensor([1, 0]),
            torch.tensor([1, 0]),
        ),
        {},
    ),
}
