"""Faults of answers that were wrong once."""

from __future__ import annotations

from faults import Mutation

_HERE = "estimators/test_answers.py::"
_KINDS = "data/test_column_kinds.py::test_numbers_that_rows_leave_out_have_no_mass"
_CSV = "data/test_tables.py::test_csv_codes_keep_their_zeros"

FAULTS = [
    Mutation(
        "numbers that rows leave out have mass",
        "data/kinds.py",
        "own and apart(observed):",
        "own and apart(observed[:1]):",
        (_KINDS,),
    ),
    Mutation(
        "two far numbers on a line",
        "data/kinds.py",
        "if likelihood is None and len(own) == 2:",
        "if likelihood is None and len(own) == 99:",
        (_KINDS,),
    ),
    Mutation(
        "one gap makes a scale of points", "data/recurrent.py", "_LEFT_OUT = 5", "_LEFT_OUT = 50", (_KINDS,)
    ),
    Mutation(
        "a tail that thins out taken for gaps",
        "data/recurrent.py",
        "[held[1:] & held[:-1]].sum()",
        ".sum()",
        (_KINDS,),
    ),
    Mutation(
        "the mean of a logarithm for the logarithm of a mean",
        "runs/conditional.py",
        'feature.kind == "positive" and feature.form == "plain"',
        'feature.kind == "none" and feature.form == "plain"',
        (f"{_HERE}test_the_mean_of_a_positive_column_is_a_mean",),
    ),
    Mutation(
        "half of the variance forgotten",
        "distributions/normal.py",
        "a * self.loc + 0.5 * (a * self.scale).square()",
        "a * self.loc",
        (f"{_HERE}test_the_mean_of_a_positive_column_is_a_mean",),
    ),
    Mutation(
        "unseen values that make no outlier",
        "estimators/outliers.py",
        'if self.unseen == "outlier":',
        "if False:",
        (f"{_HERE}test_a_value_that_no_row_held_makes_an_outlier",),
    ),
    Mutation(
        "missing cells taken for unseen ones",
        "data/compact.py",
        "~(seen_cells(schema, source) | np.column_stack(missing)).all(1)",
        "~seen_cells(schema, source).all(1)",
        ("data/test_column_kinds.py::test_unseen_rows_are_not_those_with_holes",),
    ),
    Mutation(
        "rows of no label a class where one class is known",
        "estimators/classifier.py",
        "known = ~_absent(labels)\n        self.classes_",
        "known = np.ones(len(labels), dtype=bool)\n        self.classes_",
        (f"{_HERE}test_rows_of_no_label_are_no_class",),
    ),
    Mutation(
        "kinds by the names of other frames",
        "estimators/base.py",
        "self._named(column): kind if",
        "column: kind if",
        (f"{_HERE}test_kinds_are_of_the_names_that_a_frame_has",),
    ),
    Mutation(
        "a given number written in another way",
        "data/words.py",
        "next((word for word in found if word in categories), found[0])",
        "found[0]",
        ("estimators/test_category_words.py::test_a_value_is_the_category_that_it_writes_as",),
    ),
    Mutation(
        "names in two lines become lists",
        "estimators/column_types.py",
        "tuple(name) if isinstance(name, list) else name",
        "name",
        (f"{_HERE}test_names_in_two_lines_come_back",),
    ),
    Mutation(
        "an unseen condition called missing",
        "data/beside.py",
        "encode(schema, part)",
        "encode(schema, part, unseen)",
        (f"{_HERE}test_an_unseen_condition_is_called_so",),
    ),
    Mutation(
        "numbers of numpy taken for words",
        "metrics/columns.py",
        "isinstance(cell, Real | Decimal)",
        "isinstance(cell, int | float)",
        (f"{_HERE}test_numbers_in_a_column_of_objects_are_numbers",),
    ),
    Mutation("codes that lose their zeros", "data/delimited.py", 'r"^-?0[0-9]"', 'r"^-?x[0-9]"', (_CSV,)),
    Mutation("a zero by itself taken for a code", "data/delimited.py", 'r"^-?0[0-9]"', 'r"^-?0"', (_CSV,)),
]
