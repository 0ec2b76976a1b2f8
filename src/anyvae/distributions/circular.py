"""Angles: the von Mises distribution."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import Cellwise
from anyvae.distributions.quadrature import legendre
from anyvae.distributions.roots import decreasing_root

__all__ = ["VonMises"]

_LOG_2PI = math.log(2.0 * math.pi)
_NODES = 28


@final
class VonMises(Cellwise):
    r"""Independent angles in (-pi, pi], spread around a centre like a normal around its mean.

    .. math:: \log p(v) = \sum_i c_i (\cos(v_i - loc_i) - 1) - \log 2 \pi e^{-c_i} I_0(c_i), \quad c = concentration

    For large c it is near a normal with scale 1 / sqrt(c), for c near 0 near the uniform density. `mean` is
    a direction; there is no `variance`, for the square of an angle means nothing, but `circular_variance`.

    Arguments:
        loc: centres in radians, shape (*batch, *event); whole turns make no difference.
        concentration: anything that broadcasts to `loc`.
        event_dims: how many of the last axes are the event.

    >>> VonMises(torch.zeros(1), torch.tensor(1e-9)).log_prob(torch.tensor([3.0])).exp().round(decimals=4)
    tensor(0.1592)
    """

    support = constraints.real
    has_rsample = True

    def __init__(self, loc: Tensor, concentration: Tensor, event_dims: int = 1) -> None:
        cut = loc.dim() - event_dims
        super().__init__(loc.shape[:cut], loc.shape[cut:])
        self.loc = loc
        self.concentration = concentration

    @property
    def mean(self) -> Tensor:
        """Direction of the mean, in (-pi, pi]: `loc` without whole turns."""
        return _wrapped(self.loc)

    @property
    def circular_variance(self) -> Tensor:
        """1 - I1(c) / I0(c), between 0 and 1: how far the mean of (cos v, sin v) stays from the circle."""
        c = self.concentration.double()
        # The difference loses its digits at large c, where the series has them all.
        series = (0.5 + (0.125 + 0.125 / c) / c) / c
        exact = 1.0 - torch.special.i1e(c) / torch.special.i0e(c)
        return torch.where(c > 1e4, series, exact).to(self.loc.dtype).expand_as(self.loc)

    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each angle, nats; -inf outside (-pi, pi]."""
        half = torch.sin(0.5 * (value - self.loc))
        # cos - 1 by the half angle: near the centre the cosine has no digits left.
        density = -2.0 * self.concentration * half.square() - (_log_i0e(self.concentration) + _LOG_2PI)
        edge = math.pi * (1.0 + 2.0 * torch.finfo(value.dtype).eps)
        return torch.where((value >= -edge) & (value <= edge), density, -torch.inf)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The angle whose distance to `loc` lies at quantile Phi(noise), solved in double precision."""
        noise, concentration = torch.broadcast_tensors(noise.double(), self.concentration.double())
        c = concentration.clamp_min(1e-12)
        wanted = torch.special.log_ndtr(-noise.abs()) + math.log(2.0)
        with torch.no_grad():
            # Beyond forty standard deviations of the normal that it resembles there is nothing.
            end = (40.0 / c.sqrt()).clamp_max(math.pi)
            total = _log_tail(torch.zeros_like(c), end, c)

            def gap(angle: Tensor) -> tuple[Tensor, Tensor]:
                tail = _log_tail(angle, end, c)
                return tail - total - wanted, -(-2.0 * c * torch.sin(0.5 * angle).square() - tail).exp()

            normal = noise.abs() / c.sqrt()
            uniform = math.pi * -wanted.expm1()
            # Where the density at pi, opposite to the centre, holds what is left.
            opposite = (wanted + total + 2.0 * c).exp()
            start = torch.where(opposite < 0.5, math.pi - opposite, torch.minimum(normal, uniform))
            root = decreasing_root(gap, torch.zeros_like(c), end, torch.minimum(start, end))
        if torch.is_grad_enabled() and (self.concentration.requires_grad or noise.requires_grad):
            # One step of Newton's method at the root: nothing in value, the whole gradient.
            tail = _log_tail(root, end, c)
            slope = (-2.0 * c * torch.sin(0.5 * root).square() - tail).exp().detach()
            root = root + (tail - _log_tail(torch.zeros_like(c), end, c) - wanted) / slope
        return _wrapped(self.loc + (noise.sign() * root).to(self.loc.dtype))

    def expand(self, batch_shape: Any, _instance: Any = None) -> VonMises:
        """The same distribution with other batch axes."""
        loc = self.loc.expand(torch.Size(batch_shape) + self._event_shape)
        return VonMises(loc, self.concentration, self.event_dims)

    def _like(self) -> Tensor:
        return self.loc


def _log_tail(start: Tensor, end: Tensor, c: Tensor) -> Tensor:
    """log of the integral of exp(c (cos t - 1)) from start to end, by Gauss-Legendre quadrature."""
    nodes, weights = legendre(_NODES, c)
    # Twelve standard deviations hold all of it but 1e-32: a shorter stretch gives the nodes more to see.
    end = torch.minimum(end, start + 12.0 / c.sqrt())
    length = end - start
    angle = start.unsqueeze(-1) + length.unsqueeze(-1) * nodes
    exponent = -2.0 * c.unsqueeze(-1) * torch.sin(0.5 * angle).square()
    top = exponent[..., :1].detach()
    inner = (exponent - top).exp() @ weights * length
    return inner.clamp_min(torch.finfo(inner.dtype).tiny).log() + top.squeeze(-1)


def _log_i0e(c: Tensor) -> Tensor:
    """log(exp(-c) I0(c)), finite at any c; in double precision, where its slope has digits at large c too."""
    return torch.special.i0e(c.double()).log().to(c.dtype)


def _wrapped(angle: Tensor) -> Tensor:
    """The same angle in (-pi, pi], with gradient one."""
    turns = torch.ceil((angle.detach() - math.pi) / (2.0 * math.pi))
    return (angle - 2.0 * math.pi * turns).clamp(-math.pi, math.pi)
