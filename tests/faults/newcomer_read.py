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
    (
        "testing/families.py",
        '        Family, family, "check_family"',
        '        object, family, "check_family"',
        FAMILIES + "what_is_no_family_or_no_distribution_is_told_so",
    ),
    (
        "testing/distributions.py",
        "families have check_family",
        "and no family",
        FAMILIES + "what_is_no_family_or_no_distribution_is_told_so",
    ),
    (
        "conditionals/parametric.py",
        "{*family.start(), *(start or {})}",
        "{*(start or {})}",
        FAMILIES + "a_family_that_starts_what_it_has_not_is_refused",
    ),
    (
        "runs/rebuild.py",
        "if config.recipe not in RECIPES:",
        "if False:",
        "cli/test_cli_refusals.py::test_a_run_of_a_recipe_that_is_not_known_here_is_not_called_damaged",
    ),
]

FAULTS = numbered("newcomer", _PLANTED)
