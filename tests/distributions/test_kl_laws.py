"""KL divergences: closed forms against Monte Carlo, and never one in place of the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Size, Tensor
from torch.distributions import Distribution

from anyvae.distributions import (
    Bernoulli,
    DiscretisedLogistic,
    Normal,
    OneHotCategorical,
    StandardNormal,
    analytic_kl,
    has_analytic_kl,
    sampled_kl,
)
from oracles import z_score

pytestmark = pytest.mark.usefixtures("double")


def numbers(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def normal(seed: int) -> Normal:
    return Normal(numbers(4, 3, seed=seed), (0.5 * numbers(4, 3, seed=seed + 50)).exp())


PAIRS: dict[str, Callable[[], tuple[Distribution, Distribution]]] = {
    "normal_standard": lambda: (normal(0), StandardNormal((3,))),
    "normal_standard_one_scale": lambda: (
        Normal(numbers(4, 3, seed=0), torch.tensor(0.4)),
        StandardNormal((3,)),
    ),
    "normal_standard_per_feature": lambda: (
        Normal(numbers(4, 3, seed=0), torch.tensor([0.4, 1.0, 2.0])),
        StandardNormal((3,)),
    ),
    "normal_normal": lambda: (normal(0), normal(1)),
    "normal_normal_one_scale": lambda: (
        Normal(numbers(4, 3, seed=0), torch.tensor(0.4)),
        Normal(numbers(3, seed=1), torch.tensor(0.9)),
    ),
    "image": lambda: (
        Normal(numbers(4, 2, 2, seed=0), torch.tensor(0.5), event_dims=2),
        Normal(numbers(4, 2, 2, seed=1), torch.tensor(1.5), event_dims=2),
    ),
    "standard_normal": lambda: (StandardNormal((3,), (4,)), normal(1)),
    "standard_standard": lambda: (StandardNormal((3,), (4,)), StandardNormal((3,))),
    "bernoulli": lambda: (Bernoulli(numbers(4, 3, seed=0)), Bernoulli(numbers(4, 3, seed=1))),
    "categorical": lambda: (
        OneHotCategorical(numbers(4, 5, seed=0)),
        OneHotCategorical(numbers(4, 5, seed=1)),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_closed_form_against_draws(name: str) -> None:
    torch.manual_seed(0)
    q, p = PAIRS[name]()
    exact = analytic_kl(q, p)
    value = q.sample(Size((20_000,)))
    ratio = q.log_prob(value) - p.log_prob(value)
    assert bool((exact >= 0).all())
    if name == "standard_standard":
        assert float(exact.abs().max()) == 0.0
        return
    assert exact.shape == (4,)
    assert bool((z_score(ratio, exact).abs() < 5).all())


@pytest.mark.parametrize("name", [name for name in PAIRS if name != "standard_normal"])
def test_zero_from_itself(name: str) -> None:
    q, _ = PAIRS[name]()
    torch.testing.assert_close(analytic_kl(q, q), torch.zeros(4), rtol=0, atol=1e-12)


def test_the_two_normal_formulas_agree() -> None:
    q = normal(0)
    as_normal = Normal(torch.zeros(4, 3), torch.ones(3))
    torch.testing.assert_close(analytic_kl(q, StandardNormal((3,))), analytic_kl(q, as_normal))
    standard = StandardNormal((3,), (4,))
    torch.testing.assert_close(analytic_kl(standard, q), analytic_kl(as_normal, q))


def test_sampled_has_the_mean_of_the_closed_form_and_its_gradient() -> None:
    torch.manual_seed(1)
    loc = numbers(4, 3, seed=0).requires_grad_()
    draws = torch.stack(
        [sampled_kl(Normal(loc, torch.tensor(0.4)), StandardNormal((3,)), 8) for _ in range(800)]
    )
    q = Normal(loc, torch.tensor(0.4))
    assert bool((z_score(draws.detach(), analytic_kl(q, StandardNormal((3,))).detach()).abs() < 5).all())
    (gradient,) = torch.autograd.grad(draws.mean(0).sum(), loc)
    torch.testing.assert_close(gradient, loc.detach(), rtol=0, atol=0.05)


def test_exact_refuses_instead_of_sampling() -> None:
    one = torch.tensor(1.0)
    lattice = DiscretisedLogistic(torch.zeros(2, 3), one, -one, one, one)
    assert not has_analytic_kl(lattice, lattice)
    with pytest.raises(NotImplementedError, match=r"no closed form of KL\(DiscretisedLogistic .* sampled_kl"):
        analytic_kl(lattice, lattice)
