"""A column of a table and what is wanted of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from anyvae.data.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Wanted"]


class Wanted(NamedTuple):
    """A column and what is wanted of it.

    Arguments:
        column: plain, with at least one observed cell.
        name: of the column.
        table: name of the table.
        likelihood: asked for for all numbers, or None.
        kind: asked for for this column, or None; categories in their order stand for ``ordinal``.
        points: quantiles by which a shape is judged.
        plain: whether one normal has to do where the values are real numbers.
    """

    column: pa.ChunkedArray
    name: str
    table: str
    likelihood: str | None = None
    kind: str | Sequence[str] | None = None
    points: int = 2000
    plain: bool = False

    @property
    def where(self) -> str:
        """The column, for a message."""
        return f"column {self.name!r} of {self.table}"

    def refuse(self, reason: str, advice: str) -> DataError:
        """The kind that was asked for does not fit."""
        kind = self.kind if isinstance(self.kind, str) else "ordinal"
        return DataError(f"{self.where} cannot be of kind {kind!r}: {reason}; {advice}")
