"""Faults of how files are read: their types, their delimiters, and what stands for nothing in them."""

from __future__ import annotations

from faults import Mutation

_DELIMITED = "data/test_delimited.py::test_"

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
]

FAULTS = [
    Mutation(f"read: {name}", file, before, after, (test,)) for name, file, before, after, test in _PLANTED
]
