"""The schema of a table, column by column, or of all its columns together where they share one lattice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from anyvae.data import arrow
from anyvae.data.arrow import constant_of, dtype_of, lacking, missing_cells, numbers
from anyvae.data.errors import DataError, NoNumbersError, each_column, listing
from anyvae.data.infer import describe
from anyvae.data.kinds import column_feature
from anyvae.data.lattice import MOST_LEVELS, Counts, count_distinct
from anyvae.data.schema import Feature, Schema
from anyvae.data.source import Source
from anyvae.data.wanted import Wanted

if TYPE_CHECKING:
    import pyarrow as pa

Array = np.ndarray[Any, np.dtype[Any]]

_FEWEST_SHARED = 16  # columns: fewer may share a lattice by chance
_TOP, _AT_THE_TOP = 0.9, 0.002  # of the range of a lattice, and of the values above its lowest
_POINTS = 400_000  # quantiles of all columns together


def infer_table(
    source: Source,
    likelihood: str | None,
    kinds: Mapping[str, str | Sequence[str]] | None = None,
    *,
    plain: bool = False,
) -> Schema:
    """The schema of a table.

    Arguments:
        source: whose table it is.
        likelihood: as in `anyvae.data.infer_schema`; strings, truth values and dates keep their own.
        kinds, plain: as in `anyvae.data.infer_schema`.

    Raises:
        DataError: as in `anyvae.data.infer_schema`, naming every column that cannot be fitted.
    """
    assert source.table is not None
    kinds = dict(kinds or {})
    if not source.table.num_columns:
        raise DataError(f"{source.name} has no columns to fit: give at least one besides the label")
    if unknown := lacking(list(kinds), source.table):
        raise DataError(
            f"{source.name} has no columns {listing(unknown)} to give a kind: its columns are "
            f"{listing(source.table.column_names)}"
        )
    table = arrow.plain(source.table, source.name)
    missing = {name: missing_cells(table[name]) for name in table.column_names}
    features = (
        None if kinds or table.num_rows in missing.values() else _shared(table, source.name, likelihood)
    )
    if features is None:
        points = max(200, min(2000, _POINTS // table.num_columns))
        wanted = [
            Wanted(table[name], name, source.name, likelihood, kinds.get(name), points, plain)
            for name in table.column_names
        ]
        features = _each(wanted, [name for name, count in missing.items() if count == table.num_rows])
    varying = [feature for feature in features if feature.constant is None]
    if not varying:
        raise DataError(
            f"every column of {source.name} is constant: there is nothing to fit, give data that vary"
        )
    if likelihood is not None and not any(feature.kind != "categorical" for feature in varying):
        raise NoNumbersError(
            f"{source.name} holds categories only, so {likelihood} does not fit: leave --likelihood out"
        )
    starts = np.cumsum([0] + [feature.width for feature in features])
    return Schema(
        kind="table",
        event_shape=(int(starts[-1]),),
        input_shape=(len(features),),
        features=features,
        constant_elements=[int(s) for s, f in zip(starts, features) if f.constant is not None and f.width],
        missing_cells=sum(missing.values()),
        rows=table.num_rows,
    )


def _each(wanted: Sequence[Wanted], empty: Sequence[str]) -> list[Feature]:
    """Every column by itself."""

    def read(one: Wanted) -> Feature:
        if one.name in empty:
            raise DataError(f"{one.where} has no values at all: drop it")
        return column_feature(one)

    return each_column(wanted, read, wanted[0].table)


def _shared(table: pa.Table, name: str, likelihood: str | None) -> list[Feature] | None:
    """One lattice and one scale for all columns, as for an array: digits.csv and digits.npy fit alike."""
    import pyarrow as pa

    kinds = table.schema.types
    if len(kinds) < _FEWEST_SHARED or not all(
        pa.types.is_integer(k) or pa.types.is_floating(k) for k in kinds
    ):
        return None
    if likelihood == "normal":
        return None
    together = np.stack([numbers(table[c], c, name) for c in table.column_names], axis=1)
    counted = count_distinct(together)
    if counted is None or len(counted.values) < 2 or len(counted.values) > 2 * MOST_LEVELS:
        return None
    try:
        one = describe(together, likelihood, name="", where=f"columns of {name}", width=1, dtype="float64")
    except DataError:
        return None  # column by column then, which names the one that does not fit
    if likelihood is None and not _bounded(counted):
        return None
    if one.kind == "real" or (one.kind == "binary" and (one.low, one.step) != (0.0, 1.0)):
        return None
    return [
        Feature(
            name=column,
            kind=one.kind,
            width=1,  # constant columns too: the width is the array's
            dtype=dtype_of(table[column]),
            low=one.low,
            step=one.step,
            levels=one.levels,
            values=one.values,
            mean=one.mean,
            scale=one.scale,
            constant=constant_of(table[column]),
        )
        for column in table.column_names
    ]


def _bounded(counted: Counts) -> bool:
    """Whether values come near their highest, as grey levels do; counts thin out and have no highest."""
    values, counts = counted
    above = values > values[0]
    top = values >= values[0] + _TOP * (values[-1] - values[0])
    return bool(counts[top].sum() > _AT_THE_TOP * counts[above].sum())
