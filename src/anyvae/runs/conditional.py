"""Questions about some columns of a table given others: draws, fillings, blame, classes; all one machinery."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from anyvae.data import DataError, Schema, Source, decode
from anyvae.data.arrow import cuts_time, is_text
from anyvae.data.compact import seen_cells
from anyvae.data.errors import listing
from anyvae.data.words import words
from anyvae.inference import cell_log_density, class_mean, condition, conditional_mean

if TYPE_CHECKING:
    import pyarrow as pa

    from anyvae.runs.fitted import FittedModel

__all__ = [
    "cells_of",
    "class_probabilities",
    "explain",
    "fill",
    "fill_by_draws",
    "label_probabilities",
]


def cells_of(schema: Schema) -> dict[str, slice]:
    """The elements of an encoded row that belong to each column, but for constant ones.

    Arguments:
        schema: of a table.

    Raises:
        DataError: when the rows are no table.
    """
    if schema.kind != "table":
        raise DataError("the model was fitted on arrays, and columns are asked for: fit a table")
    found, start = {}, 0
    for feature in schema.features:
        if feature.width and feature.constant is None:
            found[feature.name] = slice(start, start + feature.width)
        start += feature.width
    return found


def label_probabilities(fitted: FittedModel, source: Source) -> tuple[list[Any], Any]:
    """p(label | row) of every class; deterministic.

    Arguments:
        fitted: a model of rows and labels.
        source: the rows; labels that they have are not looked at.

    Returns:
        The classes, and an array (rows, classes) whose rows sum to 1.
    """
    [feature] = fitted.schema.beside["y"].features
    summed = fitted.recipe.enumerate
    found = [class_mean(fitted.model, batch, "y", enumerate=summed) for batch in fitted.blocks(source)]
    shares = torch.cat(found).double()
    return list(feature.categories), (shares / shares.sum(1, keepdim=True)).cpu().numpy()


def fill(fitted: FittedModel, source: Source, *, samples: int = 256, seed: int = 0) -> pa.Table:
    """The rows with each hole filled by its mean given the rest of the row, or its most probable value.

    Whole numbers get the nearest one to their mean, categories and truth values the most probable. Positive numbers get
    their mean where their logarithm is normal, and e to the mean of it where it has heavy tails or several modes, whose
    exponential need not have one. Deterministic.

    Arguments:
        fitted: the model.
        source: rows with holes.
        samples: S, weighed draws a row.
        seed: of the draws.
    """
    batch = fitted.batch(source, labels=True)
    x = conditional_mean(
        fitted.model, batch, samples=samples, logarithms=_logarithms(fitted.schema), seed=seed
    )
    return _given(decode(fitted.schema, x, rounded=False), source)


def _logarithms(schema: Schema) -> Tensor | None:
    """Of each cell how many units of a logarithm it has where that is normal, 0 where it is none; None without any."""
    scales = [
        feature.scale if feature.kind == "positive" and feature.form == "plain" else 0.0
        for feature in schema.features
        for _ in range(feature.width)
    ]
    return torch.tensor(scales).view(schema.event_shape) if any(scales) else None


def fill_by_draws(
    fitted: FittedModel, source: Source, draws: int, *, samples: int = 256, steps: int = 16, seed: int = 0
) -> list[pa.Table]:
    """The rows several times over, each time with holes filled by a joint draw given the rest of the row.

    Arguments:
        fitted: the model.
        source: rows with holes.
        draws: how many tables.
        samples: S, weighed draws a row.
        steps: of the chain.
        seed: of the draws.
    """
    batch = fitted.batch(source, labels=True)
    found = condition(fitted.model, batch, draws, samples=samples, steps=steps, seed=seed, names=["x"])
    return [_given(decode(fitted.schema, x), source) for x in found.values["x"]]


def explain(fitted: FittedModel, source: Source, *, samples: int = 256, seed: int = 0) -> Any:
    r"""Log-density of every cell given the other cells of its row, nats in input units, (rows, columns).

    .. math:: \log p(x_j \mid x_{-j})

    Arguments:
        fitted: the model.
        source: the rows.
        samples: S, weighed draws a cell.
        seed: of the draws.

    Returns:
        A float64 array, NaN where a cell is missing and else 0 in columns that were constant in the data fitted.
    """
    cells = cells_of(fitted.schema)
    places = list(cells.values())
    blocks = fitted.blocks(source, pattern=False)
    values = torch.cat(
        [cell_log_density(fitted.model, batch, places, samples=samples, seed=seed) for batch in blocks]
    )
    found = np.zeros((len(source), len(fitted.schema.features)))
    placed = [i for i, feature in enumerate(fitted.schema.features) if feature.name in cells]
    found[:, placed] = values.cpu().double().numpy()
    return np.where(seen_cells(fitted.schema, source), found, np.nan)


def class_probabilities(
    fitted: FittedModel, source: Source, column: str, *, samples: int = 256, seed: int = 0
) -> tuple[list[Any], Any]:
    r"""p(column | the other cells of the row) of every category, whatever the column holds in these rows.

    Arguments:
        fitted: the model.
        source: rows; the column may be missing from them.
        column: of categories, or of two values.
        samples: S, weighed draws a row.
        seed: of the draws.

    Returns:
        The classes, and an array (rows, classes) whose rows sum to 1.

    Raises:
        DataError: for a column that there is not, or one of numbers.
    """
    cells = cells_of(fitted.schema)
    features = {feature.name: feature for feature in fitted.schema.features if feature.name in cells}
    classed = [name for name, feature in features.items() if feature.kind in ("categorical", "binary")]
    instead = f"give one of {listing(classed)}" if classed else "the model has none of categories"
    if column not in features:
        raise DataError(f"there is no column {column!r} to tell classes of: {instead}")
    feature = features[column]
    if column not in classed:
        raise DataError(f"column {column!r} is {feature.kind}, and classes were asked for: {instead}")
    blocks = fitted.blocks(_without(source, column, fitted.schema), pattern=False, labels=True)
    mean = torch.cat(
        [
            conditional_mean(fitted.model, batch, samples=samples, seed=seed)[:, cells[column]]
            for batch in blocks
        ]
    )
    if feature.kind == "binary":
        share = mean.clamp(0.0, 1.0)
        classes: list[Any] = feature.level_values(np.arange(2)).astype(feature.dtype).tolist()
        return classes, torch.cat([1.0 - share, share], 1).cpu().double().numpy()
    share = mean.double().clamp_min(0.0)
    return list(feature.categories), (share / share.sum(1, keepdim=True)).cpu().numpy()


def _given(table: Any, source: Source) -> Any:
    """The cells of the source where it has them, to the last bit, and those of the table, or array, elsewhere."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if source.table is None:
        assert source.array is not None
        own = source.array
        return np.where(np.isnan(own), table, own) if own.dtype.kind == "f" else own
    columns = {}
    for name in table.column_names:
        own, filled = source.table[name].combine_chunks(), table[name].combine_chunks()
        if isinstance(own, pa.ChunkedArray):
            own = pa.concat_arrays(own.chunks) if own.num_chunks else pa.nulls(0)
        if pa.types.is_floating(own.type):
            own = pc.if_else(pc.is_nan(own), pa.scalar(None, own.type), own)
        columns[name] = pc.coalesce(*_of_one_type(own, filled))
    return pa.table(columns)


def _of_one_type(own: Any, filled: Any) -> tuple[Any, Any]:
    """Both columns in the type of the second, or of the first where its cells would not survive that; else text."""
    import pyarrow as pa

    if pa.types.is_null(own.type):  # to which cuts_time would cast the second
        return own.cast(filled.type), filled
    narrower = pa.types.is_floating(own.type) and pa.types.is_floating(filled.type)
    if narrower and own.type.bit_width > filled.type.bit_width:  # no cast to a shorter float is refused
        return own, filled.cast(own.type)
    if is_text(filled.type):
        return words(own).cast(filled.type), filled
    try:
        found = own.cast(filled.type)
        return (own, filled.cast(own.type)) if cuts_time(own, found) else (found, filled)
    except pa.ArrowNotImplementedError:  # numbers in a column of ordered levels, none of which they are
        return words(own), words(filled)
    except pa.ArrowInvalid:
        return own, filled.cast(own.type, safe=False)


def _without(source: Source, column: str, schema: Schema) -> Source:
    """The rows with one column missing in all of them."""
    import pyarrow as pa

    table = source.table
    if table is None:
        raise DataError(f"{source.name} is an array, and columns are asked for: give a table")
    hidden = pa.nulls(len(table))
    if column in table.column_names:
        table = table.set_column(table.column_names.index(column), column, hidden)
    else:
        table = table.append_column(column, hidden)
    return replace(source, table=table)
