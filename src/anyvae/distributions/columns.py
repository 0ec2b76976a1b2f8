"""A product of distributions over the columns of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import Cellwise

__all__ = ["Columns"]


@final
class Columns(Cellwise):
    r"""Independent blocks of one row vector, each with a distribution of its own.

    .. math:: \log p(v) = \sum_b \log p_b(v_{slice_b})

    Arguments:
        parts: distributions over vectors, in the order in which they stand in the row.
    """

    support = constraints.real

    def __init__(self, parts: Sequence[Cellwise]) -> None:
        width = sum(part.event_shape[0] for part in parts)
        super().__init__(parts[0].batch_shape, torch.Size((width,)))
        self.parts = tuple(parts)
        self._sizes = [part.event_shape[0] for part in parts]

    @property
    def mean(self) -> Tensor:
        """The means of the blocks side by side, shape (*batch, width)."""
        return torch.cat([part.mean for part in self.parts], -1)

    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each cell, nats."""
        blocks = value.split(self._sizes, -1)
        return torch.cat([part.cells(block) for part, block in zip(self.parts, blocks, strict=True)], -1)

    def marginals(self, value: Tensor) -> Tensor:
        """Log-density of each cell by itself, nats."""
        blocks = zip(self.parts, value.split(self._sizes, -1), strict=True)
        return torch.cat([part.marginals(block) for part, block in blocks], -1)

    def given_log_prob(self, value: Tensor, mask: Tensor) -> Tensor:
        """Log-density of the given cells of each row, nats."""
        blocks = zip(self.parts, value.split(self._sizes, -1), mask.split(self._sizes, -1), strict=True)
        terms = [part.given_log_prob(block, given) for part, block, given in blocks]
        return sum(terms[1:], terms[0])

    @property
    def noise_shape(self) -> torch.Size:
        """The numbers of the parts in one line; a part may need more than one a feature."""
        return torch.Size((sum(part.noise_shape.numel() for part in self.parts),))

    def from_noise(self, noise: Tensor) -> Tensor:
        """The draws of the blocks side by side."""
        blocks = noise.split([part.noise_shape.numel() for part in self.parts], -1)
        draws = [
            part.from_noise(block.unflatten(-1, part.noise_shape))
            for part, block in zip(self.parts, blocks, strict=True)
        ]
        return torch.cat(draws, -1)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Columns:
        """The same distribution with other batch axes."""
        return Columns([part.expand(batch_shape) for part in self.parts])

    def _like(self) -> Tensor:
        return self.parts[0]._like()
