"""How a conditional refers to its parents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

__all__ = ["Parent", "as_parents", "observed", "optional", "prior", "union"]


@final
@dataclass(frozen=True)
class Parent:
    """A reference to a variable.

    Arguments:
        name: the variable.
        mask: whether the conditional reads the variable's mask (1 where given) instead of its value.
        prior: whether it reads the variable's generative distribution instead of its value.
        optional: whether it reads the value as given, zeros where it is not, and never waits for it.
    """

    name: str
    mask: bool = False
    prior: bool = False
    optional: bool = False

    def __str__(self) -> str:
        kinds = {"observed": self.mask, "prior": self.prior, "optional": self.optional}
        return next((f"{kind}({self.name})" for kind, is_it in kinds.items() if is_it), self.name)


def as_parents(parents: Sequence[str | Parent]) -> tuple[Parent, ...]:
    """References from names and references."""
    return tuple(Parent(parent) if isinstance(parent, str) else parent for parent in parents)


def union(*parents: Sequence[Parent]) -> tuple[Parent, ...]:
    """Every parent once, in order of its first place.

    >>> union([Parent("x"), Parent("y")], [Parent("z"), Parent("x")])[2].name
    'z'
    """
    return tuple(dict.fromkeys(parent for some in parents for parent in some))


def observed(name: str) -> Parent:
    """The mask of a variable: ones where its cells are given, zeros where they are missing.

    Always of the variable's event shape, so that `given("x", observed("x"))` reads a row with its holes.

    >>> str(observed("x"))
    'observed(x)'
    """
    return Parent(name, mask=True)


def optional(name: str) -> Parent:
    """The value of a variable where it is given, zeros where it is not: nothing is drawn in its place.

    For inference conditionals, with `observed(name)` beside it to tell a zero from a hole;
    `ProductOfExperts` and `MixtureOfExperts` see to that themselves.

    >>> str(optional("x"))
    'optional(x)'
    """
    return Parent(name, optional=True)


def prior(name: str) -> Parent:
    """The distribution p(name | its parents) at the drawn parents: what a top-down posterior starts from.

    >>> str(prior("z1"))
    'prior(z1)'
    """
    return Parent(name, prior=True)
