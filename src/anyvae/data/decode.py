"""Draws or means a model gives, back in input units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from anyvae.data.arrow import arrow_type, moments_of
from anyvae.data.clock import round_moments
from anyvae.data.errors import DataError
from anyvae.data.lattice import round_to
from anyvae.data.points import nearest_points
from anyvae.data.schema import Feature, Schema

if TYPE_CHECKING:
    import pyarrow as pa
    from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]

_ELEMENTS = 1 << 18


def decode(schema: Schema, x: Tensor, *, means: bool = False, rounded: bool = True) -> Array | pa.Table:
    """Rows in input units, dtype, order of columns and constants; `decode(encode(rows))` gives the rows back.

    Arguments:
        schema: of the data.
        x: (n, *event_shape), draws in encoded form, or means of them.
        means: whether ``x`` holds means: whole numbers, levels and binaries are then left between the values
            they can take, as floats, and a positive column gives its geometric mean. Categories and ordered
            levels are the most probable or the nearest one either way, which for a draw is the one drawn.
        rounded: whether real numbers and moments of a table are rounded as those of its column are, as what is drawn
            should be; means never are.

    Raises:
        DataError: ``x`` has another shape.

    Example:
        >>> from anyvae.data import Source, encode, infer_schema
        >>> source = Source("three", array=np.array([[5, 7], [7, 9], [9, 5]]), table=None)
        >>> schema = infer_schema(source)
        >>> decode(schema, encode(schema, source).x).tolist()
        [[5, 7], [7, 9], [9, 5]]
    """
    shape = tuple(schema.event_shape)
    if tuple(x.shape[1:]) != shape or x.ndim != len(shape) + 1:
        raise DataError(
            f"rows to decode have shape {tuple(x.shape)}, but the schema wants (n, {str(shape)[1:]}"
        )
    codes = x.detach().cpu().numpy()
    if schema.kind == "table":
        return _table(schema, codes.astype(np.float64), means, rounded and not means)
    [feature] = schema.features
    rows = max(1, _ELEMENTS // feature.width)  # at a time, so that float64 copies stay small
    blocks = [
        _restore(feature, codes[i : i + rows].astype(np.float64), means)
        for i in range(0, max(len(codes), 1), rows)
    ]
    values = np.concatenate(blocks)
    if schema.image:
        values = values[:, 0] if len(schema.input_shape) == 2 else np.moveaxis(values, 1, -1)
    return np.ascontiguousarray(values)


def _table(schema: Schema, codes: Array, means: bool, rounded: bool) -> pa.Table:
    import pyarrow as pa

    columns: dict[str, Any] = {}
    start = 0
    for feature in schema.features:
        code = codes[:, start : start + feature.width]
        start += feature.width
        if feature.constant is not None:
            columns[feature.name] = _constant(feature, len(codes))
        elif feature.kind == "categorical":
            columns[feature.name] = _categories(feature, code.argmax(axis=1))
        elif feature.categories:
            columns[feature.name] = _categories(feature, _level(feature, code[:, 0]))
        elif feature.kind == "date":
            days = code[:, 0] * feature.scale + feature.mean
            days = np.rint(days) if feature.step and not means else days
            moments = moments_of(days, feature.dtype)
            whole = feature.unit if rounded else None
            columns[feature.name] = round_moments(moments, whole) if whole else moments
        else:
            columns[feature.name] = pa.array(_restore(feature, code[:, 0], means, rounded))
    return pa.table(columns)


def _constant(feature: Feature, rows: int) -> Any:
    import pyarrow as pa

    kind = arrow_type(feature.dtype)
    if isinstance(feature.constant, str):
        return _categories(feature, np.full(rows, feature.categories.index(feature.constant)))
    return pa.repeat(pa.scalar(feature.constant, kind), rows)


def _categories(feature: Feature, k: Array) -> Any:
    import pyarrow as pa

    kind = arrow_type(feature.dtype)
    if pa.types.is_dictionary(kind):
        values = pa.array(feature.categories, kind.value_type)
        return pa.DictionaryArray.from_arrays(pa.array(k).cast(kind.index_type), values, ordered=True)
    return pa.array(feature.categories, pa.string()).cast(kind).take(pa.array(k))


def _level(feature: Feature, codes: Array) -> Array:
    """The number of the level nearest to each code."""
    place = (codes * feature.scale + feature.mean - feature.low) / feature.step
    return np.clip(np.rint(place), 0, feature.levels - 1).astype(np.int64)


def _on_points(feature: Feature, codes: Array, values: Array) -> Array:
    """The values, those on a point to its last bit."""
    points = np.array(feature.points)
    nearest, on = nearest_points(codes, (points - feature.mean) / feature.scale)
    return np.where(on, points[nearest], values)


def _restore(feature: Feature, codes: Array, means: bool, rounded: bool = False) -> Array:
    """Values in input units, in the input's dtype unless they are means of something else than floats."""
    dtype = np.dtype(feature.dtype)
    if feature.kind == "binary":
        k = codes if means else np.clip(np.rint(codes), 0, 1)
        values = feature.low + feature.step * k if means else feature.level_values(k.astype(np.int64))
    elif feature.levels and not means:
        values = feature.level_values(_level(feature, codes))
    else:
        most = np.finfo(np.float64).max / 4.0  # a draw beyond the largest numbers there are is the largest
        with np.errstate(over="ignore"):
            values = np.clip(codes * feature.scale + feature.mean, -most, most)
        if feature.points and not means:
            values = _on_points(feature, codes, values)
        if feature.kind == "positive":
            real = np.finfo(dtype if dtype.kind == "f" else np.float64)
            top, least = real.max, 1.0 if dtype.kind in "iu" and not means else float(real.tiny)
            values = np.exp(np.clip(values, None, np.log(top) - 1.0))
            values = np.maximum(values, least)  # a draw is never 0, which such a column cannot hold
        elif feature.kind in ("integer", "count") and not means:
            values = np.rint(values)
            values = np.maximum(values, 0.0) if feature.edge or feature.kind == "count" else values
        if rounded and feature.decimals is not None:
            values = round_to(values, feature.decimals)
            values = np.maximum(values, 10.0**-feature.decimals) if feature.kind == "positive" else values
    if means:
        return values.astype(dtype if dtype.kind == "f" else np.float64)
    if dtype.kind == "b":
        return values > 0.5
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        # The float64 below 2**63: the greatest integer itself would round up, out of range.
        top = np.nextafter(float(info.max), 0) if info.bits == 64 else info.max
        return np.clip(np.rint(values), info.min, top).astype(dtype)
    return values.astype(dtype)
