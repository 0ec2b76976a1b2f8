"""Agreement of clusters with labels: where the conventions differ, by hand; else by enumeration and scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from math import comb

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from anyvae.metrics import ari, cluster_accuracy, exemplar_accuracy, majority_accuracy, nmi

Measure = Callable[[np.ndarray, np.ndarray], float]
HARD = pytest.mark.parametrize("measure", [cluster_accuracy, majority_accuracy, nmi, ari])


def made(rows: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 4, rows)
    return np.where(random.random(rows) < 0.6, (labels + 1) % 4, random.integers(0, 6, rows)), labels


def test_the_conventions_differ() -> None:
    """Two clusters share the label a; the surest row of the last cluster is an odd one."""
    labels = np.array(list("aaaaaabbbb"))
    clusters = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2])
    assert cluster_accuracy(clusters, labels) == 0.7  # 0 is a, 2 is b, and 1 is left over
    assert majority_accuracy(clusters, labels) == 0.9
    q = np.full((10, 3), 0.1)
    q[np.arange(10), clusters] = 0.8
    q[5, 2] = 0.9
    assert exemplar_accuracy(q, labels) == 0.6
    q[6, 2] = 0.95
    assert exemplar_accuracy(q, labels) == 0.9


def test_one_to_one_is_the_best_of_all_matchings() -> None:
    for seed in range(5):
        clusters, labels = made(60, seed)
        best = max(np.mean(np.array(m)[clusters] == labels) for m in permutations(range(6)))
        assert cluster_accuracy(clusters, labels) == pytest.approx(best, abs=1e-12)
        most = sum(np.bincount(labels[clusters == c]).max() for c in np.unique(clusters))
        assert majority_accuracy(clusters, labels) == pytest.approx(most / 60, abs=1e-12)
        assert best < majority_accuracy(clusters, labels)
    # Fewer clusters than labels, too.
    assert cluster_accuracy(np.zeros(6), np.array([0, 0, 1, 1, 1, 2])) == 0.5


@HARD
def test_names_and_order_change_nothing(measure: Measure) -> None:
    clusters, labels = made()
    found = measure(clusters, labels)
    assert 0.2 < found < 0.9
    order = np.random.default_rng(0).permutation(400)
    names = np.array(["d", "x", "a", "m", "z", "b"])
    assert measure(names[clusters][order], names[labels][order]) == pytest.approx(found, abs=1e-12)
    assert measure(torch.from_numpy(10 - 3 * clusters), torch.from_numpy(labels)) == pytest.approx(
        found, abs=1e-12
    )


@HARD
def test_the_same_partition_is_perfect_and_one_cluster_is_not(measure: Measure) -> None:
    clusters, labels = made()
    assert measure(3 - labels, labels) == pytest.approx(1.0, abs=1e-12)
    share = np.bincount(labels).max() / 400
    wanted = share if measure in (cluster_accuracy, majority_accuracy) else 0.0
    assert measure(np.zeros(400), labels) == pytest.approx(wanted, abs=1e-12)
    with pytest.raises(ValueError, match=f"{measure.__name__} got clusters of shape"):
        measure(clusters[1:], labels)
    with pytest.raises(ValueError, match="wanted the same shape"):
        measure(clusters[:0], labels[:0])


def test_information_and_rand_index_are_those_of_their_formulas() -> None:
    clusters, labels = made()
    table = np.zeros((6, 4))
    np.add.at(table, (clusters, labels), 1)

    def entropy(counts: np.ndarray) -> float:
        share = counts[counts > 0] / 400
        return float(-(share * np.log(share)).sum())

    h_c, h_y = entropy(table.sum(1)), entropy(table.sum(0))
    exact = (h_c + h_y - entropy(table.ravel())) / ((h_c + h_y) / 2)
    assert nmi(clusters, labels) == pytest.approx(exact, abs=1e-12)
    assert nmi(clusters, labels) == pytest.approx(normalized_mutual_info_score(labels, clusters), abs=1e-12)

    def pairs(counts: np.ndarray) -> int:
        return sum(comb(int(count), 2) for count in counts)

    both, a, b = pairs(table.ravel()), pairs(table.sum(1)), pairs(table.sum(0))
    chance = a * b / comb(400, 2)
    assert ari(clusters, labels) == pytest.approx((both - chance) / ((a + b) / 2 - chance), abs=1e-12)
    assert ari(clusters, labels) == pytest.approx(adjusted_rand_score(labels, clusters), abs=1e-12)


def test_of_rows_that_are_equally_sure_the_most_frequent_label_is_taken() -> None:
    q = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.4, 0.6], [0.2, 0.8]])
    labels = np.array([1, 0, 0, 1, 1])
    for order in permutations(range(5)):
        assert exemplar_accuracy(q[list(order)], labels[list(order)]) == 0.8
    assert exemplar_accuracy(torch.from_numpy(q), torch.from_numpy(labels)) == 0.8


def test_what_is_no_responsibility() -> None:
    with pytest.raises(ValueError, match=r"responsibilities of shape \(3,\) and labels of shape \(3,\)"):
        exemplar_accuracy(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="NaN"):
        exemplar_accuracy(np.full((3, 2), np.nan), np.ones(3))


@HARD
@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA], ids=["None", "NaN", "NA"])
def test_rows_without_a_label_are_no_class_of_their_own(measure: Measure, missing: object) -> None:
    clusters, labels = np.array([0, 1, 1]), np.array(["a", missing, missing], dtype=object)
    with pytest.raises(ValueError, match=r"got 2 labels that are missing; leave those rows out"):
        measure(clusters, labels)
    with pytest.raises(ValueError, match=r"got 2 clusters that are missing"):
        measure(labels, clusters)
    with pytest.raises(ValueError, match="2 labels that are missing"):
        exemplar_accuracy(np.eye(3), labels)
    with pytest.raises(ValueError, match="2 labels that are missing"):
        measure(clusters, np.array([1.0, np.nan, np.nan]))
