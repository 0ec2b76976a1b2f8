"""Faults of what is given back as it was: moments that are whole days or hours, numbers too large to be told apart."""

from __future__ import annotations

from faults import numbered

MOMENTS = "data/test_moments.py::test_"
TYPES = "estimators/test_types_of_frames.py::test_"

_PLANTED = [
    (
        "data/decode.py",
        "feature.unit if rounded else None",
        "None",
        MOMENTS + "moments_are_drawn_as_whole_as_they_are",
    ),
    (
        "data/clock.py",
        "return moments if moments.type.tz is None else pc.local_timestamp(moments)",
        'return moments if moments.type.tz is None else moments.cast("timestamp[us]")',
        MOMENTS + "moments_are_drawn_as_whole_as_they_are",
    ),
    (
        "data/clock.py",
        "near = pc.round_temporal(clock, unit=unit)",
        "near = _floor(clock, unit)",
        MOMENTS + "moments_are_drawn_as_whole_as_they_are",
    ),
    (
        "data/clock.py",
        "pc.greater(pc.year(near), _LAST_YEAR)",
        "pc.greater(pc.year(near), _LAST_YEAR + 1)",
        MOMENTS + "few_moments_are_whole_by_chance_and_no_draw_leaves_the_calendar",
    ),
    (
        "data/clock.py",
        'nonexistent="latest"',
        'nonexistent="raise"',
        MOMENTS + "few_moments_are_whole_by_chance_and_no_draw_leaves_the_calendar",
    ),
    (
        "data/clock.py",
        "or len(column) - column.null_count < _ROWS",
        "",
        MOMENTS + "few_moments_are_whole_by_chance_and_no_draw_leaves_the_calendar",
    ),
    (
        "data/kinds.py",
        "    if observed.min() == observed.max():\n",
        "    if False:\n",
        "data/test_column_kinds.py::test_whole_numbers_that_are_one_in_double_precision_are_refused",
    ),
    (
        "runs/conditional.py",
        "np.where(seen_cells(fitted.schema, source), found, np.nan)",
        "found",
        "estimators/test_answers.py::test_holes_of_columns_that_were_constant_have_nothing_to_explain",
    ),
    (
        "estimators/base.py",
        "kind if isinstance(kind, str) else words_of(kind)",
        "kind",
        TYPES + "an_order_of_categories_that_are_numbers_is_given_as_numbers",
    ),
    (
        "estimators/frames.py",
        "if series.dtype != object:",
        "if False:",
        TYPES + "types_that_make_no_column_are_named",
    ),
    (
        "estimators/frames.py",
        "if series.dtype != object:",
        "if True:",
        TYPES + "cells_of_several_types_are_named_by_these",
    ),
    (
        "estimators/frames.py",
        '("polars", "LazyFrame") in kinds',
        "False",
        TYPES + "frames_without_rows_yet_are_to_be_collected",
    ),
    (
        "data/zones.py",
        'getattr(value, "nanosecond", 0)',
        "0",
        "data/test_zones.py::test_moments_of_pandas_keep_their_nanoseconds",
    ),
]

FAULTS = numbered("whole", _PLANTED)
