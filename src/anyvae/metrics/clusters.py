"""How well clusters agree with labels that they were not shown."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from anyvae.metrics.factors import Array, as_array, value_numbers

__all__ = ["ari", "cluster_accuracy", "exemplar_accuracy", "majority_accuracy", "nmi"]


def cluster_accuracy(clusters: Tensor | Array, labels: Tensor | Array) -> float:
    r"""The share of rows that are right when each cluster is given one label and each label one cluster.

    .. math:: \max_m \frac1n \sum_i [m(c_i) = y_i]

    over one-to-one maps m, found by the Hungarian method. Where there are more clusters than labels, the rows of those
    left over are wrong; this is the usual figure of deep clustering, and the strictest of the three.

    Arguments:
        clusters: any values, shape (n,).
        labels: any values, shape (n,).

    Raises:
        ValueError: for shapes that differ, no rows, or values that are missing or of several types.

    >>> cluster_accuracy([0, 0, 1, 1, 2], ["a", "a", "a", "b", "a"])
    0.6
    """
    from scipy.optimize import linear_sum_assignment

    counts = _counts("cluster_accuracy", clusters, labels)
    return float(counts[linear_sum_assignment(counts, maximize=True)].sum() / counts.sum())


def majority_accuracy(clusters: Tensor | Array, labels: Tensor | Array) -> float:
    r"""The share of rows that are right when each cluster takes its most frequent label; also called purity.

    .. math:: \frac1n \sum_c \max_y n_{cy}

    Labels may be taken by several clusters or by none, and so more clusters give a larger number: 1 where every row
    is a cluster of its own.

    Arguments:
        clusters: any values, shape (n,).
        labels: any values, shape (n,).

    Raises:
        ValueError: for shapes that differ, no rows, or values that are missing or of several types.

    >>> majority_accuracy([0, 0, 1, 1, 2], ["a", "a", "a", "b", "a"])
    0.8
    """
    counts = _counts("majority_accuracy", clusters, labels)
    return float(counts.max(1).sum() / counts.sum())


def exemplar_accuracy(responsibilities: Tensor | Array, labels: Tensor | Array) -> float:
    r"""The share of rows that are right when each cluster takes the label of the row that is most probable under it.

    .. math:: \frac1n \sum_i [y_{e(c_i)} = y_i], \quad c_i = \arg\max_c q(c \mid x_i), \quad
       e(c) = \arg\max_i q(c \mid x_i)

    One label a cluster is then used, whatever the number of rows. Where several rows have the same largest
    probability, as when it is rounded to 1, the most frequent of their labels is taken, so that the order of the rows
    decides nothing.
    Source: Adversarial Autoencoders (Makhzani et al., 2016).

    Arguments:
        responsibilities: q(c | x) of each row and cluster, shape (n, C).
        labels: any values, shape (n,).

    Raises:
        ValueError: for shapes that do not fit, no rows, a NaN, or labels that are missing or of several types.

    >>> exemplar_accuracy([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]], ["a", "b", "b", "b"])
    0.5
    """
    q, y = as_array(responsibilities), as_array(labels)
    if q.ndim != 2 or y.shape != q.shape[:1] or not q.size:
        raise ValueError(
            f"exemplar_accuracy got responsibilities of shape {q.shape} and labels of shape {y.shape}; wanted (n, C) "
            "and (n,)."
        )
    if np.isnan(q.astype(np.float64)).any():
        raise ValueError("exemplar_accuracy got responsibilities that are NaN; leave those rows out.")
    number = value_numbers("exemplar_accuracy", "labels", y)
    taken = np.array([np.bincount(number[column == column.max()]).argmax() for column in q.T])
    return float((taken[q.argmax(1)] == number).mean())


def nmi(clusters: Tensor | Array, labels: Tensor | Array) -> float:
    r"""Normalised mutual information, from 0 to 1, not corrected for chance.

    .. math:: \frac{I(c; y)}{(H(c) + H(y)) / 2}

    Others divide by the geometric mean or the larger entropy: this is the arithmetic mean, scikit-learn's default.

    Arguments:
        clusters: any values, shape (n,).
        labels: any values, shape (n,).

    Raises:
        ValueError: for shapes that differ, no rows, or values that are missing or of several types.
    """
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(*_numbered("nmi", clusters, labels)))


def ari(clusters: Tensor | Array, labels: Tensor | Array) -> float:
    r"""The adjusted Rand index: 1 for equal partitions, 0 in expectation for random ones of the same sizes.

    .. math:: \frac{R - E[R]}{\max R - E[R]}, \quad R = \sum_{cy} \binom{n_{cy}}{2}

    Source: Comparing Partitions (Hubert and Arabie, 1985).

    Arguments:
        clusters: any values, shape (n,).
        labels: any values, shape (n,).

    Raises:
        ValueError: for shapes that differ, no rows, or values that are missing or of several types.
    """
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(*_numbered("ari", clusters, labels)))


def _numbered(measure: str, clusters: Tensor | Array, labels: Tensor | Array) -> tuple[Array, Array]:
    c, y = as_array(clusters), as_array(labels)
    if c.ndim != 1 or c.shape != y.shape or not len(c):
        raise ValueError(
            f"{measure} got clusters of shape {c.shape} and labels of shape {y.shape}; wanted the same shape (n,)."
        )
    return value_numbers(measure, "clusters", c), value_numbers(measure, "labels", y)


def _counts(measure: str, clusters: Tensor | Array, labels: Tensor | Array) -> Array:
    """Rows of each cluster and label, shape (clusters, labels)."""
    c, y = _numbered(measure, clusters, labels)
    width = int(y.max()) + 1
    return np.bincount(c * width + y, minlength=(int(c.max()) + 1) * width).reshape(-1, width)
