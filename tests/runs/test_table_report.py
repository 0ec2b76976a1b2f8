"""What the report of a table is gathered from: the rows fitted, as they were given, and draws beside them."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pytest

from anyvae.data import DataError, Source, held_out_split, load_source
from anyvae.metrics import association, column_shapes, pair_trends, privacy
from anyvae.report import Findings
from anyvae.runs import FitOptions, FittedModel, fit_run, load, write_report
from anyvae.runs.gather import findings_of
from anyvae.runs.gather_table import arrays_of, categories_of, missing_of, some_of, synthesis_of, target_of

ROWS = 400


def made_table(rows: int = ROWS, seed: int = 0) -> pa.Table:
    """Numbers, a whole number of two values, a category with holes, and a constant."""
    random = np.random.default_rng(seed)
    z = random.standard_normal(rows)
    lost = random.random(rows) < 0.2
    city = np.array(["Bern", "Cairo", "Dakar"])[np.clip(np.round(z) + 1, 0, 2).astype(int)]
    return pa.table(
        {
            "height": 170 + 8 * z + random.normal(size=rows),
            "weight": pa.array(60 - 5 * z + random.normal(size=rows), mask=lost & (z > 0)),
            "city": pa.array(city.tolist(), mask=lost),
            "owner": (z + random.normal(size=rows) > 0).astype(int),
            "country": ["CH"] * rows,
        }
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    pc.write_csv(made_table(), folder / "people.csv")
    return folder / "people.csv"


@pytest.fixture(scope="module")
def fitted(path: Path) -> FittedModel:
    fit_run(FitOptions(source=str(path), max_epochs=5, samples=10), path.parent / "run")
    return load(path.parent / "run")


@pytest.fixture(scope="module")
def parts(path: Path) -> tuple[Source, Source]:
    source = load_source(path)
    rows, held = held_out_split(len(source), 0)
    return source.take(rows), source.take(held)


@pytest.fixture(scope="module")
def findings(fitted: FittedModel, parts: tuple[Source, Source]) -> Findings:
    return findings_of(fitted, parts[1], {}, {})


def test_data_are_the_rows_fitted_with_their_holes(findings: Findings, parts: tuple[Source, Source]) -> None:
    assert findings.table is not None
    assert list(findings.table.real) == ["height", "weight", "city", "owner"]
    np.testing.assert_array_equal(findings.table.real["height"], parts[0].table["height"].to_numpy())
    np.testing.assert_array_equal(findings.table.real["city"], parts[0].table["city"].to_numpy())
    assert len(findings.table.synthetic["height"]) == 1000
    assert set(findings.table.synthetic["owner"]) <= {0, 1}


def test_printed_rows_have_their_holes(findings: Findings, parts: tuple[Source, Source]) -> None:
    """Encoded and back, a hole would be the first city or the mean weight."""
    assert isinstance(findings.observed, dict)
    np.testing.assert_array_equal(findings.observed["city"], parts[1].table["city"].to_numpy())
    assert any(cell is None for cell in findings.observed["city"])
    np.testing.assert_array_equal(
        np.isnan(findings.observed["weight"]), parts[1].table["weight"].is_null().to_numpy()
    )


def test_rows_are_read_again_only_where_they_were_not_given(
    fitted: FittedModel, findings: Findings, parts: tuple[Source, Source], path: Path
) -> None:
    given = findings_of(fitted, parts[1], {}, {}, fitted_rows=parts[0])
    assert given.table is not None
    assert findings.table is not None
    assert given.table.synthesis == findings.table.synthesis
    aside = path.rename(path.with_name("elsewhere.csv"))
    try:
        gone = findings_of(fitted, parts[1], {}, {})
        assert gone.table is None
        assert any("cannot be read again" in note for note in gone.notes)
        assert findings_of(fitted, parts[1], {}, {}, fitted_rows=parts[0]).table is not None
        with pytest.raises(DataError):
            write_report(path.parent / "run")
        page = write_report(path.parent / "run", str(aside)).read_text()
        assert 'id="synthetic"' in page
    finally:
        aside.rename(path)


def test_dates_are_years_on_an_axis() -> None:
    days = pa.array([datetime.date(1970, 1, 1), None, datetime.date(2020, 7, 2)])
    found = arrays_of(pa.table({"day": days, "time": days.cast(pa.timestamp("us")), "x": [1, 2, 3]}))
    for name in ("day", "time"):
        np.testing.assert_allclose(found[name], [1970.0, np.nan, 2020.5], atol=0.002)
    assert found["x"].tolist() == [1, 2, 3]


def test_figures_are_those_of_the_measures(
    fitted: FittedModel, findings: Findings, parts: tuple[Source, Source]
) -> None:
    table = findings.table
    assert table is not None
    assert table.pairs is not None
    assert table.synthesis is not None
    names = ["height", "weight", "city", "owner"]
    categories = ["city", "owner"]
    assert categories_of(fitted.schema) == categories
    real, held_out = parts[0].table.select(names), parts[1].table.select(names)
    synthetic = fitted.sample(1000, seed=1).select(names)
    np.testing.assert_allclose(table.pairs.real, association(real, categories=categories).strength)
    np.testing.assert_allclose(table.pairs.synthetic, association(synthetic, categories=categories).strength)
    assert list(table.pairs.kinds) == ["number", "number", "category", "category"]
    assert table.synthesis.shapes == column_shapes(real, synthetic, categories=categories)
    assert table.synthesis.trends == pair_trends(real, synthetic, categories=categories).mean
    likeness = [pair[2] for pair in table.synthesis.worst_pairs]
    assert likeness == sorted(likeness)
    assert len(likeness) == 6
    exact = privacy(real, held_out, synthetic, categories=categories)
    found = table.synthesis.privacy
    assert found is not None
    assert found.membership == exact.membership
    assert found.median == (exact.synthetic.median, exact.held_out.median)
    assert found.low == (exact.synthetic.low, exact.held_out.low)
    assert table.synthesis.efficacy is not None
    assert table.synthesis.efficacy.target == "owner"
    assert table.synthesis.efficacy.rows == (360, 360, 40)


def test_patterns_are_counted() -> None:
    table = made_table()
    found = missing_of(table)
    holes = [(row["weight"] is None, row["city"] is None) for row in table.to_pylist()]
    assert found.rows == ROWS
    assert found.rates["city"] == pytest.approx(np.mean([h[1] for h in holes]))
    assert found.rates["height"] == 0.0
    shares = dict(found.patterns)
    assert shares[()] == pytest.approx(np.mean([h == (False, False) for h in holes]))
    assert shares[("city",)] == pytest.approx(np.mean([h == (False, True) for h in holes]))
    assert shares[("weight", "city")] == pytest.approx(np.mean([h == (True, True) for h in holes]))
    assert sum(shares.values()) == pytest.approx(1.0)
    assert found.patterns[0][0] == ()
    assert missing_of(table.select(["height"])).patterns == [((), 1.0)]


def test_the_target_is_the_label_or_the_last_category() -> None:
    table = made_table()
    assert target_of(None, table, ["city", "owner"]) == "owner"
    assert target_of(None, table, ["city", "country"]) == "city"  # one level foretells itself
    assert target_of("height", table, ["city"]) == "height"
    assert target_of("labels that were not fitted", table, ["city"]) == "city"
    assert target_of(None, table, []) is None
    many = pa.table({"id": [str(i) for i in range(50)], "x": list(range(50))})
    assert target_of(None, many, ["id"]) is None


def test_few_held_out_rows_are_no_baseline() -> None:
    table, few = made_table().drop_columns(["country"]), made_table(10, seed=1).drop_columns(["country"])
    found = synthesis_of(table, few, table, table, ["city", "owner"], "owner", 0)
    assert found.efficacy is None
    assert found.privacy is None
    assert found.trends == 1.0
    again = synthesis_of(table, made_table(50, seed=1), table, table, ["city", "owner"], None, 0)
    assert again.efficacy is None
    assert again.privacy is not None
    assert again.privacy.duplicates == 1.0


def test_rows_are_chosen_in_their_order_by_the_seed() -> None:
    table = pa.table({"k": list(range(100))})
    some = some_of(table, 10, 0)["k"].to_pylist()
    assert some == sorted(some)
    assert len(set(some)) == 10
    assert some != some_of(table, 10, 1)["k"].to_pylist()
    assert some_of(table, 100, 0) is table


def test_a_table_is_fitted_by_a_mixture_and_an_array_by_one_normal(
    fitted: FittedModel, findings: Findings, tmp_path: Path
) -> None:
    """The run says which it was, and how many components there were, by the rows that the schema counts."""
    assert fitted.config.recipe == "mixture_vae"
    assert fitted.model.generative_parts["z"].family.components == fitted.schema.rows // 50 == 8
    assert findings.prior_draws is not None
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(60, 3)))
    fit_run(FitOptions(source=str(tmp_path / "rows.npy"), max_epochs=1, samples=10), tmp_path / "run")
    assert load(tmp_path / "run").config.recipe == "vae"
