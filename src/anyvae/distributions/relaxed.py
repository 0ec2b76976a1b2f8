"""Relaxed bits and classes: concrete distributions, in the logarithms where their densities are exact."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import constraints
from torch.nn.functional import softplus

from anyvae.distributions.cells import Cellwise, FromNoise
from anyvae.distributions.discrete import gumbel

__all__ = ["RelaxedBernoulli", "RelaxedCategorical", "centred_logs"]


@final
class RelaxedBernoulli(Cellwise):
    r"""Independent relaxed bits, as log-odds: sigmoid(v) lies near 0 or 1.

    .. math:: v_i = (logits_i + g_i) / temperature, \quad g_i \sim \text{Logistic}(0, 1)

    The variable is v and not sigmoid(v): the sigmoid rounds to one where v passes 17 in single precision, and a
    density of what was rounded is wrong. A network that wants bits takes the sigmoid first.
    Source: The Concrete Distribution (Maddison et al., 2017).

    Arguments:
        logits: log-odds of one over zero, shape (*batch, *event).
        temperature: positive; towards 0 sigmoid(v) becomes a Bernoulli bit.
        event_dims: how many of the last axes are the event.

    >>> RelaxedBernoulli(torch.zeros(1), torch.tensor(0.5)).log_prob(torch.zeros(1)).exp()
    tensor(0.1250)
    """

    support = constraints.real
    has_rsample = True

    def __init__(self, logits: Tensor, temperature: Tensor, event_dims: int = 1) -> None:
        cut = logits.dim() - event_dims
        super().__init__(logits.shape[:cut], logits.shape[cut:])
        self.logits = logits
        self.temperature = temperature

    @property
    def mean(self) -> Tensor:
        """logits / temperature."""
        return self.logits / self.temperature

    @property
    def variance(self) -> Tensor:
        """pi^2 / (3 temperature^2), of the shape of `logits`."""
        return (math.pi**2 / (3.0 * self.temperature.square())).expand_as(self.logits)

    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each feature, nats."""
        place = self.temperature * value - self.logits
        # Symmetric, so that the tail on either side is a straight line and not a difference of two.
        return self.temperature.log() - place.abs() - 2.0 * softplus(-place.abs())

    def from_noise(self, noise: Tensor) -> Tensor:
        """(logits + logit(Phi(noise))) / temperature."""
        logistic = torch.special.log_ndtr(noise) - torch.special.log_ndtr(-noise)
        return (self.logits + logistic) / self.temperature

    def expand(self, batch_shape: Any, _instance: Any = None) -> RelaxedBernoulli:
        """The same distribution with other batch axes."""
        logits = self.logits.expand(torch.Size(batch_shape) + self._event_shape)
        return RelaxedBernoulli(logits, self.temperature, self.event_dims)

    def _like(self) -> Tensor:
        return self.logits


@final
class _CentredLogs(constraints.Constraint):
    """Vectors of log-shares moved to the mean zero."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Whether each vector has the mean zero, up to rounding."""
        return value.mean(-1).abs() <= 1e-4 * (1.0 + value.abs().amax(-1))


centred_logs = _CentredLogs()
"""The support of `RelaxedCategorical`: its softmax is a point of the simplex."""


@final
class RelaxedCategorical(FromNoise):
    r"""A relaxed class, as centred logarithms: softmax(v) lies near a corner of the simplex.

    .. math:: v = (x - \bar x) / temperature, \quad x = logits + g, \quad g_k \sim \text{Gumbel}(0, 1)

    The variable is v and not softmax(v): a share below the smallest number of the type has lost its logarithm, and
    with it the density. The density is per unit of the log-ratios to the last class,

    .. math:: \log p(v) = \log \Gamma(K) + (K - 1) \log temperature + \sum_k e_k - K \log \sum_k \exp e_k,
        \quad e = logits - temperature \, v

    A network that wants shares takes the softmax first. Source: The Concrete Distribution (Maddison et al., 2017).

    Arguments:
        logits: unnormalised log-probabilities, shape (*batch, K).
        temperature: positive, shape (); towards 0 softmax(v) becomes a one-hot draw of the class.

    >>> p = RelaxedCategorical(torch.tensor([0.0, 1.0]), torch.tensor(0.5))
    >>> p.from_noise(torch.zeros(2)).round()
    tensor([-1.,  1.])
    """

    support = centred_logs
    has_rsample = True

    def __init__(self, logits: Tensor, temperature: Tensor) -> None:
        super().__init__(logits.shape[:-1], logits.shape[-1:])
        self.logits = logits - logits.mean(-1, keepdim=True)
        self.temperature = temperature

    @property
    def mean(self) -> Tensor:
        """Centred logits / temperature."""
        return self.logits / self.temperature

    @property
    def variance(self) -> Tensor:
        """pi^2 / (6 temperature^2) * (1 - 1 / K), of the shape of `logits`."""
        shrunk = 1.0 - 1.0 / self._event_shape[0]
        return (shrunk * math.pi**2 / (6.0 * self.temperature.square())).expand_as(self.logits)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of each row, nats, per unit of the log-ratios."""
        classes = self._event_shape[0]
        energy = self.logits - self.temperature * value
        constant = math.lgamma(classes) + (classes - 1) * self.temperature.log()
        density = constant + energy.sum(-1) - classes * energy.logsumexp(-1)
        return torch.where(centred_logs.check(value), density, -torch.inf)

    def from_noise(self, noise: Tensor) -> Tensor:
        """Logits + Gumbel numbers made from the noise, centred, divided by the temperature."""
        placed = self.logits + gumbel(noise)
        return (placed - placed.mean(-1, keepdim=True)) / self.temperature

    def expand(self, batch_shape: Any, _instance: Any = None) -> RelaxedCategorical:
        """The same distribution with other batch axes."""
        logits = self.logits.expand(torch.Size(batch_shape) + self._event_shape)
        return RelaxedCategorical(logits, self.temperature)

    def _like(self) -> Tensor:
        return self.logits
