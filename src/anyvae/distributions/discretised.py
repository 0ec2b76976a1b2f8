"""A density seen through the bins of a lattice: grey levels, integers, prices in cents."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self, final

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import Cellwise
from anyvae.distributions.quadrature import legendre
from anyvae.distributions.tails import log_ndtr

__all__ = [
    "DiscretisedLogistic",
    "DiscretisedNormal",
    "LocatedOnLattice",
    "OnLattice",
    "between",
    "logistic_bin",
]

_ROOT_HALF = math.sqrt(0.5)
_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
_FAR = 1e30  # beyond every point, and still a number when it is divided by a scale


def logistic_bin(lower: Tensor, upper: Tensor, gap: Tensor, above: Tensor, below: Tensor) -> Tensor:
    r"""log(sigmoid(upper) - sigmoid(lower)), the log-mass of one bin of the standard logistic density, nats.

    .. math:: \sigma(b) - \sigma(a) = \sigma(b) \, \sigma(-a) \, (1 - e^{a - b})

    No cancellation in either tail, and exact for bins far narrower than the density.

    Arguments:
        lower, upper: a and b.
        gap: b - a, positive; given because the difference of two large numbers has lost it.
        above: 1 where the bin has a lower end, 0 where it reaches down to minus infinity.
        below: 1 where the bin has an upper end, 0 where it reaches up to infinity.
    """
    width = torch.log(-torch.expm1(-gap))
    upper = F.softplus(-upper, threshold=40.0)
    lower = F.softplus(lower, threshold=40.0)
    # The lowest bin lacks the factor of a, the highest that of b.
    return (above * below) * width - below * upper - above * lower


def between(
    integral: Callable[[Tensor], Tensor], loc: Tensor, scale: Tensor, low: Tensor, high: Tensor
) -> Tensor:
    """Mean of loc + scale * (a standard variable), what lies outside [low, high] moved to the nearer end.

    Arguments:
        integral: of the standard distribution function, from minus infinity.
        loc, scale: of the variable.
        low, high: the ends, which may be infinite.
    """
    endless = torch.isinf(low)
    # Finite stand-ins, so that the gradient of what is not taken is a number.
    low, high = (end.clamp(-_FAR, _FAR) for end in (low, high))
    above = torch.where(endless, loc, low + scale * integral((loc - low) / scale))
    return above - scale * integral((loc - high) / scale)


class OnLattice(Cellwise, ABC):
    r"""Independent features on the points `low`, `low + step`, ..., `high`.

    The lowest bin reaches down to minus infinity and the highest up to infinity, so that the masses of the
    points sum to one. Either end may be infinite: the lattice then goes on for ever on that side.

    Arguments:
        batch_shape: axes over independent rows.
        event_shape: axes of one row.
        low, high: first and last lattice point, broadcast to the event.
        step: distance of lattice points, broadcasts to the event.
        origin: a point of the lattice, from which the others are counted; `low` unless said, and needed where
            that is infinite. Points near it keep the most digits.
    """

    support = constraints.real

    def __init__(
        self,
        batch_shape: torch.Size,
        event_shape: torch.Size,
        low: Tensor,
        high: Tensor,
        step: Tensor,
        origin: Tensor | None = None,
    ) -> None:
        super().__init__(batch_shape, event_shape)
        self.low = low
        self.high = high
        self.step = step
        self.origin = low if origin is None else origin

    def ends(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Whether the bin of each value has a lower and an upper end, 1 or 0."""
        quarter = 0.25 * self.step
        # Masks of the data alone: small beside S draws of the parameters, and no branch costs a kernel each.
        return (value > self.low + quarter).to(value.dtype), (value < self.high - quarter).to(value.dtype)

    def point(self, index: Tensor) -> Tensor:
        """The lattice point of each index, counted from `origin`, kept between `low` and `high`."""
        value = self.origin + self.step * index
        return torch.maximum(torch.minimum(value, self.high.expand_as(value)), self.low.expand_as(value))


class LocatedOnLattice(OnLattice, ABC):
    """A density with a location and a scale, seen through the bins of a lattice.

    Arguments:
        loc: centre of the density, shape (*batch, *event).
        scale: its scale, broadcasts to `loc`.
        low, high: first and last lattice point, broadcast to the event.
        step: distance of lattice points, broadcasts to the event.
        event_dims: how many of the last axes are the event.
        origin: see `OnLattice`.
    """

    def __init__(
        self,
        loc: Tensor,
        scale: Tensor,
        low: Tensor,
        high: Tensor,
        step: Tensor,
        event_dims: int = 1,
        origin: Tensor | None = None,
    ) -> None:
        cut = loc.dim() - event_dims
        super().__init__(loc.shape[:cut], loc.shape[cut:], low, high, step, origin)
        self.loc = loc
        self.scale = scale

    @staticmethod
    @abstractmethod
    def integral(far: Tensor) -> Tensor:
        """Integral of the standard distribution function from minus infinity to `far`."""

    @staticmethod
    @abstractmethod
    def quantile(noise: Tensor) -> Tensor:
        """The standard number at quantile Phi(noise)."""

    @property
    def mean(self) -> Tensor:
        r"""Mean of the variable before binning, kept inside the lattice, shape (*batch, *event).

        .. math:: low + scale \, (I((loc - low) / scale) - I((loc - high) / scale)), \quad I = integral

        The mean over the lattice points is the midpoint rule for this integral: it differs by less than
        half a step, and by less than a fiftieth of a step once the scale reaches one.
        """
        return between(self.integral, self.loc, self.scale, self.low, self.high)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The lattice point nearest to loc + scale * quantile(noise)."""
        value = self.loc + self.scale * self.quantile(noise)
        return self.point(torch.round((value - self.origin) / self.step))

    def expand(self, batch_shape: Any, _instance: Any = None) -> Self:
        """The same distribution with other batch axes."""
        loc = self.loc.expand(torch.Size(batch_shape) + self._event_shape)
        scale = self.scale.expand_as(self.loc).expand_as(loc)
        return type(self)(loc, scale, self.low, self.high, self.step, self.event_dims, self.origin)

    def _like(self) -> Tensor:
        return self.loc


@final
class DiscretisedLogistic(LocatedOnLattice):
    r"""The mass that a logistic density gives to the bin around each lattice point.

    .. math:: P(v) = \sigma(b) - \sigma(a), \quad a, b = (v \mp step / 2 - loc) / scale

    The lowest bin reaches down to minus infinity and the highest up to infinity, so the masses of the
    points `low`, `low + step`, ..., `high` sum to one.

    Arguments:
        loc: centre of the logistic density, shape (*batch, *event).
        scale: its scale (standard deviation is 1.81 scale), broadcasts to `loc`.
        low, high: first and last lattice point, broadcast to the event; either may be infinite.
        step: distance of lattice points, broadcasts to the event.
        event_dims: how many of the last axes are the event.
        origin: see `OnLattice`; needed on a lattice without a lowest point.

    >>> low, high, step = torch.tensor([-2.0, 2.0, 1.0])
    >>> d = DiscretisedLogistic(torch.zeros(1), torch.ones(1), low, high, step)
    >>> torch.stack([d.log_prob(torch.tensor([v])) for v in (-2., -1., 0., 1., 2.)]).exp().sum()
    tensor(1.)
    """

    def cells(self, value: Tensor) -> Tensor:
        """Log-mass of each cell, nats."""
        inverse = self.scale.reciprocal()
        centre = (value - self.loc) * inverse
        gap = self.step * inverse
        above, below = self.ends(value)
        half = 0.5 * gap
        return logistic_bin(centre - half, centre + half, gap, above, below)

    @staticmethod
    def integral(far: Tensor) -> Tensor:
        """softplus(far)."""
        return F.softplus(far, threshold=40.0)

    @staticmethod
    def quantile(noise: Tensor) -> Tensor:
        """logit(Phi(noise))."""
        return torch.special.log_ndtr(noise) - torch.special.log_ndtr(-noise)


@final
class DiscretisedNormal(LocatedOnLattice):
    r"""The mass that a normal density gives to the bin around each lattice point.

    .. math:: P(v) = \Phi(b) - \Phi(a), \quad a, b = (v \mp step / 2 - loc) / scale

    Its tails are lighter than the logistic's: the likelihood of a rounded measurement with normal noise.

    Arguments:
        loc: centre of the normal density, shape (*batch, *event).
        scale: its standard deviation, broadcasts to `loc`.
        low, high: first and last lattice point, broadcast to the event; either may be infinite.
        step: distance of lattice points, broadcasts to the event.
        event_dims: how many of the last axes are the event.
        origin: see `OnLattice`; needed on a lattice without a lowest point.

    >>> low, high, step = torch.tensor([-2.0, 2.0, 1.0])
    >>> d = DiscretisedNormal(torch.zeros(1), torch.ones(1), low, high, step)
    >>> torch.stack([d.log_prob(torch.tensor([v])) for v in (-2., -1., 0., 1., 2.)]).exp().sum().round(decimals=5)
    tensor(1.)
    """

    def cells(self, value: Tensor) -> Tensor:
        """Log-mass of each cell, nats."""
        inverse = self.scale.reciprocal()
        centre = (value - self.loc) * inverse
        gap = (self.step * inverse).expand_as(centre)
        above, below = self.ends(value)
        half = 0.5 * gap
        edge = torch.where(above > 0, log_ndtr(half - centre), log_ndtr(centre + half))
        # A lattice of one point: its bin is everything. What is no number has no bin.
        edge = torch.where(above + below > 0, edge, 0.0 * value)
        return torch.where(above * below > 0, _normal_bin(centre, gap), edge)

    @staticmethod
    def integral(far: Tensor) -> Tensor:
        """far Phi(far) + phi(far)."""
        return far * torch.special.ndtr(far) + (-0.5 * far.square() - _HALF_LOG_2PI).exp()

    @staticmethod
    def quantile(noise: Tensor) -> Tensor:
        """The noise itself."""
        return noise


def _normal_bin(centre: Tensor, gap: Tensor) -> Tensor:
    """log(Phi(centre + gap / 2) - Phi(centre - gap / 2)) without cancellation, nats."""
    far, half = centre.abs(), 0.5 * gap
    near = (far - half).clamp_min(0.0)  # the end that is nearer to the middle of the density
    # A bin around the middle: a sum of two positive masses.
    middle = 0.5 * (torch.erf((half + far) * _ROOT_HALF) + torch.erf((half - far) * _ROOT_HALF))
    # A bin beside it on which the density falls by a factor of e^fall; both factors relative to exp(-near^2 / 2).
    fall = gap * far
    steep = 0.5 * (
        torch.special.erfcx(near * _ROOT_HALF)
        - (-fall).exp() * torch.special.erfcx((near + gap) * _ROOT_HALF)
    )
    # Where it hardly falls that is a difference of nearly equal numbers, and the integral is easy.
    nodes, weights = legendre(7, gap)
    along = gap.clamp_max(2.0).unsqueeze(-1) * nodes
    flat = gap * ((-(near.unsqueeze(-1) + 0.5 * along) * along - _HALF_LOG_2PI).exp() @ weights)
    inner = torch.where(far < half, middle, torch.where(fall < 1.0, flat, steep))
    return inner.log() - 0.5 * near.square()
