"""Bernoulli and one-hot categorical distributions over logits."""

from __future__ import annotations

from abc import ABC
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import constraints, register_kl

from anyvae.distributions.cells import Cellwise, sum_event

__all__ = ["Bernoulli", "OneHot", "OneHotCategorical", "gumbel"]


@final
class Bernoulli(Cellwise):
    r"""Independent binary features with log-odds `logits`.

    .. math:: \log p(v) = \sum_i v_i \, logits_i - \log(1 + e^{logits_i})

    Arguments:
        logits: log-odds, shape (*batch, *event).
        event_dims: how many of the last axes are the event.

    >>> Bernoulli(torch.zeros(4, 3)).log_prob(torch.ones(4, 3)).exp()
    tensor([0.1250, 0.1250, 0.1250, 0.1250])
    """

    support = constraints.boolean

    def __init__(self, logits: Tensor, event_dims: int = 1) -> None:
        cut = logits.dim() - event_dims
        super().__init__(logits.shape[:cut], logits.shape[cut:])
        self.logits = logits

    @property
    def mean(self) -> Tensor:
        """Probability of one, shape (*batch, *event)."""
        return self.logits.sigmoid()

    @property
    def variance(self) -> Tensor:
        """mean * (1 - mean)."""
        return self.mean * (-self.logits).sigmoid()

    def cells(self, value: Tensor) -> Tensor:
        """Log-mass of each feature, nats."""
        # v l - softplus(l) in one kernel; never a probability, so no logarithm of zero at any log-odds.
        value, logits = torch.broadcast_tensors(value, self.logits)
        return -F.binary_cross_entropy_with_logits(logits, value, reduction="none")

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-mass of each row, nats; the sign is changed after the sum, where there is less of it."""
        value, logits = torch.broadcast_tensors(value, self.logits)
        loss = F.binary_cross_entropy_with_logits(logits, value, reduction="none")
        return -sum_event(loss, len(self._event_shape))

    def entropy(self) -> Tensor:
        """Entropy of each row, nats."""
        return sum_event(F.softplus(self.logits) - self.mean * self.logits, self.event_dims)

    def from_noise(self, noise: Tensor) -> Tensor:
        """One where Phi(noise) lies below the mean."""
        return (torch.special.ndtr(noise) < self.mean).to(self.logits.dtype)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Bernoulli:
        """The same distribution with other batch axes."""
        return Bernoulli(self.logits.expand(torch.Size(batch_shape) + self._event_shape), self.event_dims)

    def _like(self) -> Tensor:
        return self.logits


def gumbel(noise: Tensor) -> Tensor:
    """Standard Gumbel numbers made from standard normal ones.

    >>> gumbel(torch.tensor(0.0))  # the median, -log(log 2)
    tensor(0.3665)
    """
    tiny = torch.finfo(noise.dtype).tiny
    return -(-torch.special.log_ndtr(noise)).clamp_min(tiny).log()


class OneHot(Cellwise, ABC):
    """The base of distributions over one-hot blocks: each block has one entry that is one.

    A subclass sets `logits`, the log-probability of each entry, shape (*batch, width).
    """

    logits: Tensor

    @property
    def mean(self) -> Tensor:
        """Class probabilities, shape (*batch, width)."""
        return self.logits.exp()

    @property
    def variance(self) -> Tensor:
        """mean * (1 - mean)."""
        return self.mean * (1.0 - self.mean)

    def cells(self, value: Tensor) -> Tensor:
        """Log-mass, carried by the entries that are one, nats."""
        return value * self.logits

    def marginals(self, value: Tensor) -> Tensor:
        """Log-mass of each entry by itself, nats."""
        others = torch.log1p(-self.mean.clamp_max(1.0 - torch.finfo(self.logits.dtype).eps))
        return torch.where(value > 0, self.logits, others)

    def _like(self) -> Tensor:
        return self.logits


@final
class OneHotCategorical(OneHot):
    r"""One of K classes as a one-hot vector.

    .. math:: \log p(v) = \sum_k v_k \log \operatorname{softmax}(logits)_k

    Arguments:
        logits: unnormalised log-probabilities, shape (*batch, K).

    >>> OneHotCategorical(torch.zeros(4)).log_prob(torch.eye(4)).exp()
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    support = constraints.one_hot

    def __init__(self, logits: Tensor) -> None:
        super().__init__(logits.shape[:-1], logits.shape[-1:])
        self.logits = logits.log_softmax(-1)

    def entropy(self) -> Tensor:
        """Entropy of each row, nats."""
        return -(self.mean * self.logits).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All K one-hot values, shape (K, *batch, K) (or (K, 1..., K) without `expand`)."""
        size = self._event_shape[0]
        eye = torch.eye(size, dtype=self.logits.dtype, device=self.logits.device)
        values = eye.view((size,) + (1,) * len(self._batch_shape) + (size,))
        return values.expand((size, *self._batch_shape, size)) if expand else values

    def from_noise(self, noise: Tensor) -> Tensor:
        """The class with the largest logit + Gumbel number made from the noise."""
        best = (self.logits + gumbel(noise)).argmax(-1)
        return F.one_hot(best, self._event_shape[0]).to(self.logits.dtype)

    def expand(self, batch_shape: Any, _instance: Any = None) -> OneHotCategorical:
        """The same distribution with other batch axes."""
        return OneHotCategorical(self.logits.expand(torch.Size(batch_shape) + self._event_shape))


@register_kl(Bernoulli, Bernoulli)
def _kl_bernoulli(q: Bernoulli, p: Bernoulli) -> Tensor:
    inner = q.mean * (q.logits - p.logits) + F.softplus(p.logits) - F.softplus(q.logits)
    return sum_event(inner, q.event_dims)


@register_kl(OneHotCategorical, OneHotCategorical)
def _kl_categorical(q: OneHotCategorical, p: OneHotCategorical) -> Tensor:
    return (q.mean * (q.logits - p.logits)).sum(-1)
