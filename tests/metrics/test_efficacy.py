"""Copies teach as much as the rows themselves, and noise teaches nothing."""

from __future__ import annotations

import numpy as np
import pytest
from made_tables import mixed_table, shuffled
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score, roc_auc_score

from anyvae.metrics import efficacy

TRAIN, TEST = mixed_table(600, 0, holes=0.05), mixed_table(800, 1, holes=0.05)


@pytest.mark.parametrize("target", ["city", "owner", "x"])
def test_a_copy_is_as_good_as_the_rows_themselves(target: str) -> None:
    found = efficacy(TRAIN, TRAIN, TEST, target)
    assert found.synthetic == found.real
    assert set(found.real) == {"trees", "linear"}
    assert found.task == ("numbers" if target == "x" else "classes")


def test_fresh_rows_teach_and_shuffled_rows_do_not() -> None:
    found = efficacy(TRAIN, mixed_table(600, 2), TEST, "owner")
    noise = efficacy(TRAIN, shuffled(TRAIN), TEST, "owner")
    for learner in ("trees", "linear"):
        assert found.real[learner]["AUROC"] > 0.85
        assert abs(found.synthetic[learner]["AUROC"] - found.real[learner]["AUROC"]) < 0.04
        assert abs(noise.synthetic[learner]["AUROC"] - 0.5) < 0.25
        assert noise.synthetic[learner]["accuracy"] < found.real[learner]["accuracy"] - 0.05
    numbers = efficacy(TRAIN, shuffled(TRAIN), TEST, "x")
    assert numbers.real["trees"]["R2"] > 0.6
    assert numbers.synthetic["trees"]["R2"] < 0.2


def test_scores_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    x, u = random.normal(size=(2, 300))
    y = np.where(x + u > 0, "b", "a")
    train, test = {"x": x[:200], "y": y[:200]}, {"x": x[200:], "y": y[200:]}
    model = LogisticRegression().fit(((x[:200] - x[:200].mean()) / x[:200].std())[:, None], y[:200])
    shares = model.predict_proba(((x[200:] - x[:200].mean()) / x[:200].std())[:, None])[:, 1]
    found = efficacy(train, train, test, "y").real["linear"]
    assert found["AUROC"] == pytest.approx(roc_auc_score(y[200:] == "b", shares), abs=1e-3)
    assert found["accuracy"] == pytest.approx(np.mean((shares > 0.5) == (y[200:] == "b")), abs=0.011)
    line = {"x": x, "t": 2 * x + 1}
    assert efficacy(line, line, line, "t").real["linear"]["R2"] == pytest.approx(
        r2_score(line["t"], line["t"] * 300 / 301), abs=1e-3
    )


def test_a_class_that_synthetic_rows_lack_is_never_foretold() -> None:
    random = np.random.default_rng(0)
    k = random.integers(0, 3, 300)
    table = {"x": k + 0.1 * random.normal(size=300), "k": k}
    some = {name: values[k > 0] for name, values in table.items()}
    one = {name: values[k == 1] for name, values in table.items()}
    lacking = efficacy(table, some, table, "k", categories=["k"])
    assert lacking.real["trees"]["accuracy"] == 1.0
    assert lacking.synthetic["trees"]["accuracy"] == pytest.approx((k > 0).mean())
    single = efficacy(table, one, table, "k", categories=["k"]).synthetic["linear"]
    assert single["accuracy"] == pytest.approx((k == 1).mean())
    assert single["AUROC"] == 0.5
    assert np.isnan(efficacy(table, table, one, "k", categories=["k"]).real["trees"]["AUROC"])


def test_rows_are_drawn_up_to_the_most_and_rows_without_target_left_out() -> None:
    hollow = {**TRAIN, "owner": np.where(np.arange(600) % 2, TRAIN["owner"].astype(object), None)}
    found = efficacy(hollow, TRAIN, TEST, "owner", rows=400)
    assert found.rows == (300, 400, 400)
    assert found == efficacy(hollow, TRAIN, TEST, "owner", rows=400)


def test_levels_beyond_the_most_frequent_and_strange_cells_do_no_harm() -> None:
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 700)
    table = {
        "id": np.array([f"row {i}" for i in range(700)]),
        "wild": np.where(random.random(700) < 0.01, 1e30, y + random.normal(size=700)),
        "hole": np.full(700, np.nan),
        "same": np.ones(700),
        "y": y,
    }
    found = efficacy(table, table, table, "y", categories=["y"]).real
    assert found["trees"]["AUROC"] > 0.6
    assert np.isfinite(found["linear"]["AUROC"])


def test_holes_in_all_test_rows_are_holes_still() -> None:
    lacks = np.arange(200) % 2 == 1
    x = np.where(lacks, np.nan, np.random.default_rng(0).normal(size=200))
    train = {"x": x, "y": np.where(lacks, "b", "a")}
    test = {name: values[lacks] for name, values in train.items()}
    found = efficacy(train, train, test, "y").real
    assert {name: scores["accuracy"] for name, scores in found.items()} == {"trees": 1.0, "linear": 1.0}


@pytest.mark.parametrize(
    ("target", "train", "words"),
    [
        ("city", {"x": np.ones(3)}, "'city', which is no column"),
        ("x", {"x": np.ones(3)}, "no column but the target"),
        ("x", {"x": np.full(3, np.nan), "y": np.ones(3)}, "'x' has no cells in real_train"),
    ],
)
def test_what_cannot_be_foretold_is_refused(target: str, train: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        efficacy(train, train, train, target)
