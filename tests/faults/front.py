"""Faults that an analyst meets whose tables are as other programs write them."""

from __future__ import annotations

from faults import numbered

_DELIMITED = "data/test_delimited.py::test_"
_FRAMES = "estimators/test_types_of_frames.py::test_"
_NAMES = "estimators/test_answers.py::test_names_that_are_no_text_are_saved"
_STAYS = "estimators/test_what_is_given_stays.py::test_"
_CLASSES = (
    "cli/test_cli_columns.py::test_classes_have_the_type_of_their_column_and_are_given_as_it_writes_them"
)
_DATES = "cli/test_cli_columns.py::test_dates_that_are_all_missing_or_of_another_kind_stay_dates"
_TABLES = "data/test_asked_of_tables.py::test_"

# file, what stands there, what is planted, the test that looks for it
_PLANTED = [
    (
        "data/delimited.py",
        "ignore_empty_lines=not self.alone",
        "ignore_empty_lines=True",
        _DELIMITED + "an_empty_line_of_one_column_is_a_missing_cell",
    ),
    (
        "data/delimited.py",
        'content = content.rstrip(b"\\r\\n") + b"\\n"',
        "pass",
        _DELIMITED + "an_empty_line_of_one_column_is_a_missing_cell",
    ),
    (
        "data/delimited.py",
        'f"{float(cell):.0f}" != cell',
        "False",
        _DELIMITED + "codes_of_more_digits_than_a_number_keeps_are_text",
    ),
    (
        "data/delimited.py",
        "for column in (*zeros, *long):",
        "for column in zeros:",
        _DELIMITED + "codes_of_more_digits_than_a_number_keeps_are_text",
    ),
    (
        "data/delimited.py",
        "content[said.end() :] if said else content",
        "content",
        _DELIMITED + "a_line_that_says_the_separator_is_no_header",
    ),
    (
        "data/categories.py",
        "        _refuse_spelled(wanted, categories)\n        _refuse_mixed(wanted, categories)\n",
        "        _refuse_mixed(wanted, categories)\n        _refuse_spelled(wanted, categories)\n",
        _TABLES + "numbers_with_signs_about_them_are_neither_holes_nor_names",
    ),
    (
        "data/spelled.py",
        "_()\\u2212]+",
        "_]+",
        _TABLES + "numbers_with_signs_about_them_are_neither_holes_nor_names",
    ),
    (
        "data/spelled.py",
        'text.strip(" \\t\\r\\n")',
        "text.strip()",
        _TABLES + "numbers_with_signs_about_them_are_neither_holes_nor_names",
    ),
    (
        "data/spelled.py",
        "iso[0] if 2 * len(iso) > len(dates) else dates[0]",
        "dates[0]",
        _TABLES + "dates_as_text_are_advised_by_how_they_are_written",
    ),
    (
        "estimators/frames.py",
        "for kind in type(rows).__mro__}",
        "for kind in (type(rows),)}",
        _FRAMES + "a_frame_that_is_more_than_one_of_pandas_is_one",
    ),
    (
        "estimators/base.py",
        "if isinstance(rows, np.ma.MaskedArray):",
        "if False:",
        _FRAMES + "what_a_mask_hides_is_missing",
    ),
    (
        "estimators/base.py",
        " if hidden else rows.data",
        "",
        _FRAMES + "what_a_mask_hides_is_missing",
    ),
    (
        "estimators/column_types.py",
        "    if not isinstance(index, pandas.MultiIndex):\n",
        "    if True:\n",
        _NAMES,
    ),
    (
        "estimators/column_types.py",
        'if package != "pandas" or all(',
        "if True or all(",
        _NAMES,
    ),
    (
        "runs/given.py",
        "    if isinstance(value, str) and not is_text(kind) and not is_ordered(kind):\n",
        "    if False:\n",
        _CLASSES,
    ),
    ("cli/columns.py", "values if pa.types.is_dictionary(kind) else values.cast(kind)", "values", _CLASSES),
    (
        "runs/given.py",
        "if pa.types.is_floating(kind) and math.isinf(kept.as_py()):",
        "if False:",
        _STAYS + "a_number_that_is_given_is_not_made_infinite",
    ),
    (
        "runs/given.py",
        '.removesuffix(f", {OTHERWISE}")',
        "",
        _STAYS + "what_is_given_is_not_advised_to_be_read_as_missing",
    ),
    (
        "runs/conditional.py",
        'if feature.kind in ("categorical", "binary")]',
        "]",
        "cli/test_cli_columns.py",
    ),
    (
        "inference/predict.py",
        "(log_weight.log_softmax(0) + density).logsumexp(0)",
        "(log_weight + density).logsumexp(0) - log_weight.logsumexp(0)",
        "inference/test_condition.py::test_an_outlier_takes_no_digit_from_the_other_cells_in_single_precision",
    ),
    (
        "runs/conditional.py",
        "if pa.types.is_null(own.type):",
        "if False:",
        _DATES,
    ),
    ("data/compact.py", "str(column[row]) if dates else number(values[row])", "number(values[row])", _DATES),
    (
        "data/delimited.py",
        "if table[place].null_count == table.num_rows]",
        "if False]",
        _DELIMITED + "unnamed_columns_that_hold_nothing_are_left_out",
    ),
    (
        "data/delimited.py",
        "    if others and len(nameless) > 1:\n",
        "    if len(others) > 1:\n",
        _DELIMITED + "unnamed_columns_that_hold_nothing_are_left_out",
    ),
    (
        "data/source.py",
        "return [column for column in drop if column]",
        "return drop",
        _DELIMITED + "unnamed_columns_that_hold_nothing_are_left_out",
    ),
    (
        "estimators/base.py",
        "Mapping, self.kinds or {},",
        "object, self.kinds or {},",
        "estimators/test_answers.py::test_kinds_and_groups_are_told_by_column",
    ),
    (
        "data/beside.py",
        '.removesuffix(f", {OTHERWISE}")',
        "",
        "data/test_beside.py::test_a_condition_says_which_cells_it_lacks_only_where_the_fit_lacked_some",
    ),
]

FAULTS = numbered("front", _PLANTED)
