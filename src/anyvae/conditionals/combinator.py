"""The base of conditionals that are made of others."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import torch
from torch import Size, Tensor, nn
from torch.distributions import Distribution

from anyvae.conditionals.blanket import Blanketed
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.family import Family
from anyvae.conditionals.parametric import FamilyConditional
from anyvae.conditionals.parents import Parent, union
from anyvae.wants import wants

__all__ = ["Combinator", "as_conditional", "as_list", "trial", "words"]


def as_conditional(part: Conditional | Family) -> Conditional:
    """A family without parents as a conditional; a conditional as it is.

    Raises:
        TypeError: for anything else, such as a class.
    """
    wants(
        (Conditional, Family),
        part,
        "a part of a model",
        "a conditional, or a family such as StandardNormal(2)",
    )
    return part.given() if isinstance(part, Family) else part


def as_list(parts: Iterable[Conditional | Family], kind: str) -> list[Conditional | Family]:
    """Parts as they were handed over together.

    Arguments:
        parts: conditionals or, without parents, families.
        kind: of what they are the parts, for messages.

    Raises:
        TypeError: for one of them by itself.
    """
    wants(Iterable, parts, f"parts of {kind}", f"a list of conditionals, as in {kind}([first, second])")
    return list(parts)


def words(part: Conditional) -> str:
    """A conditional in a line: the family and what it is given, or the combinator and its parts."""
    return (
        part.extra_repr()
        if isinstance(part, FamilyConditional)
        else f"{type(part).__name__}({part.extra_repr()})"
    )


class Combinator(Conditional, ABC):
    """A conditional made of other conditionals, its parts.

    It builds, joins and checks them, reads the union of their parents and hands to each its own.

    Arguments:
        parts: conditionals or, without parents, families.
        more: parents that the combinator reads itself.
    """

    def __init__(self, parts: Sequence[Conditional | Family], more: Sequence[Parent] = ()) -> None:
        super().__init__()
        parts = as_list(parts, type(self).__name__)
        if not parts:
            raise ValueError(f"{type(self).__name__} got no parts; wanted one or more conditionals.")
        self.parts = nn.ModuleList(as_conditional(part) for part in parts)
        self.parents = union(*(part.parents for part in self._parts()), more)
        place = {parent: index for index, parent in enumerate(self.parents)}
        self._own = [[place[parent] for parent in part.parents] for part in self._parts()]
        self._shapes: dict[str, Size] = {}
        if len(set(self._parts())) < len(self.parts):
            raise ValueError(
                f"{type(self).__name__} got the same conditional twice; make one part for each place with .given(...)."
            )
        for index, part in enumerate(self._parts()):
            if isinstance(part, Blanketed):
                raise ValueError(
                    f"{type(self).__name__}: part {index} is a {type(part).__name__}, which evaluates the model around "
                    "its variable; it can only be the whole of q."
                )
            if part.deterministic:
                raise ValueError(f"{type(self).__name__}: part {index} is deterministic and has no density.")
        for index, part in enumerate(self._same_variable()):
            if part.event_shape != self.event_shape:
                raise ValueError(
                    f"{type(self).__name__}: part 0 has event shape {tuple(self.event_shape)}, part {index} "
                    f"{tuple(part.event_shape)}; they are distributions of one variable, make the sizes equal."
                )

    @property
    def event_shape(self) -> Size:
        """Shape of one row of the child: that of the first part."""
        return self._parts()[0].event_shape

    def extra_repr(self) -> str:
        """The parts in a line."""
        return ", ".join(words(part) for part in self._parts())

    def build(self, name: str, shapes: Mapping[str, Size]) -> Self:
        """See `Conditional.build`; builds every part."""
        self.input_shapes(name, shapes)
        for part in self._parts():
            part.build(name, shapes)
        self._shapes = dict(shapes)
        return self

    def join(
        self, name: str, generative: Mapping[str, Conditional], inference: Mapping[str, Conditional]
    ) -> None:
        """See `Conditional.join`; joins every part."""
        for part in self._parts():
            part.join(name, generative, inference)

    def check(self, name: str, value: Tensor) -> None:
        """See `Conditional.check`; a value has to suit every part that is a distribution of it."""
        for part in self._same_variable():
            part.check(name, value)

    def distributions_of_parts(self, parents: Sequence[Any]) -> list[Distribution]:
        """The distribution of every part, each given its own parents."""
        return [
            part(*[parents[place] for place in own]) for part, own in zip(self.parts, self._own, strict=True)
        ]

    def _parts(self) -> list[Conditional]:
        return list(self.parts)  # type: ignore[arg-type]

    def _same_variable(self) -> list[Conditional]:
        """The parts that are distributions of the child: all of them, unless a subclass says otherwise."""
        return self._parts()


def trial(
    part: Conditional, shapes: Mapping[str, Size], generative: Mapping[str, Conditional]
) -> Distribution:
    """The distribution that a built part gives for one row of zeros: to see its kind when parts are joined.

    Arguments:
        part: built.
        shapes: event shape of every variable.
        generative: for the priors that it reads.
    """
    tensors = [*part.parameters(), *part.buffers(), torch.zeros(())]
    like = next(tensor for tensor in tensors if tensor.is_floating_point())
    modes = [(module, module.training) for module in part.modules()]
    try:
        part.eval()
        with torch.no_grad():
            found: Distribution = part(
                *[
                    trial(generative[parent.name], shapes, generative)
                    if parent.prior
                    else like.new_zeros((1, *parent.shape(shapes)))
                    for parent in part.parents
                ]
            )
            return found
    finally:
        for module, mode in modes:
            module.training = mode
