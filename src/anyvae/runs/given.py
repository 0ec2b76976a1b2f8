"""Rows drawn given some of their cells, their label or their conditions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from anyvae.data import DataError, Feature, Schema, Source, decode
from anyvae.data.arrow import arrow_type, is_fittable, is_moment, is_ordered, is_text
from anyvae.data.compact import OTHERWISE
from anyvae.data.errors import listing
from anyvae.data.words import word_among
from anyvae.data.zones import moment_for
from anyvae.inference import condition
from anyvae.model import Batch, Partial
from anyvae.runs.beside import beside_of, with_columns, with_label
from anyvae.runs.draw import draw_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from anyvae.runs.fitted import FittedModel

__all__ = ["sample_given"]

_PROPOSALS = 4096
"""Weighed draws of the latents for one row that all draws are given."""

_BLOCK = 20_000
"""Rows that are drawn at a time."""


def sample_given(
    fitted: FittedModel,
    rows: int,
    given: Mapping[str, Any],
    *,
    steps: int = 16,
    seed: int = 0,
    means: bool = False,
) -> tuple[pa.Table, float]:
    r"""Rows of p(other columns | given), none thrown away.

    Arguments:
        fitted: the model.
        rows: how many.
        given: column to value.
        steps: of the chain that starts from the weighed draws; see `anyvae.inference.condition`.
        seed: of the draws.
        means: whether E[x | z] at the drawn latents is wanted, where no cell of the rows themselves is given.

    Returns:
        The rows, and the effective number of the weighed draws that they start from, 4,096 of them or eight times as
        many; infinite where no cell of the rows themselves is given, so that they are drawn as the model draws rows.

    Raises:
        DataError: for a column that there is not, a value that it cannot have, or means given cells of the rows.
    """
    aside = {feature.name: feature for part in fitted.schema.beside.values() for feature in part.features}
    own = {name: value for name, value in given.items() if name not in aside}
    if fitted.schema.kind != "table" and own:
        known = f": the columns are {listing(list(aside))}" if aside else ""
        raise DataError(f"there is no column {next(iter(own))!r} to be given{known}")
    try:
        batch = _one_batch(fitted, own, {name: given.get(name) for name in aside})
    except DataError as error:
        # What is given is no row of a table, and is not read as missing.
        told = str(error).removeprefix("row 1 of ").removesuffix(f", {OTHERWISE}")
        raise DataError(told) from None
    if not own:
        # Nothing below x is given, so rows are drawn as the model draws them.
        fixed = {name: item for name, item in batch.items() if name != "x" and isinstance(item, torch.Tensor)}
        drawn = draw_rows(fitted.model, rows, seed, fixed)
        decoded = fitted.decode(drawn.mean if means else drawn.x, means=means)
        found = fitted.beside_label(decoded, drawn)
        return _with_conditions(fitted.schema, found, batch, given), math.inf
    if means:
        raise DataError(
            f"rows are drawn given {listing(list(own))}, and means are asked for: leave one of them out; of labels and "
            "conditions there are means"
        )
    parts, labels, effective = [], [], 0.0
    some = max(rows, 1)  # so that the weighed draws are told of where no rows are wanted, too
    for block, start in enumerate(range(0, some, _BLOCK)):
        count = min(_BLOCK, some - start)
        found = condition(
            fitted.model,
            batch,
            count,
            samples=_PROPOSALS,
            steps=steps,
            seed=seed + 1_000_003 * block,
            names=["x", "y"] if "y" in fitted.schema.beside else ["x"],
        )
        parts.append(found.values["x"][:, 0])
        if "y" in fitted.schema.beside:
            labels.append(found.values["y"][:, 0])
        effective = float(found.effective[0])
    table = _keep(fitted.schema, decode(fitted.schema, torch.cat(parts)[:rows]), own)
    table = _with_conditions(fitted.schema, table, batch, given)
    if labels:
        table = with_label(fitted.schema, table, torch.cat(labels)[:rows])
    return table, effective


def _with_conditions(schema: Schema, table: Any, batch: Batch, given: Mapping[str, Any]) -> Any:
    """A table with the columns that all its rows were given; an array as it is."""
    if "c" not in schema.beside or not hasattr(table, "column_names"):
        return table
    condition = batch["c"]
    assert isinstance(condition, torch.Tensor)
    # Behind the values may stand which of them there are.
    values = condition.cpu()[..., : sum(schema.beside["c"].widths)]
    told: Any = decode(schema.beside["c"], values.expand(len(table), *values.shape[1:]))
    own = {name: given.get(name) for name in told.column_names}
    return _keep(schema.beside["c"], with_columns(table, told), own)


def _one_batch(fitted: FittedModel, own: Mapping[str, Any], aside: Mapping[str, Any]) -> Batch:
    """One row with the given cells, and with the given columns that are set aside from rows."""
    import pyarrow as pa

    schema = fitted.schema
    columns = {}
    for part in schema.beside.values():
        for feature in part.features:
            columns[feature.name] = _cell(feature, aside[feature.name])
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


def _one_row(schema: Schema, given: Mapping[str, Any], aside: Sequence[str]) -> Source:
    """A row with the given values, all other cells missing; `aside` names what else may be given."""
    import pyarrow as pa

    names = [feature.name for feature in schema.features]
    if strange := [name for name in given if name not in names]:
        raise DataError(
            f"there is no column {strange[0]!r} to be given: the columns are {listing([*names, *aside])}"
        )
    columns = {}
    for feature in schema.features:
        columns[feature.name] = _cell(feature, given.get(feature.name))
    return Source("what is given", array=None, table=pa.table(columns))


def _cell(feature: Feature, value: Any) -> pa.Array:
    """A column of one row."""
    import pyarrow as pa

    name, date = feature.name, feature.kind == "date"
    if value is None:
        return pa.nulls(1)
    if _is_nothing(value, feature.kind):
        raise DataError(f"column {name!r} is given {value!r}, which is no value: leave the column out")
    try:
        cell = (
            pa.scalar(_word(value, feature))
            if feature.categories
            else _scalar(value, arrow_type(feature.dtype) if date else None)
        )
        why = "" if is_fittable(cell.type) or pa.types.is_decimal(cell.type) else f"a {type(value).__name__}"
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        why = str(error).rstrip(".")
    if why:
        raise DataError(
            f"column {name!r} cannot be given {value!r} ({why}): give "
            + ("a date as it has them, such as 2020-01-31" if date else "a value of the kind that it holds")
        )
    return pa.repeat(cell, 1)


def _word(value: Any, feature: Feature) -> str:
    """The category that a value is; of a column that is no text, text spells a value of its type."""
    kind = arrow_type(feature.dtype)
    if isinstance(value, str) and not is_text(kind) and not is_ordered(kind):
        value = _scalar(value, None).as_py()
    return word_among(value, feature.categories)


def _is_nothing(value: Any, kind: str) -> bool:
    """Whether a value stands for a missing cell: empty text, NaN and, of pandas and numpy, NaT and NA."""
    if isinstance(value, str):
        # From a command line; only a category may be called so.
        return not value or (value.strip().lower() == "nan" and kind != "categorical")
    try:
        return bool(value != value)
    except (TypeError, ValueError):  # NA will not say, and nor will an array, which is no single value
        return type(value).__name__ == "NAType"


def _scalar(value: Any, moment: pa.DataType | None) -> pa.Scalar[Any]:
    """A value as arrow has it; a number may come as a string from a command line.

    Arguments:
        value: that is given.
        moment: type of the column where it holds dates.
    """
    import pyarrow as pa

    if moment is not None:
        return moment_for(value, moment)
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, str):
        truths = {"true": True, "false": False}
        if value.lower() in truths:
            return pa.scalar(truths[value.lower()])
        for read in (int, float):
            with suppress(ValueError):
                return pa.scalar(read(value))
    return pa.scalar(value)


def _keep(schema: Schema, table: pa.Table, given: Mapping[str, Any]) -> pa.Table:
    """What was given, to the last bit, in the type of the column."""
    import pyarrow as pa

    categories = {feature.name: feature.categories for feature in schema.features}
    for name, value in given.items():
        if value is None:
            continue
        place = table.column_names.index(name)
        kind = table.schema.field(name).type
        if is_text(kind) or is_ordered(kind):
            read = pa.scalar(word_among(value, categories[name]))
        else:
            read = _scalar(value, kind if is_moment(kind) else None)
        if pa.types.is_decimal(read.type) and pa.types.is_integer(kind):
            read = read.cast(pa.float64())  # a cast from decimals to whole numbers drops fractions in silence
        try:
            kept = read.cast(kind)
        except pa.ArrowInvalid:  # more than the type holds, and given all the same
            kept = read
        if pa.types.is_floating(kind) and math.isinf(kept.as_py()):  # of which no cast tells
            kept = read
        table = table.set_column(place, name, pa.repeat(kept, len(table)))
    return table
