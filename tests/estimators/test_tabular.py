"""One fitted table model and its jobs: numbers against exact laws, frames back as they came."""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from anyvae.data import DataError
from anyvae.data.compact import Compact
from anyvae.estimators import TabularVAE, VAEClassifier, VAEClusterer, VAEImputer, VAEOutlierDetector
from anyvae.estimators.frames import Frame, read_frame

CORRELATION = 0.949


def people(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Columns of every kind, with holes; who smokes is taller, and the town follows from it mostly."""
    generator = np.random.default_rng(seed)
    smokes = generator.random(rows) < 0.4
    height = 165.0 + 12.0 * smokes + 3.0 * generator.normal(size=rows)
    town = np.where(generator.random(rows) < 0.9, np.where(smokes, "Oslo", "Bern"), "Rome")
    frame = pd.DataFrame(
        {
            "height": height,
            "children": generator.integers(0, 4, rows),
            "smokes": smokes,
            "town": pd.Categorical(town, categories=["Rome", "Bern", "Oslo"]),
            "income": np.exp(generator.normal(3.0, 0.7, rows)),
        },
        index=[f"row {i}" for i in range(rows)],
    )
    frame.loc[frame.index[::9], "height"] = np.nan
    frame.loc[frame.index[::11], "town"] = None
    return frame


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return people()


@pytest.fixture(scope="module")
def vae(frame: pd.DataFrame) -> TabularVAE:
    return TabularVAE(max_epochs=60, random_state=0).fit(frame)


@pytest.fixture(scope="module")
def line() -> np.ndarray[Any, Any]:
    """Two normal columns, of 1,000 rows."""
    generator = np.random.default_rng(0)
    one = generator.normal(size=1000)
    other = CORRELATION * one + math.sqrt(1.0 - CORRELATION**2) * generator.normal(size=1000)
    return np.stack([100.0 + 200.0 * one, 50.0 + 190.0 * other], 1)


@pytest.fixture(scope="module")
def on_line(line: np.ndarray[Any, Any]) -> TabularVAE:
    return TabularVAE(max_epochs=100, learning_rate=1e-2, random_state=0).fit(line)


def test_a_linear_relation_is_kept(on_line: TabularVAE, line: np.ndarray[Any, Any]) -> None:
    drawn = on_line.sample(20_000)
    assert abs(np.corrcoef(drawn.T)[0, 1] - CORRELATION) < 0.03
    np.testing.assert_allclose(drawn.std(0), line.std(0), rtol=0.06)
    np.testing.assert_allclose(drawn.mean(0), line.mean(0), atol=15.0)
    exact = -0.5 * math.log((2 * math.pi * math.e * 200 * 190) ** 2 * (1 - CORRELATION**2))
    assert on_line.score(line) == pytest.approx(exact, abs=0.12)


def test_given_one_column_the_other_follows_its_conditional_law(on_line: TabularVAE) -> None:
    drawn = on_line.sample(4000, given={"x0": 400.0})
    assert (drawn[:, 0] == 400.0).all()
    wanted = 50.0 + 190.0 * CORRELATION * 1.5
    assert drawn[:, 1].mean() == pytest.approx(wanted, abs=20.0)
    assert drawn[:, 1].std() == pytest.approx(190.0 * math.sqrt(1.0 - CORRELATION**2), rel=0.25)
    assert on_line.effective_samples_ > 100.0


def test_fillings_are_conditional_means_and_their_draws_cover(
    on_line: TabularVAE, line: np.ndarray[Any, Any]
) -> None:
    holes = line[:320].copy()
    holes[:300, 1] = np.nan
    filled = on_line.impute(holes)
    exact = 50.0 + 190.0 * CORRELATION * (line[:300, 0] - 100.0) / 200.0
    assert np.sqrt(np.mean((filled[:300, 1] - exact) ** 2)) < 20.0
    np.testing.assert_array_equal(filled[300:], line[300:320])
    draws = np.stack([table[:300, 1] for table in on_line.impute(holes, draws=40)])
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    covered = ((line[:300, 1] >= low) & (line[:300, 1] <= high)).mean()
    assert 0.82 < covered < 0.97


def test_cells_explain_what_is_wrong_with_a_row(on_line: TabularVAE) -> None:
    """(500, 430) lies on the line; with 430 made -330 both cells are improbable given the other."""
    told = on_line.explain(np.array([[500.0, 410.0], [500.0, -330.0], [np.nan, 50.0]]))
    assert (told[0] > -8.5).all()
    assert (told[1] < -15.0).all()
    assert np.isnan(told[2, 0])
    assert not np.isnan(told[2, 1])


def test_scores_fall_by_log_a_when_a_column_grows_by_a(line: np.ndarray[Any, Any]) -> None:
    small = line[:200]
    grown = small * np.array([1.0, 1000.0])
    one = TabularVAE(max_epochs=3, random_state=0).fit(small).score_samples(small)
    other = TabularVAE(max_epochs=3, random_state=0).fit(grown).score_samples(grown)
    np.testing.assert_allclose(one - other, math.log(1000.0), atol=2e-3)


def test_frames_come_back_as_they_were(vae: TabularVAE, frame: pd.DataFrame) -> None:
    for table in (
        vae.sample(50),
        vae.sample(50, given={"town": "Oslo", "smokes": True}),
        vae.inverse_transform(vae.transform(frame)),
    ):
        assert list(table.columns) == list(frame.columns)
        assert table.dtypes.to_dict() == frame.dtypes.to_dict()
        assert not table.isna().any().any()
    filled = vae.impute(frame)
    assert filled.dtypes.to_dict() == frame.dtypes.to_dict()
    assert filled.index.equals(frame.index)
    kept = frame.notna()
    assert not filled.isna().any().any()
    assert (filled.where(kept) == frame.where(kept)).where(kept, other=True).all().all()
    blame = vae.explain(frame)
    assert blame.index.equals(frame.index)
    assert (blame.isna() == frame.isna()).all().all()


def test_decimals_of_pandas_come_back_as_decimals() -> None:
    cells = [None if k % 7 == 0 else Decimal(f"{3 + k % 11}.{k % 100:02}") for k in range(60)]
    rows = pd.DataFrame({"price": cells, "x": np.arange(60) / 7.0})
    vae = TabularVAE(max_epochs=1, random_state=0).fit(rows)
    filled, drawn = vae.impute(rows)["price"], vae.sample(5)["price"]
    assert [filled[k] for k in range(60) if k % 7] == [cell for cell in cells if cell is not None]
    assert all(isinstance(cell, Decimal) for cell in [*filled, *drawn])
    assert all(cell == round(cell, 2) for cell in drawn)
    _, frame = read_frame(rows)
    assert Frame.from_told(frame.told()) == frame


def test_a_type_that_arrow_has_not_is_named() -> None:
    rows = pl.DataFrame({"x": [0.5, 1.5, 2.0], "wide": pl.Series([1, 2, 3], dtype=pl.Int128)})
    with pytest.raises(
        DataError, match="column 'wide' of X has type Int128, which arrow has not: cast it to Int64"
    ):
        TabularVAE().fit(rows)


def test_the_same_rows_as_polars_and_arrow(vae: TabularVAE, frame: pd.DataFrame) -> None:
    wanted = vae.score_samples(frame)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    np.testing.assert_allclose(vae.score_samples(table), wanted, atol=1e-9)
    others = pl.from_arrow(table)
    np.testing.assert_allclose(vae.score_samples(others), wanted, atol=1e-9)
    own = TabularVAE(max_epochs=1, random_state=0).fit(others)
    assert own.sample(3).schema == others.schema
    again = TabularVAE(max_epochs=1, random_state=0).fit(table)
    assert again.sample(3).schema.types == table.schema.types


def test_conditions_are_met_and_move_the_rest(vae: TabularVAE, frame: pd.DataFrame) -> None:
    tall = vae.sample(1500, given={"town": "Oslo"})
    assert (tall["town"] == "Oslo").all()
    assert tall["height"].mean() - vae.sample(1500, given={"town": "Bern"})["height"].mean() > 6.0
    real = frame.loc[frame["town"] == "Oslo", "smokes"].mean()
    assert abs(tall["smokes"].mean() - real) < 0.2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"city": "Oslo"}, "no column 'city'"),
        ({"town": "Paris"}, "column 'town' of what is given holds 'Paris'"),
        (
            {"height": "tall"},
            "column 'height' of what is given holds 'tall', but the model was fitted on numbers",
        ),
        (
            {"smokes": "yes"},
            "column 'smokes' of what is given holds 'yes', but the model was fitted on true and false",
        ),
        ({"height": math.inf}, "column 'height' of what is given holds inf: replace it"),
        ({"height": ""}, "column 'height' is given '', which is no value: leave the column out"),
        ({"town": ""}, "column 'town' is given '', which is no value: leave the column out"),
        ({"town": np.nan}, "column 'town' is given nan, which is no value"),
        ({"smokes": pd.NaT}, "column 'smokes' is given NaT, which is no value"),
        ({"children": 10**30}, "column 'children' cannot be given 10*"),
        ({"height": [1.0]}, r"column 'height' cannot be given \[1.0\] \(a list\): give a value of the kind"),
    ],
)
def test_conditions_that_cannot_be_are_refused(vae: TabularVAE, given: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        vae.sample(3, given=given)


def test_no_rows_are_a_table_of_none(vae: TabularVAE, frame: pd.DataFrame) -> None:
    for given in (None, {"town": "Oslo"}, {"height": 170.0, "smokes": True}):
        none, some = vae.sample(0, given=given), vae.sample(2, given=given)
        assert len(none) == 0
        assert none.dtypes.equals(some.dtypes)
    with pytest.raises(DataError, match="no column 'city'"):
        vae.sample(0, given={"city": "Oslo"})
    labelled = VAEClassifier(recipe="m2", max_epochs=1, random_state=0).fit(
        frame[["height"]], frame["smokes"]
    )
    for given in ({}, {"height": 170.0}):
        table = labelled.fitted_.sample_given(0, given)[0]
        assert (table.column_names, table.num_rows) == (["height", "y"], 0)


@pytest.mark.parametrize("rows", [-1, 1.5, True, "2"])
def test_rows_that_are_no_number_are_refused(vae: TabularVAE, rows: Any) -> None:
    with pytest.raises(ValueError, match=re.escape(f"n_samples is {rows!r}; give a whole number from 0 on.")):
        vae.sample(rows)


@pytest.mark.parametrize("draws", [0, -1, 1.5, True, "2"])
def test_draws_that_are_no_number_are_refused(vae: TabularVAE, frame: pd.DataFrame, draws: Any) -> None:
    wanted = f"draws is {draws!r}; give a whole number from 1 on, or None for means"
    with pytest.raises(ValueError, match=re.escape(wanted)):
        vae.impute(frame.iloc[:2], draws=draws)


def test_answers_are_the_same_twice_alone_and_in_another_order(vae: TabularVAE, frame: pd.DataFrame) -> None:
    some = frame.iloc[:30]
    for verb in (vae.transform, vae.score_samples):
        whole = verb(some)
        np.testing.assert_array_equal(whole, verb(some))
        np.testing.assert_allclose(verb(some.iloc[::-1])[::-1], whole, atol=1e-9)
        np.testing.assert_allclose(verb(some.iloc[7:8]), whole[7:8], atol=1e-9)
    assert vae.sample(5).equals(vae.sample(5))
    assert not vae.sample(5).equals(vae.sample(5, random_state=1))


def test_a_row_with_nothing_in_it_is_served(vae: TabularVAE, frame: pd.DataFrame) -> None:
    nothing = frame.iloc[:2].copy()
    for name in nothing:
        nothing[name] = None
    # Up to the noise of 16 draws.
    assert vae.score_samples(nothing) == pytest.approx([0.0, 0.0], abs=0.15)
    assert not vae.impute(nothing).isna().any().any()


def test_saved_and_read_again_without_pickle(vae: TabularVAE, frame: pd.DataFrame, tmp_path: Path) -> None:
    vae.save(tmp_path / "run")
    read = TabularVAE.load(tmp_path / "run")
    np.testing.assert_array_equal(read.score_samples(frame), vae.score_samples(frame))
    assert read.sample(4).equals(vae.sample(4).astype(read.sample(4).dtypes.to_dict()))
    assert read.get_params() == vae.get_params()
    with pytest.raises(DataError, match=r"holds a TabularVAE: read it with TabularVAE\.load"):
        VAEImputer.load(tmp_path / "run")
    with pytest.raises(DataError, match=r"holds no estimator\.json"):
        TabularVAE.load(tmp_path)
    (tmp_path / "run" / "estimator.json").write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        TabularVAE.load(tmp_path / "run")
    once_more = pickle.loads(pickle.dumps(vae))
    np.testing.assert_array_equal(once_more.score_samples(frame), vae.score_samples(frame))


def test_every_option_of_the_fit_has_an_effect(frame: pd.DataFrame) -> None:
    some = frame.iloc[:80]
    plain = {"max_epochs": 2, "random_state": 0}
    seen = {tuple(TabularVAE(**plain).fit(some).score_samples(some).round(6))}
    for change in (
        {"max_epochs": 3},
        {"random_state": 1},
        {"latent_features": 2},
        {"recipe": "iwae"},
        {"batch_size": 7},
        {"learning_rate": 1e-4},
        {"samples": 3},
        {"kinds": {"children": "real"}},
    ):
        scores = tuple(TabularVAE(**plain | change).fit(some).score_samples(some).round(6))
        assert scores not in seen, change
        seen.add(scores)
    minutes = TabularVAE(random_state=0, max_minutes=1e-4).fit(some)
    assert minutes.n_iter_ < 50


def test_in_a_pipeline_and_a_search(frame: pd.DataFrame, line: np.ndarray[Any, Any]) -> None:
    labels = (line[:200, 0] > 100).astype(int)
    pipe = make_pipeline(StandardScaler(), TabularVAE(max_epochs=20, random_state=0), LogisticRegression())
    assert pipe.fit(line[:200], labels).score(line[200:400], line[200:400, 0] > 100) > 0.9
    search = GridSearchCV(TabularVAE(random_state=0), {"max_epochs": [1, 40]}, cv=2).fit(line[:200])
    assert search.best_params_ == {"max_epochs": 40}
    assert clone(search.best_estimator_).get_params() == search.best_estimator_.get_params()
    columns = (
        TabularVAE(max_epochs=1, random_state=0).set_output(transform="pandas").fit(frame).transform(frame)
    )
    assert columns.columns[0] == "tabularvae0"
    assert columns.index.equals(frame.index)


def test_an_imputer_fills_what_was_missing_at_fit_and_what_was_not(frame: pd.DataFrame) -> None:
    imputer = VAEImputer(max_epochs=20, random_state=0)
    filled = imputer.fit_transform(frame)
    assert not filled.isna().any().any()
    assert list(imputer.get_feature_names_out()) == list(frame.columns)
    other = frame.iloc[:20].copy()
    other["income"] = np.nan
    assert (imputer.transform(other)["income"] > 0).all()


def test_outliers_by_threshold_and_p_value(line: np.ndarray[Any, Any]) -> None:
    detector = VAEOutlierDetector(random_state=0, max_epochs=100, learning_rate=1e-2).fit(line[:600])
    alarms = (detector.predict(line[600:]) == -1).mean()
    assert 0.005 < alarms < 0.16
    p = detector.p_values(line[600:])
    assert 0.0 < p.min() <= p.max() <= 1.0
    assert abs(np.mean(p <= 0.5) - 0.5) < 0.15
    strange = np.array([[500.0, -330.0]])
    assert detector.predict(strange).tolist() == [-1]
    assert detector.p_values(strange)[0] == pytest.approx(1.0 / 601.0)
    assert detector.explain(strange).shape == (1, 2)
    share = VAEOutlierDetector(contamination=0.2, random_state=0, max_epochs=5).fit(line[:200])
    assert (share.predict(line[:200]) == -1).mean() == pytest.approx(0.2, abs=0.01)
    with pytest.raises(ValueError, match=r"contamination is 0\.7"):
        VAEOutlierDetector(contamination=0.7).fit(line)


def test_numbers_of_one_likelihood() -> None:
    """Zeros that come again: a probability of their own, unless all numbers are to be normal."""
    rng = np.random.default_rng(0)
    paid = pd.DataFrame({"paid": np.where(rng.random(200) < 0.5, 0.0, rng.exponential(size=200))})
    paid["visits"] = rng.poisson(3.0, 200)
    inferred = TabularVAE(max_epochs=1).fit(paid).schema_
    assert (inferred.features[0].points, inferred.features[1].kind) == ([0.0], "levels")
    for model in (TabularVAE(max_epochs=1, likelihood="normal"), VAEOutlierDetector(max_epochs=1)):
        schema = model.fit(paid).schema_
        assert [(one.kind, one.points, one.form) for one in schema.features] == [("real", [], "plain")] * 2
    asked = VAEOutlierDetector(max_epochs=1, kinds={"visits": "count"}, likelihood=None).fit(paid).schema_
    assert (asked.features[0].points, asked.features[1].kind) == ([0.0], "count")
    with pytest.raises(ValueError, match="there is no likelihood 'nonsense': give one of normal"):
        TabularVAE(likelihood="nonsense").fit(paid)


@pytest.mark.parametrize("rows", [200, 2400])
def test_one_false_alarm_in_twenty(rows: int) -> None:
    """By ten rows held out, told by those fitted; and by rows held out alone."""
    rates = []
    for seed in range(4 if rows < 1000 else 2):
        rng = np.random.default_rng(seed)
        detector = VAEOutlierDetector(max_epochs=30 if rows < 1000 else 4, random_state=seed)
        detector.fit(rng.normal(size=(rows, 2)))
        new = rng.normal(size=(2000, 2))
        rates.append(float((detector.predict(new) == -1).mean()))
        assert (detector.predict(new) == -1).tolist() == (detector.p_values(new) <= 0.05).tolist()
    assert 0.02 < float(np.mean(rates)) < 0.08


def test_rows_without_label_teach_the_classifier() -> None:
    """Two moons of 200 rows each, ten of them labelled."""
    from sklearn.datasets import make_moons

    rows, labels = make_moons(400, noise=0.08, random_state=0)
    told = np.full(400, -1)
    for value in (0, 1):
        told[np.flatnonzero(labels == value)[:5]] = value
    found = VAEClassifier(random_state=0, max_epochs=60, learning_rate=1e-2).fit(rows, told)
    assert found.classes_.tolist() == [0, 1]
    shares = found.predict_proba(rows)
    np.testing.assert_allclose(shares.sum(1), 1.0)
    assert (found.predict(rows) == labels).mean() > 0.8
    words = VAEClassifier(random_state=0, max_epochs=80, learning_rate=1e-2)
    words.fit(rows, np.where(labels == 1, "up", "down"))
    assert words.predict(rows[:3]).dtype.kind in "UT"
    assert words.score(rows, np.where(labels == 1, "up", "down")) > 0.9


def test_clusters_are_the_groups_that_there_are(frame: pd.DataFrame) -> None:
    from sklearn.metrics import adjusted_rand_score

    numbers = frame[["height", "smokes"]]
    found = VAEClusterer(2, random_state=0, max_epochs=60).fit(numbers)
    assert adjusted_rand_score(frame["smokes"], found.labels_) > 0.8
    assert (found.predict(numbers) == found.labels_).all()
    np.testing.assert_allclose(found.predict_proba(numbers).sum(1), 1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.assign(odd=[{}] * len(f)), "odd"),
        (lambda f: f.assign(odd=[1, "a"] * (len(f) // 2)), "odd"),
        (lambda f: f.assign(odd=np.inf), "odd"),
        (lambda f: f.assign(odd=np.nan), "odd"),
        (
            lambda f: pd.concat([f, f[["height"]]], axis=1),
            "X has more than one column named 'height': give each",
        ),
        (lambda f: f.iloc[:1], "two rows"),
        (lambda f: f.iloc[:0], "0 row|no row"),
        (lambda f: f[[]], "column|feature"),
    ],
)
def test_tables_that_cannot_be_fitted_are_refused_by_column(
    frame: pd.DataFrame, change: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        TabularVAE(max_epochs=1).fit(change(frame))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="town"), "town"),
        (lambda f: f.assign(more=1.0), "more"),
        (lambda f: f.assign(height="x"), "height"),
        (lambda f: f[f.columns[::-1]], "order"),
    ],
)
def test_rows_of_another_schema_are_refused_by_column(
    vae: TabularVAE, frame: pd.DataFrame, change: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        vae.score_samples(change(frame))


def test_values_that_no_row_had_are_read_as_missing_or_refused(vae: TabularVAE, frame: pd.DataFrame) -> None:
    some = frame.iloc[:4]
    with pytest.warns(UserWarning, match=r"column 'town' of X holds 4 cells, the first with 'Paris',"):
        scores = vae.score_samples(some.assign(town="Paris"))
    np.testing.assert_allclose(scores, vae.score_samples(some.assign(town=None)))
    strict = TabularVAE(max_epochs=1, random_state=0, unseen="refuse").fit(frame.assign(planet=1.0))
    for change, name in (({"town": "Paris"}, "town"), ({"planet": 2.0}, "planet")):
        with pytest.raises(DataError, match=f"row 1 of column '{name}' of X holds"):
            strict.score_samples(some.assign(planet=1.0).assign(**change))
    with pytest.raises(ValueError, match="unseen is 'drop'"):
        TabularVAE(unseen="drop").fit(frame)


def test_a_model_of_very_many_rows_is_asked_in_haste(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anyvae.estimators.base._MANY_ROWS", len(frame))
    many = TabularVAE(max_epochs=2, random_state=0).fit(frame)
    few = TabularVAE(max_epochs=2, random_state=0).fit(frame[:-1])
    assert [model.fitted_.model.zeros(()).dtype for model in (many, few)] == [torch.float32, torch.float64]
    hasty = many.score_samples(frame)
    np.testing.assert_array_equal(hasty, many.set_params(samples=1).score_samples(frame))
    assert (many.set_params(samples=16).score_samples(frame) != hasty).any()
    np.testing.assert_array_equal(
        few.score_samples(frame[:-1]), few.set_params(samples=16).score_samples(frame[:-1])
    )
    many.set_params(samples=None).save(tmp_path / "many")
    np.testing.assert_array_equal(TabularVAE.load(tmp_path / "many").score_samples(frame), hasty)


@pytest.mark.parametrize(
    "ask",
    [
        lambda fitted, rows: fitted.score(rows, 4),
        lambda fitted, rows: fitted.embed(rows),
        lambda fitted, rows: fitted.standing(rows, 4),
        lambda fitted, rows: fitted.explain(rows, 1),
        lambda fitted, rows: fitted.predict(rows, "town")[1],
    ],
    ids=["score", "embed", "standing", "explain", "predict"],
)
def test_rows_are_asked_about_some_at_a_time_as_about_all_at_once(
    vae: TabularVAE, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, ask: Callable[[Any, Any], Any]
) -> None:
    fitted, rows = vae.fitted_, vae._source(frame)
    whole = ask(fitted, rows)
    monkeypatch.setattr("anyvae.runs.fitted._CELLS", 100 * fitted.schema.event_shape[0])
    encoded: list[int] = []
    expand = Compact.expand

    def counted(self: Compact, codes: torch.Tensor, mask: torch.Tensor | None) -> Any:
        encoded.append(len(codes))
        return expand(self, codes, mask)

    monkeypatch.setattr(Compact, "expand", counted)
    np.testing.assert_allclose(ask(fitted, rows), whole, rtol=1e-10)
    assert encoded == [100] * 4


def test_the_process_is_left_as_it_was(frame: pd.DataFrame) -> None:
    import torch

    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    before = np.random.get_state()[1].copy(), torch.random.get_rng_state().clone()  # noqa: NPY002
    fitted = TabularVAE(max_epochs=1, random_state=0).fit(frame.iloc[:50])
    fitted.sample(3)
    fitted.impute(frame.iloc[:5], draws=2)
    assert (np.random.get_state()[1] == before[0]).all()  # noqa: NPY002
    assert torch.equal(torch.random.get_rng_state(), before[1])
