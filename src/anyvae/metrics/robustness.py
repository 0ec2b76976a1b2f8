"""How little each latent moves when the factors that it is not about move."""

from __future__ import annotations

import math
from typing import NamedTuple, final

import numpy as np
from torch import Tensor

from anyvae.metrics.factors import Array, factored

__all__ = ["Robustness", "irs"]


@final
class Robustness(NamedTuple):
    """Interventional robustness.

    Arguments:
        score: mean over the latents, which count by how far they move; 0 where none does.
        latents: the largest entry of each latent's row, shape (K,); NaN where it does not vary.
        factors: which factor that is, shape (K,); -1 where it does not vary.
        table: of each latent about each factor, 1 where the other factors do not move it, shape (K, F).
    """

    score: float
    latents: Array
    factors: Array
    table: Array


def irs(codes: Tensor | Array, factors: Tensor | Array, *, quantile: float = 0.99) -> Robustness:
    r"""The interventional robustness score.

    .. math:: IRS_{jk} = 1 - \frac{E_{v_k} \, Q(|c_j - E[c_j \mid v_k]| \mid v_k)}{Q(|c_j - E[c_j]|)}

    with Q the largest value in the paper, and a quantile of .99 here, as it has become usual, so that single rows do
    not decide. Above and below the line it is the same quantile, so that a latent that ignores factor k has an entry
    of about 0 (the common code divides by the maximum, and gives noise a third). A latent's score is its largest
    entry. Latents count by the divisor, as in the paper: a latent whose codes are all multiplied by a number has the
    same score and another weight.

    The factors that differ among rows with the same value of factor k stand for interventions on them: where factors
    depend on each other, that is not what an intervention would show. Not every code that is robust says anything.
    Source: Robustly Disentangled Causal Mechanisms (Suter et al., 2019).

    Arguments:
        codes: posterior means, shape (n, K).
        factors: whole numbers, shape (n, F).
        quantile: of deviations, 1 for their maximum.

    Raises:
        ValueError: for codes or factors of another form, or a quantile outside (0, 1].

    >>> factors = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> irs(factors[:, ::-1] * [0.3, 2.0], factors).table
    array([[0., 1.],
           [1., 0.]])
    """
    rows = factored("irs", codes, factors)
    if not 0.0 < quantile <= 1.0:
        raise ValueError(f"irs got quantile={quantile}; wanted a number in (0, 1].")
    x = rows.codes
    reach = np.quantile(np.abs(x - x.mean(0)), quantile, axis=0)
    varies = (np.ptp(x, axis=0) > 0) & (reach > 0)
    moved = np.zeros((x.shape[1], len(rows.levels)))
    for k, number in enumerate(rows.numbers.T):
        ordered = np.split(x[np.argsort(number, kind="stable")], np.bincount(number).cumsum()[:-1])
        for some in ordered:
            # About the first row before the mean: what does not move at all then has no rounding.
            about = some - some[0]
            deviation = np.abs(about - about.mean(0))
            moved[:, k] += len(some) / len(x) * np.quantile(deviation, quantile, axis=0)
    table = np.where(varies[:, None], 1.0 - moved / np.where(varies, reach, 1.0)[:, None], 0.0)
    if not varies.any():
        return Robustness(0.0, np.full(len(table), np.nan), np.full(len(table), -1), table)
    latents, best = np.where(varies, table.max(1), np.nan), np.where(varies, table.argmax(1), -1)
    return Robustness(math.fsum((reach * latents)[varies]) / math.fsum(reach[varies]), latents, best, table)
