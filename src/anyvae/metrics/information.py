"""Information that binned codes hold on factors: the gap of each factor, and the modularity of each latent."""

from __future__ import annotations

import math
from typing import NamedTuple, final

import numpy as np
from torch import Tensor

from anyvae.metrics.factors import Array, Factored, FactorGap, discrete_information, factored, gap

__all__ = ["Modularity", "histogram_mig", "modularity"]


@final
class Modularity(NamedTuple):
    """How far each latent is about one factor only.

    Arguments:
        score: mean over the latents that know anything; 0 where none does.
        latents: of each latent, 1 where it knows one factor alone, shape (K,); NaN where it knows nothing.
        table: mutual information of each latent and factor, nats, shape (K, F).
    """

    score: float
    latents: Array
    table: Array


def histogram_mig(codes: Tensor | Array, factors: Tensor | Array, *, bins: int = 20) -> FactorGap:
    r"""The mutual information gap of binned posterior means, in shares of each factor's entropy.

    .. math:: MIG = \frac{1}{F} \sum_k \frac{I(b_{j_k}; v_k) - \max_{j \ne j_k} I(b_j; v_k)}{H(v_k)}, \quad
       j_k = \arg\max_j I(b_j; v_k)

    where b is the number of the bin that a mean falls into, of equally wide ones from the least to the largest mean of
    the latent. This is the protocol of the large study below; **its numbers are not those of** `mig`, which reads
    whole posteriors. A factor with more values than bins cannot reach 1, and few rows make the information of noise
    too large: compare numbers of as many rows only, 10,000 in the protocol.
    Source: Challenging Common Assumptions in the Unsupervised Learning of Disentangled Representations (Locatello et
    al., 2019).

    Arguments:
        codes: posterior means, shape (n, K), two latents or more.
        factors: whole numbers, shape (n, F).
        bins: of each latent.

    Raises:
        ValueError: for codes or factors of another form, or one latent only.

    >>> factors = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> histogram_mig(factors * 0.3, factors).score
    1.0
    """
    rows = factored("histogram_mig", codes, factors, latents=2)
    return gap(_information(rows, bins) / rows.entropies())


def modularity(codes: Tensor | Array, factors: Tensor | Array, *, bins: int = 20) -> Modularity:
    r"""Whether each latent is about one factor at most.

    .. math:: m_j = 1 - \frac{\sum_{k \ne k_j} I_{jk}^2}{I_{j k_j}^2 (F - 1)}, \quad k_j = \arg\max_k I_{jk}

    with the mutual information of binned codes, as in `histogram_mig`. Latents without any information are left out
    of the mean: counted as 0, as is sometimes done, they would punish a model for every latent that it does not use.
    A latent of noise has a little information by chance, most on the factor with most values, and a score that says
    nothing: look at `table` beside it. Several latents may be about the same factor.
    Source: Learning Deep Disentangled Embeddings With the F-Statistic Loss (Ridgeway and Mozer, 2018).

    Arguments:
        codes: posterior means, shape (n, K).
        factors: whole numbers, shape (n, F), two factors or more.
        bins: of each latent.

    Raises:
        ValueError: for codes or factors of another form, or one factor only.
    """
    rows = factored("modularity", codes, factors, at_least=2)
    table = _information(rows, bins)
    most = table.max(1)
    # Information below this is rounding: that of one row of a million on a factor is larger.
    knows = most > 1e-9
    square = (table[knows] / most[knows, None]) ** 2
    latents = np.full(len(table), np.nan)
    latents[knows] = 1.0 - (square.sum(1) - 1.0) / (table.shape[1] - 1)
    return Modularity(math.fsum(latents[knows]) / max(1, int(knows.sum())), latents, table)


def _information(rows: Factored, bins: int) -> Array:
    """Mutual information of binned codes and factors, nats, shape (K, F)."""
    if bins < 2:
        raise ValueError(f"histograms of codes got {bins} bins; wanted two or more.")
    return np.array(
        [
            [discrete_information(column, factor) for factor in rows.numbers.T]
            for column in (_binned(code, bins) for code in rows.codes.T)
        ]
    )


def _binned(code: Array, bins: int) -> Array:
    low, high = code.min(), code.max()
    if low == high:
        return np.zeros(len(code), dtype=np.int64)
    # In units of a bin first: so scaling a latent moves no mean across an edge but by rounding.
    return np.minimum((code - low) / (high - low) * bins, bins - 1).astype(np.int64)
