"""A logistic distribution seen through the bins of a lattice: grey levels, integers, prices in cents."""

from __future__ import annotations

from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import Cellwise

__all__ = ["DiscretisedLogistic"]


@final
class DiscretisedLogistic(Cellwise):
    r"""The mass that a logistic density gives to the bin around each lattice point.

    .. math:: P(v) = \sigma(b) - \sigma(a), \quad a, b = (v \mp step / 2 - loc) / scale

    The lowest bin reaches down to minus infinity and the highest up to infinity, so the masses of the
    points `low`, `low + step`, ..., `high` sum to one.

    Arguments:
        loc: centre of the logistic density, shape (*batch, *event).
        scale: its scale (standard deviation is 1.81 scale), broadcasts to `loc`.
        low, high: first and last lattice point, broadcast to the event.
        step: distance of lattice points, broadcasts to the event.
        event_dims: how many of the last axes are the event.

    >>> low, high, step = torch.tensor([-2.0, 2.0, 1.0])
    >>> d = DiscretisedLogistic(torch.zeros(1), torch.ones(1), low, high, step)
    >>> torch.stack([d.log_prob(torch.tensor([v])) for v in (-2., -1., 0., 1., 2.)]).exp().sum()
    tensor(1.)
    """

    support = constraints.real

    def __init__(
        self, loc: Tensor, scale: Tensor, low: Tensor, high: Tensor, step: Tensor, event_dims: int = 1
    ) -> None:
        cut = loc.dim() - event_dims
        super().__init__(loc.shape[:cut], loc.shape[cut:])
        self.loc = loc
        self.scale = scale
        self.low = low
        self.high = high
        self.step = step

    @property
    def mean(self) -> Tensor:
        r"""Mean of the logistic variable kept inside the lattice, shape (*batch, *event).

        .. math:: low + scale \, (\zeta((loc - low) / scale) - \zeta((loc - high) / scale)), \quad \zeta = softplus

        The mean over the lattice points is the midpoint rule for this integral: it differs by less than
        half a step, and by nothing that matters once the scale reaches a step.
        """
        above = F.softplus((self.loc - self.low) / self.scale, threshold=40.0)
        beyond = F.softplus((self.loc - self.high) / self.scale, threshold=40.0)
        return self.low + self.scale * (above - beyond)

    def cells(self, value: Tensor) -> Tensor:
        """Log-mass of each cell, nats."""
        inverse = self.scale.reciprocal()
        centre = (value - self.loc) * inverse
        half = 0.5 * self.step * inverse
        quarter = 0.25 * self.step
        # Masks of the data alone: small beside S draws of the parameters, and no branch costs a kernel each.
        above = (value > self.low + quarter).to(centre.dtype)
        below = (value < self.high - quarter).to(centre.dtype)
        # sigma(b) - sigma(a) = sigma(b) sigma(-a) (1 - exp(a - b)): no cancellation in either tail, and exact
        # for bins far narrower than the scale. The lowest bin lacks the factor of a, the highest that of b.
        width = torch.log(-torch.expm1(-2.0 * half))
        upper = F.softplus(-(centre + half), threshold=40.0)
        lower = F.softplus(centre - half, threshold=40.0)
        return (above * below) * width - below * upper - above * lower

    def from_noise(self, noise: Tensor) -> Tensor:
        """The lattice point nearest to loc + scale * logit(Phi(noise))."""
        logit = torch.special.log_ndtr(noise) - torch.special.log_ndtr(-noise)
        point = torch.round((self.loc + self.scale * logit - self.low) / self.step)
        value = self.low + self.step * point.clamp_min(0.0)
        return torch.minimum(value, self.high.expand_as(value))

    def expand(self, batch_shape: Any, _instance: Any = None) -> DiscretisedLogistic:
        """The same distribution with other batch axes."""
        loc = self.loc.expand(torch.Size(batch_shape) + self._event_shape)
        scale = self.scale.expand_as(self.loc).expand_as(loc)
        return DiscretisedLogistic(loc, scale, self.low, self.high, self.step, self.event_dims)

    def _like(self) -> Tensor:
        return self.loc
