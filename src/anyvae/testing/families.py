"""Laws of families: of the map from raw parameters, as networks give them, to distributions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch import Size, Tensor

from anyvae.conditionals import Family
from anyvae.distributions import Cellwise, FromNoise
from anyvae.testing.distributions import gradient_law
from anyvae.testing.judge import close
from anyvae.testing.shapes import shapes_law
from anyvae.wants import wants

__all__ = ["check_family", "extremes_law", "holes_law", "parameters_law", "slices_law"]

# What a network gives when it errs: far beyond the bounds of every scale, and on both sides of them.
_FAR = (-1e3, -30.0, 0.0, 30.0, 1e3)


def check_family(family: Family) -> None:
    """Run the laws of families.

    Arguments:
        family: of distributions that are made from noise.

    Raises:
        AssertionError: naming the law.
        TypeError: for what is no family, or makes no distributions from noise.

    >>> from anyvae.conditionals import Laplace
    >>> check_family(Laplace(2))
    """
    wants(
        Family, family, "check_family", "a family such as Laplace(2); distributions have check_distribution"
    )
    slices_law(family)
    extremes_law(family)
    parameters_law(family)
    holes_law(family)


def slices_law(family: Family, rows: int = 4) -> None:
    """A batch is a loop over its rows: each has the draw, density and mean that its own parameters alone give."""
    generator = torch.Generator().manual_seed(0)
    params = {
        name: torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in _shapes(family, rows)
    }
    whole = _member(family, params)
    if not whole.batch_shape:
        return
    noise = torch.randn(whole.batch_shape + whole.noise_shape, generator=generator, dtype=torch.float64)
    drawn = whole.from_noise(noise)
    density = whole.log_prob(drawn)
    for row in range(rows):
        here = slice(row, row + 1)
        alone = _member(
            family, {name: raw if name in family.free else raw[here] for name, raw in params.items()}
        )
        close("a batch is its rows: draws", alone.from_noise(noise[here]), drawn[here], 1e-9)
        close("a batch is its rows: log_prob", alone.log_prob(drawn[here]), density[here], 1e-9)


def extremes_law(family: Family, rows: int = 64) -> None:
    r"""Raw parameters far out, up to 1000 in size, in single precision: all is finite, and stays in single precision.

    That is: draws, their log-densities, and the gradients in the raw parameters of the log-density at given draws, of
    differentiable draws, and of the log-density along them.

    .. math:: \partial_\theta \log p_\theta(v), \quad \partial_\theta v_\theta(n), \quad
              \frac{d}{d\theta} \log p_\theta(v_\theta(n))
    """
    for seed in range(4):
        generator = torch.Generator().manual_seed(seed)
        far = torch.tensor(_FAR if seed % 2 else _FAR[1:4])
        params = {
            name: far[torch.randint(len(far), shape, generator=generator)].to(torch.float32).requires_grad_()
            for name, shape in _shapes(family, rows)
        }
        p = _member(family, params)
        noise = torch.randn(p.batch_shape + p.noise_shape, generator=generator).to(torch.float32)
        drawn = p.from_noise(noise)
        found = {"log-density": p.log_prob(drawn.detach())}
        if p.batch_shape:
            # Values that these parameters would hardly draw, as data are at first.
            found["log-density elsewhere"] = p.log_prob(drawn.detach().roll(1, 0))
        if p.has_rsample:
            # Relative to the size of a draw, which may be near the largest number there is.
            found["draw"] = drawn / drawn.detach().abs().clamp_min(1.0)
            found["log-density along the draw"] = p.log_prob(drawn)
        _finite("draws", drawn)
        for name, number in found.items():
            _finite(name, number)
            for raw, slope in _slopes(number, params):
                _finite(f"the gradient of the {name} in {raw}", slope)


def parameters_law(family: Family, rows: int = 3) -> None:
    """The distribution is of the stated event and of the type of its parameters, and hangs on each of them.

    The gradient of the log-density in each of them, and of draws where these are differentiable, is that of central
    differences: a parameter that is cut off on its way into the draw is learned wrongly and without an error.
    """
    strange = sorted(family.free - family.params.keys())
    assert not strange, (
        f"parameters: {strange[0]!r} is free, but no parameter; they are {sorted(family.params)}"
    )
    generator = torch.Generator().manual_seed(0)
    params = {
        name: torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in _shapes(family, rows)
    }
    p = _member(family, params)
    assert p.event_shape == family.event_shape, (
        f"parameters: the distribution has event shape {tuple(p.event_shape)}, the family {tuple(family.event_shape)}"
    )
    shapes_law(p)
    noise = torch.randn(p.batch_shape + p.noise_shape, generator=generator, dtype=torch.float64)
    drawn = p.from_noise(noise)
    weights = torch.randn(drawn.shape, generator=generator, dtype=torch.float64)
    assert drawn.dtype == torch.float64, f"parameters: draws are of {drawn.dtype}, wanted torch.float64"
    numbers = {"log-density": lambda p: p.log_prob(drawn).sum()}
    if p.has_rsample:
        numbers["draw"] = lambda p: (weights * p.from_noise(noise)).sum()
    for what, number in numbers.items():
        for name, raw in params.items():

            def at(value: Tensor, name: str = name, number: Callable[[FromNoise], Tensor] = number) -> Tensor:
                return number(_member(family, {**params, name: value}))

            found = at(raw.clone().requires_grad_())
            assert found.dtype == raw.dtype, f"parameters: the {what} is of {found.dtype}, wanted {raw.dtype}"
            assert found.requires_grad, f"parameters: the {what} does not hang on {name!r}"
            gradient_law(at, raw, f"parameters: gradient of the {what} in {name!r}")


def holes_law(family: Family, rows: int = 3) -> None:
    """A hole, which a model fills with 0, counts for nothing and passes no gradient on, though 0 be no value at all.

    A log-density that is masked afterwards still has the gradient of what was masked: 0 times infinity is no number.
    """
    generator = torch.Generator().manual_seed(0)
    params = {
        name: torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
        for name, shape in _shapes(family, rows)
    }
    p = _member(family, params)
    if not isinstance(p, Cellwise):
        return
    holes = torch.zeros(p.batch_shape + p.event_shape, dtype=torch.float64)
    found = p.given_log_prob(holes, holes)
    close("holes: log-density of nothing", found, torch.zeros_like(found), 1e-9)
    for name, slope in _slopes(found, params):
        assert bool((slope == 0.0).all()), (
            f"holes: what stands in a hole has a gradient in {name!r}; in cells(value), put a value of the support in "
            "the place of others before you take its logarithm, and -inf in the place of the result"
        )


def _shapes(family: Family, rows: int) -> Iterator[tuple[str, Size]]:
    for name, size in family.params.items():
        yield name, size if name in family.free else Size((rows, *size))


def _member(family: Family, params: dict[str, Tensor]) -> FromNoise:
    """The distribution with these parameters, and constants of their type."""
    kind = next((raw.dtype for raw in params.values()), torch.get_default_dtype())
    constants = {
        name: value.to(kind) if value.is_floating_point() else value
        for name, value in family.constants.items()
    }
    found = family(params, constants, learning=False)
    wants(
        FromNoise,
        found,
        f"the distribution of {family!r}",
        "one that is made from noise, derived from anyvae.distributions.Cellwise or FromNoise",
    )
    return cast(FromNoise, found)


def _slopes(number: Tensor, params: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Gradients in the parameters that the number depends on."""
    if not number.requires_grad:
        return
    found = torch.autograd.grad(number.sum(), list(params.values()), retain_graph=True, allow_unused=True)
    yield from ((name, slope) for name, slope in zip(params, found, strict=True) if slope is not None)


def _finite(what: str, number: Tensor) -> None:
    assert bool(torch.isfinite(number).all()), (
        f"extremes: {what}: not finite with raw parameters up to {_FAR[-1]:g} in size; bound what they become, as "
        "conditionals.bounded_scale does"
    )
    assert number.dtype == torch.float32, f"extremes: {what}: of {number.dtype}, wanted torch.float32"
