"""Counts out of a known number of trials: binomial and multinomial."""

from __future__ import annotations

from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import Cellwise, FromNoise

__all__ = ["Binomial", "Multinomial"]


@final
class Binomial(Cellwise):
    r"""Independent counts of successes out of `total` trials.

    .. math:: \log p(v) = \sum_i \log \binom{total}{v_i} + v_i \, logits_i - total \log(1 + e^{logits_i})

    A draw adds up the masses of all total + 1 counts, so its cost grows with the total.

    Arguments:
        total: number of trials.
        logits: log-odds of a success, shape (*batch, *event).
        event_dims: how many of the last axes are the event.

    >>> Binomial(2, torch.zeros(1)).log_prob(torch.tensor([1.0])).exp()
    tensor(0.5000)
    """

    def __init__(self, total: int, logits: Tensor, event_dims: int = 1) -> None:
        cut = logits.dim() - event_dims
        super().__init__(logits.shape[:cut], logits.shape[cut:])
        self.total = total
        self.logits = logits

    @property
    def support(self) -> Any:
        """0, ..., total."""
        return constraints.integer_interval(0, self.total)

    @property
    def mean(self) -> Tensor:
        """total * sigmoid(logits)."""
        return self.total * self.logits.sigmoid()

    @property
    def variance(self) -> Tensor:
        """mean * sigmoid(-logits)."""
        return self.mean * (-self.logits).sigmoid()

    def cells(self, value: Tensor) -> Tensor:
        """Log-mass of each feature, nats; -inf where the value is no count up to the total."""
        inside = (value >= 0) & (value <= self.total) & (value == value.round())
        count = torch.where(inside, value, torch.zeros_like(value))
        # Not v l - total softplus(l): these two nearly cancel where all trials have one outcome.
        many, logits = count.double(), self.logits.double()
        chance = many * F.logsigmoid(logits) + (self.total - many) * F.logsigmoid(-logits)
        mass = (_log_choices(self.total, many) + chance).to(self.logits.dtype)
        return torch.where(inside, mass, -torch.inf)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The number of counts whose cumulated mass lies below Phi(noise)."""
        logits = self.logits.double().unsqueeze(-1)
        count = torch.arange(self.total, dtype=torch.float64, device=logits.device)
        chance = count * F.logsigmoid(logits) + (self.total - count) * F.logsigmoid(-logits)
        below = (_log_choices(self.total, count) + chance).exp().cumsum(-1)
        return (below < torch.special.ndtr(noise.double()).unsqueeze(-1)).sum(-1).to(self.logits.dtype)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Binomial:
        """The same distribution with other batch axes."""
        logits = self.logits.expand(torch.Size(batch_shape) + self._event_shape)
        return Binomial(self.total, logits, self.event_dims)

    def _like(self) -> Tensor:
        return self.logits


@final
class Multinomial(FromNoise):
    r"""Counts of K categories, given how many there are in all: the words of a document.

    .. math:: \log p(v \mid n) = \log n! - \sum_k \log v_k! + \sum_k v_k \log \operatorname{softmax}(logits)_k,
              \quad n = \sum_k v_k

    The total of a row is read off its value when it is scored; it is not modelled. A draw and a mean need one.

    Arguments:
        logits: unnormalised log-probabilities, shape (*batch, K).
        total: n of the draws and the mean; only `log_prob` works without it.

    >>> Multinomial(torch.zeros(2)).log_prob(torch.tensor([1.0, 1.0])).exp()
    tensor(0.5000)
    """

    support = constraints.nonnegative_integer

    def __init__(self, logits: Tensor, total: int | None = None) -> None:
        super().__init__(logits.shape[:-1], logits.shape[-1:])
        self.logits = logits.log_softmax(-1)
        self._total = total

    @property
    def total(self) -> int:
        """Number of balls in a draw.

        Raises:
            ValueError: when it was not given.
        """
        if self._total is None:
            raise ValueError(
                "Multinomial knows no total, and a draw or a mean needs one; pass Multinomial(..., total=n)."
            )
        return self._total

    @property
    def noise_shape(self) -> torch.Size:
        """One number a ball."""
        return torch.Size((self.total,))

    @property
    def mean(self) -> Tensor:
        """total * softmax(logits)."""
        return self.total * self.logits.exp()

    @property
    def variance(self) -> Tensor:
        """Of each count: total * p * (1 - p)."""
        return self.mean * -self.logits.expm1()

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-mass of each row given its total, nats; -inf where the values are no counts."""
        inside = (value >= 0) & (value == value.round()) & (value < torch.inf)
        # In double precision: two sums of hundreds of thousands of nats nearly cancel in a long document.
        count = torch.where(inside, value, torch.zeros_like(value)).double()
        ways = torch.lgamma(count.sum(-1) + 1.0) - torch.lgamma(count + 1.0).sum(-1)
        mass = ways + (count * self.logits).sum(-1)
        return torch.where(inside.all(-1), mass, -torch.inf).to(self.logits.dtype)

    def from_noise(self, noise: Tensor) -> Tensor:
        """One ball a number, in the category at quantile Phi(number), counted."""
        before = self.logits.double().exp().cumsum(-1)[..., :-1].contiguous()
        place = torch.special.ndtr(noise.double()).contiguous()
        lead = torch.broadcast_shapes(before.shape[:-1], place.shape[:-1])
        before = before.expand(*lead, before.shape[-1]).contiguous()
        chosen = torch.searchsorted(before, place.expand(*lead, place.shape[-1]).contiguous())
        counts = torch.zeros((*lead, *self._event_shape), dtype=self.logits.dtype, device=noise.device)
        return counts.scatter_add(-1, chosen, torch.ones_like(chosen, dtype=counts.dtype))

    def expand(self, batch_shape: Any, _instance: Any = None) -> Multinomial:
        """The same distribution with other batch axes."""
        logits = self.logits.expand(torch.Size(batch_shape) + self._event_shape)
        return Multinomial(logits, self._total)

    def _like(self) -> Tensor:
        return self.logits


def _log_choices(total: int, count: Tensor) -> Tensor:
    """log of total! / (count! (total - count)!), in double precision inside."""
    exact = count.double()
    whole = torch.lgamma(torch.tensor(total + 1.0, dtype=torch.float64, device=count.device))
    return (whole - torch.lgamma(exact + 1.0) - torch.lgamma(total - exact + 1.0)).to(count.dtype)
