"""Terms that compare the latents of a batch, taken together, with their prior: costs, and no bounds."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from anyvae.distributions import Cellwise, FullNormal
from anyvae.model import Trace
from anyvae.objectives.objective import Objective

__all__ = ["MMD", "CovarianceMatching", "SlicedWasserstein", "draws_of_prior", "first_draws"]


@final
class MMD(Objective):
    r"""Squared maximum mean discrepancy between a latent's draws of the batch and of its prior; a cost.

    .. math:: E\,k(z, z') + E\,k(u, u') - 2 E\,k(z, u), \quad k(a, b) = e^{-|a - b|^2 / (2\, bandwidth^2)}

    Unbiased over the batch, so it may be negative; a row has its own share of the sums. A batch of one row has
    no pair and gives 0. It compares aggregates, is no bound, and is in no unit.
    Source: A Kernel Two-Sample Test (Gretton et al., 2012); InfoVAE (Zhao et al., 2017).

    Arguments:
        name: of the latent.
        bandwidth: of the kernel; the square root of the number of features where None.

    Raises:
        ValueError: for a bandwidth that is not positive.
    """

    def __init__(self, name: str = "z", bandwidth: float | None = None) -> None:
        super().__init__()
        if bandwidth is not None and not bandwidth > 0.0:
            raise ValueError(f"MMD got bandwidth={bandwidth}; wanted a positive number.")
        self.name = name
        self.bandwidth = bandwidth

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: when the model has no such latent.
        """
        z = first_draws(self, trace, self.name).flatten(1)
        rows = trace.rows
        if rows < 2:
            return trace.model.zeros((rows,))
        u = draws_of_prior(trace, self.name)
        width = math.sqrt(z.shape[1]) if self.bandwidth is None else self.bandwidth

        def others(kernel: Tensor) -> Tensor:
            return (kernel.sum(1) - kernel.diagonal()) / (rows - 1)

        cross = _gaussian_kernel(z, u, width)
        same = others(_gaussian_kernel(z, z, width)) + others(_gaussian_kernel(u, u, width))
        return same - cross.mean(1) - cross.mean(0)


@final
class SlicedWasserstein(Objective):
    r"""Squared Wasserstein distance between a latent's draws of the batch and of its prior, sliced; a cost.

    .. math:: E_\theta\, W_2^2(\theta' z, \theta' u), \quad |\theta| = 1

    On a line the best transport pairs the sorted draws; a row has the share of its own draw, in squares of the
    latent's unit. The distance of two samples is larger than that of what they are drawn from, the more so the
    smaller the batch.
    Source: Sliced Wasserstein Auto-Encoders (Kolouri et al., 2018).

    Arguments:
        name: of the latent.
        projections: lines that are drawn afresh every time.

    Raises:
        ValueError: for fewer projections than one.
    """

    def __init__(self, name: str = "z", projections: int = 50) -> None:
        super().__init__()
        if projections < 1:
            raise ValueError(f"SlicedWasserstein got projections={projections}; wanted at least 1.")
        self.name = name
        self.projections = projections

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: when the model has no such latent.
        """
        z = first_draws(self, trace, self.name).flatten(1)
        u = draws_of_prior(trace, self.name)
        lines = torch.randn(z.shape[1], self.projections, dtype=z.dtype, device=z.device)
        lines = lines / lines.norm(dim=0)
        ranked, place = (z @ lines).sort(0)
        gaps = (ranked - (u @ lines).sort(0).values).square()
        return torch.zeros_like(gaps).scatter(0, place, gaps).mean(1)


@final
class CovarianceMatching(Objective):
    r"""How far the covariance of a latent over the batch is from the identity; a cost, the same in every row.

    .. math::

        off\_diagonal \sum_{i \ne j} C_{ij}^2 + diagonal \sum_i (C_{ii} - 1)^2, \quad
        C = \operatorname{Cov}_x E_q[z \mid x] \; (+ \; E_x \operatorname{Cov}_q[z \mid x])

    With the second part C is the covariance of the aggregate posterior, and the term that of DIP-VAE-II; with
    `means_only` it is that of DIP-VAE-I, whose published weights are 10 and 100. For a prior N(0, I). A batch of one
    row gives 0.
    Source: Variational Inference of Disentangled Latent Concepts (Kumar et al., 2018).

    Arguments:
        off_diagonal, diagonal: weights.
        means_only: whether the covariance within each row is left out.
        name: of the latent.

    Raises:
        ValueError: for a negative weight.
    """

    def __init__(
        self,
        off_diagonal: float = 10.0,
        diagonal: float = 10.0,
        *,
        means_only: bool = False,
        name: str = "z",
    ) -> None:
        super().__init__()
        if not (off_diagonal >= 0.0 and diagonal >= 0.0):
            raise ValueError(
                f"CovarianceMatching got off_diagonal={off_diagonal}, diagonal={diagonal}; wanted weights >= 0."
            )
        self.off_diagonal = off_diagonal
        self.diagonal = diagonal
        self.means_only = means_only
        self.name = name

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: when the model has no such latent vector, or its covariance given x is not known.
        """
        first_draws(self, trace, self.name)
        q = trace.q(self.name)
        alone = q.batch_shape == (trace.rows,) and not trace.drawn_parents(self.name)
        if not alone or len(q.event_shape) != 1:
            raise ValueError(
                f"CovarianceMatching({self.name!r}) wants a latent vector inferred from the given alone; got {q!r}."
            )
        if trace.rows < 2:
            return trace.model.zeros((trace.rows,))
        centred = q.mean - q.mean.mean(0)
        covariance = centred.T @ centred / (trace.rows - 1)
        if not self.means_only:
            covariance = covariance + self._within(q)
        variances = covariance.diagonal()
        off = covariance.square().sum() - variances.square().sum()
        cost = self.off_diagonal * off + self.diagonal * (variances - 1.0).square().sum()
        return cost.expand(trace.rows)

    def _within(self, q: object) -> Tensor:
        if isinstance(q, FullNormal):
            return (q.factor @ q.factor.mT).mean(0)
        if isinstance(q, Cellwise):
            return q.variance.mean(0).diag()
        raise ValueError(
            f"CovarianceMatching({self.name!r}) knows no covariance of {type(q).__name__}; take means_only=True."
        )


def first_draws(objective: Objective, trace: Trace, name: str) -> Tensor:
    """The first draw of every row of an inferred latent, shape (B, *event).

    Raises:
        ValueError: when the trace infers no latent of that name, or has one draw for each of several enumerated
            values.
    """
    inferred = [other for other, from_q in trace.plan.draws if from_q]
    who = f"{type(objective).__name__}({name!r})"
    if name not in inferred:
        raise ValueError(f"{who}: no latent of that name is inferred; the trace drew {inferred}.")
    value = trace.values[name]
    event = len(trace.model.shapes[name])
    if value.dim() > event + 2:
        raise ValueError(
            f"{who}: {name!r} has draws for every value of an enumerated latent; which one is to be compared? "
            "Draw that latent instead."
        )
    return value[0] if value.dim() > event + 1 else value


def draws_of_prior(trace: Trace, name: str) -> Tensor:
    """One draw of p(name | parents) for every row, flattened, shape (B, features), without gradient.

    Raises:
        ValueError: when there is a prior for each of several enumerated values.
    """
    event = len(trace.model.shapes[name])
    with torch.no_grad():
        drawn = trace.fresh(name)
    if drawn.dim() > event + 2:
        raise ValueError(
            f"{name!r} has a prior for every value of {trace.enumerated[0].name!r}, which is enumerated; which one is "
            "it to be compared with? Draw that latent instead."
        )
    return (drawn[0] if drawn.dim() > event + 1 else drawn).flatten(1)


def _gaussian_kernel(a: Tensor, b: Tensor, width: float) -> Tensor:
    square = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1)
    return (-0.5 * square / width**2).exp()
