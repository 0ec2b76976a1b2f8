"""Faults of what the report and the command say of labels, conditions and latents."""

from __future__ import annotations

from faults import Mutation

_BESIDE = "data/test_beside.py::"
_CLI = "cli/test_cli_labels.py::"
_RUNS = "runs/test_beside_report.py::"
_GROUPS = "report/test_groups.py::"
_SAID = "report/test_sentences.py::"

FAULTS = [
    Mutation(
        "curves of every model said to hold labels",
        "report/sections.py",
        'if findings.label_use == "fitted":',
        "if True:",
        ("report/test_sentences.py::test_curves_say_whether_labels_are_in_the_bound",),
    ),
    Mutation(
        "columns of pictures explained",
        "cli/questions.py",
        'explain and fitted.schema.kind == "table"',
        "explain",
        ("cli/test_cli_questions.py::test_scores_of_pictures_are_explained_without_columns",),
    ),
    Mutation(
        "a bound that falls at the end called good",
        "report/summaries.py",
        "return float(bound[late].max() - bound[~late].max())",
        "return max(0.0, float(bound[late].max() - bound[~late].max()))",
        ("report/test_diagnosis.py::test_how_the_bound_went_at_the_end",),
    ),
    Mutation(
        "more latents advised where rows are fitted too closely",
        "report/latent_diagnosis.py",
        'if fits is not None and fits.level != "good":',
        "if False:",
        ("report/test_diagnosis.py::test_latent_size",),
    ),
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
    Mutation(
        "one kind of groups on the page",
        "report/groups.py",
        "there = [found for found in findings.groups if found.names]",
        "there = [found for found in findings.groups if found.names][:1]",
        (f"{_GROUPS}test_experts_and_classes_stand_side_by_side",),
    ),
    Mutation(
        "every draw is said to be given what the first is",
        "report/rows.py",
        "number(values[i % len(values)]) for i in range(drawn)",
        "number(values[0]) for i in range(drawn)",
        (f"{_GROUPS}test_draws_say_what_they_were_given",),
    ),
    Mutation(
        "printed rows without what they were given",
        "report/rows.py",
        "given = [*findings.conditions][:PRINTED_GIVEN]",
        "given: list[str] = []",
        (f"{_GROUPS}test_printed_rows_say_what_they_were_given",),
    ),
    Mutation(
        "labels that were fitted said not to be",
        "report/plane.py",
        "{USES[findings.label_use]}",
        "{USES['unfitted']}",
        (f"{_SAID}test_what_the_colour_is",),
    ),
    Mutation(
        "the KL of classes put down to a joint prior",
        "report/sections.py",
        "alone += nats",
        "pass",
        (f"{_SAID}test_classes_have_their_part_of_the_kl",),
    ),
    Mutation(
        "--latent advised for the latents of several variables",
        "report/latent_diagnosis.py",
        "single = len(variables) == 1",
        "single = True",
        (f"{_SAID}test_what_to_ask_for_is_said_where_there_is_one_latent",),
    ),
    Mutation(
        "columns foretold worse than by themselves not looked at",
        "report/diagnosis.py",
        "    cells_foretold,\n    intervals_hold,\n    privacy,\n)",
        "    intervals_hold,\n    privacy,\n)",
        (f"{_SAID}test_columns_foretold_worse_than_by_themselves",),
    ),
    Mutation(
        "one bad cell condemns a column",
        "report/table_diagnosis.py",
        "math.isfinite(error) and excess[name] > SIGNIFICANT * error",
        "math.isfinite(error)",
        (f"{_SAID}test_columns_foretold_worse_than_by_themselves",),
    ),
    Mutation(
        "a number of deviations told as a deviation",
        "report/cells.py",
        'f"{decimal(one.error)} σ"',
        'f"{decimal(one.error)} sd"',
        ("report/test_table_page.py::test_a_deviation_in_units_is_not_a_number_of_deviations",),
    ),
    Mutation(
        "traversals of rows that are each given another row's conditions",
        "runs/gather.py",
        "given = fitted.conditions_of(shown.take(np.arange(1)), 9)",
        "given = fitted.conditions_of(shown, 9)",
        (f"{_RUNS}test_a_traversal_is_given_what_the_first_row_is",),
    ),
    Mutation(
        "draws of a value that are given any",
        "runs/gather_groups.py",
        "given = fitted.conditions_of(held_out.take(own).some(count), count)",
        "given = fitted.conditions_of(held_out.some(count), count)",
        (f"{_RUNS}test_rows_are_drawn_given_each_value",),
    ),
    Mutation(
        "experts not shown where there are classes",
        "runs/gather_groups.py",
        "if recipe.clusters is not None:",
        "if recipe.clusters is not None and not found:",
        (f"{_RUNS}test_experts_are_shown_beside_classes",),
    ),
    Mutation(
        "labels that are given said never to be fitted",
        "runs/gather.py",
        'return "given" if name in _given_columns(fitted) else "unfitted"',
        'return "unfitted"',
        (f"{_RUNS}test_what_a_model_had_of_the_labels_of_pictures",),
    ),
    Mutation(
        "the KL of a class from one draw of the others",
        "runs/fitted.py",
        "evaluate_bound(self.model, batch, draws, enumerate=self.recipe.enumerate)",
        "evaluate_bound(self.model, batch, 1)",
        (f"{_RUNS}test_the_parts_of_the_kl_are_those_of_the_bound",),
    ),
    Mutation(
        "probabilities of classes numbered as latents are",
        "runs/named.py",
        'if name == "y" and "y" in fitted.schema.beside:',
        "if False:",
        (f"{_CLI}test_latents_are_called_what_they_are",),
    ),
    Mutation(
        "features of all latents numbered through",
        "runs/named.py",
        "if len(set(names)) == 1:",
        "if True:",
        (f"{_CLI}test_latents_are_called_what_they_are",),
    ),
    Mutation(
        "layers without a sum",
        "cli/evaluate.py",
        "if len(whole) > 1:",
        "if False:",
        (f"{_CLI}test_latents_are_called_what_they_are",),
    ),
    Mutation(
        "probabilities of clusters numbered as latents are",
        "runs/named.py",
        "elif fitted.recipe.clusters is not None and name == fitted.recipe.clusters[0]:",
        "elif False:",
        (f"{_CLI}test_probabilities_of_clusters_are_called_so",),
    ),
]
