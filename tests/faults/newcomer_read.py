"""Faults that one meets who reads the pages for the first time and does what they say."""

from __future__ import annotations

from faults import numbered

DENSITIES = "test_testing_densities.py::test_"
FAMILIES = "test_testing_families.py::test_"

# file, what stands there, what is planted, the test that looks for it
_PLANTED = [
    (
        "testing/densities.py",
        "            independence_law(distribution)\n",
        "",
        DENSITIES + "draws_of_cells_that_hang_together_are_noticed",
    ),
    (
        "testing/distributions.py",
        "        independence_law(distribution)\n",
        "",
        DENSITIES + "draws_of_cells_that_hang_together_are_noticed",
    ),
    (
        "testing/families.py",
        "    holes_law(family)\n",
        "",
        FAMILIES + "faults_of_families_are_noticed",
    ),
]

FAULTS = numbered("newcomer", _PLANTED)
