"""How a conditional refers to its parents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

__all__ = ["Parent", "observed"]


@final
@dataclass(frozen=True)
class Parent:
    """A reference to a variable.

    Arguments:
        name: the variable.
        mask: whether the conditional reads the variable's mask (1 where given) instead of its value.
    """

    name: str
    mask: bool = False

    def __str__(self) -> str:
        return f"observed({self.name})" if self.mask else self.name


def observed(name: str) -> Parent:
    """The mask of a variable: ones where its cells are given, zeros where they are missing.

    Always of the variable's event shape, so that `given("x", observed("x"))` reads a row with its holes.

    >>> str(observed("x"))
    'observed(x)'
    """
    return Parent(name, mask=True)
