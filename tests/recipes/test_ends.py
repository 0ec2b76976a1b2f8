"""How the named models read x and make it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from anyvae.conditionals import Conditional, Normal
from anyvae.inference import posterior
from anyvae.model import LatentVariableModel, Partial
from anyvae.networks import MLP, Linear
from anyvae.recipes import (
    cvae,
    dlgm,
    gmvae,
    infinite_vae,
    ladder_vae,
    m1_m2,
    m2,
    not_miwae,
    spherical_vae,
    topdown_vae,
    two_level_vae,
    vade,
    vae,
)

Make = Callable[..., LatentVariableModel]
MODELS: dict[str, Make] = {
    "vae": vae,
    "spherical_vae": spherical_vae,
    "cvae": partial(cvae, condition=2),
    "m2": partial(m2, classes=3),
    "m1_m2": partial(m1_m2, classes=3),
    "gmvae": partial(gmvae, clusters=3),
    "vade": partial(vade, clusters=3),
    "infinite_vae": partial(infinite_vae, experts=3),
    "dlgm": partial(dlgm, layers=2),
    "two_level_vae": two_level_vae,
    "ladder_vae": partial(ladder_vae, layers=2),
    "topdown_vae": partial(topdown_vae, layers=2),
    "not_miwae": not_miwae,
}
EVERY = pytest.mark.parametrize("name", MODELS)


def made(name: str, **options: Any) -> LatentVariableModel:
    torch.manual_seed(0)
    return MODELS[name](Normal(4), 3, **options)


@EVERY
def test_a_hole_is_told_from_the_number_that_stands_for_it(name: str) -> None:
    model = made(name, missing=True)
    x, there = torch.zeros(2, 4), torch.ones(2, 4, dtype=torch.bool)
    there[1, 2] = False
    batch = {"x": Partial(x, there), **{given: torch.zeros(2, 2) for given in model.conditions}}
    # What is drawn first hangs on nothing that is drawn.
    first = next(iter(posterior(model, batch).values()))
    whole, holed = first.mean
    assert not torch.equal(whole, holed)


@EVERY
def test_the_networks_that_were_asked_for_read_and_make_x(name: str) -> None:
    model = made(name, encoder=MLP([7], nn.Tanh), decoder=MLP([5], nn.Tanh))
    readers = [part for part in model.inference_parts.values() if reads_x(part)]
    assert readers
    for part, units in (*((part, 7) for part in readers), (model.generative_parts["x"], 5)):
        shapes = [weight.shape for weight in part.parameters() if weight.dim() > 1]
        # From what it reads to the one hidden layer, and from there on: no weight of another network.
        assert all(units in shape[-2:] for shape in shapes), shapes


def reads_x(part: Conditional) -> bool:
    return any(parent.name == "x" for parent in part.parents)


@EVERY
def test_a_keyword_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match="encode"):
        made(name, encode=Linear())


@EVERY
def test_x_starts_where_it_was_told_to(name: str) -> None:
    start = {"loc": torch.tensor([5.0, -3.0, 0.0, 100.0])}
    model = made(name, start=start)
    # The bias of its network, or an offset beside several networks.
    assert any(
        torch.equal(weight.detach(), start["loc"]) for weight in model.generative_parts["x"].parameters()
    )
