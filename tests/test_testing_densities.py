"""Draws against densities: a density that is off is noticed whatever the family, and so is another sampler."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Size, Tensor

from anyvae import testing
from anyvae.distributions import Cellwise, Columns, FromNoise, Mixture, Normal, OneHotCategorical, Poisson
from anyvae.testing.judge import allowed_errors, bounded, shares, within
from cases import all_cases
from cases.basic import ROWS, numbers

pytestmark = pytest.mark.usefixtures("double")
CASES = all_cases()
DENSITIES = ("cells", "marginals", "log_prob", "given_log_prob")


def plant(monkeypatch: pytest.MonkeyPatch, kind: type[FromNoise], fault: str) -> None:
    """Every density of a class a twentieth of a nat too high, or a tenth too large: one as wrong as the others."""
    within_one = False

    def wrong(name: str, right: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def density(self: FromNoise, value: Tensor, *mask: Tensor) -> Tensor:
            nonlocal within_one
            if within_one:
                return right(self, value, *mask)
            within_one = True
            try:
                found = right(self, value, *mask)
            finally:
                within_one = False
            if fault == "scaled":
                return 1.1 * found
            share = 0.05 / self.event_shape.numel()
            counted = mask[0].flatten(-self.event_dims).sum(-1) if mask else self.event_shape.numel()
            return found + share * (1.0 if name in DENSITIES[:2] else counted)

        return density

    for name in DENSITIES:
        if hasattr(kind, name):
            monkeypatch.setattr(kind, name, wrong(name, getattr(kind, name)))


@pytest.mark.parametrize("name", CASES)
def test_a_density_that_is_off_is_noticed_in_every_family(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, options = CASES[name]
    law = r"^(mass one|change of|affine draw|draws (and|against)|density of a draw)"
    for fault in ("shifted", "scaled"):
        p = make()
        # Cells need few draws to be told apart.
        few = {"samples": 3000} if isinstance(p, Cellwise) else {}
        with monkeypatch.context() as planted:
            plant(planted, type(p), fault)
            with pytest.raises(AssertionError, match=law):
                testing.check_distribution(p, **options | few)


class Drawn(Cellwise):
    """Standard normal numbers that are drawn from a Laplace density of the same mean and variance."""

    has_rsample = False

    def __init__(self, rows: Tensor, features: int) -> None:
        super().__init__(rows.shape, Size((features,)))
        self.rows = rows

    @property
    def variance(self) -> Tensor:
        return torch.ones_like(self.rows).unsqueeze(-1).expand(self.batch_shape + self.event_shape)

    @property
    def mean(self) -> Tensor:
        return torch.zeros_like(self.variance)

    def cells(self, value: Tensor) -> Tensor:
        return -0.5 * (value.square() + math.log(2.0 * math.pi))

    def from_noise(self, noise: Tensor) -> Tensor:
        tail = torch.special.log_ndtr(-noise.abs()) + math.log(2.0)
        return -noise.sign() * tail * math.sqrt(0.5)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Drawn:
        return Drawn(self.rows.expand(batch_shape), self.event_shape[0])

    def _like(self) -> Tensor:
        return self.rows


class Unplaced(Drawn):
    """As drawn as scored, but with a number that is made without saying where."""

    def __init__(self, rows: Tensor, features: int, fault: str) -> None:
        super().__init__(rows, features)
        self.fault = fault

    @property
    def mean(self) -> Tensor:
        return torch.zeros(self.batch_shape + self.event_shape) if self.fault == "mean" else super().mean

    def log_prob(self, value: Tensor) -> Tensor:
        total = self.cells(value).sum(-1)
        if self.fault == "log_prob":
            return total + torch.zeros(1)
        return total.float() if self.fault == "dtype" else total

    def from_noise(self, noise: Tensor) -> Tensor:
        return torch.maximum(noise, torch.full((), -torch.inf)) if self.fault == "draws" else noise

    def expand(self, batch_shape: Any, _instance: Any = None) -> Unplaced:
        return Unplaced(self.rows.expand(batch_shape), self.event_shape[0], self.fault)


def test_another_sampler_of_the_same_moments_is_noticed() -> None:
    p = Drawn(torch.zeros(ROWS), 2)
    testing.moments_law(p)
    with pytest.raises(AssertionError, match="draws against the density of cells"):
        testing.bins_law(p)
    with pytest.raises(AssertionError, match="draws and density in balance"):
        testing.balance_law(p)
    with pytest.raises(AssertionError, match="draws against the density of cells"):
        testing.check_distribution(p)


def test_draws_of_cells_that_hang_together_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    p, sound = Poisson(torch.ones(ROWS, 2).double()), Poisson(torch.ones(ROWS, 2).double())
    testing.check_distribution(p)
    monkeypatch.setattr(p, "from_noise", lambda noise: sound.from_noise(noise[..., :1].expand_as(noise)))
    testing.bins_law(p)
    for points in (None, torch.arange(20.0)):
        with pytest.raises(AssertionError, match="draws of cells apart from each other"):
            testing.check_distribution(p, points=points)


def test_the_reference_may_be_any_density() -> None:
    """Modes far apart, tails without a variance, classes beside numbers: sound code passes, if with less power."""
    apart = Mixture(numbers(ROWS, 2), Normal(30.0 * numbers(ROWS, 2, 3), torch.tensor(1.0)))
    testing.balance_law(apart)
    beside = Columns([Normal(numbers(ROWS, 1), torch.tensor(1.0)), OneHotCategorical(numbers(ROWS, 3))])
    testing.balance_law(beside)
    # Counts that hardly ever come again.
    wide = Poisson(torch.full((ROWS, 4), 9.0))
    testing.balance_law(wide, 10_000)
    testing.bins_law(wide, 10_000)
    wider = Columns([Poisson(torch.full((ROWS, 1), 20.0)), OneHotCategorical(numbers(ROWS, 3))])
    testing.balance_law(wider, 10_000)


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        ("draws", "place: draws makes tensors"),
        ("log_prob", "place: log_prob makes tensors"),
        ("mean", "place: mean on meta"),
        ("dtype", "place: log_prob of torch.float32"),
    ],
)
def test_what_leaves_the_place_of_its_parameters_is_noticed(fault: str, law: str) -> None:
    testing.place_law(Unplaced(torch.zeros(ROWS), 2, "none"))
    with pytest.raises(AssertionError, match=law):
        testing.place_law(Unplaced(torch.zeros(ROWS), 2, fault))


def test_what_is_allowed_grows_with_the_numbers_that_are_compared() -> None:
    """Of a million normal numbers the furthest lies five errors out by chance; laws with as many do not fail."""
    assert 5.5 < allowed_errors(1) < allowed_errors(1000) < allowed_errors(1_000_000) < 8.0
    draws = torch.tensor([-1.0, 1.0]).repeat(8).unsqueeze(-1)
    error = float(draws.std()) / 4.0
    within("one number", draws, torch.tensor([5.5 * error]))
    within("a thousand", draws.expand(-1, 1000), torch.full((1000,), 6.6 * error))
    with pytest.raises(AssertionError, match=r"one number: 6\.6 standard errors"):
        within("one number", draws, torch.tensor([6.6 * error]))


def test_an_event_that_no_draw_shows_is_allowed_while_it_is_rare() -> None:
    never = torch.zeros(10_000, 1)
    bounded("rare", never, torch.tensor([1e-3]), width=1.0)
    with pytest.raises(AssertionError, match="common: "):
        bounded("common", never, torch.tensor([1e-2]), width=1.0)
    with pytest.raises(AssertionError, match="rare: "):
        within("rare", never, torch.tensor([1e-3]))


def test_shares_are_judged_by_chances_and_not_by_errors() -> None:
    """One draw of a value of mass 1e-6 in 20,000 lies 7 errors out and is seen in every fiftieth run."""
    one = torch.tensor([1.0 / 20_000])
    shares("rare", one, torch.tensor([1e-6]), 20_000)
    for mass in (0.0, 1e-14):
        with pytest.raises(AssertionError, match="never"):
            shares("never", one, torch.tensor([mass]), 20_000, slack=0.0)
    shares("all", torch.ones(2), torch.tensor([1.0, 1.0 + 1e-12]), 20_000)
    with pytest.raises(AssertionError, match="too much"):
        shares("too much", torch.ones(1), torch.tensor([1.001]), 20_000)
    half = torch.tensor([0.5])
    shares("even", half, torch.tensor([0.52]), 20_000)
    with pytest.raises(AssertionError, match="uneven"):
        shares("uneven", half, torch.tensor([0.53]), 20_000)
