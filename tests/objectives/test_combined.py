"""Bounds of several draws, and the total correlation against exact and enumerated answers."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from anyvae.conditionals import DiagonalNormal, FullNormal, Normal, StandardNormal
from anyvae.metrics import kl_parts
from anyvae.model import VAE, LatentVariableModel
from anyvae.networks import Linear
from anyvae.objectives import CIWAE, ELBO, IWAE, MIWAE, PIWAE, Renyi, StratifiedTC, WeightedTC
from oracles import LinearGaussian, encoded, z_score

pytestmark = pytest.mark.usefixtures("double")


def test_a_mean_of_importance_bounds() -> None:
    oracle = LinearGaussian(5, 2, stretch=1.3)
    trace = oracle.model.trace({"x": oracle.rows(6)}, 12)
    weight = trace.log_weight().exp()
    by_hand = (weight[:4].mean(0).log() + weight[4:8].mean(0).log() + weight[8:].mean(0).log()) / 3
    torch.testing.assert_close(MIWAE(3, 4).of(trace), by_hand)
    torch.testing.assert_close(MIWAE(1, 12).of(trace), IWAE(12).of(trace))
    torch.testing.assert_close(MIWAE(12, 1).of(trace), trace.log_weight().mean(0))
    with pytest.raises(
        ValueError, match=r"MIWAE\(repeats=2, inner=3\) wants a trace of 6 samples and got 12"
    ):
        MIWAE(2, 3).of(trace)
    with pytest.raises(ValueError, match="MIWAE got repeats=0, inner=8"):
        MIWAE(repeats=0)


def test_encoder_and_decoder_each_follow_a_bound_of_their_own() -> None:
    """On one and the same trace: the gradients of MIWAE for q and of IWAE for p, and nothing else of either."""
    torch.manual_seed(0)
    ladder = LatentVariableModel(
        {
            "z2": DiagonalNormal(2),
            "z1": DiagonalNormal(2).given("z2", net=Linear()),
            "x": Normal(5).given("z1", net=Linear()),
        },
        {"z1": DiagonalNormal(2).given("x", net=Linear()), "z2": DiagonalNormal(2).given("z1", net=Linear())},
    )
    oracle = LinearGaussian(5, 2, per_feature=True, stretch=1.5, shift=0.3)
    for model in (oracle.model, ladder):
        trace = model.trace({"x": oracle.rows(6)}, 12)
        found, inner, outer = PIWAE(3, 4).of(trace), MIWAE(3, 4).of(trace), IWAE(12).of(trace)
        torch.testing.assert_close(found, outer)
        for wanted, other, part in ((inner, outer, model.inference), (outer, inner, model.generative)):
            parameters = list(part.parameters())
            ours, right, wrong = (
                torch.autograd.grad(bound.sum(), parameters, retain_graph=True)
                for bound in (found, wanted, other)
            )
            for mine, expected in zip(ours, right, strict=True):
                torch.testing.assert_close(mine, expected)
            assert max(float((mine - not_this).abs().max()) for mine, not_this in zip(ours, wrong)) > 1e-3
    with pytest.raises(
        ValueError, match=r"PIWAE\(repeats=2, inner=3\) wants a trace of 6 samples and got 12"
    ):
        PIWAE(2, 3).of(trace)
    with pytest.raises(ValueError, match="PIWAE got repeats=3, inner=0"):
        PIWAE(3, 0)


def test_a_combination_of_the_elbo_and_the_importance_bound() -> None:
    oracle = LinearGaussian(5, 2, stretch=1.3)
    trace = oracle.model.trace({"x": oracle.rows(6)}, 8)
    weight = trace.log_weight()
    low, high = weight.mean(0), weight.exp().mean(0).log()
    for beta in (0.0, 0.3, 1.0):
        torch.testing.assert_close(CIWAE(beta).of(trace), beta * low + (1.0 - beta) * high)
    assert CIWAE(0.3, samples=5).samples == 5
    for beta in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="CIWAE got beta="):
            CIWAE(beta)


def test_the_renyi_bound_lies_between_its_limits_and_falls_with_alpha() -> None:
    oracle = LinearGaussian(5, 2, stretch=1.5)
    trace = oracle.model.trace({"x": oracle.rows(6)}, 50)
    torch.testing.assert_close(Renyi(0.0).of(trace), IWAE().of(trace))
    torch.testing.assert_close(Renyi(1.0).of(trace), trace.log_weight().mean(0))
    torch.testing.assert_close(Renyi(1.0 + 1e-7).of(trace), Renyi(1.0).of(trace), rtol=0, atol=1e-4)
    values = torch.stack([Renyi(alpha).of(trace) for alpha in (0.0, 0.3, 0.7, 1.0, 2.0)])
    assert bool((values.diff(dim=0) < 0).all())
    with pytest.raises(ValueError, match="Renyi got alpha=inf"):
        Renyi(math.inf)


def test_the_renyi_bound_against_its_closed_form() -> None:
    """One latent, normal posterior and q: E_q[w^(1/2)] is a Gaussian integral, done here by quadrature."""
    oracle = LinearGaussian(3, 1, stretch=1.6)
    x = oracle.rows(1)
    trace = oracle.model.trace({"x": x})
    q = trace.q("z")
    grid = torch.linspace(-15, 15, 20_001).view(-1, 1, 1)
    values = trace.reread({"z": grid})
    log_weight = values.log_p("z") + values.log_p("x") - q.log_prob(grid)
    exact = (
        2.0
        * torch.trapezoid(
            (0.5 * log_weight + q.log_prob(grid)).exp().squeeze(-1), grid.flatten(), dim=0
        ).log()
    )
    with torch.no_grad():
        draws = torch.stack([Renyi(0.5, samples=4000)(oracle.model, {"x": x}) for _ in range(50)])
    assert abs(float(z_score(draws.squeeze(-1), exact.item()))) < 5


def test_the_stratified_density_is_unbiased() -> None:
    """The mean over every batch of three out of five rows, enumerated: q(z) over all five, to rounding."""
    torch.manual_seed(0)
    model = encoded(torch.randn(3, 1), 0.5)
    x, z = torch.randn(5, 3), torch.tensor([0.3])
    density = model.inference_parts["z"](x).log_prob(z).exp()
    weight = {True: 1.0 / 5, False: 4.0 / (5 * 2)}
    batches = [(0, *rest) for rest in itertools.permutations(range(1, 5), 2)]
    mean = torch.stack([sum(weight[j == 0] * density[j] for j in batch) for batch in batches]).mean()
    torch.testing.assert_close(mean, density.mean())
    # And the objective uses these weights: rows as data set, one latent of two at a time.
    two = encoded(torch.randn(3, 2), 0.5)
    trace = two.trace({"x": x[:3]})
    q, draw = trace.q("z"), trace.values["z"]
    matrix = torch.full((3, 3), weight[False]).fill_diagonal_(weight[True])
    cells = q.cells(draw.unsqueeze(1)).exp()
    by_hand = (matrix * cells.prod(-1)).sum(1).log() - (matrix.unsqueeze(-1) * cells).sum(1).log().sum(-1)
    torch.testing.assert_close(StratifiedTC(5).of(trace), by_hand)
    flat = (cells.prod(-1).sum(1) / 15).log() - (cells.sum(1) / 15).log().sum(-1)
    torch.testing.assert_close(WeightedTC(5).of(trace), flat)


def test_total_correlation_of_a_normal_aggregate() -> None:
    """Normal data and a linear q: the aggregate is normal, its parts have closed forms."""
    torch.manual_seed(0)
    loc = torch.tensor([[1.0, 0.8], [0.0, 0.6]])
    model = encoded(loc, 0.5)
    x = torch.randn(4000, 2)
    covariance = loc.T @ loc + 0.25 * torch.eye(2)
    information = 0.5 * (torch.logdet(covariance) - 2 * math.log(0.25))
    correlation = 0.5 * (covariance.diagonal().log().sum() - torch.logdet(covariance))
    marginal = 0.5 * (covariance.diagonal() - 1 - covariance.diagonal().log()).sum()
    parts = kl_parts(model, {"x": x})
    assert parts.mutual_information == pytest.approx(float(information), abs=0.05)
    assert parts.total_correlation == pytest.approx(float(correlation), abs=0.05)
    assert parts.dimension_kl == pytest.approx(float(marginal), abs=0.05)
    assert float(correlation) > 0.1
    with torch.no_grad():
        large = StratifiedTC(4000)(model, {"x": x[:1500]}).mean()
        weighted = WeightedTC(4000)(model, {"x": x[:1500]}).mean()
    assert float(large) == pytest.approx(float(correlation), abs=0.05)
    # The constants of minibatch weighting do not cancel: (K - 1) log N too much.
    assert float(weighted) == pytest.approx(float(correlation) + math.log(4000), abs=0.1)


def test_the_parts_of_the_kl_sum_to_it_and_information_is_at_most_log_rows() -> None:
    torch.manual_seed(0)
    x = torch.randn(20, 3)
    sharp = encoded(30.0 * torch.randn(3, 2), 0.01)
    parts = kl_parts(sharp, {"x": x})
    assert parts.mutual_information == pytest.approx(math.log(20), abs=1e-6)
    soft = encoded(torch.randn(3, 2), 0.5)
    seen = kl_parts(soft, {"x": x}, seed=3)
    assert 0.1 < seen.mutual_information < math.log(20)
    assert seen == pytest.approx(kl_parts(soft, {"x": x}, seed=3))
    order = torch.randperm(20)
    assert seen == pytest.approx(kl_parts(soft, {"x": x[order]}, seed=3), abs=1e-12)
    kls = torch.stack([torch.tensor(sum(kl_parts(soft, {"x": x}, seed=seed))) for seed in range(200)])
    exact = soft.trace({"x": x}).kl_total().mean().item()
    assert abs(float(z_score(kls, exact))) < 5
    idle = encoded(torch.zeros(3, 2), 0.5)
    assert kl_parts(idle, {"x": x})[:2] == pytest.approx((0.0, 0.0), abs=1e-12)


def test_the_term_changes_the_fit_and_wrong_latents_are_refused() -> None:
    model = encoded(torch.randn(3, 2), 0.5)
    trace = model.trace({"x": torch.randn(8, 3)})
    weight = model.inference_parts["z"].net.entry.layers[0].weight
    for term in (StratifiedTC(100), WeightedTC(100)):
        plain = torch.autograd.grad(ELBO().of(trace).sum(), weight, retain_graph=True)[0]
        moved = torch.autograd.grad((ELBO() - 5.0 * term).of(trace).sum(), weight, retain_graph=True)[0]
        assert float((plain - moved).abs().max()) > 1e-3
    assert StratifiedTC(100)(model, {"x": torch.randn(1, 3)}).tolist() == [0.0]
    with pytest.raises(ValueError, match=r"StratifiedTC got rows=1; wanted the size of the data set"):
        StratifiedTC(1)
    full = VAE(StandardNormal(2), FullNormal(2).given("x", net=Linear()), Normal(3).given("z", net=Linear()))
    with pytest.raises(
        ValueError, match=r"WeightedTC\('z'\) wants a latent vector.*DiagonalNormal; got FullNormal"
    ):
        WeightedTC(10)(full, {"x": torch.randn(4, 3)})
    with pytest.raises(ValueError, match=r"kl_parts\('z'\) wants a latent vector with independent features"):
        kl_parts(full, {"x": torch.randn(4, 3)})
    ladder = LatentVariableModel(
        {
            "z2": StandardNormal(2),
            "z1": DiagonalNormal(2).given("z2", net=Linear()),
            "x": Normal(3).given("z1", net=Linear()),
        },
        {"z1": DiagonalNormal(2).given("x", net=Linear()), "z2": DiagonalNormal(2).given("z1", net=Linear())},
    )
    with pytest.raises(
        ValueError, match=r"StratifiedTC\('z2'\) wants a latent vector inferred from the given alone"
    ):
        StratifiedTC(10, "z2")(ladder, {"x": torch.randn(4, 3)})
    assert StratifiedTC(10, "z1")(ladder, {"x": torch.randn(4, 3)}).shape == (4,)


def test_renyi_near_the_elbo_in_single_precision() -> None:
    torch.manual_seed(0)
    model = VAE(
        StandardNormal(1), DiagonalNormal(1).given("x", net=Linear()), Normal(800).given("z", net=Linear())
    ).float()
    trace = model.trace({"x": torch.randn(20, 800)}, 4)
    wanted = trace.log_mean_exp(1e-7 * trace.log_weight().double()) / 1e-7
    assert trace.log_weight().dtype == torch.float32
    torch.testing.assert_close(Renyi(1.0 - 1e-7).of(trace).double(), wanted, rtol=0.0, atol=0.01)
