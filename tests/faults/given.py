"""Faults of what is given: cells, labels, conditions, and the rows that tell a p-value."""

from __future__ import annotations

from faults import Mutation

_STAYS = "estimators/test_what_is_given_stays.py::"

FAULTS = [
    Mutation(
        "draws in the place of means given a label",
        "runs/given.py",
        "drawn.mean if means else drawn.x",
        "drawn.x",
        ("cli/test_cli_labels.py::test_pictures_given_their_label",),
    ),
    Mutation(
        "given cells cut to the type of the fit",
        "runs/conditional.py",
        "found = own.cast(filled.type)\n",
        "found = own.cast(filled.type, safe=False)\n",
        (f"{_STAYS}test_no_number_is_cut_to_a_type",),
    ),
    Mutation(
        "types of the fit although they do not suffice",
        "estimators/frames.py",
        "return bool(((values == np.trunc(values)) & (values >= limits.min) & (values <= limits.max)).all())",
        "return True",
        (f"{_STAYS}test_no_number_is_cut_to_a_type",),
    ),
    Mutation(
        "fractions of decimals dropped",
        "runs/given.py",
        "if pa.types.is_decimal(read.type) and pa.types.is_integer(kind):",
        "if False:",
        (f"{_STAYS}test_a_decimal_that_is_given_keeps_its_fraction",),
    ),
    Mutation(
        "categories of numbers read as numbers",
        "estimators/frames.py",
        "series = series.cat.rename_categories(spelled)",
        "pass",
        (f"{_STAYS}test_categories_of_pandas_are_categories_whatever_they_are",),
    ),
    Mutation(
        "conditions not heard by a classifier",
        "runs/conditional.py",
        "return replace(source, table=table)",
        "return replace(source, table=table, beside=None)",
        (f"{_STAYS}test_a_classifier_of_a_conditional_model_reads_its_conditions",),
    ),
    Mutation(
        "known labels not heard by filling",
        "runs/conditional.py",
        "batch = fitted.batch(source, labels=True)\n    x =",
        "batch = fitted.batch(source)\n    x =",
        ("runs/test_beside_runs.py::test_a_label_that_is_known_tells_of_the_cells_that_are_not",),
    ),
    Mutation(
        "ten rows held out tell of one in twenty",
        "estimators/outliers.py",
        "few = held is None or len(held) < _ENOUGH",
        "few = held is None",
        ("estimators/test_tabular.py::test_one_false_alarm_in_twenty",),
    ),
    Mutation(
        "states computed from the prior's and q's draws at once",
        "inference/weigh.py",
        "distribution = trace.reread(own | found, keep_q=False).p(name)",
        "distribution = trace.reread(found, keep_q=False).p(name)",
        ("recipes/test_hierarchies.py::test_draws_of_the_prior_beside_those_of_q_weigh_as_much",),
    ),
]
