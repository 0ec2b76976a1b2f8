"""Noise pushed through a function: draws without a density."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import FromNoise

__all__ = ["Pushed"]

_MOMENT_DRAWS = 64


@final
class Pushed(FromNoise):
    r"""v = push(noise); draws and their gradients, no density.

    Arguments:
        push: from noise (..., *batch_shape, *noise_shape) to values (..., *batch_shape, *event_shape).
        batch_shape, event_shape, noise_shape: of rows, values and noise.
        like: a tensor whose dtype and device the noise takes.

    >>> Pushed(torch.sin, torch.Size([4]), torch.Size([2]), torch.Size([2]), torch.zeros(())).sample().shape
    torch.Size([4, 2])
    """

    support = constraints.real
    has_rsample = True

    def __init__(
        self,
        push: Callable[[Tensor], Tensor],
        batch_shape: torch.Size,
        event_shape: torch.Size,
        noise_shape: torch.Size,
        like: Tensor,
    ) -> None:
        super().__init__(batch_shape, event_shape)
        self._push = push
        self._noise_shape = noise_shape
        self._type = like

    @property
    def noise_shape(self) -> torch.Size:
        """Of the noise of one draw."""
        return self._noise_shape

    @property
    def mean(self) -> Tensor:
        """Mean over 64 fixed draws, in mirrored pairs of noise: there is no formula."""
        return self.from_noise(self._fixed()).mean(0)

    @property
    def variance(self) -> Tensor:
        """Variance over the draws of `mean`."""
        return self.from_noise(self._fixed()).var(0, unbiased=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """There is none.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(
            "an implicit posterior has draws but no density, so no KL and no bound; a critic estimates the KL: "
            "LogLikelihood() - CriticKL(critic)."
        )

    def from_noise(self, noise: Tensor) -> Tensor:
        """push(noise)."""
        return self._push(noise)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Pushed:
        """The same distribution with other batch axes."""
        return Pushed(self._push, torch.Size(batch_shape), self._event_shape, self._noise_shape, self._type)

    def _fixed(self) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        shape = (_MOMENT_DRAWS // 2, *(1,) * len(self._batch_shape), *self._noise_shape)
        half = torch.randn(shape, generator=generator, dtype=torch.float64).to(self._type)
        both = torch.cat([half, -half])
        return both.expand(_MOMENT_DRAWS, *self._batch_shape, *self._noise_shape)

    def _like(self) -> Tensor:
        return self._type
