"""Flows over a normal base whose context and base come from a network, at weights well away from the identity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Size, nn

from anyvae.conditionals import (
    IAF,
    MAF,
    NSF,
    Conditional,
    DiagonalNormal,
    Flow,
    FlowTransform,
    NormalMixture,
    Planar,
    Sylvester,
)
from anyvae.distributions import Flowed
from anyvae.networks import MLP
from cases.basic import ROWS, numbers


def flow(
    *transforms: FlowTransform, features: int = 3, context: int = 2, shaken: float = 0.4, seed: int = 0
) -> Flowed:
    """q(z | x) of two rows; weights are shaken so that the maps are far from the identity where they start."""
    part = flow_part(*transforms, features=features, context=context, shaken=shaken, seed=seed)
    with torch.no_grad():
        found = part(numbers(ROWS, 3, seed=seed))
    assert isinstance(found, Flowed)
    return found


def flow_part(
    *transforms: FlowTransform, features: int = 3, context: int = 2, shaken: float = 0.4, seed: int = 0
) -> Flow:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        base = DiagonalNormal(features).given("x", net=MLP([4]))
        part = Flow(base, *transforms, context=context).build("z", {"x": Size((3,))}).double()
        shake(part.steps, shaken)
    return part


def shake(module: nn.Module, by: float) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            wide = parameter.shape[-1] ** 0.5 if parameter.dim() > 1 else 1.0
            parameter.add_(by * torch.randn_like(parameter) / wide)


def prior(base: Conditional, *transforms: FlowTransform) -> Flowed:
    """p(z) without parents, for two rows."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        part = Flow(base, *transforms).build("z", {}).double()
        shake(part.steps, 0.4)
    with torch.no_grad():
        return part().expand((ROWS,))


CASES: dict[str, tuple[Callable[[], Flowed], dict[str, Any]]] = {
    "planar_flow": (lambda: flow(Planar(), Planar(), Planar()), {}),
    "planar_flow_1": (lambda: flow(Planar(), features=1, context=0), {}),
    "sylvester_flow": (lambda: flow(Sylvester(), Sylvester(rank=1, reflections=2)), {}),
    "sylvester_flow_2": (lambda: flow(Sylvester(rank=2), features=2), {}),
    "iaf": (lambda: flow(IAF([8]), IAF([8]), IAF([8])), {}),
    "iaf_coupling": (lambda: flow(IAF([8], passes=2), IAF([8], passes=2), context=0), {}),
    "iaf_2": (lambda: flow(IAF([8, 8]), IAF([8, 8]), features=2), {}),
    "maf": (lambda: flow(MAF([8]), MAF([8])), {}),
    "maf_prior": (lambda: prior(DiagonalNormal(2).given(), MAF([8]), MAF([8])), {}),
    "spline_flow": (lambda: flow(NSF([8]), NSF([8]), shaken=0.25), {}),
    "spline_flow_1": (lambda: flow(NSF([8], bins=5), features=1, context=0), {}),
    "spline_flow_autoregressive": (lambda: flow(NSF([8], passes=None, bins=4), features=2, shaken=0.1), {}),
    "flow_of_a_mixture": (lambda: prior(NormalMixture(2, 3).given(), MAF([8])), {}),
    "flow_of_all_kinds": (lambda: flow(Planar(), IAF([8]), NSF([8]), MAF([8]), shaken=0.25), {}),
}
