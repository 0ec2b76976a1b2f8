"""Ordered levels: 0, 1, ..., K - 1, of which only the order means anything."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import Cellwise
from anyvae.distributions.discretised import logistic_bin

__all__ = ["Ordinal"]


@final
class Ordinal(Cellwise):
    r"""Independent features on K ordered levels: a logistic variable cut at K - 1 points.

    .. math:: P(v_i \le k) = \sigma(cut_{i,k} - loc_i)

    Source: Regression models for ordinal data (McCullagh, 1980).

    Arguments:
        loc: centres, shape (*batch, *event).
        cuts: increasing along the last axis, shape (*event, K - 1), or with batch axes before.
        event_dims: how many of the last axes of `loc` are the event.

    >>> Ordinal(torch.zeros(1), torch.tensor([[-1.0, 1.0]])).log_prob(torch.tensor([1.0])).exp()
    tensor(0.4621)
    """

    def __init__(self, loc: Tensor, cuts: Tensor, event_dims: int = 1) -> None:
        cut = loc.dim() - event_dims
        super().__init__(loc.shape[:cut], loc.shape[cut:])
        self.loc = loc
        self.cuts = cuts

    @property
    def levels(self) -> int:
        """K."""
        return self.cuts.shape[-1] + 1

    @property
    def support(self) -> Any:
        """0, ..., K - 1."""
        return constraints.integer_interval(0, self.levels - 1)

    @property
    def mean(self) -> Tensor:
        """Of the level's number: the sum of P(v > k)."""
        return self._beyond().sum(-1)

    @property
    def variance(self) -> Tensor:
        """Of the level's number."""
        beyond = self._beyond()
        order = torch.arange(self.levels - 1, dtype=beyond.dtype, device=beyond.device)
        return ((2.0 * order + 1.0) * beyond).sum(-1) - beyond.sum(-1).square()

    def cells(self, value: Tensor) -> Tensor:
        """Log-mass of each feature, nats; -inf where the value is no level."""
        last = self.levels - 1
        inside = (value >= 0) & (value <= last) & (value == value.round())
        level = torch.where(inside, value, torch.zeros_like(value)).long()
        shape = torch.broadcast_shapes(level.shape, self.loc.shape)
        level = level.expand(shape)
        cuts = self.cuts.expand(*shape, last)
        upper = cuts.gather(-1, level.clamp_max(last - 1).unsqueeze(-1)).squeeze(-1)
        lower = cuts.gather(-1, (level - 1).clamp_min(0).unsqueeze(-1)).squeeze(-1)
        above, below = level > 0, level < last
        gap = torch.where(above & below, upper - lower, torch.ones_like(upper))
        dtype = self.loc.dtype
        mass = logistic_bin(lower - self.loc, upper - self.loc, gap, above.to(dtype), below.to(dtype))
        return torch.where(inside, mass, -torch.inf)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The number of cuts below loc + logit(Phi(noise))."""
        place = self.loc + torch.special.log_ndtr(noise) - torch.special.log_ndtr(-noise)
        return (self.cuts < place.unsqueeze(-1)).sum(-1).to(self.loc.dtype)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Ordinal:
        """The same distribution with other batch axes."""
        return Ordinal(
            self.loc.expand(torch.Size(batch_shape) + self._event_shape), self.cuts, self.event_dims
        )

    def _beyond(self) -> Tensor:
        """P(v > k), shape (*batch, *event, K - 1)."""
        return (self.loc.unsqueeze(-1) - self.cuts).sigmoid()

    def _like(self) -> Tensor:
        return self.loc
