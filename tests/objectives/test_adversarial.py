"""A critic learns the KL of a posterior from its draws, against the closed form; an implicit posterior trains by it."""

from __future__ import annotations

import pytest
import torch

from anyvae.conditionals import Implicit, Normal, OneScale, StandardNormal
from anyvae.inference import evaluate_bound, posterior, reconstruct
from anyvae.model import VAE, LatentVariableModel
from anyvae.networks import MLP, Linear
from anyvae.objectives import Cosine, Critic, CriticKL, LogLikelihood, TellPosterior, elbo
from anyvae.training import Player, fit
from oracles import LinearGaussian

pytestmark = pytest.mark.usefixtures("double")


def test_the_trained_critic_knows_the_divergence_of_every_row() -> None:
    torch.manual_seed(0)
    oracle = LinearGaussian(2, 1)
    critic = Critic(2, 1, net=MLP([64, 64]))
    x = oracle.rows(4000, seed=3)
    players = [Player("critic", TellPosterior(critic), parts=[critic], learning_rate=Cosine(5e-3, 0.0))]
    before = [parameter.clone() for parameter in oracle.model.parameters()]
    fit(oracle.model, x, players=players, steps=500, batch_size=500, evaluations=1)
    assert all(torch.equal(old, new) for old, new in zip(before, oracle.model.parameters(), strict=True))
    fresh = {"x": oracle.rows(5000, seed=4)}
    with torch.no_grad():
        found = CriticKL(critic)(oracle.model, fresh).mean()
        exact = oracle.model.trace(fresh).kl_total().mean()
    assert float(exact) > 0.8
    assert float(found) == pytest.approx(float(exact), rel=0.08)


def bent() -> tuple[LatentVariableModel, torch.Tensor]:
    """x is the square of z and noise: the posterior of a row has two modes, at both roots."""
    torch.manual_seed(0)
    model = VAE(
        StandardNormal(1),
        Implicit(1, ["x"], net=MLP([32, 32]), noise=2),
        Normal(1, scale=OneScale()).given("z", net=MLP([16])),
    )
    z = torch.randn(3000, 1)
    return model, z.square() + 0.1 * torch.randn(3000, 1)


def test_an_implicit_posterior_trains_against_a_critic() -> None:
    model, x = bent()
    critic = Critic(1, 1, net=MLP([64, 64]))
    with pytest.raises(NotImplementedError, match="an implicit posterior has draws but no density"):
        elbo(model.trace({"x": x}))
    start = reconstruct(model, {"x": x}, draw=True)["x"]
    players = [
        Player("model", LogLikelihood() - CriticKL(critic), learning_rate=Cosine(2e-3, 0.0)),
        Player("critic", TellPosterior(critic), [critic], learning_rate=Cosine(4e-3, 0.0)),
    ]
    result = fit(model, x, players=players, steps=700, batch_size=300, keep_last=True, evaluations=2)
    assert result.steps == 700
    found = reconstruct(model, {"x": x}, draw=True)["x"]
    spread = float(x.square().mean())
    assert float((found - x).square().mean()) < 0.6 * float((start - x).square().mean())
    assert float((found - x).square().mean()) < 0.5 * spread
    # The aggregate of the draws stays near the prior, which the critic holds it to.
    q = posterior(model, {"x": x})["z"].sample()
    assert abs(float(q.mean())) < 0.5
    assert 0.5 < float(q.std()) < 1.6


def test_a_model_without_a_bound_needs_to_keep_the_last() -> None:
    model, x = bent()
    critic = Critic(1, 1, net=MLP([4]))
    players = [
        Player("model", LogLikelihood() - CriticKL(critic)),
        Player("critic", TellPosterior(critic), [critic]),
    ]
    with pytest.raises(ValueError, match=r"implicit posterior has draws but no density.*keep_last=True"):
        fit(model, x[:100], validation=x[100:150], players=players, steps=3)
    with pytest.raises(NotImplementedError, match="implicit posterior"):
        evaluate_bound(model, {"x": x[:5]})


def test_gradients_go_where_they_belong() -> None:
    model, x = bent()
    critic = Critic(1, 1, net=MLP([4]))
    CriticKL(critic)(model, {"x": x[:20]}).sum().backward()
    assert all(parameter.grad is None for parameter in critic.parameters())
    assert any(parameter.grad is not None for parameter in model.inference.parameters())
    model.zero_grad(set_to_none=True)
    TellPosterior(critic)(model, {"x": x[:20]}).sum().backward()
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(parameter.grad is not None for parameter in critic.parameters())


def test_refusals() -> None:
    model, x = bent()
    with pytest.raises(
        ValueError, match=r"critic reads the shapes \[\(3,\), \(1,\)\] and got \[\(1,\), \(1,\)\]"
    ):
        CriticKL(Critic(3, 1, net=MLP([4])))(model, {"x": x[:5]})
    with pytest.raises(ValueError, match="does not hold 'c', which the critic reads"):
        CriticKL(Critic(1, 1, net=MLP([4])), given=["c"])(model, {"x": x[:5]})
    with pytest.raises(ValueError, match="Implicit got noise=0"):
        Implicit(2, ["x"], net=MLP([4]), noise=0)
    other = Implicit(1, ["x"], net=Linear())
    VAE(StandardNormal(1), other, Normal(2).given("z", net=Linear()))
    with pytest.raises(ValueError, match=r"was built for parents of shapes \[\(2,\)\]"):
        VAE(StandardNormal(1), other, Normal(3).given("z", net=Linear()))
