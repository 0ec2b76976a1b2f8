"""Bounds that combine the log-weights of several draws in other ways than one mean."""

from __future__ import annotations

import math
from typing import final

from torch import Tensor

from anyvae.model import Trace
from anyvae.objectives.objective import Objective

__all__ = ["CIWAE", "MIWAE", "Renyi"]


@final
class MIWAE(Objective):
    r"""The mean of several importance-weighted bounds: less noise in the gradient of the encoder.

    .. math:: \tfrac1M \sum_m \log \tfrac1K \sum_k w_{mk}

    Source: Tighter Variational Bounds are Not Necessarily Better (Rainforth et al., 2018), there MIWAE(M, K).

    Arguments:
        repeats: M, bounds that are averaged.
        inner: K, draws in each; M K draws are made per row.

    Raises:
        ValueError: when a number is below one.
    """

    def __init__(self, repeats: int = 8, inner: int = 8) -> None:
        if repeats < 1 or inner < 1:
            raise ValueError(f"MIWAE got repeats={repeats}, inner={inner}; wanted at least 1 of each.")
        super().__init__(repeats * inner)
        self.repeats = repeats
        self.inner = inner

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: when the trace holds another number of draws, as beside a term that wants more.
        """
        if trace.samples != self.samples:
            raise ValueError(
                f"MIWAE(repeats={self.repeats}, inner={self.inner}) wants a trace of {self.samples} samples and got "
                f"{trace.samples}; give the other terms of the sum no more samples than that."
            )
        log_weight = trace.log_weight().unflatten(0, (self.repeats, self.inner))
        return (log_weight.logsumexp(1) - math.log(self.inner)).mean(0)


@final
class CIWAE(Objective):
    r"""A convex combination of the ELBO and the importance-weighted bound over the same draws.

    .. math:: \beta \, \tfrac1S \sum_s \log w_s + (1 - \beta) \log \tfrac1S \sum_s w_s

    A lower bound between the two: more samples blur the gradient of the encoder less than in `IWAE`.
    Source: Tighter Variational Bounds are Not Necessarily Better (Rainforth et al., 2018).

    Arguments:
        beta: weight of the ELBO, in [0, 1].
        samples: S, draws per row.

    Raises:
        ValueError: for a weight outside [0, 1].
    """

    def __init__(self, beta: float = 0.5, samples: int = 8) -> None:
        super().__init__(samples)
        if not 0.0 <= beta <= 1.0:
            raise ValueError(f"CIWAE got beta={beta}; wanted a weight in [0, 1].")
        self.beta = beta

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`."""
        log_weight = trace.log_weight()
        return self.beta * log_weight.mean(0) + (1.0 - self.beta) * trace.log_mean_exp(log_weight)


@final
class Renyi(Objective):
    r"""The variational Renyi bound, sampled.

    .. math:: \tfrac{1}{1 - \alpha} \log \tfrac1S \sum_s w_s^{1 - \alpha}

    alpha = 0 is the importance-weighted bound and alpha = 1, a limit, the ELBO. A lower bound of log p(x) for
    alpha >= 0 (in the mean over draws); for alpha < 0 it is none.
    Source: Renyi Divergence Variational Inference (Li and Turner, 2016).

    Arguments:
        alpha: order.
        samples: S, draws per row.

    Raises:
        ValueError: when alpha is not finite.
    """

    def __init__(self, alpha: float = 0.5, samples: int = 8) -> None:
        super().__init__(samples)
        if not math.isfinite(alpha):
            raise ValueError(f"Renyi got alpha={alpha}; wanted a finite number.")
        self.alpha = alpha

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`."""
        log_weight = trace.log_weight()
        power = 1.0 - self.alpha
        if power == 0.0:
            return log_weight.mean(0)
        return trace.log_mean_exp(power * log_weight) / power
