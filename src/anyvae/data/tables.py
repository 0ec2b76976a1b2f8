"""Tables from ``.parquet`` files, and the columns of any table: which are read, which are set aside."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anyvae.data.arrow import lacking, plain
from anyvae.data.errors import DataError, first_line, listing

if TYPE_CHECKING:
    import pyarrow as pa

Array = np.ndarray[Any, np.dtype[Any]]


def read_parquet(path: Path) -> tuple[pa.Table, tuple[str, ...]]:
    """The table of a ``.parquet`` file, and sentences to say aloud.

    Arguments:
        path: the file.

    Raises:
        DataError: bytes that are no parquet file, or two columns of one name.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, partitioning=None)
    except (pa.ArrowException, ValueError, zlib.error) as cause:
        raise DataError(
            f"{path.name} cannot be read as parquet ({first_line(cause)}): write it again"
        ) from cause
    if twice := [name for name, times in Counter(table.column_names).items() if times > 1]:
        raise DataError(
            f"{path.name} has more than one column named {listing(twice)}: give each its own name"
        )
    index = [name for name in table.column_names if name.startswith("__index_level_")]
    notes = (f"the row index of {path.name} is left out",) if index else ()
    return table.drop_columns(index).replace_schema_metadata(None), notes


def pop_label(table: pa.Table, label: str | None, name: str) -> tuple[pa.Table, Array | None]:
    """The table without its label column, and the labels, (n,).

    Arguments:
        table: the table.
        label: name of the column, or None for none.
        name: of the table, for a message.

    Raises:
        DataError: there is no such column.
    """
    import pyarrow as pa

    if label is None:
        return table, None
    if label not in table.column_names:
        raise DataError(
            f"{name} has no label column {label!r}: its columns are {listing(table.column_names)}"
        )
    column = table[label]
    kind = column.type
    if pa.types.is_integer(kind) and not column.null_count:
        labels = column.to_numpy()
    elif (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or (pa.types.is_boolean(kind) and not column.null_count)
    ):
        labels = np.array([np.nan if v is None else v for v in column.to_pylist()])
    else:
        labels = np.array(["" if v is None else str(v) for v in column.to_pylist()], dtype=np.str_)
    return table.drop_columns([label]), labels


def set_aside(table: pa.Table, columns: Sequence[str], name: str) -> tuple[pa.Table, pa.Table | None]:
    """The table without some columns, and these; None where there are none.

    Arguments:
        table: the table.
        columns: their names; one named twice counts once.
        name: of the table, for a message.

    Raises:
        DataError: there is no such column.
    """
    columns = list(dict.fromkeys(columns))
    if not columns:
        return table, None
    _refuse_absent(table, columns, name)
    return table.drop_columns(columns), plain(table.select(columns), name)


def leave_out(
    table: pa.Table, columns: Sequence[str], name: str, *, absent: bool = False
) -> tuple[pa.Table, pa.Table]:
    """The table without some columns, whatever is in them, and these columns.

    Arguments:
        table: the table.
        columns: their names.
        name: of the table, for a message.
        absent: whether they may be absent.

    Raises:
        DataError: there is no such column.
    """
    if not absent:
        _refuse_absent(table, columns, name)
    held = frozenset(table.column_names)
    found = [column for column in dict.fromkeys(columns) if column in held]
    return table.drop_columns(found), table.select(found)


def tidy(table: pa.Table, name: str) -> pa.Table:
    """The table with one chunk a column, and only types that can be fitted in it.

    Arguments:
        table: the table.
        name: of the table, for a message.

    Raises:
        DataError: no rows, no columns, or a column of another type, such as lists.
    """
    if not table.num_columns:
        raise DataError(f"{name} has no columns to fit: give at least one besides the label")
    if not table.num_rows:
        raise DataError(f"{name} has no rows: give a table with data below its header")
    return plain(table, name)


def _refuse_absent(table: pa.Table, columns: Sequence[str], name: str) -> None:
    if absent := lacking(columns, table):
        raise DataError(f"{name} has no column {absent[0]!r}: its columns are {listing(table.column_names)}")
