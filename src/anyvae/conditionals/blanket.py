"""What a variable's posterior depends on: its prior, and the parts that read it."""

from __future__ import annotations

import copy
from abc import ABC
from collections.abc import Mapping
from typing import Any, Self, final

import torch
from torch import Size, Tensor
from torch.distributions import Distribution

from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.parents import Parent, union
from anyvae.distributions import Cellwise, log_prob_of_given

__all__ = ["Blanket", "Blanketed", "leading_shape"]


@final
class Blanket:
    r"""The generative parts in which a variable takes part, for a posterior that evaluates them.

    .. math:: p(v \mid rest) \propto p(v \mid parents) \prod_c p(c \mid v, \dots)

    Arguments:
        user: who asks, for messages.
        name: of the variable.
        generative, inference: parts of the model.

    Raises:
        ValueError: when nothing that can be given reads the variable.
    """

    def __init__(
        self,
        user: str,
        name: str,
        generative: Mapping[str, Conditional],
        inference: Mapping[str, Conditional],
    ) -> None:
        states = [name]
        for other in _in_order(generative):
            part = generative[other]
            if part.deterministic and other not in inference and any(p.name in states for p in part.parents):
                states.append(other)
        targets = [
            other
            for other, part in generative.items()
            if other not in states and any(parent.name in states for parent in part.parents)
        ]
        if not targets:
            raise ValueError(
                f"{user}: no generative part reads {name!r}, so nothing tells of it; take q({name}) away."
            )
        self.name = name
        self.states = tuple(states[1:])
        self.targets = tuple(targets)
        self._generative = generative
        found: list[Parent] = []
        for other in targets:
            # A latent is whole, given or drawn; an observed row may have holes.
            found += [Parent(other)] if other in inference else [Parent(other), Parent(other, mask=True)]
        for other in (name, *self.states, *targets):
            found += [parent for parent in generative[other].parents if parent.name not in states]
        self.parents = union(found)

    def prior(self, given: Mapping[Parent, Any]) -> Distribution:
        """p(v | parents), at the given values."""
        return self._at(self.name, {}, given)

    def log_likelihood(self, value: Tensor, given: Mapping[Parent, Any]) -> Tensor:
        """log of the product over the parts that read it, of the given cells, nats, shape of the leading axes."""
        values = {self.name: value}
        for name in self.states:
            values[name] = self._at(name, values, given).mean
        total: Tensor | None = None
        for name in self.targets:
            p, child = self._at(name, values, given), given[Parent(name)]
            mask = given.get(Parent(name, mask=True))
            # Where there is no density per cell a row counts if all of it is given.
            term = p.log_prob(child) if mask is None else log_prob_of_given(p, child, mask.expand_as(child))
            total = term if total is None else total + term
        assert total is not None
        return total

    def _at(self, name: str, values: Mapping[str, Tensor], given: Mapping[Parent, Any]) -> Distribution:
        part = self._generative[name]
        found: Distribution = part(
            *(p.of(values[p.name]) if p.name in values else given[p] for p in part.parents)
        )
        # Values that are only tried teach nothing.
        return found.settled() if isinstance(found, Cellwise) else found


class Blanketed(Conditional, ABC):
    """A posterior that evaluates the generative parts around its variable, and so belongs to one model.

    Arguments:
        own: parents that it reads itself, besides those of the generative parts.
    """

    def __init__(self, own: tuple[Parent, ...] = ()) -> None:
        super().__init__()
        self._own = self.parents = own
        self._shapes: dict[str, Size] = {}
        # In a tuple: the model owns the parts that it holds, and a module would register them a second time.
        self._blanket: tuple[Blanket, ...] = ()

    def build(self, name: str, shapes: Mapping[str, Size]) -> Self:
        """See `Conditional.build`."""
        self._shapes = dict(shapes)
        return self

    def join(
        self, name: str, generative: Mapping[str, Conditional], inference: Mapping[str, Conditional]
    ) -> None:
        """See `Conditional.join`; what the generative parts read becomes a parent."""
        blanket = Blanket(type(self).__name__, name, generative, inference)
        self._blanket = (blanket,)
        self.parents = union(self._own, blanket.parents)

    def unjoined(self) -> Self:
        """See `Conditional.unjoined`; a twin of the same weights where it is joined already."""
        if not self._blanket:
            return self
        twin = copy.copy(self)
        twin.parents, twin._blanket = self._own, ()
        return twin


def leading_shape(values: Mapping[Parent, Any], shapes: Mapping[str, torch.Size]) -> torch.Size:
    """The leading axes that tensors by parent broadcast to.

    Arguments:
        values: what a conditional is called with; distributions are left out.
        shapes: event shape of every variable.
    """
    return torch.broadcast_shapes(
        *(
            value.shape[: value.dim() - len(shapes[parent.name])]
            for parent, value in values.items()
            if not parent.mask and not parent.prior
        )
    )


def _in_order(generative: Mapping[str, Conditional]) -> list[str]:
    """Names so that a variable stands after its generative parents."""
    order: list[str] = []
    waiting = list(generative)
    while waiting:
        ready = [n for n in waiting if not any(p.name in waiting for p in generative[n].parents)]
        if not ready:
            break
        order += ready
        waiting = [name for name in waiting if name not in ready]
    return order
