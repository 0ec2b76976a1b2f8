"""Families of real values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.family import Family
from anyvae.conditionals.scales import (
    FeatureScale,
    FixedScale,
    NetworkScale,
    OneScale,
    OptimalScale,
    Scale,
    bounded_log_scale,
    bounded_scale,
)
from anyvae.wants import wants

__all__ = ["DiagonalNormal", "Normal", "StandardNormal"]


def _check_finite(family: Family, name: str, value: Tensor) -> None:
    if not bool(torch.isfinite(value).all()):
        raise ValueError(
            f"{name!r} holds values that are not finite; {family!r} wants finite numbers. "
            "Mark holes with Partial(value, mask), and drop infinities."
        )


def _normal(loc: Tensor, raw_scale: Tensor, event_dims: int) -> distributions.Normal:
    log_scale = bounded_log_scale(raw_scale)
    return distributions.Normal(loc, log_scale.exp(), event_dims, log_scale)


@final
class StandardNormal(Family):
    r"""N(0, I): the fixed prior.

    Arguments:
        event_shape: number of features, or the shape of one row.

    >>> StandardNormal(2)
    StandardNormal(2)
    """

    @property
    def params(self) -> dict[str, Size]:
        """None."""
        return {}

    @property
    def constants(self) -> dict[str, Tensor]:
        """A zero that carries dtype and device."""
        return {"zero": torch.zeros(())}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.StandardNormal:
        """See `Family.__call__`."""
        zero = constants["zero"]
        return distributions.StandardNormal(tuple(self.event_shape), (), zero.dtype, zero.device)

    def check(self, name: str, value: Tensor) -> None:
        """Refuse values that are not finite."""
        _check_finite(self, name, value)


@final
class DiagonalNormal(Family):
    r"""Independent normal features whose mean and scale both come from the network.

    .. math:: v_i \sim N(loc_i, scale_i^2), \quad scale = \exp(6 \tanh(raw\_scale / 6))

    Without parents both are learned values: a normal prior with its own moments.

    Arguments:
        event_shape: number of features, or the shape of one row.
    """

    @property
    def params(self) -> dict[str, Size]:
        """`loc` and `raw_scale`, each of the event shape."""
        return {"loc": self.event_shape, "raw_scale": self.event_shape}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.Normal:
        """See `Family.__call__`."""
        return _normal(params["loc"], params["raw_scale"], len(self.event_shape))

    def check(self, name: str, value: Tensor) -> None:
        """Refuse values that are not finite."""
        _check_finite(self, name, value)


@final
class Normal(Family):
    r"""Independent normal features with learned noise: the likelihood of real values.

    .. math:: v_i \sim N(loc_i, scale_i^2)

    Arguments:
        event_shape: number of features, or the shape of one row.
        scale: where the noise comes from; one learned scale per feature unless said.

    >>> Normal(3, scale=OneScale()).params
    {'loc': torch.Size([3]), 'raw_scale': torch.Size([])}
    """

    def __init__(self, event_shape: int | tuple[int, ...], scale: Scale | None = None) -> None:
        super().__init__(event_shape)
        self.scale = FeatureScale() if scale is None else scale
        wants(Scale, self.scale, "scale of Normal", "one such as FeatureScale(), or FixedScale(0.1)")

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, {self.scale!r})"

    @property
    def params(self) -> dict[str, Size]:
        """`loc`, and `raw_scale` where a gradient learns the noise."""
        sizes = {OneScale: Size(()), FeatureScale: self.event_shape, NetworkScale: self.event_shape}
        size = sizes.get(type(self.scale))
        return {"loc": self.event_shape} | ({} if size is None else {"raw_scale": size})

    @property
    def free(self) -> frozenset[str]:
        """`raw_scale`, unless the network gives it."""
        return frozenset({"raw_scale"} if isinstance(self.scale, OneScale | FeatureScale) else ())

    @property
    def constants(self) -> dict[str, Tensor]:
        """The fixed scale, or the stored mean square of the closed form."""
        if isinstance(self.scale, FixedScale):
            return {"scale": torch.tensor(self.scale.value)}
        return {"running": torch.ones(())} if isinstance(self.scale, OptimalScale) else {}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.Normal | distributions.OptimalNormal:
        """See `Family.__call__`."""
        loc, dims = params["loc"], len(self.event_shape)
        if isinstance(self.scale, OptimalScale):
            return distributions.OptimalNormal(loc, constants["running"], learning=learning, event_dims=dims)
        if isinstance(self.scale, FixedScale):
            return distributions.Normal(loc, constants["scale"], dims)
        if isinstance(self.scale, FeatureScale) and self.scale.least:
            return distributions.Normal(loc, bounded_scale(params["raw_scale"]) + self.scale.least, dims)
        return _normal(loc, params["raw_scale"], dims)

    def check(self, name: str, value: Tensor) -> None:
        """Refuse values that are not finite."""
        _check_finite(self, name, value)
