"""Distributions over shares that sum to one: Dirichlet and logistic-normal."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import constraints, kl_divergence, register_kl
from torch.nn.functional import pad

from anyvae.distributions.cells import FromNoise
from anyvae.distributions.normal import Normal
from anyvae.distributions.quantiles import gamma_quantile

__all__ = ["Dirichlet", "LogisticNormal"]

# Rounding of a sum of shares, in single precision and for many classes.
_SLACK = 1e-3
_FURTHEST_NOISE = 8.5
_MOST_POINTS = 2001


def _on_simplex(value: Tensor, log_density: Tensor) -> Tensor:
    inside = (value >= 0).all(-1) & ((value.sum(-1) - 1.0).abs() < _SLACK)
    return torch.where(inside, log_density, -torch.inf)


@final
class Dirichlet(FromNoise):
    r"""Shares of n classes, gamma numbers divided by their sum.

    .. math:: \log p(v) = \sum_i (concentration_i - 1) \log v_i
        + \log \Gamma(\sum_i concentration_i) - \sum_i \log \Gamma(concentration_i)

    Densities on a simplex are per unit of the first n - 1 shares. Draws are kept at or above the smallest positive
    number of their type, so that their logarithms are finite.

    Arguments:
        concentration: positive, shape (*batch, n).

    >>> Dirichlet(torch.ones(3)).log_prob(torch.tensor([0.2, 0.3, 0.5])).exp()
    tensor(2.)
    """

    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration: Tensor) -> None:
        super().__init__(concentration.shape[:-1], concentration.shape[-1:])
        self.concentration = concentration

    @property
    def mean(self) -> Tensor:
        """concentration / its sum."""
        return self.concentration / self.concentration.sum(-1, keepdim=True)

    @property
    def variance(self) -> Tensor:
        """mean * (1 - mean) / (sum of the concentration + 1)."""
        return self.mean * (1.0 - self.mean) / (self.concentration.sum(-1, keepdim=True) + 1.0)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of each row, nats."""
        log_prob = torch.xlogy(self._exact - 1.0, value.double()).sum(-1) - self._log_normaliser()
        return _on_simplex(value, log_prob.to(self.concentration.dtype))

    def entropy(self) -> Tensor:
        """Entropy of each row, nats."""
        entropy = self._log_normaliser() - ((self._exact - 1.0) * self._expected_log()).sum(-1)
        return entropy.to(self.concentration.dtype)

    def from_noise(self, noise: Tensor) -> Tensor:
        """Gamma quantiles of the noise, divided by their sum."""
        # In double precision: gamma numbers of small concentrations lie below single precision's smallest.
        logs = gamma_quantile(self.concentration.double(), noise.double()).log()
        return logs.softmax(-1).to(noise.dtype).clamp_min(torch.finfo(noise.dtype).tiny)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Dirichlet:
        """The same distribution with other batch axes."""
        return Dirichlet(self.concentration.expand(torch.Size(batch_shape) + self._event_shape))

    @property
    def _exact(self) -> Tensor:
        """The concentration in double precision: sums of log-gammas nearly cancel."""
        return self.concentration.double()

    def _log_normaliser(self) -> Tensor:
        return torch.lgamma(self._exact).sum(-1) - torch.lgamma(self._exact.sum(-1))

    def _expected_log(self) -> Tensor:
        """E[log v_i]."""
        return torch.digamma(self._exact) - torch.digamma(self._exact.sum(-1, keepdim=True))

    def _like(self) -> Tensor:
        return self.concentration


@final
class LogisticNormal(FromNoise):
    r"""Shares of n classes whose log-ratios to the last class are independent normal numbers.

    .. math:: v = \operatorname{softmax}(y_1, ..., y_{n-1}, 0), \quad
        \log p(v) = \log N(y; loc, scale^2) - \sum_i \log v_i, \quad y_i = \log v_i - \log v_n

    Draws are kept at or above tiny^(3/4), where tiny is the smallest positive number of their type, so that their
    logarithms are finite and the gradients of those too.
    Source: Autoencoding Variational Inference for Topic Models (Srivastava and Sutton, 2017).

    Arguments:
        loc: means of the log-ratios, shape (*batch, n - 1).
        scale: their standard deviations, anything that broadcasts to `loc`.

    >>> LogisticNormal(torch.zeros(2), torch.ones(2)).from_noise(torch.zeros(2))
    tensor([0.3333, 0.3333, 0.3333])
    """

    support = constraints.simplex
    has_rsample = True

    def __init__(self, loc: Tensor, scale: Tensor) -> None:
        super().__init__(loc.shape[:-1], torch.Size((loc.shape[-1] + 1,)))
        self.base = Normal(loc, scale)

    @property
    def noise_shape(self) -> torch.Size:
        """One number a log-ratio."""
        return self.base.event_shape

    @property
    def mean(self) -> Tensor:
        """E[v], by quadrature: exact to rounding, at a cost of about ten thousand exponentials a share."""
        return self._moments()[0]

    @property
    def variance(self) -> Tensor:
        """Var[v], by the same quadrature."""
        mean, square = self._moments()
        return square - mean.square()

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of each row, nats."""
        logs = value.clamp_min(torch.finfo(value.dtype).tiny).log()
        density = self.base.log_prob(logs[..., :-1] - logs[..., -1:]) - logs.sum(-1)
        return _on_simplex(value, density)

    def from_noise(self, noise: Tensor) -> Tensor:
        """softmax of loc + scale * noise and a zero."""
        shares = pad(self.base.from_noise(noise), (0, 1)).softmax(-1)
        # The gradient of a log-share is its inverse times that of the density, which is large where the scale is small.
        return shares.clamp_min(torch.finfo(noise.dtype).tiny ** 0.75)

    def expand(self, batch_shape: Any, _instance: Any = None) -> LogisticNormal:
        """The same distribution with other batch axes."""
        base = self.base.expand(batch_shape)
        return LogisticNormal(base.loc, base.scale)

    def _moments(self) -> tuple[Tensor, Tensor]:
        loc, scale = self.base.loc.double(), self.base.stddev.double()
        step = min(0.2, 0.5 / float(scale.detach().max()))
        count = min(_MOST_POINTS, 2 * math.ceil(_FURTHEST_NOISE / step) + 1)
        noise = torch.linspace(-_FURTHEST_NOISE, _FURTHEST_NOISE, count, dtype=loc.dtype, device=loc.device)
        weights = (-0.5 * noise.square()).softmax(0)
        ratios = loc.unsqueeze(-1) + scale.unsqueeze(-1) * noise
        mean, square = _softmax_moments(pad(ratios, (0, 0, 0, 1)), weights)
        return mean.to(self._like()), square.to(self._like())

    def _like(self) -> Tensor:
        return self.base.loc


def _softmax_moments(logits: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    r"""First and second moments of the softmax of n independent numbers, each given at points with weights.

    One over the sum in a softmax is an integral of exponentials, under which the classes come apart:

    .. math:: E\left[\frac{e^{y_i}}{\sum_j e^{y_j}}\right] = \int E[e^{y_i + l} e^{-e^{y_i + l}}]
        \prod_{j \ne i} E[e^{-e^{y_j + l}}] \, dl

    Arguments:
        logits: y, shape (*batch, n, Q).
        weights: of the Q points, sum 1.
    """
    low = -logits.amax((-2, -1)) - 38.0
    high = 5.0 - logits.amin(-1).amax(-1)
    count = math.ceil(float((high - low).detach().max()) / 0.3) + 1
    step = (high - low) / (count - 1)
    mean = square = torch.zeros_like(logits[..., 0])
    for index in range(count):
        place = logits + (low + index * step)[..., None, None]
        rate = place.clamp_max(50.0).exp()
        left = (-rate).exp() * weights
        total = left.sum(-1).clamp_min(torch.finfo(logits.dtype).tiny)
        others = total.log().sum(-1, keepdim=True) - total.log()
        mean = mean + step.unsqueeze(-1) * others.exp() * (rate * left).sum(-1)
        square = square + step.unsqueeze(-1) * others.exp() * (rate.square() * left).sum(-1)
    return mean, square


@register_kl(Dirichlet, Dirichlet)
def _kl_dirichlet(q: Dirichlet, p: Dirichlet) -> Tensor:
    apart = ((q._exact - p._exact) * q._expected_log()).sum(-1)
    return (apart + p._log_normaliser() - q._log_normaliser()).to(q.concentration.dtype)


@register_kl(LogisticNormal, LogisticNormal)
def _kl_logistic_normal(q: LogisticNormal, p: LogisticNormal) -> Tensor:
    # Both are the same function of their normal numbers, and a bijection leaves the divergence as it is.
    return kl_divergence(q.base, p.base)
