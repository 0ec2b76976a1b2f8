"""Rows in input units to the tensors a model sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from anyvae.data.compact import encode_compact
from anyvae.data.errors import DataError, number
from anyvae.data.schema import Schema
from anyvae.data.source import Source
from anyvae.data.units import misfit, standardise

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]
Unseen = Literal["refuse", "missing"]

_ELEMENTS = 1 << 18  # elements at a time, so that float64 copies stay small


@dataclass(frozen=True)
class Encoded:
    """Rows as a model sees them.

    Arguments:
        x: float32, (n, *event_shape). Numbers, dates and ordered levels are standardised, positive numbers
            after their logarithm, binaries are 0 or 1, categories are one-hot; what is missing is 0.
        mask: bool, the shape of ``x``, True where observed; None when nothing is missing.
        binarise: whether ``x`` holds Bernoulli means in [0, 1], from which the caller draws.
    """

    x: Tensor
    mask: Tensor | None
    binarise: bool


def encode(schema: Schema, source: Source, unseen: Unseen = "refuse") -> Encoded:
    """The rows of a source as tensors.

    Arguments:
        schema: of the data the model was fitted on.
        source: n rows of the same kind; columns of a table are found by name.
        unseen: whether a category, a level or another value of a constant column that the model was not fitted on is
            refused, or read as ``missing`` with a warning.

    Raises:
        DataError: the rows do not fit the schema: other columns or shape, a category or level that was not
            there, infinities; row and column are named.

    Example:
        >>> from anyvae.data import infer_schema
        >>> source = Source("four", array=np.array([[0, 2], [1, 1], [2, 0], [0, 0]]), table=None)
        >>> encode(infer_schema(source), source).x.shape
        torch.Size([4, 2])
    """
    import torch

    if schema.kind == "table":
        compact = encode_compact(schema, source, unseen)
        return Encoded(*compact.expand(compact.codes, compact.mask), binarise=schema.binarise)
    x, mask = _encode_array(schema, source)

    return Encoded(
        x=torch.from_numpy(x), mask=None if mask is None else torch.from_numpy(mask), binarise=schema.binarise
    )


def cell_mask(mask: Tensor, schema: Schema) -> Tensor:
    """Which cells are seen, one number for each column that is encoded, shape (rows, columns).

    Arguments:
        mask: of elements, shape (rows, width).
        schema: of the table.
    """
    import torch

    widths = torch.tensor(schema.widths)
    return mask[:, widths.cumsum(0) - widths].float()


def _encode_array(schema: Schema, source: Source) -> tuple[Array, Array | None]:
    array = _array_for(schema, source)
    [feature] = schema.features
    x = np.empty(array.shape, dtype=np.float32)
    mask: Array | None = None
    if array.dtype.itemsize == 1:  # look the 256 values up: pixels are many
        every = np.arange(256, dtype=np.uint8).view(array.dtype if array.dtype != np.bool_ else np.uint8)
        codes, bad = standardise(feature, every.astype(np.float64), schema.binarise)
        pixels = array.view(np.uint8)
        np.take(codes.astype(np.float32), pixels, out=x)
        if bad.any() and (wrong := bad[pixels]).any():
            raise DataError(
                _where(source, array, wrong)
                + misfit(feature, float(array[wrong][0]), schema.binarise, array=True)
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
            codes, bad = standardise(feature, values, schema.binarise)
            if (wrong := bad & ~missing).any():
                raise DataError(
                    _where(source, array, wrong, rows.start)
                    + misfit(feature, values[wrong][0], schema.binarise, array=True)
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
        from anyvae.data.arrow import is_text, numbers

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
