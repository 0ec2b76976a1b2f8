"""Derived numbers against formulas, brute force and known answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from anyvae.report import Findings
from anyvae.report.figures import bin_edges
from anyvae.report.summaries import (
    active_count,
    active_latents,
    aggregate_histogram,
    aggregate_moments,
    by_activity,
    finite_rows,
    known_cells,
    marginal,
)


def test_moments_agree_with_draws() -> None:
    rng = np.random.default_rng(0)
    mean = rng.normal(size=(50, 3)) @ np.array([[1, 0.5, 0], [0, 1, 0.2], [0, 0, 0.3]])
    scale = rng.uniform(0.2, 1.5, size=(50, 3))
    z = mean[:, None] + scale[:, None] * rng.standard_normal((50, 20_000, 3))
    z = z.reshape(-1, 3)
    moments = aggregate_moments(mean, scale)
    np.testing.assert_allclose(moments.mean, z.mean(axis=0), atol=0.01)
    np.testing.assert_allclose(moments.scale, z.std(axis=0), atol=0.01)
    np.testing.assert_allclose(moments.correlation, np.corrcoef(z.T), atol=0.01)


def test_histogram_is_the_mixtures_probability_of_each_bin() -> None:
    mean, scale = np.array([-1.0, 0.5, 2.0]), np.array([0.1, 1.0, 2.0])
    edges = np.linspace(-30, 30, 241)
    density = aggregate_histogram(mean, scale, edges)
    assert density @ np.diff(edges) == pytest.approx(1.0, abs=1e-12)
    inside = [
        stats.norm(m, s).cdf(0.75) - stats.norm(m, s).cdf(0.5) for m, s in zip(mean, scale, strict=True)
    ]
    assert density[122] * 0.25 == pytest.approx(np.mean(inside), abs=1e-12)


def test_a_posterior_of_no_width_is_a_point_in_one_bin() -> None:
    density = aggregate_histogram(np.array([0.5]), np.array([0.0]), np.array([-1.0, 0.0, 1.0, 2.0]))
    np.testing.assert_array_equal(density, [0, 1, 0])


def test_active_latents_are_those_whose_mean_varies(digits: Findings) -> None:
    assert active_latents(digits).tolist() == [True] * 8 + [False] * 2
    assert active_count(replace(digits, metrics={})) == 8
    assert active_count(replace(digits, metrics={"held_out": {"active_units": 5}})) == 5
    mean = np.zeros((4, 10)) + np.array([1, -1, 1, -1])[:, None] * np.sqrt(np.linspace(0.0055, 0.0145, 10))
    same = replace(digits, latent_mean=mean, latent_scale=np.ones((4, 10)), labels=None)
    assert active_latents(same).tolist() == [False] * 5 + [True] * 5


def test_order_of_activity_puts_what_is_unknown_last(digits: Findings) -> None:
    kl = np.array([0.0, 3.0, np.nan, 1.0, 2.0, 0, 0, 0, 0, 0])
    assert by_activity(replace(digits, kl_per_latent=kl))[:3] == [1, 4, 3]
    assert by_activity(replace(digits, kl_per_latent=kl))[-1] == 2


def test_distance_of_numbers_is_kolmogorov_smirnovs() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=200), rng.normal(0.3, 1.2, size=150).round(1)
    assert marginal("x", a, b).distance == pytest.approx(stats.ks_2samp(a, b).statistic, abs=1e-12)


def test_distance_of_categories_is_total_variation() -> None:
    a = np.array(["x"] * 6 + ["y"] * 4, dtype=object)
    b = np.array(["x"] * 2 + ["z"] * 8, dtype=object)
    assert marginal("x", a, b).distance == pytest.approx(0.8)  # 0.5 * (0.4 + 0.4 + 0.8)
    assert marginal("x", a, a).distance == 0


def test_missing_cells_are_left_out_and_counted() -> None:
    m = marginal("x", np.array([1.0, np.nan, 2.0, np.nan]), np.array([1.0, 2.0]))
    assert (m.distance, m.missing) == (0.0, 0.5)
    words = marginal("x", np.array(["a", None, "", "b"], dtype=object), np.array(["a", "b"], dtype=object))
    assert (words.distance, words.missing, words.numeric) == (0.0, 0.5, False)
    assert marginal("x", np.full(3, np.nan), np.ones(3)).distance == 0


def test_objects_that_are_all_numbers_are_numbers() -> None:
    assert known_cells(np.array([1, None, 2.5], dtype=object))[1]
    assert not known_cells(np.array([1, "a"], dtype=object))[1]
    assert not known_cells(np.array([True, False]))[1]


def test_rows_without_a_finite_posterior_are_dropped_with_their_labels(digits: Findings) -> None:
    mean = np.array(digits.latent_mean)
    mean[[3, 5], 0] = np.nan, np.inf
    kept, left_out = finite_rows(replace(digits, latent_mean=mean))
    assert left_out == 2
    assert kept.latent_mean.shape == (178, 10)
    assert digits.labels is not None
    np.testing.assert_array_equal(kept.labels, np.delete(digits.labels, [3, 5]))


@pytest.mark.parametrize(
    ("a", "b"),
    [(np.zeros(5), np.zeros(5)), (np.arange(7), np.arange(9)), (np.linspace(0, 1, 50), np.array([0.5, 1e9]))],
)
def test_bins_rise_and_whole_numbers_sit_in_their_middle(a: np.ndarray, b: np.ndarray) -> None:
    edges = bin_edges(a.astype(float), b.astype(float))
    assert (np.diff(edges) > 0).all()
    if a.dtype.kind == "i":
        np.testing.assert_array_equal(edges, np.arange(-0.5, 9.0))
