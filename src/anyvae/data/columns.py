"""The schema of a table, column by column, or of all its columns together where they share one lattice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from anyvae.data.errors import DataError, listing
from anyvae.data.infer import describe
from anyvae.data.lattice import MOST_LEVELS, count_distinct, whole_levels
from anyvae.data.schema import Feature, Kind, Schema
from anyvae.data.source import Source
from anyvae.data.tables import is_fittable, is_text, unfittable

if TYPE_CHECKING:
    import pyarrow as pa

Array = np.ndarray[Any, np.dtype[Any]]

MOST_CATEGORIES = 1000
_FEWEST_SHARED = 16  # columns: fewer may share a lattice by chance

_NUMPY_NAMES = {"double": "float64", "float": "float32", "halffloat": "float16"}


def infer_table(source: Source, likelihood: str | None) -> Schema:
    """The schema of a table.

    Arguments:
        source: whose table it is.
        likelihood: as in `anyvae.data.infer_schema`; strings and truth values keep their own.

    Raises:
        DataError: as in `anyvae.data.infer_schema`, naming the column.
    """
    table = source.table
    assert table is not None
    if not table.num_columns:
        raise DataError(f"{source.name} has no columns to fit: give at least one besides the label")
    for column in table.column_names:
        if not is_fittable(table[column].type):
            raise DataError(unfittable(column, table[column].type, source.name))
        if table[column].null_count == table.num_rows or not _observed(table[column]):
            raise DataError(f"column {column!r} of {source.name} has no values at all: drop it")
    features = _shared(source, likelihood) or [
        _column(table[column], column, source.name, likelihood) for column in table.column_names
    ]
    varying = [feature for feature in features if feature.constant is None]
    if not varying:
        raise DataError(
            f"every column of {source.name} is constant: there is nothing to fit, give data that vary"
        )
    if likelihood is not None and not any(feature.kind != "categorical" for feature in varying):
        raise DataError(
            f"{source.name} holds categories only, so {likelihood} does not fit: leave --likelihood out"
        )
    missing = sum(_missing(table[column]) for column in table.column_names)
    starts = np.cumsum([0] + [feature.width for feature in features])
    return Schema(
        kind="table",
        event_shape=(int(starts[-1]),),
        input_shape=(len(features),),
        features=features,
        constant_elements=[int(s) for s, f in zip(starts, features) if f.constant is not None and f.width],
        missing_cells=missing,
        rows=table.num_rows,
    )


def numbers(column: pa.ChunkedArray, name: str, table: str) -> Array:
    """A numeric or boolean column as float64, missing cells NaN.

    Arguments:
        column: of n cells.
        name: of the column, for a message.
        table: name of the table, for a message.

    Raises:
        DataError: a cell is infinite.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    values = pc.cast(column, pa.float64(), safe=False).to_numpy()
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        row = int(infinite[0])
        raise DataError(
            f"row {row + 1} of column {name!r} of {table} holds {values[row]}: replace it, drop the row, or "
            "leave the "
            f"cell empty if it is missing"
        )
    return np.asarray(values, dtype=np.float64)


def _observed(column: pa.ChunkedArray) -> bool:
    return _missing(column) < len(column)


def _missing(column: pa.ChunkedArray) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    nan = pc.sum(pc.is_nan(column)).as_py() or 0 if pa.types.is_floating(column.type) else 0
    return int(column.null_count + nan)


def _dtype(column: pa.ChunkedArray) -> str:
    return _NUMPY_NAMES.get(str(column.type), str(column.type))


def _constant(column: pa.ChunkedArray) -> Any:
    """The one value a column holds in all its observed cells, as Python has it, or None."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = column.drop_null()
    if pa.types.is_floating(column.type):
        column = column.filter(pc.invert(pc.is_nan(column)))
    ends = pc.min_max(column).as_py()
    return ends["min"] if ends["min"] == ends["max"] else None


def _shared(source: Source, likelihood: str | None) -> list[Feature] | None:
    """One lattice and one scale for all columns, as for an array: digits.csv and digits.npy fit alike."""
    import pyarrow as pa

    table = source.table
    assert table is not None
    kinds = table.schema.types
    if len(kinds) < _FEWEST_SHARED or not all(
        pa.types.is_integer(k) or pa.types.is_floating(k) for k in kinds
    ):
        return None
    if likelihood == "normal":
        return None
    together = np.stack([numbers(table[c], c, source.name) for c in table.column_names], axis=1)
    counted = count_distinct(together)
    if counted is None or len(counted.values) < 2 or len(counted.values) > 2 * MOST_LEVELS:
        return None
    try:
        one = describe(
            together, likelihood, name="", where=f"columns of {source.name}", width=1, dtype="float64"
        )
    except DataError:
        return None  # column by column then, which names the one that does not fit
    if one.kind == "real" or (one.kind == "binary" and (one.low, one.step) != (0.0, 1.0)):
        return None
    return [
        Feature(
            name=column,
            kind=one.kind,
            width=1,  # constant columns too: the width is the array's
            dtype=_dtype(table[column]),
            low=one.low,
            step=one.step,
            levels=one.levels,
            values=one.values,
            mean=one.mean,
            scale=one.scale,
            constant=_constant(table[column]),
        )
        for column in table.column_names
    ]


def _column(column: pa.ChunkedArray, name: str, table: str, likelihood: str | None) -> Feature:
    import pyarrow as pa

    dtype = _dtype(column)
    where = f"column {name!r} of {table}"
    if is_text(column.type):
        return _categorical(column, name, table, dtype, likelihood)
    values = numbers(column, name, table)
    constant = _constant(column)
    if constant is not None:
        kind: Kind = "binary" if dtype == "bool" else "levels" if pa.types.is_integer(column.type) else "real"
        return Feature(name=name, kind=kind, width=0, dtype=dtype, mean=float(constant), constant=constant)
    observed = values[~np.isnan(values)]
    if dtype == "bool" or (likelihood is None and np.isin(observed, (0, 1)).all()):
        return Feature(
            name=name,
            kind="binary",
            width=1,
            dtype=dtype,
            levels=2,
            mean=float(observed.mean()),
            scale=float(observed.std()),
        )
    # Floats that are whole and have holes are integers that were read with holes.
    whole = pa.types.is_integer(column.type) or bool(
        len(observed) < len(values) and (observed == np.rint(observed)).all()
    )
    feature = describe(
        values, likelihood or "normal", name=name, where=where, width=1, dtype=dtype, whole=whole
    )
    low, high = float(observed.min()), float(observed.max())
    levels = whole_levels(low, high)
    if not whole or levels is None or likelihood in ("normal", "bernoulli"):
        return feature
    # Step 1 even where every value seen is even: an integer may be odd tomorrow.
    return msgspec.structs.replace(feature, kind="levels", low=low, step=1.0, levels=levels, values=None)


def _categorical(
    column: pa.ChunkedArray, name: str, table: str, dtype: str, likelihood: str | None
) -> Feature:
    import pyarrow.compute as pc

    if likelihood == "bernoulli":
        raise DataError(
            f"column {name!r} of {table} holds text, so Bernoulli does not fit: leave --likelihood out"
        )
    categories: list[str] = sorted(c for c in pc.unique(column).to_pylist() if c)
    if len(categories) > MOST_CATEGORIES:
        raise DataError(
            f"column {name!r} of {table} has {len(categories):,} different strings, more than "
            f"{MOST_CATEGORIES:,}: "
            f"{_advice(categories)}"
        )
    constant = categories[0] if len(categories) == 1 else None
    width = 0 if constant is not None else len(categories)
    return Feature(
        name=name, kind="categorical", width=width, dtype=dtype, categories=categories, constant=constant
    )


def _advice(categories: list[str]) -> str:
    text = [category for category in categories if not _is_number(category)]
    if len(text) < len(categories) / 2:
        return f"most are numbers, but not {listing(text, limit=3)}: leave such cells empty to have numbers"
    return "drop it if it names the rows, or merge rare ones"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
