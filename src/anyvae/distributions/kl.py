"""The Kullback-Leibler divergence, exact or sampled, never one in place of the other."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.distributions import Distribution, kl_divergence
from torch.distributions.kl import _dispatch_kl

__all__ = ["analytic_kl", "has_analytic_kl", "sampled_kl"]


@cache
def _registered(pair: tuple[type[Distribution], type[Distribution]]) -> bool:
    return _dispatch_kl(*pair) is not NotImplemented


def has_analytic_kl(q: Distribution, p: Distribution) -> bool:
    """Whether a closed form of KL(q || p) is registered with torch.

    >>> from anyvae.distributions import Normal, StandardNormal
    >>> has_analytic_kl(Normal(torch.zeros(2), torch.ones(2)), StandardNormal((2,)))
    True
    """
    return _registered((type(q), type(p)))


def analytic_kl(q: Distribution, p: Distribution) -> Tensor:
    r"""KL(q || p) in closed form, per row, in nats.

    Raises:
        NotImplementedError: where no formula is registered; it never samples instead.
    """
    if not has_analytic_kl(q, p):
        raise NotImplementedError(
            f"no closed form of KL({type(q).__name__} || {type(p).__name__}) is registered; "
            "use sampled_kl(q, p, samples=...), or register one with torch.distributions.register_kl."
        )
    return kl_divergence(q, p)


def sampled_kl(q: Distribution, p: Distribution, samples: int = 16) -> Tensor:
    r"""Monte Carlo estimate of KL(q || p), per row, in nats.

    .. math:: \tfrac1S \sum_s \log q(z_s) - \log p(z_s), \quad z_s \sim q

    Arguments:
        q, p: distributions over the same event.
        samples: S.
    """
    z = q.rsample(torch.Size((samples,))) if q.has_rsample else q.sample(torch.Size((samples,)))
    return (q.log_prob(z) - p.log_prob(z)).mean(0)
