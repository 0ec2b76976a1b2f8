"""Real cells with other tails and supports than the normal's: Laplace, log-normal, continuous Bernoulli."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import constraints, register_kl

from anyvae.distributions.cells import Cellwise, sum_event

__all__ = ["ContinuousBernoulli", "Laplace", "LogNormal"]

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
_LOG_2 = math.log(2.0)


@final
class Laplace(Cellwise):
    r"""Independent Laplace features.

    .. math:: \log p(v) = -\sum_i |v_i - loc_i| / scale_i + \log 2 scale_i

    Arguments:
        loc: centres, shape (*batch, *event).
        scale: mean absolute deviations, anything that broadcasts to `loc`.
        event_dims: how many of the last axes are the event.

    >>> Laplace(torch.zeros(1), torch.ones(1)).log_prob(torch.zeros(1)).exp()
    tensor(0.5000)
    """

    support = constraints.real
    has_rsample = True

    def __init__(self, loc: Tensor, scale: Tensor, event_dims: int = 1) -> None:
        cut = loc.dim() - event_dims
        super().__init__(loc.shape[:cut], loc.shape[cut:])
        self.loc = loc
        self.scale = scale

    @property
    def mean(self) -> Tensor:
        """`loc`."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """2 scale^2, of the shape of `loc`."""
        return (2.0 * self.scale.square()).expand_as(self.loc)

    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each feature, nats."""
        return -(value - self.loc).abs() / self.scale - (self.scale.log() + _LOG_2)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The Laplace quantile of Phi(noise), exact in both tails."""
        return self.loc - self.scale * noise.sign() * (torch.special.log_ndtr(-noise.abs()) + _LOG_2)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Laplace:
        """The same distribution with other batch axes."""
        loc = self.loc.expand(torch.Size(batch_shape) + self._event_shape)
        return Laplace(loc, self.scale.expand_as(self.loc).expand_as(loc), self.event_dims)

    def _like(self) -> Tensor:
        return self.loc


@final
class LogNormal(Cellwise):
    r"""Independent positive features whose logarithm is normal.

    .. math:: \log p(v) = \sum_i \log N(\log v_i; loc_i, scale_i^2) - \log v_i

    Arguments:
        loc, scale: of log v; `loc` of shape (*batch, *event), `scale` broadcasts to it.
        event_dims: how many of the last axes are the event.
    """

    support = constraints.positive
    has_rsample = True

    def __init__(self, loc: Tensor, scale: Tensor, event_dims: int = 1) -> None:
        cut = loc.dim() - event_dims
        super().__init__(loc.shape[:cut], loc.shape[cut:])
        self.loc = loc
        self.scale = scale

    @property
    def mean(self) -> Tensor:
        """exp(loc + scale^2 / 2)."""
        return (self.loc + 0.5 * self.scale.square()).exp()

    @property
    def variance(self) -> Tensor:
        """(exp(scale^2) - 1) mean^2."""
        return self.scale.square().expm1() * self.mean.square()

    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each feature, nats; -inf where the value is not positive."""
        inside = value > 0
        log = torch.where(inside, value, torch.ones_like(value)).log()
        density = -0.5 * ((log - self.loc) / self.scale).square() - (self.scale.log() + _HALF_LOG_2PI) - log
        return torch.where(inside, density, -torch.inf)

    def from_noise(self, noise: Tensor) -> Tensor:
        """exp(loc + scale * noise), kept between the smallest positive number of the type and the largest."""
        log = torch.addcmul(self.loc, self.scale, noise)
        # A scale of 60 draws beyond single precision, where a draw of 0 or infinity would have no density.
        kind = torch.finfo(log.dtype)
        return log.clamp(math.log(kind.tiny) + 1e-3, math.log(kind.max) - 1.0).exp()

    def expand(self, batch_shape: Any, _instance: Any = None) -> LogNormal:
        """The same distribution with other batch axes."""
        loc = self.loc.expand(torch.Size(batch_shape) + self._event_shape)
        return LogNormal(loc, self.scale.expand_as(self.loc).expand_as(loc), self.event_dims)

    def _like(self) -> Tensor:
        return self.loc


@final
class ContinuousBernoulli(Cellwise):
    r"""Independent features in [0, 1] with a density that is exponential in the value.

    .. math:: \log p(v) = \sum_i v_i \, logits_i - \log \int_0^1 e^{u \, logits_i} du

    The normaliser that a Bernoulli applied to grey values lacks.
    Source: The continuous Bernoulli (Loaiza-Ganem and Cunningham, 2019).

    Arguments:
        logits: tilt of the density, shape (*batch, *event); 0 is the uniform one.
        event_dims: how many of the last axes are the event.

    >>> ContinuousBernoulli(torch.zeros(1)).log_prob(torch.tensor([0.3]))
    tensor(0.)
    """

    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, logits: Tensor, event_dims: int = 1) -> None:
        cut = logits.dim() - event_dims
        super().__init__(logits.shape[:cut], logits.shape[cut:])
        self.logits = logits

    @property
    def mean(self) -> Tensor:
        """1 / (1 - exp(-logits)) - 1 / logits."""
        small, safe = self._apart(0.1)
        series = 0.5 + self.logits / 12.0 - self.logits**3 / 720.0 + self.logits**5 / 30240.0
        # The mean at |logits|, mirrored for negative ones: nothing overflows, in the gradient either.
        far = -1.0 / torch.expm1(-safe.abs()) - 1.0 / safe.abs()
        return torch.where(small, series, torch.where(safe > 0, far, 1.0 - far))

    @property
    def variance(self) -> Tensor:
        """1 / logits^2 - 1 / (4 sinh^2(logits / 2))."""
        small, safe = self._apart(0.1)
        square = self.logits.square()
        tail = (-safe.abs()).exp() / torch.expm1(-safe.abs()).square()
        return torch.where(
            small, 1.0 / 12.0 - square / 240.0 + square.square() / 6048.0, safe.square().reciprocal() - tail
        )

    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each feature, nats; -inf outside [0, 1]."""
        small, safe = self._apart(0.02)
        size = safe.abs()
        # log sinh(l/2) / (l/2), by its series near 0 and without overflow far out.
        far = 0.5 * size + torch.log(-torch.expm1(-size)) - size.log()
        near = self.logits.square() / 24.0 - self.logits.square().square() / 2880.0
        density = (value - 0.5) * self.logits - torch.where(small, near, far)
        return torch.where((value >= 0) & (value <= 1), density, -torch.inf)

    def from_noise(self, noise: Tensor) -> Tensor:
        """log(1 - u + u exp(logits)) / logits at u = Phi(noise)."""
        # In double precision: of small logits the quotient has few digits, and its gradient none.
        small, safe = self._apart(1e-3)
        logits, safe, exact = self.logits.double(), safe.double(), noise.double()
        below = torch.special.ndtr(exact)
        mixed = torch.logaddexp(torch.special.log_ndtr(-exact), torch.special.log_ndtr(exact) + safe)
        slope = 0.5 * below * (1.0 - below)
        near = below + logits * slope * (1.0 + logits * (1.0 - 2.0 * below) / 3.0)
        return torch.where(small, near, mixed / safe).clamp(0.0, 1.0).to(self.logits.dtype)

    def expand(self, batch_shape: Any, _instance: Any = None) -> ContinuousBernoulli:
        """The same distribution with other batch axes."""
        logits = self.logits.expand(torch.Size(batch_shape) + self._event_shape)
        return ContinuousBernoulli(logits, self.event_dims)

    def _apart(self, width: float) -> tuple[Tensor, Tensor]:
        """Where a series takes over, and logits that are safe to divide by everywhere."""
        small = self.logits.abs() < width
        return small, torch.where(small, torch.ones_like(self.logits), self.logits)

    def _like(self) -> Tensor:
        return self.logits


@register_kl(Laplace, Laplace)
def _kl_laplace(q: Laplace, p: Laplace) -> Tensor:
    shift = (q.loc - p.loc).abs()
    inner = p.scale.log() - q.scale.log() + (q.scale * (-shift / q.scale).exp() + shift) / p.scale - 1.0
    return sum_event(inner, q.event_dims)
