"""Floors of the KL over a batch, and its gradient shared out between posterior and prior."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from anyvae.conditionals import (
    Categorical,
    DiagonalNormal,
    Family,
    FullNormal,
    Laplace,
    Normal,
    NormalMixture,
    StandardNormal,
    UniformCategorical,
    VonMisesFisher,
)
from anyvae.model import VAE, LatentVariableModel
from anyvae.networks import Linear
from anyvae.objectives import ELBO, KL, Objective
from anyvae.objectives.balance import stopped
from oracles import LinearGaussian

pytestmark = pytest.mark.usefixtures("double")


def test_free_bits_of_a_batch_floor_its_mean() -> None:
    oracle = LinearGaussian(5, 2, stretch=1.3)
    trace = oracle.model.trace({"x": oracle.rows(6)})
    bias = oracle.model.inference_parts["z"].net.entry.layers[0].bias
    kl = trace.kl_total()
    mean = float(kl.detach().mean())
    torch.testing.assert_close(KL(free_bits=0.9 * mean, over_batch=True).of(trace), kl)
    floored = KL(free_bits=1.1 * mean, over_batch=True).of(trace)
    torch.testing.assert_close(floored, torch.full((6,), 1.1 * mean))
    (gradient,) = torch.autograd.grad(floored.sum(), bias, retain_graph=True)
    assert float(gradient.abs().max()) == 0.0
    # A row below the floor in a batch above it keeps its gradient: that is the difference to a floor of rows.
    low = KL(free_bits=0.9 * mean, over_batch=True).of(trace)[kl.argmin()]
    assert float(torch.autograd.grad(low, bias)[0].abs().max()) > 1e-3


def _two_levels(upwards: bool) -> LatentVariableModel:
    p = {
        "z2": DiagonalNormal(2),
        "z1": DiagonalNormal(2).given("z2", net=Linear()),
        "x": Normal(3).given("z1", net=Linear()),
    }
    low, high = ("x", "z1") if upwards else ("z2", "x")
    q = {"z1": DiagonalNormal(2).given(low, net=Linear()), "z2": DiagonalNormal(2).given(high, net=Linear())}
    return LatentVariableModel(p, q)


@pytest.mark.parametrize("prior", [DiagonalNormal(2), NormalMixture(2, 3)], ids=["exact", "sampled"])
@pytest.mark.parametrize("samples", [1, 3])
def test_the_shares_of_prior_and_posterior_in_the_gradient_of_a_kl(prior: Family, samples: int) -> None:
    torch.manual_seed(0)
    model = VAE(prior, DiagonalNormal(2).given("x", net=Linear()), Normal(3).given("z", net=Linear()))
    trace = model.trace({"x": torch.randn(6, 3)}, samples)
    assert (trace.kl("z") is None) == isinstance(prior, NormalMixture)
    p, q = list(model.generative_parts["z"].parameters()), list(model.inference_parts["z"].parameters())

    def gradients(objective: Objective) -> tuple[Tensor, ...]:
        return torch.autograd.grad(
            objective.of(trace).sum(), p + q, retain_graph=True, materialize_grads=True
        )

    plain = gradients(KL())
    assert all(float(gradient.abs().max()) > 1e-3 for gradient in plain)
    for share in (0.0, 0.3, 1.0):
        torch.testing.assert_close(KL(prior_share=share).of(trace), KL().of(trace))
        weights = [share] * len(p) + [1.0 - share] * len(q)
        for found, whole, weight in zip(gradients(KL(prior_share=share)), plain, weights, strict=True):
            torch.testing.assert_close(found, weight * whole)


@pytest.mark.parametrize(
    "family",
    [
        Categorical(3),
        DiagonalNormal(3),
        FullNormal(3),
        Laplace(3),
        Normal(3),
        NormalMixture(3, 2),
        VonMisesFisher(3),
    ],
    ids=repr,
)
def test_a_stopped_distribution_is_the_same_and_passes_no_gradient(family: Family) -> None:
    params = {name: torch.randn(5, *size).requires_grad_() for name, size in family.params.items()}
    distribution = family(params, family.constants)
    value = distribution.sample()
    found = stopped(distribution).log_prob(value)
    assert torch.equal(found, distribution.log_prob(value))
    assert distribution.log_prob(value).requires_grad
    assert not found.requires_grad


@pytest.mark.parametrize("upwards", [False, True])
def test_in_a_hierarchy_the_two_shares_make_the_whole_gradient(upwards: bool) -> None:
    """Inferred upwards, p(z1 | z2) reads what was drawn given z1: no closed form is valid there."""
    torch.manual_seed(0)
    model = _two_levels(upwards)
    trace = model.trace({"x": torch.randn(6, 3)}, 2)
    assert (trace.kl("z1") is None) == upwards
    parameters = [*model.generative_parts["z2"].parameters(), *model.inference.parameters()]

    def gradients(objective: Objective) -> tuple[Tensor, ...]:
        return torch.autograd.grad(
            objective.of(trace).sum(), parameters, retain_graph=True, materialize_grads=True
        )

    of_q, of_p = gradients(KL(prior_share=0.0)), gradients(KL(prior_share=1.0))
    for first, second, whole in zip(of_q, of_p, gradients(KL()), strict=True):
        torch.testing.assert_close(first + second, whole)
    torch.testing.assert_close(KL(prior_share=0.3).of(trace), KL().of(trace))
    assert all(float(gradient.abs().max()) == 0.0 for gradient in of_q[:2])
    assert all(float(gradient.abs().max()) > 1e-3 for gradient in of_p[:2])


def test_a_floor_and_shares_go_together_and_enumeration_is_refused() -> None:
    torch.manual_seed(0)
    model = _two_levels(upwards=False)
    trace = model.trace({"x": torch.randn(6, 3)})
    by_hand = sum(trace.kl_of(name).clamp_min(0.2) for name in ("z1", "z2"))
    torch.testing.assert_close(KL(free_bits=0.2, prior_share=0.8).of(trace), by_hand)
    clusters = LatentVariableModel(
        {"y": UniformCategorical(3), "z": StandardNormal(2), "x": Normal(4).given("y", "z", net=Linear())},
        {"y": Categorical(3).given("x", net=Linear()), "z": DiagonalNormal(2).given("x", "y", net=Linear())},
    )
    objective = ELBO(enumerate=["y"]) - KL(prior_share=0.8)
    with pytest.raises(ValueError, match="prior_share has no meaning beside enumerated latents, here 'y'"):
        objective(clusters, {"x": torch.randn(4, 4)})
    with pytest.raises(ValueError, match=r"KL got prior_share=1\.5"):
        KL(prior_share=1.5)
