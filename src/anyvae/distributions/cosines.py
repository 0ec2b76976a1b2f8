"""The law of the cosine between a von Mises-Fisher vector and its mean direction, by quadrature."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple, final

import numpy as np
import torch
from torch import Tensor

__all__ = ["CosineMoments", "cosine_moments", "cosine_quantile"]

# The density is followed until it has fallen by a factor of e to this power: beyond 8.5 standard deviations.
_FALL = 40.0
_FURTHEST_NOISE = 8.5
_PANELS = 20
_POINTS = 12
_SPREAD = 96
_STEPS = 9
_FOUND = 1e-13


@final
class CosineMoments(NamedTuple):
    """Integrals over the cosine w, each of the shape of the concentration, in double precision.

    Arguments:
        log_mass: log of the integral of exp(concentration (w - 1)) (1 - w^2)^((n - 3) / 2).
        gap: E[1 - w].
        square_sine: E[1 - w^2].
    """

    log_mass: Tensor
    gap: Tensor
    square_sine: Tensor


def cosine_moments(concentration: Tensor, features: int) -> CosineMoments:
    r"""Normaliser and moments of the cosine, differentiable in the concentration.

    .. math:: p(w) \propto e^{concentration \, w} (1 - w^2)^{(n - 3) / 2}, \quad w = \tanh(t / 2)

    In the log-odds t the density is smooth on the whole line, and the trapezoidal rule on a grid that widens away
    from the mode is exact to rounding, for every dimension and concentration. The normaliser is that of a Bessel
    function of order n / 2 - 1, and its slope the ratio of two of them; neither overflows here.

    Arguments:
        concentration: positive, any shape.
        features: n, at least 2.

    >>> moments = cosine_moments(torch.tensor(2.0).double(), 3)
    >>> bool((1.0 - moments.gap - (1.0 / math.tanh(2.0) - 0.5)).abs() < 1e-12)
    True
    """
    k, a = concentration.double().unsqueeze(-1), 0.5 * (features - 1)
    with torch.no_grad():
        mode, width, low, high = _frame(k, a)
        grid = torch.linspace(0.0, 1.0, _SPREAD, dtype=k.dtype, device=k.device)
        place = low + (high - low) * grid
        t = mode + width * place.sinh()
        log_weight = (width * (high - low) / (_SPREAD - 1) * place.cosh()).log()
    shape, gap = _shape_and_gap(t)
    log_density = a * shape - k * gap + log_weight
    log_mass = log_density.logsumexp(-1)
    probability = (log_density - log_mass.unsqueeze(-1)).exp()
    square_sine = 4.0 * shape.exp()
    constant = (features - 2) * math.log(2.0)
    return CosineMoments(
        log_mass + constant, (probability * gap).sum(-1), (probability * square_sine).sum(-1)
    )


def cosine_quantile(concentration: Tensor, noise: Tensor, features: int) -> Tensor:
    r"""The log-odds t of the cosine w = tanh(t / 2) at quantile Phi(noise), differentiable in both arguments.

    .. math:: P(W \le \tanh(t / 2)) = \Phi(noise)

    The density is integrated over panels, then Newton's method finds the place inside one. The gradient is that of
    the implicit function, so a draw is reparameterised exactly. Noise beyond 8.5 is taken for 8.5.

    Arguments:
        concentration: positive; broadcasts with `noise`.
        noise: standard normal numbers.
        features: n, at least 2.

    >>> cosine_quantile(torch.tensor(1e-9).double(), torch.tensor(0.0).double(), 4).abs().item() < 1e-8
    True
    """
    found: Tensor = _Quantile.apply(concentration, noise, features)  # type: ignore[no-untyped-call]
    return found


def _shape_and_gap(t: Tensor) -> tuple[Tensor, Tensor]:
    """log((1 - w^2) / 4) and 1 - w at the log-odds t; one exponential serves both."""
    small = (-t.abs()).exp()
    shape = -t.abs() - 2.0 * small.log1p()
    gap = 2.0 * torch.where(t > 0, small, torch.ones_like(t)) / (1.0 + small)
    return shape, gap


def _frame(k: Tensor, a: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mode of t, width there, and both ends of the grid in asinh((t - mode) / width)."""
    root = (k.square() + a * a).sqrt()
    mode = ((k + root) / a).log()
    # -1 over the second derivative of the log-density at the mode, where s = (1 - w) / 2.
    s = a / (k + a + root)
    width = (2.0 * s * (1.0 - s) * (a + k * (1.0 - 2.0 * s))).rsqrt()
    tail = _FALL / a + 2.0
    return mode, width, -((tail + 2.0 * mode) / width).asinh(), (tail / width).asinh()


@cache
def _legendre() -> tuple[Tensor, Tensor]:
    """Points and weights of Gauss and Legendre on [0, 1]."""
    points, weights = np.polynomial.legendre.leggauss(_POINTS)
    return torch.from_numpy(0.5 * (points + 1.0)), torch.from_numpy(0.5 * weights)


@final
class _Quantile(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, concentration: Tensor, noise: Tensor, features: int) -> Tensor:
        t, by_concentration, by_noise = _solve(concentration.double(), noise.double(), 0.5 * (features - 1))
        ctx.save_for_backward(by_concentration, by_noise)
        ctx.sizes = concentration.shape, noise.shape
        return t.to(torch.promote_types(concentration.dtype, noise.dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        by_concentration, by_noise = (gradients[0] * slope.to(gradients[0]) for slope in ctx.saved_tensors)
        return by_concentration.sum_to_size(ctx.sizes[0]), by_noise.sum_to_size(ctx.sizes[1]), None


def _solve(concentration: Tensor, noise: Tensor, a: float) -> tuple[Tensor, Tensor, Tensor]:
    """Log-odds at quantile Phi(noise), and their slopes in the concentration and in the noise."""
    points, weights = (part.to(noise.device) for part in _legendre())
    mode, width, low, high = _frame(concentration.unsqueeze(-1), a)
    top_shape, top_gap = _shape_and_gap(mode)
    top = a * top_shape - concentration.unsqueeze(-1) * top_gap

    def integrate(start: Tensor, end: Tensor, k: Tensor, peak: Tensor) -> tuple[Tensor, Tensor]:
        """Integrals of the density (1 at the mode) and of 1 - w under it, from start to end."""
        shape, gap = _shape_and_gap(start.unsqueeze(-1) + (end - start).unsqueeze(-1) * points)
        density = (a * shape - (k.unsqueeze(-1) * gap + peak.unsqueeze(-1))).exp() * weights
        length = (end - start).abs()
        return length * density.sum(-1), length * (density * gap).sum(-1)

    grid = torch.linspace(0.0, 1.0, _PANELS + 1, dtype=noise.dtype, device=noise.device)
    edges = mode + width * (low + (high - low) * grid).sinh()
    masses = integrate(edges[..., :-1], edges[..., 1:], concentration.unsqueeze(-1), top)
    # From both ends: a tail that is what is left of one has no digits.
    left = [torch.nn.functional.pad(mass.cumsum(-1), (1, 0)) for mass in masses]
    right = [torch.nn.functional.pad(mass.flip(-1).cumsum(-1), (1, 0)).flip(-1) for mass in masses]
    total, mean_gap = masses[0].sum(-1), masses[1].sum(-1) / masses[0].sum(-1)

    lower = noise < 0
    # Not ndtr, which has no digits in the tail.
    aim = torch.special.log_ndtr(-noise.abs().clamp_max(_FURTHEST_NOISE)).exp() * total
    inner = slice(1, _PANELS)
    short = left[0][..., inner] < aim.unsqueeze(-1)
    long = right[0][..., inner] >= aim.unsqueeze(-1)
    panel = torch.where(lower.unsqueeze(-1), short, long).sum(-1, keepdim=True)
    wide = (*panel.shape[:-1], _PANELS + 1)

    def pick(table: Tensor, index: Tensor) -> Tensor:
        return table.expand(wide).gather(-1, index).squeeze(-1)

    begin, end = pick(edges, panel), pick(edges, panel + 1)
    # Integrals run from the end of the panel on the side of the tail.
    start = torch.where(lower, begin, end)
    base, base_gap = (torch.where(lower, pick(left[i], panel), pick(right[i], panel + 1)) for i in (0, 1))
    sign = torch.where(lower, 1.0, -1.0).to(noise)
    k, peak = concentration.expand_as(begin), top.squeeze(-1).expand_as(begin)
    t = 0.5 * (begin + end)
    for _ in range(_STEPS):
        mass = base + integrate(start, t, k, peak)[0]
        far = (mass < aim) == lower
        begin, end = torch.where(far, t, begin), torch.where(far, end, t)
        shape, gap = _shape_and_gap(t)
        density = (a * shape - (k * gap + peak)).exp()
        # On the logarithm of the tail, which is nearly straight.
        miss = (mass / aim).log()
        found = miss.abs() < _FOUND
        if bool(found.all()):
            break
        new = t - sign * miss * mass / density
        new = torch.where((new >= begin) & (new <= end), new, 0.5 * (begin + end))
        # A place that is found stays: at rounding error of it the bracket says nothing.
        t = torch.where(found, t, new)
    part, part_gap = integrate(start, t, k, peak)
    shape, gap = _shape_and_gap(t)
    density = (a * shape - (k * gap + peak)).exp()
    by_concentration = sign * ((base_gap + part_gap) - mean_gap * (base + part)) / density
    log_normal = -0.5 * noise.square() - 0.5 * math.log(2.0 * math.pi)
    inside = noise.abs() <= _FURTHEST_NOISE
    by_noise = torch.where(inside, log_normal.exp() * total / density, torch.zeros_like(t))
    return t, by_concentration, by_noise
