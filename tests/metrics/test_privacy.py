"""Copies are found out, fresh rows are not, and distances are those of brute force."""

from __future__ import annotations

import numpy as np
import pytest
from made_tables import Columns, mixed_table

from anyvae.metrics import privacy

TRAIN, HELD_OUT = mixed_table(700, 0, holes=0.1), mixed_table(700, 1, holes=0.1)


def test_copies_of_training_rows_give_them_away() -> None:
    found = privacy(TRAIN, HELD_OUT, TRAIN)
    assert found.duplicates == 1.0
    assert found.held_out_duplicates == 0.0
    assert found.synthetic == (0.0, 0.0)
    assert found.ratio == 0.0
    assert found.membership > 0.999


def test_fresh_rows_give_nothing_away() -> None:
    found = privacy(TRAIN, HELD_OUT, mixed_table(700, 2, holes=0.1))
    assert found.duplicates == 0.0
    assert abs(found.membership - 0.5) < 3 * found.membership_error
    assert 0.9 < found.ratio < 1.1
    assert 0.8 < found.low_ratio < 1.2
    assert found.membership_error == pytest.approx(1 / np.sqrt(6 * 700), rel=0.01)


def test_rows_near_training_rows_are_told_from_copies_and_from_fresh_rows() -> None:
    near = {**TRAIN, "x": TRAIN["x"] + 0.1 * np.random.default_rng(0).normal(size=700)}
    found = privacy(TRAIN, HELD_OUT, near)
    assert found.duplicates == 0.0
    assert found.ratio < 0.5
    assert found.membership > 0.8


def brute_force(a: Columns, b: Columns, train: Columns) -> np.ndarray:
    found = np.empty((len(a["x"]), len(b["x"])))
    steps = {name: np.nanstd(train[name]) for name in a if train[name].dtype != object}
    for i in range(len(a["x"])):
        for j in range(len(b["x"])):
            apart = 0.0
            for name in a:
                one, other = a[name][i], b[name][j]
                holes = [value is None or value != value for value in (one, other)]
                if any(holes):
                    apart += float(holes[0] != holes[1])
                elif isinstance(one, str):
                    apart += float(one != other)
                else:
                    apart += abs(one - other) / steps[name]
            found[i, j] = apart / len(a)
    return found.min(1)


def test_distances_are_those_of_brute_force() -> None:
    def cut(table: Columns, rows: int) -> Columns:
        return {name: table[name][:rows] for name in ("x", "y", "count", "city")}

    train, held_out, synthetic = cut(TRAIN, 40), cut(HELD_OUT, 30), cut(mixed_table(30, 3, holes=0.2), 30)
    found = privacy(train, held_out, synthetic)
    for closeness, rows in ((found.synthetic, synthetic), (found.held_out, held_out)):
        exact = brute_force(rows, train, train)
        assert closeness.median == pytest.approx(np.median(exact), rel=1e-5)
        assert closeness.low == pytest.approx(np.quantile(exact, 0.05), rel=1e-5)
    members, others = brute_force(train, synthetic, train), brute_force(held_out, synthetic, train)
    wins = (members[:, None] < others).mean() + 0.5 * (members[:, None] == others).mean()
    assert found.membership == pytest.approx(wins, abs=1e-3)


def test_cost_is_bounded_and_the_choice_is_the_seeds() -> None:
    fresh = mixed_table(700, 2)
    found = privacy(TRAIN, HELD_OUT, fresh, rows=300, asked=100)
    assert found.rows == (300, 700, 300)
    assert found.asked == (100, 100, 100)
    assert found == privacy(TRAIN, HELD_OUT, fresh, rows=300, asked=100)
    assert found != privacy(TRAIN, HELD_OUT, fresh, rows=300, asked=100, seed=1)
    # Copies are sought among all rows whatever the bounds.
    assert privacy(TRAIN, HELD_OUT, TRAIN, rows=50, asked=20).duplicates == 1.0


def test_copies_are_equal_cell_by_cell() -> None:
    train = {"x": np.array([0.0, 1.0, np.nan, 3.0]), "c": np.array(["a", "b", None, "a"], dtype=object)}
    other = {"x": np.array([-0.0, 1.0, np.nan, 4.0]), "c": np.array(["a", "a", None, "a"], dtype=object)}
    found = privacy(train, other, other)
    assert found.duplicates == 0.5
    assert found.held_out_duplicates == 0.5


def test_few_values_make_copies_by_chance_and_the_baseline_says_so() -> None:
    random = np.random.default_rng(0)
    made = [{"a": random.integers(0, 2, 500), "b": random.integers(0, 3, 500)} for _ in range(3)]
    found = privacy(*made)
    assert found.duplicates == found.held_out_duplicates == 1.0
    assert np.isnan(found.ratio)
    assert found.membership == 0.5
