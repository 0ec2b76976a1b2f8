"""Bounds that combine the log-weights of several draws in other ways than one mean."""

from __future__ import annotations

import math
from typing import final

from torch import Tensor

from anyvae.model import Trace
from anyvae.objectives.gradients import refuse_drawn_after, refuse_enumerated
from anyvae.objectives.objective import Objective

__all__ = ["CIWAE", "MIWAE", "PIWAE", "Renyi"]


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
        super().__init__(_draws(self, repeats, inner))
        self.repeats = repeats
        self.inner = inner

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: when the trace holds another number of draws, as beside a term that wants more.
        """
        return _mean_of_bounds(self, trace, trace.log_weight())


@final
class PIWAE(Objective):
    r"""The importance-weighted bound for the decoder, the mean of several smaller ones for the encoder.

    .. math::

        \theta: \log \tfrac{1}{M K} \sum_{m, k} w_{mk}, \quad \phi: \tfrac1M \sum_m \log \tfrac1K \sum_k w_{mk}

    Each gets the gradient that serves it: the decoder's bound is as tight as all draws make it, while the encoder's
    gradient keeps the signal that a tight bound drowns. Its value is the tight bound. It makes a second pass over
    the decoder.
    Source: Tighter Variational Bounds are Not Necessarily Better (Rainforth et al., 2018), there PIWAE(M, K).

    Arguments:
        repeats: M, bounds that are averaged for the encoder.
        inner: K, draws in each; M K draws are made per row.

    Raises:
        ValueError: when a number is below one.
    """

    def __init__(self, repeats: int = 8, inner: int = 8) -> None:
        super().__init__(_draws(self, repeats, inner))
        self.repeats = repeats
        self.inner = inner

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: when the trace holds another number of draws, enumerated latents, or variables that p draws
                from latents.
        """
        refuse_drawn_after(self, trace)
        refuse_enumerated(self, trace)
        log_weight = trace.log_weight()
        drawn = {name: trace.values[name].detach() for name, from_q in trace.plan.draws if from_q}
        # At fixed draws log p moves with the decoder alone; what is left of log w moves with the encoder.
        fixed = trace.reread(drawn)
        log_p = sum((fixed.log_p(name) for name in trace.plan.scored), trace.model.zeros(()))
        of_decoder = log_p - log_p.detach()
        bound = trace.log_mean_exp(log_weight.detach() + of_decoder)
        of_encoder = _mean_of_bounds(self, trace, log_weight - of_decoder)
        return bound + (of_encoder - of_encoder.detach())


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
        # In double precision: near alpha = 1 it is a quotient of two small numbers.
        return (trace.log_mean_exp(power * log_weight.double()) / power).to(log_weight.dtype)


def _draws(objective: Objective, repeats: int, inner: int) -> int:
    if repeats < 1 or inner < 1:
        raise ValueError(
            f"{type(objective).__name__} got repeats={repeats}, inner={inner}; wanted at least 1 of each."
        )
    return repeats * inner


def _mean_of_bounds(objective: MIWAE | PIWAE, trace: Trace, log_weight: Tensor) -> Tensor:
    repeats, inner = objective.repeats, objective.inner
    if trace.samples != repeats * inner:
        raise ValueError(
            f"{type(objective).__name__}(repeats={repeats}, inner={inner}) wants a trace of {repeats * inner} samples "
            f"and got {trace.samples}; give the other terms of the sum no more samples than that."
        )
    return (log_weight.unflatten(0, (repeats, inner)).logsumexp(1) - math.log(inner)).mean(0)
