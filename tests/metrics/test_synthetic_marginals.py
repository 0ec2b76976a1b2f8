"""Distances of columns against scipy and enumeration."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest
from made_tables import mixed_table, shuffled
from scipy import stats

from anyvae.metrics import column_shapes, marginal_distance
from anyvae.metrics.columns import typed_columns


def test_a_table_is_at_no_distance_from_itself_or_from_its_shuffled_columns() -> None:
    table = mixed_table(500, 0, holes=0.1)
    for other in (table, shuffled(table)):
        found = marginal_distance(table, other)
        assert list(found) == list(table)
        assert all(one.distance == 0.0 and one.missing_gap == 0.0 for one in found.values())
    assert set(column_shapes(table, shuffled(table)).values()) == {1.0}


def test_numbers_are_at_the_distance_of_kolmogorov_and_smirnov() -> None:
    a, b = mixed_table(400, 0, holes=0.2), mixed_table(300, 1)
    b["y"], b["count"] = b["y"] * 1.3 + 0.2, b["count"] + 1
    found = marginal_distance(a, b)
    for name in ("y", "count"):
        known = a[name][~np.isnan(a[name])]
        assert found[name].distance == pytest.approx(stats.ks_2samp(known, b[name]).statistic, abs=1e-12)
        assert found[name].kind == "Kolmogorov-Smirnov"
    assert found["y"].missing_gap == pytest.approx(-np.isnan(a["y"]).mean())


def test_categories_are_at_total_variation_and_a_hole_is_one_of_them() -> None:
    a = {"c": np.array(["a"] * 4 + ["b"] * 4 + [None] * 2, dtype=object)}
    b = {"c": np.array(["a"] * 5 + ["c"] * 5, dtype=object)}
    found = marginal_distance(a, b)["c"]
    assert found.distance == pytest.approx(0.6)  # (0.1 + 0.4 + 0.5 + 0.2) / 2
    assert found.kind == "total variation"
    assert found.missing_gap == pytest.approx(-0.2)
    assert column_shapes(a, b)["c"] == pytest.approx(0.4)


def test_a_column_of_holes_is_apart_from_one_of_numbers() -> None:
    holes, numbers = {"x": np.full(5, np.nan)}, {"x": np.arange(4.0)}
    assert marginal_distance(holes, numbers)["x"].distance == 1.0
    assert marginal_distance(numbers, holes)["x"].distance == 1.0
    assert marginal_distance(holes, {"x": np.full(3, np.nan)})["x"].distance == 0.0
    texts = {"x": np.array(["a", "b"], dtype=object)}
    nothing = {"x": np.array([None, None], dtype=object)}
    assert marginal_distance(texts, nothing)["x"].distance == 1.0


def test_samples_of_one_law_exceed_chance_one_time_in_twenty() -> None:
    beyond = {name: 0 for name in mixed_table(2, 0)}
    repeats = 300
    for seed in range(repeats):
        found = marginal_distance(mixed_table(200, 2 * seed), mixed_table(150, 2 * seed + 1))
        for name, one in found.items():
            beyond[name] += one.distance > one.chance
    bound = 3 * np.sqrt(0.05 * 0.95 / repeats)
    for name in ("x", "y", "city"):
        assert abs(beyond[name] / repeats - 0.05) < bound + 0.015, (name, beyond[name])
    assert max(beyond.values()) / repeats < 0.05 + bound + 0.015  # of whole numbers less often


def test_arrow_tables_and_arrays_are_read_alike() -> None:
    days = [datetime.date(2020, 1, 1), None, datetime.date(2020, 1, 3)]
    table = pa.table(
        {
            "whole": pa.array([1, None, 3], pa.int8()),
            "real": pa.array([0.5, float("nan"), None]),
            "text": pa.array(["b", "", None]),
            "code": pa.array(["u", "v", "u"]).dictionary_encode(),
            "truth": pa.array([True, None, False]),
            "day": pa.array(days, pa.date32()),
            "nothing": pa.nulls(3),
        }
    )
    arrays = {
        "whole": np.array([1, np.nan, 3]),
        "real": np.array([0.5, np.nan, np.nan], dtype=np.float32),
        "text": np.array(["b", "", ""]),
        "code": np.array(["u", "v", "u"], dtype=object),
        "truth": np.array([True, None, False], dtype=object),
        "day": np.array(["2020-01-01", "NaT", "2020-01-03"], dtype="datetime64[D]"),
        "nothing": np.full(3, np.nan),
    }
    a, b = typed_columns(table, arrays)
    for name in table.column_names:
        np.testing.assert_array_equal(a[name].values, b[name].values)
        assert a[name].levels == b[name].levels
    assert [name for name, column in a.items() if not column.numeric] == ["text", "code", "truth"]
    assert np.diff(a["day"].values[[0, 2]]) == 2 * 86400 * 1e6
    assert a["text"].values.tolist() == [0, -1, -1]
    assert a["truth"].values.tolist() == [1, -1, 0]


def test_numbers_are_categories_on_request() -> None:
    [columns] = typed_columns({"k": np.array([3.0, np.nan, 10.0, 0.5])}, categories=["k"])
    assert columns["k"].levels == ("0.5", "10", "3")
    assert columns["k"].values.tolist() == [2, -1, 1, 0]
    a, b = {"k": np.array([0, 0, 1, 1])}, {"k": np.array([0, 0, 1, 2])}
    assert marginal_distance(a, b, categories=["k"])["k"].kind == "total variation"


@pytest.mark.parametrize(
    ("a", "b", "options", "words"),
    [
        ({"x": np.ones(2)}, {"y": np.ones(2)}, {}, "lacks the columns.*'x'"),
        ({"x": np.ones(2)}, {"x": np.ones(0)}, {}, "no rows"),
        ({}, {}, {}, "there are none"),
        ({"x": np.ones(2), "y": np.ones(3)}, {"x": np.ones(2), "y": np.ones(2)}, {}, "unequal lengths"),
        ({"x": np.ones(2)}, {"x": np.array(["a"])}, {}, "'x' holds numbers in one table and text"),
        ({"x": np.ones((2, 2))}, {"x": np.ones(2)}, {}, r"'x' has shape \(2, 2\)"),
        ({"x": np.ones(2)}, {"x": np.ones(2)}, {"categories": ["z"]}, "'z'.*no columns"),
    ],
)
def test_tables_that_cannot_be_compared_are_refused(a: dict, b: dict, options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        marginal_distance(a, b, **options)
