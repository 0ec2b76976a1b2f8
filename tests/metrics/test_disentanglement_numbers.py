"""Measures of disentanglement against numbers known in closed form, by quadrature, by hand or from others."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from made_factors import crossing, drawn, noisy
from scipy.stats import norm
from sklearn.metrics import mutual_info_score

from anyvae.metrics import (
    beta_vae_score,
    dci,
    factor_vae_score,
    histogram_mig,
    importances,
    irs,
    linear_probe,
    mig,
    modularity,
    sap,
)
from anyvae.metrics.factors import discrete_information, factored, standardised
from anyvae.metrics.fixed_factors import _Pool

pytestmark = pytest.mark.usefixtures("double")


def test_information_of_posteriors_far_apart_is_the_entropy_of_the_factor() -> None:
    """Of values that are not equally frequent, with every row drawn equally often: exact."""
    factors = np.repeat(crossing((3, 2)), [1, 2, 2, 1, 4, 8], axis=0)
    share = np.array([3, 3, 12]) / 18, np.array([7, 11]) / 18
    entropy = [-(s * np.log(s)).sum() for s in share]
    means = np.stack([100.0 * factors[:, 0], -40.0 * factors[:, 1], np.zeros(18)], axis=1)
    width = np.concatenate([0.2 + 0.5 * factors, np.ones((18, 1))], axis=1)
    found = mig(means, width, factors, samples=18 * 50)
    np.testing.assert_allclose(found.table[[0, 1], [0, 1]], 1.0, atol=1e-12)
    np.testing.assert_allclose(found.table[2], 0.0, atol=1e-12)
    # The factors depend on each other: what a latent knows of the other one is their mutual information.
    shared = mutual_info_score(factors[:, 0], factors[:, 1])
    assert shared > 0.02
    assert found.table[0, 1] * entropy[1] == pytest.approx(shared, abs=1e-12)
    assert found.table[1, 0] * entropy[0] == pytest.approx(shared, abs=1e-12)
    np.testing.assert_allclose(found.gaps, 1.0 - shared / np.array(entropy), atol=1e-12)
    assert found.score == pytest.approx(found.gaps.mean())


def test_information_of_overlapping_posteriors_is_that_of_quadrature() -> None:
    """Mixtures within each value, of unequal widths."""
    factors = crossing((3, 2))
    random = np.random.default_rng(0)
    means, widths = random.normal(size=(6, 2)) * 1.5, random.uniform(0.3, 1.5, size=(6, 2))
    found = mig(means, widths, factors, samples=120_000)
    grid = np.linspace(-15, 15, 20_001)
    step = grid[1] - grid[0]
    for j in range(2):
        density = norm.pdf(grid[:, None], means[:, j], widths[:, j])
        whole = density.mean(1)
        for k, levels in enumerate((3, 2)):
            exact = 0.0
            for value in range(levels):
                inside = density[:, factors[:, k] == value].mean(1)
                exact += (inside * np.log(inside / whole)).sum() * step / levels
            assert exact > 0.02
            # A log-ratio of densities deviates by less than 1 here: five standard errors.
            assert found.table[j, k] * np.log(levels) == pytest.approx(exact, abs=5 / np.sqrt(120_000))


def test_whole_posteriors_and_binned_means_give_different_numbers() -> None:
    """Posteriors wider than the steps of the means hide what the means alone would tell."""
    factors = crossing((5, 4), times=5)
    means = factors * 1.0
    assert histogram_mig(means, factors).score == pytest.approx(1.0)
    assert mig(means, np.full((100, 2), 5.0), factors, samples=1000).score < 0.1


@pytest.mark.parametrize(
    ("scale", "message"), [(0.0, "positive numbers"), (np.nan, "positive"), (np.inf, "pos")]
)
def test_scales_of_posteriors_are_positive(scale: float, message: str) -> None:
    factors = crossing((2, 2))
    with pytest.raises(ValueError, match=message):
        mig(factors, np.full((4, 2), scale), factors)
    with pytest.raises(ValueError, match=r"shape \(4, 1\); wanted positive numbers of shape \(4, 2\)"):
        mig(factors, np.ones((4, 1)), factors)


def test_a_constant_is_standardised_to_nothing() -> None:
    """Whatever its number, whose mean may be another one by its last digit."""
    numbers = np.random.default_rng(0).normal(size=50)
    codes = np.concatenate([np.tile(numbers, (1000, 1)), np.arange(1000.0)[:, None]], axis=1)
    assert (codes.std(0)[:50] > 0).any()
    found, order = standardised(codes)
    np.testing.assert_array_equal(found[:, order != 50], 0.0)
    assert found[:, order == 50].std() == pytest.approx(1.0)
    assert found.mean() == pytest.approx(0.0, abs=1e-12)


def test_discrete_information_is_that_of_others() -> None:
    random = np.random.default_rng(0)
    a = random.integers(0, 5, 500)
    b = (a + random.integers(0, 3, 500)) % 7
    assert discrete_information(a, b) == pytest.approx(mutual_info_score(a, b), abs=1e-12)
    assert discrete_information(a, a) == pytest.approx(-sum(p * np.log(p) for p in np.bincount(a) / 500))


def test_more_values_than_bins_cannot_reach_one() -> None:
    factors = crossing((40, 2))
    found = histogram_mig(factors, factors)
    np.testing.assert_allclose(found.gaps, [np.log(20) / np.log(40), 1.0], atol=1e-12)
    assert histogram_mig(factors, factors, bins=40).score == pytest.approx(1.0)
    # Bins reach from the least mean to the largest, which lies in the last of them.
    codes = np.array([0.0, 0.49, 0.51, 1.0])[:, None] * np.ones(2)
    found = histogram_mig(codes, np.array([[0], [0], [1], [1]]), bins=2)
    np.testing.assert_allclose(found.table, 1.0)


def test_modularity_by_hand() -> None:
    factors = crossing((2, 2))
    both = factors[:, 0] + 2 * factors[:, 1]
    codes = np.stack([factors[:, 0], both, np.ones(4), factors[:, 1]], axis=1)
    found = modularity(codes, factors)
    np.testing.assert_allclose(found.latents, [1.0, 0.0, np.nan, 1.0], atol=1e-12)
    assert found.score == pytest.approx(2 / 3)
    # Of unequal parts: code 0 in half of the rows, else 1 or 2 by the other factor.
    code = np.array([0, 0, 1, 2])
    [most, less] = np.log(2), 0.5 * np.log(2)
    found = modularity(code[:, None], factors)
    np.testing.assert_allclose(found.table, [[most, less]], atol=1e-12)
    assert found.score == pytest.approx(1 - (less / most) ** 2)


def test_separability_is_squared_correlation_or_accuracy() -> None:
    factors = drawn(2000, (4, 3))
    codes = noisy(factors, more=1)
    found = sap(codes, factors)
    exact = np.corrcoef(codes.T, factors.T)[:3, 3:] ** 2
    np.testing.assert_allclose(found.table, exact, atol=1e-12)
    ordered = np.sort(exact, axis=0)
    np.testing.assert_allclose(found.gaps, ordered[-1] - ordered[-2], atol=1e-12)
    # A pure latent is always right, on a class in the middle of its line as well; others are right by chance.
    pure = np.concatenate([factors * 0.1, np.ones((2000, 1))], axis=1)
    found = sap(pure, factors, categorical=[0, 1])
    np.testing.assert_array_equal(found.table[[0, 1], [0, 1]], 1.0)
    np.testing.assert_allclose(found.table[2], [1 / 4, 1 / 3])
    np.testing.assert_allclose(found.gaps, [3 / 4, 2 / 3], atol=0.05)
    with pytest.raises(ValueError, match=r"sap got categorical factors \[2\]; the factors are 0 to 1"):
        sap(codes, factors, categorical=[2])


def test_accuracy_of_a_latent_counts_classes_and_not_rows() -> None:
    """To foretell the class of nine tenths always is right in half of two classes.

    The latent is 1 in a fifth of the rows of the frequent class and in half of the rare one. By classes, 1 then means
    the rare one, which is right in 0.8 and 0.5; by rows, it would always be the frequent one.
    """
    random = np.random.default_rng(0)
    rare = random.random(40_000) < 0.1
    latent = random.random(40_000) < np.where(rare, 0.5, 0.2)
    factors = np.stack([rare, random.random(40_000) < 0.5], axis=1)
    codes = np.stack([latent, random.normal(size=40_000)], axis=1)
    assert sap(codes, factors, categorical=[0]).table[:, 0] == pytest.approx([0.65, 0.5], abs=0.02)


def test_one_latent_tells_many_classes_apart() -> None:
    factors = drawn(2000, (10, 2))
    assert sap(factors * 0.01, factors, categorical=[0]).table[0, 0] == 1.0


def test_robustness_by_hand() -> None:
    factors = crossing((2, 2))
    code = factors[:, 0] + 0.5 * factors[:, 1]
    found = irs(np.stack([code, 3.0 * factors[:, 1], np.ones(4)], axis=1), factors, quantile=1.0)
    np.testing.assert_allclose(found.table, [[2 / 3, 1 / 3], [0, 1], [0, 0]], atol=1e-12)
    assert found.factors.tolist() == [0, 1, -1]
    # Weights are the largest deviations, 0.75 and 1.5.
    assert found.score == pytest.approx((0.75 * 2 / 3 + 1.5) / 2.25)
    # A single row of a thousand moves the maximum and not the quantile.
    factors = crossing((2, 2), times=250)
    codes = factors * 1.0
    codes[0, 0] = 50.0
    assert irs(codes, factors, quantile=1.0).latents[0] < 0.55
    assert irs(codes, factors).latents[0] > 0.8
    # A latent that moves in so few rows that the quantile is 0 has no score, and no weight.
    codes[:, 0] = 0.0
    codes[:2, 0] = 1.0, -1.0
    assert irs(codes, factors).factors.tolist() == [-1, 1]
    with pytest.raises(ValueError, match="irs got quantile=0"):
        irs(codes, factors, quantile=0.0)


class FixedImportances:
    """A learner whose importances are given; it knows each latent by how many values it has."""

    def __init__(self, shares: np.ndarray, accuracy: float) -> None:
        self.shares, self.accuracy = shares, accuracy

    def fit(self, x: np.ndarray, y: np.ndarray) -> FixedImportances:
        self.feature_importances_ = np.array([self.shares[len(np.unique(column)) - 2] for column in x.T])
        return self

    def score(self, x: np.ndarray, y: np.ndarray) -> float:
        return self.accuracy


def test_importances_become_scores_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = np.array([[0.5, 0.0], [0.5, 0.25], [0.0, 0.75], [0.0, 0.0]])
    learners = iter([FixedImportances(shares[:, 0], 0.25), FixedImportances(shares[:, 1], 0.75)])
    monkeypatch.setattr(importances, "_learner", lambda *_: next(learners))
    codes = np.stack([-np.arange(600) % values for values in (2, 3, 4, 5)], axis=1)
    found = dci(codes, drawn(600, (2, 3)))
    np.testing.assert_array_equal(found.importances, shares)
    third = 1 - (np.log2(3) - 2 / 3)
    np.testing.assert_allclose(found.latents, [1, third, 1, 0], atol=1e-12)
    assert found.disentanglement == pytest.approx(0.25 + 0.375 * third + 0.375)
    wanted = [1 - np.log(2) / np.log(4), 1 - (np.log(4) - 0.75 * np.log(3)) / np.log(4)]
    np.testing.assert_allclose(found.factors, wanted, atol=1e-12)
    assert found.completeness == pytest.approx(np.mean(wanted))
    assert found.accuracies.tolist() == [0.25, 0.75]
    assert found.informativeness == 0.5


def test_trees_find_the_latent_that_matters() -> None:
    factors = drawn(2000, (4, 3))
    codes = np.stack([factors[:, 1], factors[:, 0], factors[:, 0]], axis=1) + 0.0
    codes[:, 2] = np.random.default_rng(0).normal(size=2000)
    for more in ({}, {"learner": "boosting", "trees": 20}):
        found = dci(codes, factors, **more)
        np.testing.assert_allclose(found.importances, [[0, 1], [1, 0], [0, 0]], atol=1e-3)
        np.testing.assert_array_equal(found.accuracies, 1.0)
    with pytest.raises(ValueError, match='learner=\'lasso\'; wanted "forest" or "boosting"'):
        dci(codes, factors, learner="lasso")


def test_leaves_of_single_rows_give_noise_an_importance() -> None:
    factors = drawn(1500, (10, 4))
    codes = noisy(factors, more=3, noise=0.6)
    fine, coarse = (dci(codes, factors, leaf_rows=rows, trees=5).importances[2:].sum() for rows in (1, 30))
    assert fine > 2.0 * coarse


def test_rows_of_a_pair_are_two_rows_with_one_value() -> None:
    """A common value is drawn more often than a rare one."""
    factors = drawn(300, (60, 4))
    factors[:60, 0] = 7
    rows = factored("test", factors, factors)
    pool = _Pool(rows, 0)
    random = np.random.default_rng(0)
    first, second = pool.pairs(random, (500, 40))
    assert (first != second).all()
    np.testing.assert_array_equal(factors[first, 0], factors[second, 0])
    # Every pair of rows that share a value, and each of them equally often.
    size = np.bincount(factors[:, 0], minlength=60)
    first, second = pool.pairs(random, (1000, 200))
    seen = np.zeros((300, 300))
    np.add.at(seen, (first, second), 1)
    expected = np.where(np.equal.outer(factors[:, 0], factors[:, 0]) & ~np.eye(300, dtype=bool), 200_000, 0)
    expected = expected / size[size > 1].sum() / np.maximum(size[factors[:, 0]] - 1, 1)[:, None]
    assert (np.abs(seen - expected) <= 6 * np.sqrt(expected)).all()
    alike = pool.alike(random, (2000, 5))
    assert (factors[alike, 0] == factors[alike[:, :1], 0]).all()
    # A value is drawn as often as it occurs.
    share = np.bincount(factors[alike[:, 0], 0], minlength=60) / 2000
    np.testing.assert_allclose(share, size / 300, atol=5 * np.sqrt(0.2 / 2000))


def test_values_that_no_two_rows_share_make_no_pair() -> None:
    factors = np.stack([np.arange(100), np.arange(100) % 2], axis=1)
    with pytest.raises(ValueError, match="no two rows have the same value of factor 0"):
        beta_vae_score(factors, factors)


def test_a_latent_that_tracks_a_factor_at_a_small_scale_is_pruned() -> None:
    factors = crossing((4, 4), times=20)
    codes = factors * np.array([1.0, 0.04 / np.std([0, 1, 2, 3])])
    assert factor_vae_score(codes, factors, prune=0.0) == 1.0
    # Left alone, the first latent has all votes, and is right for one factor of two.
    assert factor_vae_score(codes, factors) == pytest.approx(0.5, abs=0.03)
    assert factor_vae_score(codes * 1.5, factors) == 1.0


def test_votes_are_those_of_a_plain_loop() -> None:
    """Other draws of the same experiment, example by example."""
    factors = drawn(500, (3, 5))
    codes = noisy(factors, more=1, noise=0.8) * [5.0, 1.0, 0.2]
    random = np.random.default_rng(5)
    seen: list[tuple[int, int]] = []
    for _ in range(4000):
        k = int(random.integers(2))
        like = np.flatnonzero(factors[:, k] == factors[random.integers(500), k])
        share = codes[random.choice(like, 6)].var(0) / codes.var(0)
        seen.append((int(share.argmin()), k))
    votes = np.zeros((3, 2), dtype=int)
    for one in seen[:2000]:
        votes[one] += 1
    loop = np.mean([votes[latent].argmax() == k for latent, k in seen[2000:]])
    assert 0.6 < loop < 0.9
    assert factor_vae_score(codes, factors, rows=6) == pytest.approx(loop, abs=0.04)
    # From two examples little is learned, and that is seen in others.
    assert factor_vae_score(codes, factors, rows=6, train=2) < loop


def test_differences_are_in_units_of_the_latent_unless_asked_otherwise() -> None:
    factors = drawn(2000, (4, 4, 4))
    codes = noisy(factors, more=0, noise=0.1) * 1e-4
    assert beta_vae_score(codes, factors, train=1000, test=500) == 1.0
    assert beta_vae_score(codes, factors, train=1000, test=500, standardise=False) < 0.6


def test_linear_probes_have_the_share_of_variance_that_is_linear() -> None:
    random = np.random.default_rng(0)
    codes = random.normal(size=(20_000, 3)) * [1.0, 100.0, 0.01] + 5.0
    signal = (codes - 5.0) @ [1.0, 0.01, 100.0]
    noise = random.normal(size=20_000)
    assert linear_probe(codes, signal + np.sqrt(3) * noise) == pytest.approx(0.5, abs=0.03)
    both = np.stack([signal, 1e6 * noise], axis=1)
    assert linear_probe(codes, both) == pytest.approx(0.5, abs=0.01)
    assert linear_probe(torch.from_numpy(codes), torch.from_numpy(signal > 0)) > 0.98
    assert linear_probe(codes, random.integers(0, 4, 20_000)) == pytest.approx(0.25, abs=0.03)
    assert linear_probe(codes, np.where(signal > 0, "high", "low")) == linear_probe(codes, signal > 0)
    assert linear_probe(codes, noise, seed=1) != linear_probe(codes, noise, seed=2)


def test_a_probe_is_tested_on_rows_that_it_has_not_seen() -> None:
    """As many latents as rows: what was learned by heart is right by chance."""
    random = np.random.default_rng(0)
    codes = random.normal(size=(400, 300))
    assert linear_probe(codes, random.integers(0, 2, 400)) < 0.68
    assert linear_probe(codes, random.normal(size=400)) < 0.0
    with pytest.raises(ValueError, match="a target with one value in all rows"):
        linear_probe(codes, np.ones(400, dtype=int))
    with pytest.raises(
        ValueError, match=r"shape \(400, 300\) and a target of shape \(400, 2\) and type int64"
    ):
        linear_probe(codes, random.integers(0, 2, (400, 2)))
    with pytest.raises(ValueError, match=r"test=0.0 of 400 rows leaves none on one side"):
        linear_probe(codes, random.integers(0, 2, 400), test=0.0)
