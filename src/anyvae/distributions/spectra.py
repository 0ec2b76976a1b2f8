"""Complex normal cells: the coefficients of spectra."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import Cellwise

__all__ = ["ComplexNormal"]

_HALF_LOG_PI = 0.5 * math.log(math.pi)


@final
class ComplexNormal(Cellwise):
    r"""Independent complex cells, normal and alike in all directions around their mean.

    .. math:: \log p(v) = -\sum_i |v_i - loc_i|^2 / scale_i^2 + 2 \log scale_i + \log \pi

    A cell is stored as two real numbers, its real and imaginary part, along a last axis of length 2, as
    `torch.view_as_real` does. The two are independent normals of variance scale^2 / 2, so `cells` has one
    exact log-density for each; a mask that withholds a cell withholds both halves.

    With mean zero, -log p(v) is the Itakura-Saito divergence between the power of v and scale^2, up to
    numbers that do not depend on the scale.
    Source: A variance modeling framework based on variational autoencoders for speech enhancement
    (Leglaive, Girin and Horaud, 2018).

    Arguments:
        scale: root of the mean power E|v - loc|^2 of each cell, shape (*batch, *cells).
        loc: mean, shape (*batch, *cells, 2); zero unless given.
        event_dims: axes of the event, that of length 2 included.

    >>> p = ComplexNormal(torch.ones(3))
    >>> p.event_shape, p.log_prob(torch.zeros(3, 2)).exp() * math.pi**3
    (torch.Size([3, 2]), tensor(1.0000))
    """

    support = constraints.real
    has_rsample = True

    def __init__(self, scale: Tensor, loc: Tensor | None = None, event_dims: int = 2) -> None:
        shape = torch.Size((*scale.shape, 2))
        if loc is not None:
            shape = torch.broadcast_shapes(shape, loc.shape)
        cut = len(shape) - event_dims
        super().__init__(shape[:cut], shape[cut:])
        self.scale = scale
        self.loc = loc

    @property
    def mean(self) -> Tensor:
        """`loc`, or zeros, shape (*batch, *event)."""
        loc = self.scale.new_zeros(()) if self.loc is None else self.loc
        return loc.expand(self._batch_shape + self._event_shape)

    @property
    def variance(self) -> Tensor:
        """Of each real number, scale^2 / 2, shape (*batch, *event)."""
        return self._half_scale.square().expand(self._batch_shape + self._event_shape)

    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each real number, nats; the two of a cell sum to that of the complex number."""
        residual = value if self.loc is None else value - self.loc
        scale = self.scale.unsqueeze(-1)
        return -(residual / scale).square() - (scale.log() + _HALF_LOG_PI)

    def from_noise(self, noise: Tensor) -> Tensor:
        """loc + scale * noise / sqrt 2."""
        moved = self._half_scale * noise
        return moved if self.loc is None else self.loc + moved

    def entropy(self) -> Tensor:
        """Entropy of each row, nats."""
        each = (self.scale.log().unsqueeze(-1) + _HALF_LOG_PI + 0.5).expand(
            self._batch_shape + self._event_shape
        )
        return each.flatten(len(self._batch_shape)).sum(-1)

    def expand(self, batch_shape: Any, _instance: Any = None) -> ComplexNormal:
        """The same distribution with other batch axes."""
        shape = torch.Size(batch_shape) + self._event_shape
        loc = None if self.loc is None else self.loc.expand(shape)
        return ComplexNormal(self.scale.expand(shape[:-1]), loc, self.event_dims)

    @property
    def _half_scale(self) -> Tensor:
        return self.scale.unsqueeze(-1) * math.sqrt(0.5)

    def _like(self) -> Tensor:
        return self.scale
