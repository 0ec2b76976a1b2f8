"""Families of normals with a structure: few common causes, neighbouring pixels, complex cells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import torch
from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.continuous import _check_finite
from anyvae.conditionals.family import Family
from anyvae.conditionals.located import Located
from anyvae.conditionals.scales import NetworkScale, Scale, bounded_scale

__all__ = ["ComplexNormal", "LowRankNormal", "SparseNormal"]

_LARGEST_FACTOR = math.exp(6.0)
_LARGEST_WEIGHT = 6.0


@final
class LowRankNormal(Located):
    r"""Normal features that share a few common causes beside their own noise.

    .. math:: v = loc + W h + scale \, \epsilon, \quad W = e^6 \tanh(raw\_factor / e^6)

    A likelihood whose features vary together, or a posterior with r directions of dependence, where
    `FullNormal` would need n^2 numbers a row.

    Arguments:
        event_shape: number of features, or the shape of one row.
        rank: r, number of common causes.
        scale: where the features' own noise comes from; the network unless said, as a posterior needs it.

    Raises:
        ValueError: when the rank is not from 1 to the number of features less one, or the scale is not learned.

    >>> LowRankNormal(5, 2).params["raw_factor"]
    torch.Size([10])
    """

    def __init__(self, event_shape: int | tuple[int, ...], rank: int, scale: Scale | None = None) -> None:
        super().__init__(event_shape, NetworkScale() if scale is None else scale)
        features = self.event_shape.numel()
        if not 1 <= rank < features:
            raise ValueError(
                f"LowRankNormal got rank={rank} for {features} feature(s); wanted 1 to {features - 1}. "
                "FullNormal(n) holds every covariance, DiagonalNormal(n) none."
            )
        self.rank = rank

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, {self.rank}, {self.scale!r})"

    @property
    def params(self) -> dict[str, Size]:
        """`loc`, `raw_scale`, and `raw_factor`: one event a cause, stacked along the event's first axis."""
        first, *rest = self.event_shape
        # Stacked as channels are, so that a network that paints pictures can paint these.
        return super().params | {"raw_factor": Size((self.rank * first, *rest))}

    def start(self) -> dict[str, Tensor]:
        """Small causes in different directions: at W = 0 the gradient of W is 0 for ever."""
        return {"raw_factor": 0.1 * torch.randn(self.params["raw_factor"])}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.LowRankNormal:
        """See `Family.__call__`."""
        dims = len(self.event_shape)
        factor = _LARGEST_FACTOR * torch.tanh(params["raw_factor"] / _LARGEST_FACTOR)
        factor = factor.unflatten(-dims, (self.rank, self.event_shape[0])).movedim(-dims - 1, -1)
        return distributions.LowRankNormal(params["loc"], factor, bounded_scale(params["raw_scale"]), dims)

    def check(self, name: str, value: Tensor) -> None:
        """Refuse values that are not finite."""
        _check_finite(self, name, value)


@final
class SparseNormal(Located):
    r"""A normal picture whose neighbouring pixels depend on each other: residuals with a structure.

    .. math:: precision = L L', \quad L_{jj} = 1 / scale_j, \; L_{j + m, j} = weights_{m, j} / scale_j, \quad weights = 6 \tanh(raw\_weights / 6)

    For m over the later neighbours of pixel j, in raster order, in the square around it. Channels are
    independent. The density is finite at any parameters; a draw in single precision is finite as long as
    the weights of a pixel do not add up to far more than one all over the picture, where the spread grows
    from pixel to pixel.

    Source: Structured Uncertainty Prediction Networks (Dorta, Vicente, Agapito, Campbell and Simpson, 2018).

    Arguments:
        event_shape: (C, H, W) or (H, W).
        neighbourhood: k, odd width of the square around each pixel.
        scale: where the standard deviation given the later pixels comes from; the network unless said.

    Raises:
        ValueError: when the event is no picture, k is not odd and at least 3, or the scale is not learned.

    >>> SparseNormal((1, 28, 28), neighbourhood=5).params["raw_weights"]
    torch.Size([12, 28, 28])
    """  # noqa: E501  (one equation)

    def __init__(
        self, event_shape: tuple[int, ...], neighbourhood: int = 3, scale: Scale | None = None
    ) -> None:
        super().__init__(event_shape, NetworkScale() if scale is None else scale)
        if len(self.event_shape) not in (2, 3):
            raise ValueError(
                f"SparseNormal got the event shape {tuple(self.event_shape)}; wanted a picture, (C, H, W) or "
                "(H, W). For vectors use LowRankNormal or FullNormal."
            )
        if neighbourhood < 3 or neighbourhood % 2 == 0:
            raise ValueError(
                f"SparseNormal got neighbourhood={neighbourhood}; wanted an odd width of at least 3, such as 3 "
                "or 5. For independent pixels use Normal."
            )
        self.neighbourhood = neighbourhood

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, {self.neighbourhood}, {self.scale!r})"

    @property
    def neighbours(self) -> int:
        """Later pixels that each is joined to: (k^2 - 1) / 2."""
        return (self.neighbourhood**2 - 1) // 2

    @property
    def params(self) -> dict[str, Size]:
        """`loc`, `raw_scale`, and `raw_weights`: one picture a neighbour, stacked along the first axis."""
        *channels, height, width = self.event_shape
        stacked = self.neighbours * math.prod(channels)
        return super().params | {"raw_weights": Size((stacked, height, width))}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.SparseNormal:
        """See `Family.__call__`."""
        weights = _LARGEST_WEIGHT * torch.tanh(params["raw_weights"] / _LARGEST_WEIGHT)
        weights = weights.unflatten(-3, (self.neighbours, *self.event_shape[:-2]))
        scale = bounded_scale(params["raw_scale"])
        return distributions.SparseNormal(params["loc"], scale, weights, len(self.event_shape))

    def check(self, name: str, value: Tensor) -> None:
        """Refuse values that are not finite."""
        _check_finite(self, name, value)


@final
class ComplexNormal(Family):
    r"""Independent complex cells, such as those of a spectrum, with a variance of their own from the network.

    .. math:: \log p(v) = -\sum_i |v_i - loc_i|^2 / scale_i^2 + 2 \log scale_i + \log \pi

    The mean is zero unless asked for: a spectrum's phase is uniform, its power is what the network tells.
    Scales lie between 0.0025 and 403, so divide the input by the root of its mean power.

    Source: A variance modeling framework based on variational autoencoders for speech enhancement
    (Leglaive, Girin and Horaud, 2018).

    Arguments:
        event_shape: of one row as real numbers, (*cells, 2): real and imaginary part last.
        located: whether the network gives a mean too.

    Raises:
        ValueError: when the event does not end in an axis of length 2.

    >>> ComplexNormal((513, 64, 2)).params
    {'raw_scale': torch.Size([513, 64])}
    """

    def __init__(self, event_shape: tuple[int, ...], *, located: bool = False) -> None:
        super().__init__(event_shape)
        if len(self.event_shape) < 2 or self.event_shape[-1] != 2:
            raise ValueError(
                f"ComplexNormal got the event shape {tuple(self.event_shape)}; wanted (*cells, 2), the real and "
                "imaginary part last. torch.view_as_real makes it of complex numbers."
            )
        self.located = located

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, located=True)" if self.located else super().__repr__()

    @property
    def params(self) -> dict[str, Size]:
        """`raw_scale`, one a complex cell, and `loc` of the event shape where it is asked for."""
        loc = {"loc": self.event_shape} if self.located else {}
        return loc | {"raw_scale": Size(self.event_shape[:-1])}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.ComplexNormal:
        """See `Family.__call__`."""
        scale = bounded_scale(params["raw_scale"])
        return distributions.ComplexNormal(scale, params.get("loc"), len(self.event_shape))

    def check(self, name: str, value: Tensor) -> None:
        """Refuse values that are not finite."""
        _check_finite(self, name, value)
