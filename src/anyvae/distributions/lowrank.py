"""A normal distribution whose features share a few common causes."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import constraints, register_kl

from anyvae.distributions.cells import FromNoise, sum_event
from anyvae.distributions.normal import Normal, StandardNormal

__all__ = ["LowRankNormal"]

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


@final
class LowRankNormal(FromNoise):
    r"""Normal features with a covariance of low rank beside their own noise.

    .. math:: v = loc + W h + scale \, \epsilon, \quad \operatorname{cov} v = W W' + \operatorname{diag} scale^2

    The density costs n r^2 and never n^3: all goes through the r x r capacitance matrix

    .. math:: C = I + A' A = R' R, \quad A = \operatorname{diag}(scale)^{-1} W, \quad \log |\operatorname{cov} v| = 2 \sum_i \log scale_i + \log |C|

    R comes from the stacked matrix (I, A) and not from C itself, whose digits single precision would lose
    when a feature has little noise of its own.

    Arguments:
        loc: mean, shape (*batch, *event).
        factor: W, shape (*batch, *event, r).
        scale: standard deviation of each feature's own noise, anything that broadcasts to `loc`.
        event_dims: how many of the last axes of `loc` are the event.

    >>> p = LowRankNormal(torch.zeros(2), torch.ones(2, 1), torch.ones(2))
    >>> p.variance, p.noise_shape
    (tensor([2., 2.]), torch.Size([3]))
    """  # noqa: E501  (one equation)

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}  # noqa: RUF012
    support = constraints.real
    has_rsample = True

    def __init__(self, loc: Tensor, factor: Tensor, scale: Tensor, event_dims: int = 1) -> None:
        cut = loc.dim() - event_dims
        super().__init__(loc.shape[:cut], loc.shape[cut:])
        self.loc = loc
        self.factor = factor
        self.scale = scale

    @property
    def noise_shape(self) -> torch.Size:
        """One number for each common cause, then one a feature: (r + n,)."""
        return torch.Size((self.factor.shape[-1] + self._event_shape.numel(),))

    @property
    def mean(self) -> Tensor:
        """`loc`."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """Of each feature, of the shape of `loc`."""
        return (self.factor.square().sum(-1) + self.scale.square()).expand_as(self.loc)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of each row, nats."""
        root, half_log_determinant = self._capacitance()
        rank = self.factor.shape[-1]
        epsilon = ((value - self.loc) / self.scale).flatten(-self.event_dims).unsqueeze(-1)
        within = root[..., rank:, :].mT @ epsilon
        # What the common causes leave unexplained, as a sum of squares: nothing cancels.
        left = (epsilon - root[..., rank:, :] @ within).square().sum((-2, -1))
        square = left + (root[..., :rank, :] @ within).square().sum((-2, -1))
        return -0.5 * square - half_log_determinant - self._event_shape.numel() * _HALF_LOG_2PI

    def marginals(self, value: Tensor) -> Tensor:
        """Log-density of each feature by itself, nats."""
        return Normal(self.loc, self.stddev, self.event_dims).cells(value)

    def from_noise(self, noise: Tensor) -> Tensor:
        """loc + W noise[:r] + scale * noise[r:]."""
        rank = self.factor.shape[-1]
        shared, own = noise[..., :rank], noise[..., rank:].unflatten(-1, self._event_shape)
        moved = self.factor.flatten(-self.event_dims - 1, -2) @ shared.unsqueeze(-1)
        return self.loc + moved.squeeze(-1).unflatten(-1, self._event_shape) + self.scale * own

    def entropy(self) -> Tensor:
        """Entropy of each row, nats."""
        return self.half_log_determinant + self._event_shape.numel() * (0.5 + _HALF_LOG_2PI)

    @property
    def half_log_determinant(self) -> Tensor:
        """Half the log-determinant of the covariance, one number a row."""
        return self._capacitance()[1]

    def expand(self, batch_shape: Any, _instance: Any = None) -> LowRankNormal:
        """The same distribution with other batch axes."""
        shape = torch.Size(batch_shape) + self._event_shape
        scale = self.scale.expand_as(self.loc).expand(shape)
        factor = self.factor.expand(*shape, self.factor.shape[-1])
        return LowRankNormal(self.loc.expand(shape), factor, scale, self.event_dims)

    def _capacitance(self) -> tuple[Tensor, Tensor]:
        """An orthonormal basis of the columns of (I, A), shape (*batch, r + n, r), and half log |cov v|."""
        ratio = (self.factor / self.scale.unsqueeze(-1)).flatten(-self.event_dims - 1, -2)
        rank = ratio.shape[-1]
        one = torch.eye(rank, dtype=ratio.dtype, device=ratio.device)
        stacked = torch.cat([one.expand(*ratio.shape[:-2], rank, rank), ratio], -2)
        basis, root = torch.linalg.qr(stacked)
        own = sum_event(self.scale.log().expand_as(self.loc), self.event_dims)
        return basis, own + root.diagonal(dim1=-2, dim2=-1).abs().log().sum(-1)

    def _like(self) -> Tensor:
        return self.loc


@register_kl(LowRankNormal, StandardNormal)
def _kl_low_rank_standard(q: LowRankNormal, p: StandardNormal) -> Tensor:
    squares = sum_event(q.variance + q.loc.square(), q.event_dims)
    return 0.5 * (squares - q.event_shape.numel()) - q.half_log_determinant


@register_kl(LowRankNormal, Normal)
def _kl_low_rank_normal(q: LowRankNormal, p: Normal) -> Tensor:
    squares = (q.variance + (q.loc - p.loc).square()) / p.scale.square() - 1.0
    return sum_event(0.5 * squares + p.log_scale, q.event_dims) - q.half_log_determinant
