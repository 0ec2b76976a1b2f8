"""Cells strictly between zero and one: beta."""

from __future__ import annotations

from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import Cellwise
from anyvae.distributions.quantiles import log_gamma_quantile

__all__ = ["Beta"]


@final
class Beta(Cellwise):
    r"""Independent features in (0, 1) with a mean and a concentration.

    .. math:: \log p(v) = \sum_i (a_i - 1) \log v_i + (b_i - 1) \log(1 - v_i) - \log B(a_i, b_i),
              \quad a = c \, \sigma(logits), \; b = c \, \sigma(-logits)

    The variance is mean (1 - mean) / (c + 1).

    Arguments:
        logits: log-odds of the mean, shape (*batch, *event).
        concentration: c, anything that broadcasts to `logits`; logits of 0 and c = 2 are the uniform density.
        event_dims: how many of the last axes are the event.

    >>> Beta(torch.zeros(1), torch.tensor(2.0)).log_prob(torch.tensor([0.3])).abs() < 1e-6
    tensor(True)
    """

    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, logits: Tensor, concentration: Tensor, event_dims: int = 1) -> None:
        cut = logits.dim() - event_dims
        super().__init__(logits.shape[:cut], logits.shape[cut:])
        self.logits = logits
        self.concentration = concentration

    @property
    def noise_shape(self) -> torch.Size:
        """Two numbers a feature, one a gamma number."""
        return torch.Size((*self._event_shape, 2))

    @property
    def mean(self) -> Tensor:
        """sigmoid(logits)."""
        return self.logits.sigmoid()

    @property
    def variance(self) -> Tensor:
        """mean (1 - mean) / (concentration + 1)."""
        return self.mean * (-self.logits).sigmoid() / (self.concentration + 1.0)

    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each feature, nats; -inf outside (0, 1)."""
        inside = (value > 0) & (value < 1)
        safe = torch.where(inside, value, torch.full_like(value, 0.5)).double()
        a, b = self._shapes()
        # In double precision: three large numbers nearly cancel when the concentration is large.
        constant = torch.lgamma(a + b) - torch.lgamma(a) - torch.lgamma(b)
        density = (a - 1.0) * safe.log() + (b - 1.0) * (-safe).log1p() + constant
        return torch.where(inside, density, -torch.inf).to(self.logits.dtype)

    def from_noise(self, noise: Tensor) -> Tensor:
        """g / (g + h) of two gamma numbers at quantiles Phi(noise), kept inside (0, 1)."""
        a, b = self._shapes()
        odds = log_gamma_quantile(a, noise[..., 0]) - log_gamma_quantile(b, noise[..., 1])
        kind = torch.finfo(self.logits.dtype)
        return odds.to(self.logits.dtype).sigmoid().clamp(kind.tiny, 1.0 - kind.eps)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Beta:
        """The same distribution with other batch axes."""
        logits = self.logits.expand(torch.Size(batch_shape) + self._event_shape)
        return Beta(logits, self.concentration, self.event_dims)

    def _shapes(self) -> tuple[Tensor, Tensor]:
        log = self.concentration.double().log()
        logits = self.logits.double()
        # exp(-300) where the mean is that near to an end: its lgamma is finite still.
        a = (log + F.logsigmoid(logits)).clamp_min(-300.0).exp()
        b = (log + F.logsigmoid(-logits)).clamp_min(-300.0).exp()
        return a, b

    def _like(self) -> Tensor:
        return self.logits
