"""Laws of distributions; `check_distribution` runs all that apply."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, MultivariateNormal

from anyvae.distributions import Cellwise, Directional, Flowed, FromNoise, analytic_kl, unit_sphere
from anyvae.testing.densities import density_law, independence_law
from anyvae.testing.flows import flow_law
from anyvae.testing.grids import surface_of
from anyvae.testing.judge import close, entropy_of, has_moment, seeded_draws, shares, within
from anyvae.testing.shapes import shapes_law
from anyvae.testing.surfaces import simplex_law, sphere_law
from anyvae.wants import wants

__all__ = [
    "affine_law",
    "batch_law",
    "cells_law",
    "change_of_variables_law",
    "check_distribution",
    "gradient_law",
    "kl_law",
    "mass_law",
    "moments_law",
    "place_law",
    "sampler_law",
    "support_law",
    "values_law",
]


def check_distribution(
    distribution: FromNoise,
    *,
    points: Tensor | None = None,
    outside: Tensor | None = None,
    samples: int = 20_000,
) -> None:
    """Run every law that applies.

    Arguments:
        distribution: with at least one batch axis, in double precision.
        points: for a discrete family of independent cells: the values of one cell that carry its mass, in
            order, shape (N,).
        outside: values of one cell off the support, shape (M,).
        samples: draws that are counted or averaged; fewer where a draw is slow.

    Raises:
        AssertionError: naming the law.
        TypeError: for what is no distribution that is made from noise.

    >>> from anyvae.distributions import Bernoulli, Normal
    >>> check_distribution(Normal(torch.zeros(2, 3).double(), torch.ones(3).double()))
    >>> check_distribution(Bernoulli(torch.zeros(2, 3).double()), points=torch.tensor([0.0, 1.0]).double())
    """
    wants(
        FromNoise,
        distribution,
        "check_distribution",
        "a distribution derived from anyvae.distributions.Cellwise or FromNoise; families have check_family",
    )
    shapes_law(distribution)
    if isinstance(distribution, Cellwise):
        cells_law(distribution)
    if not _judge_exactly(distribution, points):
        density_law(distribution, samples)
    if isinstance(distribution, Flowed):
        flow_law(distribution)
    moments_law(distribution, samples)
    batch_law(distribution)
    place_law(distribution)
    if outside is not None:
        support_law(distribution, outside)


def change_of_variables_law(distribution: FromNoise) -> None:
    r"""The draw v(n) of normal noise n and the density of v are one law: mass one and sampler at once.

    .. math:: \log p(v(n)) + \log |\det \partial v / \partial n| = \log N(n; 0, I)

    An identity at every n, without statistics; the Jacobian is autograd's. It also is a test of the
    reparameterised gradient. Of v as many coordinates count as there are noise numbers: on a simplex all but the
    last. `affine_law` serves draws of more noise that are affine in it, `expectation_law` any other.
    """
    lead, size = distribution.batch_shape, distribution.noise_shape.numel()
    for place in (-3.5, -0.8, 0.3, 2.9):
        noise, value, jacobian = _draw_and_jacobian(distribution, place)
        jacobian = jacobian[:, :size]
        found = distribution.log_prob(value).reshape(-1) + torch.linalg.slogdet(jacobian).logabsdet
        wanted = -0.5 * (noise.square() + math.log(2 * math.pi)).reshape(lead.numel(), size).sum(-1)
        close("change of variables", found, wanted, 1e-7)


def affine_law(distribution: FromNoise) -> None:
    r"""A draw v(n) = m + J n of any amount of noise has the density of N(m, J J').

    .. math:: \log p(v(n)) = \log N(v(n); m, J J')

    An identity at every n, without statistics; J is autograd's, the right side is dense.
    """
    lead = distribution.batch_shape
    zeros = torch.zeros_like(_draw_and_jacobian(distribution, 0.0)[0])
    centre = distribution.from_noise(zeros).reshape(lead.numel(), -1)
    for place in (-3.5, -0.8, 0.3, 2.9):
        _, value, jacobian = _draw_and_jacobian(distribution, place)
        dense = MultivariateNormal(centre, jacobian @ jacobian.mT, validate_args=False)
        wanted = dense.log_prob(value.reshape(lead.numel(), -1))
        close("affine draw", distribution.log_prob(value).reshape(-1), wanted, 1e-7)


def mass_law(distribution: Cellwise, points: Tensor) -> None:
    """The masses of the support sum to one, cell by cell."""
    total = _masses(distribution, points).sum(0)
    close("mass one", total, torch.ones_like(total), 1e-9)


def sampler_law(distribution: Cellwise, points: Tensor) -> None:
    """Evenly spread noise gives every point of the support its mass, to the resolution of the noise.

    Where a cell needs several numbers random noise does, and shares of draws are what chance allows.
    """
    if distribution.noise_shape.numel() != distribution.event_shape.numel():
        drawn = seeded_draws(distribution, 20_000, seed=4)
        found = torch.stack([(drawn == point).to(points.dtype).mean(0) for point in points])
        shares("sampler against masses", found, _masses(distribution, points), len(drawn))
        return
    count = 4999
    cell = distribution.batch_shape + distribution.event_shape
    noise = torch.special.ndtri((torch.arange(count, dtype=points.dtype) + 0.5) / count)
    drawn = distribution.from_noise(noise.view(-1, *(1,) * len(cell)).expand(count, *cell))
    found = torch.stack([(drawn == point).to(points.dtype).mean(0) for point in points])
    close("sampler against masses", found, _masses(distribution, points), 1.5 / count)


def values_law(distribution: FromNoise, samples: int = 20_000) -> None:
    """The masses of all values sum to one, and draws take each as often as its mass says."""
    values = distribution.enumerate_support()
    masses = distribution.log_prob(values).exp()
    total = masses.sum(0)
    close("mass one", total, torch.ones_like(total), 1e-9)
    drawn = seeded_draws(distribution, samples, seed=4)
    same = [(drawn == value).flatten(drawn.dim() - distribution.event_dims).all(-1) for value in values]
    found = torch.stack([one.to(masses.dtype).mean(0) for one in same])
    close("draws among the values", found.sum(0), torch.ones_like(total), 1e-9)
    shares("draws against masses", found, masses, samples)


def moments_law(distribution: FromNoise, samples: int = 20_000) -> None:
    """Mean, variance and entropy, where it knows them, are those of draws."""
    drawn = seeded_draws(distribution, samples, seed=0)
    if has_moment(distribution, "mean"):
        within("mean", drawn, distribution.mean)
    if has_moment(distribution, "variance"):
        within("variance", (drawn - distribution.mean).square(), distribution.variance)
    entropy = entropy_of(distribution)
    if entropy is not None:
        within("entropy", -distribution.log_prob(drawn), entropy)


def cells_law(distribution: Cellwise) -> None:
    """log_prob is the sum of the cells, and a masked cell counts for exactly nothing."""
    value = seeded_draws(distribution, 3, seed=1)
    cells = distribution.cells(value)
    total = cells.flatten(len(cells.shape) - distribution.event_dims).sum(-1)
    close("log_prob against cells", distribution.log_prob(value), total, 1e-9)
    mask = torch.zeros_like(value)
    mask.view(*value.shape[: value.dim() - distribution.event_dims], -1)[..., 0] = 1.0
    first = cells.flatten(len(cells.shape) - distribution.event_dims)[..., 0]
    close("masked cells", distribution.given_log_prob(value, mask), first, 1e-9)


def batch_law(distribution: FromNoise) -> None:
    """`expand` keeps the density, gives every row a draw of its own, and keeps dtype."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        value = distribution.sample(Size((4,)))
        wide = distribution.expand(Size((4, *distribution.batch_shape)))
        close("expand", wide.log_prob(value), distribution.log_prob(value), 1e-9)
        draws = distribution.expand(Size((64, *distribution.batch_shape))).sample()
    assert draws.dtype == distribution._like().dtype, f"dtype: draws are {draws.dtype}"
    assert len(draws.unique(dim=0)) > 1, "expand: all rows share one draw"


def place_law(distribution: FromNoise) -> None:
    """Draws, density, mean and variance have the dtype and the device of the parameters.

    Tensors are looked for that are made without saying where: while the law runs, torch makes those on its "meta"
    device, where nothing is computed, so that they meet no others without an error.
    """
    like = distribution._like()
    shape = distribution.batch_shape + distribution.noise_shape
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(11)).to(like)
    value = distribution.from_noise(noise)
    parts: dict[str, Callable[[], Tensor]] = {
        "draws": lambda: distribution.from_noise(noise),
        "log_prob": lambda: distribution.log_prob(value),
    }
    for moment in ("mean", "variance"):
        if has_moment(distribution, moment):
            parts[moment] = partial(getattr, distribution, moment)
    for name, part in parts.items():
        try:
            with torch.device("meta"):
                found = part()
        except (RuntimeError, NotImplementedError) as error:
            raise AssertionError(
                f"place: {name} makes tensors on another device than its parameters"
            ) from error
        assert found.device == like.device, f"place: {name} on {found.device}, parameters on {like.device}"
        assert found.dtype == like.dtype, f"place: {name} of {found.dtype}, parameters of {like.dtype}"


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
    """The closed form of KL(q || p) is not negative and agrees with draws."""
    exact = analytic_kl(q, p)
    assert float(exact.detach().min()) >= -1e-9, f"KL >= 0: got {exact.min().item():g}"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        value = q.sample(Size((samples,)))
    within("KL", q.log_prob(value) - p.log_prob(value), exact)


def gradient_law(function: Callable[[Tensor], Tensor], at: Tensor, law: str = "gradient") -> None:
    """Autograd's gradient of a number agrees with central differences.

    Arguments:
        function: from a tensor to a number.
        at: where, double precision.
        law: its name.

    >>> gradient_law(lambda t: t.square().sum(), torch.tensor([1.0, -2.0]).double())
    """
    point = at.detach().clone().requires_grad_()
    (found,) = torch.autograd.grad(function(point), point)
    wanted = at.new_zeros(at.shape)
    with torch.no_grad():
        for index in range(at.numel()):
            step = at.new_zeros(at.shape)
            step.view(-1)[index] = 1e-6
            wanted.view(-1)[index] = (function(at + step) - function(at - step)) / 2e-6
    close(law, found, wanted, 1e-5)


def _judge_exactly(distribution: FromNoise, points: Tensor | None) -> bool:
    """Run the laws that hold draws against the density without statistics, or value by value; whether any applies."""
    judged = False
    if points is not None and isinstance(distribution, Cellwise):
        mass_law(distribution, points)
        sampler_law(distribution, points)
        independence_law(distribution)
        judged = True
    noise, surface = distribution.noise_shape.numel(), surface_of(distribution)
    if distribution.has_rsample:
        # On a simplex the last coordinate follows from the others.
        if noise == distribution.event_shape.numel() - (surface is not None):
            change_of_variables_law(distribution)
            judged = True
        elif surface is None and _is_affine(distribution):
            affine_law(distribution)
            judged = True
    if surface is unit_sphere:
        sphere_law(distribution)
        judged = judged or isinstance(distribution, Directional)
    elif surface is not None:
        simplex_law(distribution)
    if _is_enumerable(distribution):
        values_law(distribution)
        judged = True
    return judged


def _draw_and_jacobian(distribution: FromNoise, place: float) -> tuple[Tensor, Tensor, Tensor]:
    """Noise around `place`, its draw, and the Jacobian of each row, shape (rows, event, noise)."""
    lead, size = distribution.batch_shape, distribution.event_shape.numel()
    generator = torch.Generator().manual_seed(0)
    jitter = torch.randn(lead + distribution.noise_shape, generator=generator, dtype=torch.float64)
    noise = (place + 0.5 * jitter).to(distribution._like().dtype).requires_grad_()
    value = distribution.from_noise(noise)
    assert value.requires_grad, (
        "gradient of draws: has_rsample is True, but from_noise passes on no gradient of the noise"
    )
    # Rows are independent, so the sum over rows has every row's Jacobian.
    flat = value.reshape(lead.numel(), size)
    rows = [torch.autograd.grad(flat[:, i].sum(), noise, retain_graph=True)[0] for i in range(size)]
    return noise, value, torch.stack([row.reshape(lead.numel(), -1) for row in rows], -2)


def _is_affine(distribution: FromNoise) -> bool:
    here, there = (_draw_and_jacobian(distribution, place)[2] for place in (-2.0, 1.0))
    return bool(torch.allclose(here, there, rtol=1e-12, atol=1e-12))


def _masses(distribution: Cellwise, points: Tensor) -> Tensor:
    cell = distribution.batch_shape + distribution.event_shape
    value = points.view(-1, *(1,) * len(cell)).expand(len(points), *cell)
    return distribution.cells(value).exp()


def _is_enumerable(distribution: FromNoise) -> bool:
    try:
        return len(distribution.enumerate_support(expand=False)) > 0
    except NotImplementedError:
        return False
