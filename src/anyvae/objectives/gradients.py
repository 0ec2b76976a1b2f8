"""Gradient estimators beside the pathwise one: the same bounds, other noise in their gradients."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from anyvae.model import Trace
from anyvae.objectives.objective import Objective, iwae

__all__ = ["DReG", "StickingTheLanding", "refuse_drawn_after", "refuse_enumerated"]


@final
class StickingTheLanding(Objective):
    r"""The ELBO whose gradient leaves out the score of q, which is zero in the mean.

    .. math:: E_q[\log p(x, z) - \log q_{stop}(z \mid x)]

    q's parameters act through the draw z alone, so the gradient of the encoder has no noise at all where q is
    the posterior. Its value is the sampled ELBO. It has no closed-form KL and does not combine with a
    log-mean-exp, where it would be biased: use `DReG` there.
    Source: Sticking the Landing (Roeder et al., 2017).

    Arguments:
        samples: S, draws per row.
    """

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: when a latent is inferred given another drawn one, or summed over.
        """
        refuse_enumerated(self, trace)
        _refuse_hierarchies(self, trace)
        return trace.expect(_log_weight_through_draws(trace))


@final
class DReG(Objective):
    r"""The importance-weighted bound with the doubly reparameterised gradient of the encoder.

    .. math::

        \nabla_\phi = \sum_s \tilde w_s^2 \, \frac{\partial \log w_s}{\partial z_s}
        \frac{\partial z_s}{\partial \phi}, \quad \tilde w = \operatorname{softmax}(\log w)

    Same mean as the gradient of `IWAE`, with a signal-to-noise ratio that grows with the samples where that of
    `IWAE` falls. Its value is the bound of `IWAE`.
    Source: Doubly Reparameterized Gradient Estimators (Tucker et al., 2019).

    Arguments:
        samples: S, draws per row.
    """

    def __init__(self, samples: int = 8) -> None:
        super().__init__(samples)

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: when a latent is inferred given another drawn one or summed over, or p draws a variable from a
                latent.
        """
        refuse_enumerated(self, trace)
        _refuse_hierarchies(self, trace)
        refuse_drawn_after(self, trace)
        if not torch.is_grad_enabled():
            return iwae(trace)
        weights: list[Tensor] = []

        def weighed(gradient: Tensor) -> Tensor:
            weight = weights[0] if trace.samples > 1 else weights[0][0]
            return gradient * weight.view(weight.shape + (1,) * (gradient.dim() - weight.dim()))

        # The draws are copied before they are hooked: other terms of the same trace keep their gradients.
        copies: dict[str, Tensor] = {}
        for name, from_q in trace.plan.draws:
            if from_q:
                copy = trace.values[name].clone()
                if copy.requires_grad:
                    copy.register_hook(weighed)
                copies[name] = copy
        log_weight = _log_weight_through_draws(trace.reread(copies))
        weights.append(log_weight.detach().softmax(0))
        surrogate = (weights[0] * log_weight).sum(0)
        bound = trace.log_mean_exp(log_weight.detach())
        return surrogate + (bound - surrogate.detach())


def _log_weight_through_draws(trace: Trace) -> Tensor:
    """log w of shape (S, B), differentiable through p and the draws, but not through the parameters of q."""
    total = trace.log_weight()
    for name, from_q in trace.plan.draws:
        if from_q:
            # The part of log q's gradient that comes through q's parameters, taken out again: any
            # distribution will do, and no second pass of the network is needed.
            fixed = trace.reread({name: trace.values[name].detach()}, follow=False).log_q(name)
            total = total + (fixed - fixed.detach())
    return total


def refuse_enumerated(objective: Objective, trace: Trace) -> None:
    """Refuse latents that are summed over, as another term of a sum may want: the bound is then one over the others."""
    if trace.enumerated:
        name = trace.enumerated[0].name
        raise ValueError(
            f"{type(objective).__name__} draws every latent, and {name!r} is enumerated, here or by a term beside it; "
            f"use ELBO(enumerate=[{name!r}]) or IWAE(enumerate=[{name!r}])."
        )


def refuse_drawn_after(objective: Objective, trace: Trace) -> None:
    """Refuse variables that p draws from what was inferred: at other values of it they would be other draws."""
    if found := trace.drawn_after():
        raise ValueError(
            f"{type(objective).__name__}: {found[0]!r} is drawn from p given what is inferred; its gradient would be "
            f"biased there. Infer {found[0]!r} too, or use ELBO() or IWAE()."
        )


def _refuse_hierarchies(objective: Objective, trace: Trace) -> None:
    for name, from_q in trace.plan.draws:
        found = trace.drawn_parents(name) if from_q else []
        if found:
            raise ValueError(
                f"{type(objective).__name__}: {name!r} is inferred given {found[0]!r}, which is drawn too; its "
                "gradient would be biased there. Use ELBO() or IWAE()."
            )
