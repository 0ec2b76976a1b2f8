"""Faults that cost memory or time and change no figure: what is asked once is asked at every column, row or draw."""

from __future__ import annotations

from faults import numbered

SCALE = "runs/test_scale.py::test_"

# file, what stands there, what is planted, the test that looks for it
_PLANTED = [
    (
        "data/compact.py",
        "if c not in fitted]",
        "if c not in source.table.column_names or c not in fitted]",
        SCALE + "names_of_columns_are_not_asked_for_at_every_column",
    ),
    (
        "data/arrow.py",
        "if name not in held]",
        "if name not in table.column_names]",
        SCALE + "names_of_columns_are_not_asked_for_at_every_column",
    ),
    (
        "inference/likelihood.py",
        "        yield slice(start, start + step)\n",
        "        yield slice(start, start + rows)\n        return\n",
        SCALE + "wide_rows_are_asked_about_a_few_at_a_time",
    ),
    (
        "inference/generate.py",
        "blocks = row_blocks(model, count_rows(model.admit(batch)))",
        "blocks = [slice(None)]",
        SCALE + "wide_rows_are_asked_about_a_few_at_a_time",
    ),
    (
        "runs/draw.py",
        "min(_BLOCK, rows_at_once(model, 1))",
        "_BLOCK",
        SCALE + "wide_rows_are_asked_about_a_few_at_a_time",
    ),
    (
        "runs/fitted.py",
        "embed(self.model, batch, enumerate=summed) for batch in self.blocks(source)",
        "embed(self.model, batch, enumerate=summed) for batch in [self.batch(source)]",
        "estimators/test_tabular.py::test_rows_are_asked_about_some_at_a_time_as_about_all_at_once",
    ),
    (
        "runs/fitted.py",
        "min(_BLOCK, _CELLS // max(1, self.schema.event_shape[0]))",
        "_BLOCK",
        "estimators/test_tabular.py::test_rows_are_asked_about_some_at_a_time_as_about_all_at_once",
    ),
    (
        "runs/conditional.py",
        "blocks = fitted.blocks(_without(source, column, fitted.schema), pattern=False, labels=True)",
        "blocks = [fitted.batch(_without(source, column, fitted.schema), pattern=False, labels=True)]",
        "estimators/test_tabular.py::test_rows_are_asked_about_some_at_a_time_as_about_all_at_once",
    ),
    (
        "runs/fit.py",
        'min(held["samples"], affordable, _TRAIN_SAMPLES)',
        'min(held["samples"], _TRAIN_SAMPLES)',
        SCALE + "rows_fitted_are_evaluated_by_no_more_draws_than_they_leave_time_for",
    ),
    (
        "runs/effort.py",
        "return _MINUTES * share * samples * rows",
        "return _MINUTES * share * samples",
        "runs/test_effort.py::test_a_costly_model_is_drawn_from_less_often_but_never_next_to_never",
    ),
    (
        "cli/questions.py",
        "* passes",
        "* 0",
        "cli/test_cli_questions.py::test_a_long_answer_is_told_of_before_it_begins",
    ),
    (
        "cli/rows.py",
        "if minutes >= LONG:",
        "if False:",
        "cli/test_cli_questions.py::test_a_long_answer_is_told_of_before_it_begins",
    ),
]

FAULTS = numbered("scale", _PLANTED)
