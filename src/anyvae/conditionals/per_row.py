"""Parameters of their own for every row of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, final

import torch
from torch import Size, Tensor, nn
from torch.distributions import Distribution

from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.family import Family
from anyvae.conditionals.parents import Parent

__all__ = ["PerRow"]

_LARGEST = 2**24
"""Whole numbers up to here are exact in float32, as which a batch carries the index."""


@final
class PerRow(Conditional):
    r"""A family whose parameters are a table, one entry a row: variational inference without an encoder.

    .. math:: q(z \mid row) = family(table_{row})

    The index is a condition of the model, of event shape (): `conditions={"row": ()}`, and the batch holds it as
    `{"row": torch.arange(rows)}`. It says nothing of new rows; `Refined` does.

    Arguments:
        family: of the variable.
        rows: of the data set, at most 2^24.
        index: name of the condition.

    Raises:
        ValueError: for a number of rows out of range, and for an index off the table.

    >>> from anyvae.conditionals import DiagonalNormal
    >>> q = PerRow(DiagonalNormal(2), rows=100).build("z", {"row": Size(())})
    >>> q(torch.tensor([3.0, 7.0])).mean.shape
    torch.Size([2, 2])
    """

    def __init__(self, family: Family, rows: int, index: str = "row") -> None:
        super().__init__()
        if not 1 <= rows <= _LARGEST:
            raise ValueError(f"PerRow got rows={rows}; wanted 1 to {_LARGEST:,}.")
        self.family = family
        self.rows = rows
        self.parents = (Parent(index),)
        self.table = nn.ParameterDict()
        for name, constant in family.constants.items():
            self.register_buffer(f"constant_{name}", constant.clone())

    @property
    def event_shape(self) -> Size:
        """That of the family."""
        return self.family.event_shape

    def extra_repr(self) -> str:
        """The family and the size of the table."""
        return f"{self.family!r} for each of {self.rows} rows"

    def build(self, name: str, shapes: Mapping[str, Size]) -> Self:
        """See `Conditional.build`."""
        [shape] = self.input_shapes(name, shapes)
        if shape != Size(()):
            raise ValueError(
                f"{name!r}: PerRow reads the index {self.parents[0].name!r} of event shape {tuple(shape)}; declare it "
                f"as conditions={{{self.parents[0].name!r}: ()}}."
            )
        if not len(self.table):
            start = self.family.start()
            for key, size in self.family.params.items():
                value = torch.as_tensor(start.get(key, 0.0), dtype=torch.get_default_dtype())
                self.table[key] = nn.Parameter(value.expand(self.rows, *size).clone())
        return self

    def check(self, name: str, value: Tensor) -> None:
        """See `Conditional.check`."""
        self.family.check(name, value)

    def forward(self, *parents: Any) -> Distribution:
        """See `Conditional.forward`."""
        [index] = parents
        place = index.long()
        strange = (place < 0) | (place >= self.rows) | (place != index)
        if bool(strange.any()):
            raise ValueError(
                f"PerRow got the row {index[strange][0].item():g} and has {self.rows}, from 0 on; fit a Refined "
                "posterior for new rows."
            )
        params = {name: table[place] for name, table in self.table.items()}
        constants = {name: self.get_buffer(f"constant_{name}") for name in self.family.constants}
        return self.family(params, constants)
