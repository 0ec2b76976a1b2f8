"""Priors fitted after the fact: a mixture, a normal, a second VAE; nothing else changes."""

from __future__ import annotations

import pytest
import torch

from anyvae.conditionals import (
    NSF,
    DiagonalNormal,
    Flow,
    Normal,
    NormalMixture,
    ProductOfExperts,
    Refined,
    Residual,
    StandardNormal,
)
from anyvae.conditionals import prior as generative
from anyvae.inference import evaluate_bound, log_likelihood, posterior, sample
from anyvae.model import VAE, LatentVariableModel
from anyvae.networks import MLP, Linear
from anyvae.training import fit_prior
from oracles import LinearGaussian, raw_scale, set_linear

pytestmark = pytest.mark.usefixtures("double")


def two_islands() -> tuple[LatentVariableModel, dict[str, torch.Tensor]]:
    """An encoder whose aggregate posterior is two normals, at -2 and 2, of standard deviation .5."""
    oracle = LinearGaussian(2, 1)
    encoder = oracle.model.inference_parts["z"]
    set_linear(
        encoder,
        loc=(torch.zeros(1), torch.tensor([[1.0, 0.0]])),
        raw_scale=(raw_scale(0.3).view(1), torch.zeros(1, 2)),
    )
    generator = torch.Generator().manual_seed(11)
    side = torch.where(torch.rand(3000, generator=generator) < 0.25, -2.0, 2.0)
    x = torch.stack([side + 0.4 * torch.randn(3000, generator=generator), side], 1).double()
    return oracle.model, {"x": x}


def test_a_mixture_finds_the_aggregate() -> None:
    model, data = two_islands()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    better = fit_prior(model, data, NormalMixture(1, components=2))
    prior = better.generative_parts["z"]()
    order = prior.loc[:, 0].argsort()
    torch.testing.assert_close(prior.loc[order, 0], torch.tensor([-2.0, 2.0]), rtol=0, atol=0.06)
    torch.testing.assert_close(prior.scale[order, 0], torch.tensor([0.5, 0.5]), rtol=0, atol=0.04)
    torch.testing.assert_close(prior.logits[order].exp(), torch.tensor([0.25, 0.75]), rtol=0, atol=0.03)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, state[name], rtol=0, atol=0)
    gain = evaluate_bound(better, data).elbo.mean() - evaluate_bound(model, data).elbo.mean()
    # E_q log of the aggregate's density, less that of N(0, 1), by the mixture's own formula.
    z = posterior(model, data)["z"].sample()
    wanted = (prior.log_prob(z) - torch.distributions.Normal(0.0, 1.0).log_prob(z[:, 0])).mean()
    assert float(gain) == pytest.approx(float(wanted.detach()), abs=0.05)
    assert float(gain) > 1.0
    assert float(sample(better, 4000, ["z"], seed=0)["z"].abs().mean()) == pytest.approx(2.0, abs=0.1)


def test_a_normal_by_gradient_finds_the_moments() -> None:
    model, data = two_islands()
    better = fit_prior(model, data, DiagonalNormal(1), steps=600, learning_rate=0.05)
    prior = better.generative_parts["z"]()
    spread = (0.25 * 0.75 * 16.0 + 0.25) ** 0.5
    assert float(prior.mean.detach()) == pytest.approx(1.0, abs=0.1)
    assert float(prior.stddev.detach()) == pytest.approx(spread, abs=0.1)


def test_a_flow_finds_both_islands() -> None:
    torch.manual_seed(0)
    model, data = two_islands()
    better = fit_prior(model, data, Flow(StandardNormal(1), NSF([16], bins=8)), steps=300, learning_rate=3e-2)
    assert evaluate_bound(better, data).elbo.mean() > evaluate_bound(model, data).elbo.mean() + 0.8
    drawn = sample(better, 4000, ["z"], seed=0)["z"]
    assert 0.15 < float((drawn < 0).double().mean()) < 0.35
    assert float((drawn.abs() < 0.7).double().mean()) < 0.1


def test_a_second_vae_makes_a_two_stage_model() -> None:
    torch.manual_seed(0)
    model, data = two_islands()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    upper = LatentVariableModel(
        {"u": StandardNormal(1), "z": Normal(1).given("u", net=MLP([32]))},
        {"u": DiagonalNormal(1).given("z", net=MLP([32]))},
    )
    better = fit_prior(model, data, upper, steps=1000, learning_rate=1e-2)
    assert better.latents == ("z", "u")
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, state[name], rtol=0, atol=0)
    gain = (log_likelihood(better, data, 200) - log_likelihood(model, data, 200)).mean()
    assert float(gain) > 0.5
    drawn = sample(better, 4000, ["z"], seed=0)["z"]
    assert 0.1 < float((drawn < 0).double().mean()) < 0.45
    assert float((drawn.abs() < 0.7).double().mean()) < 0.25


def test_a_posterior_that_reads_its_prior_is_left_as_it_is() -> None:
    first, data = two_islands()
    q = Refined(first.inference_parts["z"], steps=5)
    model = LatentVariableModel(dict(first.generative_parts), {"z": q})
    before = evaluate_bound(model, data).elbo
    better = fit_prior(model, data, NormalMixture(1, components=2))
    torch.testing.assert_close(evaluate_bound(model, data).elbo, before, rtol=0, atol=0)
    assert float(evaluate_bound(better, data).elbo.mean() - before.mean()) > 0.0


def test_refusals() -> None:
    model, data = two_islands()
    with pytest.raises(ValueError, match=r"fit_prior\('w'\): wanted a latent"):
        fit_prior(model, data, NormalMixture(1, 2), name="w")
    other = VAE(
        StandardNormal(1), DiagonalNormal(1).given("x", net=Linear()), Normal(2).given("z", net=Linear())
    )
    with pytest.raises(ValueError, match="second model observes"):
        fit_prior(model, data, other)
    with pytest.raises(
        TypeError, match="by expectation-maximisation and not by gradient, so that 'steps' has no"
    ):
        fit_prior(model, data, NormalMixture(1, 2), steps=1)
    clash = LatentVariableModel(
        {"x": StandardNormal(1), "z": Normal(1).given("x", net=Linear())},
        {"x": DiagonalNormal(1).given("z", net=Linear())},
    )
    with pytest.raises(ValueError, match="both models have a variable 'x'"):
        fit_prior(model, data, clash)
    # These would move with the prior that is fitted to them, down to a point.
    encoder = DiagonalNormal(1).given("x", net=Linear())
    expert = DiagonalNormal(1).given("x", net=Linear())
    for q in (Residual(encoder), ProductOfExperts([expert], prior=generative("z"))):
        moving = VAE(StandardNormal(1), q, Normal(2).given("z", net=Linear()))
        with pytest.raises(ValueError, match=r"fit_prior\('z'\): q\(z\) reads prior\(z\)"):
            fit_prior(moving, data, DiagonalNormal(1), steps=1)


def test_the_precision_of_the_model_is_kept() -> None:
    model, data = two_islands()
    torch.set_default_dtype(torch.float32)  # the fixture puts back what was there
    better = fit_prior(model, data, NormalMixture(1, components=2))
    assert better.dtype == torch.float64
    assert evaluate_bound(better, data).elbo.dtype == torch.float64
