"""Families of unit vectors, of shares that sum to one, and of relaxed bits and classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from anyvae.distributions import (
    Dirichlet,
    FromNoise,
    LogisticNormal,
    PowerSpherical,
    RelaxedBernoulli,
    RelaxedCategorical,
    UniformSphere,
    VonMisesFisher,
)
from cases.basic import ROWS, numbers

HALF = torch.tensor(0.5, dtype=torch.float64)
OFF_SPHERE = {"outside": torch.tensor([0.0, 0.4, 2.0], dtype=torch.float64)}
# Gamma quantiles are slow.
SLOW: dict[str, Any] = {"samples": 3000}
OFF_SIMPLEX = {"outside": torch.tensor([-1.0, 0.0, 0.7], dtype=torch.float64)}


def unit(*shape: int, seed: int = 0) -> Tensor:
    return normalize(numbers(*shape, seed=seed), dim=-1)


def concentrations(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


CASES: dict[str, tuple[Callable[[], FromNoise], dict[str, Any]]] = {
    "uniform_circle": (lambda: UniformSphere(2, (ROWS,), torch.float64), OFF_SPHERE),
    "uniform_sphere": (lambda: UniformSphere(3, (ROWS,), torch.float64), OFF_SPHERE),
    "uniform_sphere_in_seven": (lambda: UniformSphere(7, (ROWS,), torch.float64), OFF_SPHERE),
    "von_mises_fisher_in_two": (lambda: VonMisesFisher(unit(ROWS, 2), concentrations(0.3, 40.0)), OFF_SPHERE),
    "von_mises_fisher": (lambda: VonMisesFisher(unit(ROWS, 3), concentrations(0.01, 30.0)), OFF_SPHERE),
    "von_mises_fisher_in_twelve": (
        lambda: VonMisesFisher(unit(ROWS, 12), concentrations(5.0, 3000.0)),
        OFF_SPHERE,
    ),
    "power_circle": (lambda: PowerSpherical(unit(ROWS, 2), concentrations(4.0, 40.0)), SLOW | OFF_SPHERE),
    "power_spherical_in_twelve": (
        lambda: PowerSpherical(unit(ROWS, 12), concentrations(0.3, 3000.0)),
        SLOW | OFF_SPHERE,
    ),
    "dirichlet_of_two": (
        lambda: Dirichlet(concentrations(0.5, 3.0, 1.0, 20.0).view(2, 2)),
        SLOW | OFF_SIMPLEX,
    ),
    "dirichlet_of_three": (
        lambda: Dirichlet(concentrations(0.5, 1.5, 4.0, 20.0, 1.0, 2.0).view(2, 3)),
        SLOW | OFF_SIMPLEX,
    ),
    "logistic_normal_of_two": (lambda: LogisticNormal(numbers(ROWS, 1), 3.0 + numbers(ROWS, 1)), OFF_SIMPLEX),
    "logistic_normal_of_three": (
        lambda: LogisticNormal(numbers(ROWS, 2), torch.tensor([0.3, 2.0]).double()),
        OFF_SIMPLEX,
    ),
    "logistic_normal_of_six": (
        lambda: LogisticNormal(numbers(ROWS, 5), numbers(5, seed=1).exp()),
        OFF_SIMPLEX,
    ),
    "relaxed_bernoulli": (lambda: RelaxedBernoulli(3.0 * numbers(ROWS, 3), HALF), {}),
    "relaxed_categorical_of_two": (lambda: RelaxedCategorical(numbers(ROWS, 2), HALF), {}),
    "relaxed_categorical_of_three": (
        lambda: RelaxedCategorical(2.0 * numbers(ROWS, 3), HALF),
        {"outside": torch.tensor([1.0]).double()},
    ),
}
