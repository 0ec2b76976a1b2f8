"""Terms on the aggregate posterior against closed forms and brute force."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from anyvae.conditionals import (
    Categorical,
    DiagonalNormal,
    FullNormal,
    Normal,
    NormalMixture,
    StandardNormal,
    UniformCategorical,
)
from anyvae.model import VAE, LatentVariableModel
from anyvae.networks import Linear
from anyvae.objectives import ELBO, MMD, CovarianceMatching, SlicedWasserstein
from oracles import aggregate_covariance, encoded, z_score

pytestmark = pytest.mark.usefixtures("double")

LOC = torch.tensor([[1.0, 0.8], [0.0, 0.6]], dtype=torch.float64)


def test_sorted_draws_are_the_best_transport() -> None:
    """Of five rows in one dimension, where every line is the axis: the cheapest of all 120 pairings."""
    torch.manual_seed(0)
    trace = encoded(torch.randn(3, 1), 0.5).trace({"x": torch.randn(5, 3)})
    z = trace.values["z"].detach().flatten()
    torch.manual_seed(1)
    found = SlicedWasserstein(projections=3).of(trace).detach()
    torch.manual_seed(1)
    u = trace.fresh("z").flatten()
    costs = [(z - u[list(order)]).square() for order in itertools.permutations(range(5))]
    best = min(costs, key=lambda cost: float(cost.sum()))
    torch.testing.assert_close(found, best)  # row by row: each has the share of its own draw


def test_the_sliced_distance_of_two_normals() -> None:
    """W_2^2 of N(m, s^2) and N(0, 1) is m^2 + (s - 1)^2, on every line; the mean over lines by quadrature."""
    torch.manual_seed(0)
    model = encoded(LOC, 0.5)
    covariance = aggregate_covariance(LOC, 0.5)
    angle = torch.linspace(0.0, math.pi, 2001)[:-1]
    lines = torch.stack([angle.cos(), angle.sin()])
    exact = ((lines * (covariance @ lines)).sum(0).sqrt() - 1.0).square().mean()
    with torch.no_grad():
        found = SlicedWasserstein(projections=200)(model, {"x": torch.randn(20_000, 2)}).mean()
        shifted = SlicedWasserstein(projections=200)(
            encoded(0.0 * LOC, 1.0), {"x": torch.zeros(5000, 2)}
        ).mean()
    assert float(exact) > 0.05
    assert float(found) == pytest.approx(float(exact), abs=0.01)
    assert float(shifted) < 0.005
    assert SlicedWasserstein()(model, {"x": torch.zeros(1, 2)}).shape == (1,)


def test_the_sliced_gradient_is_that_of_finite_differences() -> None:
    torch.manual_seed(0)
    model = encoded(LOC, 0.5)
    trace = model.trace({"x": torch.randn(7, 2)})
    z = trace.values["z"].detach()

    def cost(value: Tensor) -> Tensor:
        torch.manual_seed(3)
        return SlicedWasserstein(projections=4).of(trace.reread({"z": value})).sum()

    assert torch.autograd.gradcheck(cost, z.requires_grad_(True))


@pytest.mark.parametrize("means_only", [False, True])
@pytest.mark.parametrize("full", [False, True])
def test_covariances_by_hand(means_only: bool, full: bool) -> None:
    torch.manual_seed(0)
    family = FullNormal(3) if full else DiagonalNormal(3)
    model = VAE(StandardNormal(3), family.given("x", net=Linear()), Normal(4).given("z", net=Linear()))
    trace = model.trace({"x": torch.randn(9, 4)}, 2)
    q = trace.q("z")
    covariance = torch.cov(q.mean.T)
    if not means_only:
        within = [factor @ factor.T for factor in (q.factor if full else torch.diag_embed(q.stddev))]
        covariance = covariance + torch.stack(within).mean(0)
    eye = torch.eye(3)
    off = ((1 - eye) * covariance).square().sum()
    diagonal = (eye * (covariance - eye)).square().sum()
    found = CovarianceMatching(3.0, 0.7, means_only=means_only).of(trace)
    torch.testing.assert_close(found, (3.0 * off + 0.7 * diagonal).expand(9))
    assert float(off.detach()) > 1e-3
    assert CovarianceMatching(means_only=means_only)(model, {"x": torch.randn(1, 4)}).tolist() == [0.0]


def test_the_covariance_is_that_of_the_aggregate() -> None:
    torch.manual_seed(0)
    model, covariance = encoded(LOC, 0.5), aggregate_covariance(LOC, 0.5)
    exact = 2.0 * 2.0 * covariance[0, 1].square() + 5.0 * (covariance.diagonal() - 1.0).square().sum()
    with torch.no_grad():
        found = CovarianceMatching(2.0, 5.0)(model, {"x": torch.randn(500_000, 2)})
    assert float(found[0]) == pytest.approx(float(exact), rel=0.03)


def test_fresh_draws_are_those_of_the_prior_and_no_others() -> None:
    """Also with fixed noise, which would make them the very draws that they are compared with."""
    torch.manual_seed(0)
    prior = NormalMixture(2, 3)
    model = VAE(prior, DiagonalNormal(2).given("x", net=Linear()), Normal(3).given("z", net=Linear()))
    trace = model.trace({"x": torch.zeros(4000, 3)}, 2)
    draws = trace.fresh("z")
    assert draws.shape == (2, 4000, 2)
    assert float(z_score(draws.flatten(0, 1), trace.p("z").mean.detach()).abs().max()) < 5
    plain = encoded(LOC, 1.0)
    fixed = plain.trace(
        {"x": torch.zeros(50, 2)}, 1, lambda name, shape, dtype: torch.ones(shape, dtype=dtype)
    )
    with torch.no_grad():
        assert float(MMD().of(fixed).mean()) > 0.1
    assert float(fixed.fresh("z").std()) > 0.5


def test_wrong_latents_are_refused_by_name() -> None:
    model = encoded(LOC, 0.5)
    batch = {"x": torch.randn(5, 2)}
    for term in (SlicedWasserstein("y"), CovarianceMatching(name="y")):
        with pytest.raises(
            ValueError, match=rf"{type(term).__name__}\('y'\): no latent of that name is inferred"
        ):
            term(model, batch)
    clusters = LatentVariableModel(
        {"y": UniformCategorical(3), "z": StandardNormal(2), "x": Normal(4).given("y", "z", net=Linear())},
        {"y": Categorical(3).given("x", net=Linear()), "z": DiagonalNormal(2).given("x", "y", net=Linear())},
    )
    objective = ELBO(enumerate=["y"])
    for term in (MMD(), SlicedWasserstein()):
        with pytest.raises(ValueError, match="'z' has draws for every value of an enumerated latent"):
            (objective - term)(clusters, {"x": torch.randn(5, 4)})
    with (
        pytest.raises(ValueError, match="wants a latent vector inferred from the given alone"),
        torch.no_grad(),
    ):
        CovarianceMatching()(clusters, {"x": torch.randn(5, 4)})


def test_options_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="SlicedWasserstein got projections=0"):
        SlicedWasserstein(projections=0)
    with pytest.raises(ValueError, match=r"CovarianceMatching got off_diagonal=-1\.0, diagonal=10\.0"):
        CovarianceMatching(-1.0)
    with pytest.raises(ValueError, match=r"CovarianceMatching got off_diagonal=10\.0, diagonal=nan"):
        CovarianceMatching(diagonal=math.nan)
