"""What a family is: which distribution, the event shape, the names and sizes of its parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Size, Tensor, nn
from torch.distributions import Distribution

from anyvae.conditionals.supports import support_of
from anyvae.distributions import LogUnit
from anyvae.networks import Network
from anyvae.wants import wants, whole_numbers

if TYPE_CHECKING:
    from anyvae.conditionals.parametric import FamilyConditional
    from anyvae.conditionals.parents import Parent

__all__ = ["Family", "event_size"]


def event_size(event_shape: int | tuple[int, ...], part: str = "event shape") -> Size:
    """An event shape from a number of features or a tuple.

    Arguments:
        event_shape: as it was given.
        part: what it was given as, for messages.

    Raises:
        TypeError: when it is neither.
        ValueError: when an axis is not positive.

    >>> event_size(3), event_size((1, 28, 28))
    (torch.Size([3]), torch.Size([1, 28, 28]))
    """
    wants(
        (int, Sequence),
        event_shape,
        part,
        "a number of features or the shape of one row, as (1, 28, 28)",
    )
    size = Size((event_shape,) if isinstance(event_shape, int) else whole_numbers(event_shape, part))
    if any(axis < 1 for axis in size):
        raise ValueError(f"{part}: got {tuple(size)}; every axis needs at least one element.")
    return size


class Family(ABC):
    """A value object without weights; `given` makes a conditional of it.

    Arguments:
        event_shape: number of features, or the shape of one row.
    """

    deterministic = False
    """Whether the child is a function of its parents."""

    def __init__(self, event_shape: int | tuple[int, ...]) -> None:
        self.event_shape = event_size(event_shape, f"event shape of {type(self).__name__}")

    def __repr__(self) -> str:
        shape = tuple(self.event_shape)
        return f"{type(self).__name__}({shape[0] if len(shape) == 1 else shape})"

    @property
    @abstractmethod
    def params(self) -> dict[str, Size]:
        """Event shape of each parameter, by name."""

    @property
    def free(self) -> frozenset[str]:
        """Parameters that never come from a network: the same for every row."""
        return frozenset()

    @property
    def constants(self) -> dict[str, Tensor]:
        """Tensors that the distribution needs and no gradient changes; buffers of the conditional."""
        return {}

    @property
    def tellers(self) -> tuple[int, ...] | None:
        """Places of cells whose masks tell those of all, as the first of each column of classes; None for all cells."""
        return None

    def start(self) -> dict[str, Tensor]:
        """Where parameters start that must not start at 0, by name; `given(start=...)` goes before it."""
        return {}

    @abstractmethod
    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> Distribution:
        """The distribution with these parameters.

        Arguments:
            params: one tensor per name of `params`, shape (..., *params[name]).
            constants: one tensor per name of `constants`.
            learning: whether a family that calibrates itself on the scored rows may do so.
        """

    @property
    def support(self) -> Any:
        """Where draws lie, a constraint of `torch.distributions`; None where it is not told."""
        params = {name: torch.zeros(size) for name, size in self.params.items()}
        return support_of(self(params, self.constants))

    def check(self, name: str, value: Tensor) -> None:  # noqa: B027  (no support to check is a fine default)
        """Raise a ValueError when a value lies outside the support; called once, at the door."""

    def given(
        self,
        *parents: str | Parent,
        net: Network | nn.Module | None = None,
        start: Mapping[str, Tensor | float] | None = None,
        log_unit: Tensor | LogUnit | None = None,
    ) -> FamilyConditional:
        """p(child | parents) with this family.

        Arguments:
            parents: names of other variables, or references such as `observed("x")`.
            net: description of the network, or any module; needed when there are parents.
            start: where a parameter starts: its free value, or the bias of its projection.
            log_unit: log of one unit of the child's value in input units, shape event_shape, or a `LogUnit` where
                it grows with the value; densities are then those of the input.
        """
        from anyvae.conditionals.parametric import FamilyConditional

        return FamilyConditional(self, parents, net=net, start=start, log_unit=log_unit)
