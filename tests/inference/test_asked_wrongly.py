"""Questions that have no answer are refused in words, and not by what happens to fail inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from anyvae import (
    ELBO,
    VAE,
    DiagonalNormal,
    LatentVariableModel,
    Linear,
    Normal,
    Partial,
    StandardNormal,
    fit,
)
from anyvae.conditionals import Family, PerRow
from anyvae.inference import condition, conditional_mean, embed, evaluate_bound, mean

X = torch.zeros(3, 2)


def plain() -> LatentVariableModel:
    return VAE(
        StandardNormal(1), DiagonalNormal(1).given("x", net=Linear()), Normal(2).given("z", net=Linear())
    )


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda model: conditional_mean(model, {"x": X}, "y"), r"no variable 'y'; it has \['x', 'z'\]"),
        (lambda model: condition(model, {"x": X}, names=["y"]), r"names=\['y'\]; the model has \['x', 'z'\]"),
        (lambda model: embed(model, {"x": X, "z": X[:, :1]}), "every latent is given"),
        (lambda model: mean(model, {}), "nothing is given"),
        (lambda model: evaluate_bound(model, {}), "holds no rows"),
        (lambda model: evaluate_bound(model, {"x": X[:0]}), "holds no rows"),
    ],
)
def test_questions_without_an_answer(ask: Callable[[LatentVariableModel], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ask(plain())


@pytest.mark.parametrize(
    ("options", "words"), [({"batch_size": 1.5}, "batch_size of fit"), ({"steps": 2.5}, "steps of fit")]
)
def test_parts_of_rows_and_steps(options: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError, match=f"{words}.*a positive whole number"):
        fit(plain(), X, **options)


@pytest.mark.parametrize("index", [-1.0, 2.0, 0.5])
def test_rows_that_have_no_parameters(index: float) -> None:
    family: Family = DiagonalNormal(1)
    part = PerRow(family, 2)
    with pytest.raises(ValueError, match=f"got the row {index:g} and has 2, from 0 on"):
        part(torch.tensor([0.0, index]))


def test_conditions_given_in_part() -> None:
    model = LatentVariableModel(
        {"z": StandardNormal(1), "x": Normal(2).given("z", "c", net=Linear())},
        {"z": DiagonalNormal(1).given("x", net=Linear())},
        conditions={"c": 2},
    )
    with pytest.raises(ValueError, match="conditioned on 'c', which is given in part"):
        ELBO()(model, {"x": X, "c": Partial(X, torch.tensor([True, False, True]))})
