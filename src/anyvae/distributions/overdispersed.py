"""Counts that vary more than Poisson's: negative binomial, with and without additional zeros."""

from __future__ import annotations

from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import Cellwise
from anyvae.distributions.counts import Poisson
from anyvae.distributions.quantiles import log_gamma_quantile

__all__ = ["NegativeBinomial", "ZeroInflatedNegativeBinomial"]

# The largest rate that a draw takes: beyond it float64 would skip whole numbers soon.
_LARGEST_LOG_RATE = 30.0


@final
class NegativeBinomial(Cellwise):
    r"""Independent counts with a mean and a dispersion: Poisson counts whose rate is gamma distributed.

    .. math:: \log p(v) = \sum_i \log \frac{\Gamma(v_i + r_i)}{\Gamma(r_i) \, v_i!}
              - r_i \log(1 + m_i / r_i) - v_i \log(1 + r_i / m_i),
              \quad m = e^{log\_mean}, \; r = 1 / dispersion

    The variance is m + dispersion m^2; a dispersion of 0 would be Poisson's.

    Arguments:
        log_mean: shape (*batch, *event).
        dispersion: anything that broadcasts to `log_mean`.
        event_dims: how many of the last axes are the event.

    >>> NegativeBinomial(torch.zeros(1), torch.ones(1)).log_prob(torch.tensor([1.0])).exp()
    tensor(0.2500)
    """

    support = constraints.nonnegative_integer

    def __init__(self, log_mean: Tensor, dispersion: Tensor, event_dims: int = 1) -> None:
        cut = log_mean.dim() - event_dims
        super().__init__(log_mean.shape[:cut], log_mean.shape[cut:])
        self.log_mean = log_mean
        self.dispersion = dispersion

    @property
    def noise_shape(self) -> torch.Size:
        """Two numbers a feature: of the rate and of the count."""
        return torch.Size((*self._event_shape, 2))

    @property
    def mean(self) -> Tensor:
        """exp(log_mean)."""
        return self.log_mean.exp()

    @property
    def variance(self) -> Tensor:
        """mean + dispersion * mean^2."""
        return self.mean * (1.0 + self.dispersion * self.mean)

    def cells(self, value: Tensor) -> Tensor:
        """Log-mass of each feature, nats; -inf where the value is no count."""
        inside = (value >= 0) & (value == value.round()) & (value < torch.inf)
        # In double precision: the logarithms of the gamma functions nearly cancel.
        count = torch.where(inside, value, torch.zeros_like(value)).double()
        log_size = -self.dispersion.double().log()
        size = log_size.exp()
        odds = self.log_mean.double() - log_size
        ways = torch.lgamma(count + size) - torch.lgamma(size) - torch.lgamma(count + 1.0)
        mass = ways + size * F.logsigmoid(-odds) + count * F.logsigmoid(odds)
        return torch.where(inside, mass, -torch.inf).to(self.log_mean.dtype)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The Poisson count at quantile Phi(noise[1]), its rate the gamma number at quantile Phi(noise[0])."""
        size = self.dispersion.reciprocal()
        log_rate = log_gamma_quantile(size, noise[..., 0]) - size.log() + self.log_mean
        rate = Poisson(log_rate.clamp_max(_LARGEST_LOG_RATE), self.event_dims)
        return rate.from_noise(noise[..., 1])

    def expand(self, batch_shape: Any, _instance: Any = None) -> NegativeBinomial:
        """The same distribution with other batch axes."""
        log_mean = self.log_mean.expand(torch.Size(batch_shape) + self._event_shape)
        return NegativeBinomial(log_mean, self.dispersion, self.event_dims)

    def _like(self) -> Tensor:
        return self.log_mean


@final
class ZeroInflatedNegativeBinomial(Cellwise):
    r"""Independent counts that are zero with some probability, and negative binomial else.

    .. math:: P(v_i) = \sigma(gate_i) \, [v_i = 0] + \sigma(-gate_i) \, NB(v_i; log\_mean_i, dispersion_i)

    `log_mean` and `dispersion` are those of the negative binomial part.
    Source: Deep generative modeling for single-cell transcriptomics (Lopez et al., 2018).

    Arguments:
        log_mean: shape (*batch, *event).
        dispersion: anything that broadcasts to `log_mean`.
        gate: log-odds of an additional zero, shape of `log_mean`.
        event_dims: how many of the last axes are the event.

    >>> one, none = torch.ones(1), torch.zeros(1)
    >>> ZeroInflatedNegativeBinomial(none, one, none).log_prob(none).exp()
    tensor(0.7500)
    """

    support = constraints.nonnegative_integer

    def __init__(self, log_mean: Tensor, dispersion: Tensor, gate: Tensor, event_dims: int = 1) -> None:
        cut = log_mean.dim() - event_dims
        super().__init__(log_mean.shape[:cut], log_mean.shape[cut:])
        self.counts = NegativeBinomial(log_mean, dispersion, event_dims)
        self.gate = gate

    @property
    def noise_shape(self) -> torch.Size:
        """Three numbers a feature: of the rate, of the count and of the gate."""
        return torch.Size((*self._event_shape, 3))

    @property
    def mean(self) -> Tensor:
        """sigmoid(-gate) exp(log_mean)."""
        return (-self.gate).sigmoid() * self.counts.mean

    @property
    def variance(self) -> Tensor:
        """E[v^2] - E[v]^2."""
        return (-self.gate).sigmoid() * (
            self.counts.variance + self.gate.sigmoid() * self.counts.mean.square()
        )

    def cells(self, value: Tensor) -> Tensor:
        """Log-mass of each feature, nats; -inf where the value is no count."""
        counted = F.logsigmoid(-self.gate) + self.counts.cells(value)
        return torch.where(value == 0, torch.logaddexp(F.logsigmoid(self.gate), counted), counted)

    def from_noise(self, noise: Tensor) -> Tensor:
        """0 where Phi(noise[2]) lies below sigmoid(gate), the negative binomial draw elsewhere."""
        open_gate = torch.special.ndtr(noise[..., 2]) < self.gate.sigmoid()
        counts = self.counts.from_noise(noise[..., :2])
        return torch.where(open_gate, torch.zeros_like(counts), counts)

    def expand(self, batch_shape: Any, _instance: Any = None) -> ZeroInflatedNegativeBinomial:
        """The same distribution with other batch axes."""
        shape = torch.Size(batch_shape) + self._event_shape
        return ZeroInflatedNegativeBinomial(
            self.counts.log_mean.expand(shape),
            self.counts.dispersion,
            self.gate.expand(shape),
            self.event_dims,
        )

    def _like(self) -> Tensor:
        return self.counts.log_mean
