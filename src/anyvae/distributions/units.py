"""Densities of an encoded value in the units of the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from anyvae.distributions.cells import Cellwise, sum_event

__all__ = ["InUnits", "LogUnit"]


@final
@dataclass(frozen=True)
class LogUnit:
    r"""Log of one encoded unit in input units, an affine function of the encoded value u of the cell.

    .. math:: \log \frac{dx}{du} = constant + slope \, u

    A shifted and scaled value has slope 0. Where u = (log x - m) / s, x = e^{s u + m} and the constant is
    m + log s, the slope s.

    Arguments:
        constant: shape event_shape, or anything that broadcasts to it, nats.
        slope: likewise; None where every cell has slope 0.

    >>> LogUnit(torch.zeros(2)).slope is None
    True
    """

    constant: Tensor
    slope: Tensor | None = None


@final
class InUnits(Cellwise):
    r"""A distribution over an encoded value u of x whose log-density is that of x.

    .. math:: \log p(x) = \log p(u) - \sum_i (log\_unit_i + slope_i \, u_i)

    The sum is over cells with a density: a probability, see `Cellwise.masses`, is the same in every unit.

    Arguments:
        base: distribution of u.
        log_unit: log of one encoded unit in input units, per cell, shape event_shape; of u = 0 where there is
            a slope.
        total: its sum, shape (); given so that it is summed once and not at every step.
        slope: what it grows by with u, shape event_shape; see `LogUnit`.
    """

    def __init__(self, base: Cellwise, log_unit: Tensor, total: Tensor, slope: Tensor | None = None) -> None:
        super().__init__(base.batch_shape, base.event_shape)
        self.base = base
        self.log_unit = log_unit
        self.total = total
        self.slope = slope

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

    @property
    def has_masses(self) -> bool:
        """As the base has."""
        return self.base.has_masses

    def log_moment(self, a: Tensor) -> Tensor:
        """Of u."""
        return self.base.log_moment(a)

    def masses(self, value: Tensor) -> Tensor | None:
        """As the base has."""
        return self.base.masses(value)

    def settled(self) -> Cellwise:
        """See `Cellwise.settled`."""
        base = self.base.settled()
        return self if base is self.base else self._of(base)

    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each cell in input units, nats."""
        return self.base.cells(value) - self._units(value, self.base.masses(value))

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of each row in input units, nats."""
        masses, scored = self.base.masses(value), self.base.log_prob(value)
        if masses is not None:
            return scored - sum_event(self._units(value, masses), self.event_dims)
        scored = scored - self.total
        return scored if self.slope is None else scored - sum_event(self.slope * value, self.event_dims)

    def given_log_prob(self, value: Tensor, mask: Tensor) -> Tensor:
        """Log-density of the given cells in input units, nats."""
        unit = self._units(value, self.base.masses(value))
        return self.base.given_log_prob(value, mask) - sum_event(unit * mask, self.event_dims)

    def _units(self, value: Tensor, masses: Tensor | None) -> Tensor:
        """Log of one encoded unit at every cell; of cells with a probability, 0."""
        unit = self.log_unit if self.slope is None else self.log_unit + self.slope * value
        return unit if masses is None else unit.masked_fill(masses, 0.0)

    def from_noise(self, noise: Tensor) -> Tensor:
        """A draw of u."""
        return self.base.from_noise(noise)

    def expand(self, batch_shape: Any, _instance: Any = None) -> InUnits:
        """The same distribution with other batch axes."""
        return self._of(self.base.expand(batch_shape))

    def _of(self, base: Cellwise) -> InUnits:
        return InUnits(base, self.log_unit, self.total, self.slope)

    def _like(self) -> Tensor:
        return self.base._like()
