"""What a person would want to be told of a table before it is fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["counts_rows", "noticed"]

_FEWEST = 20
_MOST = 1_000_000


def noticed(table: pa.Table, name: str) -> list[str]:
    """Sentences on columns that only count the rows, and on rows that are there more than once.

    Rows are expected to come again where every column has few values, and then nothing is said of it.

    Arguments:
        table: plain, of any number of rows.
        name: of the table.

    Example:
        >>> import pyarrow as pa
        >>> twice = [*range(40), *range(40)]
        >>> noticed(pa.table({"id": range(80), "a": twice}), "t.csv")[0].split(",")[0]
        "column 'id' counts the rows"
        >>> noticed(pa.table({"a": twice}), "t.csv")[0].split(" repeat")[0]
        '40 of the 80 rows of t.csv'
    """
    rows = table.num_rows
    if not _FEWEST <= rows <= _MOST:
        return []
    said = [
        f"column {column!r} counts the rows, and is fitted as a number: leave it out (--drop {column}) if it only "
        "names them"
        for column in table.column_names
        if counts_rows(table[column])
    ]
    if again := _repeated(table):
        said.append(
            f"{again:,} of the {rows:,} rows of {name} repeat an earlier one: where one is fitted and its like held "
            "out, rows that are held out are not new"
        )
    return said


def counts_rows(column: pa.ChunkedArray) -> bool:
    """Whether a column holds whole numbers one apart, each once, in any order.

    Example:
        >>> import pyarrow as pa
        >>> [counts_rows(pa.chunked_array([cells])) for cells in ([2, 1, 3], [1, 3, 4], [1, 2, 2])]
        [True, False, False]
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_integer(column.type) or column.null_count or not len(column):
        return False
    rows = len(column)
    ends = pc.min_max(column).as_py()
    return bool(ends["max"] - ends["min"] == rows - 1 and pc.count_distinct(column).as_py() == rows)


def _repeated(table: pa.Table) -> int:
    """How many rows repeat an earlier one, where hardly any should."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns: dict[str, Any] = {
        name: column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for name, column in zip(table.column_names, table.columns, strict=True)
        if not pa.types.is_null(column.type)
    }
    if not columns:
        return 0
    rows = table.num_rows
    distinct = max(pc.count_distinct(column).as_py() for column in columns.values())
    if distinct == rows or 2 * distinct < rows:
        return 0
    return rows - len(pa.table(columns).group_by(list(columns)).aggregate([]))
