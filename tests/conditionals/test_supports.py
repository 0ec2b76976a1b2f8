"""A posterior and a prior of one variable are distributions of the same values, or are refused when they are joined."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.distributions import constraints

from anyvae.conditionals import (
    IAF,
    Beta,
    Categorical,
    Conditional,
    DiagonalNormal,
    Dirichlet,
    Family,
    Flow,
    FullNormal,
    Gamma,
    Laplace,
    LogisticNormal,
    LogNormal,
    Normal,
    Poisson,
    PowerSpherical,
    RelaxedBernoulli,
    RelaxedCategorical,
    StandardNormal,
    StudentT,
    UniformCategorical,
    UniformSphere,
    VonMisesFisher,
)
from anyvae.conditionals.supports import support_of, support_words, within
from anyvae.distributions import Bernoulli
from anyvae.inference import evaluate_bound
from anyvae.networks import MLP
from anyvae.recipes import vae

SAME: list[tuple[Family, Family]] = [
    (FullNormal(3), StandardNormal(3)),
    (Laplace(3), StudentT(3)),
    (LogNormal(3), StandardNormal(3)),
    (LogNormal(3), Gamma(3)),
    (Beta(3), Gamma(3)),
    (PowerSpherical(3), UniformSphere(3)),
    (LogisticNormal(3), Dirichlet(3)),
    (Categorical(3), UniformCategorical(3)),
    (RelaxedCategorical(3), RelaxedCategorical(3)),
]
OTHER: list[tuple[Family, Family, str, str]] = [
    (VonMisesFisher(3), StandardNormal(3), "the unit sphere", "real numbers"),
    (DiagonalNormal(3), UniformSphere(3), "real numbers", "the unit sphere"),
    (Dirichlet(3), StandardNormal(3), "shares that sum to one", "real numbers"),
    (DiagonalNormal(3), Gamma(3), "real numbers", "numbers from 0"),
    (Gamma(3), Beta(3), "numbers from 0", "numbers from 0 to 1"),
    (DiagonalNormal(3), Categorical(3), "real numbers", "one-hot vectors"),
    (RelaxedCategorical(3), Categorical(3), "the centred logs", "one-hot vectors"),
    (Poisson(3), StandardNormal(3), "whole numbers from 0", "real numbers"),
]


@pytest.mark.parametrize(("q", "p"), SAME, ids=repr)
def test_draws_that_have_a_density_under_the_prior_are_taken(q: Family, p: Family) -> None:
    model = vae(Normal(2), 3, posterior=q, prior=p, encoder=MLP([4]), decoder=MLP([4]))
    torch.manual_seed(0)
    summed = ["z"] if isinstance(q, Categorical) else []
    bound = evaluate_bound(model, {"x": torch.randn(5, 2)}, samples=3, enumerate=summed)
    assert bool(torch.isfinite(bound.elbo).all())


@pytest.mark.parametrize(("q", "p", "inner", "outer"), OTHER, ids=repr)
def test_draws_that_have_none_are_refused_with_both_spaces(
    q: Family, p: Family, inner: str, outer: str
) -> None:
    told = (
        rf"q\(z\) is {type(q).__name__}\(3.*, of {inner}, but p\(z\) is {type(p).__name__}\(3.*, of {outer}: "
    )
    with pytest.raises(ValueError, match=told):
        vae(Normal(2), 3, posterior=q, prior=p, encoder=MLP([4]), decoder=MLP([4]))


def test_a_part_that_does_not_tell_is_taken() -> None:
    """A flow moves a density anywhere; so says nothing."""

    def carried(plain: Any) -> Conditional:
        return Flow(plain, IAF())

    model = vae(Normal(2), 3, around=carried)
    assert model.inference_parts["z"].support is None
    assert model.generative_parts["z"].support is constraints.real


def test_supports_lie_within_each_other_as_intervals_do() -> None:
    c = constraints
    inside = [
        (c.positive, c.real),
        (c.unit_interval, c.real),
        (c.unit_interval, c.nonnegative),
        (c.interval(0.2, 0.5), c.unit_interval),
        (c.integer_interval(0, 4), c.nonnegative_integer),
        (c.boolean, c.boolean),
        (support_of(Bernoulli(torch.zeros(2))), c.boolean),
    ]
    for inner, outer in inside:
        assert within(inner, outer), (inner, outer)
    outside = [
        (c.real, c.positive),
        (c.interval(-0.1, 0.5), c.unit_interval),
        (c.nonnegative_integer, c.integer_interval(0, 4)),
        (c.nonnegative_integer, c.real),
        (c.real, c.nonnegative_integer),
        (c.boolean, c.one_hot),
        (c.simplex, c.one_hot),
    ]
    for inner, outer in outside:
        assert not within(inner, outer), (inner, outer)


def test_a_support_is_told_in_words() -> None:
    c = constraints
    assert [
        support_words(s) for s in (c.boolean, c.positive, c.nonnegative_integer, c.integer_interval(0, 4))
    ] == [
        "zeros and ones",
        "numbers from 0",
        "whole numbers from 0",
        "whole numbers from 0 to 4",
    ]
    assert RelaxedBernoulli(3).support is c.real
