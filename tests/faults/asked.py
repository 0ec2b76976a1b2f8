"""Faults of what is asked of a table, and of what is told of it before it is fitted."""

from __future__ import annotations

from faults import Mutation, numbered

ASKED = "data/test_asked_of_tables.py::test_"
REFUSALS = "cli/test_cli_refusals.py::test_"

# file, what stands there, what is planted, the test that looks for it
_PLANTED = [
    (
        "data/delimited.py",
        "nulls=[*usual, *met]",
        "nulls=usual",
        "words_stand_for_missing_cells",
    ),
    ("data/blanks.py", "if is_number(word) and (", "if False and (", "words_stand_for_missing_cells"),
    ("data/blanks.py", "pc.utf8_trim_whitespace(column)", "column", "words_stand_for_missing_cells"),
    (
        "data/tables.py",
        "for column in dict.fromkeys(columns) if column in held",
        "for column in columns if column in held",
        "columns_are_left_out_whatever_is_in_them",
    ),
    (
        "data/tables.py",
        "    if not absent:\n",
        "    if absent:\n",
        "columns_are_left_out_whatever_is_in_them",
    ),
    (
        "data/errors.py",
        "    if len(refusals) == 1:\n",
        "    if refusals:\n",
        "all_columns_that_cannot_be_fitted_are_told_of_at_once",
    ),
    (
        "data/spelled.py",
        "bool(_DATE.fullmatch(text.strip())) or ",
        "",
        "all_columns_that_cannot_be_fitted_are_told_of_at_once",
    ),
    (
        "data/spelled.py",
        "len(decorated) + sum(map(is_number, looked_at)) >= enough",
        "len(decorated) >= len(looked_at) + 1",
        "all_columns_that_cannot_be_fitted_are_told_of_at_once",
    ),
    (
        "data/spelled.py",
        "    if decorated and len(",
        "    if len(",
        "few_and_plain_strings_are_no_spelled_numbers",
    ),
    (
        "data/spelled.py",
        "if len(looked_at) <= _FEWEST:",
        "if False:",
        "few_and_plain_strings_are_no_spelled_numbers",
    ),
    (
        "data/noticed.py",
        'ends["max"] - ends["min"] == rows - 1 and',
        "",
        "counters_and_repeated_rows_are_pointed_out",
    ),
    ("data/noticed.py", "or 2 * distinct < rows", "", "counters_and_repeated_rows_are_pointed_out"),
    ("runs/fit.py", "*pointed_out, ", "", "counters_and_repeated_rows_are_pointed_out"),
]

FAULTS = [
    *numbered("asked", [(file, before, after, ASKED + test) for file, before, after, test in _PLANTED]),
    Mutation(
        "asked: an end by shutting down",
        "cli/entry.py",
        "os._exit(code)",
        "sys.exit(code)",
        (REFUSALS + "what_is_refused_ends_at_once",),
    ),
]
