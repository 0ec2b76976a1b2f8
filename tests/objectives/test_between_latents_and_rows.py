"""Gradients where something stands between latents and rows, and terms where draws have no gradient."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from anyvae import (
    ELBO,
    IWAE,
    Bernoulli,
    Categorical,
    Deterministic,
    DiagonalNormal,
    FixedScale,
    LatentVariableModel,
    Linear,
    Normal,
    Partial,
    StandardNormal,
    UniformCategorical,
)
from anyvae.objectives import (
    MIWAE,
    MMD,
    PIWAE,
    Classify,
    DReG,
    LogLikelihood,
    Objective,
    ScoreFunction,
    SlicedWasserstein,
)
from anyvae.recipes import vade


def through(kind: str) -> LatentVariableModel:
    """z, then h that is computed or drawn from it, then x."""
    torch.manual_seed(1)
    between = Deterministic(3) if kind == "computed" else DiagonalNormal(3)
    return LatentVariableModel(
        {
            "z": StandardNormal(2),
            "h": between.given("z", net=Linear()),
            "x": Normal(4).given("h", net=Linear()),
        },
        {"z": DiagonalNormal(2).given("x", net=Linear())},
    )


def gradient(objective: Callable[[], Tensor], of: Tensor, batches: int) -> tuple[Tensor, Tensor]:
    """Mean over batches of the gradient of an objective, and its standard error."""
    found = torch.stack([torch.autograd.grad(objective().mean(), of)[0] for _ in range(batches)])
    return found.mean(0), found.std(0) / batches**0.5


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(("better", "plain"), [(DReG(4), IWAE(4)), (PIWAE(4, 1), MIWAE(4, 1))])
def test_gradients_go_through_what_is_computed_from_latents(better: Objective, plain: Objective) -> None:
    model = through("computed")
    torch.manual_seed(5)
    x = torch.randn(1, 4).expand(1000, 4)
    bias = model.inference_parts["z"].net.entry.layers[0].bias  # type: ignore[union-attr, operator]
    (a, of_a), (b, of_b) = (gradient(lambda o=o: o(model, {"x": x}), bias, 20) for o in (better, plain))
    assert ((a - b).abs() < 5.0 * (of_a.square() + of_b.square()).sqrt()).all()


def test_what_is_drawn_after_latents_is_refused_where_it_would_bias() -> None:
    model, x = through("drawn"), torch.randn(3, 4)
    for objective in (DReG(4), PIWAE(2, 2)):
        with pytest.raises(ValueError, match="'h' is drawn from p given what is inferred"):
            objective(model, {"x": x})
    assert IWAE(4)(model, {"x": x}).isfinite().all()


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("samples", [1, 4])
def test_scores_are_of_what_was_drawn_and_not_of_what_was_given(samples: int) -> None:
    """A bit is given, a bit beside it is drawn from p, and w hangs on both: the second bit summed over is exact."""
    torch.manual_seed(0)
    rows = 2000
    model = LatentVariableModel(
        {
            "z": StandardNormal(1),
            "x": Bernoulli(2).given("z", net=Linear()),
            "w": Normal(1, scale=FixedScale(1.0)).given("x", net=Linear()),
        },
        {"z": DiagonalNormal(1).given("w", net=Linear())},
    )
    p, w = model.generative_parts, torch.ones(rows, 1)
    given = Partial(torch.tensor([[1.0, 0.0]]).expand(rows, 2), torch.tensor([[True, False]]).expand(rows, 2))
    bias = p["x"].net.entry.layers[0].bias  # type: ignore[union-attr, operator]

    def exact() -> Tensor:
        q = model.inference_parts["z"](w)
        z = q.rsample()
        bits = p["x"](z)
        total = p["z"]().log_prob(z) - q.log_prob(z) + bits.cells(torch.ones(rows, 2))[:, 0]
        for bit in (0.0, 1.0):
            x = torch.tensor([[1.0, bit]]).expand(rows, 2)
            total = total + bits.cells(x)[:, 1].exp() * p["w"](x).log_prob(w)
        return total

    wanted, of_wanted = gradient(exact, bias, 10)
    found, of_found = gradient(lambda: ScoreFunction(samples)(model, {"x": given, "w": w}), bias, 40)
    assert ((found - wanted).abs() < 5.0 * (of_found.square() + of_wanted.square()).sqrt() + 1e-9).all()


def test_a_term_of_draws_without_a_gradient_is_refused_in_a_sum_as_alone() -> None:
    model = LatentVariableModel(
        {"y": UniformCategorical(3), "x": Normal(2).given("y", net=Linear())},
        {"y": Categorical(3).given("x", net=Linear())},
    )
    x, some = torch.randn(4, 2), Partial(torch.eye(3)[[0, 1, 2, 0]], torch.tensor([True, True, False, False]))
    with pytest.raises(ValueError, match="cannot differentiate through 'y'"):
        (ScoreFunction(2) + LogLikelihood(2))(model, {"x": x})
    # A classifier of what is given has no use for the draws.
    assert (ScoreFunction(2) + Classify("y"))(model, {"x": x, "y": some}).isfinite().all()


@pytest.mark.parametrize("term", [MMD("z"), SlicedWasserstein("z")])
def test_priors_of_every_class_are_not_compared_with_one_posterior(term: Objective) -> None:
    model = vade(Normal(3), 2, clusters=4)
    with pytest.raises(ValueError, match="'z' has a prior for every value of 'y', which is enumerated"):
        (ELBO(enumerate=["y"]) - term)(model, {"x": torch.randn(5, 3)})
