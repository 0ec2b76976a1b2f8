"""What is of the wrong type is refused where it is handed over, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from anyvae import VAE, log_likelihood, reconstruct, sample
from anyvae.conditionals import (
    Bernoulli,
    Blocks,
    DiagonalNormal,
    Mixture,
    Normal,
    ProductOfExperts,
    StandardNormal,
)
from anyvae.model import LatentVariableModel
from anyvae.networks import MLP, Compressed, ConvNet, GatedMLP, MaskedMLP
from anyvae.objectives import ELBO, IWAE, KL, LinearRamp
from anyvae.recipes import vae
from anyvae.training import Player, TensorData, fit


def model() -> LatentVariableModel:
    return vae(Normal(3), 2, encoder=MLP([4]), decoder=MLP([4]))


def rows() -> torch.Tensor:
    return torch.zeros(5, 3)


# What is done, what the message names, and what it says of the way out.
WRONG: dict[str, tuple[Callable[[Any], object], str, str]] = {
    "one width": (lambda x: MLP(x(64)), "sizes of MLP: got 64, an int", r"as \[64\]"),
    "letters": (lambda x: MLP(x("ab")), "sizes of MLP: got 'a', a str", "list of whole numbers"),
    "gated": (lambda x: GatedMLP(x(8)), "sizes of GatedMLP", r"\[8\]"),
    "half a unit": (lambda x: MLP(x([8, 2.5])), "sizes of MLP: got 2.5, a float", "whole numbers"),
    "channels": (lambda x: ConvNet(x(16)), "channels of ConvNet", r"\[16\]"),
    "masked": (lambda x: MaskedMLP(x(4), torch.zeros(2), {}), "sizes of MaskedMLP", r"\[4\]"),
    "activation by name": (lambda x: MLP([8], x("relu")), "activation of MLP: got 'relu'", "nn.SiLU"),
    "activation that is made": (lambda x: MLP([8], x(nn.ReLU())), "activation of MLP", "class or a function"),
    "class of a network": (
        lambda x: Normal(3).given("z", net=x(MLP)),
        r"net of Normal\(3.*the class MLP itself",
        r"Call it, as in MLP\(\.\.\.\)",
    ),
    "widths for a network": (lambda x: vae(Normal(3), 2, encoder=x([8])), "encoder: got", r"MLP\(\[64\]\)"),
    "no widths for a network": (lambda x: vae(Normal(3), 2, decoder=x([])), "decoder: got", r"MLP\(\[64\]\)"),
    "widths to draw in": (lambda x: Compressed(x([8])), "net of Compressed", "a module that is made"),
    "class of a family": (lambda x: vae(x(Normal), 2), "likelihood: got the class Normal itself", "Call it"),
    "name of a posterior": (
        lambda x: vae(Normal(3), 2, posterior=x("normal")),
        "posterior: got 'normal'",
        "DiagonalNormal",
    ),
    "class of a prior": (
        lambda x: VAE(
            x(StandardNormal), DiagonalNormal(2).given("x", net=MLP([4])), Normal(3).given("z", net=MLP([4]))
        ),
        "the class StandardNormal itself",
        "Call it",
    ),
    "number for a scale": (
        lambda x: Normal(3, scale=x(0.1)),
        "scale of Normal: got 0.1, a float",
        "FixedScale",
    ),
    "half a feature": (lambda x: Normal(x(2.5)), "event shape of Normal: got 2.5", "number of features"),
    "feature by name": (lambda x: Bernoulli(x("3")), "event shape of Bernoulli: got '3'", "whole numbers"),
    "array of rows": (
        lambda x: fit(model(), x(np.zeros((5, 3))), steps=1),
        r"an ndarray of shape \(5, 3\)",
        "by name",
    ),
    "arrays by name": (
        lambda x: TensorData({"x": x(np.zeros((5, 3)))}),
        "'x' of a batch: got an ndarray",
        "as_tensor",
    ),
    "rows without a name": (
        lambda x: ELBO()(model(), x(rows())),
        r"a Tensor of shape \(5, 3\)",
        "tensors by name",
    ),
    "rows to score": (
        lambda x: log_likelihood(model(), x(rows())),
        "a batch: got a Tensor",
        r"\{'x': rows\}",
    ),
    "rows to make again": (
        lambda x: reconstruct(model(), x(rows())),
        "a batch: got a Tensor",
        r"\{'x': rows\}",
    ),
    "class of an objective": (
        lambda x: fit(model(), rows(), objective=x(ELBO)),
        "objective of player 'model'",
        r"ELBO\(\.\.\.\)",
    ),
    "function for an objective": (
        lambda x: Player("b", x(len)),
        "objective of player 'b': got the function len",
        "ELBO()",
    ),
    "class of a model": (
        lambda x: fit(x(vae), rows(), steps=1),
        "model of fit: got the function vae",
        "a recipe makes",
    ),
    "rate by name": (
        lambda x: fit(model(), rows(), learning_rate=x("fast")),
        "learning_rate of fit: got 'fast'",
        "schedule",
    ),
    "steps by name": (
        lambda x: fit(model(), rows(), steps=x("all")),
        "steps of fit: got 'all'",
        "positive whole number",
    ),
    "weight by name": (lambda x: ELBO(beta=x("4")), "a weight: got '4', a str", "LinearRamp"),
    "half a draw": (lambda x: IWAE(x(2.5)), "samples of IWAE: got 2.5", "whole number"),
    "number added": (lambda x: ELBO() + x(3.0), r"ELBO\(\) \+: got 3.0", "another objective"),
    "number taken off": (lambda x: ELBO() - x(3.0), r"ELBO\(\) -: got 3.0", "another objective"),
    "objective as a weight": (lambda x: ELBO() * x(KL()), "a weight: got .*, a KL", "number"),
    "components one by one": (
        lambda x: Mixture(x(StandardNormal(2)), StandardNormal(2)),
        "parts of Mixture: got StandardNormal",
        r"Mixture\(\[first, second\]\)",
    ),
    "experts one by one": (
        lambda x: ProductOfExperts(x(StandardNormal(2).given()), StandardNormal(2)),
        "parts of ProductOfExperts",
        r"ProductOfExperts\(\[first, second\]\)",
    ),
    "one block": (lambda x: Blocks(x(StandardNormal(2))), "parts of Blocks", "a list of conditionals"),
    "half a row": (lambda x: sample(model(), x(2.5)), "rows of a sample: got 2.5", "how many"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_of_the_wrong_type_is_named_with_what_to_do(case: str) -> None:
    act, named, told = WRONG[case]
    with pytest.raises(TypeError, match=named) as found:
        act(lambda value: value)
    found.match(told)


def test_less_than_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="rows=-1; wanted a number from 0"):
        sample(model(), -1)


def test_what_is_of_the_right_type_is_taken_as_it_is() -> None:
    """Whole numbers of numpy, a function that makes an activation, a module, a schedule."""
    sizes: Any = (np.int64(4), 3)
    net = MLP(sizes, lambda: nn.LeakyReLU(0.1))
    assert net.sizes == (4, 3)
    assert type(net.sizes[0]) is int
    made = vae(Normal((np.int64(3),)), 2, encoder=nn.Linear(3, 8), decoder=net)  # type: ignore[arg-type]
    assert made.shapes["x"] == torch.Size([3])
    fit(made, rows(), steps=1, learning_rate=LinearRamp(0.0, 1.0))
    assert len(sample(made, np.int64(0))["x"]) == 0
