"""Disentanglement, completeness and informativeness, from the importance of each latent for each factor."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, final

import numpy as np
from torch import Tensor

from anyvae.metrics.factors import Array, factored, standardised
from anyvae.metrics.separability import parted

__all__ = ["DCI", "dci"]


@final
class DCI(NamedTuple):
    """Three scores, each at most 1.

    Arguments:
        disentanglement: whether each latent matters for one factor only; latents count by their importance.
        completeness: whether one latent alone matters for each factor.
        informativeness: accuracy in rows that the trees have not learned from, mean over factors.
        latents: the disentanglement of each latent, shape (K,); 0 where it matters for nothing.
        factors: the completeness of each factor, shape (F,).
        accuracies: of each factor, shape (F,).
        importances: of each latent for each factor, shape (K, F); a column sums to 1.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    latents: Array
    factors: Array
    accuracies: Array
    importances: Array


def dci(
    codes: Tensor | Array,
    factors: Tensor | Array,
    *,
    learner: Literal["forest", "boosting"] = "forest",
    trees: int | None = None,
    leaf_rows: int = 10,
    test: float = 1 / 3,
    seed: int = 0,
) -> DCI:
    r"""Disentanglement, completeness and informativeness, by trees that foretell each factor from all latents.

    With R the importances (the falls of impurity) of latents j for factors k,

    .. math::

        D = \sum_j \rho_j \left(1 - H_F(P_{j \cdot})\right), \quad P_{jk} = \frac{R_{jk}}{\sum_k R_{jk}}, \quad
        \rho_j = \frac{\sum_k R_{jk}}{\sum_{jk} R_{jk}}

    .. math:: C = \frac1F \sum_k \left(1 - H_K(\tilde P_{\cdot k})\right), \quad
       \tilde P_{jk} = \frac{R_{jk}}{\sum_j R_{jk}}

    with entropies to the base of the number of outcomes. The paper's informativeness is an error; it has become usual
    to give the accuracy, and so it is here. Forests, the paper's own learners, take seconds for 10,000 rows; boosting,
    of the later common protocol, fits trees for every value of a factor and takes minutes. Their numbers differ.
    Source: A Framework for the Quantitative Evaluation of Disentangled Representations (Eastwood and Williams, 2018).

    Arguments:
        codes: posterior means, shape (n, K), two latents or more.
        factors: whole numbers, shape (n, F), two factors or more, each foretold as classes.
        learner: "forest" or "boosting".
        trees: in a forest, 20 where None; or rounds of boosting, 100 where None.
        leaf_rows: least rows of a leaf of a forest. Leaves of single rows give noise an importance, and large ones
            cannot hold a rare value.
        test: share of the rows in which accuracies are measured.
        seed: of the choice of these rows, and of the trees.

    Raises:
        ValueError: for codes or factors of another form, one latent or factor only, or another learner.
    """
    rows = factored("dci", codes, factors, latents=2, at_least=2)
    if learner not in ("forest", "boosting"):
        raise ValueError(f'dci got learner={learner!r}; wanted "forest" or "boosting".')
    values, order = standardised(rows.codes)
    train, held = parted(len(values), test, seed)
    importances = np.zeros((values.shape[1], len(rows.levels)))
    accuracies = np.empty(len(rows.levels))
    for k, y in enumerate(rows.numbers.T):
        if (y[train] == y[train[0]]).all():  # a forest knows nothing then, and boosting refuses
            accuracies[k] = float((y[held] == y[train[0]]).mean())
            continue
        fitted = _learner(learner, trees, leaf_rows, seed).fit(values[train], y[train])
        importances[order, k] = fitted.feature_importances_
        accuracies[k] = fitted.score(values[held], y[held])
    of_latent, of_factor = importances.sum(1), importances.sum(0)
    latents = 1.0 - _entropies(importances, of_latent)
    whole = 1.0 - _entropies(importances.T, of_factor)
    weight = of_latent / max(of_latent.sum(), np.finfo(float).tiny)
    score = math.fsum(weight * latents)
    return DCI(score, float(whole.mean()), float(accuracies.mean()), latents, whole, accuracies, importances)


def _learner(name: str, trees: int | None, leaf_rows: int, seed: int) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

    if name == "boosting":
        return GradientBoostingClassifier(n_estimators=100 if trees is None else trees, random_state=seed)
    # Every latent is offered at every split: in a draw of some of them the one that matters may be missing.
    return RandomForestClassifier(
        20 if trees is None else trees, max_features=None, min_samples_leaf=leaf_rows, random_state=seed
    )


def _entropies(importances: Array, total: Array) -> Array:
    """Of each row, to the base of its length; 1 where nothing is important."""
    shares = importances / np.where(total > 0, total, 1.0)[:, None]
    logs = np.log(np.where(shares > 0, shares, 1.0))
    found = -(shares * logs).sum(1) / np.log(importances.shape[1])
    return np.where(total > 0, found, 1.0)
