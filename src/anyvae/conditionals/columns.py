"""A product of families over the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.family import Family
from anyvae.distributions import Cellwise

__all__ = ["Columns"]


@final
class Columns(Family):
    r"""Blocks of one row vector, each with a family of its own, independent given the parents.

    .. math:: p(v) = \prod_b p_b(v_{slice_b})

    One network gives the parameters of all blocks. Columns of one kind belong in one block: thirty real
    columns as one family cost a seventh of thirty families.

    Arguments:
        parts: families over vectors.
        order: place in the row of every cell, part by part, where the cells of a part do not stand together or
            the parts stand in another order; None where they follow each other.

    Raises:
        ValueError: when there is no part, one is not a vector, or the order is no permutation of the cells.

    >>> from anyvae.conditionals import Bernoulli, Normal
    >>> Columns([Normal(3), Bernoulli(2)]).event_shape
    torch.Size([5])
    >>> Columns([Normal(2), Bernoulli(1)], order=[0, 2, 1]).constants["order"]
    tensor([0, 2, 1])
    """

    def __init__(self, parts: Sequence[Family], order: Sequence[int] | None = None) -> None:
        if not parts or any(len(part.event_shape) != 1 for part in parts):
            raise ValueError(f"Columns got {list(parts)}; wanted one or more families over vectors.")
        super().__init__(sum(part.event_shape[0] for part in parts))
        self.parts = tuple(parts)
        width = self.event_shape[0]
        if order is not None and sorted(order) != list(range(width)):
            raise ValueError(
                f"Columns got the order {list(order)}; wanted every place from 0 to {width - 1} once."
            )
        self.order = None if order is None or list(order) == list(range(width)) else tuple(order)

    def __repr__(self) -> str:
        return f"Columns({list(self.parts)})"

    @property
    def params(self) -> dict[str, Size]:
        """The parameters of all parts, named by their place."""
        return {f"{i}_{key}": size for i, part in enumerate(self.parts) for key, size in part.params.items()}

    @property
    def free(self) -> frozenset[str]:
        """The free parameters of all parts."""
        return frozenset(f"{i}_{key}" for i, part in enumerate(self.parts) for key in part.free)

    @property
    def constants(self) -> dict[str, Tensor]:
        """The constants of all parts."""
        found = {
            f"{i}_{key}": value for i, part in enumerate(self.parts) for key, value in part.constants.items()
        }
        if self.order is not None:
            order = torch.tensor(self.order)
            found |= {"order": order, "places": order.argsort()}
        return found

    @property
    def tellers(self) -> tuple[int, ...] | None:
        """Those of all parts."""
        if all(part.tellers is None for part in self.parts):
            return None
        found: list[int] = []
        first = 0
        for part in self.parts:
            [width] = part.event_shape
            found += [first + cell for cell in (range(width) if part.tellers is None else part.tellers)]
            first += width
        return tuple(sorted(found if self.order is None else (self.order[cell] for cell in found)))

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.Columns:
        """See `Family.__call__`."""
        parts: list[Cellwise] = []
        for i, part in enumerate(self.parts):
            own = {key: params[f"{i}_{key}"] for key in part.params}
            fixed = {key: constants[f"{i}_{key}"] for key in part.constants}
            distribution = part(own, fixed, learning=learning)
            assert isinstance(distribution, Cellwise)
            parts.append(distribution)
        return distributions.Columns(parts, constants.get("order"), constants.get("places"))

    def check(self, name: str, value: Tensor) -> None:
        """Check every block."""
        cells = value if self.order is None else value[..., list(self.order)]
        blocks = cells.split([part.event_shape[0] for part in self.parts], -1)
        for i, (part, block) in enumerate(zip(self.parts, blocks, strict=True)):
            part.check(f"{name}[{i}]", block)
