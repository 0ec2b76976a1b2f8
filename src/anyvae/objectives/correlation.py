"""The total correlation of the aggregate posterior, estimated from a batch: for gradients, not for reports."""

from __future__ import annotations

import math
from typing import final

from torch import Tensor

from anyvae.distributions import Cellwise
from anyvae.model import Trace
from anyvae.objectives.aggregate import first_draws
from anyvae.objectives.objective import Objective

__all__ = ["StratifiedTC", "WeightedTC"]


@final
class StratifiedTC(Objective):
    r"""Total correlation with every q(z) estimated without bias from the rows of a batch; a cost, nats.

    .. math::

        TC = E\,\log \frac{q(z)}{\prod_k q(z_k)}, \quad
        q(z_i) \approx \tfrac1N q(z_i \mid x_i) + \tfrac{N - 1}{N (B - 1)} \sum_{j \ne i} q(z_i \mid x_j)

    The estimate of q is unbiased, that of its logarithm is not: `anyvae.metrics.kl_parts` has the value to
    report. The published weights single out one of the other rows; these are their mean over which one it is.
    beta-TCVAE is `ELBO() - (beta - 1) * StratifiedTC(rows)`.
    Source: Isolating Sources of Disentanglement (Chen et al., 2018), minibatch stratified sampling.

    Arguments:
        rows: N, of the whole data set; at least two.
        name: of the latent.

    Raises:
        ValueError: for fewer than two rows.
    """

    def __init__(self, rows: int, name: str = "z") -> None:
        super().__init__()
        self.rows = _at_least_two(self, rows)
        self.name = name

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`; a batch of one row tells nothing and gives 0."""
        batch = trace.rows
        if batch < 2:
            return trace.model.zeros((batch,))
        weights = trace.model.zeros((batch, batch)) + (self.rows - 1) / (self.rows * (batch - 1))
        return _total_correlation(self, self.name, trace, weights.fill_diagonal_(1.0 / self.rows).log())


@final
class WeightedTC(Objective):
    r"""Total correlation by minibatch-weighted sampling; a cost, nats up to a bias that grows with log N.

    .. math:: q(z_i) \approx \tfrac{1}{N B} \sum_j q(z_i \mid x_j)

    Its gradient is that of the literature's beta-TCVAE; its value is far from the total correlation (tens of
    nats): prefer `StratifiedTC`, and report `anyvae.metrics.kl_parts`.
    Source: Isolating Sources of Disentanglement (Chen et al., 2018), minibatch weighted sampling.

    Arguments:
        rows: N, of the whole data set; at least two.
        name: of the latent.

    Raises:
        ValueError: for fewer than two rows.
    """

    def __init__(self, rows: int, name: str = "z") -> None:
        super().__init__()
        self.rows = _at_least_two(self, rows)
        self.name = name

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`."""
        log_weight = trace.model.zeros(()) - math.log(self.rows * trace.rows)
        return _total_correlation(self, self.name, trace, log_weight)


def _at_least_two(objective: Objective, rows: int) -> int:
    if rows < 2:
        raise ValueError(
            f"{type(objective).__name__} got rows={rows}; wanted the size of the data set, at least 2."
        )
    return rows


def _total_correlation(objective: Objective, name: str, trace: Trace, log_weights: Tensor) -> Tensor:
    q = trace.q(name) if (name, True) in trace.plan.draws else None
    alone = q is not None and q.batch_shape == (trace.rows,) and not trace.drawn_parents(name)
    if not isinstance(q, Cellwise) or q.event_dims != 1 or not alone:
        raise ValueError(
            f"{type(objective).__name__}({name!r}) wants a latent vector inferred from the given alone, with "
            f"independent features given x, such as DiagonalNormal; got {'no such latent' if q is None else repr(q)}."
        )
    cells = q.cells(first_draws(objective, trace, name).unsqueeze(1))  # (B of z, B of x, K)
    joint = (log_weights + cells.sum(-1)).logsumexp(1)
    marginals = (log_weights.unsqueeze(-1) + cells).logsumexp(1)
    return joint - marginals.sum(-1)
