"""Likelihoods and bounds: deterministic, seeded, leaving no trace in the process, growing with S."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import nn

from anyvae.conditionals import Bernoulli, DiagonalNormal, Normal, NormalMixture, StandardNormal, observed
from anyvae.inference import RowNoise, embed, evaluate_bound, log_likelihood, posterior, seeded
from anyvae.inference.noise import row_keys
from anyvae.model import VAE, Evidence, LatentVariableModel, Partial
from anyvae.networks import MLP, Linear
from anyvae.objectives import ELBO, IWAE, elbo, iwae
from anyvae.recipes import fsq_vae, vq_vae
from oracles import LinearGaussian, set_linear, z_score

pytestmark = pytest.mark.usefixtures("double")


@pytest.fixture
def wrong() -> LinearGaussian:
    """Known evidence, and a posterior that is a little too wide and shifted."""
    return LinearGaussian(5, 2, stretch=1.15, shift=0.1)


def test_deterministic_and_torchs_generator_as_it_was(wrong: LinearGaussian) -> None:
    x = wrong.rows(50)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = log_likelihood(wrong.model, {"x": x}, samples=30)
    bound = evaluate_bound(wrong.model, {"x": x}, samples=3)
    embed(wrong.model, {"x": x})
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    assert torch.equal(log_likelihood(wrong.model, {"x": x}, samples=30), first)
    assert torch.equal(evaluate_bound(wrong.model, {"x": x}, samples=3).elbo, bound.elbo)
    other = log_likelihood(wrong.model, {"x": x}, samples=30, seed=1)
    assert float((other - first).abs().min()) > 0.0, "the seed changes nothing"
    assert not first.requires_grad


def test_the_estimate_goes_to_the_evidence_whatever_the_chunks(wrong: LinearGaussian) -> None:
    x = wrong.rows(700)
    evidence = wrong.evidence(x)
    # 700 rows and 700 draws cross both chunks: of rows, and of 512 draws.
    found = log_likelihood(wrong.model, {"x": x}, samples=700)
    assert abs(float((found - evidence).mean())) < 5e-3
    assert float((found - evidence).std()) < 0.05
    torch.testing.assert_close(
        log_likelihood(wrong.model, {"x": x[300:310]}, samples=700), found[300:310], rtol=1e-11, atol=1e-11
    )


def test_importance_bound_of_one_draw_is_the_elbo_in_the_mean(wrong: LinearGaussian) -> None:
    torch.manual_seed(0)
    x = wrong.rows(4).repeat_interleave(5000, 0)
    with torch.no_grad():
        single = IWAE(samples=1)(wrong.model, {"x": x}).view(4, 5000).T
        bound = ELBO()(wrong.model, {"x": x}).view(4, 5000).T
    difference = z_score(single - bound, 0.0)
    assert bool((difference.abs() < 5).all())
    assert bool((z_score(single, wrong.evidence(wrong.rows(4))) < -5).all()), "the bound is not below log p"


def test_importance_bound_grows_and_its_gap_shrinks_as_one_over_samples(wrong: LinearGaussian) -> None:
    torch.manual_seed(0)
    x = wrong.rows(1).expand(40_000, -1)
    evidence = wrong.evidence(x[:1])
    sizes = [1, 2, 4, 8, 16, 32]
    gaps = []
    with torch.no_grad():
        log_ratio = wrong.model.trace({"x": x}, 32).log_weight() - evidence
        for samples in sizes:
            trace = wrong.model.trace({"x": x}, 32)
            ratio = log_ratio[:samples].exp().mean(0)
            combined = trace.log_mean_exp(log_ratio[:samples])
            # E w / p(x) = 1 exactly, so subtracting ratio - 1 changes no mean and most of the noise.
            gaps.append(float((ratio - 1.0 - combined).mean()))
        assert bool((z_score(log_ratio[0].exp(), 1.0).abs() < 5).all())
    assert all(larger > smaller > 0 for larger, smaller in pairwise(gaps))
    first, last = gaps[1], gaps[-1]
    slope = math.log(last / first) / math.log(sizes[-1] / sizes[1])
    assert abs(slope + 1.0) < 0.25, f"the gap shrinks like S^{slope:.2f}"


def test_more_samples_are_tighter_in_the_mean(wrong: LinearGaussian) -> None:
    x = wrong.rows(2000)
    means = [float(log_likelihood(wrong.model, {"x": x}, samples=s).mean()) for s in (1, 10, 100, 1000)]
    assert means == sorted(means)
    assert means[-1] - float(wrong.evidence(x).mean()) == pytest.approx(0.0, abs=5e-3)


def test_bound_is_its_parts_and_its_mean_the_exact_one(wrong: LinearGaussian) -> None:
    x = wrong.rows(300)
    bound = evaluate_bound(wrong.model, {"x": x}, samples=40)
    torch.testing.assert_close(bound.elbo, bound.log_likelihood - bound.kl["z"])
    q = posterior(wrong.model, {"x": x})["z"]
    exact_kl = 0.5 * (q.mean**2 + q.stddev**2 - 1) - q.stddev.log()
    torch.testing.assert_close(bound.kl["z"], exact_kl.sum(1))
    noise = wrong.noise
    middle = (x - wrong.offset - q.mean @ wrong.loadings.T) / noise
    spread = (q.variance @ (wrong.loadings.T**2)) / noise**2
    exact = (-0.5 * (middle**2 + spread) - noise.log() - 0.5 * math.log(2 * math.pi)).sum(1)
    assert abs(float((bound.log_likelihood - exact).mean())) < 0.05
    assert bool((bound.elbo.mean() < wrong.evidence(x).mean()).item())


def test_dropout_is_off_and_every_mode_restored() -> None:
    model = VAE(
        StandardNormal(2),
        DiagonalNormal(2).given("x", net=MLP([16], dropout=0.5)),
        Normal(3).given("z", net=MLP([16], dropout=0.5)),
    )
    model.train()
    frozen = model.generative_parts["x"]
    frozen.eval()
    modes = [module.training for module in model.modules()]
    x = torch.randn(5, 3)
    torch.manual_seed(0)
    first = log_likelihood(model, {"x": x}, samples=4)
    torch.manual_seed(1)
    assert torch.equal(first, log_likelihood(model, {"x": x}, samples=4))
    assert [module.training for module in model.modules()] == modes
    with pytest.raises(ValueError, match="samples=0"):
        log_likelihood(model, {"x": x}, samples=0)
    assert [module.training for module in model.modules()] == modes


def test_bfloat16_products_give_float32_densities() -> None:
    torch.manual_seed(0)
    model = VAE(
        StandardNormal(4),
        DiagonalNormal(4).given("x", net=MLP([64], nn.GELU)),
        Bernoulli(200).given("z", net=MLP([64], nn.GELU)),
    ).float()
    x = torch.bernoulli(torch.full((6, 200), 0.4))
    with torch.autocast("cpu", torch.bfloat16):
        trace = model.trace({"x": x}, 3)
        for term in (
            trace.log_weight(),
            trace.elbo(),
            trace.log_p("x"),
            trace.kl("z"),
            elbo(trace),
            iwae(trace),
        ):
            assert term.dtype == torch.float32
        assert trace.p("x").logits.dtype == torch.float32
        trace.elbo().sum().backward()
    assert all(parameter.grad.dtype == torch.float32 for parameter in model.parameters())
    plain = log_likelihood(model, {"x": x}, samples=50)
    half = log_likelihood(model, {"x": x}, samples=50, precision=torch.bfloat16)
    assert half.dtype == torch.float32
    assert 0.0 < float((plain - half).abs().max()) < 0.5


def test_row_noise_belongs_to_the_row_and_is_normal() -> None:
    x = torch.randn(5000, 3, generator=torch.Generator().manual_seed(0))
    keys = row_keys({"x": Evidence(x, None)})
    assert len(keys.unique()) > 4600, "rows share their draws"
    binary = torch.bernoulli(torch.full((5000, 40), 0.5))
    assert len(row_keys({"x": Evidence(binary, None)}).unique()) > 4600, "rows of bits share their draws"
    noise = RowNoise(0, keys)("z", torch.Size((4, 5000, 2)), torch.float64)
    assert bool((z_score(noise[0], 0.0).abs() < 5).all())
    assert bool((z_score(noise[0].square(), 1.0).abs() < 5).all())
    assert bool((z_score(noise[0] * noise[1], 0.0).abs() < 5).all())
    pool = RowNoise(0, torch.zeros(1).long())("z", torch.Size((2**16, 1, 2)), torch.float64)[:, 0]
    torch.testing.assert_close(pool.mean(0), torch.zeros(2), rtol=0, atol=1e-6)
    torch.testing.assert_close(pool.T @ pool / 2**16, torch.eye(2), rtol=0, atol=1e-6)
    shifted = RowNoise(0, keys, offset=2)("z", torch.Size((2, 5000, 2)), torch.float64)
    assert torch.equal(shifted, noise[2:]), "later draws are not the continuation of earlier ones"
    other = RowNoise(0, keys)("latent_b", torch.Size((4, 5000, 2)), torch.float64)
    assert bool((z_score(noise[0] * other[0], 0.0).abs() < 5).all())
    similar = RowNoise(0, keys)("latent_a", torch.Size((4, 5000, 2)), torch.float64)
    assert bool((z_score(similar[0] * other[0], 0.0).abs() < 5).all()), "names that begin alike share noise"


def test_seeded_leaves_the_generator_as_it_was() -> None:
    torch.manual_seed(9)
    before = torch.random.get_rng_state()
    with contextlib.suppress(RuntimeError), seeded(1):
        torch.rand(3)
        raise RuntimeError
    assert torch.equal(torch.random.get_rng_state(), before)
    with seeded(None):
        torch.rand(3)
    assert not torch.equal(torch.random.get_rng_state(), before)


def test_draws_of_the_prior_make_up_for_an_encoder_that_sees_one_of_two_sides() -> None:
    """Of a row of which nothing is seen log p is 0; q sits on one component of the prior."""
    prior = NormalMixture(1, 2).given(
        start={"loc": torch.tensor([[-4.0], [4.0]]), "logits": torch.tensor([0.0, 1.0])}
    )
    encoder = DiagonalNormal(1).given("x", observed("x"), net=Linear())
    model = VAE(prior, encoder, Normal(2).given("z", net=Linear()))
    set_linear(
        encoder,
        loc=(torch.full((1,), 4.0), torch.zeros(1, 2), torch.zeros(1, 2)),
        raw_scale=(torch.zeros(1), torch.zeros(1, 2), torch.zeros(1, 2)),
    )
    nothing = {"x": Partial(torch.zeros(3, 2), torch.zeros(3, 2, dtype=torch.bool))}
    blind = log_likelihood(model, nothing, samples=2000)
    assert bool((blind < -0.2).all())
    # Half of the draws are of each, so weights are 2 p / (p + q), of variance below 1.
    found = log_likelihood(model, nothing, samples=2000, prior=0.5)
    torch.testing.assert_close(found, torch.zeros(3), rtol=0, atol=5 / 2000**0.5)
    assert torch.equal(log_likelihood(model, nothing, samples=2000, prior=0.5), found)
    one = {"x": Partial(nothing["x"].value[:1], nothing["x"].mask[:1])}
    torch.testing.assert_close(log_likelihood(model, one, samples=2000, prior=0.5), found[:1])
    with pytest.raises(ValueError, match="drawn or summed over"):
        log_likelihood(model, nothing, prior=0.5, enumerate=["z"])


def test_draws_of_the_prior_leave_the_exact_answer() -> None:
    oracle = LinearGaussian(4, 2)
    x = oracle.rows(5)
    found = log_likelihood(oracle.model, {"x": x}, samples=20_000, prior=0.5)
    torch.testing.assert_close(found, oracle.evidence(x), rtol=0, atol=0.1)


@pytest.mark.parametrize("recipe", [vq_vae, fsq_vae])
def test_draws_of_the_prior_weigh_codes_as_they_weigh_numbers(
    recipe: Callable[..., LatentVariableModel],
) -> None:
    """q has one code, and no density at all where the prior drew another: log p is the mean over draws of the prior."""
    torch.manual_seed(0)
    model = recipe(Normal(3), 1, missing=True, encoder=MLP([6]), decoder=MLP([6])).eval()
    mask = torch.tensor([[True, True, True], [True, False, False], [False, True, True]])
    batch = {"x": Partial(torch.randn(3, 3), mask)}
    z = model.generative_parts["z"]().sample((20_000, 1))
    plain = model.trace(batch).reread({"z": z}, keep_q=False).log_p("x").logsumexp(0) - math.log(20_000)
    found = log_likelihood(model, batch, samples=4000, prior=0.5)
    assert bool(torch.isfinite(found).all())
    torch.testing.assert_close(found, plain, rtol=0, atol=0.05)
