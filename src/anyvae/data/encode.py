"""Rows in input units to the tensors a model sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from anyvae.data.errors import DataError, listing, number
from anyvae.data.schema import Feature, Schema
from anyvae.data.source import Source

if TYPE_CHECKING:
    import pyarrow as pa
    from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]

_SLACK = 0.05  # of a step: what a level may stray by and still be that level
_ELEMENTS = 1 << 18  # elements at a time, so that float64 copies stay small


@dataclass(frozen=True)
class Encoded:
    """Rows as a model sees them.

    Arguments:
        x: float32, (n, *event_shape). Real numbers and levels are standardised, binaries are 0 or 1,
            categories are one-hot; what is missing is 0.
        mask: bool, the shape of ``x``, True where observed; None when nothing is missing.
        binarise: whether ``x`` holds Bernoulli means in [0, 1], from which the caller draws.
    """

    x: Tensor
    mask: Tensor | None
    binarise: bool


def encode(schema: Schema, source: Source) -> Encoded:
    """The rows of a source as tensors.

    Arguments:
        schema: of the data the model was fitted on.
        source: n rows of the same kind; columns of a table are found by name.

    Raises:
        DataError: the rows do not fit the schema: other columns or shape, a category or level that was not
            there, infinities; row and column are named.

    Example:
        >>> from anyvae.data import infer_schema
        >>> source = Source("four", array=np.array([[0, 2], [1, 1], [2, 0], [0, 0]]), table=None)
        >>> encode(infer_schema(source), source).x.shape
        torch.Size([4, 2])
    """
    x, mask = _encode_table(schema, source) if schema.kind == "table" else _encode_array(schema, source)
    import torch

    return Encoded(
        x=torch.from_numpy(x), mask=None if mask is None else torch.from_numpy(mask), binarise=schema.binarise
    )


def log_unit(schema: Schema) -> Tensor:
    r"""Log of one encoded unit in input units, so that log p(input) = log p(encoded) - log_unit.

    It is :math:`\log \mathrm{scale}` for real numbers, :math:`\log \mathrm{step}` for levels (their mass is
    spread over one step) and 0 for binaries and categories.

    Arguments:
        schema: of the data.

    Returns:
        float64, (\*event_shape), nats per element.
    """
    import torch

    units = {"real": lambda f: np.log(f.scale), "levels": lambda f: np.log(f.step)}
    parts = [np.full(f.width, units[f.kind](f) if f.kind in units else 0.0) for f in schema.features]
    return torch.from_numpy(np.concatenate(parts).reshape(schema.event_shape))


def _standardise(feature: Feature, values: Array, binarise: bool = False) -> tuple[Array, Array]:
    """Encoded values, float64, and which of them do not fit the feature; NaN fits and stays NaN."""
    if feature.kind == "real":
        return (values - feature.mean) / feature.scale, np.zeros(values.shape, dtype=bool)
    place = (values - feature.low) / feature.step
    if binarise:
        return place, (place < 0) | (place > 1)
    k = np.rint(place)
    bad = (np.abs(place - k) > _SLACK) | (k < 0) | (k >= feature.levels)
    if feature.kind == "binary":
        return k, bad
    return (feature.low + feature.step * k - feature.mean) / feature.scale, bad


def _misfit(feature: Feature, value: float, binarise: bool = False) -> str:
    held = f"holds {number(value)}, but the model was fitted on "
    if binarise:
        return held + f"means in {number(feature.low)}..{number(feature.high)}: rescale the data"
    if feature.kind == "binary":
        return (
            held
            + f"{number(feature.low)} and {number(feature.high)}: correct it, or fit again with such data"
        )
    step = "" if feature.step == 1 else f" in steps of {number(feature.step)}"
    span = f"{number(feature.low)}..{number(feature.high)}{step}"
    return held + f"{span}: correct or drop the row, or fit again with such data"


def _encode_array(schema: Schema, source: Source) -> tuple[Array, Array | None]:
    array = _array_for(schema, source)
    [feature] = schema.features
    x = np.empty(array.shape, dtype=np.float32)
    mask: Array | None = None
    if array.dtype.itemsize == 1:  # look the 256 values up: pixels are many
        every = np.arange(256, dtype=np.uint8).view(array.dtype if array.dtype != np.bool_ else np.uint8)
        codes, bad = _standardise(feature, every.astype(np.float64), schema.binarise)
        pixels = array.view(np.uint8)
        np.take(codes.astype(np.float32), pixels, out=x)
        if bad.any() and (wrong := bad[pixels]).any():
            raise DataError(
                _where(source, array, wrong) + _misfit(feature, float(array[wrong][0]), schema.binarise)
            )
    else:
        for rows in _row_blocks(array):
            values = array[rows].astype(np.float64)
            missing, infinite = np.isnan(values), np.isinf(values)
            if infinite.any():
                raise DataError(
                    f"{_where(source, array, infinite, rows.start)}holds {values[infinite][0]}: "
                    f"replace it, or write NaN if it is missing"
                )
            codes, bad = _standardise(feature, values, schema.binarise)
            if (wrong := bad & ~missing).any():
                raise DataError(
                    _where(source, array, wrong, rows.start)
                    + _misfit(feature, values[wrong][0], schema.binarise)
                )
            if missing.any():
                mask = np.ones(array.shape, dtype=bool) if mask is None else mask
                mask[rows] = ~missing
                codes[missing] = 0.0
            x[rows] = codes
    if schema.binarise and feature.step > 1 and len(x) and array.dtype.kind == "f" and 0 < array.max() <= 1:
        raise DataError(
            f"pixels of {source.name} lie in 0..1, but the model was fitted on 0..{number(feature.step)}: "
            f"multiply them by {number(feature.step)}"
        )
    return _to_event(x, schema), None if mask is None else _to_event(mask, schema)


def _array_for(schema: Schema, source: Source) -> Array:
    from anyvae.data.arrays import check_array

    shape = tuple(schema.input_shape)
    wanted = "x".join(map(str, shape))
    if source.array is None:
        table = source.table
        names = [f"x{i}" for i in range(int(np.prod(shape)))]
        if table is None or table.column_names != names:
            raise DataError(
                f"{source.name} is a table, but the model was fitted on rows of shape {wanted}: give an "
                "array or "
                f"images, or a table with columns x0 to {names[-1]}"
            )
        from anyvae.data.columns import numbers
        from anyvae.data.tables import is_text

        for name in names:
            if is_text(table[name].type):
                raise DataError(
                    f"column {name!r} of {source.name} is text, but the model was fitted on numbers"
                )
        return np.stack([numbers(table[n], n, source.name) for n in names], axis=1).reshape(-1, *shape)
    array = check_array(source.array, source.name)
    if array.shape[1:] != shape:
        got = "x".join(map(str, array.shape[1:]))
        raise DataError(
            f"rows of {source.name} have shape {got}, but the model was fitted on {wanted}: reshape or "
            "resize them"
        )
    return array


def _row_blocks(array: Array) -> Iterator[slice]:
    rows = max(1, _ELEMENTS // max(1, array[0].size)) if len(array) else 1
    for start in range(0, len(array), rows):
        yield slice(start, start + rows)


def _where(source: Source, array: Array, wrong: Array, start: int = 0) -> str:
    row, *place = np.argwhere(wrong)[0].tolist()
    what = "pixel" if array.ndim > 2 else "element"
    return f"row {row + start}, {what} {place} (from 0) of {source.name} "


def _to_event(array: Array, schema: Schema) -> Array:
    if schema.image and len(schema.input_shape) == 3:
        array = np.ascontiguousarray(np.moveaxis(array, -1, 1))
    return array.reshape(len(array), *schema.event_shape)


def _encode_table(schema: Schema, source: Source) -> tuple[Array, Array | None]:
    table = source.table
    columns = [feature.name for feature in schema.features]
    if table is None:
        raise DataError(
            f"{source.name} is an array, but the model was fitted on columns {listing(columns)}: give a table"
        )
    if absent := [c for c in columns if c not in table.column_names]:
        raise DataError(
            f"{source.name} lacks the columns {listing(absent)} that the model was fitted on: add them"
        )
    if extra := [c for c in table.column_names if c not in columns]:
        raise DataError(
            f"{source.name} has the columns {listing(extra)} that the model was not fitted on: drop them"
        )
    x = np.zeros((table.num_rows, *schema.event_shape), dtype=np.float32)
    mask = np.ones(x.shape, dtype=bool)
    start = 0
    for feature in schema.features:
        columns_of_x = slice(start, start + feature.width)
        codes, observed = _encode_column(feature, table[feature.name], source.name)
        x[:, columns_of_x] = codes[:, : feature.width]
        mask[:, columns_of_x] = observed[:, None]
        start += feature.width
    return x, None if mask.all() else mask


def _encode_column(feature: Feature, column: pa.ChunkedArray, table: str) -> tuple[Array, Array]:
    """Codes, (n, width), and which cells are observed, (n,)."""
    import pyarrow as pa

    from anyvae.data.tables import is_fittable, is_text, unfittable

    if not is_fittable(column.type):
        raise DataError(unfittable(feature.name, column.type, table))
    if pa.types.is_null(column.type):
        return np.zeros((len(column), max(feature.width, 1))), np.zeros(len(column), dtype=bool)
    if feature.kind == "categorical":
        return _one_hot(feature, column, table)
    if is_text(column.type):
        row, cell = next((i, c) for i, c in enumerate(column.to_pylist()) if c is not None)
        raise DataError(
            f"row {row + 1} of column {feature.name!r} of {table} holds {cell!r}, but the model was fitted "
            "on numbers: "
            f"correct it, or leave the cell empty if it is missing"
        )
    from anyvae.data.columns import numbers

    values = numbers(column, feature.name, table)
    observed = ~np.isnan(values)
    if feature.constant is not None:
        codes, bad = values - feature.mean, values != float(feature.constant)
        if feature.width:
            codes, _ = _standardise(feature, values)
    else:
        codes, bad = _standardise(feature, values)
    if (bad & observed).any():
        row = int(np.flatnonzero(bad & observed)[0])
        misfit = (
            _misfit(feature, values[row])
            if feature.constant is None
            else f"holds {number(values[row])}, but was always {feature.constant} in the data fitted: "
            f"correct or drop the row, or fit again with such data"
        )
        raise DataError(f"row {row + 1} of column {feature.name!r} of {table} {misfit}")
    return np.where(observed, codes, 0.0)[:, None], observed


def _one_hot(feature: Feature, column: pa.ChunkedArray, table: str) -> tuple[Array, Array]:
    import pyarrow as pa
    import pyarrow.compute as pc

    text = column.cast(pa.string())
    observed = np.asarray(pc.fill_null(pc.not_equal(text, ""), False))
    k = np.asarray(pc.fill_null(pc.index_in(text, value_set=pa.array(feature.categories, pa.string())), -1))
    unseen = observed & (k < 0)
    if unseen.any():
        row = int(np.flatnonzero(unseen)[0])
        raise DataError(
            f"row {row + 1} of column {feature.name!r} of {table} holds {text[row].as_py()!r}, which the "
            "model was not "
            f"fitted on: it knows {listing(feature.categories)}; correct it or leave the cell empty"
        )
    codes = np.zeros((len(column), len(feature.categories)), dtype=np.float32)
    codes[np.flatnonzero(observed), k[observed]] = 1.0
    return codes, observed
