"""The gamma quantile against scipy, and its gradients against differences of scipy's."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch

from anyvae.distributions.quantiles import gamma_quantile

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
