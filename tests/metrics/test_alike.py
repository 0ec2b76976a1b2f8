"""Columns whose cells are all the same number, which has no exact mean in binary."""

from __future__ import annotations

import numpy as np
import pytest

from anyvae.metrics import efficacy, imputation_error, pair_trends, privacy

ALIKE = np.full(12, 0.1)
RISING = np.arange(12.0)


def test_rounding_leaves_them_a_deviation() -> None:
    assert 0.0 < ALIKE.std() < 1e-15


def test_errors_of_imputation_are_in_units_of_their_own() -> None:
    found = imputation_error({"x": ALIKE}, {"x": ALIKE + 0.5}, {"x": np.ones(12, dtype=bool)})
    assert found["x"].error == pytest.approx(0.5)


def test_they_have_no_correlation() -> None:
    found = pair_trends({"x": ALIKE, "y": RISING}, {"x": ALIKE, "y": RISING[::-1].copy()})
    assert np.isnan(found.similarity[0, 1])
    assert np.isnan(found.mean)


def test_distances_to_records_stay_in_units_of_their_own() -> None:
    real, other = {"x": ALIKE, "y": RISING}, {"x": ALIKE + 0.5, "y": RISING}
    found = privacy(real, other, other)
    assert found.synthetic.median == pytest.approx(0.25)


def test_a_target_that_is_one_number_has_no_share_of_variance() -> None:
    table = {"x": RISING, "y": ALIKE}
    found = efficacy(table, table, table, "y")
    assert all(np.isnan(scores["R2"]) for scores in found.real.values())
