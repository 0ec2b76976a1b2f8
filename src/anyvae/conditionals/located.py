"""The base of families with a location and a learned scale."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from torch import Size

from anyvae.conditionals.family import Family
from anyvae.conditionals.scales import FeatureScale, NetworkScale, OneScale, Scale

__all__ = ["Located"]


class Located(Family, ABC):
    """A family with a location and a learned scale, or what stands for them: a mean and a concentration.

    A subclass with other parameters says how they are named.

    Arguments:
        event_shape: number of features, or the shape of one row.
        scale: where the scale comes from; one learned scale per feature unless said.

    Raises:
        ValueError: when the scale is not learned.
    """

    location: ClassVar[str] = "loc"
    spread: ClassVar[str] = "raw_scale"

    def __init__(self, event_shape: int | tuple[int, ...], scale: Scale | None = None) -> None:
        super().__init__(event_shape)
        self.scale = FeatureScale() if scale is None else scale
        if isinstance(self.scale, FeatureScale) and self.scale.least:
            raise ValueError(f"{type(self).__name__} got {self.scale!r}, whose least scale only Normal has.")
        if not isinstance(self.scale, OneScale | FeatureScale | NetworkScale):
            raise ValueError(
                f"{type(self).__name__} got {self.scale!r}; "
                "wanted OneScale(), FeatureScale() or NetworkScale()."
            )

    @property
    def params(self) -> dict[str, Size]:
        """The location of the event shape, and the spread: `loc` and `raw_scale` unless the family says."""
        size = Size(()) if isinstance(self.scale, OneScale) else self.event_shape
        return {self.location: self.event_shape, self.spread: size}

    @property
    def free(self) -> frozenset[str]:
        """The spread, unless the network gives it."""
        return frozenset() if isinstance(self.scale, NetworkScale) else frozenset({self.spread})
