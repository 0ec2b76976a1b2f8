"""Columns set aside from the rows that are modelled: labels, and what the rows are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from anyvae.data.arrow import lacking, missing_cells, plain
from anyvae.data.compact import OTHERWISE
from anyvae.data.encode import Unseen, cell_mask, encode
from anyvae.data.errors import DataError, listing
from anyvae.data.infer import infer_schema
from anyvae.data.schema import Schema
from anyvae.data.source import Source

if TYPE_CHECKING:
    import pyarrow as pa
    from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["LABEL", "aside_of", "encode_given", "encode_labels", "given_width", "infer_beside", "keep_labels"]

_FEW_CLASSES = 20

LABEL = "label"
"""What the labels are called of sources that have some and no name for them."""


def aside_of(source: Source) -> pa.Table:
    """All columns of a source that are set aside; labels without a column of their own are called ``label``.

    Empty strings, NaN and, among whole numbers, -1 are labels that are not known.

    Example:
        >>> rows = Source("three", np.eye(3), None, labels=np.array([4, -1, 5]))
        >>> aside_of(rows)["label"].to_pylist()
        [4, None, 5]
    """
    import pyarrow as pa

    table = source.beside
    if source.labels is not None and (table is None or not table.num_columns):
        labels = source.labels
        unknown = np.zeros(len(labels), dtype=bool)
        if labels.dtype.kind == "f":
            unknown = np.isnan(labels)
        elif labels.dtype.kind == "i":
            unknown = labels == -1
        elif labels.dtype.kind in "UO":
            unknown = np.array([label in ("", None) for label in labels])
        return pa.table({LABEL: pa.array(labels, mask=unknown)})
    return pa.table({}) if table is None else table


def infer_beside(
    source: Source,
    *,
    label: str | None = None,
    given: Sequence[str] = (),
    kinds: Mapping[str, str | Sequence[str]] | None = None,
) -> dict[str, Schema]:
    """Schemas of what is set aside, by the name of the variable: "y" of the label, "c" of what is given.

    Arguments:
        source: the rows.
        label: column of labels that are modelled; none where None.
        given: columns that rows are given; one named twice counts once.
        kinds: of columns, as in `anyvae.data.infer_schema`. Labels are categories unless said; so are those that a
            source without columns has of its own, where rows are given them.

    Raises:
        DataError: for a column that is not set aside, or labels of fewer than two classes.
    """
    table = aside_of(source)
    found = {}
    for name, columns in (("y", [] if label is None else [label]), ("c", list(dict.fromkeys(given)))):
        if not columns:
            continue
        if absent := lacking(columns, table):
            use = "of labels" if name == "y" else "that rows could be given"
            have = listing(table.column_names) if table.num_columns else "none"
            raise DataError(
                f"{source.name} has no column {absent[0]!r} {use}: beside the rows it has {have}; add it to the data"
            )
        own = {column: kind for column, kind in (kinds or {}).items() if column in columns}
        if name == "y" or (columns == [LABEL] and _are_classes(source, table)):
            own = {columns[0]: own.get(columns[0], "categorical")}
        if name == "y" and len(set(table[columns[0]].drop_null().to_pylist())) < 2:
            raise DataError(
                f"the labels of {source.name} are of one class only: give rows of two classes or more"
            )
        part = Source(source.name, array=None, table=table.select(columns))
        found[name] = infer_schema(part, kinds=own or None)
        classes = len(found[name].features[0].categories)
        if name == "y" and classes > _most_classes(source):
            raise DataError(
                f"the labels of {source.name} have {classes:,} different values in {len(source):,} rows, which are no "
                "classes: give labels that several rows have in common"
            )
    return found


def encode_labels(schema: Schema, source: Source, unseen: Unseen = "refuse") -> tuple[Tensor, Tensor]:
    """One-hot labels, (n, classes), and which of them are known, (n,)."""
    import torch

    part = _part(schema, source)
    encoded = encode(schema, part, unseen)
    known = torch.ones(len(encoded.x), dtype=torch.bool) if encoded.mask is None else encoded.mask[:, 0]
    return encoded.x, known


def encode_given(schema: Schema, source: Source, unseen: Unseen = "refuse") -> Tensor:
    """What rows are given as one vector each, (n, `given_width`).

    Where cells were missing at the fit, which are seen is a part of the condition: 1 for each column that is.

    Raises:
        DataError: for a missing cell where the fit had none.
    """
    import torch

    part = _part(schema, source)
    if not schema.missing_cells:
        try:
            encoded = encode(schema, part)
        except DataError as error:
            # What the fit did not hold cannot be taken for missing where nothing was.
            raise DataError(str(error).removesuffix(f", {OTHERWISE}")) from None
        if encoded.mask is not None:
            table = plain(part.table, source.name)
            holed = [name for name in table.column_names if missing_cells(table[name])]
            raise DataError(
                f"{source.name} has missing cells in {listing(holed)}, which rows are given, and the fit had none: "
                "fill them"
            )
        return encoded.x
    encoded = encode(schema, part, unseen)
    seen = torch.ones_like(encoded.x) if encoded.mask is None else encoded.mask.to(encoded.x)
    return torch.cat([encoded.x * seen, cell_mask(seen, schema)], 1)


def given_width(schema: Schema) -> int:
    """Elements of the vector that `encode_given` makes."""
    return sum(schema.widths) + (len(schema.widths) if schema.missing_cells else 0)


def keep_labels(source: Source, label: str, count: int, seed: int) -> Source:
    """The rows with all but so many labels forgotten, as many of each class kept.

    Arguments:
        source: the rows.
        label: column of the labels.
        count: how many are kept.
        seed: chooses which.

    Raises:
        DataError: when there are fewer classes or labels than that.
    """
    import pyarrow as pa

    table = aside_of(source)
    column = table[label].combine_chunks()
    values = np.array(["" if value is None else str(value) for value in column.to_pylist()])
    known = np.array(column.is_valid())
    classes = sorted(set(values[known]))
    each = count // max(1, len(classes))
    if not each:
        raise DataError(f"{count} labels are to be kept of {len(classes)} classes: keep one of each at least")
    generator = np.random.default_rng(seed)
    kept = np.zeros(len(values), dtype=bool)
    for name in classes:
        places = np.flatnonzero(known & (values == name))
        kept[generator.permutation(places)[:each]] = True
    place = table.column_names.index(label)
    hidden = pa.array(column.to_pylist(), column.type, mask=~kept)
    return replace(source, beside=table.set_column(place, label, hidden))


def _are_classes(source: Source, table: pa.Table) -> bool:
    """Whether the labels of pictures or other arrays are names, be they written as numbers, and no quantity."""
    if source.array is None:
        return False
    values = table[LABEL].drop_null().unique().to_pylist()
    whole = all(value == round(value) for value in values if isinstance(value, float))
    return whole and 2 <= len(values) <= _most_classes(source)


def _most_classes(source: Source) -> int:
    """More different labels than this are no classes."""
    return max(_FEW_CLASSES, len(source) // 4)


def _part(schema: Schema, source: Source) -> Source:
    table = aside_of(source)
    names = [feature.name for feature in schema.features]
    if absent := lacking(names, table):
        raise DataError(
            f"{source.name} has no column {absent[0]!r}, which the model's rows are given: add it to the data"
        )
    return Source(source.name, array=None, table=table.select(names))
