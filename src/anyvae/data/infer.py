"""From a source to its schema: the likelihood is chosen from the data, or refused where it cannot be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from anyvae.data.errors import DataError, number
from anyvae.data.lattice import (
    Counts,
    Lattice,
    count_distinct,
    counted_moments,
    find_lattice,
    moments,
    precision_of,
    whole_lattice,
)
from anyvae.data.schema import Feature, Kind, Schema
from anyvae.data.source import Source

Array = np.ndarray[Any, np.dtype[Any]]

LIKELIHOODS = ("normal", "discretised", "bernoulli")


def infer_schema(
    source: Source,
    likelihood: str | None = None,
    kinds: Mapping[str, str | Sequence[str]] | None = None,
    *,
    plain: bool = False,
) -> Schema:
    """What the rows of a source are, and so how they are encoded.

    Arguments:
        source: two rows or more.
        likelihood: ``normal``, ``discretised`` or ``bernoulli`` for all numbers, or None to choose from the
            data: two values are binary, values on a lattice are levels, other numbers are real, strings are
            categories. Columns of a table are chosen one by one: see `anyvae.data.kinds.column_feature`.
        kinds: of columns of a table, by name, where another than the chosen one is wanted: ``real``,
            ``positive``, ``levels``, ``integer``, ``count``, ``binary``, ``categorical``, ``ordinal`` or
            ``date``, or a list of categories in their order.
        plain: whether every column of real numbers is one normal, whatever its shape.

    Raises:
        DataError: the likelihood or a kind does not fit the data, or nothing can be fitted: one row,
            infinities, a column without values, no element that varies.

    Example:
        >>> rows = np.array([[0.01, 0.02], [0.04, 0.01], [0.03, 0.09]])
        >>> [infer_schema(Source("a", x, None)).features[0].kind for x in (rows, np.exp(rows), rows > 0.02)]
        ['levels', 'real', 'binary']
        >>> import pyarrow as pa
        >>> made = Source("made", None, pa.table({"age": [31, 62, 47], "size": ["s", "l", "m"]}))
        >>> [feature.kind for feature in infer_schema(made, kinds={"size": ["s", "m", "l"]}).features]
        ['integer', 'ordinal']
    """
    if likelihood is not None and likelihood not in LIKELIHOODS:
        raise DataError(f"there is no likelihood {likelihood!r}: give one of {', '.join(LIKELIHOODS)}")
    if len(source) < 2:
        raise DataError(
            f"{source.name} has {len(source) or 'no'} row{'s' * (len(source) != 1)}: a fit wants two or more"
        )
    if source.table is not None:
        from anyvae.data.columns import infer_table

        return infer_table(source, likelihood, kinds, plain=plain)
    if kinds:
        raise DataError(
            f"{source.name} is an array, whose elements have no kinds: leave them out, or give a table"
        )
    return _infer_array(source, likelihood)


def describe(
    array: Array,
    likelihood: str | None,
    *,
    name: str,
    where: str,
    width: int,
    dtype: str,
    whole: bool = False,
) -> Feature:
    """The feature that one array of numbers is, all of its elements on one lattice and one scale.

    Arguments:
        array: finite numbers of any shape, at least two of them different; NaN is missing.
        likelihood: as in `infer_schema`.
        name: of the feature.
        where: what to call it in a message.
        width: of the feature.
        dtype: of the feature.
        whole: whether the numbers are integers in a float array, and so may have any number of levels.

    Raises:
        DataError: the likelihood does not fit the numbers.
    """
    counted = count_distinct(array)
    low, high = float(np.fmin.reduce(array, axis=None)), float(np.fmax.reduce(array, axis=None))
    kind, lattice = _kind(array, counted, low, high, likelihood, whole, where)
    mean, scale = moments(array) if counted is None else counted_moments(counted)
    if lattice is None:
        return Feature(name=name, kind=kind, width=width, dtype=dtype, mean=mean, scale=scale)
    return Feature(
        name=name,
        kind=kind,
        width=width,
        dtype=dtype,
        low=lattice.low,
        step=lattice.step,
        levels=lattice.levels,
        values=lattice.values,
        mean=mean,
        scale=scale,
    )


def _kind(
    array: Array,
    counted: Counts | None,
    low: float,
    high: float,
    likelihood: str | None,
    whole: bool,
    where: str,
) -> tuple[Kind, Lattice | None]:
    if likelihood == "normal":
        return "real", None
    lattice = None
    if array.dtype.kind in "iub" or whole:
        lattice = whole_lattice(counted, low, high)
    elif counted is not None:
        lattice = find_lattice(counted.values, precision_of(array.dtype, counted.values))
    if likelihood == "bernoulli":
        if lattice is None or lattice.levels != 2:
            raise DataError(
                f"{_values_of(where, counted, low, high)}, so Bernoulli does not fit: give the likelihood discretised "
                "or normal (--likelihood, likelihood=), leave the option out, or turn the values into 0 and 1"
            )
        return "binary", lattice
    if likelihood == "discretised" and lattice is None:
        raise DataError(
            f"{_values_of(where, counted, low, high)}, which are not evenly spaced levels, so discretised does not "
            "fit: give the likelihood normal (--likelihood, likelihood=), leave the option out, or round the values"
        )
    if lattice is None:
        return "real", None
    return ("binary" if lattice.levels == 2 and likelihood is None else "levels"), lattice


def _values_of(where: str, counted: Counts | None, low: float, high: float) -> str:
    many = "many" if counted is None else f"{len(counted.values):,}"
    verb = "holds" if where.startswith("column ") else "hold"
    return f"{where} {verb} {many} values from {number(low)} to {number(high)}"


def _infer_array(source: Source, likelihood: str | None) -> Schema:
    from anyvae.data.arrays import check_array

    assert source.array is not None
    array = check_array(source.array, source.name)
    input_shape = tuple(array.shape[1:])
    image = len(input_shape) > 1
    check_finite(array, source.name)
    lowest, highest = np.fmin.reduce(array, axis=0), np.fmax.reduce(array, axis=0)
    if array.dtype.kind == "f" and np.isnan(lowest).any():
        place = np.argwhere(np.isnan(lowest))[0].tolist()
        raise DataError(f"element {place} of {source.name} (from 0) is missing in every row: leave it out")
    if (lowest.min() == highest.max()).all():
        raise DataError(
            f"every value of {source.name} is {lowest.flat[0]}: there is nothing to fit, give data that vary"
        )
    name, where = ("pixels" if image else "values"), f"{'pixels' if image else 'values'} of {source.name}"
    dtype, width = str(array.dtype), math.prod(input_shape)
    binarise = source.binarise and likelihood in (None, "bernoulli")
    if binarise:
        top = 255.0 if array.dtype == np.uint8 else 1.0
        if lowest.min() < 0 or highest.max() > top:
            raise DataError(f"{where} are to be Bernoulli means but leave 0..{number(top)}: rescale them")
        feature = Feature(name=name, kind="binary", width=width, dtype=dtype, step=top, levels=2)
    else:
        feature = describe(array, likelihood, name=name, where=where, width=width, dtype=dtype)
    constant = to_event(lowest == highest, image).reshape(-1)
    return Schema(
        kind="array",
        event_shape=tuple(to_event(lowest, image).shape),
        input_shape=input_shape,
        features=[feature],
        image=image,
        binarise=binarise,
        constant_elements=np.flatnonzero(constant).tolist(),
        missing_cells=int(np.isnan(array).sum()) if array.dtype.kind == "f" else 0,
        rows=len(array),
    )


def check_finite(array: Array, where: str) -> None:
    """Refuse infinities, naming the first.

    Arguments:
        array: rows first; NaN passes.
        where: what to call the array in a message.

    Raises:
        DataError: an element is infinite.

    Example:
        >>> check_finite(np.array([[0.0, 1.0], [2.0, np.inf]]), "x")
        Traceback (most recent call last):
            ...
        anyvae.data.errors.DataError: x holds inf in row 1, element [1] (from 0): drop it or write NaN
    """
    if array.dtype.kind != "f" or not np.isinf(array).any():
        return
    row, *place = np.argwhere(np.isinf(array))[0].tolist()
    raise DataError(
        f"{where} holds {array[(row, *place)]} in row {row}, element {place} (from 0): drop it or write NaN"
    )


def to_event(array: Array, image: bool) -> Array:
    """The last two or three axes of images as (C, H, W); other arrays as they are.

    Arguments:
        array: (H, W), (H, W, C) or (d,).
        image: whether it is a picture.
    """
    if not image:
        return array
    return array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0)
