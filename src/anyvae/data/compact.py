"""Rows of a table with one number a column, from which the cells that a model sees are made when they are needed."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from anyvae.data.arrow import (
    arrow_type,
    is_moment,
    is_ordered,
    is_text,
    lacking,
    numbers,
    plain,
    shown,
    zone_of,
)
from anyvae.data.errors import DataError, UnseenWarning, listing, number
from anyvae.data.points import FARTHEST
from anyvae.data.schema import Feature, Schema
from anyvae.data.source import Source
from anyvae.data.units import misfit, standardise
from anyvae.data.words import words

if TYPE_CHECKING:
    import pyarrow as pa
    from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]

OTHERWISE = "or have such cells read as missing (unseen='missing', on the command line --unseen missing)"
"""What else may become of a value that no row of the fit held."""

_MOST_CELLS = 1 << 27  # half a gigabyte of them


def is_wide(schema: Schema, rows: int) -> bool:
    """Whether so many rows take too much room one-hot, and are better kept as `Compact`.

    Example:
        >>> from anyvae.data import infer_schema
        >>> is_wide(infer_schema(Source("a", np.eye(3), None)), 10**9)
        False
    """
    one_hot = any(feature.kind == "categorical" for feature in schema.features)
    return one_hot and rows * schema.event_shape[0] > _MOST_CELLS


@dataclass(frozen=True)
class Compact:
    """Encoded rows of a table, a category as its number and not as a one-hot block.

    A column of 10,000 categories takes four bytes a row in place of 40,000.

    Arguments:
        codes: float32, (n, columns): standardised numbers, or numbers of categories; 0 where missing. Columns
            that are not encoded (constants) are left out.
        mask: bool, (n, columns), True where observed; None when nothing is missing.
        widths: cells of each column in the encoded row.
        one_hot: whether a column is one of categories.
    """

    codes: Tensor
    mask: Tensor | None
    widths: tuple[int, ...]
    one_hot: tuple[bool, ...]

    def expand(self, codes: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The cells that a model sees, float32, (m, width), and which of them are observed.

        Arguments:
            codes: some rows of `codes`.
            mask: the same rows of `mask`, or None.
        """
        import torch

        if not any(self.one_hot):
            return codes, mask
        one_hot, first, column = self._places
        found = torch.where(one_hot, 1.0, codes)
        if mask is not None:
            found = found * mask
        place = torch.where(one_hot, codes, 0.0).long() + first
        x = codes.new_zeros(len(codes), len(column)).scatter_(1, place, found)
        return x, None if mask is None else mask.index_select(1, column)

    @cached_property
    def _places(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of each column whether it is of a category, and its first cell; of each cell its column."""
        import torch

        widths = torch.tensor(self.widths, dtype=torch.long)
        column = torch.repeat_interleave(torch.arange(len(widths)), widths)
        return torch.tensor(self.one_hot, dtype=torch.bool), widths.cumsum(0) - widths, column


def encode_compact(schema: Schema, source: Source, unseen: str = "refuse") -> Compact:
    """The rows of a table with one number a column; see `anyvae.data.encode`, whose rows they stand for.

    Arguments:
        schema: of the table the model was fitted on.
        source: n rows.
        unseen: ``refuse`` or ``missing``; see `anyvae.data.encode`.

    Raises:
        DataError: see `anyvae.data.encode`.

    Example:
        >>> import pyarrow as pa
        >>> from anyvae.data import infer_schema
        >>> source = Source("three", None, pa.table({"city": ["Oslo", "Rome", None], "tall": [1.5, 1.8, 1.75]}))
        >>> found = encode_compact(infer_schema(source), source)
        >>> found.codes[:, 0], found.expand(found.codes, found.mask)[0].shape
        (tensor([0., 1., 0.]), torch.Size([3, 3]))
    """
    import torch

    columns = [feature.name for feature in schema.features]
    if source.table is None:
        raise DataError(
            f"{source.name} is an array, but the model was fitted on columns {listing(columns)}: give a table"
        )
    if unseen not in ("refuse", "missing"):
        raise DataError(f"unseen values cannot be treated as {unseen!r}: give 'refuse' or 'missing'")
    if absent := lacking(columns, source.table):
        raise DataError(
            f"{source.name} lacks the columns {listing(absent)} that the model was fitted on: add them"
        )
    fitted = frozenset(columns)
    if extra := [c for c in source.table.column_names if c not in fitted]:
        raise DataError(
            f"{source.name} has the columns {listing(extra)} that the model was not fitted on: drop them"
        )
    table = plain(source.table, source.name)
    encoded = [feature for feature in schema.features if feature.width]
    codes = np.zeros((table.num_rows, len(encoded)), dtype=np.float32)
    mask = np.ones(codes.shape, dtype=bool)
    place = 0
    for feature in schema.features:  # constant ones too: a cell that differs is refused
        found, observed = _encode_column(feature, table[feature.name], source.name, unseen)
        if feature.width:
            # Beyond any row fitted.
            codes[:, place], mask[:, place] = np.clip(found, -FARTHEST, FARTHEST), observed
            place += 1
    return Compact(
        torch.from_numpy(codes),
        None if mask.all() else torch.from_numpy(mask),
        tuple(feature.width for feature in encoded),
        tuple(feature.kind == "categorical" for feature in encoded),
    )


def unseen_rows(schema: Schema, source: Source) -> Array:
    """Which rows hold a value that the model was not fitted on, bool, (n,).

    Arguments:
        schema: of the table the model was fitted on.
        source: n rows.

    Example:
        >>> import pyarrow as pa
        >>> from anyvae.data import infer_schema
        >>> old, new = (Source("a", None, pa.table({"city": words})) for words in (["Oslo", "Rome"], ["Bern", None]))
        >>> unseen_rows(infer_schema(old), new)
        array([ True, False])
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    assert source.table is not None
    table = plain(source.table, source.name)
    columns = [table[feature.name] for feature in schema.features]
    missing = [pc.is_null(column, nan_is_null=pa.types.is_floating(column.type)) for column in columns]
    found: Array = ~(seen_cells(schema, source) | np.column_stack(missing)).all(1)
    return found


def seen_cells(schema: Schema, source: Source) -> Array:
    """Which cells hold a value that the model was fitted on, bool, (n, columns): neither a hole nor any other value.

    Arguments:
        schema: of the table the model was fitted on.
        source: n rows.
    """
    assert source.table is not None
    table = plain(source.table, source.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnseenWarning)
        encoded = [_encode_column(one, table[one.name], source.name, "missing") for one in schema.features]
    return np.column_stack([observed for _, observed in encoded])


def _encode_column(feature: Feature, column: pa.ChunkedArray, table: str, unseen: str) -> tuple[Array, Array]:
    """A code of each cell, and whether it is observed, (n,) each."""
    import pyarrow as pa

    if pa.types.is_null(column.type):
        return np.zeros(len(column)), np.zeros(len(column), dtype=bool)
    if feature.categories:
        return _category(feature, column, table, unseen)
    dates = feature.kind == "date"
    if pa.types.is_boolean(column.type) and feature.kind != "binary" and feature.dtype != "bool":
        raise DataError(
            f"column {feature.name!r} of {table} holds true and false, but the model was fitted on "
            f"{_fitted_on(feature)}: give the column that was fitted"
        )
    if is_text(column.type) or is_ordered(column.type) or is_moment(column.type) != dates:
        place, cell = next(((i, c) for i, c in enumerate(column.to_pylist()) if c is not None), (None, None))
        if place is None:
            return np.zeros(len(column)), np.zeros(len(column), dtype=bool)
        held = cell if is_text(column.type) else str(cell)
        raise DataError(
            f"row {place + 1} of column {feature.name!r} of {table} holds {held!r}, but the model was fitted "
            f"on {_fitted_on(feature)}: correct it, or leave the cell empty if it is missing"
        )
    if dates and column.null_count < len(column):
        _refuse_zone(feature, column.type, table)
    values = numbers(column, feature.name, table)
    observed = ~np.isnan(values)
    if feature.constant is not None:
        always = feature.mean if dates else float(feature.constant)
        codes, bad = values - feature.mean, values != always
        if feature.width:
            codes, _ = standardise(feature, values)
    else:
        codes, bad = standardise(feature, values)
    if (bad & observed).any():
        row = int(np.flatnonzero(bad & observed)[0])
        wrong, held = misfit(feature, values[row]), str(column[row]) if dates else number(values[row])
        if feature.constant is not None:
            wrong = (
                f"holds {held}, but was always {shown(feature.constant, feature.dtype)} in the data fitted: "
                "correct or drop the row, or fit again with such data"
            )
        where = f"row {row + 1} of column {feature.name!r} of {table}"
        if unseen == "refuse":
            raise DataError(f"{where} {wrong}, {OTHERWISE}")
        _tell(feature, table, int((bad & observed).sum()), held)
        observed = observed & ~bad
    return np.where(observed, codes, 0.0), observed


def _fitted_on(feature: Feature) -> str:
    """What the cells of a column without categories are."""
    if feature.kind == "date":
        return "dates"
    return "true and false" if feature.dtype == "bool" else "numbers"


def _refuse_zone(feature: Feature, kind: pa.DataType, table: str) -> None:
    """Refuse times without a zone where those fitted have one, and the reverse: one of the two would be a guess."""
    zone, fitted = zone_of(kind), zone_of(arrow_type(feature.dtype))
    where = f"column {feature.name!r} of {table}"
    if zone is None and fitted is not None:
        raise DataError(
            f"{where} has no time zone, but the model was fitted on times of the zone {fitted}: give it its own"
        )
    if zone is not None and fitted is None:
        raise DataError(
            f"{where} is of the time zone {zone}, but the model was fitted on times without one: "
            "turn it into times of the clock that was fitted"
        )


def _tell(feature: Feature, table: str, count: int, first: str) -> None:
    """Say that cells are read as missing."""
    cells = f"{count:,} cells, the first with {first}," if count > 1 else f"a cell with {first}"
    warnings.warn(
        f"column {feature.name!r} of {table} holds {cells} which the model was not fitted on: read as missing",
        UnseenWarning,
        stacklevel=2,
    )


def _category(feature: Feature, column: pa.ChunkedArray, table: str, unseen: str) -> tuple[Array, Array]:
    """The number of each category, standardised where it is one in an order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = words(column)
    observed = np.asarray(pc.is_valid(text))
    k = np.asarray(pc.fill_null(pc.index_in(text, value_set=pa.array(feature.categories, pa.string())), -1))
    strange = observed & (k < 0)
    if strange.any() and unseen == "missing":
        observed = observed & (k >= 0)
        _tell(feature, table, int(strange.sum()), repr(text[int(np.flatnonzero(strange)[0])].as_py()))
    elif strange.any():
        row = int(np.flatnonzero(strange)[0])
        raise DataError(
            f"row {row + 1} of column {feature.name!r} of {table} holds {text[row].as_py()!r}, which the "
            f"model was not fitted on: it knows {listing(feature.categories)}; correct it, leave the cell empty, "
            + OTHERWISE
        )
    place = np.where(observed, k, 0)
    if feature.kind == "ordinal":
        return np.where(observed, (place - feature.mean) / feature.scale, 0.0), observed
    return place, observed
