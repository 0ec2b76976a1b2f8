"""Answers that were wrong once: means that were medians, outliers that were none, labels that got lost."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anyvae.data import DataError, UnseenWarning
from anyvae.estimators import TabularVAE, VAEClassifier, VAEOutlierDetector
from anyvae.metrics import marginal_distance

ROWS = 300


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "k": rng.integers(0, 1000, ROWS),
            "x": rng.normal(size=ROWS),
            "c": rng.choice(list("ab"), ROWS),
            "never": np.zeros(ROWS),
        }
    )


def test_the_mean_of_a_positive_column_is_a_mean() -> None:
    rng = np.random.default_rng(0)
    shift = rng.normal(size=1000)
    rows = pd.DataFrame({"y": np.exp(shift + 0.8 * rng.normal(size=1000)), "x": shift})
    vae = TabularVAE(max_epochs=60, random_state=0).fit(rows)
    assert vae.schema_.features[0].likelihood == "log-normal"
    holes = pd.DataFrame({"y": [np.nan] * 2, "x": [0.0, 1.0]})
    filled = vae.impute(holes).y.to_numpy()
    drawn = np.mean([table.y.to_numpy() for table in vae.impute(holes, draws=4000)], 0)
    np.testing.assert_allclose(filled, drawn, rtol=0.08)
    # e to the mean of the logarithm is 1 and e, less by more than a quarter.
    np.testing.assert_allclose(filled, np.exp([0.0, 1.0]) * np.exp(0.5 * 0.8**2), rtol=0.2)


def test_a_value_that_no_row_held_makes_an_outlier(frame: pd.DataFrame, tmp_path: Path) -> None:
    detector = VAEOutlierDetector(max_epochs=20, random_state=0).fit(frame)
    rows = pd.DataFrame(
        {
            "k": [500.0, 1e6, 500.5, 500.0, 500.0],
            "x": 0.0,
            "c": [*"aaa", "new", "a"],
            "never": [0.0] * 4 + [9.0],
        }
    )
    with pytest.warns(UnseenWarning):
        found = detector.predict(rows)
    assert found.tolist() == [1, -1, 1, -1, -1]
    with pytest.warns(UnseenWarning):
        p = detector.p_values(rows)
    assert p[3] == p[4] == 1.0 / (1.0 + len(detector.held_out_scores_))
    others = VAEOutlierDetector(max_epochs=20, random_state=0, unseen="missing").fit(frame)
    with pytest.warns(UnseenWarning):
        assert others.predict(rows).tolist() == [1, -1, 1, 1, 1]
    detector.save(tmp_path / "detector")
    with pytest.warns(UnseenWarning):
        again = VAEOutlierDetector.load(tmp_path / "detector").predict(rows)
    assert again.tolist() == found.tolist()
    with pytest.raises(DataError, match="'new'"):
        detector.set_params(unseen="refuse").fit(frame).predict(rows)


@pytest.mark.parametrize(
    ("more", "kinds"),
    [
        ({}, None),
        ({"k": 1.0}, None),
        ({"size": pd.Categorical(["s", "m"] * 100, ["s", "m"], ordered=True)}, None),
        ({"k": [1, 2, 3, 4] * 50}, {"k": "categorical"}),
    ],
)
def test_a_table_of_categories_has_outliers_too(more: dict[str, Any], kinds: dict[str, str] | None) -> None:
    rng = np.random.default_rng(0)
    words = pd.DataFrame({"a": rng.choice(list("xyz"), 200), "b": rng.choice(list("pq"), 200), **more})
    options: dict[str, Any] = {"max_epochs": 2, "random_state": 0, "kinds": kinds}
    detector = VAEOutlierDetector(contamination=np.float32(0.1), **options).fit(words)
    assert set(detector.predict(words)) <= {-1, 1}


@pytest.mark.parametrize("unknown", [None, pd.NA, np.nan])
def test_rows_of_no_label_are_no_class(frame: pd.DataFrame, unknown: Any) -> None:
    model = VAEClassifier(max_epochs=2, random_state=0)
    labels = np.array(["p", "q", unknown] * (ROWS // 3), dtype=object)
    assert model.fit(frame, labels).classes_.tolist() == ["p", "q"]
    assert model.fit(frame, pd.Series(labels, dtype="string")).classes_.tolist() == ["p", "q"]
    alone = np.array(["p", unknown] * (ROWS // 2), dtype=object)
    assert model.fit(frame, alone).predict(frame[:2]).tolist() == ["p", "p"]
    assert model.fit(frame, np.array([1, -1] * (ROWS // 2))).classes_.tolist() == [-1, 1]


def test_kinds_and_groups_are_told_by_column() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 2))
    with pytest.raises(TypeError, match=r"kinds of TabularVAE: got \['x0'\], a list; wanted kinds by column"):
        TabularVAE(kinds=["x0"]).fit(rows)  # type: ignore[arg-type]
    with pytest.raises(
        TypeError, match=r"groups of TabularVAE: got \[\['x0'\]\], a list; wanted columns by name"
    ):
        TabularVAE(recipe="grouped_vae", groups=[["x0"]]).fit(rows)  # type: ignore[arg-type]


def test_kinds_are_of_the_names_that_a_frame_has() -> None:
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)))
    vae = TabularVAE(max_epochs=1, kinds={0: "real"}).fit(rows)
    assert [feature.kind for feature in vae.schema_.features] == ["real", "real"]


def test_what_was_drawn_may_be_given() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"a": rng.normal(size=60), "k": rng.choice([1.0, 2.0, 3.0], 60), "f": rng.random(60) < 0.5}
    )
    vae = TabularVAE(max_epochs=2, random_state=0, kinds={"k": "categorical", "f": "categorical"}).fit(rows)
    for k in (1, 1.0, "1", np.float64(1.0)):
        assert (vae.sample(5, given={"k": k}).k == 1).all()
    assert vae.sample(5, given={"f": True}).f.all()
    rows["k"] = pd.Categorical(rows["k"])
    vae = TabularVAE(max_epochs=2, random_state=0).fit(rows)
    for k in (1, 1.0):
        assert (vae.sample(5, given={"k": k}).k == 1.0).all()


def test_a_parameter_that_is_none_is_none_again(frame: pd.DataFrame, tmp_path: Path) -> None:
    detector = VAEOutlierDetector(likelihood=None, max_epochs=2, random_state=0).fit(frame)
    detector.save(tmp_path / "model")
    assert VAEOutlierDetector.load(tmp_path / "model").get_params() == detector.get_params()


def test_names_in_two_lines_come_back(tmp_path: Path) -> None:
    names = pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=names)
    TabularVAE(max_epochs=1, random_state=0).fit(rows).save(tmp_path / "model")
    assert TabularVAE.load(tmp_path / "model").sample(1).columns.tolist() == names.tolist()


@pytest.mark.parametrize(
    "names",
    [
        pd.date_range("2020", periods=2, tz="UTC"),
        pd.period_range("2020", periods=2, freq="M"),
        pd.Index([1.5, None]),
        pd.interval_range(0, 2),
        pd.MultiIndex.from_product([["sold"], pd.date_range("2020", periods=2)]),
    ],
)
def test_names_that_are_no_text_are_saved(tmp_path: Path, names: pd.Index) -> None:
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=names)
    TabularVAE(max_epochs=1, random_state=0).fit(rows).save(tmp_path / "model")
    model = TabularVAE.load(tmp_path / "model")
    assert model.impute(rows).columns.equals(names)
    assert model.sample(1).columns.dtype == names.dtype


def test_an_unseen_condition_is_called_so() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"a": rng.normal(size=60), "g": rng.choice(list("pq"), 60)})
    model = TabularVAE(recipe="cvae", given=["g"], max_epochs=1, random_state=0).fit(rows)
    with pytest.raises(DataError, match="row 1 of column 'g' of X holds 'zzz'"):
        model.score_samples(rows.assign(g="zzz"))


@pytest.mark.parametrize("kind", [np.int64, Decimal, float])
def test_numbers_in_a_column_of_objects_are_numbers(kind: Any) -> None:
    one, other = np.random.default_rng(0).integers(0, 1000, (2, 300))
    found = [
        marginal_distance({"x": cells(one)}, {"x": cells(other)})["x"].distance
        for cells in (lambda v: v, lambda v: np.array([kind(int(i)) for i in v], dtype=object))
    ]
    assert found[0] == found[1]
    assert found[0] < 0.2


@pytest.mark.parametrize("wrong", [1.5, "a", True, 0])
def test_samples_are_a_number_of_draws(wrong: Any) -> None:
    rows = np.zeros((5, 2))
    for kind in (TabularVAE, VAEOutlierDetector):
        with pytest.raises(ValueError, match=r"samples is .*; give a whole number from 1 on, or None"):
            kind(samples=wrong, random_state=0).fit(rows)


@pytest.mark.filterwarnings("ignore::anyvae.data.errors.UnseenWarning")
def test_holes_of_columns_that_were_constant_have_nothing_to_explain() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=40), "year": [2020.0] * 40, "town": ["Oslo"] * 40})
    vae = TabularVAE(max_epochs=1, random_state=0).fit(table)
    asked = pd.DataFrame(
        {"x": [0.0, 1.0, np.nan], "year": [2020.0, np.nan, 1990.0], "town": ["Oslo", None, "Bern"]}
    )
    told = vae.explain(asked)
    assert told["x"].isna().tolist() == [False, False, True]
    assert told["year"].fillna(-1.0).tolist() == [0.0, -1.0, -1.0]  # another value is read as missing
    assert told["town"].fillna(-1.0).tolist() == [0.0, -1.0, -1.0]
