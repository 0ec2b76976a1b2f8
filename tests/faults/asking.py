"""Faults of what is asked of a run or an estimator, and of what is said when it cannot be had."""

from __future__ import annotations

from faults import numbered

RESUME = "cli/test_cli_resume.py::test_"
COLUMNS = "cli/test_cli_columns.py::test_"
GIVEN = "estimators/test_given_columns.py::test_"
RECIPES = "estimators/test_recipes_of_estimators.py::test_"
LABELS = "cli/test_cli_labels.py::test_"
BESIDE = "runs/test_beside_runs.py::test_"
REFUSALS = "cli/test_cli_refusals.py::test_"
GROUPS = "report/test_groups.py::test_"

# file, what stands there, what is planted, the test that looks for it
_PLANTED = [
    (
        "runs/beside.py",
        "rows.select([name for name in source.order if name in held])",
        "rows",
        LABELS + "what_is_set_aside_from_rows_is_printed_beside_them",
    ),
    (
        "data/source.py",
        "left=left if again else None",
        "left=None",
        LABELS + "what_is_set_aside_from_rows_is_printed_beside_them",
    ),
    (
        "runs/beside.py",
        "source.left.select(_written(source.left.schema))",
        "source.left",
        BESIDE + "dropped_columns_that_no_file_holds_stay_out",
    ),
    (
        "report/summaries.py",
        "math.prod(rows.shape[1:])",
        "-1",
        GROUPS + "a_group_of_vectors_may_have_no_row",
    ),
    (
        "runs/fit.py",
        "        except Exception:  # costs",
        "        except LookupError:  # costs",
        RESUME + "a_report_that_fails_costs_no_fit",
    ),
    (
        "runs/fit.py",
        "        except Exception:  # costs",
        "        except BaseException:  # costs",
        RESUME + "a_report_that_fails_costs_no_fit",
    ),
    (
        "runs/fit.py",
        "            work.report.unlink(missing_ok=True)\n",
        "",
        RESUME + "a_report_that_fails_costs_no_fit",
    ),
    (
        "runs/fit.py",
        "        files.report.unlink(missing_ok=True)\n",
        "",
        RESUME + "a_report_that_fails_costs_no_fit",
    ),
    (
        "runs/beside.py",
        "if label.name in aside_of(source).column_names:",
        "if True:",
        BESIDE + "rows_without_a_column_of_labels_are_rows_whose_labels_are_empty",
    ),
    (
        "runs/conditional.py",
        ".astype(feature.dtype).tolist()",
        ".tolist()",
        COLUMNS + "classes_of_two_values_are_values_of_their_column",
    ),
    (
        "cli/columns.py",
        "in values.cast(pa.string()).to_pylist()]",
        "in classes]",
        COLUMNS + "classes_of_two_values_are_values_of_their_column",
    ),
    (
        "cli/questions.py",
        "if samples == SCORE_SAMPLES else fitted.score(rows)",
        "",
        COLUMNS + "scores_come_with_p_values_and_blame",
    ),
    (
        "estimators/tabular.py",
        "in fitted.recipe.enumerate",
        'in __import__("anyvae.recipes").recipes.find_recipe(self.recipe).enumerate',
        RECIPES + "latents_side_by_side_go_and_come_back",
    ),
    (
        "estimators/classifier.py",
        "if alone and recipe.labels and",
        "if False and",
        RECIPES + "what_an_estimator_has_no_word_for",
    ),
    (
        "data/beside.py",
        "the labels of {source.name} have",
        "column {columns[0]!r} of {source.name} has",
        RECIPES + "what_an_estimator_has_no_word_for",
    ),
    (
        "runs/fit.py",
        "kept, each = len(column), asked",
        "kept, each = asked, asked",
        LABELS + "few_labels_are_kept_by_the_seed",
    ),
    (
        "estimators/base.py",
        "if isinstance(self.given, str):",
        "if False:",
        GIVEN + "columns_are_given_as_a_list_and_each_counts_once",
    ),
    (
        "estimators/base.py",
        "if not -len(names) <= column < len(names):",
        "if False:",
        GIVEN + "a_place_that_no_column_has_is_refused",
    ),
    (
        "estimators/base.py",
        "        self._samples()\n",
        "",
        "estimators/test_answers.py::test_samples_are_a_number_of_draws",
    ),
    (
        "data/beside.py",
        "list(dict.fromkeys(given))",
        "list(given)",
        "data/test_beside.py::test_a_condition_says_which_cells_it_lacks_only_where_the_fit_lacked_some",
    ),
    (
        "runs/config.py",
        "fit anew, or remove it:",
        "run `anyvae evaluate` again:",
        REFUSALS + "damaged_figures_may_be_removed",
    ),
    (
        "data/beside.py",
        '"of labels" if name == "y" else',
        "",
        REFUSALS + "rows_without_what_the_fit_set_aside",
    ),
    (
        "data/source.py",
        '"an .npz file whose y it is" if column == "label" else',
        "",
        REFUSALS + "rows_without_what_the_fit_set_aside",
    ),
    (
        "runs/schema.py",
        "if name in aside and name not in modelled]:",
        "if False]:",
        BESIDE + "what_the_recipes_ask_for",
    ),
    (
        "data/compact.py",
        'return "true and false" if feature.dtype == "bool" else "numbers"',
        'return "numbers"',
        "estimators/test_tabular.py::test_conditions_that_cannot_be_are_refused",
    ),
    (
        "cli/options.py",
        "known[-1] if known",
        "known[0] if known",
        COLUMNS + "a_column_may_have_a_sign_of_equality_in_its_name",
    ),
    (
        "cli/options.py",
        "if columns is None or cut[0] in columns]",
        "]",
        COLUMNS + "a_column_may_have_a_sign_of_equality_in_its_name",
    ),
]

FAULTS = numbered("asking", _PLANTED)
