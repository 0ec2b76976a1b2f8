"""Evenly spaced levels between -1 and 1."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Size, Tensor
from torch.distributions import constraints, register_kl

from anyvae.distributions.cells import Cellwise
from anyvae.distributions.codes import Quantised

__all__ = ["UniformLattice", "level_value"]


def level_value(number: Tensor, levels: Tensor) -> Tensor:
    """The place of level 0, 1, ..., levels - 1 between -1 and 1.

    >>> level_value(torch.arange(5), torch.tensor(5))
    tensor([-1.0000, -0.5000,  0.0000,  0.5000,  1.0000])
    """
    return (2.0 * number - (levels - 1)) / (levels - 1)


@final
class UniformLattice(Cellwise):
    r"""Independent features, each at one of `levels` evenly spaced values from -1 to 1, all equally likely.

    .. math:: \log p(v) = -\sum_i \log levels_i, \quad v_i \in \{-1, -1 + \tfrac{2}{levels_i - 1}, \ldots, 1\}

    Minus infinity off the lattice. Source: Finite Scalar Quantization (Mentzer et al., 2023).

    Arguments:
        levels: number of levels of each feature, whole numbers of at least 2, shape (*event).
        batch_shape: axes over rows.

    >>> UniformLattice(torch.tensor([2.0, 3.0])).log_prob(torch.tensor([[1.0, 0.0], [1.0, 0.5]])).exp()
    tensor([0.1667, 0.0000])
    """

    support = constraints.interval(-1.0, 1.0)

    def __init__(self, levels: Tensor, batch_shape: tuple[int, ...] = ()) -> None:
        super().__init__(Size(batch_shape), levels.shape)
        self.levels = levels

    @property
    def mean(self) -> Tensor:
        """Zeros."""
        return self.levels.new_zeros(()).expand(self._batch_shape + self._event_shape)

    @property
    def variance(self) -> Tensor:
        """(levels + 1) / (3 (levels - 1))."""
        return self.mean + (self.levels + 1.0) / (3.0 * (self.levels - 1.0))

    def cells(self, value: Tensor) -> Tensor:
        """-log levels on the lattice, minus infinity off it."""
        place = 0.5 * (value.detach() + 1.0) * (self.levels - 1.0)
        slack = 4.0 * torch.finfo(place.dtype).eps * self.levels
        near = (place - place.round()).abs() <= slack
        inside = (place >= -slack) & (place <= self.levels - 1.0 + slack)
        return torch.where(near & inside, -self.levels.log(), -math.inf)

    def entropy(self) -> Tensor:
        """Entropy of each row, nats."""
        return self.levels.log().sum().expand(self._batch_shape)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The level in whose share of [0, 1) Phi(noise) lies."""
        number = (torch.special.ndtr(noise) * self.levels).floor()
        return level_value(torch.minimum(number, self.levels - 1.0), self.levels)

    def expand(self, batch_shape: Any, _instance: Any = None) -> UniformLattice:
        """The same distribution with other batch axes."""
        return UniformLattice(self.levels, tuple(batch_shape))

    def _like(self) -> Tensor:
        return self.levels


@register_kl(Quantised, UniformLattice)
def _kl_lattice(q: Quantised, p: UniformLattice) -> Tensor:
    return p.entropy().expand(q.batch_shape)
