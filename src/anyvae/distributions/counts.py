"""Counts: 0, 1, 2, ..."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import Cellwise

__all__ = ["Poisson"]


@final
class Poisson(Cellwise):
    r"""Independent counts with mean exp(log_rate).

    .. math:: \log p(v) = \sum_i v_i \, log\_rate_i - e^{log\_rate_i} - \log v_i!

    Arguments:
        log_rate: shape (*batch, *event).
        event_dims: how many of the last axes are the event.

    >>> Poisson(torch.zeros(1)).log_prob(torch.tensor([1.0]))
    tensor(-1.)
    """

    support = constraints.nonnegative_integer

    def __init__(self, log_rate: Tensor, event_dims: int = 1) -> None:
        cut = log_rate.dim() - event_dims
        super().__init__(log_rate.shape[:cut], log_rate.shape[cut:])
        self.log_rate = log_rate

    @property
    def mean(self) -> Tensor:
        """exp(log_rate)."""
        return self.log_rate.exp()

    @property
    def variance(self) -> Tensor:
        """exp(log_rate)."""
        return self.mean

    def cells(self, value: Tensor) -> Tensor:
        """Log-mass of each feature, nats; -inf where the value is no count."""
        inside = (value >= 0) & (value == value.round()) & (value < torch.inf)
        count = torch.where(inside, value, torch.zeros_like(value))
        # In double precision: of many counts the three nearly cancel.
        many, log_rate = count.double(), self.log_rate.double()
        mass = (many * log_rate - log_rate.exp() - torch.lgamma(many + 1.0)).to(self.log_rate.dtype)
        return torch.where(inside, mass, -torch.inf)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The smallest count k with P(v > k) <= Phi(-noise), by bisection."""
        rate, tail = torch.broadcast_tensors(self.mean.double(), torch.special.ndtr(-noise.double()))
        low = torch.full_like(rate, -1.0)
        # Twelve standard deviations and thirty counts above the mean: beyond any noise that is drawn.
        high = (rate + 12.0 * rate.sqrt() + 30.0).ceil()
        while True:
            middle = ((low + high) / 2.0).floor()
            # Beyond 2^53 neighbours are more than one apart, and the middle of two is one of them.
            if not bool(((middle > low) & (middle < high)).any()):
                break
            enough = torch.special.gammainc(middle + 1.0, rate) <= tail
            high = torch.where(enough, middle, high)
            low = torch.where(enough, low, middle)
        return high.to(self.log_rate.dtype)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Poisson:
        """The same distribution with other batch axes."""
        return Poisson(self.log_rate.expand(torch.Size(batch_shape) + self._event_shape), self.event_dims)

    def _like(self) -> Tensor:
        return self.log_rate
