"""How a conditional refers to its parents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from torch import Size, Tensor

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
        cells: places of the features that it reads, of a vector; all of the variable where None.
    """

    name: str
    mask: bool = False
    prior: bool = False
    optional: bool = False
    cells: tuple[int, ...] | None = None

    def __str__(self) -> str:
        kinds = {"observed": self.mask, "prior": self.prior, "optional": self.optional}
        what = self.name if self.cells is None else f"{self.name}[{_ranges(self.cells)}]"
        return next((f"{kind}({what})" for kind, is_it in kinds.items() if is_it), what)

    def of(self, value: Tensor) -> Tensor:
        """What is read of a value or mask of the whole variable."""
        if self.cells is None:
            return value
        if not any(value.stride()):  # one number everywhere, and so it stays
            return value[..., : len(self.cells)]
        return value[..., list(self.cells)]

    def shape(self, shapes: Mapping[str, Size]) -> Size:
        """Event shape of what is read.

        Arguments:
            shapes: event shape of every variable, by name.

        Raises:
            ValueError: when it reads cells that the variable does not have.
        """
        whole = shapes[self.name]
        if self.cells is None:
            return whole
        if len(whole) != 1 or not self.cells or not 0 <= min(self.cells) <= max(self.cells) < whole[0]:
            raise ValueError(
                f"{str(self)!r} reads cells of {self.name!r}, which has shape {tuple(whole)}; wanted places of a "
                "vector, counted from 0."
            )
        return Size((len(self.cells),))


def as_parents(parents: Sequence[str | Parent]) -> tuple[Parent, ...]:
    """References from names and references."""
    return tuple(Parent(parent) if isinstance(parent, str) else parent for parent in parents)


def union(*parents: Sequence[Parent]) -> tuple[Parent, ...]:
    """Every parent once, in order of its first place.

    >>> union([Parent("x"), Parent("y")], [Parent("z"), Parent("x")])[2].name
    'z'
    """
    return tuple(dict.fromkeys(parent for some in parents for parent in some))


def observed(name: str, cells: Sequence[int] | None = None) -> Parent:
    """The mask of a variable: ones where its cells are given, zeros where they are missing.

    Always of the variable's event shape, so that `given("x", observed("x"))` reads a row with its holes.

    Arguments:
        name: of the variable.
        cells: places of the features whose mask is read, of a vector; all of them where None.

    >>> str(observed("x"))
    'observed(x)'
    """
    return Parent(name, mask=True, cells=None if cells is None else tuple(cells))


def optional(name: str, cells: Sequence[int] | None = None) -> Parent:
    """The value of a variable where it is given, zeros where it is not: nothing is drawn in its place.

    For inference conditionals, with `observed(name)` beside it to tell a zero from a hole;
    `ProductOfExperts` and `MixtureOfExperts` see to that themselves.

    Arguments:
        name: of the variable.
        cells: places of the features that are read, of a vector; all of them where None.

    >>> str(optional("x")), str(optional("x", [0, 1, 2, 5]))
    ('optional(x)', 'optional(x[0-2,5])')
    """
    return Parent(name, optional=True, cells=None if cells is None else tuple(cells))


def prior(name: str) -> Parent:
    """The distribution p(name | its parents) at the drawn parents: what a top-down posterior starts from.

    >>> str(prior("z1"))
    'prior(z1)'
    """
    return Parent(name, prior=True)


def _ranges(cells: Sequence[int]) -> str:
    """Places in short: 0, 1, 2, 5 as 0-2,5."""
    found: list[list[int]] = []
    for cell in cells:
        if found and cell == found[-1][1] + 1:
            found[-1][1] = cell
        else:
            found.append([cell, cell])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in found)
