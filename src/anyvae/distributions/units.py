"""Densities of an encoded value in the units of the input."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

from anyvae.distributions.cells import Cellwise, sum_event

__all__ = ["InUnits"]


@final
class InUnits(Cellwise):
    r"""A distribution over u = (x - mean) / unit whose log-density is that of x.

    .. math:: \log p(x) = \log p(u) - \sum_i \log unit_i

    Arguments:
        base: distribution of u.
        log_unit: log of one encoded unit in input units, per cell, shape event_shape.
        total: its sum, shape (); given so that it is summed once and not at every step.
    """

    def __init__(self, base: Cellwise, log_unit: Tensor, total: Tensor) -> None:
        super().__init__(base.batch_shape, base.event_shape)
        self.base = base
        self.log_unit = log_unit
        self.total = total

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """As the base has."""
        return bool(self.base.has_rsample)

    @property
    def support(self) -> Any:
        """As the base has."""
        return self.base.support

    @property
    def mean(self) -> Tensor:
        """Mean of u."""
        return self.base.mean

    @property
    def noise_shape(self) -> torch.Size:
        """As the base has."""
        return self.base.noise_shape

    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each cell in input units, nats."""
        return self.base.cells(value) - self.log_unit

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of each row in input units, nats."""
        return self.base.log_prob(value) - self.total

    def given_log_prob(self, value: Tensor, mask: Tensor) -> Tensor:
        """Log-density of the given cells in input units, nats."""
        return self.base.given_log_prob(value, mask) - sum_event(self.log_unit * mask, len(self._event_shape))

    def from_noise(self, noise: Tensor) -> Tensor:
        """A draw of u."""
        return self.base.from_noise(noise)

    def expand(self, batch_shape: Any, _instance: Any = None) -> InUnits:
        """The same distribution with other batch axes."""
        return InUnits(self.base.expand(batch_shape), self.log_unit, self.total)

    def _like(self) -> Tensor:
        return self.base._like()
