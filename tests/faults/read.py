"""Faults of how files are read: their types, their delimiters, and what stands for nothing in them."""

from __future__ import annotations

from faults import Mutation

_DELIMITED = "data/test_delimited.py::test_"
_SPELT = "data/test_asked_of_tables.py::test_words_are_missing_cells_however_they_are_spelt_and_typed"
_MOMENTS = "data/test_moments.py::test_drawn_moments_stay_in_the_calendar"

# what it is, file, what stands there, what is planted, the test that looks for it
_PLANTED = [
    (
        "types guessed afresh",
        "runs/again.py",
        "text=_text_of(schema),",
        "text=(),",
        _DELIMITED + "what_was_fitted_as_text_is_text_later_whatever_it_spells",
    ),
    (
        "types of what is set aside guessed afresh",
        "runs/again.py",
        "(schema, *schema.beside.values())",
        "(schema,)",
        _DELIMITED + "what_was_fitted_as_text_is_text_later_whatever_it_spells",
    ),
    (
        "dates past 9999",
        "data/arrow.py",
        "np.rint(days), _FIRST_DAY, _LAST_DAY",
        "np.rint(days), -1e8, 1e8",
        _MOMENTS,
    ),
    ("moments past 9999", "data/arrow.py", "min(_LAST_DAY, most)", "most", _MOMENTS),
    ("moments past 9999 by the clock of their zone", "data/arrow.py", "min(high, last)", "high", _MOMENTS),
    (
        "decimals off by a bit",
        "data/arrow.py",
        "array.cast(pa.string()).cast(pa.float64())",
        "array.cast(pa.float64())",
        "data/test_column_kinds.py::test_decimals_are_the_floats_nearest_to_them",
    ),
    (
        "words that stay a level of their order",
        "data/blanks.py",
        "if level and level.strip() != word.strip()",
        "if level",
        _SPELT,
    ),
    (
        "words looked for before types are plain",
        "data/source.py",
        "blank(plain(table, path.name), missing)",
        "plain(blank(table, missing)[0], path.name), {*missing}",
        _SPELT,
    ),
    ("words without blanks in csv", "data/delimited.py", "replace(cells, nulls=())", "cells", _SPELT),
    (
        "words that later rows lack are told of again",
        "data/source.py",
        "    if not again:\n",
        "    if True:\n",
        _SPELT,
    ),
    (
        "a delimiter of the header alone",
        "data/delimited.py",
        "cells.count(cells[0]), cells[0]",
        "1, 0",
        _DELIMITED + "cells_are_split_where_it_makes_rows_of_one_length",
    ),
    (
        "the first delimiter of several",
        "data/delimited.py",
        "cells.count(cells[0]), cells[0]",
        "cells.count(cells[0]), 0",
        _DELIMITED + "cells_are_split_where_it_makes_rows_of_one_length",
    ),
    (
        "a header of any bytes",
        "data/delimited.py",
        '"".join(header).encode()',
        "pass",
        _DELIMITED + "a_header_that_cannot_be_read_is_told_of",
    ),
    (
        "a long row that no delimiter splits",
        "data/delimited.py",
        "contextlib.suppress(csv.Error)",
        "contextlib.nullcontext()",
        _DELIMITED + "rows_longer_than_a_cell_may_be_are_split",
    ),
    (
        "any unnamed column left out",
        "data/delimited.py",
        "and counts_rows(table[0])",
        "",
        _DELIMITED + "an_unnamed_column_is_left_out_where_it_counts_the_rows",
    ),
    (
        "rows of a fit refused for their index",
        "data/source.py",
        'return [*drop, ""]',
        "pass",
        _DELIMITED + "an_unnamed_column_is_left_out_where_it_counts_the_rows",
    ),
    (
        "ISO dates told to be ISO dates",
        "data/categories.py",
        "    elif not others:\n",
        "    elif False:\n",
        "data/test_asked_of_tables.py::test_dates_as_text_are_advised_by_how_they_are_written",
    ),
    (
        "kinds advised for arrays",
        "data/units.py",
        "    if array:\n",
        "    if False:\n",
        "data/test_arrays.py::test_rows_that_do_not_fit_the_schema",
    ),
    (
        "columns asked for of arrays",
        "runs/schema.py",
        "        if source.table is None:\n            raise",
        "        if False:\n            raise",
        "runs/test_beside_runs.py::test_what_the_recipes_ask_for",
    ),
    (
        "ordered categories called text",
        "data/write.py",
        "if is_ordered(kind):",
        "if False:",
        "data/test_source.py::test_what_cannot_be_written_leaves_what_was_there",
    ),
    (
        "squares that vanish",
        "data/marginals.py",
        "max(deviation * unit, math.ulp(0.0)) if deviation else 0.0",
        "math.sqrt(deviation * deviation * unit * unit)",
        "data/test_column_kinds.py::test_numbers_whose_squares_vanish_have_a_scale",
    ),
    (
        "labels of bytes",
        "data/arrays.py",
        'if labels.dtype.kind == "S":',
        "if False:",
        "data/test_arrays.py::test_npy_and_npz",
    ),
    (
        "sub-folders beside a stray picture",
        "data/images.py",
        "    if files and below:\n",
        "    if False:\n",
        "data/test_arrays.py::test_subfolders_are_labels",
    ),
    (
        "an error of arrow's own",
        "estimators/frames.py",
        '        except pa.ArrowException as cause:\n            raise DataError(\n                f"column {name!r} of {where} has type {rows',
        '        except KeyError as cause:\n            raise DataError(\n                f"column {name!r} of {where} has type {rows',
        "estimators/test_tabular.py::test_a_type_that_arrow_has_not_is_named",
    ),
    (
        "decimals given back as floats",
        "estimators/frames.py",
        "    if kind is Decimal:\n        cells",
        "    if False:\n        cells",
        "estimators/test_tabular.py::test_decimals_of_pandas_come_back_as_decimals",
    ),
]

FAULTS = [
    Mutation(f"read: {name}", file, before, after, (test,)) for name, file, before, after, test in _PLANTED
]
