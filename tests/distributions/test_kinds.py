"""Columns of every kind: endless lattices, counts that are standardised, cells with several modes, log units."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch import Tensor

from anyvae import conditionals
from anyvae.conditionals import FamilyConditional
from anyvae.distributions import (
    Bernoulli,
    CellMixture,
    Columns,
    DiscretisedLogistic,
    DiscretisedLogisticMixture,
    InUnits,
    LogUnit,
    NegativeBinomial,
    Normal,
    OneHotCategorical,
    OneHotColumns,
    OneHotLayout,
    Placed,
    PointMasses,
    StudentT,
)
from anyvae.networks import MLP

pytestmark = pytest.mark.usefixtures("double")
ENDLESS = torch.tensor(torch.inf)


def test_a_lattice_without_ends_has_all_its_mass_and_its_mean() -> None:
    loc, scale, step, origin = (
        torch.tensor([0.3, -7.1]),
        torch.tensor([1.0, 2.0]),
        torch.tensor(0.5),
        torch.tensor(0.1),
    )
    points = origin + step * torch.arange(-400.0, 401.0)
    p = DiscretisedLogistic(loc, scale, -ENDLESS, ENDLESS, step, origin=origin)
    masses = p.cells(points[:, None].expand(-1, 2)).exp()
    torch.testing.assert_close(masses.sum(0), torch.ones(2), rtol=1e-12, atol=0)
    torch.testing.assert_close((masses * points[:, None]).sum(0), p.mean, rtol=0, atol=0.02 * 0.5)
    torch.testing.assert_close(p.mean, loc)
    upper, lower = (stats.logistic.cdf(points + sign * 0.25, 0.3, 1.0) for sign in (1, -1))
    torch.testing.assert_close(
        masses[300:500, 0], torch.from_numpy(upper - lower)[300:500], rtol=1e-9, atol=1e-15
    )
    # A lowest point takes the tail below it; nothing else changes.
    low = points[395]
    half = DiscretisedLogistic(loc, scale, low, ENDLESS, step)
    torch.testing.assert_close(half.cells(points[396:, None]).exp(), masses[396:])
    torch.testing.assert_close(half.cells(low.expand(2)).exp(), masses[:396].sum(0))


def test_draws_on_a_lattice_without_ends_are_its_quantiles() -> None:
    noise = torch.linspace(-4.0, 4.0, 80)[:, None].expand(80, 2)
    loc, scale = torch.tensor([0.3, -7.1]), torch.tensor([1.0, 2.0])
    step, origin = torch.tensor(0.5), torch.tensor(0.1)
    one = DiscretisedLogistic(loc, scale, -ENDLESS, ENDLESS, step, origin=origin)
    pair = DiscretisedLogisticMixture(
        torch.zeros(2, 2), torch.stack([loc, loc], -1), scale[:, None], -ENDLESS, ENDLESS, step, origin=origin
    )
    drawn = one.from_noise(noise)
    assert torch.equal(drawn, pair.from_noise(noise))
    quantile = stats.logistic.ppf(stats.norm.cdf(noise.numpy()), loc.numpy(), scale.numpy())
    assert float((drawn - torch.from_numpy(quantile)).abs().max()) <= 0.25 + 1e-9
    # Two components far apart: the draws of each stay beside it.
    far = DiscretisedLogisticMixture(
        torch.tensor([[0.0, 0.0]]),
        torch.tensor([[-1e5, 1e5]]),
        torch.ones(1, 2),
        -ENDLESS,
        ENDLESS,
        step,
        origin=origin,
    )
    found = far.from_noise(noise[:, :1])[:, 0]
    assert bool(((found.abs() - 1e5).abs() < 20.0).all())
    assert int((found < 0).sum()) == 40


def test_gradients_of_endless_lattices_are_numbers() -> None:
    loc, scale = torch.zeros(2, requires_grad=True), torch.ones(2, requires_grad=True)
    p = DiscretisedLogistic(loc, scale, -ENDLESS, ENDLESS, torch.tensor(1.0), origin=torch.tensor(0.0))
    total = p.mean.sum() + p.cells(torch.tensor([3.0, -40.0])).sum()
    for gradient in torch.autograd.grad(total, (loc, scale)):
        assert bool(torch.isfinite(gradient).all())


def test_placed_counts_are_scored_as_counts_in_single_precision_too() -> None:
    counts = torch.tensor([0.0, 1.0, 40.0, 99_999.0])
    wanted = stats.nbinom(0.5, 0.5 / (0.5 + 1078.0)).logpmf(counts.numpy())
    for dtype in (torch.float64, torch.float32):
        mean, scale = 1078.0, 7452.0
        low, step = (torch.tensor(value, dtype=dtype) for value in (-mean / scale, 1.0 / scale))
        base = NegativeBinomial(
            torch.full((1,), np.log(1078.0), dtype=dtype), torch.tensor([2.0], dtype=dtype)
        )
        p = Placed(base, low, step)
        u = ((counts - mean) / scale).to(dtype)[:, None]
        torch.testing.assert_close(p.number(u)[:, 0].double(), counts)
        torch.testing.assert_close(p.log_prob(u).double(), torch.from_numpy(wanted), rtol=1e-5, atol=1e-5)
        noise = torch.randn(5000, 1, 2, dtype=dtype)
        torch.testing.assert_close(p.number(p.from_noise(noise)), base.from_noise(noise))


def test_a_cell_mixture_is_the_weighted_sum_of_its_components_cell_by_cell() -> None:
    torch.manual_seed(0)
    logits, loc, scale = torch.randn(2, 3, 4), torch.randn(2, 3, 4), torch.rand(3, 4) + 0.1
    p = CellMixture(logits, Normal(loc, scale, event_dims=2))
    value = torch.randn(2, 3)
    weights = logits.softmax(-1).numpy()
    wanted = np.log((weights * stats.norm.pdf(value.numpy()[..., None], loc.numpy(), scale.numpy())).sum(-1))
    torch.testing.assert_close(p.cells(value), torch.from_numpy(wanted))
    t = CellMixture(logits, StudentT(loc, scale, torch.tensor(3.0), event_dims=2))
    wanted = np.log(
        (weights * stats.t.pdf(value.numpy()[..., None], 3.0, loc.numpy(), scale.numpy())).sum(-1)
    )
    torch.testing.assert_close(t.cells(value), torch.from_numpy(wanted))
    drawn = p.sample((40_000,))
    cdf = (weights * stats.norm.cdf(0.2, loc.numpy(), scale.numpy())).sum(-1)
    np.testing.assert_allclose((drawn < 0.2).double().mean(0), cdf, atol=5 * 0.5 / 200)


def built(family: conditionals.Family, unit: Tensor | LogUnit | None = None) -> FamilyConditional:
    torch.manual_seed(0)
    return family.given("z", net=MLP([4]), log_unit=unit).build("x", {"z": torch.Size((2,))})


def test_a_log_unit_with_a_slope_makes_a_log_normal() -> None:
    """x = exp(s u + m), u normal: scipy's log-normal, cell by cell, with and without holes."""
    m, s = torch.tensor([1.5, -2.0]), torch.tensor([0.7, 2.5])
    loc, scale = torch.tensor([0.3, -0.1]), torch.tensor([0.8, 1.1])
    constant = m + s.log()
    p = InUnits(Normal(loc, scale), constant, constant.sum(), s)
    x = torch.tensor([[0.5, 3.0], [20.0, 1e-4]])
    u = (x.log() - m) / s
    wanted = torch.from_numpy(
        stats.lognorm.logpdf(x.numpy(), (s * scale).numpy(), scale=(m + s * loc).exp().numpy())
    )
    torch.testing.assert_close(p.cells(u), wanted)
    torch.testing.assert_close(p.log_prob(u), wanted.sum(-1))
    mask = torch.tensor([[True, False], [False, True]])
    torch.testing.assert_close(p.given_log_prob(u, mask.double()), (wanted * mask).sum(-1))
    torch.testing.assert_close(p.expand((3, 1)).log_prob(u), wanted.sum(-1).expand(3, 2))
    total, _ = integrate.quad(
        lambda v: float(p.cells((torch.tensor([v, v]).log() - m) / s)[0].exp()), 0, np.inf, limit=200
    )
    assert total == pytest.approx(1.0, abs=1e-6)


def test_a_log_unit_reaches_the_densities_of_a_conditional_and_of_its_copies() -> None:
    constant, slope = torch.tensor([0.5, -1.0]), torch.tensor([0.0, 2.0])
    plain, part = built(conditionals.Normal(2)), built(conditionals.Normal(2), LogUnit(constant, slope))
    z, u = torch.randn(5, 2), torch.randn(5, 2)
    torch.testing.assert_close(part(z).cells(u), plain(z).cells(u) - constant - slope * u)
    copy = part.with_family(conditionals.Laplace(2))
    assert copy.log_slope is not None
    assert torch.equal(copy.log_slope, slope)
    assert "log_slope" in part.state_dict()


def test_columns_that_stand_apart_are_the_same_columns_moved() -> None:
    torch.manual_seed(0)
    parts = [Normal(torch.randn(4, 2), torch.rand(2) + 0.2), Bernoulli(torch.randn(4, 3))]
    order = torch.tensor([1, 3, 0, 4, 2])
    moved, side = Columns(parts, order, order.argsort()), Columns(parts)
    value = torch.cat([torch.randn(4, 2), torch.tensor([[0.0, 1.0, 1.0]]).expand(4, 3)], -1)
    placed = torch.empty_like(value)
    placed[:, order] = value
    torch.testing.assert_close(moved.log_prob(placed), side.log_prob(value))
    torch.testing.assert_close(moved.cells(placed)[:, order], side.cells(value))
    torch.testing.assert_close(moved.marginals(placed)[:, order], side.cells(value))
    torch.testing.assert_close(moved.mean[:, order], side.mean)
    mask = torch.tensor([1.0, 0.0, 0.0, 1.0, 0.0]).expand(4, 5)
    torch.testing.assert_close(moved.given_log_prob(placed, mask), (moved.cells(placed) * mask).sum(-1))
    noise = torch.randn(7, 4, 5)
    torch.testing.assert_close(moved.from_noise(noise)[..., order], side.from_noise(noise))


def test_one_hot_columns_are_the_columns_one_by_one() -> None:
    torch.manual_seed(0)
    sizes = [2, 5, 3]
    logits = 3.0 * torch.randn(4, 10)
    whole = OneHotColumns(logits, OneHotLayout.of(sizes))
    parts = Columns([OneHotCategorical(block) for block in logits.split(sizes, -1)])
    noise = torch.randn(500, 4, 10)
    drawn = whole.from_noise(noise)
    assert torch.equal(drawn, parts.from_noise(noise))
    torch.testing.assert_close(whole.log_prob(drawn), parts.log_prob(drawn))
    torch.testing.assert_close(whole.cells(drawn), parts.cells(drawn))
    torch.testing.assert_close(whole.marginals(drawn), parts.marginals(drawn))
    torch.testing.assert_close(whole.mean, parts.mean)
    torch.testing.assert_close(whole.expand((3, 4)).log_prob(drawn[0]), whole.log_prob(drawn[0]).expand(3, 4))
    far = OneHotColumns(torch.tensor([1e5, -1e5, 0.0, 1e5]), OneHotLayout.of([2, 2]))
    assert far.log_prob(torch.tensor([1.0, 0.0, 0.0, 1.0])).item() == 0.0
    family = conditionals.Categoricals(sizes)
    assert isinstance(built(family)(torch.zeros(1, 2)), OneHotColumns)
    family.check("x", drawn)
    with pytest.raises(ValueError, match="not one-hot"):
        family.check("x", drawn.roll(1, -1))
    with pytest.raises(ValueError, match="at least 2 in every column"):
        conditionals.Categoricals([3, 1])


def test_families_hand_their_order_places_and_ends_on() -> None:
    family = conditionals.Columns([conditionals.Bernoulli(1), conditionals.Normal(2)], order=[1, 0, 2])
    z = torch.zeros(3, 2)
    family.check("x", torch.tensor([[0.5, 1.0, 7.0]]))
    with pytest.raises(ValueError, match=r"x\[0\]"):
        family.check("x", torch.tensor([[1.0, 0.5, 7.0]]))
    assert torch.isfinite(built(family)(z).log_prob(torch.tensor([0.5, 1.0, 7.0]))).all()
    with pytest.raises(ValueError, match="every place from 0 to 2 once"):
        conditionals.Columns([conditionals.Bernoulli(1), conditionals.Normal(2)], order=[1, 0, 0])
    counts = conditionals.Placed(conditionals.NegativeBinomial(2), low=-1.0, step=0.25)
    counts.check("x", torch.tensor([[-1.0, 3.5]]))
    with pytest.raises(ValueError, match=r"'x' holds .* counts"):
        counts.check("x", torch.tensor([[-1.0, 3.4]]))
    with pytest.raises(ValueError, match="positive distance"):
        conditionals.Placed(conditionals.NegativeBinomial(2), 0.0, 0.0)
    with pytest.raises(ValueError, match="give origin="):
        conditionals.DiscretisedLogistic(2, -torch.inf, torch.inf)
    lattice = conditionals.DiscretisedLogistic(2, -torch.inf, torch.inf, 0.5, origin=0.25)
    lattice.check("x", torch.tensor([[-1e3 + 0.25, 0.75]]))
    with pytest.raises(ValueError, match="no point of its lattice"):
        lattice.check("x", torch.tensor([[0.0, 0.75]]))
    p = built(lattice)(z)
    assert isinstance(p, DiscretisedLogistic)
    assert p.origin.item() == 0.25
    with pytest.raises(ValueError, match="no point of its lattice"):
        conditionals.DiscretisedLogistic(1, 0.0, torch.inf).check("x", torch.tensor([[-1.0]]))
    with pytest.raises(ValueError, match="K at least 2"):
        conditionals.CellMixture(conditionals.Normal((3, 1)))


def test_components_of_a_cell_start_apart_and_learn_two_modes() -> None:
    torch.manual_seed(0)
    x = torch.where(torch.rand(4000, 1) < 0.3, -1.5, 0.65) + 0.05 * torch.randn(4000, 1)
    part = conditionals.CellMixture(conditionals.Normal((1, 3))).given().build("x", {})
    optimiser = torch.optim.Adam(part.parameters(), 0.03)
    for _ in range(300):
        optimiser.zero_grad()
        loss = -part().log_prob(x).mean()
        loss.backward()
        optimiser.step()
    exact = 0.3 * np.log(0.3) + 0.7 * np.log(0.7) - np.log(0.05 * np.sqrt(2 * np.pi * np.e))
    assert float(-loss.detach()) == pytest.approx(exact, abs=0.05)


def test_points_have_a_probability_and_the_rest_a_density_in_other_units() -> None:
    """A hurdle model by hand; measured in another unit densities change by its logarithm, probabilities not."""
    logits, points = torch.tensor([[1.0, 0.0, -1.0]]), torch.tensor([[0.0, 2.0]])
    p = PointMasses(logits, points, Normal(torch.ones(1), torch.full((1,), 0.5)))
    weights = logits[0].softmax(-1)
    value = torch.tensor([[0.0], [2.0], [1e-6], [0.7]])
    density = [weights[0] * stats.norm.pdf(x, 1.0, 0.5) for x in (1e-6, 0.7)]
    wanted = torch.tensor([weights[1], weights[2], *density]).log()[:, None]
    torch.testing.assert_close(p.cells(value), wanted)
    assert p.masses(value)[:, 0].tolist() == [True, True, False, False]
    unit = torch.tensor([3.0])
    found = InUnits(p, unit, unit.sum())
    torch.testing.assert_close(found.cells(value), wanted - torch.tensor([[0.0], [0.0], [3.0], [3.0]]))
    torch.testing.assert_close(found.log_prob(value), found.cells(value)[:, 0])
    hidden = torch.tensor([[1.0], [0.0], [0.0], [1.0]])
    torch.testing.assert_close(found.given_log_prob(value, hidden), found.cells(value)[:, 0] * hidden[:, 0])
    torch.testing.assert_close(p.mean[0], 2.0 * weights[2] + weights[0])


def test_a_point_is_met_in_single_precision_only_by_itself() -> None:
    far = torch.tensor([[-812.3456]])
    p = PointMasses(torch.zeros(1, 2), far, Normal(torch.zeros(1), torch.ones(1)))
    assert bool(p.masses((far.double() * (1 + 1e-7)).float()))
    assert not bool(p.masses(far * (1 + 1e-5)))
    assert bool(p.masses(p.from_noise(torch.tensor([[[5.0, 0.0]]]))))


def test_points_that_make_no_sense_are_refused() -> None:
    normal = conditionals.Normal(2)
    for wrong in (
        [[0.0]],
        [[0.0], []],
        [[0.0], [1.0, 1.0]],
        [[0.0], [1.0 + 5e-7, 1.0]],
        [[0.0], [float("nan")]],
    ):
        with pytest.raises(ValueError, match="PointMasses got"):
            conditionals.PointMasses(normal, wrong)
