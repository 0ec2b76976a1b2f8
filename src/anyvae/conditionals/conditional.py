"""p(child | parents): the one building block of a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

from torch import Size, Tensor, nn
from torch.distributions import Distribution

from anyvae.conditionals.parents import Parent

__all__ = ["Conditional"]


class Conditional(nn.Module, ABC):
    """A conditional distribution of one variable, given others.

    Prior, encoder, decoder and classifier are all of this one type. Its weights are made by `build`, which a
    `LatentVariableModel` calls once, when parts are joined and all shapes are known; then it calls `join`.
    `Family.given` makes the usual one; combinators make the others.
    """

    parents: tuple[Parent, ...] = ()
    """What it reads, in the order in which `forward` takes it."""

    deterministic = False
    """Whether the child is a function of its parents: computed, never scored."""

    @property
    @abstractmethod
    def event_shape(self) -> Size:
        """Shape of one row of the child."""

    @abstractmethod
    def build(self, name: str, shapes: Mapping[str, Size]) -> Self:
        """Make the weights; a second call only checks that the shapes are the same.

        Arguments:
            name: of the child, for messages.
            shapes: event shape of every variable, by name.

        Raises:
            ValueError: when a parent is unknown, or the part was built for other shapes.
        """

    @abstractmethod
    def forward(self, *parents: Any) -> Distribution:
        """p(child | parents).

        Arguments:
            parents: for each of `parents` a tensor, shape (..., *event_shape of the parent), whose leading axes
                broadcast; for `prior(name)` a distribution.
        """

    def join(
        self, name: str, generative: Mapping[str, Conditional], inference: Mapping[str, Conditional]
    ) -> None:
        """Look up the other parts that this one is tied to; called when all parts of a model are built.

        A part keeps what it finds out of the registry of its modules (in a tuple): it belongs to the model.
        """

    def unjoined(self) -> Self:
        """The part that another model may join: this one, or a twin of the same weights where it belongs to a model."""
        return self

    @property
    def support(self) -> Any:
        """Where draws lie, a constraint of `torch.distributions`; None where it is not told."""
        return None

    def check(self, name: str, value: Tensor) -> None:
        """Raise a ValueError when a value lies outside the support; called once, at the door."""

    def input_shapes(self, name: str, shapes: Mapping[str, Size]) -> tuple[Size, ...]:
        """Event shape of each parent.

        Raises:
            ValueError: when a parent is unknown, or lacks cells that are read of it.
        """
        for parent in self.parents:
            if parent.name not in shapes:
                raise ValueError(
                    f"{name!r} is given {str(parent)!r}, but the model has no variable of that name; "
                    f"it has {sorted(shapes)}. Misspelt, or missing from conditions={{...}}?"
                )
        return tuple(parent.shape(shapes) for parent in self.parents)
