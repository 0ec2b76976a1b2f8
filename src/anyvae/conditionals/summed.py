"""The sum of the codes of a residual latent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from torch import Size, Tensor

from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.parents import as_parents
from anyvae.distributions import Delta

__all__ = ["Summed"]


@final
class Summed(Conditional):
    r"""The sum of a variable over its first axis: a computed variable for others to read.

    .. math:: v = \sum_d parent_d

    Arguments:
        name: of the parent.
        event_shape: of the parent, the first axis included.

    Raises:
        ValueError: when the parent has one axis only.

    >>> Summed("z", (3, 8)).event_shape
    torch.Size([8])
    """

    deterministic = True

    def __init__(self, name: str, event_shape: tuple[int, ...]) -> None:
        super().__init__()
        if len(event_shape) < 2:
            raise ValueError(
                f"Summed({name!r}) got the shape {tuple(event_shape)}; wanted a depth before the rest."
            )
        self.parents = as_parents([name])
        self._parent_shape = Size(event_shape)

    @property
    def event_shape(self) -> Size:
        """The parent's without its first axis."""
        return self._parent_shape[1:]

    def build(self, name: str, shapes: Mapping[str, Size]) -> Summed:
        """See `Conditional.build`."""
        [found] = self.input_shapes(name, shapes)
        if found != self._parent_shape:
            raise ValueError(
                f"{name!r} sums {str(self.parents[0])!r} as of shape {tuple(self._parent_shape)}, but it has "
                f"{tuple(found)}; make them equal."
            )
        return self

    def forward(self, parent: Tensor) -> Delta:
        """All mass on the sum."""
        return Delta(parent.sum(-len(self._parent_shape)), len(self.event_shape))
