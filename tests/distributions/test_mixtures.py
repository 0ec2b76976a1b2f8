"""Mixtures: against the sum written out, against each other, fast form against direct form, and their gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from anyvae.distributions import (
    Bernoulli,
    Columns,
    FromNoise,
    FullNormal,
    Laplace,
    Mixture,
    Normal,
    NormalMixture,
    OneHotCategorical,
)
from cases.basic import numbers

pytestmark = pytest.mark.usefixtures("double")


def normals() -> tuple[Tensor, Tensor, Tensor]:
    return numbers(2, 4), 2.0 * numbers(2, 4, 3, seed=1), numbers(4, 3, seed=2).exp()


def both(fixed: bool = False) -> list[Mixture]:
    """The same mixture from one stack and from a list."""
    logits, loc, scale = normals()
    parts = [Normal(loc[:, k], scale[k]) for k in range(4)]
    return [Mixture(logits, Normal(loc, scale), fixed=fixed), Mixture(logits, parts, fixed=fixed)]


@pytest.mark.parametrize("form", [0, 1])
def test_of_normals_it_is_the_normal_mixture(form: int) -> None:
    """Density, draws from the same noise, mean and variance of two independent implementations."""
    logits, loc, scale = normals()
    wanted, found = NormalMixture(logits, loc, scale), both()[form]
    value = numbers(5, 2, 3, seed=5)
    noise = numbers(500, 2, 4, seed=6)
    assert found.noise_shape == wanted.noise_shape
    torch.testing.assert_close(found.log_prob(value), wanted.log_prob(value), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(found.from_noise(noise), wanted.from_noise(noise), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(found.mean, wanted.mean, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(found.variance, wanted.variance, rtol=1e-12, atol=1e-12)
    each = torch.stack([Normal(loc[:, k], scale[k]).log_prob(value) for k in range(4)], -1).exp()
    joint = logits.softmax(-1) * each
    torch.testing.assert_close(found.log_prob(value), joint.sum(-1).log())
    torch.testing.assert_close(found.responsibilities(value), joint / joint.sum(-1, keepdim=True))


def test_masses_of_a_discrete_mixture_sum_to_one() -> None:
    p = Mixture(numbers(2, 3), Bernoulli(2.0 * numbers(2, 3, 4, seed=1)))
    rows = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 4)
    mass = p.log_prob(rows.unsqueeze(1)).exp()
    torch.testing.assert_close(mass.sum(0), torch.ones(2), rtol=0, atol=1e-13)
    torch.testing.assert_close((mass.unsqueeze(-1) * rows.unsqueeze(1)).sum(0), p.mean, rtol=0, atol=1e-13)


def test_components_that_need_different_amounts_of_noise() -> None:
    inner = Mixture(numbers(2), Normal(numbers(2, 3), torch.ones(3)))
    p = Mixture(torch.tensor([0.5, 0.5]).log(), [Normal(numbers(3, seed=1), torch.ones(3)), inner])
    assert p.noise_shape == (5,)
    noise = numbers(50, 5, seed=2)
    first = p.from_noise(torch.cat([-noise[:, :1].abs(), noise[:, 1:]], -1))
    second = p.from_noise(torch.cat([noise[:, :1].abs(), noise[:, 1:]], -1))
    torch.testing.assert_close(first, numbers(3, seed=1) + noise[:, 1:4])
    torch.testing.assert_close(second, inner.from_noise(noise[:, 1:]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("noise", [-40.0, -8.0, 0.0, 5.6, 8.3, 40.0])
def test_a_component_without_weight_is_never_chosen(dtype: torch.dtype, noise: float) -> None:
    """Also where the quantile rounds to 0 or 1: the far components are those without weight."""
    logits = torch.tensor([-torch.inf, 0.3, -torch.inf, 0.1, -torch.inf], dtype=dtype)
    loc = torch.tensor([[100.0], [0.0], [100.0], [0.0], [100.0]], dtype=dtype)
    p = Mixture(logits, Normal(loc, torch.ones(1, dtype=dtype)))
    assert p.from_noise(torch.tensor([noise, 0.0], dtype=dtype)).item() == 0.0
    inside = p.log_prob(torch.zeros(1, dtype=dtype)).item()
    assert inside == pytest.approx(-0.5 * math.log(2 * math.pi), abs=1e-6)


@pytest.mark.parametrize("form", [0, 1])
def test_with_fixed_weights_draws_carry_the_gradient_of_the_expectation(form: int) -> None:
    """Evenly spread noise integrates the draw: its gradient is that of sum_k w_k E_k f, known for a square."""
    loc, scale = torch.tensor([-1.0, 2.0], requires_grad=True), torch.tensor([0.5, 1.5], requires_grad=True)
    parts: FromNoise | list[FromNoise] = Normal(loc.unsqueeze(-1), scale.unsqueeze(-1))
    if form == 1:
        parts = [Normal(loc[k : k + 1], scale[k : k + 1]) for k in range(2)]
    p = Mixture(torch.tensor([0.3, 0.7]).log(), parts, fixed=True)
    assert p.has_rsample
    assert not both()[form].has_rsample
    place = torch.special.ndtri((torch.arange(1000) + 0.5) / 1000)
    drawn = p.from_noise(torch.cartesian_prod(place, place))
    found = torch.autograd.grad(drawn.square().mean(), [loc, scale])
    wanted = torch.autograd.grad(
        (torch.tensor([0.3, 0.7]) * (loc.square() + scale.square())).sum(), [loc, scale]
    )
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=2e-3, atol=2e-3)
    discrete = Mixture(torch.zeros(2), OneHotCategorical(numbers(2, 3)), fixed=True)
    assert not discrete.has_rsample


def test_what_does_not_fit_is_refused() -> None:
    one, two = Normal(torch.zeros(2), torch.ones(2)), Normal(torch.zeros(3), torch.ones(3))
    with pytest.raises(ValueError, match="3 weights and 2 components"):
        Mixture(torch.zeros(3), [one, one])
    with pytest.raises(ValueError, match="one event shape"):
        Mixture(torch.zeros(2), [one, two])
    with pytest.raises(ValueError, match="without batch axes"):
        Mixture(torch.zeros(2), one)


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.0025, 400.0])
def test_shared_components_are_scored_as_exactly_as_one_by_one(scale: float) -> None:
    """Single precision against double, at the smallest scale that a family gives; and the gradient likewise."""
    loc = 3.0 * torch.randn(50, 4, generator=torch.Generator().manual_seed(0)).float()
    spread = torch.full((50, 4), scale, dtype=torch.float32)
    logits = torch.randn(50, generator=torch.Generator().manual_seed(1)).float()
    noise = torch.randn(7, 30, 4, generator=torch.Generator().manual_seed(2)).float()
    value = (loc[:30] + scale * noise).requires_grad_()
    found = NormalMixture(logits, loc, spread).log_prob(value)
    assert found.dtype == torch.float32
    exact_value = value.detach().double().requires_grad_()
    exact = NormalMixture(logits.double(), loc.double(), spread.double()).log_prob(exact_value)
    far = (value.unsqueeze(-2) - loc) / spread
    inside = -0.5 * far.square().sum(-1) - spread.log().sum(-1) - 2 * math.log(2 * math.pi)
    direct = (logits.log_softmax(-1) + inside).logsumexp(-1)
    error = (found - exact).abs().max().item()
    assert error <= 1.2 * (direct - exact).abs().max().item() + 1e-6
    gradient = torch.autograd.grad(found.sum(), value)[0]
    wanted = torch.autograd.grad(exact.sum(), exact_value)[0]
    assert (gradient - wanted).abs().max().item() < 1e-4 / scale


def test_components_with_rows_of_their_own_are_scored_directly() -> None:
    logits, loc, scale = (number.float() for number in normals())
    value = numbers(5, 2, 3, seed=5).float()
    found = NormalMixture(logits, loc, scale).log_prob(value)
    exact = NormalMixture(*normals()).log_prob(value.double())
    torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=1e-5)


def test_the_draws_of_a_laplace_mixture_follow_its_density() -> None:
    """One feature: the share of even draws below each point is the integral of the density up to it."""
    p = Mixture(
        torch.tensor([0.2, 0.8]).log(), Laplace(torch.tensor([[-2.0], [1.0]]), torch.tensor([[0.5], [1.5]]))
    )
    place = torch.special.ndtri((torch.arange(800) + 0.5) / 800)
    drawn = p.from_noise(torch.cartesian_prod(place, place)).flatten()
    grid = torch.linspace(-30, 30, 60_001)
    mass = torch.cumulative_trapezoid(p.log_prob(grid.unsqueeze(-1)).exp(), grid)
    for point in (-3.0, -2.0, 0.0, 1.0, 4.0):
        index = int((point + 30) * 1000)
        assert float((drawn < point).double().mean()) == pytest.approx(float(mass[index - 1]), abs=2e-3)


def test_the_density_of_one_feature_is_the_integral_over_the_others() -> None:
    logits, loc, scale = numbers(3), 2.0 * numbers(3, 2, seed=1), (0.3 * numbers(3, 2, seed=2)).exp()
    factor = torch.eye(2) + 0.5 * numbers(2, 2, seed=3).tril(-1)
    mixed = [Normal(loc[0], scale[0]), Laplace(loc[1], scale[1]), FullNormal(loc[2], factor)]
    line = torch.linspace(-12, 12, 1201)
    for p in (NormalMixture(logits, loc, scale), Mixture(logits, Normal(loc, scale)), Mixture(logits, mixed)):
        for k in range(2):
            points = torch.tensor([-2.0, 0.0, 1.3])
            grid = torch.stack(
                [points[:, None].expand(3, 1201), line.expand(3, 1201)][:: 1 if k == 0 else -1], -1
            )
            wanted = torch.trapezoid(p.log_prob(grid).exp(), line).log()
            found = p.marginals(torch.stack([points, points], -1))[:, k]
            torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)


def test_entries_of_a_class_and_columns_by_themselves() -> None:
    q = OneHotCategorical(numbers(2, 3))
    p = Columns([q, Normal(numbers(2, 1), torch.ones(1))])
    value = torch.tensor([[1.0, 0.0, 0.0, 0.4], [0.0, 0.0, 1.0, -1.0]])
    found = p.marginals(value)
    mass = torch.where(value[:, :3] > 0, q.mean, 1 - q.mean)
    torch.testing.assert_close(found[:, :3], mass.log())
    torch.testing.assert_close(found[:, 3:], p.cells(value)[:, 3:])
    sure = OneHotCategorical(torch.tensor([1000.0, 0.0]))
    assert bool(torch.isfinite(sure.marginals(torch.tensor([0.0, 1.0]))).all())
