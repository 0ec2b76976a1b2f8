"""Ordered levels and angles: against scipy, enumeration and quadrature."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from anyvae.distributions import Ordinal, VonMises

pytestmark = pytest.mark.usefixtures("double")
SINGLE = {"dtype": torch.float32}


def test_ordinal_masses_are_differences_of_the_logistic_distribution_function() -> None:
    cuts = torch.tensor([[-2.0, -0.5, 1.0], [0.0, 3.0, 3.5]])
    loc = torch.tensor([[0.3, -1.0], [2.0, 4.0]])
    p = Ordinal(loc, cuts)
    ends = torch.cat([torch.full((2, 1), -np.inf), cuts, torch.full((2, 1), np.inf)], -1)
    below = torch.from_numpy(stats.logistic.cdf(ends.numpy() - loc.unsqueeze(-1).numpy()))
    masses = torch.stack([p.cells(torch.full((2, 2), float(level))).exp() for level in range(4)], -1)
    torch.testing.assert_close(masses, below.diff(dim=-1), rtol=1e-11, atol=1e-14)
    level = torch.arange(4.0)
    mean = (masses * level).sum(-1)
    torch.testing.assert_close(p.mean, mean)
    torch.testing.assert_close(p.variance, (masses * level.square()).sum(-1) - mean.square())


def test_ordinal_rows_may_have_cuts_of_their_own() -> None:
    cuts = torch.tensor([[[-1.0, 1.0]], [[0.5, 0.6]]])
    p = Ordinal(torch.zeros(2, 1), cuts)
    wide = p.expand((5, 2))
    value = torch.tensor([[1.0], [2.0]])
    rows = [Ordinal(torch.zeros(1), cuts[row]).log_prob(value[row]) for row in range(2)]
    torch.testing.assert_close(p.log_prob(value), torch.stack(rows))
    torch.testing.assert_close(wide.log_prob(value), torch.stack(rows).expand(5, 2))


def test_ordinal_far_out() -> None:
    loc = torch.tensor([-1e6, 0.0, 1e6], **SINGLE).requires_grad_()
    cuts = torch.tensor([-400.0, -399.9975, 0.0, 400.0], **SINGLE).requires_grad_()
    p = Ordinal(loc, cuts.expand(3, 4))
    cells = p.cells(torch.arange(5.0, **SINGLE)[:, None])
    assert bool(torch.isfinite(cells).all())
    torch.testing.assert_close(cells[0, 2].item(), -1e6, rtol=1e-3, atol=0)
    assert cells[0, 0].item() == 0.0
    assert cells[4, 2].item() == 0.0
    for gradient in torch.autograd.grad(cells.sum(), (loc, cuts)):
        assert bool(torch.isfinite(gradient).all())
    assert p.from_noise(torch.zeros(3, **SINGLE)).tolist()[::2] == [0.0, 4.0]


@pytest.mark.parametrize("c", [1e-9, 0.3, 2.0, 30.0, 1e6])
def test_von_mises_is_scipys(c: float) -> None:
    p = VonMises(torch.tensor([0.5]), torch.tensor(c))
    value = 0.5 + torch.tensor([-2.9, -1.0, 0.0, 1e-3, 2.6])
    wanted = (
        c * (torch.cos(value - 0.5) - 1.0) - math.log(2 * math.pi) - torch.special.i0e(torch.tensor(c)).log()
    )
    torch.testing.assert_close(p.cells(value[:, None])[:, 0], wanted, rtol=1e-9, atol=1e-9)
    noise = torch.tensor([-4.0, -1.3, -0.2, 0.01, 0.9, 2.2, 4.0])
    drawn = VonMises(torch.zeros(1), torch.tensor(c)).from_noise(noise[:, None])[:, 0]
    below = torch.from_numpy(stats.vonmises.cdf(drawn.numpy(), c))
    torch.testing.assert_close(below, torch.special.ndtr(noise), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("c", [1e-3, 1.0, 40.0])
@pytest.mark.parametrize("loc", [0.0, 3.0, -3.1, 20.0])
def test_angles_wrap(loc: float, c: float) -> None:
    """One turn carries the whole mass, whole turns make no difference, and draws stay in one turn."""
    p = VonMises(torch.tensor([loc]), torch.tensor(c))
    grid = torch.linspace(-math.pi, math.pi, 2001)
    density = p.cells(grid[:, None])[:, 0].exp()
    assert float(torch.trapezoid(density, grid)) == pytest.approx(1.0, abs=1e-9)
    turned = VonMises(torch.tensor([loc + 2 * math.pi]), torch.tensor(c))
    torch.testing.assert_close(turned.cells(grid[:, None])[:, 0].exp(), density)
    noise = torch.special.ndtri((torch.arange(2000) + 0.5) / 2000)
    drawn = p.from_noise(noise[:, None])[:, 0]
    assert bool((drawn.abs() <= math.pi).all())
    for wave in (1, 2):
        for f in (torch.cos, torch.sin):
            wanted = torch.trapezoid(density * f(wave * grid), grid)
            torch.testing.assert_close(f(wave * drawn).mean(), wanted, rtol=0, atol=2e-3)
    torch.testing.assert_close(torch.cos(p.mean - loc), torch.ones(1))
    assert abs(p.mean.item()) <= math.pi


@pytest.mark.parametrize("c", [1e-3, 1.0, 40.0, 9.9e3, 1.01e4])
def test_circular_variance(c: float) -> None:
    p = VonMises(torch.zeros(2), torch.tensor(c))
    reach = min(math.pi, 12.0 / math.sqrt(c))
    grid = torch.linspace(-reach, reach, 4001)
    density = p.cells(grid[:, None].expand(4001, 2))[:, 0].exp()
    wanted = 2.0 * torch.trapezoid(density * torch.sin(0.5 * grid).square(), grid)
    torch.testing.assert_close(p.circular_variance, wanted.expand(2), rtol=1e-7, atol=0)
    with pytest.raises(NotImplementedError):
        _ = p.variance


def test_draws_of_angles_carry_the_gradient_of_the_concentration() -> None:
    c = torch.tensor([1e-3, 0.5, 3.0, 80.0, 1e5], requires_grad=True)
    loc = torch.full((5,), 0.2, requires_grad=True)
    noise = torch.tensor([-3.0, -0.4, 0.7, 2.0, 1.0], requires_grad=True)

    def draw(c: Tensor, noise: Tensor) -> Tensor:
        return VonMises(loc, c).from_noise(noise)

    by_c, by_loc, by_noise = torch.autograd.grad(draw(c, noise).sum(), (c, loc, noise))
    with torch.no_grad():
        step = 1e-4 * c
        wanted = (draw(c + step, noise) - draw(c - step, noise)) / (2.0 * step)
        torch.testing.assert_close(by_c, wanted, rtol=1e-5, atol=1e-11)
        wanted = (draw(c, noise + 1e-4) - draw(c, noise - 1e-4)) / 2e-4
        torch.testing.assert_close(by_noise, wanted, rtol=1e-6, atol=1e-11)
        torch.testing.assert_close(draw(c, noise), VonMises(loc, c).from_noise(noise))
    torch.testing.assert_close(by_loc, torch.ones(5))


def test_angles_in_single_precision() -> None:
    c = torch.tensor([1e-6, 1.0, 400.0, 1.6e5, 1e8], **SINGLE).requires_grad_()
    loc = torch.tensor([-3.0, 0.0, 1.0, 3.1, 0.5], **SINGLE).requires_grad_()
    p = VonMises(loc, c)
    drawn = p.from_noise(torch.tensor([[-6.0], [0.1], [6.0]], **SINGLE).expand(3, 5))
    values = torch.tensor([-math.pi, 0.0, 3.0, math.pi], **SINGLE)[:, None].expand(4, 5)
    exact = VonMises(loc.detach().double(), c.detach().double())
    # Single precision has no pi; the number nearest to it lies beyond.
    inside = values.double().clamp(-math.pi, math.pi)
    cells = p.cells(values)
    torch.testing.assert_close(cells.detach().double(), exact.cells(inside), rtol=1e-4, atol=1e-4)
    for outputs in (cells, p.cells(drawn.detach()), drawn):
        assert outputs.dtype == torch.float32
        assert bool(torch.isfinite(outputs).all())
        for gradient in torch.autograd.grad(outputs.sum(), (c, loc), retain_graph=True):
            assert bool(torch.isfinite(gradient).all())
    slope = torch.autograd.grad(p.cells(loc.detach()[None]).sum(), c)[0]
    # At the centre log p grows with log sqrt(c): the slope 1 / 2c needs digits that single precision lacks.
    torch.testing.assert_close(slope[2:], 0.5 / c.detach()[2:], rtol=2e-3, atol=0)
