"""Rows that are given some of their columns: set aside, never scored, and back in their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anyvae.estimators import TabularVAE, VAEClassifier, VAEImputer

N = 400


def frame() -> pd.DataFrame:
    """Column b follows c: N(5, 1) of "high" and N(0, 1) of "low"; a follows nothing."""
    rng = np.random.default_rng(0)
    high = rng.integers(0, 2, N).astype(bool)
    return pd.DataFrame(
        {
            "a": rng.normal(size=N),
            "c": np.where(high, "high", "low"),
            "b": rng.normal(size=N) + 5.0 * high,
        }
    )


def made(**options: Any) -> TabularVAE:
    return TabularVAE(
        recipe="cvae", given=["c"], max_epochs=60, learning_rate=3e-3, random_state=0, **options
    )


@pytest.fixture(scope="module")
def fitted() -> TabularVAE:
    return made().fit(frame())


def test_draws_follow_what_they_are_given(fitted: TabularVAE) -> None:
    for value, mean in (("high", 5.0), ("low", 0.0)):
        drawn = fitted.sample(3000, given={"c": value})
        assert list(drawn.columns) == ["a", "c", "b"]
        assert set(drawn["c"]) == {value}
        assert drawn["b"].mean() == pytest.approx(mean, abs=0.35)
        assert drawn["b"].std() == pytest.approx(1.0, abs=0.3)
        assert drawn["a"].mean() == pytest.approx(0.0, abs=0.25)


def test_what_is_given_is_read_and_not_scored(fitted: TabularVAE) -> None:
    rows = frame()
    # Two unit normals; a fit of a few hundred rows is near their entropy, and 0.69 off if it scored c as well.
    assert fitted.score(rows) == pytest.approx(-(1.0 + np.log(2.0 * np.pi)), abs=0.25)
    exchanged = rows.assign(c=np.where(rows["c"] == "high", "low", "high"))
    assert fitted.score(exchanged) < fitted.score(rows) - 3.0
    blame = fitted.explain(exchanged)
    assert list(blame.columns) == ["a", "c", "b"]
    assert blame["c"].isna().all()
    assert blame["b"].mean() < blame["a"].mean() - 3.0
    assert fitted.transform(rows).shape == (N, fitted.get_feature_names_out().size)


def test_holes_are_filled_by_what_is_given(fitted: TabularVAE) -> None:
    rows = frame()
    holed = rows.assign(b=np.nan)
    filled = fitted.impute(holed)
    assert list(filled.columns) == list(rows.columns)
    assert filled["c"].equals(rows["c"])
    by_value = filled.groupby("c")["b"].mean()
    assert by_value["high"] == pytest.approx(5.0, abs=0.4)
    assert by_value["low"] == pytest.approx(0.0, abs=0.4)
    assert [list(part["c"]) for part in fitted.impute(holed, draws=2)] == [list(rows["c"])] * 2
    options = {"recipe": "cvae", "given": ["c"], "max_epochs": 2, "random_state": 0}
    seen = rows.assign(a=rows["a"].where(rows["a"] < 1.5))
    assert not VAEImputer(**options).fit(seen).transform(seen).isna().any().any()


def test_places_of_an_array_are_given(tmp_path: Path) -> None:
    rows = frame()
    array = np.column_stack([rows["a"], rows["c"] == "high", rows["b"]])
    vae = TabularVAE(recipe="cvae", given=[1], max_epochs=60, learning_rate=3e-3, random_state=0).fit(array)
    assert vae.schema_.beside["c"].features[0].name == "x1"
    drawn = vae.sample(2000, given={"x1": 1})
    assert drawn.shape == (2000, 3)
    assert (drawn[:, 1] == 1).all()
    assert drawn[:, 2].mean() == pytest.approx(5.0, abs=0.4)
    assert np.isnan(vae.explain(array)[:, 1]).all()
    vae.save(tmp_path / "kept")
    again = TabularVAE.load(tmp_path / "kept")
    assert np.array_equal(again.sample(5, given={"x1": 0}), vae.sample(5, given={"x1": 0}))
    assert np.array_equal(again.score_samples(array), vae.score_samples(array))


def test_what_cannot_be_given(fitted: TabularVAE) -> None:
    with pytest.raises(ValueError, match=r"rows are given 'c': say which value, as in sample\(3, given="):
        fitted.sample(3)
    with pytest.raises(ValueError, match=r"rows are given 'c'.*use sample\(given=\.\.\.\)"):
        fitted.inverse_transform(fitted.transform(frame()))
    with pytest.raises(ValueError, match="vae is not conditioned on columns, and got given=\\['c'\\]"):
        TabularVAE(given=["c"]).fit(frame())
    with pytest.raises(
        ValueError, match=r"cvae is of rows given some columns: name them, as in VAEClassifier\("
    ):
        VAEClassifier(recipe="cvae").fit(frame(), frame()["c"])
    with pytest.raises(ValueError, match="X has no column 'd'"):
        TabularVAE(recipe="cvae", given=["d"]).fit(frame())
    with pytest.raises(TypeError, match=r"given of sample: got \['c'\], a list; wanted values by column"):
        fitted.sample(2, given=["c"])  # type: ignore[arg-type]


@pytest.mark.parametrize("place", [0, np.int64(0)])
def test_a_column_of_an_array_is_given_by_its_place(place: Any) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    conditional = TabularVAE(recipe="cvae", given=[place], max_epochs=2, random_state=0).fit(rows)
    assert conditional.sample(4, given={place: 1.5})[:, 0].tolist() == [1.5] * 4
    plain = TabularVAE(max_epochs=2, random_state=0).fit(rows)
    assert plain.sample(4, given={place: 1.5})[:, 0].tolist() == [1.5] * 4
    frame = TabularVAE(max_epochs=2, random_state=0).fit(pd.DataFrame(rows))
    assert frame.sample(4, given={place: 1.5})[0].tolist() == [1.5] * 4


def test_a_place_that_no_column_has_is_refused() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    told = r"there is no column at place 7: X has 3, so give a place from 0 to 2"
    for wrong in (
        {"recipe": "cvae", "given": [7]},
        {"kinds": {7: "real"}},
        {"recipe": "grouped_vae", "groups": {"a": [0], "b": [1, 7]}},
    ):
        with pytest.raises(ValueError, match=told):
            TabularVAE(**wrong).fit(rows)
    with pytest.raises(ValueError, match=told):
        TabularVAE(max_epochs=1, random_state=0).fit(rows).sample(2, given={7: 1.0})


def test_columns_are_given_as_a_list_and_each_counts_once() -> None:
    with pytest.raises(ValueError, match=r"given is 'ab'; give a list of columns, as in \['ab'\]"):
        TabularVAE(recipe="cvae", given="ab").fit(frame())
    twice = TabularVAE(recipe="cvae", given=["c", "c"], max_epochs=1, random_state=0).fit(frame())
    once = TabularVAE(recipe="cvae", given=["c"], max_epochs=1, random_state=0).fit(frame())
    assert [feature.name for feature in twice.schema_.beside["c"].features] == ["c"]
    pd.testing.assert_frame_equal(twice.sample(3, given={"c": "high"}), once.sample(3, given={"c": "high"}))


def test_given_columns_with_holes_come_back_in_draws() -> None:
    rows = frame()
    rows.loc[::7, "c"] = None
    drawn = made().fit(rows).sample(40, given={"c": "high"})
    assert list(drawn.columns) == ["a", "c", "b"]
    assert set(drawn["c"]) == {"high"}
