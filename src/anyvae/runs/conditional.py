"""Questions about some columns of a table given others: draws, fillings, blame, classes; all one machinery."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from anyvae.data import DataError, Schema, Source, decode
from anyvae.data.errors import listing
from anyvae.inference import cell_log_density, class_mean, condition, conditional_mean, sample
from anyvae.model import Batch, Partial
from anyvae.recipes import find_recipe
from anyvae.runs.beside import beside_of, with_label

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
    "sample_given",
]

_PROPOSALS = 4096
"""Weighed draws of the latents for one row that all draws are given."""

_BLOCK = 20_000
"""Rows that are drawn at a time."""


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


def sample_given(
    fitted: FittedModel, rows: int, given: Mapping[str, Any], *, steps: int = 16, seed: int = 0
) -> tuple[pa.Table, float]:
    r"""Rows of p(other columns | given), none thrown away.

    Arguments:
        fitted: the model.
        rows: how many.
        given: column to value.
        steps: of the chain that starts from the weighed draws; see `anyvae.inference.condition`.
        seed: of the draws.

    Returns:
        The rows, and the effective number of the 4,096 weighed draws that they start from; infinite where no cell of
        the rows themselves is given, so that they are drawn as the model draws rows.

    Raises:
        DataError: for a column that there is not, or a value that it cannot have.
    """
    aside = {feature.name: feature for part in fitted.schema.beside.values() for feature in part.features}
    own = {name: value for name, value in given.items() if name not in aside}
    if fitted.schema.kind != "table" and own:
        known = f": the columns are {listing(list(aside))}" if aside else ""
        raise DataError(f"there is no column {next(iter(own))!r} to be given{known}")
    try:
        batch = _one_batch(fitted, own, {name: given.get(name) for name in aside})
    except DataError as error:
        raise DataError(str(error).removeprefix("row 1 of ")) from None
    if not own:
        return _generated(fitted, batch, rows, seed), math.inf
    parts, labels, effective = [], [], 0.0
    for block, start in enumerate(range(0, rows, _BLOCK)):
        count = min(_BLOCK, rows - start)
        found = condition(
            fitted.model,
            batch,
            count,
            samples=_PROPOSALS,
            steps=steps,
            seed=seed + 1_000_003 * block,
            names=["x", "y"],
        )
        parts.append(found.values["x"][:, 0])
        if "y" in fitted.schema.beside:
            labels.append(found.values["y"][:, 0])
        effective = float(found.effective[0])
    table = _keep(decode(fitted.schema, torch.cat(parts)), own, rows)
    return (table if not labels else with_label(fitted.schema, table, torch.cat(labels))), effective


def _one_batch(fitted: FittedModel, own: Mapping[str, Any], aside: Mapping[str, Any]) -> Batch:
    """One row with the given cells, and with the given columns that are set aside from rows."""
    import pyarrow as pa

    schema = fitted.schema
    columns = {}
    for part in schema.beside.values():
        for feature in part.features:
            columns[feature.name] = _cell(feature.name, feature.kind, aside[feature.name])
    beside = pa.table(columns) if columns else None
    if schema.kind == "table":
        row = replace(_one_row(schema, own, list(aside)), beside=beside)
        batch = dict(fitted.batch(row, "refuse", pattern=False, labels=True))
    else:
        row = Source("what is given", np.zeros((1, 1)), None, beside=beside)
        batch = dict(beside_of(schema, row))
    if "y" in batch:
        label = batch["y"]
        assert isinstance(label, Partial)
        if bool(label.mask.all()):
            batch["y"] = label.value
        else:
            del batch["y"]
    return batch


def _generated(fitted: FittedModel, batch: Batch, rows: int, seed: int) -> Any:
    """Rows of p(x | label, condition): nothing below x is given, so they are drawn as the model draws them."""
    parts, labels = [], []
    names = ["x", "y"] if "y" in fitted.schema.beside else ["x"]
    for block, start in enumerate(range(0, rows, _BLOCK)):
        count = min(_BLOCK, rows - start)
        given = {
            name: item.expand(count, *item.shape[1:])
            for name, item in batch.items()
            if name != "x" and isinstance(item, torch.Tensor)
        }
        found = sample(fitted.model, count, names, seed=seed + 1_000_003 * block, given=given)
        parts.append(found["x"])
        labels += [found[name] for name in names[1:]]
    decoded = decode(fitted.schema, torch.cat(parts).cpu())
    return with_label(fitted.schema, decoded, torch.cat(labels)) if labels else decoded


def label_probabilities(fitted: FittedModel, source: Source) -> tuple[list[Any], Any]:
    """p(label | row) of every class; deterministic.

    Arguments:
        fitted: a model of rows and labels.
        source: the rows; labels that they have are not looked at.

    Returns:
        The classes, and an array (rows, classes) whose rows sum to 1.
    """
    [feature] = fitted.schema.beside["y"].features
    summed = find_recipe(fitted.config.recipe).enumerate
    shares = class_mean(fitted.model, fitted.batch(source), "y", enumerate=summed).double()
    return list(feature.categories), (shares / shares.sum(1, keepdim=True)).cpu().numpy()


def fill(fitted: FittedModel, source: Source, *, samples: int = 256, seed: int = 0) -> pa.Table:
    """The rows with each hole filled by its mean given the rest of the row, or its most probable value.

    Whole numbers get the nearest one to their mean, categories and truth values the most probable. Deterministic.

    Arguments:
        fitted: the model.
        source: rows with holes.
        samples: S, weighed draws a row.
        seed: of the draws.
    """
    x = conditional_mean(fitted.model, fitted.batch(source), samples=samples, seed=seed)
    return _given(decode(fitted.schema, x), source)


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
    batch = fitted.batch(source)
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
        A float64 array, NaN where a cell is missing and 0 in columns that were constant in the data fitted.
    """
    cells = cells_of(fitted.schema)
    batch = fitted.batch(source, pattern=False)
    values = cell_log_density(fitted.model, batch, list(cells.values()), samples=samples, seed=seed)
    found = np.zeros((len(source), len(fitted.schema.features)))
    places = [i for i, feature in enumerate(fitted.schema.features) if feature.name in cells]
    found[:, places] = values.cpu().double().numpy()
    return found


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
    if column not in cells:
        raise DataError(
            f"there is no column {column!r} to tell classes of: give one of {listing(list(cells))}"
        )
    [feature] = [feature for feature in fitted.schema.features if feature.name == column]
    if feature.kind not in ("categorical", "binary"):
        raise DataError(
            f"column {column!r} is {feature.kind}, and classes were asked for: give one of categories"
        )
    item = fitted.batch(_without(source, column, fitted.schema), pattern=False)["x"]
    assert isinstance(item, Partial)
    mean = conditional_mean(fitted.model, {"x": item}, samples=samples, seed=seed)[:, cells[column]]
    if feature.kind == "binary":
        share = mean.clamp(0.0, 1.0)
        classes: list[Any] = feature.level_values(np.arange(2)).tolist()
        return classes, torch.cat([1.0 - share, share], 1).cpu().double().numpy()
    share = mean.double().clamp_min(0.0)
    return list(feature.categories), (share / share.sum(1, keepdim=True)).cpu().numpy()


def _one_row(schema: Schema, given: Mapping[str, Any], aside: Sequence[str]) -> Source:
    """A row with the given values, all other cells missing; `aside` names what else may be given."""
    import pyarrow as pa

    names = list(cells_of(schema))
    names += [feature.name for feature in schema.features if feature.constant is not None]
    if strange := [name for name in given if name not in names]:
        raise DataError(
            f"there is no column {strange[0]!r} to be given: the columns are {listing([*names, *aside])}"
        )
    columns = {}
    for feature in schema.features:
        columns[feature.name] = _cell(feature.name, feature.kind, given.get(feature.name))
    return Source("what is given", array=None, table=pa.table(columns))


def _cell(name: str, kind: str, value: Any) -> pa.Array:
    """A column of one row."""
    import pyarrow as pa

    if value is None:
        return pa.nulls(1)
    try:
        return pa.array([_plain(value, kind)])
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise DataError(f"column {name!r} cannot be given {value!r} ({error})") from None


def _plain(value: Any, kind: str) -> Any:
    """A value as Python has it; categories are strings, and a number may come as a string from a command line."""
    value = value.item() if isinstance(value, np.generic) else value
    if kind == "categorical":
        return str(value)
    if isinstance(value, str):
        truths = {"true": True, "false": False}
        if value.lower() in truths:
            return truths[value.lower()]
        for read in (int, float):
            with suppress(ValueError):
                return read(value)
    return value


def _keep(table: pa.Table, given: Mapping[str, Any], rows: int) -> pa.Table:
    """What was given, to the last bit, in the type of the column."""
    import pyarrow as pa

    for name, value in given.items():
        if value is None:
            continue
        place = table.column_names.index(name)
        kind = table.schema.field(name).type
        kept = pa.scalar(_plain(value, "categorical" if pa.types.is_string(kind) else "")).cast(
            kind, safe=False
        )
        table = table.set_column(place, name, pa.repeat(kept, rows))
    return table


def _given(table: pa.Table, source: Source) -> pa.Table:
    """The cells of the source where it has them, to the last bit, and those of the table elsewhere."""
    import pyarrow as pa
    import pyarrow.compute as pc

    assert source.table is not None
    columns = {}
    for name in table.column_names:
        own, filled = source.table[name].combine_chunks(), table[name].combine_chunks()
        if isinstance(own, pa.ChunkedArray):
            own = pa.concat_arrays(own.chunks) if own.num_chunks else pa.nulls(0)
        if pa.types.is_floating(own.type):
            own = pc.if_else(pc.is_nan(own), pa.scalar(None, own.type), own)
        columns[name] = pc.coalesce(own.cast(filled.type, safe=False), filled)
    return pa.table(columns)


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
    return Source(source.name, array=None, table=table)
