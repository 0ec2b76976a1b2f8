"""Gradients through draws that have none of their own: the score function and its baselines."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from anyvae.model import Trace
from anyvae.objectives.gradients import refuse_enumerated
from anyvae.objectives.objective import Objective, iwae

__all__ = ["VIMCO", "ScoreFunction"]


@final
class ScoreFunction(Objective):
    r"""The ELBO, whose gradient goes through discrete draws by the score function; the other samples are its baseline.

    .. math::

        \nabla = E[(L_s - \tfrac{1}{S - 1} \sum_{t \ne s} L_t) \, \nabla \log q(y_s \mid x) + \nabla L_s], \quad
        L_s = \log p(x, y_s) - \log q(y_s \mid x)

    Draws with a gradient of their own keep it. Unbiased; its noise falls with the samples, and with one sample
    there is no baseline. Where the classes are few, `ELBO(enumerate=[...])` has no noise at all.
    Source: Neural Variational Inference and Learning (Mnih and Gregor, 2014), with the leave-one-out baseline of
    Buy 4 REINFORCE Samples, Get a Baseline for Free (Kool et al., 2019).

    Arguments:
        samples: S, draws per row.
    """

    pathwise = False

    def __init__(self, samples: int = 4) -> None:
        super().__init__(samples)

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: when a latent is summed over.
        """
        refuse_enumerated(self, trace)
        log_weight = trace.log_weight()
        if not torch.is_grad_enabled():
            return log_weight.mean(0)
        value = log_weight.detach()
        if trace.samples > 1:
            value = value - (value.sum(0) - value) / (trace.samples - 1)
        return (log_weight + _score(value, trace)).mean(0)


@final
class VIMCO(Objective):
    r"""The importance-weighted bound, whose gradient goes through discrete draws by the score function.

    .. math::

        \nabla = E[\sum_s (L - L_{-s}) \, \nabla \log q(y_s \mid x) + \nabla L], \quad
        L = \log \tfrac1S \sum_s w_s, \quad
        L_{-s}: \log w_s \text{ replaced by the mean of the others' } \log w

    Draws with a gradient of their own keep it. Unbiased; its value is the bound of `IWAE`.
    Source: Variational Inference for Monte Carlo Objectives (Mnih and Rezende, 2016).

    Arguments:
        samples: S, draws per row, at least 2.

    Raises:
        ValueError: for one sample, which has no others to be compared with.
    """

    pathwise = False

    def __init__(self, samples: int = 8) -> None:
        super().__init__(samples)
        if samples < 2:
            raise ValueError(
                f"VIMCO got samples={samples}; wanted at least 2. With one use ScoreFunction(1)."
            )

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`."""
        if not torch.is_grad_enabled():
            return iwae(trace)
        log_weight = trace.log_weight()
        samples = trace.samples
        value = log_weight.detach()
        others = (value.sum(0) - value) / (samples - 1)
        # Row s, column t: log w_t, but for t = s the mean of the others.
        replaced = torch.where(
            torch.eye(samples, dtype=torch.bool, device=value.device).unsqueeze(-1),
            others.unsqueeze(0),
            value.unsqueeze(0),
        )
        without = replaced.logsumexp(1) - math.log(samples)
        bound = trace.log_mean_exp(log_weight)
        return bound + _score(bound.detach() - without, trace).sum(0)


def _score(learning_signal: Tensor, trace: Trace) -> Tensor:
    """signal * log q of the draws without gradient, with the value zero and the gradient of the score, (S, B)."""
    total: Tensor | None = None
    for item in trace.plan.draws:
        distribution = trace.q(item.name) if item.from_q else trace.p(item.name)
        if distribution.has_rsample or item in trace.enumerated:
            continue
        log_mass = trace.log_q(item.name) if item.from_q else trace.log_drawn(item.name)
        total = log_mass if total is None else total + log_mass
    if total is None:
        return torch.zeros_like(learning_signal)
    return (learning_signal * (total - total.detach())).expand(learning_signal.shape)
