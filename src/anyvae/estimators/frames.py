"""Data frames of any kind and arrays to arrow tables, and back with the types they had."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np

from anyvae.data import DataError
from anyvae.data.arrow import cuts_time
from anyvae.data.errors import listing
from anyvae.data.tables import tidy
from anyvae.data.words import words_of
from anyvae.estimators.column_types import names_of, told_names, told_types, types_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Frame", "check_names", "is_frame", "read_frame"]

Package = Literal["pandas", "polars", "pyarrow", "numpy"]


@final
@dataclass(frozen=True)
class Frame:
    """What a table was before it became an arrow table.

    Arguments:
        package: whose it was.
        names: of the columns, as they were: strings, or the numbers of a pandas frame without names.
        types: of the columns, as the library has them, `Decimal` where pandas has objects that are; the one of all
            elements for an array.
    """

    package: Package
    names: tuple[Any, ...]
    types: tuple[Any, ...]

    def restore(self, table: pa.Table, index: Any = None) -> Any:
        """A table of the same columns as the library has it, with the types that there were.

        Arguments:
            table: columns in the order of the frame.
            index: of a pandas frame, a number a row where None.
        """
        if self.package == "pyarrow":
            import pyarrow

            cast = [_cast(column, kind) for column, kind in zip(table.columns, self.types, strict=True)]
            return pyarrow.table(dict(zip(table.column_names, cast, strict=True)))
        if self.package == "polars":
            import polars

            frame: Any = polars.from_arrow(table)
            series = zip(frame.get_columns(), self.types, strict=True)
            return polars.DataFrame([_polars(one, kind) for one, kind in series])
        if self.package == "pandas":
            import pandas

            columns = {
                place: _series(column, kind)
                for place, (column, kind) in enumerate(zip(table.columns, self.types, strict=True))
            }
            frame = pandas.DataFrame(columns)
            frame.columns = pandas.Index(self.names)
            return frame if index is None else frame.set_axis(index, axis=0)
        whole = np.column_stack([column.to_numpy() for column in table.columns])
        kind = _array_type(self.types[0])
        return whole.astype(kind) if _survives(whole, kind) else whole

    def as_array(self) -> Frame:
        """The same columns as an array of numbers."""
        kind = self.types[0] if self.package == "numpy" else np.dtype(np.float64)
        return Frame("numpy", self.names, (kind,))

    def of_floats(self) -> Frame:
        """The same columns, all of them float64."""
        if self.package == "numpy":
            return Frame("numpy", self.names, (np.dtype(np.float64),))
        return Frame(self.package, self.names, (_float64(self.package),) * len(self.names))

    def told(self) -> dict[str, Any]:
        """The frame as JSON has it."""
        return {
            "package": self.package,
            "names": told_names(self.package, self.names),
            "types": told_types(self.package, self.types),
        }

    @classmethod
    def from_told(cls, told: dict[str, Any]) -> Frame:
        """The frame that `told` described."""
        package: Package = told["package"]
        return cls(package, names_of(told["names"]), types_of(package, told["types"]))


def is_frame(rows: Any) -> bool:
    """Whether rows are a data frame with named columns, of a library that is known."""
    return _package(rows) is not None


def read_frame(rows: Any, where: str = "X") -> tuple[pa.Table, Frame]:
    """An arrow table of numbers, truth values and strings, and what it was.

    Arguments:
        rows: a data frame of pandas or polars, an arrow table, or an array (n, columns) of numbers.
        where: what to call it in a message.

    Raises:
        DataError: for columns of one name, or cells that make no column, naming it.
    """
    import pyarrow as pa

    package = _package(rows)
    if package is None:
        array = np.asarray(rows)
        names = [f"x{i}" for i in range(array.shape[1])]
        table = pa.table({name: pa.array(array[:, i], from_pandas=True) for i, name in enumerate(names)})
        return tidy(table, where), Frame("numpy", tuple(names), (array.dtype,))
    names = check_names(rows, where)
    if package == "pyarrow":
        return tidy(rows, where), Frame("pyarrow", tuple(names), tuple(rows.schema.types))
    if package == "polars":
        return tidy(_from_polars(rows, where), where), Frame("polars", tuple(names), tuple(rows.dtypes))
    columns = {str(name): _column(rows[name], str(name), where) for name in names}
    types = tuple(
        Decimal if kind == "object" and pa.types.is_decimal(columns[str(name)].type) else kind
        for name, kind in zip(names, rows.dtypes, strict=True)
    )
    return tidy(pa.table(columns), where), Frame("pandas", tuple(names), types)


def check_names(rows: Any, where: str = "X") -> list[Any]:
    """The names of a data frame's columns.

    Arguments:
        rows: the data frame.
        where: what to call it in a message.

    Raises:
        DataError: for columns of one name.
    """
    names = list(rows.column_names if _package(rows) == "pyarrow" else rows.columns)
    if twice := [str(name) for name, times in Counter(map(str, names)).items() if times > 1]:
        raise DataError(f"{where} has more than one column named {listing(twice)}: give each its own name")
    return names


def _package(rows: Any) -> Package | None:
    # By name, so that no library is imported because another one's frame came; one of geopandas is one of pandas.
    kinds = {(kind.__module__.split(".")[0], kind.__name__) for kind in type(rows).__mro__}
    if ("pandas", "DataFrame") in kinds:
        return "pandas"
    if ("polars", "DataFrame") in kinds:
        return "polars"
    if ("polars", "LazyFrame") in kinds:
        raise DataError("a LazyFrame has no rows yet: collect it first, as in X.collect()")
    if ("pyarrow", "RecordBatch") in kinds:
        raise DataError(
            "a RecordBatch is a part of a table: make it one first, as in pyarrow.Table.from_batches([X])"
        )
    return "pyarrow" if ("pyarrow", "Table") in kinds else None


def _from_polars(rows: Any, where: str) -> pa.Table:
    import pyarrow as pa

    table: dict[str, Any] = {}
    for name in rows.columns:
        try:
            table[name] = rows.select(name).to_arrow()[name]
        except pa.ArrowException as cause:
            raise DataError(
                f"column {name!r} of {where} has type {rows[name].dtype}, which arrow has not: cast it to "
                "Int64 or Float64"
            ) from cause
    return pa.table(table)


def _column(series: Any, name: str, where: str) -> pa.Array:
    import pyarrow as pa

    if str(series.dtype) == "category":
        # Categories are what the user says they are, numbers and dates too.
        spelled = words_of(series.cat.categories)
        if twice := [word for word, times in Counter(spelled).items() if times > 1]:
            raise DataError(
                f"column {name!r} of {where} has different categories that are written alike, {listing(twice, 3)}: "
                "give them one type"
            )
        series = series.cat.rename_categories(spelled)
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        if series.dtype != object:
            raise DataError(
                f"column {name!r} of {where} has type {series.dtype}, which arrow has not: turn it into plain numbers "
                f"or strings, as {where}[{name!r}].sparse.to_dense() does with a sparse one"
            ) from None
        kinds = sorted({type(value).__name__ for value in series if value is not None and value == value})
        raise DataError(
            f"column {name!r} of {where} mixes values that make no column ({', '.join(kinds[:4])}; "
            f"{str(error).splitlines()[0].rstrip('.')}): give it one type"
        ) from None


def _series(column: Any, kind: Any) -> Any:
    import pandas

    if isinstance(kind, pandas.ArrowDtype):
        cast: Any = _cast(column, kind.pyarrow_dtype)
        if cast.type == kind.pyarrow_dtype:
            return pandas.Series(pandas.arrays.ArrowExtensionArray(cast))
    if kind is Decimal:
        cells = [None if cell is None else Decimal(repr(cell)) for cell in column.to_pylist()]
        return pandas.Series(cells, dtype=object)
    values = column.to_pandas()
    if isinstance(kind, pandas.CategoricalDtype) and kind.categories is not None:
        told = dict(zip(words_of(kind.categories), kind.categories, strict=True))
        values = values.astype(object).map(lambda value: told.get(value, value))
        if not values.dropna().isin(kind.categories).all():
            return values  # a category that was not there at fit, and stays as it was given
        return pandas.Series(pandas.Categorical(values, dtype=kind))
    numbers = getattr(values.dtype, "kind", "O") in "iuf" and getattr(kind, "kind", "O") in "iuf"
    if numbers and not _survives(values.dropna().to_numpy(), getattr(kind, "numpy_dtype", kind)):
        return values  # more than the type holds, and stays as it was given
    try:
        return values.astype(kind)
    except (TypeError, ValueError):  # an integer column that has holes here
        return values


def _survives(values: np.ndarray[Any, Any], kind: Any) -> bool:
    """Whether numbers are the same in another type."""
    if np.issubdtype(kind, np.floating):
        finite = values[np.isfinite(values)]
        if (np.abs(finite) > np.finfo(kind).max).any():
            return False
        # Of double precision in a column of less are only such as were given.
        return values.dtype != np.float64 or bool((finite.astype(kind) == finite).all())
    limits = np.iinfo(kind)
    return bool(((values == np.trunc(values)) & (values >= limits.min) & (values <= limits.max)).all())


def _cast(column: Any, kind: Any) -> Any:
    """A column of arrow in another type, or as it is where its cells would not survive that."""
    import pyarrow as pa

    if pa.types.is_floating(kind) and not _survives(column.drop_null().to_numpy(), kind.to_pandas_dtype()):
        return column
    try:
        if pa.types.is_dictionary(column.type) or not pa.types.is_dictionary(kind):
            found = column.cast(kind)
            return column if cuts_time(column, found) else found
        # Arrow casts to no dictionary but one of strings.
        whole = column.cast(kind.value_type).combine_chunks().dictionary_encode()
        places = whole.indices.cast(kind.index_type)
        return pa.DictionaryArray.from_arrays(places, whole.dictionary, ordered=kind.ordered)
    except pa.ArrowInvalid:
        return column


def _polars(series: Any, kind: Any) -> Any:
    """A column of polars in another type, or as it is where its cells would not survive that."""
    import polars

    numbers = kind.is_numeric() and not kind.is_decimal() and series.dtype.is_numeric()
    if numbers and not _survives(series.drop_nulls().to_numpy(), np.dtype(str(kind).lower())):
        return series
    try:
        found = series.cast(kind)
        # A time of day is cut off a date in silence.
        cut = kind == polars.Date and not found.cast(series.dtype).equals(series)
        return series if cut else found
    except polars.exceptions.InvalidOperationError:
        return series


def _array_type(kind: Any) -> Any:
    return kind if kind.kind in "iuf" else np.float64


def _float64(package: Package) -> Any:
    """The type of 64-bit floats, as a library has it."""
    if package == "polars":
        import polars

        return polars.Float64
    if package == "pyarrow":
        import pyarrow as pa

        return pa.float64()
    return np.dtype(np.float64)
