"""Faults that one meets who reads the pages for the first time and does what they say."""

from __future__ import annotations

from faults import numbered

DENSITIES = "test_testing_densities.py::test_"
FAMILIES = "test_testing_families.py::test_"
ASKED = "inference/test_asked_wrongly.py::test_"

# file, what stands there, what is planted, the test that looks for it
_PLANTED = [
    (
        "training/prior.py",
        "            if options:\n",
        "            if False:\n",
        "training/test_prior.py::test_refusals",
    ),
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
    (
        "inference/predict.py",
        "if not range(given.shape[1])[cell]:",
        "if False:",
        ASKED + "questions_without_an_answer",
    ),
    (
        "inference/predict.py",
        "            wants(slice, cell,",
        "            wants(object, cell,",
        ASKED + "questions_in_another_form",
    ),
    (
        "inference/generate.py",
        "    evidence = model.admit({} if given is None else given)",
        "    evidence = model.admit(dict(given or {}))",
        ASKED + "questions_in_another_form",
    ),
    (
        "model/plan.py",
        "read optional({missing[0]!r}) and observed({missing[0]!r}), which need no ",
        "read observed({missing[0]!r}), which needs no ",
        ASKED + "a_parent_that_is_absent_is_advised_to_be_read_where_it_is_there",
    ),
    (
        "inference/noise.py",
        "    count_rows(evidence)\n",
        "",
        ASKED + "questions_without_an_answer",
    ),
    (
        "data/categories.py",
        "write them in digits and a point alone, as -1200.5",
        "write them without signs, as 1200.5",
        "data/test_asked_of_tables.py::test_all_columns_that_cannot_be_fitted_are_told_of_at_once",
    ),
    (
        "conditionals/mixture.py",
        '        components = as_list(components, "Mixture")\n',
        "",
        "test_wants.py::test_what_is_of_the_wrong_type_is_named_with_what_to_do",
    ),
    (
        "conditionals/experts.py",
        "        experts = as_list(experts, type(self).__name__)\n",
        "",
        "test_wants.py::test_what_is_of_the_wrong_type_is_named_with_what_to_do",
    ),
    (
        "conditionals/combinator.py",
        "        parts = as_list(parts, type(self).__name__)\n",
        "",
        "test_wants.py::test_what_is_of_the_wrong_type_is_named_with_what_to_do",
    ),
    (
        "inference/generate.py",
        "    if isinstance(names, str):",
        "    if False:",
        ASKED + "questions_without_an_answer",
    ),
]

FAULTS = numbered("newcomer", _PLANTED)
