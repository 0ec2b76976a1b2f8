"""Draws against a density that no exact law judges: cell by cell where cells are independent, or whole rows."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Size, Tensor

from anyvae.distributions import Cellwise, FromNoise, unit_sphere
from anyvae.distributions.quadrature import legendre
from anyvae.testing.judge import bounded, seeded_draws, shares
from anyvae.testing.references import Chart, Directions, Fitted

__all__ = ["balance_law", "bins_law", "density_law", "independence_law"]

# Cells whose places are looked at: thousands would cost memory and leave each a smaller part of the budget.
_CELLS = 32
# Cells that are held against each other, two by two.
_PAIRED = 8
# Bins that are counted, stretches of the quadrature, and its nodes in each.
_BINS, _FINE, _NODES = 40, 1000, 5


def density_law(distribution: FromNoise, samples: int = 20_000) -> None:
    """Density and draws are one law: `bins_law` and `independence_law` of independent cells, else `balance_law`."""
    if isinstance(distribution, Cellwise):
        value = seeded_draws(distribution, 3, seed=7)
        if torch.equal(distribution.marginals(value), distribution.cells(value)):
            bins_law(distribution, samples)
            independence_law(distribution)
            return
    balance_law(distribution, 2 * samples)


def independence_law(distribution: Cellwise, samples: int = 3_000) -> None:
    r"""Draws of cells, whose log-densities add up, are independent: none tells of another, of its row or of the next.

    .. math:: Cov[g(v_i), g(v_j)] = 0

    g is bounded and rises around the middle of a cell, so that all cells have the covariance. Laws that look at one
    cell at a time do not notice a sampler that has one number of noise for all cells.

    Arguments:
        distribution: with at least one batch axis, in double precision.
        samples: how many draws are compared.
    """
    drawn = seeded_draws(distribution, samples, seed=12).flatten(1)[:, :_PAIRED]
    apart = drawn - drawn.median(0).values
    spread = apart.abs().median(0).values.clamp_min(torch.finfo(drawn.dtype).tiny)
    side = torch.tanh(apart / spread)
    first, second = torch.triu_indices(side.shape[1], side.shape[1], 1)
    products = (side - side.mean(0))[:, first] * (side - side.mean(0))[:, second]
    if products.numel():
        bounded("draws of cells apart from each other", products, torch.zeros_like(products[0]), width=4.0)


def bins_law(distribution: Cellwise, samples: int = 20_000) -> None:
    r"""Of every independent cell, the share of draws in a bin is the integral of its density over the bin.

    .. math:: P(a < v_i \le b) = \int_a^b p_i(v) \, dv

    The bins stand between order statistics of other draws; that in all of them together is the mass. A cell whose
    draws repeat, or are whole numbers, is discrete: its bins are its values, and sums take the place of integrals.
    Of a cell with point masses and a density, see `Cellwise.masses`, the points are judged so, the rest by integrals.

    Arguments:
        distribution: with at least one batch axis, in double precision.
        samples: how many draws are counted; a quarter as many place the bins.
    """
    drawn = seeded_draws(distribution, samples, seed=8)
    pilot = seeded_draws(distribution, samples // 4, seed=9)
    chart = Chart(distribution, pilot)
    cells = Size((distribution.batch_shape.numel(), distribution.event_shape.numel()))

    def density(u: Tensor) -> Tensor:
        with torch.no_grad():
            value, log_det = chart.values(u.reshape(-1, *cells))
            return (distribution.cells(value).reshape(log_det.shape) + log_det).exp().flatten(1)

    on, off = (_on_points(distribution, value) for value in (pilot, drawn))
    drawn, pilot = (chart.coordinates(value).flatten(1) for value in (drawn, pilot))
    pilot = pilot.clamp(-chart.furthest, chart.furthest)
    both = on.any(0)
    discrete = chart.discrete.expand(cells).flatten() & ~both
    pairs = {
        cell: _values(pilot, on[:, cell] | discrete[cell], drawn, cell, density)
        for cell in (discrete | both).nonzero()[:, 0].tolist()
    }
    judged = [*pairs.values()]
    if not discrete.all():
        pilot, drawn = pilot.masked_fill(on, torch.nan), drawn.masked_fill(off, torch.nan)
        stretches = _stretches(pilot, drawn, ~discrete, density)
        judged.append((stretches[0].flatten(), stretches[1].flatten()))
        # Points and stretches together have all the mass, which chance does not blur.
        place = (~discrete).cumsum(0) - 1
        for cell in both.nonzero()[:, 0].tolist():
            often, sure = (
                points[-1:] + parts[-1:, place[cell]]
                for points, parts in zip(pairs[cell], stretches, strict=True)
            )
            judged.append((often, sure))
    found, masses = (torch.cat(side) for side in zip(*judged, strict=True))
    shares("draws against the density of cells", found, masses, samples, slack=1e-5)


def balance_law(distribution: FromNoise, samples: int = 40_000) -> None:
    r"""Draws of p and of a reference r balance, as only the draws of two normalised densities do.

    .. math:: E_p\left[g(v) \frac{r(v)}{p(v) + r(v)}\right] = E_r\left[g(v) \frac{p(v)}{p(v) + r(v)}\right]

    Both sides are the integral of g p r / (p + r), whatever r is; r is fitted to draws, so that the two overlap and
    the standard error is small. Inside the brackets stand numbers between 0 and 1, however far the tails of p
    and r lie apart. g is 1, which is about the mass, and functions of the first cells, which are about where they lie.

    Source: Efficient estimation of free energy differences from Monte Carlo data (Bennett, 1976).

    Arguments:
        distribution: with at least one batch axis, in double precision.
        samples: how many draws of each are compared; half as many fit the reference.
    """
    drawn = seeded_draws(distribution, samples, seed=8)
    pilot = seeded_draws(distribution, samples // 2, seed=9)
    chart = Chart(distribution, pilot)
    drawn, pilot = chart.coordinates(drawn), chart.coordinates(pilot)
    on_sphere = chart.surface is unit_sphere
    reference = Directions(pilot) if on_sphere else Fitted(pilot, chart.discrete)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(10)
        others = reference.sample(samples)
    middle, spread = pilot.mean(0), pilot.std(0).clamp_min(torch.finfo(pilot.dtype).tiny)

    def weighed(u: Tensor, sign: float) -> Tensor:
        with torch.no_grad():
            ratio = chart.log_prob(u) - reference.log_prob(u)
        side = torch.tanh(((u - middle) / spread)[..., :_CELLS])
        functions = torch.cat([torch.ones_like(u[..., :1]), 0.5 + 0.5 * side, side.square()], -1)
        return torch.sigmoid(sign * ratio).unsqueeze(-1) * functions

    apart = weighed(drawn, -1.0) - weighed(others, 1.0)
    bounded("draws and density in balance", apart, torch.zeros_like(apart[0]), width=2.0)


def _on_points(distribution: Cellwise, value: Tensor) -> Tensor:
    """Which cells of draws lie on a point mass, shape (N, cells)."""
    found = distribution.masses(value)
    return (torch.zeros_like(value, dtype=torch.bool) if found is None else found).flatten(1)


def _values(
    pilot: Tensor, chosen: Tensor, drawn: Tensor, cell: int, density: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """How often a cell takes each of the chosen values and any of them, and the masses that say so."""
    values = pilot[chosen, cell].unique()
    points = pilot[0].repeat(len(values), 1)
    points[:, cell] = values
    found = (drawn[:, cell].unsqueeze(-1) == values).to(drawn.dtype).mean(0)
    return _and_sum(found), _and_sum(density(points)[:, cell])


def _stretches(
    pilot: Tensor, drawn: Tensor, chosen: Tensor, density: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """How often the chosen cells fall in each bin and in any of them, and the integrals that say so; NaN in none."""
    last = (~pilot.isnan()).sum(0) - 1
    order = torch.linspace(0, 1, _FINE + 1, dtype=pilot.dtype).unsqueeze(-1) * last
    edges = pilot.sort(0).values.gather(0, order.long())
    width = edges.diff(dim=0)
    nodes, weights = legendre(_NODES, edges)
    points = edges[:-1].unsqueeze(1) + width.unsqueeze(1) * nodes.unsqueeze(-1)
    height = density(points.flatten(0, 1)).unflatten(0, (_FINE, _NODES))
    masses = (height * weights.unsqueeze(-1)).sum(1) * width
    masses = masses.unflatten(0, (-1, _FINE // _BINS)).sum(1)
    bounds = edges[:: _FINE // _BINS, chosen].T.contiguous()
    place = torch.searchsorted(bounds, drawn[:, chosen].T.contiguous())
    found = torch.stack([(place == bin).to(drawn.dtype).mean(-1) for bin in range(1, _BINS + 1)])
    return _and_sum(found), _and_sum(masses[:, chosen])


def _and_sum(parts: Tensor) -> Tensor:
    return torch.cat([parts, parts.sum(0, keepdim=True)])
