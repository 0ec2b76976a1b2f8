"""Laws of distributions on spheres and simplices, which have a dimension less than their events have numbers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Size, Tensor

from anyvae.distributions import Directional, FromNoise
from anyvae.testing.grids import profile_grid, rows_of, simplex_grid, sphere_grid, surface_of
from anyvae.testing.judge import close, has_moment

__all__ = ["expectation_law", "simplex_law", "sphere_law"]


def sphere_law(distribution: FromNoise) -> None:
    r"""On a sphere: mass one, the stated mean, draws of length one that follow the density, and their gradient.

    .. math:: \int p(v) \, dv = 1, \quad \int v \, p(v) \, dv = mean

    The sphere has a dimension less than its vectors, so that the change of variables does not apply. In two and
    three coordinates the integrals run over the whole sphere. A `Directional` is judged in every dimension, by its
    profile over the cosine: `expectation_law` in the concentration, and draws at opposite noise on opposite sides.

    Arguments:
        distribution: with at least one batch axis, in double precision.
    """
    features, like = distribution.event_shape[0], distribution._like()
    if features <= 3:
        points, log_area = sphere_grid(features, like)
        weights = (
            distribution.log_prob(rows_of(points, distribution)) + rows_of(log_area, distribution)
        ).exp()
        close("mass one", weights.sum(0), torch.ones_like(weights[0]), 1e-8)
        middle = (weights.unsqueeze(-1) * rows_of(points, distribution)).sum(0)
        close("mean by quadrature", middle, distribution.mean, 1e-8)
    noise = torch.randn(
        Size((7, *distribution.batch_shape, *distribution.noise_shape)),
        generator=torch.Generator().manual_seed(4),
        dtype=like.dtype,
    )
    drawn = distribution.from_noise(noise)
    length = torch.linalg.vector_norm(drawn, dim=-1)
    close("draws of length one", length, torch.ones_like(length), 1e-9)
    if not isinstance(distribution, Directional):
        return
    loc, kind, across = distribution.loc.detach(), type(distribution), distribution.cosine_noise
    turned = distribution.from_noise(torch.cat([noise[..., :across], -noise[..., across:]], -1))
    along = (drawn * loc).sum(-1, keepdim=True) * loc
    close("opposite noise on opposite sides", 0.5 * (drawn + turned), along, 1e-9)
    w, points, log_area = profile_grid(distribution)
    close("mass one", (distribution.log_prob(points) + log_area).exp().sum(0), torch.ones_like(w[0]), 1e-8)
    expectation_law(
        lambda concentration: kind(loc, concentration),
        distribution.concentration,
        lambda v: ((v * loc).sum(-1), (0.5 * (v - loc).square().sum(-1)).clamp_min(1e-30).log()),
        points,
        log_area,
        axes=across,
    )
    close(
        "mean by quadrature",
        (distribution.log_prob(points) + log_area).exp().mul(w).sum(0).unsqueeze(-1) * loc,
        distribution.mean,
        1e-8,
    )


def simplex_law(distribution: FromNoise) -> None:
    r"""On a simplex: draws lie on it, and in two and three classes the mass is one and the mean the stated one.

    .. math:: \int p(v) \, dv_1 ... dv_{n-1} = 1, \quad \int v \, p(v) \, dv_1 ... dv_{n-1} = mean

    Integrals run over the log-ratios to the last class.

    Arguments:
        distribution: with at least one batch axis, in double precision.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        drawn = distribution.sample(Size((20,)))
    surface = surface_of(distribution)
    assert surface is not None
    assert bool(surface.check(drawn).all()), "draws leave the support"
    if distribution.event_shape[0] <= 3:
        points, log_area = simplex_grid(distribution)
        weights = (distribution.log_prob(points) + log_area).exp()
        close("mass one", weights.sum(0), torch.ones_like(weights[0]), 1e-7)
        if has_moment(distribution, "mean"):
            close("mean by quadrature", (weights.unsqueeze(-1) * points).sum(0), distribution.mean, 1e-6)


def expectation_law(
    make: Callable[[Tensor], FromNoise],
    parameter: Tensor,
    functions: Callable[[Tensor], tuple[Tensor, ...]],
    points: Tensor,
    log_weights: Tensor,
    *,
    axes: int,
) -> None:
    r"""Draws and density give the same expectations, and these the same gradients in a parameter.

    .. math:: \int f(v(n)) \, N(n; 0, I) \, dn = \int f(v) \, p(v) \, dv

    Without statistics: both sides are quadratures. For draws that take more noise than the event has dimensions.

    Arguments:
        make: from the parameter to the distribution.
        parameter: where, double precision, shape (*batch) or (*batch, ...); its gradient is taken per unit of its
            own size.
        functions: of values (N, *batch, *event), each to numbers (N, *batch).
        points: of a quadrature of the support, shape (N, *batch, *event).
        log_weights: logs of their weights, shape (N, *batch).
        axes: how many of the noise numbers, the first ones, `functions` depend on; one or two.
    """
    at = parameter.detach().clone().requires_grad_()
    distribution = make(at)
    size, lead = distribution.noise_shape.numel(), distribution.batch_shape
    line = torch.linspace(-6.5, 6.5, (521, 66)[axes - 1], dtype=at.dtype)
    grid = torch.cartesian_prod(*[line] * axes).reshape(-1, axes)
    weights = (-0.5 * grid.square().sum(-1)).softmax(0)
    noise = torch.nn.functional.pad(grid, (0, size - axes), value=0.5).view(-1, *(1,) * len(lead), size)
    noise = noise.expand(len(grid), *lead, size)
    density = (distribution.log_prob(points) + log_weights).exp()
    pairs = zip(functions(distribution.from_noise(noise)), functions(points), strict=True)
    for drawn, known in pairs:
        found = (rows_of(weights, distribution) * drawn).sum(0)
        wanted = (density * known).sum(0)
        close("expectation of draws", found, wanted, 1e-7)
        slopes = [torch.autograd.grad(side.sum(), at, retain_graph=True)[0] * at for side in (found, wanted)]
        close("gradient of an expectation", slopes[0], slopes[1], 1e-6)
