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

from anyvae.distributions import Cellwise, FromNoise, analytic_kl

__all__ = [
    "batch_law",
    "cells_law",
    "change_of_variables_law",
    "check_distribution",
    "enumeration_law",
    "gradient_law",
    "kl_law",
    "mass_law",
    "moments_law",
    "sampler_law",
    "support_law",
]

_ERRORS = 5.0


def check_distribution(
    distribution: FromNoise, *, points: Tensor | None = None, outside: Tensor | None = None
) -> None:
    """Run every law that applies.

    Arguments:
        distribution: with at least one batch axis, in double precision.
        points: for a discrete family of independent cells: the values of one cell that carry its mass, in
            order, shape (N,).
        outside: values of one cell off the support, shape (M,).

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
    if distribution.has_rsample:
        change_of_variables_law(distribution)
    moments_law(distribution)
    batch_law(distribution)
    if _is_enumerable(distribution):
        enumeration_law(distribution)
    if outside is not None:
        support_law(distribution, outside)


def change_of_variables_law(distribution: FromNoise) -> None:
    r"""The draw v(n) of normal noise n and the density of v are one law: mass one and sampler at once.

    .. math:: \log p(v(n)) + \log |\det \partial v / \partial n| = \log N(n; 0, I)

    An identity at every n, without statistics; the Jacobian is autograd's. It also is a test of the
    reparameterised gradient.
    """
    lead, size = distribution.batch_shape, distribution.event_shape.numel()
    for place in (-3.5, -0.8, 0.3, 2.9):
        generator = torch.Generator().manual_seed(0)
        like = distribution._like()
        jitter = torch.randn(lead + distribution.noise_shape, generator=generator, dtype=torch.float64)
        noise = (place + 0.5 * jitter).to(like.dtype).requires_grad_()
        value = distribution.from_noise(noise)
        # Rows are independent, so the sum over rows has every row's Jacobian.
        flat = value.reshape(lead.numel(), size)
        rows = [torch.autograd.grad(flat[:, i].sum(), noise, retain_graph=True)[0] for i in range(size)]
        jacobian = torch.stack([row.reshape(lead.numel(), size) for row in rows], -2)
        found = distribution.log_prob(value).reshape(-1) + torch.linalg.slogdet(jacobian).logabsdet
        wanted = -0.5 * (noise.square() + math.log(2 * math.pi)).reshape(lead.numel(), size).sum(-1)
        _close("change of variables", found, wanted, 1e-7)


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


def enumeration_law(distribution: FromNoise, samples: int = 20_000) -> None:
    """The masses of all values sum to one, and draws take each as often as its mass says, within five errors."""
    values = distribution.enumerate_support()
    masses = distribution.log_prob(values).exp()
    total = masses.sum(0)
    _close("mass one", total, torch.ones_like(total), 1e-9)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        drawn = distribution.sample(Size((samples,)))
    same = [(drawn == value).flatten(drawn.dim() - distribution.event_dims).all(-1) for value in values]
    found = torch.stack([one.to(masses.dtype).mean(0) for one in same])
    _close("draws among the values", found.sum(0), torch.ones_like(total), 1e-9)
    error = (masses * (1.0 - masses) / samples).sqrt().clamp_min(1e-9)
    far = float(((found - masses).abs() / error).max())
    assert far < _ERRORS, f"draws against masses: {far:.1f} standard errors apart, allowed are {_ERRORS:g}"


def moments_law(distribution: FromNoise, samples: int = 20_000) -> None:
    """Mean and variance are those of draws, within five standard errors."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn = distribution.sample(Size((samples,)))
    _within("mean", drawn, distribution.mean)
    if _has_variance(distribution):
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


def _is_enumerable(distribution: FromNoise) -> bool:
    try:
        return len(distribution.enumerate_support(expand=False)) > 0
    except NotImplementedError:
        return False


def _has_variance(distribution: Distribution) -> bool:
    try:
        return distribution.variance is not None
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
