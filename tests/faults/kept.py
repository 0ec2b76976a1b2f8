"""Faults of which weights a run keeps, of the prior of weights, and of what estimators and runs give back."""

from __future__ import annotations

from faults import Mutation

_WATCH = "training/test_watch.py::"
_QUANTISED = "runs/test_quantised_runs.py::"
_FACES = "estimators/test_saved_faces.py::"

FAULTS = [
    Mutation(
        "the best bound alone",
        "training/watch.py",
        "_TOLD_APART = 0.5",
        "_TOLD_APART = -1e9",
        (f"{_WATCH}test_later_weights_are_kept_unless_rows_say_that_they_are_worse",),
    ),
    Mutation(
        "rows held against the last weights that were kept",
        "training/watch.py",
        "if not warming and (self.keep_last or better):",
        "if not warming:",
        (f"{_WATCH}test_later_weights_are_kept_unless_rows_say_that_they_are_worse",),
    ),
    Mutation(
        "weights of the warm-up kept",
        "training/run.py",
        "warming = self._progress(self.seconds) < self._warm_up",
        "warming = False",
        (f"{_WATCH}test_a_run_keeps_no_weights_of_its_warm_up",),
    ),
    Mutation(
        "a prior on biases too",
        "training/player.py",
        "((True, 1.0 / (rows * scale**2)), (False, 0.0))",
        "((True, 1.0 / (rows * scale**2)), (False, 1.0 / (rows * scale**2)))",
        (f"{_WATCH}test_the_prior_of_the_weights_is_that_of_the_posterior_mode",),
    ),
    Mutation(
        "the front door without a prior on its weights",
        "recipes/recipe.py",
        "optimizer=adam_under_prior(rows)",
        "optimizer=adam_under_prior(10**12)",
        ("recipes/test_recipes.py::test_every_recipe_has_its_weights_under_a_prior",),
    ),
    Mutation(
        "draws of the prior weighed by the q of codes",
        "inference/weigh.py",
        "return Weighed(mixed, (joint - mixture).expand(*lead))",
        "return Weighed(mixed, mixed.log_weight() + (from_q - mixture).expand(*lead))",
        (
            "inference/test_likelihood.py::test_draws_of_the_prior_weigh_codes_as_they_weigh_numbers",
            f"{_QUANTISED}test_holes_are_asked_of_codes",
        ),
    ),
    Mutation(
        "an evaluation of rows with holes by q alone",
        "runs/fitted.py",
        "estimate = self._log_density(batch, samples, precision=precision)",
        "estimate = log_likelihood(self.model, batch, samples, precision=precision, enumerate=recipe.enumerate)",
        (f"{_QUANTISED}test_an_evaluation_and_a_score_are_of_one_kind",),
    ),
    Mutation(
        "cells of an array filled where they were known",
        "runs/conditional.py",
        "np.where(np.isnan(own), table, own)",
        "np.where(np.isnan(own), table, table)",
        (f"{_QUANTISED}test_arrays_are_filled_where_they_have_holes",),
    ),
    Mutation(
        "which given columns there are, read as their values",
        "runs/given.py",
        'condition.cpu()[..., : sum(schema.beside["c"].widths)]',
        "condition.cpu()",
        ("estimators/test_given_columns.py::test_given_columns_with_holes_come_back_in_draws",),
    ),
    Mutation(
        "columns beside other rows than those asked about",
        "runs/gather_cells.py",
        "holes = replace(again, table=holed, labels=None)",
        "holes = replace(held_out, table=holed, labels=None, test=None)",
        ("runs/test_beside_runs.py::test_single_cells_are_asked_of_rows_with_columns_beside_them",),
    ),
    Mutation(
        "unknown words that are a class",
        "estimators/classifier.py",
        "[one is None or type",
        "[type",
        (f"{_FACES}test_words_may_be_unknown",),
    ),
    Mutation(
        "clusters loaded without their shares",
        "estimators/clusterer.py",
        '_kept = ("labels_", "weights_", "means_", "covariances_")',
        '_kept = ("labels_", "means_", "covariances_")',
        (f"{_FACES}test_a_clusterer_comes_back",),
    ),
]
