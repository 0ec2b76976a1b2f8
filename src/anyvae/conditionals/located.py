"""The base of families with a location and a learned scale."""

from __future__ import annotations

from abc import ABC

from torch import Size

from anyvae.conditionals.family import Family
from anyvae.conditionals.scales import FeatureScale, NetworkScale, OneScale, Scale

__all__ = ["Located"]


class Located(Family, ABC):
    """A family with a location and a learned scale.

    Arguments:
        event_shape: number of features, or the shape of one row.
        scale: where the scale comes from; one learned scale per feature unless said.

    Raises:
        ValueError: when the scale is not learned.
    """

    def __init__(self, event_shape: int | tuple[int, ...], scale: Scale | None = None) -> None:
        super().__init__(event_shape)
        self.scale = FeatureScale() if scale is None else scale
        if not isinstance(self.scale, OneScale | FeatureScale | NetworkScale):
            raise ValueError(
                f"{type(self).__name__} got {self.scale!r}; "
                "wanted OneScale(), FeatureScale() or NetworkScale()."
            )

    @property
    def params(self) -> dict[str, Size]:
        """`loc` of the event shape, and `raw_scale`."""
        size = Size(()) if isinstance(self.scale, OneScale) else self.event_shape
        return {"loc": self.event_shape, "raw_scale": size}

    @property
    def free(self) -> frozenset[str]:
        """`raw_scale`, unless the network gives it."""
        return frozenset() if isinstance(self.scale, NetworkScale) else frozenset({"raw_scale"})
