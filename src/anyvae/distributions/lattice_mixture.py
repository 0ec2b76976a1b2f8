"""A mixture of logistic densities seen through the bins of a lattice: pixels with several likely values."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

from anyvae.distributions.discretised import DiscretisedLogistic, OnLattice, between, logistic_bin

__all__ = ["DiscretisedLogisticMixture"]


@final
class DiscretisedLogisticMixture(OnLattice):
    r"""The mass that a mixture of K logistic densities gives to the bin around each lattice point.

    .. math:: P(v_i) = \sum_k \operatorname{softmax}(logits_i)_k \, (\sigma(b_{ik}) - \sigma(a_{ik})),
              \quad a_{ik}, b_{ik} = (v_i \mp step / 2 - loc_{ik}) / scale_{ik}

    Each feature has a mixture of its own. The lowest and the highest bin take the tails.
    Source: PixelCNN++ (Salimans et al., 2017), without the dependence between colours.

    Arguments:
        logits: of the weights, shape (*batch, *event, K).
        loc: centres, shape (*batch, *event, K).
        scale: broadcasts to `loc`.
        low, high: first and last lattice point, broadcast to the event; either may be infinite.
        step: distance of lattice points, broadcasts to the event.
        event_dims: how many axes before the last are the event.
        origin: see `OnLattice`; needed on a lattice without a lowest point.

    >>> low, high, step = torch.tensor([0.0, 2.0, 1.0])
    >>> loc = torch.tensor([[0.0, 2.0]])
    >>> d = DiscretisedLogisticMixture(torch.zeros(1, 2), loc, torch.ones(1, 2), low, high, step)
    >>> torch.stack([d.log_prob(torch.tensor([v])) for v in (0., 1., 2.)]).exp().sum()
    tensor(1.)
    """

    def __init__(
        self,
        logits: Tensor,
        loc: Tensor,
        scale: Tensor,
        low: Tensor,
        high: Tensor,
        step: Tensor,
        event_dims: int = 1,
        origin: Tensor | None = None,
    ) -> None:
        cut = loc.dim() - 1 - event_dims
        super().__init__(loc.shape[:cut], loc.shape[cut:-1], low, high, step, origin)
        self.logits = logits.log_softmax(-1)
        self.loc = loc
        self.scale = scale

    @property
    def mean(self) -> Tensor:
        """Weighted mean of the components, each kept inside the lattice; see `DiscretisedLogistic.mean`."""
        low, high = self.low.unsqueeze(-1), self.high.unsqueeze(-1)
        means = between(DiscretisedLogistic.integral, self.loc, self.scale, low, high)
        return (self.logits.exp() * means).sum(-1)

    def cells(self, value: Tensor) -> Tensor:
        """Log-mass of each cell, nats."""
        inverse = self.scale.reciprocal()
        centre = (value.unsqueeze(-1) - self.loc) * inverse
        gap = self.step.unsqueeze(-1) * inverse
        above, below = (end.unsqueeze(-1) for end in self.ends(value))
        half = 0.5 * gap
        inside = logistic_bin(centre - half, centre + half, gap, above, below)
        return (self.logits + inside).logsumexp(-1)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The first lattice point up to which the masses reach Phi(noise), by bisection."""
        noise, centre = noise.double(), self.loc.double()
        weight, scale = self.logits.double().exp(), self.scale.double()
        origin, step = self.origin.double().unsqueeze(-1), self.step.double().unsqueeze(-1)
        tail = torch.special.ndtr(-noise.abs())
        # The quantile of a mixture lies between those of its components.
        reached = centre + scale * DiscretisedLogistic.quantile(noise).unsqueeze(-1)
        reached = (reached - origin) / step
        lowest, highest = (
            torch.round((end.double() - self.origin.double()) / self.step.double())
            for end in (self.low, self.high)
        )
        first = torch.maximum((reached.amin(-1) - 1.5).floor(), lowest - 1.0)
        last = torch.minimum((reached.amax(-1) + 1.5).ceil(), highest)
        # Components may lie beyond an end, whose point takes all.
        first, last = torch.minimum(first, highest - 1.0), torch.maximum(last, lowest)
        while bool((last - first > 1.0).any()):
            middle = ((first + last) / 2.0).floor()
            far = (origin + step * (middle.unsqueeze(-1) + 0.5) - centre) / scale
            # The smaller of the two tails is compared: the other one has no digits left.
            up_to, beyond = (weight * far.sigmoid()).sum(-1), (weight * (-far).sigmoid()).sum(-1)
            enough = torch.where(noise < 0, up_to >= tail, beyond <= tail)
            last, first = torch.where(enough, middle, last), torch.where(enough, first, middle)
        return self.point(last.to(self.loc.dtype))

    def expand(self, batch_shape: Any, _instance: Any = None) -> DiscretisedLogisticMixture:
        """The same distribution with other batch axes."""
        shape = torch.Size(batch_shape) + self._event_shape + self.loc.shape[-1:]
        return DiscretisedLogisticMixture(
            self.logits.expand(shape),
            self.loc.expand(shape),
            self.scale.expand_as(self.loc).expand(shape),
            self.low,
            self.high,
            self.step,
            self.event_dims,
            self.origin,
        )

    def _like(self) -> Tensor:
        return self.loc
