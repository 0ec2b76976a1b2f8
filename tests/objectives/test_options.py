"""A number that changes nothing is a bug: every option of every objective, schedule, controller and corruption."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import Size, Tensor

import anyvae.objectives as objectives
from anyvae.conditionals import Categorical, DiagonalNormal, Normal, NormalMixture, UniformCategorical
from anyvae.distributions import OneHotCategorical
from anyvae.model import VAE, Batch, Evidence, LatentVariableModel
from anyvae.networks import MLP, Linear
from anyvae.objectives import (
    BiasedDraw,
    Controller,
    Corruption,
    Critic,
    Objective,
    Schedule,
)

pytestmark = pytest.mark.usefixtures("double")

# What has to be given besides, and for every number two values that must not do the same.
GIVEN: dict[str, dict[str, Any]] = {
    "Classify": {"name": "y"},
    "StickPrior": {"name": "y"},
    "CapacityGap": {"capacity": 1.0},
    "StratifiedTC": {"rows": 50},
    "WeightedTC": {"rows": 50},
    "LinearRamp": {"start": 0.0, "end": 1.0},
    "Cosine": {"start": 0.0, "end": 1.0},
    "Sigmoid": {"start": 0.0, "end": 1.0},
    "Cyclic": {"start": 0.0, "end": 1.0},
    "WarmupCosine": {"peak": 1.0},
    "PIController": {"target": 2.0},
    "GECO": {"target": 2.0},
}
TWO_VALUES: dict[str, dict[str, tuple[Any, Any]]] = {
    "ELBO": {"beta": (1.0, 1.1), "samples": (1, 2)},
    "IWAE": {"samples": (1, 2)},
    "MIWAE": {"repeats": (1, 2), "inner": (1, 2)},
    "PIWAE": {"repeats": (1, 2), "inner": (1, 2)},
    "CIWAE": {"beta": (0.5, 0.6), "samples": (1, 2)},
    "Renyi": {"alpha": (0.5, 0.6), "samples": (1, 2)},
    "StickingTheLanding": {"samples": (1, 2)},
    "DReG": {"samples": (1, 2)},
    "ScoreFunction": {"samples": (1, 2)},
    "VIMCO": {"samples": (2, 3)},
    "LogLikelihood": {"samples": (1, 2)},
    "ClusterEntropy": {"samples": (1, 2)},
    "StickPrior": {"concentration": (1.0, 1.1)},
    "KL": {
        "free_bits": (0.0, 3.0),
        "samples": (1, 2),
        "over_batch": (False, True),
        "prior_share": (0.5, 0.8),
    },
    "CapacityGap": {"capacity": (1.0, 1.1), "samples": (1, 2)},
    "Classify": {"samples": (1, 2)},
    "MMD": {"bandwidth": (1.0, 1.1)},
    "SlicedWasserstein": {"projections": (50, 51)},
    "CovarianceMatching": {"off_diagonal": (1.0, 1.1), "diagonal": (1.0, 1.1), "means_only": (False, True)},
    "StratifiedTC": {"rows": (50, 51)},
    "WeightedTC": {"rows": (50, 51)},
    "Constant": {"value": (1.0, 1.1)},
    "LinearRamp": {"start": (0.0, 0.1), "end": (1.0, 1.1), "until": (1.0, 0.9)},
    "Cosine": {"start": (0.0, 0.1), "end": (1.0, 1.1)},
    "Sigmoid": {"start": (0.0, 0.1), "end": (1.0, 1.1), "middle": (0.5, 0.6), "width": (0.05, 0.06)},
    "Cyclic": {"start": (0.0, 0.1), "end": (1.0, 1.1), "cycles": (4, 5), "rise": (0.5, 0.6)},
    "WarmupCosine": {"peak": (1.0, 1.1), "warmup": (0.03, 0.2), "final": (0.005, 0.006)},
    "PIController": {
        "target": (2.0, 2.1),
        "proportional": (0.01, 0.02),
        "integral": (0.001, 0.002),
        "low": (0.0, 0.1),
        "high": (100.0, 0.5),
    },
    "GECO": {
        "target": (2.0, 2.1),
        "speed": (0.001, 0.002),
        "momentum": (0.9, 0.8),
        "low": (1e-4, 0.9),
        "high": (1e4, 1.01),
        "start": (1.0, 1.001),
    },
    "AddNormal": {"scale": (0.1, 0.2)},
    "DropCells": {"fraction": (0.1, 0.5)},
    "Gumbel": {"temperature": (0.5, 0.6), "hard": (False, True)},
}
# An option that only works beside another one.
BESIDE: dict[tuple[str, str], dict[str, Any]] = {("KL", "over_batch"): {"free_bits": 3.0}}
# Not numbers, or what a sum is made of.
MADE_BY_OTHERS = {"WeightedSum", "Controlled", "Denoising", "Subsets"}
WITHOUT_NUMBERS = {
    *("CriticTC", "TellApart", "CriticKL", "TellPosterior", "Commitment", "CodebookCost", "StraightThrough"),
}
KINDS = (Objective, Schedule, Controller, Corruption, BiasedDraw)


def numbers(kind: type) -> list[str]:
    """Names of the options of a class that are numbers or switches."""
    options = inspect.signature(kind).parameters.values()
    words = [(option.name, str(option.annotation).replace("|", " ").split()) for option in options]
    return [name for name, hint in words if {"int", "float", "bool"} & set(hint)]


def every_class() -> dict[str, type]:
    found = {name: getattr(objectives, name) for name in objectives.__all__}
    return {
        name: thing
        for name, thing in found.items()
        if isinstance(thing, type) and issubclass(thing, KINDS) and not inspect.isabstract(thing)
    }


def test_no_option_was_forgotten() -> None:
    listed = {(name, option) for name, options in TWO_VALUES.items() for option in options}
    existing = {(name, option) for name, kind in every_class().items() for option in numbers(kind)}
    assert existing == listed
    without = {name for name, kind in every_class().items() if not numbers(kind)}
    assert without == MADE_BY_OTHERS | WITHOUT_NUMBERS


def a_fit(objective: Objective) -> Tensor:
    """Value and gradients of an objective, always at the same weights, rows and noise."""
    torch.manual_seed(0)
    if isinstance(objective, objectives.StickPrior | objectives.ClusterEntropy):
        model = LatentVariableModel(
            {
                "z": NormalMixture(2, 3),
                "y": Categorical(3),
                "x": Normal(4).given("z", "y", net=Linear()),
            },
            {"z": DiagonalNormal(2).given("x", net=Linear()), "y": Categorical(3).given("z", net=Linear())},
        )
        torch.nn.init.normal_(model.generative_parts["y"].free["logits"])
        objective.enumerate = ("y",)
        batch: Batch = {"x": torch.randn(8, 4)}
    elif isinstance(objective, objectives.Classify):  # q(y | z): more draws of z, another answer
        model = LatentVariableModel(
            {
                "z": DiagonalNormal(2),
                "y": UniformCategorical(3),
                "x": Normal(4).given("z", "y", net=Linear()),
            },
            {"z": DiagonalNormal(2).given("x", net=Linear()), "y": Categorical(3).given("z", net=Linear())},
        )
        batch = {"x": torch.randn(8, 4), "y": torch.eye(3)[torch.arange(8) % 3]}
    else:  # a prior without closed form: the KL too is a matter of draws
        encoder = DiagonalNormal(2).given("x", net=Linear())
        model = VAE(NormalMixture(2, 3), encoder, Normal(4).given("z", net=Linear()))
        batch = {"x": torch.randn(8, 4)}
    value = objective(model, batch)
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(value.sum(), parameters, allow_unused=True, materialize_grads=True)
    return torch.cat([value.detach(), *(gradient.flatten() for gradient in gradients)])


def weights_over_time(controller: Controller) -> Tensor:
    """The weights over a run that begins below the target and ends far above it."""
    found = [float(controller.weight)]
    for measured in [*torch.linspace(0.0, 5.0, 40).tolist(), *[500.0] * 3]:
        controller.note(torch.tensor([measured]))
        controller.step()
        found.append(float(controller.weight))
    return torch.tensor(found)


def what_it_does(thing: Objective | Schedule | Controller | Corruption | BiasedDraw) -> Tensor:
    torch.manual_seed(0)
    if isinstance(thing, Objective):
        return a_fit(thing)
    if isinstance(thing, Schedule):
        return torch.tensor([thing(step / 97) for step in range(98)])
    if isinstance(thing, Controller):
        return weights_over_time(thing)
    if isinstance(thing, Corruption):
        found = thing(Evidence(torch.ones(20, 4), None))
        return found if isinstance(found, Tensor) else found.mask.double()
    return thing.at(0.5)(OneHotCategorical(torch.randn(20, 3)), Size((20,)))


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name, options in TWO_VALUES.items() for option in options]
)
def test_every_number_changes_what_is_done(name: str, option: str) -> None:
    kind = every_class()[name]
    given = GIVEN.get(name, {}) | BESIDE.get((name, option), {})
    first, second = (what_it_does(kind(**{**given, option: value})) for value in TWO_VALUES[name][option])
    again = what_it_does(kind(**{**given, option: TWO_VALUES[name][option][0]}))
    assert torch.equal(first, again), "the comparison itself is a matter of chance"
    assert first.shape != second.shape or float((first - second).abs().max()) > 1e-6


@pytest.mark.parametrize("objective", [objectives.CriticTC, objectives.TellApart])
def test_a_critic_changes_what_is_done(objective: type) -> None:
    """Critics have no numbers; two of them judge differently."""
    torch.manual_seed(1)
    first, second = (a_fit(objective(Critic(2, net=MLP([4])))) for _ in range(2))
    assert float((first - second).abs().max()) > 1e-6
