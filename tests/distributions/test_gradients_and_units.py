"""Gradients of draws and densities, the closed-form scale, and densities in the units of the input."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Size, Tensor
from torch.autograd import gradcheck

from anyvae.distributions import (
    Bernoulli,
    DiscretisedLogistic,
    InUnits,
    Normal,
    OneHotCategorical,
    OptimalNormal,
)
from oracles import z_score

pytestmark = pytest.mark.usefixtures("double")


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_density_gradients_against_finite_differences() -> None:
    loc, raw = numbers(2, 3).requires_grad_(), numbers(2, 3, seed=1).requires_grad_()
    value, one = numbers(2, 3, seed=2), torch.tensor(1.0)
    bits = (value > 0).double()
    assert gradcheck(lambda a, b, v: Normal(a, b.exp()).log_prob(v), (loc, raw, value.requires_grad_()))
    assert gradcheck(lambda a: Bernoulli(a).log_prob(bits), (loc,))
    assert gradcheck(lambda a: OneHotCategorical(a).log_prob(torch.eye(3)[:2]), (loc,))
    points = torch.tensor([[-2.0, 0.0, 2.0], [1.0, -1.0, 0.0]])
    assert gradcheck(
        lambda a, b: DiscretisedLogistic(a, b.exp(), -2 * one, 2 * one, one).log_prob(points), (loc, raw)
    )


def test_draw_gradients_against_finite_differences_and_the_mean() -> None:
    loc, raw, noise = (
        numbers(2, 3).requires_grad_(),
        numbers(2, 3, seed=1).requires_grad_(),
        numbers(2, 3, seed=2),
    )
    assert gradcheck(lambda a, b: Normal(a, b.exp()).from_noise(noise), (loc, raw))
    running = torch.tensor(0.5)
    assert gradcheck(lambda a: OptimalNormal(a, running, learning=False).from_noise(noise), (loc,))
    # E z^2 = loc^2 + scale^2, so its gradient is 2 loc and 2 scale.
    torch.manual_seed(0)
    scale = raw.detach().exp().requires_grad_()
    total = Normal(loc, scale).rsample(Size((20_000,))).square()
    by_loc, by_scale = torch.autograd.grad(total.mean(0).sum(), (loc, scale))
    torch.testing.assert_close(by_loc, 2 * loc.detach(), rtol=0.03, atol=0.1)
    torch.testing.assert_close(by_scale, 2 * scale.detach(), rtol=0.05, atol=0.05)
    with torch.no_grad():
        assert not Normal(loc, scale).sample().requires_grad


def test_optimal_scale_is_the_maximum_and_its_gradient_that_of_a_fixed_scale() -> None:
    loc, value = numbers(20, 3).requires_grad_(), numbers(20, 3, seed=1)
    learning = OptimalNormal(loc, torch.tensor(5.0), learning=True, floor=0.0)
    found = learning.log_prob(value)
    best = (value - loc).square().mean().sqrt().detach()
    torch.testing.assert_close(found, Normal(loc, best).log_prob(value), rtol=1e-12, atol=1e-12)
    for other in (0.5, 0.9, 1.1, 2.0):
        assert bool(found.sum() > Normal(loc, other * best).log_prob(value).sum())
    (gradient,) = torch.autograd.grad(found.sum(), loc)
    (fixed,) = torch.autograd.grad(Normal(loc, best).log_prob(value).sum(), loc)
    torch.testing.assert_close(gradient, fixed, rtol=1e-10, atol=1e-12)


def test_stored_scale_moves_only_while_learning_and_does_not_depend_on_other_rows() -> None:
    loc, value = torch.zeros(20, 3), 3.0 * numbers(20, 3, seed=1)
    running = torch.tensor(1.0)
    scoring = OptimalNormal(loc, running, learning=False)
    whole = scoring.log_prob(value)
    each = torch.stack([OptimalNormal(loc[i], running, learning=False).log_prob(value[i]) for i in range(20)])
    torch.testing.assert_close(whole, each)
    assert float(running) == 1.0
    for _ in range(200):
        OptimalNormal(loc, running, learning=True).log_prob(value)
    assert float(running) == pytest.approx(float(value.square().mean()), rel=1e-3)
    torch.manual_seed(0)
    drawn = scoring.sample(Size((2000,)))
    assert bool((z_score(drawn.square().flatten(1), running).abs() < 5).all())


@pytest.mark.parametrize("factor", [0.01, 16.0, 1000.0])
def test_density_falls_by_log_a_when_a_column_is_multiplied_by_a(factor: float) -> None:
    base = Normal(numbers(4, 3), torch.tensor([0.5, 1.0, 2.0]))
    log_unit = torch.tensor([2.0, 0.1, 7.0]).log()
    grown = log_unit.clone()
    grown[1] += math.log(factor)
    u = numbers(4, 3, seed=1)
    before = InUnits(base, log_unit, log_unit.sum())
    after = InUnits(base, grown, grown.sum())
    torch.testing.assert_close(
        after.log_prob(u), before.log_prob(u) - math.log(factor), rtol=1e-12, atol=1e-12
    )
    cells = torch.tensor([0.0, math.log(factor), 0.0])
    torch.testing.assert_close(after.cells(u), before.cells(u) - cells, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(after.cells(u).sum(-1), after.log_prob(u), rtol=1e-12, atol=1e-12)
    # And it is the density of x = mean + unit * u itself.
    unit = log_unit.exp()
    direct = torch.distributions.Normal(base.loc * unit, base.stddev * unit).log_prob(u * unit).sum(-1)
    torch.testing.assert_close(before.log_prob(u), direct, rtol=1e-12, atol=1e-12)
