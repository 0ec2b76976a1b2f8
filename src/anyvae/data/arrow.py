"""Types of columns: which can be fitted, as which numbers they are read, and how they are given back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from anyvae.data.errors import DataError, each_column, listing

if TYPE_CHECKING:
    import pyarrow as pa

Array = np.ndarray[Any, np.dtype[Any]]

_NUMPY_NAMES = {"double": "float64", "float": "float32", "halffloat": "float16"}
_A_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31


def plain(table: pa.Table, name: str) -> pa.Table:
    """The table as it is fitted: numbers, truth values, strings, dates, and ordered dictionaries of strings.

    Other dictionaries are decoded, decimals become float64, empty strings are missing cells, and every column is
    one chunk.

    Arguments:
        table: the table.
        name: of the table, for a message.

    Raises:
        DataError: two columns of one name, or types that cannot be fitted, naming all of them.
    """
    import pyarrow as pa

    if twice := [column for column, times in Counter(table.column_names).items() if times > 1]:
        raise DataError(f"{name} has more than one column named {listing(twice)}: give each its own name")
    columns = each_column(table.column_names, lambda column: _plain(table[column], column, name), name)
    return pa.table(dict(zip(table.column_names, columns, strict=True)))


def _plain(column: pa.ChunkedArray, name: str, table: str) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    array: Any = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    kind = array.type
    if pa.types.is_dictionary(kind) and not (kind.ordered and is_text(kind.value_type)):
        array = array.dictionary_decode()
        kind = array.type
    if kind == pa.float16():
        array = array.cast(pa.float32())
    elif pa.types.is_decimal(kind):
        # Through text, for the nearest float: arrow's own cast misses it by a bit.
        array = array.cast(pa.string()).cast(pa.float64())
    elif kind == pa.string_view():
        array = array.cast(pa.string())
    elif not is_fittable(kind):
        raise DataError(unfittable(name, kind, table))
    if is_text(array.type):
        array = pc.if_else(pc.equal(array, ""), pa.scalar(None, array.type), array)
    return array


def lacking(names: Sequence[str], table: pa.Table) -> list[str]:
    """Those of some names that no column of a table has.

    Example:
        >>> import pyarrow as pa
        >>> lacking(["a", "b"], pa.table({"a": [1]}))
        ['b']
    """
    held = frozenset(table.column_names)  # arrow makes the list anew whenever it is asked
    return [name for name in names if name not in held]


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds strings."""
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def cuts_time(moments: Any, dates: Any) -> bool:
    """Whether dates, which moments were cast to, lack a time of day of theirs: arrow cuts it off in silence.

    Arguments:
        moments: as they were; of any type.
        dates: the same cells; False where they are no dates.
    """
    import pyarrow as pa

    return bool(pa.types.is_date(dates.type) and not dates.cast(moments.type).equals(moments))


def is_moment(kind: pa.DataType) -> bool:
    """Whether a column of this type holds dates, or dates with a time of day."""
    import pyarrow as pa

    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def zone_of(kind: pa.DataType) -> str | None:
    """The time zone of a type; None where it has none, as a date has not."""
    import pyarrow as pa

    return kind.tz if pa.types.is_timestamp(kind) else None


def is_ordered(kind: pa.DataType) -> bool:
    """Whether a column of this type holds strings that have an order."""
    import pyarrow as pa

    return bool(pa.types.is_dictionary(kind) and kind.ordered and is_text(kind.value_type))


def is_fittable(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers, truth values, strings, dates or nothing at all."""
    import pyarrow as pa

    t = pa.types
    number = t.is_integer(kind) or t.is_floating(kind) or t.is_boolean(kind) or t.is_null(kind)
    return bool(number or is_text(kind) or is_moment(kind) or is_ordered(kind))


def unfittable(column: str, kind: pa.DataType, table: str) -> str:
    """The message for a column whose type cannot be fitted."""
    import pyarrow as pa

    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return (
            f"column {column!r} of {table} is not UTF-8 text but bytes: save a file of text as UTF-8, turn the cells "
            "into strings, or drop the column"
        )
    if pa.types.is_temporal(kind):
        advice = "turn it into a number, such as seconds, or drop it"
    elif pa.types.is_union(kind):
        advice = "give its cells one type, or drop it"
    else:
        advice = "turn it into numbers or strings, or drop it"
    return f"column {column!r} of {table} has type {kind}, which cannot be fitted: {advice}"


def dtype_of(column: pa.ChunkedArray) -> str:
    """The name of a column's type, numpy's where there is one; `arrow_type` reads it.

    Example:
        >>> import pyarrow as pa
        >>> dtype_of(pa.chunked_array([[0.5]])), dtype_of(pa.chunked_array([[0]], pa.date32()))
        ('float64', 'date32[day]')
    """
    name = str(column.type)
    return _NUMPY_NAMES.get(name, name)


def arrow_type(dtype: str) -> pa.DataType:
    """The type that `dtype_of` named.

    Raises:
        ValueError: there is no such type.

    Example:
        >>> arrow_type("timestamp[us, tz=UTC]").tz
        'UTC'
    """
    import pyarrow as pa

    if stamp := re.fullmatch(r"timestamp\[(\w+), tz=(.+)\]", dtype):
        return pa.timestamp(stamp[1], stamp[2])
    if levels := re.fullmatch(r"dictionary<values=(\w+), indices=(\w+), ordered=1>", dtype):
        return pa.dictionary(pa.type_for_alias(levels[2]), pa.type_for_alias(levels[1]), ordered=True)
    return pa.type_for_alias({"date32[day]": "date32", "date64[ms]": "date64"}.get(dtype, dtype))


def numbers(column: pa.ChunkedArray, name: str, table: str) -> Array:
    """A column of numbers, truth values or dates (in days since 1970) as float64, missing cells NaN.

    Arguments:
        column: of n cells.
        name: of the column, for a message.
        table: name of the table, for a message.

    Raises:
        DataError: a cell is infinite.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_date(kind):
        column = column.cast(pa.date32()).cast(pa.int32())
    elif pa.types.is_timestamp(kind):
        days = pc.cast(column.cast(pa.int64()), pa.float64(), safe=False).to_numpy() / _A_DAY[kind.unit]
        return np.asarray(days, dtype=np.float64)
    elif pa.types.is_boolean(kind):
        column = column.cast(pa.uint8())
    values = pc.cast(column, pa.float64(), safe=False).to_numpy()
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        row = int(infinite[0])
        raise DataError(
            f"row {row + 1} of column {name!r} of {table} holds {values[row]}: replace it, drop the row, or "
            "leave the cell empty if it is missing"
        )
    return np.asarray(values, dtype=np.float64)


def moments_of(days: Array, dtype: str) -> pa.Array:
    """Days since 1970 as dates or moments, rounded to the unit of the type and kept within its range.

    Years go from 1 to 9999: others are neither written in four digits nor known to Python.

    Arguments:
        days: float64, (n,).
        dtype: of the column, from `dtype_of`.

    Example:
        >>> str(moments_of(np.array([0.5]), "timestamp[s]")[0])
        '1970-01-01 12:00:00'
    """
    import pyarrow as pa

    kind = arrow_type(dtype)
    if pa.types.is_date(kind):
        whole = np.clip(np.rint(days), _FIRST_DAY, _LAST_DAY).astype(np.int64)
        return pa.array(whole).cast(pa.int32()).cast(pa.date32()).cast(kind)
    a_day, (low, high) = _A_DAY[kind.unit], _ends(kind)
    days = np.clip(days, low / a_day, high / a_day)
    # Whole days and the rest apart: a product of the two has more digits than a float.
    whole = np.floor(days)
    ticks = whole.astype(np.int64) * a_day + np.rint((days - whole) * a_day).astype(np.int64)
    return pa.array(np.clip(ticks, low, high)).cast(kind)


def _ends(kind: pa.TimestampType) -> tuple[int, int]:
    """The first and the last moment of a type: of the years 1 to 9999, by the clock of its zone and by that of UTC."""
    import pyarrow as pa
    import pyarrow.compute as pc

    a_day = _A_DAY[kind.unit]
    most = 2**63 // a_day - 1  # days
    low, high = max(_FIRST_DAY, -most) * a_day, (min(_LAST_DAY, most) + 1) * a_day - 1
    if kind.tz is None:
        return low, high
    clock = pa.array([low, high]).cast(pa.timestamp(kind.unit))
    placed = pc.assume_timezone(clock, kind.tz, ambiguous="earliest", nonexistent="earliest")
    first, last = placed.cast(pa.int64()).to_pylist()
    return max(low, first), min(high, last)


def missing_cells(column: pa.ChunkedArray) -> int:
    """How many cells are empty or NaN."""
    import pyarrow as pa
    import pyarrow.compute as pc

    nan = pc.sum(pc.is_nan(column)).as_py() or 0 if pa.types.is_floating(column.type) else 0
    return int(column.null_count + nan)


def constant_of(column: pa.ChunkedArray) -> int | float | str | bool | None:
    """The one value that a column holds in all its observed cells, None where there are several.

    Dates are given as `shown` reads them: whole numbers in the unit of the type.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if is_ordered(column.type):
        column = column.cast(column.type.value_type)
    column = column.drop_null()
    if pa.types.is_floating(column.type):
        column = column.filter(pc.invert(pc.is_nan(column)))
    ends = pc.min_max(column)
    low, high = ends["min"], ends["max"]
    if low != high:
        return None
    if is_moment(column.type):
        low = low.cast(pa.int32() if pa.types.is_date32(column.type) else pa.int64())
    found: int | float | str | bool = low.as_py()
    return found


def shown(constant: float | str | bool | None, dtype: str) -> str:
    """A constant as a person reads it.

    Example:
        >>> shown(18262, "date32[day]"), shown(7, "int8")
        ('2020-01-01', '7')
    """
    import pyarrow as pa

    if not dtype.startswith(("date", "timestamp")):
        return str(constant)
    return str(pa.scalar(constant, arrow_type(dtype)).cast(pa.string()))
