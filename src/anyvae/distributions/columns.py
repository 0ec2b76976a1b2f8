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
        parts: distributions over vectors.
        order: place in the row of every cell, part by part, whole numbers, shape (width,); None where the parts
            stand in the row one after the other.
        places: its inverse; needed with `order`.

    >>> from anyvae.distributions import Bernoulli, Normal
    >>> parts = [Normal(torch.zeros(2), torch.ones(2)), Bernoulli(torch.full((1,), 1e9))]
    >>> order = torch.tensor([0, 2, 1])
    >>> Columns(parts, order, order.argsort()).mean
    tensor([0., 1., 0.])
    """

    support = constraints.real

    def __init__(
        self, parts: Sequence[Cellwise], order: Tensor | None = None, places: Tensor | None = None
    ) -> None:
        width = sum(part.event_shape[0] for part in parts)
        super().__init__(parts[0].batch_shape, torch.Size((width,)))
        self.parts = tuple(parts)
        self.order = order
        self.places = places
        self._sizes = [part.event_shape[0] for part in parts]

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """Whether every part has."""
        return all(part.has_rsample for part in self.parts)

    @property
    def mean(self) -> Tensor:
        """The means of the cells, shape (*batch, width)."""
        return self._join([part.mean for part in self.parts])

    def settled(self) -> Cellwise:
        """See `Cellwise.settled`."""
        parts = [part.settled() for part in self.parts]
        same = all(found is part for found, part in zip(parts, self.parts, strict=True))
        return self if same else Columns(parts, self.order, self.places)

    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each cell, nats."""
        return self._join(
            [part.cells(block) for part, block in zip(self.parts, self.blocks(value), strict=True)]
        )

    @property
    def has_masses(self) -> bool:
        """Whether one of the parts has."""
        return any(part.has_masses for part in self.parts)

    def masses(self, value: Tensor) -> Tensor | None:
        """See `Cellwise.masses`."""
        # Most rows have none, and need not be taken apart.
        if not self.has_masses:
            return None
        blocks = self.blocks(value)
        found = [part.masses(block) for part, block in zip(self.parts, blocks, strict=True)]
        none = [torch.zeros_like(block, dtype=torch.bool) for block in blocks]
        return self._join([off if on is None else on for on, off in zip(found, none, strict=True)])

    def log_moment(self, a: Tensor) -> Tensor:
        """Of the parts that are asked for; 0 of the others, where a is 0."""
        blocks = zip(self.parts, self.blocks(a), strict=True)
        return self._join(
            [
                part.log_moment(block) if bool(block.any()) else torch.zeros_like(part.mean)
                for part, block in blocks
            ]
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of each row, nats."""
        if self.order is None:
            return self.cells(value).sum(-1)
        terms = [part.log_prob(block) for part, block in zip(self.parts, self.blocks(value), strict=True)]
        return sum(terms[1:], terms[0])

    def marginals(self, value: Tensor) -> Tensor:
        """Log-density of each cell by itself, nats."""
        blocks = zip(self.parts, self.blocks(value), strict=True)
        return self._join([part.marginals(block) for part, block in blocks])

    def given_log_prob(self, value: Tensor, mask: Tensor) -> Tensor:
        """Log-density of the given cells of each row, nats."""
        blocks = zip(self.parts, self.blocks(value), self.blocks(mask), strict=True)
        terms = [part.given_log_prob(block, given) for part, block, given in blocks]
        return sum(terms[1:], terms[0])

    @property
    def noise_shape(self) -> torch.Size:
        """The numbers of the parts in one line; a part may need more than one a feature."""
        return torch.Size((sum(part.noise_shape.numel() for part in self.parts),))

    def from_noise(self, noise: Tensor) -> Tensor:
        """The draws of the cells."""
        blocks = noise.split([part.noise_shape.numel() for part in self.parts], -1)
        draws = [
            part.from_noise(block.unflatten(-1, part.noise_shape))
            for part, block in zip(self.parts, blocks, strict=True)
        ]
        return self._join(draws)

    def blocks(self, value: Tensor) -> tuple[Tensor, ...]:
        """The cells of each part, shape (..., width of the part)."""
        return (value if self.order is None else value.index_select(-1, self.order)).split(self._sizes, -1)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Columns:
        """The same distribution with other batch axes."""
        return Columns([part.expand(batch_shape) for part in self.parts], self.order, self.places)

    def _join(self, blocks: Sequence[Tensor]) -> Tensor:
        joined = torch.cat(list(blocks), -1)
        return joined if self.places is None else joined.index_select(-1, self.places)

    def _like(self) -> Tensor:
        return self.parts[0]._like()
