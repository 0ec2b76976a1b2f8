"""Cells with several likely values: each a mixture of its own."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

from anyvae.distributions.cells import Cellwise

__all__ = ["CellMixture"]


@final
class CellMixture(Cellwise):
    r"""Independent features, each a mixture of K components of one kind.

    .. math:: \log p(v) = \sum_i \log \sum_k \operatorname{softmax}(logits_i)_k \, p_{ik}(v_i)

    `Mixture` chooses a component for the whole row; here every cell chooses for itself.

    Arguments:
        logits: of the weights, shape (*batch, *event, K).
        components: K distributions a feature, their event shape (*event, K).

    >>> from anyvae.distributions import Normal
    >>> pair = Normal(torch.tensor([[-3.0, 3.0]]), torch.ones(1, 2), event_dims=2)
    >>> p = CellMixture(torch.zeros(1, 2), pair)
    >>> p.event_shape, p.variance
    (torch.Size([1]), tensor([10.]))
    """

    def __init__(self, logits: Tensor, components: Cellwise) -> None:
        super().__init__(components.batch_shape, components.event_shape[:-1])
        self.logits = logits.log_softmax(-1)
        self.components = components

    @property
    def support(self) -> Any:
        """That of the components."""
        return self.components.support

    @property
    def noise_shape(self) -> torch.Size:
        """One number a feature for the component, then as many as a component needs."""
        own = self.components.noise_shape[len(self._event_shape) + 1 :].numel()
        return torch.Size((*self._event_shape, 1 + own))

    @property
    def mean(self) -> Tensor:
        """Weighted mean of the components, shape (*batch, *event)."""
        return (self.logits.exp() * self.components.mean).sum(-1)

    @property
    def variance(self) -> Tensor:
        """What the components have within, and what their means have between them."""
        between = (self.components.mean - self.mean.unsqueeze(-1)).square()
        return (self.logits.exp() * (self.components.variance + between)).sum(-1)

    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each feature, nats."""
        return (self.logits + self.components.cells(value.unsqueeze(-1))).logsumexp(-1)

    def from_noise(self, noise: Tensor) -> Tensor:
        """A draw of the component at quantile Phi(noise[0])."""
        place = torch.special.ndtr(noise[..., :1])
        chosen = (place > self.logits.exp().cumsum(-1)[..., :-1]).sum(-1, keepdim=True)
        count = self.logits.shape[-1]
        own = noise[..., None, 1:].expand(*noise.shape[:-1], count, noise.shape[-1] - 1)
        lead = noise.dim() - 1 - len(self._event_shape)
        drawn = self.components.from_noise(own.reshape(*noise.shape[:lead], *self.components.noise_shape))
        return drawn.gather(-1, chosen.expand(*drawn.shape[:-1], 1)).squeeze(-1)

    def expand(self, batch_shape: Any, _instance: Any = None) -> CellMixture:
        """The same distribution with other batch axes."""
        lead = torch.Size(batch_shape)
        logits = self.logits.expand(lead + self._event_shape + self.logits.shape[-1:])
        return CellMixture(logits, self.components.expand(lead))

    def _like(self) -> Tensor:
        return self.logits
