"""Positive cells with a relative spread: gamma."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import Cellwise
from anyvae.distributions.quantiles import log_gamma_quantile

__all__ = ["Gamma"]


@final
class Gamma(Cellwise):
    r"""Independent positive features with a mean and a concentration.

    .. math:: \log p(v) = \sum_i c_i (r_i - e^{r_i}) + c_i \log c_i - \log \Gamma(c_i) - \log v_i,
              \quad r_i = \log v_i - log\_mean_i

    The standard deviation is mean / sqrt(c): a spread that grows with the mean.

    Arguments:
        log_mean: shape (*batch, *event).
        concentration: c, anything that broadcasts to `log_mean`; 1 is the exponential distribution.
        event_dims: how many of the last axes are the event.

    >>> Gamma(torch.zeros(1), torch.ones(1)).log_prob(torch.tensor([2.0]))
    tensor(-2.)
    """

    support = constraints.positive
    has_rsample = True

    def __init__(self, log_mean: Tensor, concentration: Tensor, event_dims: int = 1) -> None:
        cut = log_mean.dim() - event_dims
        super().__init__(log_mean.shape[:cut], log_mean.shape[cut:])
        self.log_mean = log_mean
        self.concentration = concentration

    @property
    def mean(self) -> Tensor:
        """exp(log_mean)."""
        return self.log_mean.exp()

    @property
    def variance(self) -> Tensor:
        """mean^2 / concentration."""
        return self.mean.square() / self.concentration

    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each feature, nats; -inf where the value is not positive and finite."""
        inside = (value > 0) & (value < torch.inf)
        log = torch.where(inside, value, torch.ones_like(value)).log()
        ratio = log - self.log_mean
        # c log c - log Gamma(c) loses its digits in single precision when c is large.
        c = self.concentration.double()
        constant = c * c.log() - c - torch.lgamma(c)
        density = self.concentration * (ratio - ratio.expm1()) + constant.to(ratio.dtype) - log
        return torch.where(inside, density, -torch.inf)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The gamma quantile of Phi(noise), never below the smallest positive number of the type."""
        log = log_gamma_quantile(self.concentration, noise) - self.concentration.log() + self.log_mean
        return log.exp().clamp_min(torch.finfo(log.dtype).tiny)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Gamma:
        """The same distribution with other batch axes."""
        log_mean = self.log_mean.expand(torch.Size(batch_shape) + self._event_shape)
        return Gamma(log_mean, self.concentration, self.event_dims)

    def _like(self) -> Tensor:
        return self.log_mean
