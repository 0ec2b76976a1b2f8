"""What one column of a table is: its kind and form, chosen from its type and values or asked for and checked."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import numpy as np

from anyvae.data.arrow import constant_of, dtype_of, is_moment, is_ordered, is_text, numbers
from anyvae.data.categories import MOST_ORDERED, categorical_feature, text_feature
from anyvae.data.clock import unit_of
from anyvae.data.errors import DataError, number
from anyvae.data.infer import describe
from anyvae.data.lattice import decimals_of, moments, whole_levels
from anyvae.data.marginals import Points, Shape, real_shape, summarise, trimmed_moments, whole_shape
from anyvae.data.points import kept_apart
from anyvae.data.recurrent import apart, few_values, recurrent
from anyvae.data.schema import Feature, Kind
from anyvae.data.wanted import Wanted

Array = np.ndarray[Any, np.dtype[Any]]

KINDS: tuple[str, ...] = get_args(Kind)
_FEW_LEVELS = 30


def column_feature(wanted: Wanted) -> Feature:
    """The feature that a column is.

    Zeros and ones are ``binary``, and so are two other whole numbers of ten rows each on average. Whole numbers are
    ``levels`` where there are at most 30 from the lowest to the highest and half of them were seen, else ``count`` or
    ``integer``, as `anyvae.data.marginals.whole_shape` finds; a few with gaps between them, see
    `anyvae.data.recurrent.apart`, have a probability each. Other numbers are ``real`` or ``positive``, as
    `anyvae.data.marginals.real_shape` finds, strings ``categorical``, ordered dictionaries ``ordinal``, dates ``date``.

    Raises:
        DataError: the kind or the likelihood that was asked for does not fit the values.
    """
    column, kind = wanted.column, wanted.kind
    if isinstance(kind, str) and kind not in KINDS:
        raise DataError(f"there is no kind {kind!r} for {wanted.where}: give one of {', '.join(KINDS)}")
    constant = constant_of(column)
    if constant is not None and not is_text(column.type) and not is_ordered(column.type):
        return _constant(wanted, constant)
    if is_text(column.type) or is_ordered(column.type):
        return text_feature(wanted)
    if kind == "categorical":
        return categorical_feature(wanted)
    if kind is not None and not isinstance(kind, str):
        raise wanted.refuse(
            "its cells are no text", "give 'ordinal', and its values are taken in their order"
        )
    if is_moment(column.type):
        return _date(wanted)
    if kind == "date":
        raise wanted.refuse(
            "its cells are no dates", "turn them into dates, or leave the kind out to have numbers"
        )
    values = numbers(column, wanted.name, wanted.table)
    if dtype_of(column) == "bool":
        if kind not in (None, "binary"):
            raise wanted.refuse("its cells are true or false", "leave the kind out")
        return _binary(wanted, values)
    return _number(wanted, values)


def _number(wanted: Wanted, values: Array) -> Feature:
    import pyarrow as pa
    import pyarrow.compute as pc

    observed = values[~np.isnan(values)]
    kind, likelihood = wanted.kind, wanted.likelihood
    if observed.min() == observed.max():
        ends = pc.min_max(wanted.column)
        raise DataError(
            f"{wanted.where} holds whole numbers from {ends['min']} to {ends['max']}, which double precision takes for "
            "one: subtract the lowest from all, drop it, or give it the kind 'categorical'"
        )
    # Floats that are whole and have holes are integers that were read with holes; those of few values are integers
    # that stood beside floats.
    all_whole = bool((observed == np.rint(observed)).all())
    own = few_values(observed) if all_whole else []
    whole = pa.types.is_integer(wanted.column.type) or (
        all_whole and bool(len(observed) < len(values) or own)
    )
    if isinstance(kind, str):
        return _asked(wanted, values, observed, all_whole)
    if likelihood is None and np.isin(observed, (0, 1)).all():
        return _binary(wanted, values)
    if likelihood in ("normal", "bernoulli") or (likelihood == "discretised" and not whole):
        return describe(
            values,
            likelihood,
            name=wanted.name,
            where=wanted.where,
            width=1,
            dtype=dtype_of(wanted.column),
            whole=whole,
        )
    low, high = float(observed.min()), float(observed.max())
    levels = whole_levels(low, high)
    if not whole or levels is None:
        if likelihood == "discretised":
            return describe(
                values,
                likelihood,
                name=wanted.name,
                where=wanted.where,
                width=1,
                dtype=dtype_of(wanted.column),
            )
        return _real(wanted, observed)
    if likelihood is None and len(own) == 2:
        return _binary(wanted, values)
    if likelihood is None and own and apart(observed):
        found = _with_points(wanted, observed, own, whole=True)
        if found is not None:
            return found
    points = summarise(observed, wanted.points)
    few = levels <= _FEW_LEVELS and 2 * len(np.unique(observed)) >= levels
    # Few levels from 0 on may be a count whose tail has died out; a scale whose top is in use gains nothing by one.
    counts = not few or low == 0
    shape = Shape("plain") if likelihood == "discretised" else whole_shape(points, counts=counts)
    if few and not shape.counts:
        return _levels(wanted, observed, shape)
    return _whole(wanted, observed, shape, points)


def _asked(wanted: Wanted, values: Array, observed: Array, whole: bool) -> Feature:
    """A number of the kind that was asked for."""
    low, high, kind = float(observed.min()), float(observed.max()), wanted.kind
    points = summarise(observed, wanted.points)
    if kind == "real":
        return _real(wanted, observed, log=False)
    if kind == "positive":
        if low <= 0:
            raise wanted.refuse(f"it holds {number(low)}", "give 'real', or shift the values above 0")
        return _real(wanted, observed, log=True)
    if kind == "binary":
        if len(np.unique(observed)) != 2:
            many = len(np.unique(observed))
            raise wanted.refuse(
                f"it holds {many:,} different values", "leave the kind out, or make two of them"
            )
        return _binary(wanted, values)
    if kind == "levels" and not whole:
        try:
            return describe(
                values,
                "discretised",
                name=wanted.name,
                where=wanted.where,
                width=1,
                dtype=dtype_of(wanted.column),
            )
        except DataError:
            raise wanted.refuse(
                "its values are not evenly spaced", "give 'real', or round the values"
            ) from None
    if not whole:
        first = number(float(observed[observed != np.rint(observed)][0]))
        raise wanted.refuse(f"it holds {first}, which is no whole number", "give 'real', or round the values")
    if kind == "count" and low < 0:
        raise wanted.refuse(f"it holds {number(low)}", "give 'integer'")
    levels = whole_levels(low, high)
    if levels is None:
        raise wanted.refuse(
            f"it reaches from {number(low)} to {number(high)}, more than can be told apart",
            "give 'real', or leave the column out if it names the rows",
        )
    if kind == "levels":
        return _levels(wanted, observed, whole_shape(points, counts=False))
    if kind == "ordinal":
        if not 3 <= levels <= MOST_ORDERED:
            raise wanted.refuse(
                f"it has {levels:,} levels, and an order wants 3 to {MOST_ORDERED}",
                "give 'integer', or leave the kind out",
            )
        return msgspec.structs.replace(_levels(wanted, observed, Shape("plain")), kind="ordinal")
    shape = Shape("plain", counts=True) if kind == "count" else whole_shape(points, counts=False)
    return _whole(wanted, observed, shape, points)


def _real(wanted: Wanted, observed: Array, *, log: bool | None = None) -> Feature:
    own = [] if wanted.plain or log else recurrent(observed)
    found = _with_points(wanted, observed, own)
    if found is not None:
        return found
    shape = real_shape(summarise(observed, wanted.points), log=log, plain=wanted.plain)
    mean, scale = shape.mean or 0.0, shape.scale or 1.0
    if shape.form == "plain":
        mean, scale = moments(np.log(observed) if shape.log else observed)
    return Feature(
        name=wanted.name,
        kind="positive" if shape.log else "real",
        form=shape.form,
        width=1,
        dtype=dtype_of(wanted.column),
        decimals=decimals_of(observed, dtype_of(wanted.column)),
        mean=mean,
        scale=scale,
    )


def _with_points(wanted: Wanted, observed: Array, own: list[float], *, whole: bool = False) -> Feature | None:
    """Values that come again, and the others; None where no point is left that others can be told from.

    Where there are no others, points too close for single precision are categories. Else the rarest are left out.
    """
    place = kept_apart(observed, own, wanted.points) if own else None
    if own and place is None and wanted.kind is None and np.isin(observed, own).all():
        return categorical_feature(wanted._replace(kind="categorical"))
    while own and place is None:
        rarest = min(own, key=lambda point: int((observed == point).sum()))
        own = [point for point in own if point != rarest]
        place = kept_apart(observed, own, wanted.points) if own else None
    if place is None:
        return None
    mean, scale = place
    rest = observed[~np.isin(observed, own)]
    shape, spread = Shape("plain"), scale
    if len(rest):
        others = summarise(rest, wanted.points)
        shape, (_, spread) = real_shape(others, log=False), trimmed_moments(others)
    return Feature(
        name=wanted.name,
        kind="integer" if whole else "real",
        form=shape.form,
        width=1,
        dtype=dtype_of(wanted.column),
        decimals=None if whole else decimals_of(observed, dtype_of(wanted.column)),
        points=own,
        spread=1.0 if whole else spread or scale,
        edge=whole and bool(observed.min() >= 0),
        mean=mean,
        scale=scale,
    )


def _levels(wanted: Wanted, observed: Array, shape: Shape) -> Feature:
    """Every whole number from the lowest to the highest: one that was not seen may be tomorrow."""
    low, high = float(observed.min()), float(observed.max())
    mean, scale = moments(observed)
    return Feature(
        name=wanted.name,
        kind="levels",
        form=shape.form,
        width=1,
        dtype=dtype_of(wanted.column),
        low=low,
        levels=int(high - low) + 1,
        mean=mean,
        scale=scale,
    )


def _whole(wanted: Wanted, observed: Array, shape: Shape, points: Points) -> Feature:
    trimmed = shape.counts or shape.form == "mixture"
    mean, scale = trimmed_moments(points) if trimmed else moments(observed)
    return Feature(
        name=wanted.name,
        kind="count" if shape.counts else "integer",
        form=shape.form,
        width=1,
        dtype=dtype_of(wanted.column),
        edge=bool(observed.min() >= 0),
        mean=mean,
        scale=scale,
    )


def _binary(wanted: Wanted, values: Array) -> Feature:
    observed = values[~np.isnan(values)]
    low, high = float(observed.min()), float(observed.max())
    if dtype_of(wanted.column) == "bool":
        low, high = 0.0, 1.0
    return Feature(
        name=wanted.name,
        kind="binary",
        width=1,
        dtype=dtype_of(wanted.column),
        low=low,
        step=high - low,
        levels=2,
        mean=float(observed.mean()),
        scale=float(observed.std()),
    )


def _date(wanted: Wanted) -> Feature:
    if wanted.kind not in (None, "date"):
        raise wanted.refuse("its cells are dates", "leave the kind out, or turn them into numbers first")
    days = numbers(wanted.column, wanted.name, wanted.table)
    observed = days[~np.isnan(days)]
    points = summarise(observed, wanted.points)
    whole = bool((observed == np.rint(observed)).all())
    shape = whole_shape(points, counts=False) if whole else real_shape(points, log=False, plain=wanted.plain)
    mean, scale = shape.mean, shape.scale
    if mean is None or scale is None or shape.form == "plain":
        mean, scale = moments(observed)
    return Feature(
        name=wanted.name,
        kind="date",
        form=shape.form,
        width=1,
        dtype=dtype_of(wanted.column),
        step=float(whole),
        unit=unit_of(wanted.column),
        mean=mean,
        scale=scale,
    )


def _constant(wanted: Wanted, constant: float | str | bool) -> Feature:
    import pyarrow as pa

    dtype = dtype_of(wanted.column)
    kind: Kind = "real"
    if is_moment(wanted.column.type):
        kind = "date"
    elif dtype == "bool":
        kind = "binary"
    elif pa.types.is_integer(wanted.column.type):
        kind = "levels"
    mean = float(constant)
    if kind == "date":
        mean = float(numbers(wanted.column.drop_null(), wanted.name, wanted.table)[0])
    return Feature(name=wanted.name, kind=kind, width=0, dtype=dtype, mean=mean, constant=constant)
