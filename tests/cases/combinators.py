"""Distributions made of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from anyvae.conditionals import Autoregressive as AutoregressiveConditional
from anyvae.conditionals import Bernoulli as BernoulliFamily
from anyvae.conditionals import DiagonalNormal, Family
from anyvae.distributions import (
    Autoregressive,
    Bernoulli,
    FromNoise,
    FullNormal,
    Laplace,
    Mixture,
    Normal,
    StandardNormal,
)
from cases.basic import ROWS, numbers


def autoregressive(family: Family, rows: int = ROWS) -> Autoregressive:
    """Given two rows of a parent, with weights of double precision that do not change."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        part = AutoregressiveConditional(family, ["z"], sizes=[16, 12])
        part.build("v", {"z": torch.Size((2,)), "v": family.event_shape})
        return part.double().requires_grad_(False)(numbers(rows, 2))


CASES: dict[str, tuple[Callable[[], FromNoise], dict[str, Any]]] = {
    "mixture_of_kinds": (
        lambda: Mixture(
            numbers(ROWS, 4),
            [
                Normal(numbers(ROWS, 3), numbers(3, seed=1).exp()),
                Laplace(numbers(3, seed=2), torch.tensor([0.2, 1.0, 3.0]).double()),
                StandardNormal((3,), (), torch.float64),
                FullNormal(numbers(ROWS, 3, seed=3), torch.eye(3).double() + 0.5 * numbers(3, 3).tril(-1)),
            ],
        ),
        {},
    ),
    "mixture_of_a_stack": (
        lambda: Mixture(
            numbers(ROWS, 4), Laplace(2.0 * numbers(ROWS, 4, 3, seed=1), numbers(4, 3, seed=2).exp())
        ),
        {},
    ),
    "mixture_of_pictures": (
        lambda: Mixture(numbers(3), Bernoulli(2.0 * numbers(ROWS, 3, 2, 2, seed=1), event_dims=2)),
        {},
    ),
    "autoregressive_normal": (lambda: autoregressive(DiagonalNormal(4)), {}),
    "autoregressive_picture": (lambda: autoregressive(DiagonalNormal((1, 2, 2))), {}),
    "autoregressive_bernoulli": (lambda: autoregressive(BernoulliFamily(4)), {}),
}
