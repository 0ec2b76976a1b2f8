"""Faults of table models, of what they are asked, and of the estimators."""

from __future__ import annotations

from faults import Mutation

_TABULAR = "estimators/test_tabular.py::"
_HIDING = "training/test_hiding.py::"

FAULTS = [
    Mutation(
        "decoder taught too",
        "runs/train.py",
        'bound, ["inference"]',
        "bound, []",
        (f"{_HIDING}test_the_encoder_of_a_table_learns_to_read_parts_and_the_decoder_stays",),
    ),
    Mutation(
        "cells hidden in every row",
        "training/data.py",
        "torch.rand(rows, 1) * torch.randint(0, 2, (rows, 1))",
        "torch.rand(rows, 1)",
        (f"{_HIDING}test_half_of_the_rows_are_whole_and_the_rest_lose_any_share",),
    ),
    Mutation(
        "holes uncovered by hiding",
        "training/data.py",
        "item.mask & kept_cells(len(item.mask), widths)",
        "kept_cells(len(item.mask), widths)",
        (f"{_HIDING}test_holes_stay_holes_and_only_training_batches_hide",),
    ),
    Mutation(
        "unseen categories refused by nobody",
        "data/compact.py",
        'if strange.any() and unseen == "missing":',
        "if strange.any():",
        (f"{_TABULAR}test_values_that_no_row_had_are_read_as_missing_or_refused",),
    ),
    Mutation(
        "a condition read as missing",
        "runs/given.py",
        'fitted.batch(row, "refuse", pattern=False, labels=True)',
        'fitted.batch(row, "missing", pattern=False, labels=True)',
        (f"{_TABULAR}test_conditions_that_cannot_be_are_refused",),
    ),
    Mutation(
        "given cells filled too",
        "runs/conditional.py",
        "pc.coalesce(*_of_one_type(own, filled))",
        "filled",
        (f"{_TABULAR}test_frames_come_back_as_they_were",),
    ),
    Mutation(
        "blame in the wrong column",
        "runs/conditional.py",
        "found[:, placed] = values",
        "found[:, placed[::-1]] = values",
        (f"{_TABULAR}test_cells_explain_what_is_wrong_with_a_row",),
    ),
    Mutation(
        "classes in another order",
        "estimators/classifier.py",
        "return shares[:, order]",
        "return shares[:, order[::-1]]",
        (f"{_TABULAR}test_rows_without_label_teach_the_classifier",),
    ),
    Mutation(
        "labels of -1 a class",
        "estimators/classifier.py",
        "return np.asarray(labels != -1)",
        "return np.asarray(labels != -7)",
        (f"{_TABULAR}test_rows_without_label_teach_the_classifier",),
    ),
    Mutation(
        "signs of outliers exchanged",
        "estimators/outliers.py",
        "self.decision_function(X) >= 0.0, 1, -1",
        "self.decision_function(X) >= 0.0, -1, 1",
        (f"{_TABULAR}test_outliers_by_threshold_and_p_value",),
    ),
    Mutation(
        "index of a frame lost",
        "estimators/frames.py",
        "return frame if index is None else frame.set_axis(index, axis=0)",
        "return frame",
        (f"{_TABULAR}test_frames_come_back_as_they_were",),
    ),
    Mutation(
        "the seed of the estimator ignored",
        "estimators/base.py",
        "seed=self.seed_,",
        "seed=0,",
        (f"{_TABULAR}test_every_option_of_the_fit_has_an_effect",),
    ),
    Mutation(
        "holes filled without their pattern",
        "inference/predict.py",
        "mean = (trace.values[name] if drawn else trace.p(name).mean)",
        "mean = trace.p(name).mean",
        ("recipes/test_missingness.py::test_a_hole_follows_its_law_given_that_it_is_one",),
    ),
    Mutation(
        "the encoder reads what was drawn into holes",
        "model/trace.py",
        "elif from_q and (parent.name, False) in self.plan.draws and parent.name in self.evidence:",
        "elif from_q and parent.name in ():",
        ("recipes/test_missingness.py::test_a_pattern_that_tells_nothing_adds_its_own_density",),
    ),
]
