"""Columns of tables as measures read them: numbers with NaN for holes, or codes of categories with -1 for holes."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, final

import numpy as np

from anyvae.metrics.factors import Array, as_array

if TYPE_CHECKING:
    import pyarrow as pa
    from narwhals.typing import IntoDataFrame

__all__ = [
    "Array",
    "Column",
    "Table",
    "mid_ranks",
    "row_count",
    "rows_of",
    "some_rows",
    "spread_of",
    "typed_columns",
    "varies",
]

Table: TypeAlias = "pa.Table | IntoDataFrame | Mapping[str, Array]"
"""An arrow table, a data frame of pandas or polars, or arrays by name."""

Columns: TypeAlias = "pa.Table | Mapping[str, Any]"


@final
class Column(NamedTuple):
    """One column.

    Arguments:
        values: float64 numbers, NaN where missing, or int64 codes, -1 where missing; shape (rows,).
        levels: what the codes stand for; None for numbers.
    """

    values: Array
    levels: tuple[str, ...] | None

    @property
    def numeric(self) -> bool:
        """Whether the cells are numbers."""
        return self.levels is None

    @property
    def known(self) -> Array:
        """Which cells are there, shape (rows,)."""
        return ~np.isnan(self.values) if self.levels is None else self.values >= 0

    @property
    def missing(self) -> float:
        """The share of cells that are not there."""
        return float(1.0 - self.known.mean()) if len(self.values) else 0.0

    def take(self, rows: Array) -> Column:
        """The given rows."""
        return Column(self.values[rows], self.levels)


def typed_columns(*tables: Table, categories: Collection[str] = ()) -> list[dict[str, Column]]:
    """The columns of the first table, in every table, with one type and one list of levels each.

    Numbers, dates, times and durations are numbers; texts and truth values are categories. Dates, times and durations
    count microseconds.

    Arguments:
        tables: arrow tables, data frames of pandas or polars, or arrays by name.
        categories: columns of numbers to read as categories all the same.

    Raises:
        ValueError: for no rows, columns of unequal length or more than one axis, a column that a table lacks, numbers
            in one table where another has text, or names in `categories` that are no columns.
        TypeError: for what is no table.

    >>> [columns] = typed_columns({"a": np.array([1, 2]), "b": np.array(["x", None], dtype=object)})
    >>> columns["a"].values.tolist(), columns["b"].values.tolist(), columns["b"].levels
    ([1.0, 2.0], [0, -1], ('x',))
    """
    given = [_by_name(table) for table in tables]
    names = [str(name) for name in _names(given[0])]
    unknown = sorted(set(categories) - set(names))
    if unknown:
        raise ValueError(f"categories name {unknown!r}, which are no columns; the columns are {names!r}.")
    for table in given:
        _check(table, names)
    read: list[dict[str, Column]] = [{} for _ in given]
    for name in names:
        cells = [_cells(table[name], name) for table in given]
        filled = {values.dtype.kind for values in cells if values.dtype.kind == "U" or _any_number(values)}
        if name not in categories and len(filled) > 1:
            raise ValueError(
                f"column {name!r} holds numbers in one table and text in another; give both the same type, or name "
                f"it in `categories`."
            )
        if filled == {"U"} or name in categories:
            texts = [_as_text(values) for values in cells]
            levels = np.unique(np.concatenate([text[known] for text, known in texts]))
            for columns, (text, known) in zip(read, texts, strict=True):
                codes = np.where(known, np.searchsorted(levels, text), -1).astype(np.int64)
                columns[name] = Column(codes, tuple(levels.tolist()))
        else:
            for columns, values in zip(read, cells, strict=True):
                numbers = np.full(len(values), np.nan) if values.dtype.kind == "U" else values
                columns[name] = Column(numbers, None)
    return read


def row_count(columns: Mapping[str, Column]) -> int:
    """How many rows the columns have."""
    return len(next(iter(columns.values())).values)


def rows_of(columns: Mapping[str, Column], rows: Array) -> dict[str, Column]:
    """The given rows of every column."""
    return {name: column.take(rows) for name, column in columns.items()}


def some_rows(columns: Mapping[str, Column], most: int, random: np.random.Generator) -> dict[str, Column]:
    """All rows, or so many of them, chosen without replacement and in their order."""
    rows = row_count(columns)
    if rows <= most:
        return dict(columns)
    return rows_of(columns, np.sort(random.choice(rows, most, replace=False)))


def mid_ranks(values: Array) -> Array:
    """Ranks from 1, equal values sharing the mean of theirs.

    >>> mid_ranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def varies(numbers: Array) -> bool:
    """Whether there are two numbers that differ.

    Their deviation does not tell: of a number that has no exact mean, rounding leaves one of the last digit.

    >>> varies(np.full(12, 0.1)), np.full(12, 0.1).std() > 0.0
    (False, np.True_)
    """
    return len(numbers) > 0 and bool(np.ptp(numbers) > 0)


def spread_of(numbers: Array) -> float:
    """The standard deviation of numbers; 1 where they are all the same, or where there are none."""
    return float(numbers.std()) if varies(numbers) else 1.0


def _by_name(table: Table) -> Columns:
    """Columns by name, of whatever package the table is."""
    import pyarrow as pa

    if isinstance(table, Mapping | pa.Table):
        return table
    import narwhals

    try:
        frame = narwhals.from_native(table, eager_only=True)
    except TypeError as error:
        raise TypeError(
            f"a measure of tables got {type(table).__name__}; wanted an arrow table, a data frame of pandas or "
            "polars, or a dict of arrays by column."
        ) from error
    return {str(column.name): column.to_arrow() for column in frame.iter_columns()}


def _names(table: Columns) -> Sequence[str]:
    return list(table) if isinstance(table, Mapping) else table.column_names


def _check(table: Columns, names: Sequence[str]) -> None:
    absent = sorted(set(names) - set(_names(table)))
    if absent:
        raise ValueError(
            f"a table lacks the columns {absent!r} that the first one has; give them, or drop them there."
        )
    lengths = {name: len(table[name]) for name in names}
    if len(set(lengths.values())) != 1:
        raise ValueError(
            f"the columns have unequal lengths, or there are none: {lengths}; give one cell a row."
        )
    if not next(iter(lengths.values())):
        raise ValueError("a table has no rows; give at least one.")


def _cells(column: Any, name: str) -> Array:
    """float64 with NaN for holes, or texts with "" for holes."""
    column = _as_array(column)
    if column.ndim != 1:
        raise ValueError(f"column {name!r} has shape {column.shape}; it must have one axis.")
    kind = column.dtype.kind
    if kind in "iuf":
        return np.asarray(column, dtype=np.float64)
    if kind in "mM":
        counted = column.astype(f"{kind}8[us]").astype(np.int64).astype(np.float64)
        return np.where(np.isnat(column), np.nan, counted)
    if kind == "b":
        return np.where(column, "True", "False")
    if kind == "U":
        return np.asarray(column)
    cells = column.tolist()
    holes = [cell is None or cell != cell or cell == "" for cell in cells]
    given = [cell for cell, hole in zip(cells, holes, strict=True) if not hole]
    if all(isinstance(cell, Real | Decimal) and not isinstance(cell, bool) for cell in given):
        return np.array(
            [np.nan if hole else cell for cell, hole in zip(cells, holes, strict=True)], dtype=np.float64
        )
    return np.array(
        ["" if hole else str(cell) for cell, hole in zip(cells, holes, strict=True)], dtype=np.str_
    )


def _as_array(column: Any) -> Array:
    import pyarrow as pa

    if isinstance(column, pa.Array | pa.ChunkedArray):
        return _from_arrow(column)
    found = as_array(column)
    if found.dtype.kind == "O" and found.ndim == 1:
        # Of several types, or whole numbers beyond 64 bits.
        with contextlib.suppress(pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            cells = pa.array(found, from_pandas=True)
            return found if pa.types.is_nested(cells.type) else _from_arrow(cells)
    return found


def _from_arrow(column: pa.Array | pa.ChunkedArray) -> Array:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("us"))
    elif pa.types.is_time(kind):
        column = column.cast(pa.time64("us"), safe=False).cast(pa.int64())
    elif pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    return np.asarray(
        column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()
    )


def _any_number(values: Array) -> bool:
    return values.dtype.kind == "f" and not bool(np.isnan(values).all())


def _as_text(values: Array) -> tuple[Array, Array]:
    """The cells as text, and which are there; whole numbers without a decimal point."""
    if values.dtype.kind == "U":
        return values, values != ""
    known = ~np.isnan(values)
    distinct, place = np.unique(np.where(known, values, 0.0), return_inverse=True)
    words = np.array(
        [str(int(v)) if v.is_integer() and abs(v) < 2**53 else repr(v) for v in distinct.tolist()]
    )
    return words[place], known
