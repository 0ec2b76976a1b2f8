"""Cells whose distribution has a probability of its own at some values, and a density elsewhere."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor

from anyvae.distributions.cells import Cellwise

__all__ = ["PointMasses", "touching"]

# Values are kept in single precision, whatever a model computes in.
_SLACK = 4.0 * torch.finfo(torch.float32).eps


def touching(points: Tensor) -> Tensor:
    """Whether a value may lie on both of two points side by side, (k - 1,).

    Arguments:
        points: sorted, (k,).

    >>> touching(torch.tensor([0.0, 1e-7, 1.0]))
    tensor([ True, False])
    """
    places = points.float().double()
    reach = _reach(places)
    return places.diff() <= reach[1:] + reach[:-1]


@final
class PointMasses(Cellwise):
    r"""Independent features, each with a probability at every one of K points and a density at all other values.

    .. math:: \log p(v_i) = \begin{cases}
        \log \pi_{ik} & v_i = point_{ik} \\ \log \pi_{i0} + \log rest_i(v_i) & \text{else} \end{cases}, \qquad
        \pi_i = \operatorname{softmax}(logits_i)

    Zeros of a sum of money that is mostly not paid, a limit of an instrument, a few settings of a machine: values that
    come again have a probability, and under a density alone their likelihood would grow without end. `masses` tells
    which cells of a value lie on a point: their log-densities do not change with the unit.

    Source: the hurdle model (Cragg, 1971) with any number of hurdles.

    Arguments:
        logits: of the rest and then of the points, shape (*batch, *event, 1 + K).
        points: shape (*event, K); NaN where a feature has fewer.
        rest: of all other values.
        adds: whether the rest has a mass on every point too, as on a lattice, which adds to that of the point; else it
            has a density, and none.

    >>> from anyvae.distributions import Normal
    >>> p = PointMasses(torch.zeros(1, 2), torch.zeros(1, 1), Normal(torch.ones(1), torch.ones(1)))
    >>> p.log_prob(torch.zeros(1)).exp(), p.mean
    (tensor(0.5000), tensor([0.5000]))
    """

    def __init__(self, logits: Tensor, points: Tensor, rest: Cellwise, *, adds: bool = False) -> None:
        super().__init__(rest.batch_shape, rest.event_shape)
        absent = torch.nn.functional.pad(points.isnan(), (1, 0))
        self.logits = logits.masked_fill(absent, -math.inf).log_softmax(-1)
        self.points = points
        self.rest = rest
        self.adds = adds

    @property
    def support(self) -> Any:
        """That of the rest, which the points are of."""
        return self.rest.support

    @property
    def noise_shape(self) -> torch.Size:
        """One number a feature for the point or the rest, then as many as the rest needs."""
        own = self.rest.noise_shape[len(self._event_shape) :].numel()
        return torch.Size((*self._event_shape, 1 + own))

    @property
    def mean(self) -> Tensor:
        """Mean of the points and of the rest, shape (*batch, *event)."""
        return (self.logits.exp() * self._each(self.rest.mean)).sum(-1)

    @property
    def variance(self) -> Tensor:
        """What the rest has within, and what lies between the points and its mean."""
        between = (self._each(self.rest.mean) - self.mean.unsqueeze(-1)).square()
        within = self.logits[..., 0].exp() * self.rest.variance
        return (self.logits.exp() * between).sum(-1) + within

    @property
    def has_masses(self) -> bool:
        """Unless the rest has masses too."""
        return not self.adds

    def masses(self, value: Tensor) -> Tensor | None:
        """See `Cellwise.masses`; the cells that lie on a point, where others have a density."""
        return None if self.adds else self._on(value).any(-1)

    def cells(self, value: Tensor) -> Tensor:
        """Log-probability of each feature on a point, log-density of each other one, nats."""
        on = self._on(value)
        at_points = torch.where(on, self.logits[..., 1:], -math.inf).amax(-1)
        rest = self.logits[..., 0] + self.rest.cells(value)
        return torch.logaddexp(at_points, rest) if self.adds else torch.where(on.any(-1), at_points, rest)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The point at quantile Phi(noise[0]), or a draw of the rest."""
        place = torch.special.ndtr(noise[..., :1])
        # The rest stands first; divided, so that the sum is one at the last that has a probability.
        sums = self.logits.exp().cumsum(-1)
        chosen = (place > sums / sums[..., -1:]).sum(-1, keepdim=True)
        lead = noise.dim() - 1 - len(self._event_shape)
        own = noise[..., 1:].reshape(*noise.shape[:lead], *self.rest.noise_shape)
        return self._each(self.rest.from_noise(own)).gather(-1, chosen).squeeze(-1)

    def expand(self, batch_shape: Any, _instance: Any = None) -> PointMasses:
        """The same distribution with other batch axes."""
        lead = torch.Size(batch_shape)
        logits = self.logits.expand(lead + self._event_shape + self.logits.shape[-1:])
        return PointMasses(logits, self.points, self.rest.expand(lead), adds=self.adds)

    def _on(self, value: Tensor) -> Tensor:
        """Whether each value is each point, shape (..., *event, K); no value is NaN, and so none is a point there."""
        return (value.detach().unsqueeze(-1) - self.points).abs() <= _reach(self.points)

    def _each(self, rest: Tensor) -> Tensor:
        """A value of the rest and then the points, shape (*batch, *event, 1 + K)."""
        points = self.points.nan_to_num().expand(*rest.shape, self.points.shape[-1])
        return torch.cat([rest.unsqueeze(-1), points], -1)

    def _like(self) -> Tensor:
        return self.logits


def _reach(points: Tensor) -> Tensor:
    """How far from a point a value still is on it."""
    return _SLACK * points.abs().clamp_min(1.0)
