"""Which values of a real column have a probability of their own."""

from __future__ import annotations

import numpy as np
import pytest

from anyvae.data.recurrent import MOST_POINTS, recurrent


@pytest.mark.parametrize("digits", [0, 1, 2, 6])
@pytest.mark.parametrize("rows", [100, 1000, 20_000])
def test_rounding_makes_no_points(digits: int, rows: int) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        for values in (rng.normal(0, 8, rows), rng.exponential(20, rows), rng.standard_t(2, rows) * 8):
            assert recurrent(values.round(digits)) == []


@pytest.mark.parametrize("rows", [200, 2000])
def test_hurdles_and_caps_are_found_among_rounded_values(rows: int) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        paid = np.where(rng.random(rows) < 0.3, 0.0, rng.exponential(40, rows).round(1))
        assert recurrent(paid) == [0.0]
        capped = np.minimum(rng.normal(100, 20, rows), 110.0).round(1)
        assert recurrent(capped) == [110.0]
        assert recurrent(-capped) == [-110.0]


def test_eight_of_many_spikes_are_the_most_frequent() -> None:
    rng = np.random.default_rng(0)
    spikes = np.repeat(np.arange(10.0), 60 + 2 * np.arange(10))
    assert recurrent(np.concatenate([spikes, rng.uniform(-5, 15, 200)])) == list(range(2, 10))


def test_few_values_are_all_points_where_each_has_ten_rows() -> None:
    few = np.linspace(0, 1, MOST_POINTS)
    assert recurrent(np.repeat(few, 10)) == few.tolist()
    assert recurrent(np.repeat(few, 9)) == []
    assert recurrent(np.repeat(np.linspace(0, 1, MOST_POINTS + 1), 10)) == []
