"""Families of the points of a lattice: grey levels, integers, prices in cents."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Mapping
from typing import final

import torch
from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.located import Located
from anyvae.conditionals.scales import OneScale, Scale, bounded_scale, raw_scale_of

__all__ = ["DiscretisedLogistic", "DiscretisedLogisticMixture", "DiscretisedNormal"]


class _OnLattice(Located, ABC):
    """The points low, low + step, ..., high.

    Arguments:
        event_shape: number of features, or the shape of one row.
        low, high: first and last lattice point, numbers or tensors that broadcast to the event; either may be
            infinite.
        step: distance of lattice points.
        scale: where the scale comes from; one learned scale per feature unless said.
        origin: a lattice point to count from; needed where `low` is infinite.

    Raises:
        ValueError: when step is not positive, high lies below low, no point of the lattice is known, or the
            scale is not learned.
    """

    def __init__(
        self,
        event_shape: int | tuple[int, ...],
        low: float | Tensor,
        high: float | Tensor,
        step: float | Tensor = 1.0,
        scale: Scale | None = None,
        origin: float | Tensor | None = None,
    ) -> None:
        super().__init__(event_shape, scale)
        dtype = torch.get_default_dtype()
        self.low, self.high, self.step = (torch.as_tensor(value, dtype=dtype) for value in (low, high, step))
        self.origin = None if origin is None else torch.as_tensor(origin, dtype=dtype)
        if not bool(torch.isfinite(self.low if self.origin is None else self.origin).all()):
            raise ValueError(
                f"{type(self).__name__} got no lowest point; give origin=, a point to count from."
            )
        if bool((self.step <= 0).any()) or bool((self.high < self.low).any()):
            raise ValueError(f"{type(self).__name__} wants step > 0 and high >= low, for every feature.")

    @property
    def constants(self) -> dict[str, Tensor]:
        """The lattice."""
        origin = {} if self.origin is None else {"origin": self.origin}
        return {"low": self.low, "high": self.high, "step": self.step} | origin

    def check(self, name: str, value: Tensor) -> None:
        """Refuse values off the lattice."""
        low, high, step = (number.to(value) for number in (self.low, self.high, self.step))
        origin = low if self.origin is None else self.origin.to(value)
        point = (value - origin) / step
        # A hundredth of a step, or what the number type cannot tell apart so many steps from zero.
        slack = 0.01 + 4.0 * torch.finfo(value.dtype).eps * torch.maximum(value.abs(), origin.abs()) / step
        inside = (value >= low - slack * step) & (value <= high + slack * step)
        on = ((point - point.round()).abs() <= slack) & inside
        if not bool(on.all()):
            raise ValueError(
                f"{name!r} holds {value[~on][0].item():g}, which is no point of its lattice; "
                f"{type(self).__name__} wants low + step * k. Use Normal for real values."
            )


@final
class DiscretisedLogistic(_OnLattice):
    r"""Points of a lattice under a logistic density with a learned scale per feature.

    .. math:: P(v) = \sigma((v + step/2 - loc) / scale) - \sigma((v - step/2 - loc) / scale)

    Arguments:
        event_shape: number of features, or the shape of one row.
        low, high: first and last lattice point, numbers or tensors that broadcast to the event; either may be
            infinite.
        step: distance of lattice points.
        scale: where the scale comes from; one learned scale per feature unless said.
        origin: a lattice point to count from; needed where `low` is infinite.

    Raises:
        ValueError: when step is not positive, high lies below low, no point of the lattice is known, or the
            scale is not learned.
    """

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.DiscretisedLogistic:
        """See `Family.__call__`."""
        scale = bounded_scale(params["raw_scale"])
        return distributions.DiscretisedLogistic(
            params["loc"], scale, **constants, event_dims=len(self.event_shape)
        )


@final
class DiscretisedNormal(_OnLattice):
    r"""Points of a lattice under a normal density with a learned scale per feature.

    .. math:: P(v) = \Phi((v + step/2 - loc) / scale) - \Phi((v - step/2 - loc) / scale)

    Arguments:
        event_shape: number of features, or the shape of one row.
        low, high: first and last lattice point, numbers or tensors that broadcast to the event; either may be
            infinite.
        step: distance of lattice points.
        scale: where the scale comes from; one learned scale per feature unless said.
        origin: a lattice point to count from; needed where `low` is infinite.

    Raises:
        ValueError: when step is not positive, high lies below low, no point of the lattice is known, or the
            scale is not learned.
    """

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.DiscretisedNormal:
        """See `Family.__call__`."""
        scale = bounded_scale(params["raw_scale"])
        return distributions.DiscretisedNormal(
            params["loc"], scale, **constants, event_dims=len(self.event_shape)
        )


@final
class DiscretisedLogisticMixture(_OnLattice):
    r"""Points of a lattice under K logistic densities a feature, whose weights and centres the network gives.

    .. math:: P(v) = \sum_k \operatorname{softmax}(logits)_k \,
              (\sigma((v + step/2 - loc_k) / scale_k) - \sigma((v - step/2 - loc_k) / scale_k))

    The components start side by side over the whole lattice: equal ones would have equal gradients for ever.
    Source: PixelCNN++ (Salimans et al., 2017).

    Arguments:
        event_shape: number of features, or the shape of one row.
        low, high: first and last lattice point, numbers or tensors that broadcast to the event; either may be
            infinite.
        step: distance of lattice points.
        components: K.
        scale: where the scales come from; one learned scale per feature and component unless said.
        origin: a lattice point to count from; needed where `low` is infinite.

    Raises:
        ValueError: for fewer than two components, when step is not positive, high lies below low, no point of
            the lattice is known, or the scale is not learned.

    >>> DiscretisedLogisticMixture((1, 28, 28), 0.0, 255.0, components=5).params["loc"]
    torch.Size([1, 28, 28, 5])
    """

    def __init__(
        self,
        event_shape: int | tuple[int, ...],
        low: float | Tensor,
        high: float | Tensor,
        step: float | Tensor = 1.0,
        components: int = 5,
        scale: Scale | None = None,
        origin: float | Tensor | None = None,
    ) -> None:
        super().__init__(event_shape, low, high, step, scale, origin)
        if components < 2:
            raise ValueError(
                f"DiscretisedLogisticMixture got components={components}; wanted at least 2. "
                "One component is DiscretisedLogistic."
            )
        self.components = components

    @property
    def params(self) -> dict[str, Size]:
        """`logits`, `loc` and `raw_scale`, K a feature."""
        shape = Size((*self.event_shape, self.components))
        size = Size(()) if isinstance(self.scale, OneScale) else shape
        return {"logits": shape, "loc": shape, "raw_scale": size}

    def start(self) -> dict[str, Tensor]:
        """Components side by side, as wide as they lie apart; over three units beside a point of an endless lattice."""
        anchor = self.low if self.origin is None else self.origin
        low = torch.where(torch.isinf(self.low), anchor - 1.5, self.low).unsqueeze(-1)
        high = torch.where(
            torch.isinf(self.high), torch.maximum(anchor, low[..., 0]) + 1.5, self.high
        ).unsqueeze(-1)
        share = (torch.arange(self.components, dtype=low.dtype) + 0.5) / self.components
        shape = Size((*self.event_shape, self.components))
        # A logistic density is near to uniform over 3.6 of its scales, two of its standard deviations.
        wide = torch.maximum(high - low, self.step.unsqueeze(-1)) / (self.components * math.pi / 3.0**0.5)
        raw = raw_scale_of(wide)
        start = {"loc": (low + (high - low) * share).expand(shape)}
        return start | {"raw_scale": raw.mean() if isinstance(self.scale, OneScale) else raw.expand(shape)}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.DiscretisedLogisticMixture:
        """See `Family.__call__`."""
        scale = bounded_scale(params["raw_scale"])
        return distributions.DiscretisedLogisticMixture(
            params["logits"], params["loc"], scale, **constants, event_dims=len(self.event_shape)
        )
