"""All mass at one point."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import FromNoise

__all__ = ["Delta"]


@final
class Delta(FromNoise):
    r"""A value that is certain; every draw is `value`, and there is no density.

    Arguments:
        value: shape (*batch, *event).
        event_dims: how many of the last axes are the event.

    >>> Delta(torch.ones(2, 3)).sample().shape
    torch.Size([2, 3])
    """

    support = constraints.real
    has_rsample = True

    def __init__(self, value: Tensor, event_dims: int = 1) -> None:
        cut = value.dim() - event_dims
        super().__init__(value.shape[:cut], value.shape[cut:])
        self.value = value

    @property
    def noise_shape(self) -> torch.Size:
        """No noise is needed."""
        return torch.Size((0,))

    @property
    def mean(self) -> Tensor:
        """`value`."""
        return self.value

    @property
    def variance(self) -> Tensor:
        """Zero."""
        return torch.zeros_like(self.value)

    def log_prob(self, value: Tensor) -> Tensor:
        """There is none.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(
            "a deterministic variable has no density, so no KL and no bound; use an objective that needs none, "
            "such as LogLikelihood() - 10.0 * MMD('z'), or a posterior with noise."
        )

    def from_noise(self, noise: Tensor) -> Tensor:
        """`value`, for every draw."""
        lead = noise.shape[: noise.dim() - 1]
        return self.value.expand(torch.broadcast_shapes(lead, self._batch_shape) + self._event_shape)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Delta:
        """The same distribution with other batch axes."""
        return Delta(self.value.expand(torch.Size(batch_shape) + self._event_shape), self.event_dims)

    def _like(self) -> Tensor:
        return self.value
