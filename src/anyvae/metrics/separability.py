"""What can be read off codes in a straight line: by one latent, or by all of them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from torch import Tensor

from anyvae.metrics.factors import Array, FactorGap, as_array, factored, gap, standardised, value_numbers

__all__ = ["linear_probe", "parted", "sap"]


def sap(
    codes: Tensor | Array,
    factors: Tensor | Array,
    *,
    categorical: Collection[int] = (),
    test: float = 0.5,
    seed: int = 0,
) -> FactorGap:
    r"""The separated attribute predictability: how far the best single latent foretells a factor better than the next.

    .. math:: SAP = \frac{1}{F} \sum_k \left(S_{j_k k} - \max_{j \ne j_k} S_{jk}\right), \quad
       S_{jk} = \frac{Cov(c_j, v_k)^2}{Var(c_j) Var(v_k)}

    for factors whose values have an order and even steps. For categorical factors S is the accuracy of a linear
    classifier (logistic regression) that reads latent j alone, as the mean over classes, in rows that it has not
    learned from. Accuracies are not corrected for chance, as is usual: a categorical factor of V values reaches
    1 - 1 / V at most, and a latent that does not vary has 1 / V. The common code instead treats every factor as
    categorical, with support vector machines: compare numbers of one kind only.
    Source: Variational Inference of Disentangled Latent Concepts from Unlabeled Observations (Kumar et al., 2018).

    Arguments:
        codes: posterior means, shape (n, K), two latents or more.
        factors: whole numbers, shape (n, F).
        categorical: which columns of the factors have no order.
        test: share of rows in which accuracies are measured; correlations take all rows.
        seed: of the choice of these rows.

    Raises:
        ValueError: for codes or factors of another form, one latent only, or a categorical factor that is no column.
    """
    rows = factored("sap", codes, factors, latents=2)
    width = len(rows.levels)
    if unknown := sorted(set(categorical) - set(range(width))):
        raise ValueError(f"sap got categorical factors {unknown}; the factors are 0 to {width - 1}.")
    values, order = standardised(rows.codes)
    table = np.empty((values.shape[1], width))
    train, held = parted(len(values), test, seed)
    for k in range(width):
        if k in categorical:
            y = rows.numbers[:, k]
            table[order, k] = [_accuracy(x, y, train, held, rows.levels[k]) for x in values.T[..., None]]
        else:
            v = rows.factors[:, k] - rows.factors[:, k].mean()
            table[order, k] = (values.T @ v / len(v)) ** 2 / np.mean(v**2)
    return gap(table)


def linear_probe(codes: Tensor | Array, target: Tensor | Array, *, test: float = 0.2, seed: int = 0) -> float:
    r"""How well a straight line through codes foretells something that the model was not shown.

    Classes (whole numbers, truth values or text) are foretold by logistic regression, whose accuracy it is; numbers
    with a fraction by ridge regression, whose share of explained variance it is, as the mean over their columns:

    .. math:: R^2 = 1 - \frac{\sum_i (y_i - \hat y_i)^2}{\sum_i (y_i - \bar y)^2}

    Both on standardised codes, in rows that they have not learned from. A constant foretells an accuracy of the share
    of the most frequent class, and an :math:`R^2` of about 0.

    Arguments:
        codes: posterior means, shape (n, K).
        target: classes, shape (n,), or floats, shape (n,) or (n, columns).
        test: share of the rows to be tested on.
        seed: of the choice of these rows.

    Raises:
        ValueError: for other shapes, codes or targets that are not finite, classes that are missing or of several
            types, or rows that do not vary in the target.

    >>> x = np.random.default_rng(0).normal(size=(200, 3))
    >>> round(linear_probe(x, x @ np.array([1.0, -2.0, 0.5])), 3), linear_probe(x, x[:, 0] > 9.0 * x[:, 1]) > 0.9
    (1.0, True)
    """
    from sklearn.linear_model import LogisticRegression, Ridge

    x, y = as_array(codes), as_array(target)
    numbers = y.dtype.kind == "f"
    if x.ndim != 2 or len(x) != len(y) or len(x) < 4 or y.ndim not in ((1, 2) if numbers else (1,)):
        raise ValueError(
            f"linear_probe got codes of shape {x.shape} and a target of shape {y.shape} and type {y.dtype}; wanted "
            "(n, K) and (n,), or (n, columns) of floats, of four rows or more."
        )
    x = x.astype(np.float64)
    y = y.astype(np.float64) if numbers else value_numbers("linear_probe", "targets", y)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("linear_probe got codes or targets that are not finite; leave those rows out.")
    train, held = parted(len(x), test, seed)
    if any((y[part] == y[part[0]]).all(0).any() for part in ((train, held) if numbers else (train,))):
        raise ValueError("linear_probe got a target with one value in all rows; give one that varies.")
    scaled, _ = standardised(x)
    if not numbers:
        return float(
            LogisticRegression(max_iter=2000).fit(scaled[train], y[train]).score(scaled[held], y[held])
        )
    # In units of the target's own, so that the penalty is the same for each.
    y = (y - y[train].mean(0)) / y[train].std(0)
    return float(Ridge(alpha=1e-3).fit(scaled[train], y[train]).score(scaled[held], y[held]))


def parted(rows: int, test: float, seed: int) -> tuple[Array, Array]:
    """Row numbers to learn from and to be tested on, in rising order.

    Raises:
        ValueError: where one of the parts would be empty.
    """
    held = round(rows * test)
    if not 0 < held < rows:
        raise ValueError(f"test={test} of {rows} rows leaves none on one side; give a share such as 0.2.")
    drawn = np.random.default_rng(seed).permutation(rows)
    return np.sort(drawn[held:]), np.sort(drawn[:held])


def _accuracy(x: Array, y: Array, train: Array, held: Array, levels: int) -> float:
    """Mean over classes of the share of held-out rows that one latent gets right."""
    from sklearn.linear_model import LogisticRegression

    classes = np.unique(y[train])
    if not x.any() or len(classes) < 2:
        return 1.0 / levels
    # Next to no penalty: classes in the middle of a line want steep slopes.
    learner = LogisticRegression(C=1e3, class_weight="balanced", max_iter=5000).fit(x[train], y[train])
    right = np.bincount(y[held], weights=learner.predict(x[held]) == y[held], minlength=levels)
    count = np.bincount(y[held], minlength=levels)
    return float((right[count > 0] / count[count > 0]).mean())
