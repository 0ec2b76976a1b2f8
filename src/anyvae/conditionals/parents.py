"""How a conditional refers to its parents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

__all__ = ["Parent", "as_parents", "observed", "prior"]


@final
@dataclass(frozen=True)
class Parent:
    """A reference to a variable.

    Arguments:
        name: the variable.
        mask: whether the conditional reads the variable's mask (1 where given) instead of its value.
        prior: whether it reads the variable's generative distribution instead of its value.
    """

    name: str
    mask: bool = False
    prior: bool = False

    def __str__(self) -> str:
        return f"observed({self.name})" if self.mask else f"prior({self.name})" if self.prior else self.name


def as_parents(parents: Sequence[str | Parent]) -> tuple[Parent, ...]:
    """References from names and references."""
    return tuple(Parent(parent) if isinstance(parent, str) else parent for parent in parents)


def observed(name: str) -> Parent:
    """The mask of a variable: ones where its cells are given, zeros where they are missing.

    Always of the variable's event shape, so that `given("x", observed("x"))` reads a row with its holes.

    >>> str(observed("x"))
    'observed(x)'
    """
    return Parent(name, mask=True)


def prior(name: str) -> Parent:
    """The distribution p(name | its parents) at the drawn parents: what a top-down posterior starts from.

    >>> str(prior("z1"))
    'prior(z1)'
    """
    return Parent(name, prior=True)
