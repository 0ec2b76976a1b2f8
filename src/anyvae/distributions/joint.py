"""Distributions over vectors whose features depend on each other."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import constraints, register_kl

from anyvae.distributions.cells import FromNoise
from anyvae.distributions.normal import Normal, StandardNormal

__all__ = ["FullNormal", "NormalMixture"]

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


@final
class FullNormal(FromNoise):
    r"""A normal vector with full covariance L L', through its Cholesky factor.

    .. math:: v = loc + L \epsilon, \quad \log p(v) = -\tfrac12 |\epsilon|^2 - \sum_i \log L_{ii} - \tfrac n2 \log 2\pi

    Arguments:
        loc: mean, shape (*batch, n).
        factor: L, lower triangular with a positive diagonal, shape (*batch, n, n).

    >>> FullNormal(torch.zeros(2), torch.eye(2)).log_prob(torch.zeros(2)) + math.log(2 * math.pi)
    tensor(0.)
    """

    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, factor: Tensor) -> None:
        super().__init__(loc.shape[:-1], loc.shape[-1:])
        self.loc = loc
        self.factor = factor

    @property
    def mean(self) -> Tensor:
        """`loc`."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """Of each feature: the diagonal of L L'."""
        return self.factor.square().sum(-1)

    @property
    def log_diagonal(self) -> Tensor:
        """log L_ii, shape (*batch, n)."""
        return self.factor.diagonal(dim1=-2, dim2=-1).log()

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of each row, nats."""
        epsilon = torch.linalg.solve_triangular(
            self.factor, (value - self.loc).unsqueeze(-1), upper=False
        ).squeeze(-1)
        constant = self.log_diagonal.sum(-1) + self._event_shape[0] * _HALF_LOG_2PI
        return -0.5 * epsilon.square().sum(-1) - constant

    def marginals(self, value: Tensor) -> Tensor:
        """Log-density of each feature by itself, nats."""
        return Normal(self.loc, self.stddev).cells(value)

    def from_noise(self, noise: Tensor) -> Tensor:
        """loc + L noise."""
        return self.loc + (self.factor @ noise.unsqueeze(-1)).squeeze(-1)

    def entropy(self) -> Tensor:
        """Entropy of each row, nats."""
        return self.log_diagonal.sum(-1) + self._event_shape[0] * (0.5 + _HALF_LOG_2PI)

    def expand(self, batch_shape: Any, _instance: Any = None) -> FullNormal:
        """The same distribution with other batch axes."""
        lead, n = torch.Size(batch_shape), self._event_shape[0]
        return FullNormal(self.loc.expand(*lead, n), self.factor.expand(*lead, n, n))

    def _like(self) -> Tensor:
        return self.loc


@final
class NormalMixture(FromNoise):
    r"""A mixture of diagonal normal vectors.

    .. math:: p(v) = \sum_k \operatorname{softmax}(logits)_k \, N(v; loc_k, \operatorname{diag} scale_k^2)

    Arguments:
        logits: of the weights, shape (*batch, K).
        loc, scale: of the components, shape (*batch, K, n).
    """

    support = constraints.real_vector

    def __init__(self, logits: Tensor, loc: Tensor, scale: Tensor) -> None:
        super().__init__(loc.shape[:-2], loc.shape[-1:])
        self.logits = logits.log_softmax(-1)
        self.loc = loc
        self.scale = scale

    @property
    def noise_shape(self) -> torch.Size:
        """One number for the component, then one a feature."""
        return torch.Size((1 + self._event_shape[0],))

    @property
    def mean(self) -> Tensor:
        """Of the mixture, shape (*batch, n)."""
        return (self.logits.exp().unsqueeze(-1) * self.loc).sum(-2)

    @property
    def variance(self) -> Tensor:
        """Of each feature of the mixture."""
        spread = self.scale.square() + (self.loc - self.mean.unsqueeze(-2)).square()
        return (self.logits.exp().unsqueeze(-1) * spread).sum(-2)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of each row, nats.

        Components that all rows share are scored by products of matrices, K x n numbers a row becoming K. The
        squares are multiplied out in double precision, which a component of scale 0.0025 needs and single precision
        does not have; double values keep the direct form.
        """
        shared = self.loc.dim() == 2 and self.scale.dim() == 2 and self.logits.dim() == 1
        if shared and value.dtype != torch.float64 and value.device.type != "mps":
            return (self.logits + self._shared(value)).logsumexp(-1)
        far = (value.unsqueeze(-2) - self.loc) / self.scale
        inside = -0.5 * far.square().sum(-1) - self.scale.log().sum(-1) - self._event_shape[0] * _HALF_LOG_2PI
        return (self.logits + inside).logsumexp(-1)

    def marginals(self, value: Tensor) -> Tensor:
        """Log-density of each feature by itself, nats."""
        cells = Normal(self.loc, self.scale).cells(value.unsqueeze(-2))
        return (self.logits.unsqueeze(-1) + cells).logsumexp(-2)

    def _shared(self, value: Tensor) -> Tensor:
        """Log-density of every component, shape (..., K); v^2 / s^2 - 2 v m / s^2 + m^2 / s^2 as one product."""
        point, loc = value.double(), self.loc.double()
        precision = self.scale.double().square().reciprocal()
        weights = torch.cat([-0.5 * precision, loc * precision], -1)
        constant = (
            0.5 * (loc.square() * precision - precision.log()).sum(-1) + self._event_shape[0] * _HALF_LOG_2PI
        )
        square = torch.cat([point.square(), point], -1) @ weights.mT
        return (square - constant).to(value.dtype)

    def from_noise(self, noise: Tensor) -> Tensor:
        """A draw of the component at quantile Phi(noise[0]), moved and scaled by it."""
        place = torch.special.ndtr(noise[..., :1])
        before = self.logits.exp().cumsum(-1)[..., :-1]
        chosen = (place > before).sum(-1)[..., None, None]
        shape = (*chosen.shape[:-2], 1, self._event_shape[0])
        index = chosen.expand(shape)
        wide = (*chosen.shape[:-2], *self.loc.shape[-2:])
        loc = self.loc.expand(wide).gather(-2, index).squeeze(-2)
        scale = self.scale.expand(wide).gather(-2, index).squeeze(-2)
        return torch.addcmul(loc, scale, noise[..., 1:])

    def expand(self, batch_shape: Any, _instance: Any = None) -> NormalMixture:
        """The same distribution with other batch axes."""
        lead = torch.Size(batch_shape)
        return NormalMixture(
            self.logits.expand(lead + self.logits.shape[-1:]),
            self.loc.expand(lead + self.loc.shape[-2:]),
            self.scale.expand(lead + self.scale.shape[-2:]),
        )

    def _like(self) -> Tensor:
        return self.loc


@register_kl(FullNormal, StandardNormal)
def _kl_full_standard(q: FullNormal, p: StandardNormal) -> Tensor:
    squares = q.factor.square().flatten(-2).sum(-1) + q.loc.square().sum(-1)
    return 0.5 * (squares - q.event_shape[0]) - q.log_diagonal.sum(-1)


@register_kl(FullNormal, Normal)
def _kl_full_normal(q: FullNormal, p: Normal) -> Tensor:
    scale = p.stddev
    squares = (q.factor / scale.unsqueeze(-1)).square().flatten(-2).sum(-1)
    shift = ((q.loc - p.loc) / scale).square().sum(-1)
    return 0.5 * (squares + shift - q.event_shape[0]) - q.log_diagonal.sum(-1) + scale.log().sum(-1)
