"""Quantile functions that torch lacks, so that such draws can be made from fixed normal noise."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor

from anyvae.distributions.roots import decreasing_root

__all__ = ["gamma_quantile", "log_gamma_quantile"]

# Below exp(-40) the distribution function is its first term to the last bit of double precision.
_LOG_NEGLIGIBLE = -40.0


def gamma_quantile(concentration: Tensor, noise: Tensor) -> Tensor:
    r"""The standard gamma number at quantile Phi(noise), differentiable in both arguments.

    .. math:: P(\mathrm{Gamma}(concentration, 1) \le v) = \Phi(noise)

    Solved by Newton's method in double precision; the gradient is that of the implicit function, so a draw is
    reparameterised exactly. Results below the smallest positive number of the type are that number.

    Arguments:
        concentration: positive; broadcasts with `noise`.
        noise: standard normal numbers.

    >>> gamma_quantile(torch.tensor(1.0), torch.tensor(0.0)).item() - math.log(2.0) < 1e-6
    True
    """
    concentration, noise = torch.broadcast_tensors(concentration, noise)
    found: Tensor = _GammaQuantile.apply(concentration, noise)  # type: ignore[no-untyped-call]
    return found


def log_gamma_quantile(concentration: Tensor, noise: Tensor) -> Tensor:
    r"""The logarithm of `gamma_quantile`, right also where the number itself underflows.

    .. math:: P(v) \approx v^a / \Gamma(a + 1) \text{ for small } v, \quad a = concentration

    Numbers of concentration 0.01 lie below the smallest float32 more often than not; ratios of them, as a
    beta draw takes, need the logarithm.

    Arguments:
        concentration: positive; broadcasts with `noise`.
        noise: standard normal numbers.

    >>> log_gamma_quantile(torch.tensor(0.001), torch.tensor(0.0)).round()
    tensor(-694.)
    """
    concentration, noise = torch.broadcast_tensors(concentration, noise)
    shape, place = concentration.double(), noise.double()
    first = (torch.special.log_ndtr(place) + torch.lgamma(shape + 1.0)) / shape
    low = first < _LOG_NEGLIGIBLE
    rest = gamma_quantile(torch.where(low, torch.ones_like(shape), shape), place).log()
    return torch.where(low, first, rest).to(concentration.dtype)


@final
class _GammaQuantile(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, concentration: Tensor, noise: Tensor) -> Tensor:
        shape, place = concentration.double(), noise.double()
        # F(v) <= v^a / Gamma(a + 1) gives the lower end, the tail bound of sub-gamma numbers the upper one.
        low = (torch.special.log_ndtr(place) + torch.lgamma(shape + 1.0)) / shape
        tail = -torch.special.log_ndtr(-place)
        high = (shape + (2.0 * shape * tail).sqrt() + tail).log()
        low = torch.minimum(low, high)
        left = place < 0
        wanted = torch.special.log_ndtr(-place.abs())
        constant = torch.lgamma(shape)

        def gap(log: Tensor) -> tuple[Tensor, Tensor]:
            point = log.exp()
            # The smaller of the two tails is compared: the other one has no digits left.
            lower, upper = torch.special.gammainc(shape, point), torch.special.gammaincc(shape, point)
            tail = torch.where(left, lower, upper)
            difference = tail.log() - wanted
            return torch.where(left, -difference, difference), -(shape * log - point - constant).exp() / tail

        # The cube root of a gamma number is near to normal when the shape is not small (Wilson and Hilferty).
        cube = (1.0 - 1.0 / (9.0 * shape) + place / (3.0 * shape.sqrt())).clamp_min(1e-3)
        start = torch.where(shape > 0.5, shape.log() + 3.0 * cube.log(), low)
        root = decreasing_root(gap, low, high, start.clamp(low, high))
        value = root.exp().clamp_min(torch.finfo(concentration.dtype).tiny)
        ctx.save_for_backward(concentration, noise, value)
        return value.to(concentration.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        concentration, noise, value = ctx.saved_tensors
        shape, place = concentration.double(), noise.double()
        log_density = (shape - 1.0) * value.log() - value - torch.lgamma(shape)
        by_noise = (-0.5 * place.square() - 0.5 * math.log(2.0 * math.pi) - log_density).exp()
        by_shape: Tensor | None = None
        if ctx.needs_input_grad[0]:
            by_shape = gradients[0] * (-_slope_in_shape(shape, value) / log_density.exp()).to(gradients[0])
        return by_shape, gradients[0] * by_noise.to(gradients[0])


def _slope_in_shape(shape: Tensor, value: Tensor) -> Tensor:
    """d F(value; shape) / d shape by central differences of sixth order; there is no formula."""
    # A small part of both the shape and the standard deviation, on which F changes.
    step = 0.01 * torch.minimum(shape, shape.sqrt())
    total = torch.zeros_like(value)
    for count, weight in ((1, 45.0), (2, -9.0), (3, 1.0)):
        ahead = torch.special.gammainc(shape + count * step, value)
        behind = torch.special.gammainc(shape - count * step, value)
        # Far to the right both are near one, and the difference of the other tails has the digits.
        ahead_tail = torch.special.gammaincc(shape + count * step, value)
        behind_tail = torch.special.gammaincc(shape - count * step, value)
        total = total + weight * torch.where(value > shape, behind_tail - ahead_tail, ahead - behind)
    return total / (60.0 * step)
