"""Every distribution: mass one, its own sampler, entropy, expansion, the law of its noise."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from scipy import stats
from torch import Size, Tensor

from anyvae.distributions import (
    Bernoulli,
    Cellwise,
    Columns,
    DiscretisedLogistic,
    InUnits,
    Normal,
    OneHotCategorical,
    OptimalNormal,
    StandardNormal,
)
from oracles import z_score

pytestmark = pytest.mark.usefixtures("double")

# The whole file may fail by chance once in 50,000 runs with other seeds; it holds about 40 such tests.
CHANCE = 2e-5 / 40
ROWS = 2


def noise_like(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def lattice(levels: int, scale: float, step: float = 0.5) -> DiscretisedLogistic:
    low = torch.tensor(-1.0)
    return DiscretisedLogistic(
        0.3 * noise_like(ROWS, 3), torch.full((3,), scale), low, low + step * (levels - 1), torch.tensor(step)
    )


REALS: dict[str, Callable[[], Cellwise]] = {
    "standard": lambda: StandardNormal((3,), (ROWS,)),
    "normal": lambda: Normal(noise_like(ROWS, 3), noise_like(ROWS, 3, seed=1).exp()),
    "normal_one_scale": lambda: Normal(noise_like(ROWS, 3), torch.tensor(0.3)),
    "normal_per_feature": lambda: Normal(noise_like(ROWS, 3), torch.tensor([0.2, 1.0, 3.0])),
    "normal_image": lambda: Normal(noise_like(ROWS, 2, 2), noise_like(2, 2, seed=1).exp(), event_dims=2),
    "normal_wide_scale": lambda: Normal(noise_like(ROWS, 3), torch.rand(ROWS, 1) + 0.5),
    "optimal_normal": lambda: OptimalNormal(noise_like(ROWS, 3), torch.tensor(0.49), learning=False),
    "in_units": lambda: InUnits(
        Normal(noise_like(ROWS, 2), torch.tensor([0.5, 2.0])),
        torch.tensor([100.0, 0.01]).log(),
        torch.tensor(0.0),
    ),
}
LATTICES: dict[str, Callable[[], DiscretisedLogistic]] = {
    "lattice": lambda: lattice(6, 0.4),
    "lattice_narrow_scale": lambda: lattice(6, 0.003),
    "lattice_wide_scale": lambda: lattice(6, 400.0),
    "lattice_two_points": lambda: lattice(2, 0.4),
    "lattice_one_point": lambda: lattice(1, 0.4),
    "lattice_many": lambda: lattice(256, 0.4, step=1.0 / 64),
}
DISCRETE: dict[str, Callable[[], Cellwise]] = {
    "bernoulli": lambda: Bernoulli(2.0 * noise_like(ROWS, 3)),
    "bernoulli_image": lambda: Bernoulli(2.0 * noise_like(ROWS, 2, 2), event_dims=2),
    **LATTICES,
}
MIXED: dict[str, Callable[[], Cellwise]] = {
    "categorical": lambda: OneHotCategorical(0.8 * noise_like(ROWS, 4)),
    "columns": lambda: Columns(
        [
            Normal(noise_like(ROWS, 2), torch.tensor([0.5, 2.0])),
            OneHotCategorical(noise_like(ROWS, 3)),
            Bernoulli(noise_like(ROWS, 1)),
            lattice(6, 0.4),
        ]
    ),
}
ALL = REALS | DISCRETE | MIXED


def points_of(distribution: Cellwise) -> Tensor:
    """The values that one cell of a discrete distribution can take, in order."""
    if isinstance(distribution, DiscretisedLogistic):
        count = round(float((distribution.high - distribution.low) / distribution.step)) + 1
        return distribution.low + distribution.step * torch.arange(count)
    return torch.tensor([0.0, 1.0])


def cumulative(distribution: Cellwise, points: Tensor) -> Tensor:
    """Cumulated mass of every cell at its points, shape (points, *batch, *event), from `cells` alone."""
    event = distribution.batch_shape + distribution.event_shape
    value = points.view(-1, *(1,) * len(event)).expand(len(points), *event)
    return distribution.cells(value).exp().cumsum(0)


def grid_of(distribution: Cellwise) -> tuple[Tensor, Tensor]:
    """A fine grid around each cell of a continuous distribution, and the cumulated density on it."""
    spread = distribution.base.stddev if isinstance(distribution, InUnits) else distribution.variance.sqrt()
    unit = torch.linspace(-12.0, 12.0, 4001).view(-1, *(1,) * spread.dim())
    grid = distribution.mean + spread * unit
    density = distribution.cells(grid).exp()
    if isinstance(distribution, InUnits):
        density = density * distribution.log_unit.exp()
    return grid, torch.cumulative_trapezoid(density, grid, dim=0)


@pytest.mark.parametrize("name", REALS)
def test_density_has_mass_one(name: str) -> None:
    _, mass = grid_of(REALS[name]())
    torch.testing.assert_close(mass[-1], torch.ones_like(mass[-1]), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", DISCRETE)
def test_masses_sum_to_one(name: str) -> None:
    distribution = DISCRETE[name]()
    total = cumulative(distribution, points_of(distribution))[-1]
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-12)


def test_class_masses_sum_to_one() -> None:
    distribution = MIXED["categorical"]()
    total = distribution.log_prob(distribution.enumerate_support()).exp().sum(0)
    torch.testing.assert_close(total, torch.ones(ROWS), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_log_prob_is_the_sum_of_cells(name: str) -> None:
    distribution = ALL[name]()
    value = distribution.sample(Size((5,)))
    cells = distribution.cells(value)
    assert cells.shape == (5, ROWS, *distribution.event_shape)
    expected = cells.flatten(2).sum(-1)
    if isinstance(distribution, InUnits):
        # Its total is kept apart, so that it is summed once; here it was given as 0.
        expected = expected + distribution.log_unit.sum()
    torch.testing.assert_close(distribution.log_prob(value), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", REALS)
def test_even_noise_gives_even_quantiles(name: str) -> None:
    """from_noise is the quantile function at Phi(noise): exact, no statistics."""
    distribution = REALS[name]()
    even = (torch.arange(199) + 0.5) / 199
    noise = torch.special.ndtri(even).view(-1, *(1,) * (1 + len(distribution.event_shape)))
    drawn = distribution.from_noise(noise.expand(199, ROWS, *distribution.noise_shape))
    grid, mass = grid_of(distribution)
    for index in torch.cartesian_prod(torch.arange(ROWS), torch.arange(grid[0, 0].numel())):
        cell = (slice(None), int(index[0]))
        nodes = grid[cell].flatten(1)[:, index[1]].contiguous()
        below = mass[cell].flatten(1)[:, index[1]]
        place = torch.searchsorted(nodes, drawn[cell].flatten(1)[:, index[1]].contiguous()).clamp(1, 4000)
        torch.testing.assert_close(below[place - 1], even, rtol=0, atol=5e-3)


@pytest.mark.parametrize("name", DISCRETE)
def test_even_noise_gives_each_point_its_mass(name: str) -> None:
    distribution = DISCRETE[name]()
    count = 4999
    noise = torch.special.ndtri((torch.arange(count) + 0.5) / count)
    event = (ROWS, *distribution.event_shape)
    drawn = distribution.from_noise(noise.view(-1, *(1,) * len(event)).expand(count, *event))
    points = points_of(distribution)
    distance = (drawn.unsqueeze(-1) - points).abs()
    assert float(distance.min(-1).values.max()) < 1e-12, "a draw lies off the lattice"
    found = torch.nn.functional.one_hot(distance.argmin(-1), len(points)).double().mean(0)
    masses = cumulative(distribution, points).diff(dim=0, prepend=torch.zeros(1, *event)).movedim(0, -1)
    torch.testing.assert_close(found, masses, rtol=0, atol=1.01 / count)


@pytest.mark.parametrize("name", REALS)
def test_sampler_agrees_with_density(name: str) -> None:
    torch.manual_seed(1)
    distribution = REALS[name]()
    drawn = distribution.sample(Size((4000,)))
    standardised = (drawn - distribution.mean) / (grid_of(distribution)[0][2500] - distribution.mean) * 3.0
    # Node 2,500 of the grid lies at +3 standard deviations.
    assert stats.kstest(standardised.flatten().numpy(), "norm").pvalue > CHANCE


@pytest.mark.parametrize("name", [*DISCRETE, "categorical"])
def test_sampler_agrees_with_masses(name: str) -> None:
    torch.manual_seed(2)
    distribution = ALL[name]()
    drawn = distribution.sample(Size((6000,)))
    # The mean of exp(-log p) over draws is the size of the support, whatever the masses; row by row it
    # has a huge variance where masses are tiny, so the masses themselves are counted instead.
    if isinstance(distribution, OneHotCategorical):
        expected, counts = distribution.mean, drawn.mean(0)
    else:
        points = points_of(distribution)
        event = (ROWS, *distribution.event_shape)
        expected = cumulative(distribution, points).diff(dim=0, prepend=torch.zeros(1, *event))
        counts = torch.stack([(drawn - point).abs().lt(1e-9).double().mean(0) for point in points])
    error = (counts - expected) / (expected * (1 - expected) / 6000).clamp_min(1e-8).sqrt()
    assert float(error.abs().max()) < 6.5


@pytest.mark.parametrize("name", LATTICES)
def test_lattice_mean_is_that_of_its_points(name: str) -> None:
    """Within half a step for any scale, and to three digits of a step where the scale reaches one."""
    distribution = LATTICES[name]()
    points = points_of(distribution)
    masses = cumulative(distribution, points).diff(dim=0, prepend=torch.zeros(1, ROWS, 3))
    exact = (masses * points.view(-1, 1, 1)).sum(0)
    error = float((distribution.mean - exact).abs().max() / distribution.step)
    assert error < (2e-3 if bool((distribution.scale >= distribution.step).all()) else 0.5)


def test_columns_are_their_parts_side_by_side() -> None:
    columns = MIXED["columns"]()
    assert isinstance(columns, Columns)
    torch.manual_seed(3)
    value = columns.sample(Size((7,)))
    blocks = value.split([2, 3, 1, 3], -1)
    expected = sum(part.log_prob(block) for part, block in zip(columns.parts, blocks, strict=True))
    torch.testing.assert_close(columns.log_prob(value), expected)
    assert bool((blocks[1].sum(-1) == 1).all()), "the categorical block is not one-hot"
    means = torch.cat([part.mean for part in columns.parts], -1)
    assert bool((z_score(columns.sample(Size((4000,))), means)[:, [0, 1, 2, 3, 4, 5]].abs() < 5).all())


@pytest.mark.parametrize("name", ["normal", "normal_one_scale", "normal_image", "bernoulli", "categorical"])
def test_entropy_is_the_mean_surprise(name: str) -> None:
    torch.manual_seed(4)
    distribution = ALL[name]()
    surprise = -distribution.log_prob(distribution.sample(Size((4000,))))
    assert bool((z_score(surprise, distribution.entropy()).abs() < 5).all())


@pytest.mark.parametrize("name", [n for n in ALL if n not in ("in_units", "columns") and "lattice" not in n])
def test_moments_are_those_of_draws(name: str) -> None:
    torch.manual_seed(5)
    distribution = ALL[name]()
    drawn = distribution.sample(Size((4000,)))
    assert bool((z_score(drawn, distribution.mean).abs() < 5).all())
    assert bool((z_score((drawn - distribution.mean).square(), distribution.variance).abs() < 5).all())


@pytest.mark.parametrize("name", ALL)
def test_expand_repeats_the_law_and_not_the_draw(name: str) -> None:
    torch.manual_seed(6)
    distribution = ALL[name]()
    wide = distribution.expand((50, ROWS))
    assert wide.batch_shape == (50, ROWS)
    value = distribution.sample(Size((4, 50)))
    torch.testing.assert_close(wide.log_prob(value), distribution.log_prob(value), rtol=1e-12, atol=1e-12)
    drawn = wide.sample()
    assert drawn.shape == (50, ROWS, *distribution.event_shape)
    if name not in ("lattice_one_point", "lattice_narrow_scale"):
        assert len(drawn.unique(dim=0)) > 1, "all rows share one draw"


@pytest.mark.parametrize("name", [name for name in REALS if "normal" in name])
def test_exponential_moments_are_integrals(name: str) -> None:
    distribution = REALS[name]()
    a = torch.linspace(-1.5, 1.5, distribution.event_shape.numel()).view(distribution.event_shape)
    grid, _ = grid_of(distribution)
    integrand = (distribution.cells(grid) + a * grid).exp()
    torch.testing.assert_close(
        distribution.log_moment(a).expand(grid.shape[1:]), torch.trapezoid(integrand, grid, dim=0).log()
    )


def test_a_draw_without_gradient_says_so() -> None:
    with pytest.raises(NotImplementedError, match=r"Bernoulli has no differentiable draw.*sample\(\)"):
        Bernoulli(torch.zeros(2, 3)).rsample()


def test_normal_density_against_torch() -> None:
    loc, scale, value = noise_like(ROWS, 3), noise_like(3, seed=1).exp(), noise_like(5, ROWS, 3, seed=2)
    expected = torch.distributions.Normal(loc, scale).log_prob(value).sum(-1)
    torch.testing.assert_close(Normal(loc, scale).log_prob(value), expected, rtol=1e-12, atol=1e-12)
    constant = torch.tensor(3 * 0.5 * math.log(2 * math.pi))
    torch.testing.assert_close(-StandardNormal((3,)).log_prob(torch.zeros(3)), constant)
    given = Normal(loc, scale, log_scale=scale.log())
    torch.testing.assert_close(given.log_prob(value), expected, rtol=1e-12, atol=1e-12)
