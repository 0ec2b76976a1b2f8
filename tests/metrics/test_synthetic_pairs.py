"""Associations against scipy, and against columns whose dependence is known."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from made_tables import mixed_table, shuffled
from scipy import stats

from anyvae.metrics import association, association_gap, pair_trends


def codes(values: np.ndarray) -> np.ndarray:
    return np.unique(values.astype(str), return_inverse=True)[1]


def test_two_numbers_have_spearmans_correlation_over_rows_that_have_both() -> None:
    table = mixed_table(300, 0, holes=0.2)
    found = association(table)
    known = ~np.isnan(table["y"])
    for name, other, both in (("x", "y", known), ("count", "y", known), ("x", "count", known | True)):
        i, j = found.names.index(name), found.names.index(other)
        exact = abs(stats.spearmanr(table[name][both], table[other][both]).statistic)
        assert found.strength[i, j] == pytest.approx(exact, abs=1e-12)
        assert found.strength[i, j] == found.strength[j, i]
    assert found.kinds == ("number", "number", "number", "category", "category")
    monotone = association({"x": table["x"], "y": np.exp(-table["x"])})
    np.testing.assert_allclose(monotone.strength, 1.0)


def test_a_number_and_a_category_have_the_corrected_correlation_ratio() -> None:
    table = mixed_table(400, 1)
    found = association({"x": table["x"], "city": table["city"]}).strength[0, 1]
    groups = [stats.rankdata(table["x"])[codes(table["city"]) == k] for k in range(3)]
    within = sum(float(((g - g.mean()) ** 2).sum()) for g in groups) / (400 - 3)
    assert found == pytest.approx(np.sqrt(1 - within / np.concatenate(groups).var(ddof=1)))
    told = association({"x": np.array([5.0, 5.0, 1.0, 1.0, 3.0, 3.0]), "c": np.array(list("aabbcc"))})
    assert told.strength[0, 1] == 1.0


def test_two_categories_have_cramers_v() -> None:
    table = mixed_table(400, 2)
    a, b = codes(table["city"]), codes(table["owner"])
    seen = stats.contingency.crosstab(a, b).count
    phi = stats.contingency.association(seen, method="cramer", correction=False) ** 2 * (min(seen.shape) - 1)
    n, (k, r) = 400, seen.shape
    corrected = max(0.0, phi - (k - 1) * (r - 1) / (n - 1))
    room = min(k - (k - 1) ** 2 / (n - 1), r - (r - 1) ** 2 / (n - 1)) - 1
    found = association({"city": table["city"], "owner": table["owner"]}).strength[0, 1]
    assert found == pytest.approx(np.sqrt(corrected / room))
    assert 0.3 < found < 0.9
    same = association({"a": table["city"], "b": table["city"]})
    np.testing.assert_allclose(same.strength, 1.0, atol=1e-9)


def test_shuffling_kills_associations() -> None:
    table = mixed_table(4000, 3)
    gap = association_gap(table, shuffled(table))
    off = ~np.eye(5, dtype=bool)
    assert gap.real[off].min() > 0.25
    assert gap.synthetic[off].max() < 0.06
    np.testing.assert_allclose(gap.difference, gap.synthetic - gap.real)
    assert gap.mean == pytest.approx(np.abs(gap.difference[off]).mean())
    assert association_gap(table, table).mean == 0.0


def test_correction_leaves_nothing_of_many_levels_that_say_nothing() -> None:
    """Without it, 40 levels of 400 rows would explain a tenth of the variance of anything."""
    random = np.random.default_rng(0)
    found = [
        association(
            {
                "x": random.normal(size=400),
                "a": random.integers(0, 40, 400),
                "b": random.integers(0, 40, 400),
            },
            categories=["a", "b"],
        ).strength
        for _ in range(20)
    ]
    squares = np.mean(np.square(found), axis=0)
    assert squares[0, 1] < 0.02
    assert squares[1, 2] < 0.02


def test_rare_levels_are_taken_together() -> None:
    """Half of the rows have a level of their own: one level more, beside the two that tell b exactly."""
    common = np.random.default_rng(0).integers(0, 2, 3000)
    rare = np.where(np.arange(3000) % 2, common, 100 + np.arange(3000))
    found = association({"a": rare, "b": common}, categories=["a", "b"]).strength[0, 1]
    assert found == pytest.approx(np.sqrt(0.5), abs=0.02)


def test_many_levels_take_little_memory() -> None:
    table = {name: np.random.default_rng(k).permutation(3000) for k, name in enumerate("ab")}
    tracemalloc.start()
    association(table, categories=["a", "b"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e7  # a table of 3,000 by 3,000 has 7.2e7 bytes


def test_what_does_not_vary_has_no_association() -> None:
    table = {"x": np.arange(5.0), "one": np.ones(5), "c": np.array(list("aaaaa")), "hole": np.full(5, np.nan)}
    found = association(table).strength
    assert np.isnan(found[~np.eye(4, dtype=bool)]).all()
    assert np.diag(found).tolist() == [1.0] * 4
    assert np.isnan(association_gap(table, table).mean)


def test_pair_trends_of_numbers_compare_pearsons_correlations() -> None:
    a, b = mixed_table(300, 0, holes=0.2), mixed_table(200, 1)
    b["y"] = -b["y"]
    found = pair_trends(a, b)
    known = ~np.isnan(a["y"])
    r = np.corrcoef(a["x"][known], a["y"][known])[0, 1], np.corrcoef(b["x"], b["y"])[0, 1]
    assert found.similarity[0, 1] == pytest.approx(1 - abs(r[0] - r[1]) / 2)
    assert found.similarity[0, 1] < 0.3
    assert pair_trends(a, a).mean == 1.0
    huge = {"x": 1e200 * np.arange(4.0), "y": 1e-200 * np.arange(4.0)}
    assert pair_trends(huge, huge).mean == 1.0


def test_pair_trends_of_categories_compare_their_tables() -> None:
    a = {"a": np.array(list("uuvv")), "b": np.array(list("xyxy"))}
    b = {"a": np.array(list("uuvv")), "b": np.array(list("xxyy"))}
    assert pair_trends(a, b).mean == pytest.approx(0.5)  # only (u, x) and (v, y) are common to both
    holes = {"a": np.array(["u", "u", "v", None], dtype=object), "b": np.array(list("xyxy"))}
    assert pair_trends(a, holes).mean == pytest.approx(0.75)


def test_pair_trends_of_both_kinds_bin_numbers_over_the_real_range() -> None:
    real = {"x": np.array([0.0, 0.4, 5.5, 10.0]), "c": np.array(list("aaab"))}

    def like(x: list[float]) -> float:
        return pair_trends(real, {"x": np.array(x), "c": np.array(list("aaab"))}).mean

    assert like([0.9, 0.1, 5.1, 9.5]) == 1.0  # the same bins
    assert like([1.1, 0.1, 5.1, 9.5]) == pytest.approx(0.75)
    assert like([-1.0, 0.1, 5.1, 9.5]) == pytest.approx(0.75)  # below the real range
    assert like([0.0, 0.1, 5.1, 10.1]) == pytest.approx(0.75)  # above it
    assert like([0.0, np.nan, 5.1, 10.0]) == pytest.approx(0.75)
    hollow = {"x": np.array([0.0, np.nan, 5.5, 10.0]), "c": real["c"]}
    assert pair_trends(hollow, {**real, "x": np.array([0.0, 99.0, 5.5, 10.0])}).mean == pytest.approx(0.75)


def test_pair_trends_see_what_shuffling_kills_and_column_shapes_do_not() -> None:
    table = mixed_table(2000, 4)
    apart = pair_trends(table, shuffled(table))
    assert apart.mean < 0.75
    assert pair_trends(table, mixed_table(2000, 5)).mean > 0.93
    assert np.isnan(pair_trends({"x": np.ones(3)}, {"x": np.ones(3)}).mean)
