"""Families of independent features and normal vectors, at parameters that the battery tries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from anyvae.conditionals import FullNormal as FullFamily
from anyvae.distributions import (
    Bernoulli,
    Columns,
    ContinuousBernoulli,
    FromNoise,
    FullNormal,
    Laplace,
    LogNormal,
    Normal,
    NormalMixture,
    OneHotCategorical,
    OptimalNormal,
    Poisson,
    StandardNormal,
)

ROWS = 2


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def full(seed: int = 0) -> FullNormal:
    family = FullFamily(3)
    params = {
        name: 0.7 * numbers(ROWS, *size, seed=seed + i)
        for i, (name, size) in enumerate(family.params.items())
    }
    return family(params, {})


COUNTS = torch.arange(80.0, dtype=torch.float64)
CASES: dict[str, tuple[Callable[[], FromNoise], dict[str, Any]]] = {
    "standard": (lambda: StandardNormal((3,), (ROWS,), torch.float64), {}),
    "normal": (lambda: Normal(numbers(ROWS, 3), numbers(ROWS, 3, seed=1).exp()), {}),
    "normal_image": (lambda: Normal(numbers(ROWS, 2, 2), numbers(2, 2, seed=1).exp(), event_dims=2), {}),
    "laplace": (lambda: Laplace(numbers(ROWS, 3), torch.tensor([0.2, 1.0, 3.0]).double()), {}),
    "log_normal": (
        lambda: LogNormal(numbers(ROWS, 3), torch.tensor([0.2, 0.4, 0.6]).double()),
        {"outside": torch.tensor([-1.0, 0.0]).double()},
    ),
    "continuous_bernoulli": (
        lambda: ContinuousBernoulli(torch.tensor([[-3.0, 0.0, 9.0], [1e-4, 0.05, -0.015]]).double()),
        {"outside": torch.tensor([-0.1, 1.1]).double()},
    ),
    "full_normal": (full, {}),
    "normal_mixture": (
        lambda: NormalMixture(
            numbers(ROWS, 4), 2.0 * numbers(ROWS, 4, 3, seed=1), numbers(4, 3, seed=2).exp()
        ),
        {},
    ),
    "bernoulli": (lambda: Bernoulli(2.0 * numbers(ROWS, 3)), {"points": torch.tensor([0.0, 1.0]).double()}),
    "poisson": (
        lambda: Poisson(torch.tensor([[-2.0, 0.0, 1.0], [2.0, 3.0, -30.0]]).double()),
        {"points": COUNTS, "outside": torch.tensor([-1.0, 0.5]).double()},
    ),
    "optimal_normal": (
        lambda: OptimalNormal(numbers(ROWS, 3), torch.tensor(0.3).double(), learning=False),
        {},
    ),
    "columns": (
        lambda: Columns(
            [
                Normal(numbers(ROWS, 2), numbers(2, seed=1).exp()),
                OneHotCategorical(numbers(ROWS, 3)),
                Bernoulli(numbers(ROWS, 1, seed=2)),
            ]
        ),
        {},
    ),
    "categorical": (lambda: OneHotCategorical(numbers(ROWS, 4)), {}),
}
