"""What objectives hold: modules beside the model (critics, controllers, feature networks), and ramps of weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from torch import nn

from anyvae.objectives.drawing import BiasedDraw
from anyvae.objectives.objective import Objective
from anyvae.objectives.schedule import LinearRamp, Schedule

__all__ = ["held_modules", "warm_up"]


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
    for thing in _inside(things):
        if isinstance(thing, nn.Module):
            found.setdefault(id(thing), thing)
    return list(found.values())


def warm_up(*things: object) -> float:
    """The fraction of the run by which every ramp inside objectives that ends in its first half has ended; 0 for none.

    Arguments:
        things: objectives, schedules, or collections of them.

    >>> from anyvae.objectives import ELBO, LinearRamp
    >>> warm_up(ELBO(beta=LinearRamp(0.0, 1.0, until=0.2))), warm_up(ELBO())
    (0.2, 0.0)
    """
    ends = [thing.until for thing in _inside(things) if isinstance(thing, LinearRamp)]
    return max((end for end in ends if end <= 0.5), default=0.0)


def _inside(thing: object) -> Iterator[object]:
    """Modules, schedules and objectives inside something, and what they hold."""
    if isinstance(thing, nn.Module | Objective | Schedule | BiasedDraw):
        yield thing
    if isinstance(thing, nn.Module):
        return
    if isinstance(thing, Objective | Schedule | BiasedDraw):
        yield from _inside(vars(thing))
    elif isinstance(thing, Mapping):
        yield from _inside(list(thing.values()))
    elif isinstance(thing, Sequence) and not isinstance(thing, str):
        for item in thing:
            yield from _inside(item)
