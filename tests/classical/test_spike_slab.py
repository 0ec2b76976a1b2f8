"""Spike-and-slab coding against quadrature, sums over sets of latents, and planted dictionaries."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal

from anyvae.classical import SparseCode, SpikeSlab

pytestmark = pytest.mark.usefixtures("double")


def planted(latents: int, *, features: int = 5, feature_noise: bool = False, seed: int = 0) -> SpikeSlab:
    """A model of known parameters, not fitted."""
    generator = torch.Generator().manual_seed(seed)
    model = SpikeSlab(latents, feature_noise=feature_noise)
    loadings = torch.randn(features, latents, generator=generator)
    model.loadings_ = loadings / loadings.norm(dim=0)
    model.loc_ = torch.randn(features, generator=generator)
    model.noise_variance_ = 0.05 + 0.2 * torch.rand(features if feature_noise else (), generator=generator)
    model.probability_ = 0.2 + 0.5 * torch.rand(latents, generator=generator)
    model.slab_loc_ = torch.randn(latents, generator=generator)
    model.slab_variance_ = 0.5 + torch.rand(latents, generator=generator)
    model.history_ = ()
    return model


def dictionary_rows(
    features: int, latents: int, rows: int, share: float, noise: float, seed: int = 0
) -> tuple:
    generator = torch.Generator().manual_seed(seed)
    loadings = torch.randn(features, latents, generator=generator)
    loadings /= loadings.norm(dim=0)
    on = torch.rand(rows, latents, generator=generator) < share
    z = on * torch.randn(rows, latents, generator=generator)
    x = 1.0 + z @ loadings.T + noise * torch.randn(rows, features, generator=generator)
    return loadings, x


def by_sets(model: SpikeSlab, x: Tensor) -> Tensor:
    """log p(x) from one dense normal a set of latents."""
    terms = []
    for on in itertools.product([0.0, 1.0], repeat=model.latent_features):
        s = torch.tensor(on)
        prior = torch.where(s == 1, model.probability_, 1.0 - model.probability_).log().sum()
        noise = model.noise_variance_.expand_as(model.loc_).diag()
        covariance = model.loadings_ @ (s * model.slab_variance_).diag() @ model.loadings_.T + noise
        mean = model.loc_ + model.loadings_ @ (s * model.slab_loc_)
        terms.append(prior + MultivariateNormal(mean, covariance).log_prob(x))
    return torch.logsumexp(torch.stack(terms), 0)


def slow_bound(model: SpikeSlab, code: SparseCode, x: Tensor, samples: int) -> Tensor:
    """E_q[log p(x, s, h) - log q(s, h)] from draws, shape (samples, B)."""
    torch.manual_seed(0)
    on = (torch.rand(samples, *code.loc.shape) < code.probability).double()
    slab = Normal(model.slab_loc_, model.slab_variance_.sqrt())
    q = Normal(code.loc, code.variance.sqrt())
    h = q.sample((samples,))
    z = on * h
    scale = model.noise_variance_.sqrt().expand_as(model.loc_)
    total = Normal(z @ model.loadings_.T + model.loc_, scale).log_prob(x).sum(-1)
    total = total + (on * (slab.log_prob(h) - q.log_prob(h))).sum(-1)
    p, r = model.probability_, code.probability.clamp(1e-300, 1 - 1e-16)
    return total + torch.where(on == 1, p.log() - r.log(), (-p).log1p() - (-r).log1p()).sum(-1)


@pytest.mark.parametrize("feature_noise", [False, True])
def test_likelihood_is_the_sum_over_sets_of_latents(feature_noise: bool) -> None:
    for latents in (1, 3, 6):
        model = planted(latents, feature_noise=feature_noise)
        x = model.sample(50, seed=1)
        torch.testing.assert_close(model.log_likelihood(x), by_sets(model, x))


def test_likelihood_is_quadrature_over_two_values() -> None:
    model = planted(2)
    x = model.sample(4, seed=1)
    grid = torch.linspace(-12.0, 12.0, 601)
    step = math.log(float(grid[1] - grid[0]))
    scale = model.noise_variance_.sqrt()
    total = []
    slab = Normal(model.slab_loc_[:, None], model.slab_variance_.sqrt()[:, None]).log_prob(grid)
    for on in itertools.product([False, True], repeat=2):
        log_prior = sum(
            math.log(float(p if s else 1.0 - p)) for p, s in zip(model.probability_, on, strict=True)
        )
        values = [grid if s else torch.zeros(1) for s in on]
        weights = [slab[k] + step if s else torch.zeros(1) for k, s in enumerate(on)]
        z = torch.cartesian_prod(*values)
        weight = torch.cartesian_prod(*weights).sum(1)
        log_prob = torch.stack(
            [Normal(z @ model.loadings_.T + model.loc_, scale).log_prob(row).sum(-1) for row in x]
        )
        total.append(log_prior + torch.logsumexp(log_prob + weight, 1))
    torch.testing.assert_close(model.log_likelihood(x), torch.logsumexp(torch.stack(total), 0))


def test_bound_is_exact_where_latents_do_not_meet() -> None:
    """Of one latent, or of columns at right angles, the posterior is a product."""
    model = planted(1)
    x = model.sample(50, seed=1)
    torch.testing.assert_close(model.elbo(x), model.log_likelihood(x), rtol=0.0, atol=1e-9)
    model = planted(4, features=6, feature_noise=True)
    axes, _ = torch.linalg.qr(model.loadings_)
    model.loadings_ = model.noise_variance_.sqrt()[:, None] * axes
    x = model.sample(50, seed=1)
    torch.testing.assert_close(model.elbo(x), model.log_likelihood(x), rtol=0.0, atol=1e-9)


def test_bound_stays_under_the_likelihood_and_is_near() -> None:
    model = planted(5, features=10)
    x = model.sample(300, seed=1)
    gap = model.log_likelihood(x) - model.elbo(x)
    assert float(gap.min()) > -1e-9
    assert 0.0 < float(gap.mean()) < 0.5


def test_bound_is_its_own_expectation() -> None:
    model = planted(3, feature_noise=True)
    x = model.sample(8, seed=1)
    draws = slow_bound(model, model.infer(x), x, 40_000)
    errors = draws.std(0) / math.sqrt(len(draws))
    assert float(((draws.mean(0) - model.elbo(x)) / errors).abs().max()) < 4.5


def test_every_update_of_a_code_raises_the_bound() -> None:
    """Sweep by sweep and row by row, from any code; at the end no change of a code helps."""
    model = planted(6, features=4)
    x = model.sample(100, seed=1)
    evidence = model._evidence(x)
    for code in (evidence.prior_code(), evidence.pursued()):
        bound = evidence.bound(code)
        for _ in range(30):
            code = evidence.swept(code)
            raised = evidence.bound(code)
            assert bool((raised >= bound - 1e-10).all())
            bound = raised
    code = model.infer(x, tolerance=1e-13, max_sweeps=10_000)
    logit = torch.logit(code.probability.clamp(1e-9, 1 - 1e-9)).requires_grad_()
    loc, variance = code.loc.clone().requires_grad_(), code.variance.clone().requires_grad_()
    evidence.bound(SparseCode(torch.sigmoid(logit), loc, variance)).sum().backward()
    slopes = [leaf.grad.abs().max() for leaf in (logit, loc, variance)]
    assert float(max(slopes)) < 1e-4


def test_better_of_two_starts() -> None:
    model = planted(8, features=4, seed=2)
    x = model.sample(200, seed=1)
    evidence = model._evidence(x)
    alone = [evidence.settled(start, 1e-9, 1000)[1] for start in (evidence.prior_code(), evidence.pursued())]
    torch.testing.assert_close(model.elbo(x), torch.maximum(*alone))
    torch.testing.assert_close(evidence.bound(model.infer(x)), torch.maximum(*alone))
    assert float((alone[1] - alone[0]).max()) > 0.1
    assert float((alone[0] - alone[1]).max()) > 0.1


def test_rows_stand_alone() -> None:
    model = planted(6, features=4)
    x = model.sample(12, seed=1)
    parts = torch.cat([model.elbo(x[row : row + 1]) for row in range(12)])
    torch.testing.assert_close(model.elbo(x), parts)
    torch.testing.assert_close(model.reconstruct(x), model.loc_ + model.infer(x).mean @ model.loadings_.T)


@pytest.mark.parametrize(
    ("features", "latents", "rows", "share", "seed"), [(16, 8, 1000, 0.2, 1), (10, 12, 1500, 0.1, 2)]
)
def test_a_planted_dictionary_is_found(
    features: int, latents: int, rows: int, share: float, seed: int
) -> None:
    """The second has more latents than features."""
    loadings, x = dictionary_rows(features, latents, rows, share, 0.05, seed)
    model = SpikeSlab(latents).fit(x, starts=4)
    near = (loadings.T @ model.loadings_).abs()
    ours = linear_sum_assignment(-near.numpy())
    assert float(near[ours].min()) > 0.98
    assert float(model.noise_variance_.sqrt()) == pytest.approx(0.05, rel=0.1)
    assert float(model.probability_.mean()) == pytest.approx(share, rel=0.2)
    assert float(model.slab_variance_.mean()) == pytest.approx(1.0, rel=0.2)
    torch.testing.assert_close(model.loadings_.norm(dim=0), torch.ones(latents))
    steps = list(itertools.pairwise(model.history_))
    assert all(after >= before - 1e-9 * abs(before) for before, after in steps)
    brought = model.probability_ * (model.slab_variance_ + model.slab_loc_**2)
    brought = brought - (model.probability_ * model.slab_loc_) ** 2
    assert bool((brought.diff() <= 0).all())


def test_noise_of_each_feature_and_slabs_away_from_zero() -> None:
    generator = torch.Generator().manual_seed(5)
    truth = planted(3, features=12)
    truth.probability_, truth.slab_loc_ = torch.full((3,), 0.3), torch.tensor([2.0, -2.0, 0.0])
    truth.noise_variance_ = (0.1 + 0.3 * torch.rand(12, generator=generator)) ** 2
    x = truth.sample(4000, seed=1)
    model = SpikeSlab(3, feature_noise=True).fit(x)
    torch.testing.assert_close(
        model.noise_variance_.sqrt(), truth.noise_variance_.sqrt(), rtol=0.06, atol=0.0
    )
    near = truth.loadings_.T @ model.loadings_
    rows, columns = linear_sum_assignment(-near.abs().numpy())
    assert float(near.abs()[rows, columns].min()) > 0.98
    sign = near[rows, columns].sign()
    torch.testing.assert_close(sign * model.slab_loc_[columns], truth.slab_loc_, rtol=0.1, atol=0.15)
    assert float(model.log_likelihood(x).mean()) > float(truth.log_likelihood(x).mean()) - 0.02


def test_the_m_step_is_a_maximum() -> None:
    """No parameter has a slope left, the code being what it is."""
    _, x = dictionary_rows(6, 3, 200, 0.3, 0.2)
    model = SpikeSlab(3, feature_noise=True).fit(x, starts=1)
    code = model._evidence(x).swept(model._evidence(x).prior_code())
    code = model._maximise(x, code, x.var(0, correction=0).mean())
    names = ("loc_", "loadings_", "noise_variance_", "probability_", "slab_loc_", "slab_variance_")
    leaves = {name: getattr(model, name).clone().requires_grad_() for name in names}
    for name, leaf in leaves.items():
        setattr(model, name, leaf)
    model._evidence(x).bound(code).mean().backward()
    for name, leaf in leaves.items():
        assert float(leaf.grad.abs().max()) < 1e-6, name


def test_seeds_units_and_draws() -> None:
    _, x = dictionary_rows(6, 3, 300, 0.3, 0.2)
    before = torch.random.get_rng_state()
    model = SpikeSlab(3).fit(x, starts=2)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(SpikeSlab(3).fit(x.numpy(), starts=2).loadings_, model.loadings_)
    assert SpikeSlab(3).fit(x, starts=2, seed=1).history_[0] != model.history_[0]
    scaled = SpikeSlab(3).fit(100.0 * x, starts=2)
    torch.testing.assert_close(
        scaled.log_likelihood(100.0 * x), model.log_likelihood(x) - 6 * math.log(100.0), rtol=0.0, atol=1e-6
    )
    truth = planted(4)
    draws = truth.sample(200_000, seed=2)
    z_mean = truth.probability_ * truth.slab_loc_
    z_variance = truth.probability_ * (truth.slab_variance_ + truth.slab_loc_**2) - z_mean**2
    torch.testing.assert_close(draws.mean(0), truth.loc_ + truth.loadings_ @ z_mean, rtol=0.0, atol=0.02)
    covariance = truth.loadings_ @ z_variance.diag() @ truth.loadings_.T + truth.noise_variance_ * torch.eye(
        5
    )
    torch.testing.assert_close(torch.cov(draws.T), covariance, rtol=0.03, atol=0.02)


def test_latents_too_many_for_the_data_fall_asleep() -> None:
    _, x = dictionary_rows(5, 1, 200, 0.5, 0.1)
    model = SpikeSlab(6).fit(x, tolerance=1e-4)
    assert bool(torch.isfinite(model.log_likelihood(x)).all())
    steps = list(itertools.pairwise(model.history_))
    assert all(after >= before - 1e-9 * abs(before) for before, after in steps)


def test_what_is_refused() -> None:
    _, x = dictionary_rows(5, 2, 60, 0.5, 0.2)
    with pytest.raises(ValueError, match=r"has not been fitted"):
        SpikeSlab(2).elbo(x)
    with pytest.raises(ValueError, match=r"got nan in row 1, column 2"):
        SpikeSlab(2).fit(x.index_put((torch.tensor(1), torch.tensor(2)), torch.tensor(torch.nan)))
    with pytest.raises(ValueError, match=r"columns \[0\] whose known cells are all the same"):
        SpikeSlab(2).fit(torch.cat([torch.ones(60, 1), x], 1))
    with pytest.raises(ValueError, match=r"latent_features=-1"):
        SpikeSlab(-1)
    with pytest.raises(ValueError, match=r"max_steps=0"):
        SpikeSlab(2).fit(x, max_steps=0)
    with pytest.raises(ValueError, match=r"2\^13 sets.*use elbo"):
        planted(13).log_likelihood(planted(13).sample(2))
    with pytest.warns(RuntimeWarning, match=r"stopped after 2 steps"):
        model = SpikeSlab(2).fit(x, max_steps=2, starts=1)
    assert len(model.history_) == 4
