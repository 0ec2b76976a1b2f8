"""The KL with other weights for the gradient of the posterior and that of the prior."""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor
from torch.distributions import Distribution

from anyvae.distributions import analytic_kl
from anyvae.model import Trace

__all__ = ["balanced_kl", "stopped"]


def balanced_kl(trace: Trace, name: str, prior_share: float) -> Tensor:
    r"""KL(q || p) of one latent whose gradient is shared out between p and q, nats, shape (B,).

    .. math:: share \, KL(stop(q) \,\|\, p) + (1 - share) \, KL(q \,\|\, stop(p))

    Arguments:
        trace: a finished pass.
        name: of the latent.
        prior_share: share of p.

    Raises:
        ValueError: when latents are enumerated, whose probabilities belong to neither side.
    """
    if trace.enumerated:
        raise ValueError(
            f"a KL with prior_share has no meaning beside enumerated latents, here {trace.enumerated[0].name!r}; "
            "draw them, or leave prior_share out."
        )
    exact = trace.kl(name)
    if exact is not None:
        p, q = trace.p(name), trace.q(name)
        of_p = trace.broadcast(analytic_kl(stopped(q), p))
        of_q = trace.broadcast(analytic_kl(q, stopped(p)))
        return trace.expect(prior_share * of_p + (1.0 - prior_share) * of_q)
    value = trace.kl_of(name)
    # At a fixed draw log p moves with p alone; what is left of its gradient comes through the draw, so from q.
    at_fixed_draw = trace.reread({name: trace.values[name].detach()}, follow=False).log_p(name)
    of_p = -trace.where_drawn(name, at_fixed_draw)
    of_q = trace.log_q(name) - trace.where_drawn(name, trace.log_p(name) - at_fixed_draw)
    moving = trace.expect(prior_share * of_p + (1.0 - prior_share) * of_q)
    return value.detach() + (moving - moving.detach())


def stopped(thing: Any) -> Any:
    """A distribution whose parameters pass no gradient: every tensor inside is detached.

    >>> import torch
    >>> from anyvae.distributions import Normal
    >>> loc = torch.zeros(2, requires_grad=True)
    >>> stopped(Normal(loc, torch.ones(2))).log_prob(torch.ones(2)).requires_grad
    False
    """
    if isinstance(thing, Tensor):
        return thing.detach()
    if isinstance(thing, Distribution):
        other = copy.copy(thing)
        other.__dict__.update({name: stopped(value) for name, value in vars(thing).items()})
        return other
    if type(thing) in (list, tuple):
        return type(thing)(stopped(item) for item in thing)
    if type(thing) is dict:
        return {name: stopped(value) for name, value in thing.items()}
    return thing
