"""Columns of categories, with and without an order: text, and what is asked for as such."""

from __future__ import annotations

import numpy as np

from anyvae.data.arrow import dtype_of, is_moment, is_ordered, is_text
from anyvae.data.errors import DataError, listing
from anyvae.data.lattice import moments
from anyvae.data.schema import Feature
from anyvae.data.spelled import is_iso_date, is_number, spelled
from anyvae.data.wanted import Wanted
from anyvae.data.words import words

__all__ = ["MOST_ORDERED", "categorical_feature", "text_feature"]

MOST_ORDERED = 256
_MOST_CATEGORIES = 20_000
_MANY = 50  # categories, among which names of rows are told from true ones
_MIXED = 20  # different numbers in a column of text: fewer may be codes


def text_feature(wanted: Wanted) -> Feature:
    """The feature of a column of strings, or of categories in an order: ``categorical`` or ``ordinal``."""
    column, kind = wanted.column, wanted.kind
    if wanted.likelihood == "bernoulli" and kind is None:
        raise DataError(f"{wanted.where} holds text, so Bernoulli does not fit: leave --likelihood out")
    if kind is not None and not isinstance(kind, str):
        return _ordinal(wanted, list(kind))
    if is_ordered(column.type) and kind in (None, "ordinal"):
        return _ordinal(wanted, [c for c in column.combine_chunks().dictionary.to_pylist() if c])
    if kind == "ordinal":
        raise wanted.refuse("text has no order of its own", "give the categories in their order as the kind")
    if kind == "date":
        raise wanted.refuse("it holds text", "turn the cells into dates first, as pandas.to_datetime does")
    if kind not in (None, "categorical"):
        raise wanted.refuse("it holds text", "leave the kind out, or turn the cells into numbers")
    return categorical_feature(wanted)


def _ordinal(wanted: Wanted, categories: list[str]) -> Feature:
    import pyarrow as pa
    import pyarrow.compute as pc

    text = words(wanted.column).drop_null()
    if len(set(categories)) < len(categories) or not categories:
        raise wanted.refuse("its categories in order are none, or name one twice", "name each once")
    k = pc.index_in(text, value_set=pa.array(categories, pa.string()))
    if k.null_count:
        unknown = sorted(set(pc.unique(text.filter(pc.is_null(k))).to_pylist()))
        raise wanted.refuse(
            f"it holds {listing(unknown, 3)}, which the order leaves out", "name all categories"
        )
    codes = k.to_numpy().astype(np.float64)
    constant = categories[int(codes[0])] if codes.min() == codes.max() else None
    if constant is not None or len(categories) < 3:  # two levels have no order
        width = 0 if constant is not None else len(categories)
        return _category_feature(wanted, categories, constant, width)
    if len(categories) > MOST_ORDERED:
        raise wanted.refuse(
            f"it has {len(categories):,} categories, and an order wants at most {MOST_ORDERED}",
            "give 'categorical', or merge some",
        )
    mean, scale = moments(codes)
    return Feature(
        name=wanted.name,
        kind="ordinal",
        width=1,
        dtype=dtype_of(wanted.column),
        levels=len(categories),
        categories=categories,
        mean=mean,
        scale=scale,
    )


def categorical_feature(wanted: Wanted) -> Feature:
    """The feature of a column whose values are categories, whatever their type."""
    import pyarrow.compute as pc

    if is_moment(wanted.column.type):
        raise wanted.refuse("its cells are dates", "turn them into text first, or leave the kind out")
    text = words(wanted.column)
    categories: list[str] = sorted(c for c in pc.unique(text).to_pylist() if c)
    if is_text(wanted.column.type) and wanted.kind != "categorical":
        # First: of 950 and 1,200 none is to be left empty.
        _refuse_spelled(wanted, categories)
        _refuse_mixed(wanted, categories)
    many = len(categories)
    if many > _MANY and 2 * many > len(text) - text.null_count and wanted.kind != "categorical":
        raise DataError(
            f"{wanted.where} has {many:,} different strings in {len(text):,} rows, so it names the rows: drop it, or "
            "merge rare ones, or give it the kind 'categorical'"
        )
    if many > _MOST_CATEGORIES:
        raise DataError(
            f"{wanted.where} has {many:,} different strings, more than {_MOST_CATEGORIES:,}: merge rare ones, or "
            "drop it"
        )
    constant = categories[0] if len(categories) == 1 else None
    return _category_feature(wanted, categories, constant, 0 if constant is not None else len(categories))


def _category_feature(wanted: Wanted, categories: list[str], constant: str | None, width: int) -> Feature:
    return Feature(
        name=wanted.name,
        kind="categorical",
        width=width,
        dtype=dtype_of(wanted.column),
        categories=categories,
        constant=constant,
    )


def _refuse_mixed(wanted: Wanted, categories: list[str]) -> None:
    """Numbers among which a few cells are text, such as n.a.: no person means each number as a category."""
    text = [category for category in categories if not is_number(category)]
    numeric = len(categories) - len(text)
    if text and numeric > max(_MIXED, len(text)):
        raise DataError(
            f"{wanted.where} mixes numbers and text: most of its cells are numbers, but not {listing(text, limit=3)}; "
            "leave such cells empty or name them with --missing to have numbers, or give it the kind 'categorical'"
        )


def _refuse_spelled(wanted: Wanted, categories: list[str]) -> None:
    """Dates and numbers as people write them: no person means each of many as a category."""
    found = spelled(categories)
    if found is None:
        return
    others = [category for category in categories if not is_iso_date(category)]
    if found.what == "numbers":
        advice = "write them in digits and a point alone, as -1200.5"
    elif not others:
        advice = "turn them into dates (pandas.to_datetime)"
    elif is_iso_date(found.such):
        advice = (
            f"leave cells empty that are no such date, as {others[0]!r}, and turn the others into dates "
            "(pandas.to_datetime)"
        )
    else:
        advice = "write them as 2020-12-31, or turn them into dates (pandas.to_datetime)"
    raise DataError(
        f"{wanted.where} holds {found.what} as text, such as {found.such!r}: {advice}, drop it, or give it the kind "
        "'categorical'"
    )
