"""The shipped battery: every family passes it, every law notices a planted fault."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import Size, Tensor

from anyvae import distributions, testing
from anyvae.distributions import (
    Cellwise,
    ContinuousBernoulli,
    FromNoise,
    Laplace,
    LogNormal,
    NegativeBinomial,
    Normal,
    NormalMixture,
    OneHotCategorical,
    Poisson,
    StandardNormal,
    analytic_kl,
)
from cases import all_cases
from cases.basic import COUNTS, ROWS, full, numbers
from cases.structured import low_rank

pytestmark = pytest.mark.usefixtures("double")
CASES = all_cases()


OTHERWISE = {
    "InUnits": "densities in input units of encoded values: tests/distributions/test_gradients_and_units.py",
    "Delta": "no density: tests/model/test_shared_nodes.py",
    "Quantised": "all mass on one value: tests/distributions/test_codes.py",
    "Pushed": "no density: tests/objectives/test_adversarial.py",
}


def test_no_family_is_left_out() -> None:
    """Every distribution that is exported has a case, or a reason and a test of its own."""
    families = {
        name
        for name in distributions.__all__
        if inspect.isclass(getattr(distributions, name))
        and issubclass(getattr(distributions, name), FromNoise)
        and getattr(getattr(distributions, name), "__final__", False)
    }
    tried = {type(make()).__name__ for make, _ in CASES.values()}
    assert families - tried - OTHERWISE.keys() == set()
    assert not tried & OTHERWISE.keys()


@pytest.mark.parametrize("name", CASES)
def test_every_family_obeys_the_battery(name: str) -> None:
    make, options = CASES[name]
    testing.check_distribution(make(), **options)


@pytest.mark.parametrize(
    ("q", "p"),
    [
        (full(), StandardNormal((3,), (), torch.float64)),
        (full(), Normal(numbers(3, seed=7), numbers(3, seed=8).exp())),
        (
            Laplace(numbers(ROWS, 3), numbers(3, seed=1).exp()),
            Laplace(numbers(3, seed=2), numbers(3, seed=3).exp()),
        ),
    ],
)
def test_closed_forms_of_the_kl(q: FromNoise, p: FromNoise) -> None:
    testing.kl_law(q, p)


def test_full_normal_is_torchs() -> None:
    q = full()
    value = numbers(5, ROWS, 3, seed=9)
    reference = torch.distributions.MultivariateNormal(q.loc, scale_tril=q.factor)
    torch.testing.assert_close(q.log_prob(value), reference.log_prob(value))
    torch.testing.assert_close(q.entropy(), reference.entropy())


def test_mixture_density_has_mass_one() -> None:
    p = NormalMixture(numbers(3), 2.0 * numbers(3, 1, seed=1), numbers(3, 1, seed=2).exp())
    grid = torch.linspace(-60, 60, 60_001).double().unsqueeze(-1)
    assert float(torch.trapezoid(p.log_prob(grid).exp(), grid[:, 0])) == pytest.approx(1.0, abs=1e-9)


def test_mixture_draws_its_components_by_weight() -> None:
    """Components far apart, so that a draw tells its component: exact frequencies for even noise."""
    weights = torch.tensor([0.1, 0.6, 0.3]).double()
    p = NormalMixture(
        weights.log(), torch.tensor([[-100.0], [0.0], [100.0]]).double(), torch.ones(3, 1).double()
    )
    place = torch.special.ndtri((torch.arange(1000).double() + 0.5) / 1000)
    drawn = p.from_noise(torch.stack([place, torch.zeros_like(place)], -1))
    found = torch.stack([(drawn == centre).double().mean() for centre in (-100.0, 0.0, 100.0)])
    torch.testing.assert_close(found, weights, rtol=0, atol=1e-3)


@pytest.mark.parametrize("logits", [-1e4, -100.0, -0.0201, -0.0199, 0.0, 1e-6, 100.0, 1e4])
def test_continuous_bernoulli_far_out_and_near_zero(logits: float) -> None:
    single = torch.tensor([logits], dtype=torch.float32, requires_grad=True)
    p = ContinuousBernoulli(single)
    outputs = p.cells(torch.tensor([0.25])) + p.mean + p.variance + p.from_noise(torch.tensor([0.7]))
    assert bool(torch.isfinite(outputs).all())
    assert bool(torch.isfinite(torch.autograd.grad(outputs.sum(), single)[0]).all())
    exact = ContinuousBernoulli(torch.tensor([logits], dtype=torch.float64))
    torch.testing.assert_close(p.mean.double(), exact.mean, rtol=0, atol=2e-5)


def test_a_hole_off_the_support_counts_for_nothing_and_has_a_gradient() -> None:
    loc = numbers(2, 2).requires_grad_()
    value = torch.tensor([[1.5, 0.0], [0.0, 2.0]]).double()
    mask = (value > 0).double()
    p = LogNormal(loc, torch.ones(2).double())
    total = p.given_log_prob(value, mask)
    by_hand = LogNormal(loc.detach(), torch.ones(2).double()).cells(value)[mask > 0]
    torch.testing.assert_close(total.detach(), by_hand)
    (gradient,) = torch.autograd.grad(total.sum(), loc)
    assert bool((gradient[mask == 0] == 0).all())
    assert bool(torch.isfinite(gradient).all())


class Faulty(Cellwise):
    """A normal with one planted fault: of its density, its draw, its mean, its mask or its expansion."""

    has_rsample = True

    def __init__(self, fault: str, loc: Tensor) -> None:
        features = 0 if fault == "no event" else 1
        super().__init__(loc.shape[: loc.dim() - features], loc.shape[loc.dim() - features :])
        self.fault, self.loc = fault, loc

    @property
    def mean(self) -> Tensor:
        if self.fault == "no axis of the mean":
            return self.loc[..., 0]
        return self.loc + (0.1 if self.fault == "mean" else 0.0)

    @property
    def variance(self) -> Tensor:
        return torch.full_like(self.loc, 1.2 if self.fault == "variance" else 1.0)

    def cells(self, value: Tensor) -> Tensor:
        if self.fault == "no axis of cells":
            return Normal(self.loc, torch.ones_like(self.loc)).log_prob(value)
        shift = 0.01 if self.fault == "density" else 0.0
        return Normal(self.loc, torch.ones_like(self.loc)).cells(value) + shift

    def log_prob(self, value: Tensor) -> Tensor:
        if self.fault == "no sum over cells":
            return self.cells(value)
        return self.cells(value).mean(-1) if self.fault == "cells" else self.cells(value).sum(-1)

    def given_log_prob(self, value: Tensor, mask: Tensor) -> Tensor:
        return self.log_prob(value) if self.fault == "masked" else super().given_log_prob(value, mask)

    def from_noise(self, noise: Tensor) -> Tensor:
        if self.fault == "no gradient":
            noise = noise.detach()
        return self.loc + noise * (1.01 if self.fault == "change" else 1.0)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Faulty:
        if self.fault == "not expanded":
            return self
        return Faulty(
            self.fault, (self.loc + (self.fault == "expand")).expand(*batch_shape, self.event_shape[0])
        )

    def _draw(self, sample_shape: Any) -> Tensor:
        if self.fault == "share" and len(self.batch_shape) > 1:
            return (
                super()
                ._draw(sample_shape)[:1]
                .expand(Size(sample_shape) + self.batch_shape + self.event_shape)
            )
        drawn = super()._draw(sample_shape)
        # Of the widened one alone, so that no earlier law meets the type.
        return drawn.float() if self.fault == "dtype" and len(self.batch_shape) > 1 else drawn

    def _like(self) -> Tensor:
        return self.loc


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        ("density", "change of variables"),
        ("change", "change of variables"),
        ("no gradient", "gradient of draws: has_rsample is True"),
        ("no event", "shapes: Faulty has no event"),
        ("no axis of cells", "shapes: cells of shape"),
        ("no sum over cells", "shapes: log_prob of shape"),
        ("no axis of the mean", "shapes: mean of shape"),
        ("not expanded", "expand: its batch shape is"),
        ("mean", "mean"),
        ("variance", "variance"),
        ("cells", "log_prob against cells"),
        ("masked", "masked cells"),
        ("expand", "expand"),
        ("share", "all rows share one draw"),
        ("dtype", "dtype: draws are"),
    ],
)
def test_planted_faults_are_noticed(fault: str, law: str) -> None:
    testing.check_distribution(Faulty("none", numbers(ROWS, 3)))
    with pytest.raises(AssertionError, match=law):
        testing.check_distribution(Faulty(fault, numbers(ROWS, 3)))


@pytest.mark.parametrize("fault", ["from_noise", "log_prob"])
def test_faults_of_draws_from_more_noise_are_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    p, sound = low_rank(), low_rank()
    monkeypatch.setattr(p, fault, lambda value: 1.001 * getattr(sound, fault)(value))
    with pytest.raises(AssertionError, match="affine draw"):
        testing.check_distribution(p)


class Mixed(Faulty):
    """N(loc, 1) drawn from three numbers, in none of which the draw is affine."""

    @property
    def noise_shape(self) -> Size:
        return Size((*self.event_shape, 3))

    def from_noise(self, noise: Tensor) -> Tensor:
        first, second, ratio = noise.unbind(-1)
        return self.loc + (first * ratio + second) / (1.0 + ratio.square()).sqrt()

    def expand(self, batch_shape: Any, _instance: Any = None) -> Mixed:
        return Mixed(self.fault, self.loc.expand(*batch_shape, self.event_shape[0]))


def test_laws_that_do_not_apply_to_a_draw_are_left_out() -> None:
    testing.check_distribution(Mixed("none", numbers(ROWS, 3)))
    with pytest.raises(AssertionError, match="affine draw"):
        testing.affine_law(Mixed("none", numbers(ROWS, 3)))


def test_faults_of_masses_supports_gradients_and_divergences_are_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    poisson = Poisson(torch.ones(ROWS, 2).double())
    with pytest.raises(AssertionError, match="mass one"):
        testing.mass_law(poisson, COUNTS[1:])
    late = Poisson(torch.ones(ROWS, 2).double())
    monkeypatch.setattr(late, "from_noise", lambda noise: poisson.from_noise(noise) + 1.0)
    with pytest.raises(AssertionError, match="sampler against masses"):
        testing.sampler_law(late, COUNTS)
    counts = NegativeBinomial(torch.ones(ROWS, 2).double(), torch.ones(2).double())
    testing.sampler_law(counts, COUNTS)
    thinner = NegativeBinomial(torch.ones(ROWS, 2).double(), torch.full((2,), 0.8).double())
    monkeypatch.setattr(counts, "from_noise", thinner.from_noise)
    with pytest.raises(AssertionError, match="sampler against masses"):
        testing.sampler_law(counts, COUNTS)
    with pytest.raises(AssertionError, match="support"):
        testing.support_law(Normal(numbers(ROWS, 1), numbers(1).exp()), torch.tensor([-1.0]).double())
    with pytest.raises(AssertionError, match="gradient"):
        testing.gradient_law(lambda t: (t.detach() * t).sum(), torch.tensor([1.0, 2.0]).double())
    with pytest.raises(NotImplementedError, match="no closed form"):
        testing.kl_law(OneHotCategorical(numbers(2, 3)), StandardNormal((3,), (), torch.float64))
    q, p = full(), StandardNormal((3,), (), torch.float64)
    for factor, law in ((1.05, "KL: "), (-1.0, "KL >= 0")):
        monkeypatch.setattr(
            testing.distributions, "analytic_kl", lambda q, p, factor=factor: factor * analytic_kl(q, p)
        )
        with pytest.raises(AssertionError, match=law):
            testing.kl_law(q, p)
