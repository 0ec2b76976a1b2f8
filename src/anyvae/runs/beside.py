"""The variables that are modelled beside the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from anyvae.data import Schema, Source, aside_of, decode, encode_given, encode_labels
from anyvae.data.encode import Unseen
from anyvae.model import Partial

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["as_they_stood", "beside_of", "with_columns", "with_label"]


def beside_of(
    schema: Schema, source: Source, unseen: Unseen = "refuse", names: Sequence[str] = ("y", "c")
) -> dict[str, Tensor | Partial]:
    """The variables that are modelled beside the rows: labels "y", where the source has any, and "c", what is given.

    Arguments:
        schema: of the rows, with those of the columns set aside.
        source: the rows.
        unseen: as in `anyvae.data.encode`.
        names: which of the two.
    """
    found: dict[str, Tensor | Partial] = {}
    if "y" in schema.beside and "y" in names:
        [label] = schema.beside["y"].features
        if label.name in aside_of(source).column_names:
            found["y"] = Partial(*encode_labels(schema.beside["y"], source, unseen))
    if "c" in schema.beside and "c" in names:
        found["c"] = encode_given(schema.beside["c"], source, unseen)
    return found


def with_label(schema: Schema, rows: Any, labels: Tensor) -> Any:
    """A table with its column of labels put last; an array as it is.

    Arguments:
        schema: of the rows, with that of the label.
        rows: decoded, an array or a table.
        labels: one-hot, (rows, classes).
    """
    if isinstance(rows, np.ndarray):
        return rows
    return with_columns(rows, decode(schema.beside["y"], labels.cpu()))


def with_columns(rows: Any, others: Any) -> Any:
    """A table with the columns of another of as many rows put last.

    Arguments:
        rows, others: arrow tables without a column in common.
    """
    for name in others.column_names:
        rows = rows.append_column(name, others[name])
    return rows


def as_they_stood(rows: Any, source: Source) -> Any:
    """A table of the columns that are modelled with the others of its source, all in the order of the source.

    Dropped columns that no file of cells can hold, of lists or bytes, stay out.

    Arguments:
        rows: an arrow table of as many rows as the source.
        source: the rows as they were read.
    """
    if source.beside is not None:
        rows = with_columns(rows, source.beside)
    if source.left is not None:
        rows = with_columns(rows, source.left.select(_written(source.left.schema)))
    held = frozenset(rows.column_names)
    return rows.select([name for name in source.order if name in held])


def _written(schema: pa.Schema) -> list[str]:
    import pyarrow as pa

    def bytes_or_lists(kind: pa.DataType) -> bool:
        return bool(pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))

    return [field.name for field in schema if not bytes_or_lists(field.type)]
