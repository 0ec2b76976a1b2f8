"""Factor analysis against scikit-learn's, planted factors, and brute force."""

from __future__ import annotations

import math

import pytest
import torch
from linear_rows import (
    holes,
    linear_rows,
    marginal,
    never_falls,
    random_loadings,
    slow_log_likelihood,
    steepest,
)
from torch import Tensor

from anyvae.classical import FactorAnalysis, ProbabilisticPCA
from anyvae.classical.rows import read_rows
from oracles import LinearGaussian

pytestmark = pytest.mark.usefixtures("double")

NOISE = torch.tensor([0.2, 0.4, 0.6, 0.8, 1.0, 0.3, 0.5, 0.7], dtype=torch.float64)


def scikit_learn(x: Tensor, latents: int) -> float:
    from sklearn.decomposition import FactorAnalysis as Theirs

    theirs = Theirs(latents, svd_method="lapack", tol=1e-8, max_iter=20_000)
    return float(theirs.fit(x.numpy()).score(x.numpy()))


def small_wine() -> Tensor:
    from sklearn.datasets import load_wine

    x = torch.tensor(load_wine().data)
    return (x - x.mean(0)) / x.std(0, correction=0)


@pytest.mark.parametrize("latents", [1, 2, 3])
def test_at_least_as_likely_as_scikit_learns(latents: int) -> None:
    x = small_wine()
    ours = FactorAnalysis(latents).fit(x)
    assert never_falls(ours.history_)
    assert float(ours.log_likelihood(x).mean()) == pytest.approx(ours.history_[-1], abs=1e-10)
    theirs = scikit_learn(x, latents)
    assert theirs - 1e-3 < ours.history_[-1] < theirs + 1e-3


@pytest.mark.real
def test_the_better_of_two_maxima_of_wine(wine: Tensor) -> None:
    """One latent may explain what features share, or follow one feature alone, which is worth 0.07 nats less."""
    x = (wine[:, :11] - wine[:, :11].mean(0)) / wine[:, :11].std(0, correction=0)
    ours = FactorAnalysis(1).fit(x)
    assert ours.history_[-1] == pytest.approx(-14.76749, abs=1e-4)
    assert ours.history_[-1] > scikit_learn(x, 1) - 1e-5


def test_planted_factors_are_found() -> None:
    planted = random_loadings(8, 2)
    x = linear_rows(20_000, planted, NOISE)
    ours = FactorAnalysis(2).fit(x)
    torch.testing.assert_close(ours.noise_variance_.sqrt(), NOISE, rtol=0.03, atol=0.01)
    first, _ = torch.linalg.qr(planted)
    second, _ = torch.linalg.qr(ours.loadings_)
    cosines = torch.linalg.svdvals(first.T @ second)
    assert float(cosines.min()) > math.cos(0.02)
    # The same noise for all turns principal components away from the noisier features.
    second, _ = torch.linalg.qr(ProbabilisticPCA(2).fit(x).loadings_)
    assert float(torch.linalg.svdvals(first.T @ second).min()) < math.cos(0.03)


def test_holes_climb_to_a_maximum() -> None:
    x = linear_rows(200, random_loadings(8, 2, 1), NOISE)
    mask = holes(x, 0.3)
    ours = FactorAnalysis(2).fit(x.where(mask, torch.nan), mask, tolerance=1e-12)
    assert never_falls(ours.history_)
    exact = slow_log_likelihood(ours, x, mask)
    torch.testing.assert_close(ours.log_likelihood(x, mask), exact)
    assert ours.history_[-1] == pytest.approx(float(exact.mean()), abs=1e-10)
    assert steepest(ours, x, mask) < 1e-5
    missed = (ours.impute(x, mask) - x)[~mask].square().mean()
    guessed = ((x * mask).sum(0) / mask.sum(0) - x)[~mask].square().mean()
    assert float(missed) < 0.7 * float(guessed)


def test_one_step_is_that_of_latents_with_a_mean_and_covariance_of_their_own() -> None:
    x = linear_rows(40, random_loadings(8, 3), NOISE)
    with pytest.warns(RuntimeWarning, match=r"3 steps"):
        ours = FactorAnalysis(3).fit(x, max_steps=3)
    posterior = ours.posterior(x)
    design = torch.cat([posterior.loc, torch.ones(40, 1)], 1)
    moments = design.T @ design / 40
    moments[:3, :3] += posterior.covariance.mean(0)
    weights = torch.linalg.solve(moments, design.T @ x / 40).T
    mean = posterior.loc.mean(0)
    covariance = moments[:3, :3] - mean.outer(mean)
    rows = read_rows(x, None, "x")
    ours._maximise(rows, ours._infer(rows), torch.zeros(8))
    torch.testing.assert_close(
        ours.loadings_ @ ours.loadings_.T, weights[:, :3] @ covariance @ weights[:, :3].T
    )
    torch.testing.assert_close(ours.loc_, weights[:, 3] + weights[:, :3] @ mean)
    expected = (x - design @ weights.T).square().mean(0)
    expected += (weights[:, :3] @ posterior.covariance[0] * weights[:, :3]).sum(1)
    torch.testing.assert_close(ours.noise_variance_, expected)


def test_units_do_not_matter() -> None:
    x = linear_rows(300, random_loadings(8, 2), NOISE)
    units = 10.0 ** torch.arange(-4.0, 4.0)
    one, other = FactorAnalysis(2).fit(x, tolerance=1e-10), FactorAnalysis(2).fit(x * units, tolerance=1e-10)
    shifted = other.log_likelihood(x * units) + units.log().sum()
    torch.testing.assert_close(shifted, one.log_likelihood(x), rtol=0.0, atol=1e-5)
    torch.testing.assert_close(other.noise_variance_ / units**2, one.noise_variance_, rtol=1e-3, atol=0.0)


def test_latents_are_independent_given_a_whole_row_and_the_density_is_normal() -> None:
    x = linear_rows(100, random_loadings(8, 3), NOISE)
    ours = FactorAnalysis(3).fit(x)
    torch.testing.assert_close(ours.log_likelihood(x), marginal(ours).log_prob(x))
    covariance = ours.posterior(x).covariance[0]
    assert float((covariance - covariance.diagonal().diag()).abs().max()) < 1e-9
    assert bool((covariance.diagonal().diff() > 0).all()), "the most telling latent does not come first"
    assert bool((ours.loadings_.gather(0, ours.loadings_.abs().argmax(0, keepdim=True)) > 0).all())


def test_the_likelihood_is_the_oracles() -> None:
    oracle = LinearGaussian(5, 2, per_feature=True)
    ours = FactorAnalysis(2).fit(oracle.rows(50))
    ours.loc_, ours.loadings_, ours.noise_variance_ = oracle.offset, oracle.loadings, oracle.noise**2
    x = oracle.rows(20, seed=5)
    torch.testing.assert_close(ours.log_likelihood(x), oracle.evidence(x))
    exact = oracle.model.trace({"x": x}, samples=2).log_weight()
    torch.testing.assert_close(exact.detach(), ours.log_likelihood(x).expand(2, -1), rtol=0.0, atol=1e-9)


def test_what_is_refused() -> None:
    x = linear_rows(30, random_loadings(8, 2), NOISE)
    x[:, 4] = 0.1
    with pytest.raises(ValueError, match=r"columns \[4\] whose known cells are all the same"):
        FactorAnalysis(2).fit(x)
    x[0, 4] = 5.0
    mask = torch.ones_like(x, dtype=torch.bool)
    mask[0, 4] = False
    with pytest.raises(ValueError, match=r"columns \[4\] whose known"):
        FactorAnalysis(2).fit(x, mask)
    with pytest.raises(ValueError, match=r"30 rows of 8 features"):
        FactorAnalysis(8).fit(x)
    with pytest.raises(ValueError, match=r"starts=0"):
        FactorAnalysis(2).fit(x, starts=0)
    with pytest.raises(ValueError, match=r"got inf in row 2, column 1"):
        FactorAnalysis(2).fit(x.index_put((torch.tensor(2), torch.tensor(1)), torch.tensor(torch.inf)))
