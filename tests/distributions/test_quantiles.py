"""The gamma quantile against scipy, and its gradients against differences of scipy's."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch

from anyvae.distributions.quantiles import gamma_quantile, log_gamma_quantile
from anyvae.distributions.roots import decreasing_root

pytestmark = pytest.mark.usefixtures("double")
SHAPES = torch.tensor([0.02, 0.3, 1.0, 2.5, 40.0, 900.0, 1e5], dtype=torch.float64)
NOISE = torch.tensor([-6.0, -2.0, -0.3, 0.0, 0.7, 2.5, 6.0], dtype=torch.float64)


def test_quantiles_are_scipys() -> None:
    shape, noise = SHAPES.unsqueeze(1), NOISE.unsqueeze(0)
    found = gamma_quantile(shape, noise)
    below = scipy.stats.gamma.ppf(torch.special.ndtr(noise).numpy(), shape.numpy())
    above = scipy.stats.gamma.isf(torch.special.ndtr(-noise).numpy(), shape.numpy())
    wanted = torch.from_numpy(np.where(noise.numpy() < 0, below, above)).clamp_min(
        torch.finfo(torch.float64).tiny
    )
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=0)


def test_gradients_are_those_of_the_quantile() -> None:
    shape, noise = torch.meshgrid(SHAPES[1:], NOISE, indexing="ij")
    shape, noise = shape.clone().requires_grad_(), noise.clone().requires_grad_()
    by_shape, by_noise = torch.autograd.grad(gamma_quantile(shape, noise).sum(), (shape, noise))
    with torch.no_grad():
        step = 1e-4 * shape
        wanted = (gamma_quantile(shape + step, noise) - gamma_quantile(shape - step, noise)) / (2 * step)
        torch.testing.assert_close(by_shape, wanted, rtol=2e-5, atol=1e-12)
        wanted = (gamma_quantile(shape, noise + 1e-4) - gamma_quantile(shape, noise - 1e-4)) / 2e-4
        torch.testing.assert_close(by_noise, wanted, rtol=2e-5, atol=1e-12)


def test_single_precision_stays_finite() -> None:
    shape = torch.tensor([1e-3, 0.1, 1e6], dtype=torch.float32, requires_grad=True)
    value = gamma_quantile(shape, torch.tensor([-5.0, 0.0, 5.0], dtype=torch.float32))
    assert value.dtype == torch.float32
    assert bool((value > 0).all())
    (gradient,) = torch.autograd.grad(value.sum(), shape)
    assert bool(torch.isfinite(gradient).all())


def test_logarithms_are_right_where_the_numbers_underflow() -> None:
    shape, noise = torch.meshgrid(SHAPES, NOISE, indexing="ij")
    numbers = gamma_quantile(shape, noise)
    whole = numbers > 1e-300
    torch.testing.assert_close(
        log_gamma_quantile(shape, noise)[whole], numbers[whole].log(), rtol=1e-12, atol=1e-12
    )
    # P(v) = v^a / Gamma(a + 1) (1 - ...): the distribution function of the answer, from its series.
    small = torch.tensor([1e-4, 1e-3, 0.02], requires_grad=True)
    log = log_gamma_quantile(small, torch.tensor([-1.0, 0.5, -3.0]))
    below = small * log - torch.lgamma(small + 1.0)
    torch.testing.assert_close(
        below, torch.special.log_ndtr(torch.tensor([-1.0, 0.5, -3.0])), rtol=1e-12, atol=0
    )


def test_gradients_of_logarithms_on_both_sides_of_the_seam() -> None:
    shape = torch.tensor([1e-3, 0.05, 0.3, 4.0, 0.0733, 0.0745], requires_grad=True)
    noise = torch.tensor([0.3, -2.0, 1.0, -1.0, -1.6, -1.6], requires_grad=True)
    log = log_gamma_quantile(shape, noise)
    assert float(log[4].detach()) < -40.0 < float(log[5].detach()), (
        "the last two stand on both sides of the seam"
    )
    by_shape, by_noise = torch.autograd.grad(log.sum(), (shape, noise))
    with torch.no_grad():
        step = 1e-5 * shape
        wanted = (log_gamma_quantile(shape + step, noise) - log_gamma_quantile(shape - step, noise)) / (
            2 * step
        )
        torch.testing.assert_close(by_shape, wanted, rtol=2e-5, atol=0)
        wanted = (log_gamma_quantile(shape, noise + 1e-5) - log_gamma_quantile(shape, noise - 1e-5)) / 2e-5
        torch.testing.assert_close(by_noise, wanted, rtol=2e-5, atol=0)


def test_roots_of_functions_that_mislead_newton() -> None:
    """Flat, steep and bent functions, some of whose Newton steps leave the bracket."""
    low, high = torch.full((4,), -50.0), torch.full((4,), 60.0)
    wanted = torch.tensor([-3.0, 0.1, 25.0, -49.0])

    def function(point: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        far = point - wanted
        return -far.atan() - 1e-3 * far, -1.0 / (1.0 + far.square()) - 1e-3

    found = decreasing_root(function, low, high, torch.full((4,), 5.0))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)


def test_draws_take_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work of a draw: a handful of steps for usual shapes, where bisection would need fifty."""
    calls = []
    exact = torch.special.gammainc
    monkeypatch.setattr(torch.special, "gammainc", lambda a, x: calls.append(1) or exact(a, x))
    gamma_quantile(torch.tensor([0.6, 1.0, 30.0, 1e4]).unsqueeze(1), NOISE)
    assert len(calls) <= 8
