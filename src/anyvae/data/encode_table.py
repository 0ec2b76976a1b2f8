"""Rows of a table as one array of cells and a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from anyvae.data.arrow import is_moment, is_ordered, is_text, numbers, plain
from anyvae.data.errors import DataError, listing, number
from anyvae.data.schema import Feature, Schema
from anyvae.data.source import Source
from anyvae.data.units import misfit, standardise

if TYPE_CHECKING:
    import pyarrow as pa

Array = np.ndarray[Any, np.dtype[Any]]


def encode_table(schema: Schema, source: Source, unseen: str = "refuse") -> tuple[Array, Array | None]:
    """The cells, float32, (n, width), and which are observed, None where all are.

    Arguments:
        schema: of the table the model was fitted on.
        source: n rows.
        unseen: ``refuse`` or ``missing``; see `anyvae.data.encode`.

    Raises:
        DataError: see `anyvae.data.encode`.
    """
    columns = [feature.name for feature in schema.features]
    if source.table is None:
        raise DataError(
            f"{source.name} is an array, but the model was fitted on columns {listing(columns)}: give a table"
        )
    if unseen not in ("refuse", "missing"):
        raise DataError(f"unseen categories cannot be treated as {unseen!r}: give 'refuse' or 'missing'")
    if absent := [c for c in columns if c not in source.table.column_names]:
        raise DataError(
            f"{source.name} lacks the columns {listing(absent)} that the model was fitted on: add them"
        )
    if extra := [c for c in source.table.column_names if c not in columns]:
        raise DataError(
            f"{source.name} has the columns {listing(extra)} that the model was not fitted on: drop them"
        )
    table = plain(source.table, source.name)
    x = np.zeros((table.num_rows, *schema.event_shape), dtype=np.float32)
    mask = np.ones(x.shape, dtype=bool)
    start = 0
    for feature in schema.features:
        columns_of_x = slice(start, start + feature.width)
        codes, observed = _encode_column(feature, table[feature.name], source.name, unseen)
        x[:, columns_of_x] = codes[:, : feature.width]
        mask[:, columns_of_x] = observed[:, None]
        start += feature.width
    return x, None if mask.all() else mask


def _encode_column(feature: Feature, column: pa.ChunkedArray, table: str, unseen: str) -> tuple[Array, Array]:
    """Codes, (n, width), and which cells are observed, (n,)."""
    import pyarrow as pa

    if pa.types.is_null(column.type):
        return np.zeros((len(column), max(feature.width, 1))), np.zeros(len(column), dtype=bool)
    if feature.categories:
        return _category(feature, column, table, unseen)
    dates = feature.kind == "date"
    if is_text(column.type) or is_ordered(column.type) or is_moment(column.type) != dates:
        place, cell = next(((i, c) for i, c in enumerate(column.to_pylist()) if c is not None), (None, None))
        if place is None:
            return np.zeros((len(column), max(feature.width, 1))), np.zeros(len(column), dtype=bool)
        held = cell if is_text(column.type) else str(cell)
        raise DataError(
            f"row {place + 1} of column {feature.name!r} of {table} holds {held!r}, but the model was fitted "
            f"on {'dates' if dates else 'numbers'}: correct it, or leave the cell empty if it is missing"
        )
    values = numbers(column, feature.name, table)
    observed = ~np.isnan(values)
    if feature.constant is not None:
        always = feature.mean if isinstance(feature.constant, str) else float(feature.constant)
        codes, bad = values - feature.mean, values != always
        if feature.width:
            codes, _ = standardise(feature, values)
    else:
        codes, bad = standardise(feature, values)
    if (bad & observed).any():
        row = int(np.flatnonzero(bad & observed)[0])
        wrong = (
            misfit(feature, values[row])
            if feature.constant is None
            else f"holds {str(column[row]) if dates else number(values[row])}, but was always {feature.constant} in "
            "the data fitted: correct or drop the row, or fit again with such data"
        )
        raise DataError(f"row {row + 1} of column {feature.name!r} of {table} {wrong}")
    return np.where(observed, codes, 0.0)[:, None], observed


def _category(feature: Feature, column: pa.ChunkedArray, table: str, unseen: str) -> tuple[Array, Array]:
    """One-hot rows, or standardised places in the order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = column.cast(pa.string())
    observed = np.asarray(pc.is_valid(text))
    k = np.asarray(pc.fill_null(pc.index_in(text, value_set=pa.array(feature.categories, pa.string())), -1))
    strange = observed & (k < 0)
    if unseen == "missing":
        observed = observed & (k >= 0)
    elif strange.any():
        row = int(np.flatnonzero(strange)[0])
        raise DataError(
            f"row {row + 1} of column {feature.name!r} of {table} holds {text[row].as_py()!r}, which the "
            f"model was not fitted on: it knows {listing(feature.categories)}; correct it or leave the cell empty"
        )
    if feature.kind == "ordinal":
        codes = np.where(observed, (k - feature.mean) / feature.scale, 0.0)
        return codes[:, None], observed
    codes = np.zeros((len(column), len(feature.categories)), dtype=np.float32)
    codes[np.flatnonzero(observed), k[observed]] = 1.0
    return codes, observed
