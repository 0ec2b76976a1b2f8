"""Which factor was held fixed: measures of disentanglement that ask for it from differences or variances of codes."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from anyvae.metrics.factors import Array, Factored, factored, standardised

__all__ = ["beta_vae_score", "factor_vae_score"]

_CELLS = 1 << 22


def beta_vae_score(
    codes: Tensor | Array,
    factors: Tensor | Array,
    *,
    pairs: int = 64,
    train: int = 10_000,
    test: int = 5_000,
    standardise: bool = True,
    seed: int = 0,
) -> float:
    r"""How often a linear classifier tells which factor the rows of pairs have in common.

    An example holds one factor k, drawn uniformly, and L pairs of rows; the first row of a pair is any row, the second
    another one with the same value of k. Its features are

    .. math:: f_j = \frac{1}{L} \sum_{l=1}^{L} |c_{a_l j} - c_{b_l j}|

    and logistic regression foretells k. Chance is 1 / F, and the score saturates: it is 1 already when every factor
    has a latent that only it moves, whatever the others do. Rows are drawn from those given: unless the other factors
    are independent of the one in common, they tell it, too. Rows whose value no other row has are not drawn.
    Source: beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework (Higgins et al., 2017).

    Arguments:
        codes: posterior means, shape (n, K).
        factors: whole numbers, shape (n, F), two factors or more.
        pairs: L of an example.
        train, test: examples.
        standardise: divide each latent by its deviation over the rows, so that scales of latents change nothing;
            False is as published.
        seed: of the draws.

    Raises:
        ValueError: for codes or factors of another form, a factor none of whose values two rows share, or too few pairs
            or examples.
    """
    _at_least("beta_vae_score", 1, pairs=pairs, train=train, test=test)
    rows = factored("beta_vae_score", codes, factors, at_least=2)
    scaled, order = standardised(rows.codes)
    values = scaled if standardise else rows.codes[:, order]
    pools = [_Pool(rows, k) for k in range(len(rows.levels))]
    for k, pool in enumerate(pools):
        if not len(pool.shared):
            raise ValueError(
                f"beta_vae_score: no two rows have the same value of factor {k}; give more rows, or coarser values."
            )
    random = np.random.default_rng(seed)
    kinds = random.integers(0, len(pools), train + test)
    if (kinds[:train] == kinds[0]).all():
        raise ValueError(f"beta_vae_score: train={train} examples hold one factor only; give more of them.")
    features = np.empty((train + test, values.shape[1]))
    for k, pool in enumerate(pools):
        mine = np.flatnonzero(kinds == k)
        step = max(1, _CELLS // (pairs * values.shape[1]))
        for some in (mine[start : start + step] for start in range(0, len(mine), step)):
            first, second = pool.pairs(random, (len(some), pairs))
            features[some] = np.abs(values[first] - values[second]).mean(1)
    return _classified(features[:train], kinds[:train], features[train:], kinds[train:])


def factor_vae_score(
    codes: Tensor | Array,
    factors: Tensor | Array,
    *,
    rows: int = 64,
    train: int = 10_000,
    test: int = 5_000,
    prune: float = 0.05,
    seed: int = 0,
) -> float:
    r"""How often the latent that varies least tells which factor is fixed, by a majority vote.

    An example holds one factor k, drawn uniformly, and L rows that share its value with a row that is drawn
    uniformly. The latent that varies least in units of its own,

    .. math:: d = \arg\min_j \frac{Var_{l}(c_{lj})}{Var(c_j)}

    votes for k, and each latent stands for the factor that it got most votes for in the examples to learn from. The
    score is the accuracy in others. Chance is about 1 / F; 0 where all latents are pruned.
    Source: Disentangling by Factorising (Kim and Mnih, 2018).

    Arguments:
        codes: posterior means, in standard deviations of the prior, shape (n, K).
        factors: whole numbers, shape (n, F), two factors or more.
        rows: L of an example, two or more, drawn with replacement.
        train, test: examples.
        prune: latents with a smaller standard deviation over the rows have no vote, as they would win it by noise; 0
            keeps all that vary. Only this depends on the scale of the codes. 0.05 is that of the common protocol,
            which compares it with the deviation, though it is often told as a variance.
        seed: of the draws.

    Raises:
        ValueError: for codes or factors of another form, or too few rows or examples.
    """
    _at_least("factor_vae_score", 2, rows=rows)
    _at_least("factor_vae_score", 1, train=train, test=test)
    given = factored("factor_vae_score", codes, factors, at_least=2)
    deviation = given.codes.std(0)
    active = (deviation >= prune) & (np.ptp(given.codes, axis=0) > 0)
    if not active.any():
        return 0.0
    values = given.codes[:, active]
    values = (values - values.mean(0)) / deviation[active]
    random = np.random.default_rng(seed)
    kinds = random.integers(0, len(given.levels), train + test)
    least = np.empty(train + test, dtype=np.int64)
    for k in range(len(given.levels)):
        pool = _Pool(given, k)
        mine = np.flatnonzero(kinds == k)
        step = max(1, _CELLS // (rows * values.shape[1]))
        for some in (mine[start : start + step] for start in range(0, len(mine), step)):
            drawn = values[pool.alike(random, (len(some), rows))]
            # About the first row: where a value is shared exactly, the variance is exactly 0.
            least[some] = (drawn - drawn[:, :1]).var(1, ddof=1).argmin(1)
    votes = np.zeros((values.shape[1], len(given.levels)), dtype=np.int64)
    np.add.at(votes, (least[:train], kinds[:train]), 1)
    return float((votes.argmax(1)[least[train:]] == kinds[train:]).mean())


def _at_least(measure: str, least: int, **numbers: int) -> None:
    for name, number in numbers.items():
        if number < least:
            raise ValueError(f"{measure} got {name}={number}; wanted at least {least}.")


class _Pool:
    """Rows by their value of one factor.

    Arguments:
        rows: all of them.
        factor: its number.
    """

    def __init__(self, rows: Factored, factor: int) -> None:
        self.value = rows.numbers[:, factor]
        self.sorted = np.argsort(self.value, kind="stable")
        self.size = np.bincount(self.value)
        self.start = self.size.cumsum() - self.size
        self.place = np.empty_like(self.sorted)  # of each row among those with its value
        self.place[self.sorted] = np.arange(len(self.sorted)) - self.start[self.value[self.sorted]]
        self.shared = np.flatnonzero(self.size[self.value] > 1)

    def pairs(self, random: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
        """Pairs of different rows with the same value."""
        first = self.shared[random.integers(0, len(self.shared), shape)]
        value = self.value[first]
        step = 1 + random.integers(0, self.size[value] - 1)
        return first, self.sorted[self.start[value] + (self.place[first] + step) % self.size[value]]

    def alike(self, random: np.random.Generator, shape: tuple[int, int]) -> Array:
        """In each row of the result, rows with the same value."""
        value = self.value[random.integers(0, len(self.value), (shape[0], 1))]
        return self.sorted[self.start[value] + random.integers(0, self.size[value], shape)]


def _classified(x: Array, y: Array, test_x: Array, test_y: Array) -> float:
    from sklearn.linear_model import LogisticRegression

    return float(LogisticRegression(max_iter=2000).fit(x, y).score(test_x, test_y))
