"""A normal picture whose neighbouring pixels depend on each other, through a sparse precision."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import FromNoise, sum_event
from anyvae.distributions.normal import Normal
from anyvae.distributions.stencil import apply_stencil, undo_stencil

__all__ = ["SparseNormal"]

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
_LARGEST_PICTURE = 1024


@final
class SparseNormal(FromNoise):
    r"""A normal picture with precision L L', whose L joins each pixel to the earlier pixels near it.

    .. math:: \log p(v) = -\tfrac12 |L'(v - loc)|^2 + \sum_j \log L_{jj} - \tfrac n2 \log 2\pi, \quad L_{jj} = 1 / scale_j, \; L_{j + m, j} = weights_{m, j} / scale_j

    L is lower triangular in raster order, so the density needs no solve and a draw one sparse triangular
    solve. Read forwards: given the pixels after it, pixel j is normal with standard deviation scale_j around
    loc_j minus the weighted residuals of its later neighbours. With weights 0 it is `Normal(loc, scale)`.
    Channels are independent.

    Source: Structured Uncertainty Prediction Networks (Dorta, Vicente, Agapito, Campbell and Simpson, 2018).

    Arguments:
        loc: mean, shape (*batch, C, H, W) or (*batch, H, W).
        scale: standard deviation of each pixel given the later ones, anything that broadcasts to `loc`.
        weights: to the (k^2 - 1) / 2 later neighbours of each pixel in its k x k neighbourhood, shape
            (*batch, neighbours, *event), in raster order. Those that leave the picture count for nothing.
        event_dims: 3 for (C, H, W), 2 for (H, W).

    Raises:
        ValueError: when the number of neighbours is that of no square of odd width.

    >>> p = SparseNormal(torch.zeros(2, 2), torch.ones(2, 2), torch.zeros(4, 2, 2), event_dims=2)
    >>> p.variance
    tensor([[1., 1.],
            [1., 1.]])
    """  # noqa: E501  (one equation)

    support = constraints.real
    has_rsample = True

    def __init__(self, loc: Tensor, scale: Tensor, weights: Tensor, event_dims: int = 3) -> None:
        cut = loc.dim() - event_dims
        super().__init__(loc.shape[:cut], loc.shape[cut:])
        neighbours = weights.shape[weights.dim() - event_dims - 1]
        self.width = math.isqrt(2 * neighbours + 1)
        if self.width < 3 or self.width**2 != 2 * neighbours + 1:
            raise ValueError(
                f"SparseNormal got weights to {neighbours} neighbours; wanted (k^2 - 1) / 2 for an odd k: "
                "4 for 3 x 3, 12 for 5 x 5."
            )
        self.loc = loc
        self.scale = scale
        self.weights = weights

    @property
    def mean(self) -> Tensor:
        """`loc`."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """Of each pixel, of the shape of `loc`: the diagonal of (L L')^-1, one solve a pixel.

        Raises:
            NotImplementedError: for pictures of more than 1024 pixels; take it from draws.
        """
        height, breadth = self._event_shape[-2:]
        pixels = height * breadth
        if pixels > _LARGEST_PICTURE:
            raise NotImplementedError(
                f"the variance of {pixels} pixels needs as many solves; take it from draws: "
                "p.sample((1000,)).var(0)."
            )
        one = torch.eye(pixels, dtype=self.loc.dtype, device=self.loc.device)
        # Column i of L'^-1 is the draw of noise that is one at pixel i.
        noise = one.view(pixels, *(1,) * (self.loc.dim() - 2), height, breadth)
        return self._residual(noise.expand(pixels, *self.loc.shape)).square().sum(0)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of each row, nats."""
        residual = value - self.loc
        by_channel = self._by_channel()
        epsilon = apply_stencil(residual, by_channel, self.width) / self.scale
        square = sum_event(epsilon.square(), self.event_dims)
        return -0.5 * square - self._sum_log_scale() - self._event_shape.numel() * _HALF_LOG_2PI

    def marginals(self, value: Tensor) -> Tensor:
        """Log-density of each pixel by itself, nats."""
        return Normal(self.loc, self.stddev, self.event_dims).cells(value)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The v with L' (v - loc) = noise."""
        return self.loc + self._residual(noise)

    def entropy(self) -> Tensor:
        """Entropy of each row, nats."""
        return self._sum_log_scale() + self._event_shape.numel() * (0.5 + _HALF_LOG_2PI)

    def expand(self, batch_shape: Any, _instance: Any = None) -> SparseNormal:
        """The same distribution with other batch axes."""
        lead, dims = torch.Size(batch_shape), self.event_dims
        return SparseNormal(
            self.loc.expand(lead + self._event_shape),
            self.scale.expand_as(self.loc).expand(lead + self._event_shape),
            self.weights.expand(lead + self.weights.shape[-dims - 1 :]),
            dims,
        )

    def _by_channel(self) -> Tensor:
        """The weights with the neighbours next to the picture: shape (*batch, C, neighbours, H, W)."""
        return self.weights.movedim(-self.event_dims - 1, -3)

    def _residual(self, noise: Tensor) -> Tensor:
        target = self.scale * noise
        weights = self._by_channel()
        # The rows of the noise may be more than those of the parameters, and the reverse.
        lead = torch.broadcast_shapes(target.shape[:-2], weights.shape[:-3])
        own = lead[len(lead) - (weights.dim() - 3) :]
        return undo_stencil(
            target.expand(lead + target.shape[-2:]), weights.expand(own + weights.shape[-3:]), self.width
        )

    def _sum_log_scale(self) -> Tensor:
        return sum_event(self.scale.log().expand_as(self.loc), self.event_dims)

    def _like(self) -> Tensor:
        return self.loc
