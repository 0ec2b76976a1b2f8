"""Masses over code vectors and lattices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Size

from anyvae.distributions import CodeCategorical, CodeLayout, FromNoise, UniformLattice
from cases.basic import ROWS, numbers

OFF = {"outside": torch.tensor([-9.0, 0.1]).double()}
CASES: dict[str, tuple[Callable[[], FromNoise], dict[str, Any]]] = {
    "codes": (
        lambda: CodeCategorical(
            numbers(1, 3, 2), numbers(1, 2, 3, seed=1), CodeLayout(Size((2, 2))), (ROWS,)
        ),
        OFF,
    ),
    "codes_vector": (
        lambda: CodeCategorical(numbers(1, 4, 3), numbers(4), CodeLayout(Size((3,))), (ROWS,)),
        OFF,
    ),
    "codes_picture": (
        lambda: CodeCategorical(
            numbers(1, 2, 3), numbers(1, 4, 2, seed=1), CodeLayout(Size((3, 2, 2))), (ROWS,)
        ),
        OFF,
    ),
    "codes_in_depth": (
        lambda: CodeCategorical(
            numbers(2, 3, 2), numbers(2, 2, 3, seed=1), CodeLayout(Size((2, 2)), 2), (ROWS,)
        ),
        OFF,
    ),
    "lattice": (
        lambda: UniformLattice(torch.full((2, 3), 5.0).double(), (ROWS,)),
        {
            "points": torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0]).double(),
            "outside": torch.tensor([-1.5, 0.25, 1.5]).double(),
        },
    ),
    "lattice_of_mixed_levels": (
        lambda: UniformLattice(torch.tensor([2.0, 3.0, 8.0]).double(), (ROWS,)),
        {"outside": torch.tensor([-9 / 7, 0.3, 9 / 7]).double()},
    ),
}
