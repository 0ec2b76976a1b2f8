"""Faults of the engine of training: what a run is called, what it promises at its ends, and several processes."""

from __future__ import annotations

from faults import numbered

BUDGET = "training/test_fit_budget.py::test_"
RESUME = "training/test_fit_resume.py::test_"

# file, what stands there, what is planted, the test that looks for it
_PLANTED = [
    (
        "training/identity.py",
        "repr(int(thing) if isinstance(thing, Integral) else float(thing))",
        "repr(thing)",
        RESUME + "a_run_by_numbers_of_numpy_is_that_of_python_s",
    ),
    (
        "training/loop.py",
        "None if minutes is None else float(minutes)",
        "minutes",
        RESUME + "a_run_by_numbers_of_numpy_is_that_of_python_s",
    ),
    (
        "training/identity.py",
        'sorted(describe(item) for item in thing)) + "}"',
        'map(str, thing)) + "}"',
        RESUME + "the_order_of_a_set_says_nothing",
    ),
    (
        "training/identity.py",
        'or hasattr(thing, "__dict__"))',
        "or True)",
        RESUME + "an_objective_may_hold_anything",
    ),
    (
        "training/loop.py",
        "whole = name in counts",
        'whole = name == "steps"',
        BUDGET + "what_is_counted_is_a_whole_number",
    ),
]

FAULTS = numbered("engine read", _PLANTED)
