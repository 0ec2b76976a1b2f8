"""Faults of what the report and the command say of labels, conditions and latents."""

from __future__ import annotations

from faults import Mutation

_BESIDE = "data/test_beside.py::"

FAULTS = [
    Mutation(
        "labels of arrays read as numbers where rows are given them",
        "data/beside.py",
        'if name == "y" or (columns == [LABEL] and _are_classes(source, table)):',
        'if name == "y":',
        (f"{_BESIDE}test_labels_of_arrays_are_classes_as_a_condition_too",),
    ),
    Mutation(
        "targets of a regression read as classes",
        "data/beside.py",
        "return whole and 2 <= len(values) <= _most_classes(source)",
        "return 2 <= len(values)",
        (f"{_BESIDE}test_labels_that_are_quantities_stay_numbers_as_a_condition",),
    ),
]
