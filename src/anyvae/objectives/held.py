"""The modules that objectives hold beside the model: critics, controllers, feature networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from anyvae.objectives.drawing import BiasedDraw
from anyvae.objectives.objective import Objective
from anyvae.objectives.schedule import Schedule

__all__ = ["held_modules"]


def held_modules(*things: object) -> list[nn.Module]:
    """Every module inside objectives, schedules and collections of them, each once and always in one order.

    So an objective that holds a module need not say so: whoever saves, moves or spreads a run finds it here.

    Arguments:
        things: objectives, schedules, modules, or collections of them; anything else holds no module.

    >>> from anyvae.objectives import ELBO, KL, Controlled, PIController
    >>> held_modules(ELBO() - Controlled(KL(), PIController(target=3.0)))
    [PIController(target=3.0, proportional=0.01, integral=0.001, low=0.0, high=100.0)]
    """
    found: dict[int, nn.Module] = {}

    def visit(thing: object) -> None:
        if isinstance(thing, nn.Module):
            found.setdefault(id(thing), thing)
        elif isinstance(thing, Objective | Schedule | BiasedDraw):
            visit(vars(thing))
        elif isinstance(thing, Mapping):
            visit(list(thing.values()))
        elif isinstance(thing, Sequence) and not isinstance(thing, str):
            for item in thing:
                visit(item)

    visit(things)
    return list(found.values())
