"""Families of angles."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import torch
from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.door import refuse
from anyvae.conditionals.located import Located
from anyvae.conditionals.scales import bounded_scale

__all__ = ["VonMises"]


@final
class VonMises(Located):
    r"""Independent angles in (-pi, pi], in radians: directions, hours of the day, days of the year.

    .. math:: \log p(v) = \sum_i c_i \cos(v_i - loc_i) - \log 2 \pi I_0(c_i), \quad
              loc = \operatorname{atan2}(direction_1, direction_0), \; c = scale^{-2}

    The network gives a direction in the plane, so that no output has to jump where an angle passes pi. For
    small scales this is a normal with that scale in radians.

    Arguments:
        event_shape: number of features, or the shape of one row.
        scale: where the scale comes from; one learned scale per feature unless said.

    Raises:
        ValueError: when the scale is not learned.
    """

    @property
    def params(self) -> dict[str, Size]:
        """`direction`, two numbers a feature, and `raw_scale`."""
        spread = super().params["raw_scale"]
        return {"direction": Size((*self.event_shape, 2)), "raw_scale": spread}

    def start(self) -> dict[str, Tensor]:
        """The angle 0: no direction at all has no angle."""
        return {"direction": torch.tensor([1.0, 0.0])}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.VonMises:
        """See `Family.__call__`."""
        along, across = params["direction"].unbind(-1)
        loc = torch.atan2(across, along)
        scale = bounded_scale(params["raw_scale"])
        return distributions.VonMises(loc, scale.square().reciprocal(), len(self.event_shape))

    def check(self, name: str, value: Tensor) -> None:
        """Refuse values outside (-pi, pi]."""
        edge = math.pi * (1.0 + 2.0 * torch.finfo(value.dtype).eps)
        instead = "to wrap angles with torch.remainder(x + pi, 2 * pi) - pi, degrees times pi / 180"
        refuse(self, name, value, ~(value.abs() <= edge), "angles in radians between -pi and pi", instead)
