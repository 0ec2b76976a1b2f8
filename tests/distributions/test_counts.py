"""Counts: masses and draws against scipy, enumeration for what is not independent."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from anyvae.distributions import Binomial, Multinomial, NegativeBinomial, ZeroInflatedNegativeBinomial

pytestmark = pytest.mark.usefixtures("double")
NOISE = torch.tensor([-5.0, -1.3, -0.2, 0.01, 0.9, 2.2, 5.0], dtype=torch.float64)
BELOW = torch.special.ndtr(NOISE).numpy()


@pytest.mark.parametrize("chance", [1e-9, 0.2, 0.5, 0.999])
@pytest.mark.parametrize("total", [1, 7, 300])
def test_binomial_is_scipys(total: int, chance: float) -> None:
    p = Binomial(total, torch.logit(torch.tensor([chance])))
    value = torch.arange(total + 1.0)
    wanted = torch.from_numpy(stats.binom.logpmf(value.numpy(), total, chance))
    torch.testing.assert_close(p.cells(value[:, None])[:, 0], wanted, rtol=1e-9, atol=1e-9)
    wanted = torch.from_numpy(stats.binom.ppf(BELOW, total, chance))
    torch.testing.assert_close(p.from_noise(NOISE[:, None])[:, 0], wanted, rtol=0, atol=0)


def test_binomial_far_out() -> None:
    logits = torch.tensor([-1e4, 1e4, 0.0], dtype=torch.float32, requires_grad=True)
    p = Binomial(255, logits)
    cells = p.cells(torch.tensor([[0.0], [100.0], [255.0]], dtype=torch.float32))
    assert cells[0, 0].item() == 0.0
    assert cells[2, 1].item() == 0.0
    torch.testing.assert_close(
        cells[1, :2].detach().double(), torch.tensor([-1e6, -155e4]), rtol=1e-3, atol=0
    )
    assert bool(torch.isfinite(torch.autograd.grad(cells.sum(), logits)[0]).all())
    assert p.from_noise(torch.full((3,), -0.01)).tolist() == [0.0, 255.0, 127.0]


def rows_with_total(total: int, categories: int) -> Tensor:
    rows = [row for row in itertools.product(range(total + 1), repeat=categories) if sum(row) == total]
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize("total", [0, 1, 5])
def test_multinomial_masses_sum_to_one_for_every_total(total: int) -> None:
    p = Multinomial(torch.tensor([0.3, -1.0, 2.0, 0.0]))
    rows = rows_with_total(total, 4)
    assert float(p.log_prob(rows).exp().sum()) == pytest.approx(1.0, abs=1e-12)
    chances = p.logits.exp().numpy()
    wanted = stats.multinomial.logpmf(rows.numpy(), total, chances / chances.sum())
    torch.testing.assert_close(p.log_prob(rows), torch.from_numpy(wanted))


def test_multinomial_draws_are_rows_of_the_total_with_their_masses() -> None:
    p = Multinomial(torch.tensor([0.3, -1.0, 2.0]), total=3)
    torch.manual_seed(0)
    drawn = p.sample((20_000,))
    rows = rows_with_total(3, 3)
    found = (drawn[:, None] == rows).all(-1).double().mean(0)
    assert float(found.sum()) == pytest.approx(1.0, abs=1e-12), "a draw has another total"
    wanted = p.log_prob(rows).exp()
    error = (wanted * (1.0 - wanted) / 20_000).sqrt()
    assert bool(((found - wanted).abs() < 5.0 * error).all())
    even = torch.special.ndtri((torch.arange(1000) + 0.5) / 1000)
    once = Multinomial(p.logits, total=1).from_noise(even[:, None])
    torch.testing.assert_close(once.mean(0), p.logits.exp(), rtol=0, atol=1.01e-3)


def test_multinomial_without_a_total_scores_and_says_what_it_lacks() -> None:
    p = Multinomial(torch.zeros(2, 3))
    assert p.log_prob(torch.tensor([[2.0, 0.0, 1.0], [0.0, 4.0, 0.0]])).shape == (2,)
    for question in (p.sample, lambda: p.mean, lambda: p.variance, lambda: p.noise_shape):
        with pytest.raises(ValueError, match=r"knows no total.*total=n"):
            question()
    assert p.log_prob(torch.tensor([1.5, 0.5, 0.0])).tolist() == [-torch.inf, -torch.inf]


def test_a_long_document_keeps_its_digits_in_single_precision() -> None:
    torch.manual_seed(0)
    value = torch.poisson(torch.full((2000,), 50.0))
    p = Multinomial(torch.randn(2000, dtype=torch.float32))
    # Of the same rounded log-probabilities: what is judged is the sum.
    terms = value * p.logits.double() - torch.lgamma(value + 1.0)
    wanted = torch.lgamma(value.sum() + 1.0) + terms.sum()
    assert float(p.log_prob(value.float())) == pytest.approx(float(wanted), rel=1e-7)


@pytest.mark.parametrize("dispersion", [0.0025, 0.5, 400.0])
@pytest.mark.parametrize("mean", [1e-6, 0.7, 40.0, 1e5])
def test_negative_binomial_is_scipys(mean: float, dispersion: float) -> None:
    p = NegativeBinomial(torch.tensor([mean]).log(), torch.tensor(dispersion))
    size = 1.0 / dispersion
    value = torch.tensor([0.0, 1.0, 2.0, 39.0, 1000.0, 1e5])
    wanted = torch.from_numpy(stats.nbinom.logpmf(value.numpy(), size, size / (size + mean)))
    torch.testing.assert_close(p.cells(value[:, None])[:, 0], wanted, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(
        p.variance, torch.tensor([stats.nbinom.var(size, size / (size + mean))]), rtol=1e-8, atol=0
    )


@pytest.mark.parametrize(("mean", "dispersion"), [(0.7, 0.5), (40.0, 2.0), (40.0, 0.01)])
def test_a_negative_binomial_draw_is_a_poisson_draw_whose_rate_was_drawn(
    mean: float, dispersion: float
) -> None:
    p = NegativeBinomial(torch.tensor([mean]).log(), torch.tensor([dispersion]))
    noise = torch.cartesian_prod(NOISE, NOISE)
    first, second = torch.special.ndtr(noise).numpy().T
    rate = stats.gamma.ppf(first, 1.0 / dispersion) * mean * dispersion
    wanted = stats.poisson.ppf(second, rate)
    torch.testing.assert_close(p.from_noise(noise[:, None])[:, 0], torch.from_numpy(wanted), rtol=0, atol=0)


def test_negative_binomial_in_single_precision() -> None:
    log_mean = torch.tensor([-1e4, -80.0, 0.0, 10.0, 80.0, 1e4], dtype=torch.float32, requires_grad=True)
    dispersion = torch.tensor([[0.0025], [1.0], [400.0]], dtype=torch.float32, requires_grad=True)
    value = torch.tensor([0.0, 3.0, 1e4, 1e7], dtype=torch.float32).view(-1, 1, 1)
    wide = NegativeBinomial(log_mean.expand(3, 6), dispersion)
    cells = wide.cells(value)
    exact = NegativeBinomial(log_mean.detach().double().expand(3, 6), dispersion.detach().double())
    torch.testing.assert_close(cells.detach().double(), exact.cells(value.double()), rtol=1e-5, atol=1e-5)
    assert bool(torch.isfinite(cells).all())
    for gradient in torch.autograd.grad(cells.sum(), (log_mean, dispersion)):
        assert bool(torch.isfinite(gradient).all())
    drawn = wide.from_noise(torch.ones(3, 6, 2, dtype=torch.float32))
    assert bool(torch.isfinite(drawn).all()), "a mean that overflows must not stop a draw"


def test_additional_zeros() -> None:
    log_mean, dispersion, gate = torch.tensor([1.0]), torch.tensor([0.5]), torch.tensor([-0.4])
    p = ZeroInflatedNegativeBinomial(log_mean, dispersion, gate)
    inner = NegativeBinomial(log_mean, dispersion)
    counts = torch.arange(400.0)[:, None]
    chance = gate.sigmoid()
    wanted = (1.0 - chance) * inner.cells(counts).exp()
    wanted[0] += chance
    torch.testing.assert_close(p.cells(counts).exp(), wanted, rtol=1e-12, atol=0)
    mean = (counts * wanted).sum(0)
    torch.testing.assert_close(p.mean, mean)
    torch.testing.assert_close(p.variance, (counts.square() * wanted).sum(0) - mean.square())
    noise = torch.tensor([[[0.3, 1.0, -3.0]], [[0.3, 1.0, 3.0]]])
    assert p.from_noise(noise)[0].item() == 0.0
    assert torch.equal(p.from_noise(noise)[1], inner.from_noise(noise[1, :, :2]))
    assert p.from_noise(noise)[1].item() > 0.0


def test_additional_zeros_have_finite_gradients_far_out() -> None:
    gate = torch.tensor([-1e4, 0.0, 1e4], dtype=torch.float32, requires_grad=True)
    log_mean = torch.tensor([-50.0, 1.0, 50.0], dtype=torch.float32, requires_grad=True)
    one = torch.ones(3, dtype=torch.float32)
    p = ZeroInflatedNegativeBinomial(log_mean, one, gate)
    for count in (0.0, 2.0, 1e6):
        cells = p.cells(count * one)
        assert bool(torch.isfinite(cells).all())
        for gradient in torch.autograd.grad(cells.sum(), (gate, log_mean)):
            assert bool(torch.isfinite(gradient).all())
    # Off the support the mass is zero, and the gradient of the others untouched.
    assert p.cells(torch.tensor([0.5, np.nan, -1.0])).tolist() == [-torch.inf] * 3
