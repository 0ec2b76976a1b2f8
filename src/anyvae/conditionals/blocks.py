"""A vector whose blocks are given different parents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.combinator import Combinator, trial
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.family import Family
from anyvae.distributions import Cellwise

__all__ = ["Blocks"]


@final
class Blocks(Combinator):
    r"""Blocks of one vector, independent given their parents, each with parents and a network of its own.

    .. math:: p(v \mid parents) = \prod_b p_b(v_{slice_b} \mid parents_b)

    `Columns` is the faster form where all blocks read the same.

    Arguments:
        blocks: conditionals (or, without parents, families) over vectors of independent features, in the order in
            which they stand in the row.

    Raises:
        ValueError: when a block is no vector of independent features.

    >>> from anyvae.conditionals import Bernoulli, Normal
    >>> from anyvae.networks import MLP
    >>> Blocks([Normal(3).given("z", net=MLP([8])), Bernoulli(2).given("y", net=MLP([8]))]).event_shape
    torch.Size([5])
    """

    def __init__(self, blocks: Sequence[Conditional | Family]) -> None:
        super().__init__(blocks)
        for index, part in enumerate(self._parts()):
            if len(part.event_shape) != 1:
                raise ValueError(
                    f"Blocks: block {index} has event shape {tuple(part.event_shape)}; wanted a vector."
                )
        self._sizes = [part.event_shape[0] for part in self._parts()]

    @property
    def event_shape(self) -> Size:
        """Shape of one row: the blocks side by side."""
        return Size((sum(part.event_shape[0] for part in self._parts()),))

    def join(
        self, name: str, generative: Mapping[str, Conditional], inference: Mapping[str, Conditional]
    ) -> None:
        """See `Conditional.join`."""
        super().join(name, generative, inference)
        for index, part in enumerate(self._parts()):
            found = trial(part, self._shapes, generative)
            if not isinstance(found, Cellwise):
                raise ValueError(
                    f"{name!r}: block {index} follows {type(found).__name__}, whose features are not independent; "
                    "make it a variable of its own."
                )

    def check(self, name: str, value: Tensor) -> None:
        """See `Conditional.check`; block by block."""
        for index, (part, block) in enumerate(zip(self._parts(), value.split(self._sizes, -1), strict=True)):
            part.check(f"{name}[{index}]", block)

    def forward(self, *parents: Any) -> distributions.Columns:
        """The blocks for given parents."""
        found = self.distributions_of_parts(parents)
        batch = torch.broadcast_shapes(*(part.batch_shape for part in found))
        # A block without parents has no axes of rows: it gets those of the others.
        return distributions.Columns(
            [part if part.batch_shape == batch else part.expand(batch) for part in found]  # type: ignore[misc]
        )

    def _same_variable(self) -> list[Conditional]:
        # No block is a distribution of the whole vector.
        return []
