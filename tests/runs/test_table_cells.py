"""What the report says of single cells: densities, blame and filled holes, each against its definition."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pytest
from scipy import stats

from anyvae.data import Feature, Source, held_out_split, load_source
from anyvae.metrics import imputation_error, interval_coverage
from anyvae.report import Findings, render
from anyvae.report.cells import spread
from anyvae.runs import FitOptions, FittedModel, fit_run, load
from anyvae.runs.gather import findings_of
from anyvae.runs.gather_cells import FOLDS, densities_of, hide, imputed_columns, surprising_rows

NAMES = ["x", "y", "c"]


def made_table(rows: int = 300) -> pa.Table:
    random = np.random.default_rng(0)
    z = random.standard_normal(rows)
    return pa.table(
        {
            "x": z,
            "y": pa.array(2 * z + 0.3 * random.standard_normal(rows), mask=random.random(rows) < 0.2),
            "same": [1] * rows,
            "c": np.where(z + 0.3 * random.standard_normal(rows) > 0, "up", "down").tolist(),
        }
    )


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> FittedModel:
    folder = tmp_path_factory.mktemp("cells")
    pc.write_csv(made_table(), folder / "made.csv")
    fit_run(FitOptions(source=str(folder / "made.csv"), max_epochs=10, samples=10), folder / "run")
    return load(folder / "run")


@pytest.fixture(scope="module")
def held_out(fitted: FittedModel) -> Source:
    source = load_source(Path(fitted.config.source))
    return source.take(held_out_split(len(source), 0)[1])


@pytest.fixture(scope="module")
def findings(fitted: FittedModel, held_out: Source) -> Findings:
    return findings_of(fitted, held_out, {}, {})


def test_densities_are_means_of_what_explain_says(
    findings: Findings, fitted: FittedModel, held_out: Source
) -> None:
    assert findings.table is not None
    found = findings.table.density
    assert found is not None
    exact = fitted.explain(held_out)[:, [0, 1, 3]]
    assert list(found.names) == NAMES
    np.testing.assert_allclose(found.mean, np.nanmean(exact, axis=0), rtol=1e-6)
    np.testing.assert_array_equal(found.cells, np.isfinite(exact).sum(0))
    spread = np.nanstd(exact, axis=0, ddof=1) / np.sqrt(found.cells)
    np.testing.assert_allclose(found.error, spread, rtol=1e-6)
    assert found.rows == 30
    assert found.numeric.tolist() == [True, True, False]


def test_the_least_probable_rows_are_shown_with_their_blame(
    findings: Findings, fitted: FittedModel, held_out: Source
) -> None:
    assert findings.table is not None
    rows = findings.table.surprising
    score, cells = fitted.score(held_out), fitted.explain(held_out)[:, [0, 1, 3]]
    order = np.argsort(score)
    assert [row.number for row in rows] == (order[:8] + 1).tolist()
    np.testing.assert_allclose([row.log_density for row in rows], score[order[:8]], rtol=1e-6)
    for row, k in zip(rows, order, strict=False):
        assert row.values == {name: held_out.table[name][int(k)].as_py() for name in NAMES}
        blame = np.nanmedian(cells, axis=0) - cells[k]
        np.testing.assert_allclose(list(row.excess.values()), blame, rtol=1e-5, atol=1e-6)


def test_filled_holes_are_judged_by_the_measures(
    findings: Findings, fitted: FittedModel, held_out: Source
) -> None:
    assert findings.table is not None
    some = held_out.take(np.arange(0, 30, 2))
    holed, whole, hidden = hide(some.table, 0)
    source = replace(held_out, table=holed)
    draws = [draw.select(NAMES) for draw in fitted.impute(source, draws=10, seed=0)]
    judged = {name: hidden[name] for name in NAMES}
    coverage = interval_coverage(draws, whole.select(NAMES), (0.5, 0.9), hidden=judged)
    error = imputation_error(whole.select(NAMES), fitted.impute(source).select(NAMES), judged)
    assert [one.name for one in findings.table.imputation] == NAMES
    assert (findings.table.draws, tuple(findings.table.levels)) == (10, (0.5, 0.9))
    for one in findings.table.imputation:
        assert one.cells == 15 - some.table[one.name].null_count
        assert one.error == pytest.approx(error[one.name].error)
        assert one.kind == ("error rate" if one.name == "c" else "NRMSE")
        assert tuple(one.coverage) == coverage[one.name].shares
        assert tuple(one.coverage_error) == coverage[one.name].errors


def test_the_page_tells_all_of_it(findings: Findings) -> None:
    page = render(findings)
    for name in ("densities", "surprising", "imputation"):
        assert f'id="{name}"' in page


def test_each_known_cell_is_hidden_once() -> None:
    table = made_table(50).append_column("day", pa.array([datetime.date(2020, 1, 1)] * 50))
    holed, whole, hidden = hide(table, 0)
    assert holed.schema.types == table.schema.types
    assert whole.num_rows == holed.num_rows == FOLDS * 50
    assert whole.slice(100, 50).equals(table)
    for name in table.column_names:
        known = table[name].is_valid().to_numpy()
        times = hidden[name].reshape(FOLDS, 50).sum(0)
        np.testing.assert_array_equal(times, known.astype(int))
        now = holed[name].is_valid().to_numpy()
        np.testing.assert_array_equal(now, np.tile(known, FOLDS) & ~hidden[name])
        assert [a for a, b in zip(holed[name].to_pylist(), now, strict=True) if b] == [
            a for a, b in zip(whole[name].to_pylist(), now, strict=True) if b
        ]
    share = np.mean([hidden[name].mean() for name in ("x", "c")])
    assert share == pytest.approx(1 / FOLDS)
    assert not hide(table, 1)[0].equals(holed)


def test_means_and_errors_leave_holes_out() -> None:
    real = pa.table({"x": [1.0, 3.0, None, None], "hole": pa.nulls(4)})
    cells = np.array([[-1.0, np.nan], [-3.0, np.nan], [np.nan, np.nan]])
    found = densities_of(cells, real.slice(0, 3), real, [])
    np.testing.assert_allclose(found.mean, [-2.0, np.nan])
    np.testing.assert_allclose(found.error, [1.0, np.nan])
    assert found.cells.tolist() == [2, 0]
    assert np.isnan(found.alone[1])


def test_columns_alone_are_as_hard_to_foretell_as_their_laws() -> None:
    random = np.random.default_rng(0)
    rows, root = 5000, np.sqrt(2 * np.pi * np.e)
    k = np.arange(60)
    real = pa.table(
        {
            "normal": 3.0 + 7.0 * random.standard_normal(rows),
            "uniform": random.random(rows),
            "rounded": np.round(7.0 * random.standard_normal(rows), 1),
            "count": random.poisson(4.0, rows),
            "wide": random.integers(0, 1_000_000, rows),
            "zeros": np.where(random.random(rows) < 0.9, 0, random.integers(1, 100_000, rows)),
            "day": pa.array(
                18_000 + np.round(300 * random.standard_normal(rows)).astype(int), pa.int32()
            ).cast(pa.date32()),
            "kind": random.choice(["a", "b", "c"], rows, p=[0.5, 0.25, 0.25]).tolist(),
        }
    )
    found = densities_of(np.zeros((1, 8)), real, real, ["kind"], ["count", "wide", "zeros"])
    poisson = stats.poisson(4.0).pmf(k)
    exact = {
        "normal": 7.0,
        "uniform": 1 / root,
        "rounded": 7.0,
        "count": np.exp(-(poisson * np.log(poisson)).sum()) / root,
        "wide": 1e6 / root,
        "day": 300.0,
        "kind": 2**1.5,
    }
    alone = dict(zip(found.names, found.alone, strict=True))
    for name, value in exact.items():
        assert alone[name] == pytest.approx(value, rel=0.04), name
    # Nine of ten cells are known beforehand, whatever the standard deviation says.
    assert alone["zeros"] < 5.0 < real["zeros"].to_numpy().std()


def test_columns_of_points_alone_are_as_hard_to_foretell_as_their_laws() -> None:
    random = np.random.default_rng(0)
    rows = 5000
    real = pa.table(
        {
            "dry": np.where(random.random(rows) < 0.5, 0.0, random.uniform(0, 1, rows)),
            "knob": random.choice([0.5, 1.25], rows, p=[0.75, 0.25]),
            "days": random.choice([3, 28, 90, 365], rows),
        }
    )
    points = {"dry": [0.0], "knob": [0.5, 1.25], "days": [3.0, 28.0, 90.0, 365.0]}
    recurrent = [
        Feature(name=name, kind="real", width=1, dtype="float64", points=own, spread=0.5)
        for name, own in points.items()
    ]
    found = densities_of(np.full((1, 3), -0.5 * np.log(8.0)), real, real, [], ["days"], recurrent)
    assert (found.numeric.tolist(), found.mixed.tolist()) == ([True, False, False], [True, False, False])
    # A fair coin and then an even unit of two spreads: log 2 and half of it in nats; three of four; one of four.
    exact = [8.0**0.5 / np.sqrt(2 * np.pi * np.e), 4.0 / 3.0**0.75, 4.0]
    np.testing.assert_allclose(found.alone, exact, rtol=0.03)
    # As hard given the row as alone.
    assert spread(found, 0)[2] == pytest.approx(1.0, rel=0.03)
    # Read as a density alone, its zeros would make it far harder or easier than it is.
    assert abs(np.log(densities_of(np.zeros((1, 3)), real, real, []).alone[0] / exact[0])) > 0.5


def test_blame_is_the_distance_below_the_usual() -> None:
    rows = pa.table({"a": [1.0, 2.0], "b": ["u", None]})
    cells = np.array([[-9.0, -1.0], [0.5, np.nan]])
    first, second = surprising_rows([7, 3], [-20.0, -10.0], rows, cells, np.array([-1.0, -0.25]))
    assert (first.number, first.log_density, first.values) == (7, -20.0, {"a": 1.0, "b": "u"})
    assert first.excess == {"a": 8.0, "b": 0.75}
    assert second.excess["a"] == -1.5
    assert np.isnan(second.excess["b"])


def test_columns_without_a_judged_cell_are_left_out() -> None:
    truth = pa.table({"x": [1.0, 2.0], "y": pa.array([None, None], pa.float64())})
    hidden = {"x": np.array([True, False]), "y": np.array([False, False])}
    found = imputed_columns(truth, [truth] * 3, truth, hidden, [], (0.5,), 0)
    assert [(one.name, one.cells, one.error) for one in found] == [("x", 1, 0.0)]


def test_a_model_that_cannot_be_asked_leaves_the_rest_of_the_report(
    fitted: FittedModel, held_out: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("no density per cell")

    monkeypatch.setattr(FittedModel, "explain", refuse)
    found = findings_of(fitted, held_out, {}, {})
    assert found.table is not None
    assert found.table.density is None
    assert found.table.pairs is not None
    assert any("no density per cell" in note for note in found.notes)
    # Fitted on whole rows alone, a model is not even asked.
    config = msgspec.structs.replace(fitted.config, missing=False)
    whole = held_out.take(np.flatnonzero(held_out.table["y"].is_valid().to_numpy()))
    quiet = findings_of(FittedModel(fitted.model, fitted.schema, config), whole, {}, {})
    assert quiet.table is not None
    assert quiet.table.density is None
    assert not any("no density per cell" in note for note in quiet.notes)
