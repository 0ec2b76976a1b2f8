"""Parameters far out: everything finite in float32, and equal to an independent formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from anyvae.conditionals import bounded_scale
from anyvae.distributions import (
    Bernoulli,
    DiscretisedLogistic,
    DiscretisedNormal,
    LogNormal,
    Normal,
    OneHotCategorical,
    StandardNormal,
    analytic_kl,
)
from anyvae.distributions.tails import log_ndtr

RAW = torch.tensor([-1e30, -1e4, -50.0, 0.0, 50.0, 1e4, 1e30], dtype=torch.float32)


def test_no_raw_number_gives_a_scale_of_zero_or_infinity() -> None:
    raw = RAW.clone().requires_grad_()
    scale = bounded_scale(raw)
    assert float(scale.detach().min()) > 2e-3
    assert float(scale.detach().max()) < 500.0
    (gradient,) = torch.autograd.grad(scale.log().sum(), raw)
    assert bool(torch.isfinite(gradient).all())
    fine = torch.linspace(-20, 20, 2001, dtype=torch.float64)
    assert bool((bounded_scale(fine).diff() > 0).all())
    # Near zero the raw number is the log of the scale.
    torch.testing.assert_close(bounded_scale(fine[975:1026]).log(), fine[975:1026], rtol=0.01, atol=1e-6)


def test_normal_far_out() -> None:
    loc = torch.tensor([1e8, -1e8, 0.0], requires_grad=True)
    raw = torch.tensor([-1e30, 1e30, -1e30], requires_grad=True)
    q = Normal(loc, bounded_scale(raw))
    total = q.log_prob(torch.zeros(3)) + analytic_kl(q, StandardNormal((3,)))
    assert bool(torch.isfinite(total))
    assert all(bool(torch.isfinite(part).all()) for part in torch.autograd.grad(total, (loc, raw)))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_bernoulli_far_out(value: float) -> None:
    logits = torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4], requires_grad=True)
    d = Bernoulli(logits)
    cells = d.cells(torch.full((5,), value))
    sign = 1.0 if value else -1.0
    expected = torch.nn.functional.logsigmoid(sign * logits.detach().double()).float()
    torch.testing.assert_close(cells.detach(), expected)
    (gradient,) = torch.autograd.grad(cells.sum() + d.entropy(), logits)
    assert bool(torch.isfinite(gradient).all())
    torch.testing.assert_close(Bernoulli(logits.detach()).entropy(), torch.tensor(0.6931472))
    other = analytic_kl(Bernoulli(logits.detach()), Bernoulli(-logits.detach()))
    assert bool(torch.isfinite(other))


def test_categorical_far_out() -> None:
    logits = torch.tensor([[-1e4, 0.0, 1e4], [1e4, 1e4, -1e4]], requires_grad=True)
    d = OneHotCategorical(logits)
    log_prob = d.log_prob(torch.eye(3).unsqueeze(1))
    torch.testing.assert_close(log_prob[2].detach(), torch.tensor([0.0, -2e4 - 0.6931]))
    torch.testing.assert_close(log_prob[0].detach(), torch.tensor([-2e4, -0.6931472]))
    total = log_prob.sum() + d.entropy().sum()
    (gradient,) = torch.autograd.grad(total, logits)
    assert bool(torch.isfinite(gradient).all())
    assert bool((d.sample(torch.Size((100,))).sum(-1) == 1).all())


def reference(value: Tensor, loc: Tensor, scale: Tensor, step: float) -> Tensor:
    """log(sinh h / (cosh c + cosh h)), the same mass by another formula, in extended precision."""
    c = (value.numpy().astype(np.longdouble) - loc.numpy()) / scale.numpy()
    h = np.abs(np.longdouble(0.5) * step / scale.numpy())
    with np.errstate(over="ignore", divide="ignore"):
        log_sinh = np.where(
            h > 1, h + np.log1p(-np.exp(-2 * h)) - np.log(2), np.log(np.sinh(np.minimum(h, 2)))
        )
    cosh_c = np.logaddexp(c, -c)
    cosh_h = np.logaddexp(h, -h)
    return torch.tensor((log_sinh - (np.logaddexp(cosh_c, cosh_h) - np.log(np.longdouble(2)))).astype(float))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_lattice_mass_from_very_narrow_to_very_wide_bins(dtype: torch.dtype) -> None:
    scales = torch.tensor([1e-6, 1e-3, 0.03, 1.0, 30.0, 1e3, 1e6], dtype=dtype)
    values = torch.arange(-7.0, 8.0, dtype=dtype)
    loc = torch.tensor(0.25, dtype=dtype)
    value, scale = torch.meshgrid(values, scales, indexing="ij")
    scale = scale.clone().requires_grad_()
    one = torch.ones((), dtype=dtype)
    d = DiscretisedLogistic(loc.expand_as(value), scale, -9 * one, 9 * one, one)
    cells = d.cells(value)
    expected = reference(value.double(), loc.double(), scale.detach().double(), 1.0)
    tolerance = 2e-5 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(cells.detach().double(), expected, rtol=tolerance, atol=tolerance)
    (gradient,) = torch.autograd.grad(cells.sum(), scale)
    assert bool(torch.isfinite(gradient).all())


@pytest.mark.parametrize("value", [0.0, 4.0, 5.0])
def test_normal_masses_far_from_their_location_have_gradients(value: float) -> None:
    """A location 100,000 scales away: at either end of the lattice and between, the slope that double precision has."""
    found = []
    for dtype in (torch.float32, torch.float64):
        loc = torch.tensor([-300.0, 300.0], dtype=dtype, requires_grad=True)
        low, high, step = torch.tensor([0.0, 5.0, 1.0], dtype=dtype)
        d = DiscretisedNormal(loc, torch.full((2,), 0.0025, dtype=dtype), low, high, step)
        cells = d.cells(torch.full((2,), value, dtype=dtype))
        (slope,) = torch.autograd.grad(cells.sum(), loc)
        found.append(slope.double())
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-3)
    # Of the density at the nearer end of the bin: (end - loc) / scale^2, or nothing where the bin has no such end.
    end = torch.tensor([value - 0.5, value + 0.5]).double()
    by_hand = (end - loc.detach()) / 0.0025**2
    by_hand[torch.tensor([value == 0.0, value == 5.0])] = 0.0
    torch.testing.assert_close(found[1], by_hand, rtol=1e-5, atol=1e-3)


def test_log_tails_and_their_slopes() -> None:
    far = torch.tensor([-1e8, -1e4, -30.0, -1.001, -0.999, 0.0, 3.0, 40.0]).double().requires_grad_()
    found = log_ndtr(far)
    torch.testing.assert_close(found, torch.special.log_ndtr(far), rtol=1e-14, atol=0.0)
    (slope,) = torch.autograd.grad(found.sum(), far)
    at = far.detach()
    # phi / Phi: the inverse Mills ratio, near to -far - 1 / far far out.
    mills = (-0.5 * at.square() - 0.5 * np.log(2.0 * np.pi) - torch.special.log_ndtr(at)).exp()
    torch.testing.assert_close(slope[2:], mills[2:], rtol=1e-12, atol=0.0)
    torch.testing.assert_close(slope[:2], (-at - 1.0 / at)[:2], rtol=1e-12, atol=0.0)


def test_log_normal_draws_stay_within_the_floats() -> None:
    loc, scale = torch.zeros(3, requires_grad=True), torch.full((3,), 60.0, requires_grad=True)
    drawn = LogNormal(loc, scale).from_noise(torch.tensor([-4.0, 0.5, 4.0]))
    assert bool((torch.isfinite(drawn) & (drawn > 0.0)).all())
    slopes = torch.autograd.grad((drawn / drawn.detach()).sum(), (loc, scale))
    torch.testing.assert_close(slopes[0], torch.tensor([0.0, 1.0, 0.0]))
    torch.testing.assert_close(slopes[1], torch.tensor([0.0, 0.5, 0.0]))
    assert bool(torch.isfinite(LogNormal(loc, scale).cells(drawn)).all())


def test_lattice_edges_take_the_tails() -> None:
    one = torch.ones((), dtype=torch.float64)
    d = DiscretisedLogistic(torch.tensor([5.0, -5.0], dtype=torch.float64), one, -one, one, one)
    upper = torch.nn.functional.logsigmoid(-(0.5 - d.loc))
    torch.testing.assert_close(d.cells(one.expand(2)), upper)
    torch.testing.assert_close(d.cells(-one.expand(2)), torch.nn.functional.logsigmoid(-0.5 - d.loc))
    far = DiscretisedLogistic(torch.tensor([1e4, -1e4], dtype=torch.float64), one, -one, one, one)
    torch.testing.assert_close(far.mean, torch.tensor([1.0, -1.0], dtype=torch.float64))
