"""Normals with a structure against dense answers in double precision."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Size, Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.distributions import LowRankMultivariateNormal, MultivariateNormal

from anyvae import testing
from anyvae.conditionals import SparseNormal as SparseFamily
from anyvae.distributions import (
    ComplexNormal,
    FromNoise,
    InUnits,
    LowRankNormal,
    Normal,
    SparseNormal,
    StandardNormal,
    analytic_kl,
)
from cases.basic import ROWS, numbers
from cases.structured import low_rank, sparse

pytestmark = pytest.mark.usefixtures("double")


def linear_map(p: FromNoise) -> Tensor:
    """J of the draw loc + J noise, shape (*batch, event, noise): column by column."""
    size = p.noise_shape.numel()
    basis = torch.eye(size).view(size, *(1,) * len(p.batch_shape), *p.noise_shape)
    columns = p.from_noise(basis.expand(size, *p.batch_shape, *p.noise_shape)) - p.mean
    return columns.flatten(-p.event_dims).movedim(0, -1)


def dense_factor(p: SparseNormal, width: int) -> Tensor:
    """L, filled pixel by pixel: the definition, without a shift."""
    shape = p.event_shape if p.event_dims == 3 else (1, *p.event_shape)
    weights = p.weights.reshape(*p.batch_shape, -1, *shape)
    scale = p.scale.expand_as(p.loc).reshape(*p.batch_shape, *shape)
    channels, height, breadth = shape
    number = torch.arange(channels * height * breadth).view(shape)
    factor = torch.zeros(*p.batch_shape, number.numel(), number.numel())
    reach = width // 2
    for c in range(channels):
        for row in range(height):
            for column in range(breadth):
                here, m = number[c, row, column], 0
                factor[..., here, here] = 1.0 / scale[..., c, row, column]
                for down in range(reach + 1):
                    for right in range(-reach if down else 1, reach + 1):
                        y, x = row + down, column + right
                        if y < height and 0 <= x < breadth:
                            value = weights[..., m, c, row, column] / scale[..., c, row, column]
                            factor[..., number[c, y, x], here] = value
                        m += 1
                assert m == weights.shape[-4]
    return factor


@pytest.mark.parametrize(("event", "rank"), [((4,), 2), ((7,), 1), ((2, 2, 2), 3)])
def test_low_rank_is_torchs(event: tuple[int, ...], rank: int) -> None:
    q = low_rank(event, rank)
    value = numbers(5, ROWS, *event, seed=9)
    reference = LowRankMultivariateNormal(
        q.loc.flatten(1), q.factor.flatten(1, -2), q.scale.square().flatten(1)
    )
    torch.testing.assert_close(q.log_prob(value), reference.log_prob(value.flatten(2)), rtol=0, atol=1e-11)
    torch.testing.assert_close(q.entropy(), reference.entropy(), rtol=0, atol=1e-11)
    torch.testing.assert_close(q.variance.flatten(1), reference.variance)
    drawn = linear_map(q)
    assert drawn.shape[-1] == q.event_shape.numel() + rank
    torch.testing.assert_close(drawn @ drawn.mT, reference.covariance_matrix)


def test_low_rank_divergences_are_torchs() -> None:
    q = low_rank((2, 3), 2)
    dense = MultivariateNormal(
        q.loc.flatten(1),
        q.factor.flatten(1, -2) @ q.factor.flatten(1, -2).mT + q.scale.square().flatten(1).diag_embed(),
    )
    for p in (
        StandardNormal((2, 3), (), torch.float64),
        Normal(numbers(2, 3, seed=7), numbers(2, 3, seed=8).exp(), event_dims=2),
        Normal(numbers(ROWS, 2, 3, seed=7), torch.tensor(0.3), event_dims=2),
    ):
        diagonal = p.variance.flatten(-2).diag_embed()
        other = MultivariateNormal(p.mean.flatten(-2), diagonal)
        wanted = torch.distributions.kl_divergence(dense, other)
        torch.testing.assert_close(analytic_kl(q, p), wanted, rtol=1e-12, atol=1e-12)
        testing.kl_law(q, p)


def test_low_rank_in_single_precision_keeps_its_digits_where_own_noise_is_small() -> None:
    """Capacitance 1 + 1e8: formed as such in single precision, it loses its one, and the density with it."""
    loc, factor = torch.zeros(1, 30), torch.ones(30, 2) + 1e-3 * numbers(30, 2)
    value = 3.0 + 0.002 * numbers(6, 30, seed=1)
    exact = LowRankNormal(loc, factor, torch.tensor(0.0025))
    single = LowRankNormal(loc.float(), factor.float(), torch.tensor(0.0025).float())
    found = single.log_prob(value.float())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), exact.log_prob(value), rtol=2e-3, atol=0)


@pytest.mark.parametrize(
    ("event", "width"),
    [((1, 4, 5), 3), ((2, 4, 5), 5), ((4, 3), 3), ((1, 6, 1), 3), ((1, 1, 6), 5), ((2, 3), 7)],
)
@pytest.mark.parametrize("one_scale", [False, True])
def test_sparse_is_the_dense_normal(event: tuple[int, ...], width: int, one_scale: bool) -> None:
    p = sparse(event, width, one_scale=one_scale)
    factor = dense_factor(p, width)
    assert bool((factor.triu(1) == 0).all())
    dense = MultivariateNormal(p.loc.flatten(1), precision_matrix=factor @ factor.mT)
    value = numbers(5, ROWS, *event, seed=9)
    torch.testing.assert_close(p.log_prob(value), dense.log_prob(value.flatten(2)), rtol=0, atol=1e-9)
    torch.testing.assert_close(p.entropy(), dense.entropy(), rtol=0, atol=1e-9)
    torch.testing.assert_close(p.variance.flatten(1), dense.variance, rtol=1e-9, atol=0)
    torch.testing.assert_close(factor.mT @ linear_map(p), torch.eye(factor.shape[-1]).expand_as(factor))


def test_a_large_picture_is_solved_to_the_last_digit() -> None:
    shape = (28, 28)
    p = SparseNormal(
        numbers(*shape), numbers(*shape, seed=1).exp(), 0.08 * numbers(12, *shape, seed=2), event_dims=2
    )
    noise = numbers(50, *shape, seed=3)
    value = p.from_noise(noise)
    dense = MultivariateNormal(p.loc.flatten(), precision_matrix=(f := dense_factor(p, 5)) @ f.mT)
    torch.testing.assert_close(p.log_prob(value), dense.log_prob(value.flatten(1)), rtol=0, atol=1e-6)
    solved = torch.linalg.solve(f.mT, noise.flatten(1).mT).mT
    torch.testing.assert_close((value - p.loc).flatten(1), solved, rtol=0, atol=1e-9)


def test_weights_that_leave_the_picture_count_for_nothing() -> None:
    p = sparse((1, 3, 4), 5)
    noise, value = numbers(ROWS, 1, 3, 4, seed=5), numbers(ROWS, 1, 3, 4, seed=6)
    weights = p.weights.clone().requires_grad_()
    q = SparseNormal(p.loc, p.scale, weights)
    steps = [(0, 1), (0, 2)] + [(down, right) for down in (1, 2) for right in range(-2, 3)]
    inside = torch.zeros(12, 1, 3, 4, dtype=torch.bool)
    for m, (down, right) in enumerate(steps):
        for row in range(3):
            for column in range(4):
                inside[m, 0, row, column] = row + down < 3 and 0 <= column + right < 4
    for output in (q.log_prob(value).sum(), q.from_noise(noise).square().sum()):
        (gradient,) = torch.autograd.grad(output, weights)
        assert bool((gradient[:, ~inside] == 0).all())
        assert bool((gradient[:, inside] != 0).all())
    moved = SparseNormal(p.loc, p.scale, torch.where(inside, p.weights, 1e6))
    assert torch.equal(moved.log_prob(value), p.log_prob(value))
    assert torch.equal(moved.from_noise(noise), p.from_noise(noise))


def test_sparse_gradients_of_draws_and_densities_to_second_order() -> None:
    scale, weights = numbers(2, 2, 3, seed=1).exp().requires_grad_(), 0.5 * numbers(2, 4, 2, 3, seed=2)
    weights.requires_grad_()
    noise = numbers(2, 2, 2, 3, seed=3).requires_grad_()
    loc = numbers(2, 2, 3)

    def draw(scale: Tensor, weights: Tensor, noise: Tensor) -> Tensor:
        return SparseNormal(loc, scale, weights, event_dims=2).from_noise(noise)

    def density(scale: Tensor, weights: Tensor, value: Tensor) -> Tensor:
        return SparseNormal(loc, scale, weights, event_dims=2).log_prob(value)

    for function in (draw, density):
        assert gradcheck(function, (scale, weights, noise))
        assert gradgradcheck(function, (scale, weights, noise))


def test_a_picture_without_weights_has_independent_pixels() -> None:
    loc, scale = numbers(ROWS, 1, 3, 3), numbers(1, 3, 3, seed=1).exp()
    p, q = SparseNormal(loc, scale, torch.zeros(4, 1, 3, 3)), Normal(loc, scale, event_dims=3)
    noise = numbers(4, ROWS, 1, 3, 3, seed=2)
    torch.testing.assert_close(p.log_prob(noise), q.log_prob(noise))
    torch.testing.assert_close(p.from_noise(noise), q.from_noise(noise))
    torch.testing.assert_close(p.variance, q.variance)


@pytest.mark.parametrize("make", [low_rank, sparse])
def test_a_batch_is_a_loop_over_its_rows(make: type) -> None:
    p: LowRankNormal | SparseNormal = make()
    value = p.sample(Size((3,)))
    noise = numbers(3, ROWS, *p.noise_shape, seed=4)
    last = p.factor if isinstance(p, LowRankNormal) else p.weights
    for row in range(ROWS):
        one = (
            type(p)(p.loc[row], last[row], p.scale[row])
            if isinstance(p, LowRankNormal)
            else SparseNormal(p.loc[row], p.scale[row], last[row])
        )
        torch.testing.assert_close(one.log_prob(value[:, row]), p.log_prob(value)[:, row], rtol=0, atol=1e-12)
        torch.testing.assert_close(
            one.from_noise(noise[:, row]), p.from_noise(noise)[:, row], rtol=0, atol=1e-12
        )


def test_what_a_sparse_normal_refuses() -> None:
    for count in (0, 5):
        wanted = rf"weights to {count} neighbours; wanted \(k\^2 - 1\) / 2 for an odd k"
        with pytest.raises(ValueError, match=wanted):
            SparseNormal(torch.zeros(1, 3, 3), torch.ones(1, 3, 3), torch.zeros(count, 1, 3, 3))
    large = SparseNormal(torch.zeros(33, 32), torch.ones(()), torch.zeros(4, 33, 32), event_dims=2)
    with pytest.raises(NotImplementedError, match=r"1056 pixels .* from draws"):
        _ = large.variance


def test_structured_residuals_are_learned_where_a_diagonal_is_far_off() -> None:
    """Smooth surfaces with a known covariance: KL(true || fitted) is at most a tenth of the best diagonal's.

    The check of Dorta et al., 2018, on splines whose covariance is known.
    """
    torch.manual_seed(0)
    side, knots = 8, 4
    far = (
        (torch.arange(float(side)).unsqueeze(-1) - torch.linspace(0, side - 1, knots)).abs()
        * (knots - 1)
        / (side - 1)
    )
    basis = torch.where(far < 1, 2 / 3 - far**2 + far**3 / 2, (2 - far).clamp_min(0.0) ** 3 / 6)
    loadings = torch.kron(basis, basis)
    covariance = loadings @ loadings.T + 0.1**2 * torch.eye(side**2)
    rows = MultivariateNormal(torch.zeros(side**2), covariance).sample((2000,)).view(-1, 1, side, side)
    part = SparseFamily((1, side, side), neighbourhood=5).given().build("x", {})
    optimizer = torch.optim.LBFGS(
        [part.free["raw_scale"], part.free["raw_weights"]], max_iter=40, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = -part().log_prob(rows).mean()
        value.backward()
        return value

    optimizer.step(loss)
    factor = dense_factor(part(), 5).detach()
    true = torch.logdet(covariance)
    quadratic = (factor.T @ covariance @ factor).trace() - side**2
    fitted = 0.5 * (quadratic - true) - factor.diagonal().log().sum()
    diagonal = 0.5 * (covariance.diagonal().log().sum() - true)
    assert float(diagonal) > 60.0
    assert 0.0 < float(fitted) < float(diagonal) / 10.0


@pytest.mark.parametrize("located", [False, True])
def test_complex_normal_is_the_density_of_complex_numbers(located: bool) -> None:
    scale = numbers(ROWS, 3, 2, seed=1).exp()
    loc = numbers(3, 2, 2) if located else None
    p = ComplexNormal(scale, loc, event_dims=3)
    assert p.event_shape == (3, 2, 2)
    value = numbers(5, ROWS, 3, 2, 2, seed=2)
    centre = torch.zeros(()) if loc is None else torch.view_as_complex(loc)
    power = (torch.view_as_complex(value) - centre).abs().square()
    wanted = (-power / scale.square() - scale.square().log() - math.log(math.pi)).sum((-2, -1))
    torch.testing.assert_close(p.log_prob(value), wanted, rtol=1e-12, atol=1e-12)
    # A withheld cell takes both of its halves with it.
    mask = torch.ones_like(value)
    mask[..., 1, 0, :] = 0.0
    given = (-power / scale.square() - scale.square().log() - math.log(math.pi)).flatten(-2)
    torch.testing.assert_close(p.given_log_prob(value, mask), given.sum(-1) - given[..., 2])
    torch.testing.assert_close(p.variance.sum(-1), scale.square())
    torch.testing.assert_close(p.entropy(), (scale.square() * math.pi * math.e).log().sum((-2, -1)))
    # Ten times the unit of all twelve numbers.
    unit = torch.full((3, 2, 2), math.log(10.0))
    scaled = InUnits(p, unit, unit.sum()).log_prob(value)
    wide = ComplexNormal(10.0 * scale, None if loc is None else 10.0 * loc, event_dims=3).log_prob(
        10.0 * value
    )
    torch.testing.assert_close(scaled, wide)


def test_complex_normal_turns_with_the_phase_and_scores_power_by_itakura_saito() -> None:
    scale = numbers(4, seed=1).exp()
    p = ComplexNormal(scale)
    value = torch.view_as_complex(numbers(6, 4, 2, seed=2))
    turned = value * torch.polar(torch.ones(4), numbers(4, seed=3))
    density = p.log_prob(torch.view_as_real(value))
    torch.testing.assert_close(p.log_prob(torch.view_as_real(turned)), density)
    power = value.abs().square()
    ratio = power / scale.square()
    divergence = (ratio - ratio.log() - 1.0).sum(-1)
    constant = -(power.log() + 1.0 + math.log(math.pi)).sum(-1)
    torch.testing.assert_close(density, constant - divergence)
