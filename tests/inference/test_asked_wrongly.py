"""Questions that have no answer are refused in words, and not by what happens to fail inside."""

from __future__ import annotations

import math
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
    observed,
    optional,
)
from anyvae.conditionals import Family, Parent, PerRow
from anyvae.distributions import Cellwise
from anyvae.inference import (
    at_means,
    cell_log_density,
    class_mean,
    condition,
    conditional_mean,
    embed,
    evaluate_bound,
    log_likelihood,
    mean,
    reconstruct,
    sample,
)

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
        (lambda model: log_likelihood(model, {}), "holds no rows"),
        (lambda model: reconstruct(model, {}), "holds no rows"),
        (lambda model: conditional_mean(model, {}), "holds no rows"),
        (lambda model: evaluate_bound(model, {"x": X[:0]}), "holds no rows"),
        (lambda model: condition(model, {"x": X[:0]}), "holds no rows"),
        (lambda model: class_mean(model, {"x": X}, "y"), r"no variable 'y'; it has \['x', 'z'\]"),
        (lambda model: sample(model, 2, ["x", "y"]), r"names=\['y'\]; the model has \['x', 'z'\]"),
        (lambda model: sample(model, 2, "xz"), r"sample got names='xz'; wanted a list, \['xz'\]"),
        (lambda model: condition(model, {"x": X}, names="z"), "condition got names='z'; wanted a list"),
        (lambda model: model.trace({"x": X}, enumerate="label"), r"enumerate='label'; wanted a list"),
        (
            lambda model: cell_log_density(model, {"x": X}, [slice(0, 1), slice(2, 3)]),
            r"slice\(2, 3, None\) holds no element of 'x', which has 2",
        ),
        (
            lambda model: mean(model, {"z": Partial(X[:2, :1], torch.tensor([True, False]))}),
            "'z' is given in part",
        ),
    ],
)
def test_questions_without_an_answer(ask: Callable[[LatentVariableModel], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ask(plain())


def test_a_parent_that_is_absent_is_advised_to_be_read_where_it_is_there() -> None:
    def pair(*parents: str | Parent) -> LatentVariableModel:
        views = {name: Normal(2).given("z", net=Linear()) for name in "ab"}
        return LatentVariableModel(
            {"z": StandardNormal(1), **views}, {"z": DiagonalNormal(1).given("a", *parents, net=Linear())}
        )

    with pytest.raises(
        ValueError, match=r"reads \['b'\].*read optional\('b'\) and observed\('b'\), which need no"
    ):
        conditional_mean(pair("b"), {"a": X}, "b")
    assert conditional_mean(pair(optional("b"), observed("b")), {"a": X}, "b").shape == X.shape


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda model: mean(model, X), "a batch: got a Tensor"),
        (lambda model: mean(model, 3), "a batch: got 3"),
        (lambda model: sample(model, 3, given=X), "a batch: got a Tensor"),
        (lambda model: conditional_mean(model, {"x": X}, ["x"]), "the name of one variable"),
        (lambda model: cell_log_density(model, {"x": X}, slice(0, 1)), "a list of slices"),
        (lambda model: cell_log_density(model, {"x": X}, [0, 1]), "got 0, an int; wanted a slice"),
    ],
)
def test_questions_in_another_form(ask: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(TypeError, match=words):
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


class Untold(Cellwise):
    """N(loc, 1), as one writes it who has no use for a mean."""

    def __init__(self, loc: torch.Tensor) -> None:
        super().__init__(loc.shape[:-1], loc.shape[-1:])
        self.loc = loc

    def cells(self, value: torch.Tensor) -> torch.Tensor:
        return -0.5 * (value - self.loc).square() - 0.5 * math.log(2.0 * math.pi)

    def from_noise(self, noise: torch.Tensor) -> torch.Tensor:
        return self.loc + noise

    def expand(self, batch_shape: Any, _instance: Any = None) -> Untold:
        return Untold(self.loc.expand(*batch_shape, *self.event_shape))

    def _like(self) -> torch.Tensor:
        return self.loc


class UntoldNormal(Family):
    @property
    def params(self) -> dict[str, torch.Size]:
        return {"loc": self.event_shape}

    def __call__(self, params: Any, constants: Any, *, learning: bool = False) -> Untold:
        return Untold(params["loc"])


def test_a_prior_and_a_posterior_need_not_tell_where_their_draws_lie() -> None:
    decoder = Normal(2).given("z", net=Linear())
    encoder = UntoldNormal(1).given("x", net=Linear())
    for prior, q in (
        (UntoldNormal(1), DiagonalNormal(1).given("x", net=Linear())),
        (StandardNormal(1), encoder),
    ):
        assert evaluate_bound(VAE(prior, q, decoder), {"x": X}).elbo.shape == (3,)
        decoder = Normal(2).given("z", net=Linear())


def test_nothing_is_made_up_for_a_likelihood_that_tells_no_mean() -> None:
    """A latent is held at 0 then, which is a place like any other."""
    encoder, decoder = DiagonalNormal(1).given("x", net=Linear()), Normal(2).given("z", net=Linear())
    made = VAE(StandardNormal(1), encoder, UntoldNormal(2).given("z", net=Linear()))
    with pytest.raises(ValueError, match=r"'x' follows Untold, which tells no mean; .* sample\(model, rows"):
        reconstruct(made, {"x": X})
    prior = VAE(UntoldNormal(1), DiagonalNormal(1).given("x", net=Linear()), decoder)
    assert at_means(prior, 3, {})[0]["z"].tolist() == [[0.0]] * 3


def test_conditions_given_in_part() -> None:
    model = LatentVariableModel(
        {"z": StandardNormal(1), "x": Normal(2).given("z", "c", net=Linear())},
        {"z": DiagonalNormal(1).given("x", net=Linear())},
        conditions={"c": 2},
    )
    with pytest.raises(ValueError, match="conditioned on 'c', which is given in part"):
        ELBO()(model, {"x": X, "c": Partial(X, torch.tensor([True, False, True]))})
