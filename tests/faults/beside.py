"""Faults of columns that are set aside: labels and conditions, from a file to answers."""

from __future__ import annotations

from faults import Mutation

_BESIDE = "data/test_beside.py::"
_RUNS = "runs/test_beside_runs.py::"
_GROUPS = "report/test_groups.py::"

FAULTS = [
    Mutation(
        "-1 is a class",
        "data/beside.py",
        "unknown = labels == -1",
        "unknown = labels == -2",
        (f"{_BESIDE}test_labels_that_are_not_known",),
    ),
    Mutation(
        "labels kept of one class more than of another",
        "data/beside.py",
        "[:each]] = True",
        "[: each + len(name)]] = True",
        (f"{_BESIDE}test_as_many_labels_of_each_class_are_kept",),
    ),
    Mutation(
        "a condition that does not say what it lacks",
        "data/beside.py",
        "encoded.x * seen, cell_mask(seen, schema)",
        "encoded.x * seen, 0 * cell_mask(seen, schema)",
        (f"{_BESIDE}test_a_condition_says_which_cells_it_lacks_only_where_the_fit_lacked_some",),
    ),
    Mutation(
        "a score that knows the label",
        "runs/fitted.py",
        'False: ("c",)',
        'False: ("y", "c")',
        (
            f"{_RUNS}test_m2_tells_the_labels_that_were_left_empty",
            f"{_RUNS}test_a_score_is_of_the_row_whatever_its_label",
        ),
    ),
    Mutation(
        "drawn rows without their label",
        "runs/beside.py",
        'return with_columns(rows, decode(schema.beside["y"], labels.cpu()))',
        "return rows",
        (f"{_RUNS}test_m2_tells_the_labels_that_were_left_empty",),
    ),
    Mutation(
        "conditions that are forgotten",
        "data/beside.py",
        "return encoded.x\n",
        "return 0 * encoded.x\n",
        (f"{_RUNS}test_a_conditional_model_draws_what_it_is_given",),
    ),
    Mutation(
        "groups in any order",
        "report/groups.py",
        "np.argsort(-np.asarray(found.shares)",
        "np.argsort(0 * np.asarray(found.shares)",
        (f"{_GROUPS}test_groups_stand_in_the_order_of_their_rows",),
    ),
    Mutation(
        "what is given put last",
        "estimators/base.py",
        "table = table.select([str(name) for name in self.frame_.names])",
        "pass",
        ("estimators/test_given_columns.py::test_draws_follow_what_they_are_given",),
    ),
    Mutation(
        "blame moved by what is given",
        "estimators/base.py",
        "whole[:, own] = values",
        "whole[:, : len(own)] = values",
        ("estimators/test_given_columns.py::test_what_is_given_is_read_and_not_scored",),
    ),
    Mutation(
        "a place of an array taken for a name",
        "estimators/base.py",
        "isinstance(column, int | np.integer)",
        "isinstance(column, float)",
        ("estimators/test_given_columns.py::test_places_of_an_array_are_given",),
    ),
]
