"""Several classes side by side, each one-hot: the categorical columns of a table in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, final

import torch
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.discrete import OneHot, gumbel

__all__ = ["OneHotColumns", "OneHotLayout"]


class OneHotLayout(NamedTuple):
    """Where the classes of each column stand.

    Arguments:
        column: of each cell, shape (width,).
        number: of each cell within its column, shape (width,).
        padded: the cells of each column, shape (columns, most classes); the first cell where there are fewer.
        beyond: where `padded` is filled up.
    """

    column: Tensor
    number: Tensor
    padded: Tensor
    beyond: Tensor

    @classmethod
    def of(cls, sizes: Sequence[int]) -> OneHotLayout:
        """The layout of columns of so many classes, side by side.

        >>> OneHotLayout.of([2, 3]).padded
        tensor([[0, 1, 0],
                [2, 3, 4]])
        """
        counts = torch.tensor(list(sizes))
        starts = counts.cumsum(0) - counts
        number = torch.cat([torch.arange(size) for size in sizes])
        along = torch.arange(int(counts.max()))
        beyond = along >= counts[:, None]
        padded = starts[:, None] + along.masked_fill(beyond, 0)
        return cls(torch.repeat_interleave(torch.arange(len(counts)), counts), number, padded, beyond)


@final
class OneHotColumns(OneHot):
    r"""Independent columns, each one of its own classes as a one-hot block.

    .. math:: \log p(v) = \sum_c \sum_k v_{ck} \log \operatorname{softmax}(logits_c)_k

    The same as `Columns` of `OneHotCategorical`, in a few operations for all columns together.

    Arguments:
        logits: unnormalised log-probabilities, column after column, shape (*batch, width).
        layout: where the columns stand.

    >>> p = OneHotColumns(torch.zeros(5), OneHotLayout.of([2, 3]))
    >>> p.log_prob(torch.tensor([0.0, 1.0, 1.0, 0.0, 0.0])).exp()
    tensor(0.1667)
    """

    support = constraints.boolean

    def __init__(self, logits: Tensor, layout: OneHotLayout) -> None:
        super().__init__(logits.shape[:-1], logits.shape[-1:])
        self.layout = layout
        total = self._padded(logits).logsumexp(-1)
        self.logits = logits - total.index_select(-1, layout.column)

    def from_noise(self, noise: Tensor) -> Tensor:
        """In each column the class with the largest logit + Gumbel number made from the noise."""
        best = self._padded(self.logits + gumbel(noise)).argmax(-1)
        return (best.index_select(-1, self.layout.column) == self.layout.number).to(self.logits.dtype)

    def expand(self, batch_shape: Any, _instance: Any = None) -> OneHotColumns:
        """The same distribution with other batch axes."""
        return OneHotColumns(self.logits.expand(torch.Size(batch_shape) + self._event_shape), self.layout)

    def _padded(self, cells: Tensor) -> Tensor:
        """The cells of each column, minus infinity where it has fewer than the others, (..., columns, most)."""
        padded, beyond = self.layout.padded, self.layout.beyond
        chosen = cells.index_select(-1, padded.flatten()).unflatten(-1, padded.shape)
        return chosen.masked_fill(beyond, -torch.inf)
