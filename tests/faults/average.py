"""Faults of the average that a run keeps."""

from __future__ import annotations

from faults import Mutation

_HERE = "training/test_average.py::"

FAULTS = [
    Mutation(
        "average has a memory of fixed length",
        "training/average.py",
        "return 1.0 - (self.step / step) ** (1.0 / self.lag - 1.0)",
        "return 1.0 if not self.step else self.lag",
        (f"{_HERE}test_the_mean_age_is_the_lag_at_any_time",),
    ),
    Mutation(
        "average older than its lag",
        "training/average.py",
        "(1.0 / self.lag - 1.0)",
        "(1.0 / self.lag - 2.0)",
        (f"{_HERE}test_the_mean_age_is_the_lag_at_any_time",),
    ),
    Mutation(
        "average never updated in a run",
        "training/run.py",
        "self.average.update(self.step)",
        "pass",
        (f"{_HERE}test_a_rate_that_never_falls_is_made_up_for",),
    ),
    Mutation(
        "bound of the weights and not of their average",
        "training/run.py",
        "with self.average.in_place(self.step):",
        "if True:",
        (f"{_HERE}test_the_bound_that_is_told_is_that_of_the_weights_that_are_kept",),
    ),
    Mutation(
        "weights not put back",
        "training/average.py",
        "                self._put(_own(kept))",
        "                pass",
        (f"{_HERE}test_looking_at_it_changes_neither_it_nor_the_weights",),
    ),
    Mutation(
        "average updated by a look",
        "training/run.py",
        "        with self.average.in_place(self.step):",
        "        self.average.update(self.step)\n        with self.average.in_place(self.step):",
        ("training/test_fit_budget.py::test_evaluations_are_spread_over_the_run_and_change_nothing_else",),
    ),
    Mutation(
        "average not restored",
        "training/saved.py",
        'run.average.load({name: spread_like(averages[name], like[name]) for name in like}, state["averaged_step"])',
        "pass",
        ("training/test_fit_resume.py::test_interrupted_run_resumes_to_the_same_bits[plain]",),
    ),
]
