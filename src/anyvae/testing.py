"""The law battery: what every distribution has to obey, shipped so that you can test your own.

Each law is a function that raises an `AssertionError` saying which law was broken and by how much;
`check_distribution` runs all that apply. Use double precision. Laws of draws fail by chance less than once in
1.7 million times each (five standard errors, two-sided), all others never.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Size, Tensor
from torch.distributions import Distribution

from anyvae.distributions import Cellwise, Directional, FromNoise, analytic_kl, unit_sphere
from anyvae.grids import profile_grid, rows_of, simplex_grid, sphere_grid, surface_of

__all__ = [
    "batch_law",
    "cells_law",
    "change_of_variables_law",
    "check_distribution",
    "expectation_law",
    "gradient_law",
    "kl_law",
    "mass_law",
    "moments_law",
    "sampler_law",
    "simplex_law",
    "sphere_law",
    "support_law",
]

_ERRORS = 5.0


def check_distribution(
    distribution: FromNoise,
    *,
    points: Tensor | None = None,
    outside: Tensor | None = None,
    samples: int = 20_000,
) -> None:
    """Run every law that applies; the change of variables only where a draw takes a noise number a dimension.

    Arguments:
        distribution: with at least one batch axis, in double precision.
        points: for a discrete family of independent cells: the values of one cell that carry its mass, in
            order, shape (N,).
        outside: values of one cell off the support, shape (M,).
        samples: draws for the moments; fewer where a draw is slow.

    Raises:
        AssertionError: naming the law.

    >>> from anyvae.distributions import Bernoulli, Normal
    >>> check_distribution(Normal(torch.zeros(2, 3).double(), torch.ones(3).double()))
    >>> check_distribution(Bernoulli(torch.zeros(2, 3).double()), points=torch.tensor([0.0, 1.0]).double())
    """
    if isinstance(distribution, Cellwise):
        cells_law(distribution)
        if points is not None:
            mass_law(distribution, points)
            sampler_law(distribution, points)
    size, surface = distribution.event_shape.numel(), surface_of(distribution)
    if distribution.has_rsample and distribution.noise_shape.numel() == size - (surface is not None):
        change_of_variables_law(distribution)
    if surface is unit_sphere:
        sphere_law(distribution)
    elif surface is not None:
        simplex_law(distribution)
    moments_law(distribution, samples)
    batch_law(distribution)
    if outside is not None:
        support_law(distribution, outside)


def change_of_variables_law(distribution: FromNoise) -> None:
    r"""The draw v(n) of normal noise n and the density of v are one law: mass one and sampler at once.

    .. math:: \log p(v(n)) + \log |\det \partial v / \partial n| = \log N(n; 0, I)

    An identity at every n, without statistics; the Jacobian is autograd's. It also is a test of the
    reparameterised gradient. Of v as many coordinates count as there are noise numbers: on a simplex all but
    the last.
    """
    lead, size = distribution.batch_shape, distribution.noise_shape.numel()
    for place in (-3.5, -0.8, 0.3, 2.9):
        generator = torch.Generator().manual_seed(0)
        like = distribution._like()
        jitter = torch.randn(lead + distribution.noise_shape, generator=generator, dtype=torch.float64)
        noise = (place + 0.5 * jitter).to(like.dtype).requires_grad_()
        value = distribution.from_noise(noise)
        # Rows are independent, so the sum over rows has every row's Jacobian.
        flat = value.reshape(lead.numel(), -1)
        rows = [torch.autograd.grad(flat[:, i].sum(), noise, retain_graph=True)[0] for i in range(size)]
        jacobian = torch.stack([row.reshape(lead.numel(), size) for row in rows], -2)
        found = distribution.log_prob(value).reshape(-1) + torch.linalg.slogdet(jacobian).logabsdet
        wanted = -0.5 * (noise.square() + math.log(2 * math.pi)).reshape(lead.numel(), size).sum(-1)
        _close("change of variables", found, wanted, 1e-7)


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
        _close("mass one", weights.sum(0), torch.ones_like(weights[0]), 1e-8)
        middle = (weights.unsqueeze(-1) * rows_of(points, distribution)).sum(0)
        _close("mean by quadrature", middle, distribution.mean, 1e-8)
    noise = torch.randn(
        Size((7, *distribution.batch_shape, *distribution.noise_shape)),
        generator=torch.Generator().manual_seed(4),
        dtype=like.dtype,
    )
    drawn = distribution.from_noise(noise)
    length = torch.linalg.vector_norm(drawn, dim=-1)
    _close("draws of length one", length, torch.ones_like(length), 1e-9)
    if not isinstance(distribution, Directional):
        return
    loc, kind, across = distribution.loc.detach(), type(distribution), distribution.cosine_noise
    turned = distribution.from_noise(torch.cat([noise[..., :across], -noise[..., across:]], -1))
    along = (drawn * loc).sum(-1, keepdim=True) * loc
    _close("opposite noise on opposite sides", 0.5 * (drawn + turned), along, 1e-9)
    w, points, log_area = profile_grid(distribution)
    _close("mass one", (distribution.log_prob(points) + log_area).exp().sum(0), torch.ones_like(w[0]), 1e-8)
    expectation_law(
        lambda concentration: kind(loc, concentration),
        distribution.concentration,
        lambda v: ((v * loc).sum(-1), (0.5 * (v - loc).square().sum(-1)).clamp_min(1e-30).log()),
        points,
        log_area,
        axes=across,
    )
    _close(
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
        _close("mass one", weights.sum(0), torch.ones_like(weights[0]), 1e-7)
        if _has(distribution, "mean"):
            _close("mean by quadrature", (weights.unsqueeze(-1) * points).sum(0), distribution.mean, 1e-6)


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
        _close("expectation of draws", found, wanted, 1e-7)
        slopes = [torch.autograd.grad(side.sum(), at, retain_graph=True)[0] * at for side in (found, wanted)]
        _close("gradient of an expectation", slopes[0], slopes[1], 1e-6)


def mass_law(distribution: Cellwise, points: Tensor) -> None:
    """The masses of the support sum to one, cell by cell."""
    total = _masses(distribution, points).sum(0)
    _close("mass one", total, torch.ones_like(total), 1e-9)


def sampler_law(distribution: Cellwise, points: Tensor) -> None:
    """Evenly spread noise gives every point of the support its mass, to the resolution of the noise."""
    count = 4999
    cell = distribution.batch_shape + distribution.event_shape
    noise = torch.special.ndtri((torch.arange(count, dtype=points.dtype) + 0.5) / count)
    drawn = distribution.from_noise(noise.view(-1, *(1,) * len(cell)).expand(count, *cell))
    found = torch.stack([(drawn == point).to(points.dtype).mean(0) for point in points])
    _close("sampler against masses", found, _masses(distribution, points), 1.5 / count)


def moments_law(distribution: FromNoise, samples: int = 20_000) -> None:
    """Mean and variance are those of draws, within five standard errors."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn = distribution.sample(Size((samples,)))
    if _has(distribution, "mean"):
        _within("mean", drawn, distribution.mean)
    if _has(distribution, "variance"):
        _within("variance", (drawn - distribution.mean).square(), distribution.variance)


def cells_law(distribution: Cellwise) -> None:
    """log_prob is the sum of the cells, and a masked cell counts for exactly nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        value = distribution.sample(Size((3,)))
    cells = distribution.cells(value)
    total = cells.flatten(len(cells.shape) - distribution.event_dims).sum(-1)
    _close("log_prob against cells", distribution.log_prob(value), total, 1e-9)
    mask = torch.zeros_like(value)
    mask.view(*value.shape[: value.dim() - distribution.event_dims], -1)[..., 0] = 1.0
    first = cells.flatten(len(cells.shape) - distribution.event_dims)[..., 0]
    _close("masked cells", distribution.given_log_prob(value, mask), first, 1e-9)


def batch_law(distribution: FromNoise) -> None:
    """`expand` keeps the density, gives every row a draw of its own, and keeps dtype."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        value = distribution.sample(Size((4,)))
        wide = distribution.expand(Size((4, *distribution.batch_shape)))
        _close("expand", wide.log_prob(value), distribution.log_prob(value), 1e-9)
        draws = distribution.expand(Size((64, *distribution.batch_shape))).sample()
    assert draws.dtype == distribution._like().dtype, f"dtype: draws are {draws.dtype}"
    assert len(draws.unique(dim=0)) > 1, "expand: all rows share one draw"


def support_law(distribution: FromNoise, outside: Tensor) -> None:
    """Off the support the log-density is minus infinity or an error, never a number."""
    for point in outside:
        value = point.expand(distribution.batch_shape + distribution.event_shape)
        try:
            found = distribution.log_prob(value)
        except ValueError:
            continue
        assert bool((found == -torch.inf).all()), f"support: log_prob({point.item():g}) is {found.tolist()}"


def kl_law(q: Distribution, p: Distribution, samples: int = 20_000) -> None:
    """The closed form of KL(q || p) is not negative and agrees with draws within five standard errors."""
    exact = analytic_kl(q, p)
    assert float(exact.detach().min()) >= -1e-9, f"KL >= 0: got {exact.min().item():g}"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        value = q.sample(Size((samples,)))
    _within("KL", q.log_prob(value) - p.log_prob(value), exact)


def gradient_law(function: Callable[[Tensor], Tensor], at: Tensor) -> None:
    """Autograd's gradient of a number agrees with central differences.

    Arguments:
        function: from a tensor to a number.
        at: where, double precision.

    >>> gradient_law(lambda t: t.square().sum(), torch.tensor([1.0, -2.0]).double())
    """
    point = at.detach().clone().requires_grad_()
    (found,) = torch.autograd.grad(function(point), point)
    wanted = torch.zeros_like(found)
    with torch.no_grad():
        for index in range(at.numel()):
            step = torch.zeros_like(at)
            step.view(-1)[index] = 1e-6
            wanted.view(-1)[index] = (function(at + step) - function(at - step)) / 2e-6
    _close("gradient", found, wanted, 1e-5)


def _masses(distribution: Cellwise, points: Tensor) -> Tensor:
    cell = distribution.batch_shape + distribution.event_shape
    value = points.view(-1, *(1,) * len(cell)).expand(len(points), *cell)
    return distribution.cells(value).exp()


def _has(distribution: Distribution, moment: str) -> bool:
    try:
        return getattr(distribution, moment) is not None
    except NotImplementedError:
        return False


def _within(law: str, draws: Tensor, exact: Tensor) -> None:
    error = draws.std(0) / math.sqrt(len(draws))
    # A cell that never varied has no standard error; rounding is all that is forgiven there.
    far = ((draws.mean(0) - exact).abs() / error.clamp_min(1e-9)).max().item()
    assert far < _ERRORS, f"{law}: {far:.1f} standard errors from draws, allowed are {_ERRORS:g}"


def _close(law: str, found: Tensor, wanted: Tensor, atol: float) -> None:
    gap = (found - wanted).abs().max().item()
    assert gap <= atol * (1.0 + wanted.abs().max().item()), f"{law}: off by {gap:.3g}, allowed is {atol:g}"
