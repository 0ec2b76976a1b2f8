"""Rows given conditions: against the exact conditional law of linear normal data."""

from __future__ import annotations

import pytest
import torch
from by_hand import around, fixed, read, rows, standard, stir
from torch.distributions import MultivariateNormal, kl_divergence

from anyvae.conditionals import Bernoulli, Normal, OneScale
from anyvae.inference import log_likelihood, sample
from anyvae.networks import MLP, Linear
from anyvae.objectives import ELBO
from anyvae.recipes import cvae
from anyvae.training import fit


@pytest.mark.usefixtures("double")
def test_prior_encoder_and_decoder_read_the_condition() -> None:
    torch.manual_seed(0)
    model = cvae(Normal(4), 2, 3, encoder=MLP([8]), decoder=MLP([8]), prior=MLP([5]))
    stir(model)
    x, c = rows(), rows(features=3)
    p, q = model.generative_parts, model.inference_parts
    of_z, prior = read(q["z"], x, c), read(p["z"], c)
    z = of_z.mean + of_z.stddev * fixed("z", torch.Size((3, 6, 2)), torch.float64)
    log_x = around(p["x"], p["x"].net(z, c)[0]).log_prob(x)
    trace = model.trace({"x": x, "c": c}, 3, fixed)
    torch.testing.assert_close(trace.log_weight(), log_x + prior.log_prob(z) - of_z.log_prob(z))
    torch.testing.assert_close(ELBO().of(trace), log_x.mean(0) - kl_divergence(of_z, prior))
    assert float(kl_divergence(prior, standard(prior.mean)).detach().min()) > 0.01
    with pytest.raises(ValueError, match="conditioned on 'c', which the batch lacks"):
        model.trace({"x": x})


def test_the_likelihood_given_a_condition_is_the_exact_one() -> None:
    """x = A c + B z + noise: p(x | c) = N(A c, B B' + noise^2 I)."""
    torch.manual_seed(0)
    a, b, noise = torch.tensor([[2.0, 0.0], [1.0, -1.0], [0.0, 1.5], [-1.0, 0.5]]), torch.randn(4, 1), 0.5
    c = torch.randn(3000, 2)
    law = MultivariateNormal(c @ a.T, covariance_matrix=b @ b.T + noise**2 * torch.eye(4))
    x = law.sample()
    model = cvae(
        Normal(4, scale=OneScale()), 1, condition=2, encoder=Linear(), decoder=Linear(), prior=Linear()
    )
    fit(model, {"x": x[:2000], "c": c[:2000]}, steps=500, batch_size=200, learning_rate=0.03)
    reached = log_likelihood(model, {"x": x[2000:], "c": c[2000:]}, samples=50)
    assert float(reached.mean()) == pytest.approx(float(law.log_prob(x)[2000:].mean()), abs=0.05)
    many = sample(model, 4000, seed=0, given={"c": torch.tensor([1.0, -1.0]).expand(4000, 2)})["x"]
    torch.testing.assert_close(many.mean(0), a @ torch.tensor([1.0, -1.0]), rtol=0, atol=0.25)
    torch.testing.assert_close(many.T.cov(), law.covariance_matrix[0], rtol=0, atol=0.3)


def test_networks_of_a_picture_that_is_given_are_those_of_the_encoder() -> None:
    model = cvae(Bernoulli((4, 4)), 2, condition=(4, 4), encoder=MLP([7]), decoder=MLP([7]))
    assert model.generative_parts["z"].net.entry.layers[0].weight.shape == (7, 16)
    vector = cvae(Bernoulli(4), 2, condition=(3,), encoder=MLP([7]))
    assert vector.generative_parts["z"].net.entry.layers[0].weight.shape == (128, 3)
    holes = cvae(Bernoulli(4), 2, condition=3, missing=True)
    assert [str(parent) for parent in holes.inference_parts["z"].parents] == ["x", "observed(x)", "c"]
