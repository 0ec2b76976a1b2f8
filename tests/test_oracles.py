"""The judges themselves."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import MultivariateNormal

from anyvae.conditionals import bounded_scale
from oracles import LinearGaussian, probabilistic_pca, raw_scale, z_score

pytestmark = pytest.mark.usefixtures("double")


def test_closed_form_of_pca_is_the_likelihood_of_its_own_solution() -> None:
    x = torch.randn(200, 5, generator=torch.Generator().manual_seed(0)) @ torch.randn(5, 5)
    covariance = torch.cov(x.T, correction=0)
    values, vectors = torch.linalg.eigh(covariance)
    noise = values[:3].mean()
    model = vectors[:, 3:] @ torch.diag(values[3:] - noise) @ vectors[:, 3:].T + noise * torch.eye(5)
    exact = MultivariateNormal(x.mean(0), model).log_prob(x).mean()
    assert probabilistic_pca(x, 2) == pytest.approx(float(exact), abs=1e-9)


def test_posterior_of_the_oracle_is_bayes() -> None:
    oracle = LinearGaussian(5, 2, per_feature=True)
    x, z = oracle.rows(3), torch.randn(3, 2)
    p, q = oracle.model.generative_parts["x"](z), oracle.model.inference_parts["z"](x)
    bayes = p.log_prob(x) - 0.5 * z.square().sum(1) - torch.tensor(2 * torch.pi).log() - oracle.evidence(x)
    torch.testing.assert_close(q.log_prob(z), bayes)


def test_scales_there_and_back() -> None:
    scales = torch.tensor([0.01, 0.7, 1.0, 30.0])
    torch.testing.assert_close(bounded_scale(raw_scale(scales)), scales)


def test_standard_errors() -> None:
    draws = torch.randn(400, 50, generator=torch.Generator().manual_seed(0))
    assert 0.8 < float(z_score(draws, 0.0).std()) < 1.2
    assert float(z_score(draws, 0.5).max()) < -5
