"""In which order the variables of one pattern of evidence are drawn, and which KLs may be exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from anyvae.conditionals import Conditional

__all__ = ["Plan", "generation_order", "make_plan"]


@final
@dataclass(frozen=True)
class Plan:
    """The order of one pass.

    Arguments:
        draws: (name, from q) in drawing order; from p where not from q.
        scored: generative variables whose log p counts; where one is drawn from its own p, the two cancel.
        exact: drawn variables whose KL(q || p) may be taken in closed form.
    """

    draws: tuple[tuple[str, bool], ...]
    scored: tuple[str, ...]
    exact: frozenset[str]


def make_plan(
    generative: Mapping[str, Conditional],
    inference: Mapping[str, Conditional],
    whole: frozenset[str],
    partial: frozenset[str],
) -> Plan:
    """Plan the inference pass for evidence of one pattern.

    A hidden variable with an inference conditional is drawn from it. One without is drawn from its
    generative conditional where something scored depends on it, and is left out otherwise.

    Arguments:
        generative, inference: conditionals by name.
        whole: names given in full (declared conditions among them).
        partial: names given with holes.

    Raises:
        ValueError: when an inference conditional cannot be reached from the evidence.
    """
    readable = set(whole) | set(partial - set(inference))
    hidden_q = [name for name in inference if name not in whole]
    needed = _needed(generative, set(whole) | set(partial) | set(hidden_q))
    hidden_p = [name for name in generative if name not in whole and name not in inference and name in needed]
    draws: list[tuple[str, bool]] = []
    ancestors: dict[str, frozenset[str]] = {}
    waiting = [(name, True) for name in hidden_q] + [(name, False) for name in hidden_p]
    ready = readable - set(hidden_p)
    while waiting:
        for item in waiting:
            name, from_q = item
            parents = [p.name for p in (inference if from_q else generative)[name].parents if not p.mask]
            # The encoder reads a row with holes as it is, although the holes are drawn later.
            if all(parent in ready or (from_q and parent in partial) for parent in parents):
                drawn = [parent for parent in parents if parent in ancestors]
                ancestors[name] = frozenset({name}).union(*(ancestors[parent] for parent in drawn))
                ready.add(name)
                draws.append(item)
                waiting.remove(item)
                break
        else:
            name, from_q = next((item for item in waiting if item[1]), waiting[0])
            parents = [p.name for p in (inference if from_q else generative)[name].parents if not p.mask]
            missing = [parent for parent in parents if parent not in ready]
            raise ValueError(
                f"{name!r} cannot be drawn: its {'inference' if from_q else 'generative'} conditional reads "
                f"{missing}, which is neither given nor drawn before it (given: {sorted(whole | partial)}). "
                f"Pass it in the batch, read observed({missing[0]!r}) instead, or draw from the prior with sample(...)."
            )
    exact = frozenset(
        name
        for name, from_q in draws
        if from_q
        and name not in partial
        and name in generative
        # A closed form averages over v with p's parents held fixed: none may depend on the drawn v.
        and not any(
            name in ancestors.get(p.name, frozenset()) for p in generative[name].parents if not p.mask
        )
    )
    from_p = {name for name, from_q in draws if not from_q}
    scored = tuple(
        name
        for name in generative
        if name in whole or name in partial or (name in ancestors and name not in from_p)
    )
    return Plan(tuple(draws), scored, exact)


def _needed(generative: Mapping[str, Conditional], seen: set[str]) -> set[str]:
    """Generative ancestors of what is given or drawn from q."""
    needed: set[str] = set()
    frontier = [name for name in seen if name in generative]
    while frontier:
        for parent in generative[frontier.pop()].parents:
            if parent.name in generative and parent.name not in needed:
                needed.add(parent.name)
                frontier.append(parent.name)
    return needed


def generation_order(generative: Mapping[str, Conditional], given: frozenset[str]) -> tuple[str, ...]:
    """Generative variables that are not given, parents before children.

    Raises:
        ValueError: when the graph has a cycle, or a variable without a generative conditional is not given.
    """
    order: list[str] = []
    ready = set(given)
    waiting = [name for name in generative if name not in given]
    while waiting:
        for name in waiting:
            if all(parent.name in ready for parent in generative[name].parents if not parent.mask):
                order.append(name)
                ready.add(name)
                waiting.remove(name)
                break
        else:
            stuck = waiting[0]
            missing = [p.name for p in generative[stuck].parents if not p.mask and p.name not in ready]
            raise ValueError(
                f"{stuck!r} cannot be generated: it depends on {missing}, which is neither given nor "
                "generated before it. Give it, or take the cycle out of the graph."
            )
    return tuple(order)
