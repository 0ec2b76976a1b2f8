"""Faults of figures: of measures, classical models and distributions."""

from __future__ import annotations

from faults import numbered

ALIKE = "metrics/test_alike.py::test_"

# file, what stands there, what is planted, the test that looks for it
_PLANTED = [
    (
        "metrics/columns.py",
        "return float(numbers.std()) if varies(numbers) else 1.0",
        "return float(numbers.std()) or 1.0",
        ALIKE + "errors_of_imputation_are_in_units_of_their_own",
    ),
    (
        "metrics/pairs.py",
        "if not (varies(x) and varies(y)):",
        "if not (len(x) and x.std() and y.std()):",
        ALIKE + "they_have_no_correlation",
    ),
    (
        "metrics/efficacy.py",
        'if varies(truth) else float("nan")',
        'if total > 0 else float("nan")',
        ALIKE + "a_target_that_is_one_number_has_no_share_of_variance",
    ),
]

FAULTS = numbered("figures", _PLANTED)
