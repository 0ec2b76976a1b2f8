"""Values that are none, no rows at all, and concentrations far out."""

from __future__ import annotations

import pytest
import torch
from torch import Size, Tensor

from anyvae.distributions import (
    DiscretisedNormal,
    Multinomial,
    Poisson,
    PowerSpherical,
    SparseNormal,
    VonMisesFisher,
)


def test_no_count_is_infinite() -> None:
    endless = torch.tensor([torch.inf])
    assert Poisson(torch.zeros(1)).log_prob(endless) == -torch.inf
    words = Multinomial(torch.zeros(2)).log_prob(torch.tensor([[torch.inf, 1.0], [0.0, 1.0]]))
    torch.testing.assert_close(words.exp(), torch.tensor([0.0, 0.5]))


def test_what_is_no_number_has_no_mass_on_a_lattice() -> None:
    low, high, step = torch.tensor([-4.0, 4.0, 1.0])
    lattice = DiscretisedNormal(torch.zeros(1), torch.ones(1), low, high, step)
    assert lattice.log_prob(torch.tensor([torch.nan])).isnan()
    alone = DiscretisedNormal(torch.zeros(1), torch.ones(1), low, low, step)
    assert alone.log_prob(low[None]) == 0.0


def test_a_sparse_normal_draws_no_rows_where_none_are_wanted() -> None:
    picture = SparseNormal(torch.zeros(0, 2, 3), torch.ones(2, 3), torch.zeros(0, 4, 2, 3), event_dims=2)
    assert picture.sample().shape == (0, 2, 3)
    assert picture.sample(Size((5,))).shape == (5, 0, 2, 3)


@pytest.mark.parametrize("family", [VonMisesFisher, PowerSpherical])
def test_variance_along_the_mean_direction_keeps_its_digits(family: type) -> None:
    axis, concentration = torch.eye(4)[:1], torch.tensor([1e6])

    def along(loc: Tensor, concentration: Tensor) -> float:
        found: Tensor = family(loc, concentration).variance
        return float(found[0, 0])

    exact = along(axis.double(), concentration.double())
    assert along(axis.float(), concentration.float()) == pytest.approx(exact, rel=1e-6, abs=0.0)
