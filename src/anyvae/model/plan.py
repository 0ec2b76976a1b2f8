"""In which order the variables of one pattern of evidence are drawn, and which KLs may be exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, final

from anyvae.conditionals import Conditional

__all__ = ["Draw", "Plan", "computed_names", "generation_order", "make_plan", "values_read"]


@final
class Draw(NamedTuple):
    """One variable of a pass.

    Arguments:
        name: of the variable.
        from_q: whether the inference graph gives it; else the generative one.
    """

    name: str
    from_q: bool


@final
@dataclass(frozen=True)
class Plan:
    """The order of one pass.

    Arguments:
        steps: every variable that is drawn or computed, in order.
        draws: the drawn ones among them.
        scored: generative variables whose log p counts; where one is drawn from its own p, the two cancel.
        exact: drawn variables whose KL(q || p) may be taken in closed form.
    """

    steps: tuple[Draw, ...]
    draws: tuple[Draw, ...]
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
    generative conditional where something scored depends on it, and is left out otherwise. A deterministic
    variable of one graph alone is computed where something reads it.

    Arguments:
        generative, inference: conditionals by name.
        whole: names given in full (declared conditions among them).
        partial: names given with holes.

    Raises:
        ValueError: when an inference conditional cannot be reached from the evidence.
    """
    computed = computed_names(generative, inference) - whole - partial
    latent_q = [name for name in inference if name not in whole and name not in computed]
    needed = _needed(generative, inference, whole | partial, frozenset(latent_q))
    hidden = [Draw(name, True) for name in latent_q]
    hidden += [Draw(name, name in inference) for name in computed if name in needed]
    hidden += [
        Draw(name, False)
        for name in generative
        if name not in whole and name not in inference and name not in computed and name in needed
    ]
    steps: list[Draw] = []
    ancestors: dict[str, frozenset[str]] = {}
    waiting = hidden
    ready = (set(whole) | set(partial - set(inference))) - {item.name for item in hidden if not item.from_q}
    while waiting:
        for item in waiting:
            part = (inference if item.from_q else generative)[item.name]
            parents = values_read(part, generative)
            # The encoder reads a row with holes as it is, although the holes are drawn later; a label that is known
            # in some rows is inferred in the others, and is waited for.
            as_it_is = partial - set(inference) if item.from_q else frozenset()
            if all(parent in ready or parent in as_it_is for parent in parents):
                own = frozenset() if item.name in computed else frozenset({item.name})
                ancestors[item.name] = own.union(*(ancestors[name] for name in parents if name in ancestors))
                ready.add(item.name)
                steps.append(item)
                waiting.remove(item)
                break
        else:
            name, from_q = next((item for item in waiting if item.from_q), waiting[0])
            part = (inference if from_q else generative)[name]
            missing = [parent for parent in values_read(part, generative) if parent not in ready]
            raise ValueError(
                f"{name!r} cannot be drawn: its {'inference' if from_q else 'generative'} conditional reads "
                f"{missing}, which is neither given nor drawn before it (given: {sorted(whole | partial)}). "
                f"Pass it in the batch; read optional({missing[0]!r}) and observed({missing[0]!r}), which need no "
                "value; or draw from the prior with sample(...)."
            )
    draws = tuple(item for item in steps if item.name not in computed)
    exact = frozenset(
        name
        for name, from_q in draws
        if from_q
        and name not in partial
        and name in generative
        # A closed form averages over v with p's parents held fixed: none may depend on the drawn v.
        and not any(name in ancestors.get(parent, ()) for parent in values_read(generative[name], generative))
    )
    from_q_names = {name for name, from_q in draws if from_q}
    scored = tuple(name for name in generative if name in whole or name in partial or name in from_q_names)
    return Plan(tuple(steps), draws, scored, exact)


def computed_names(
    generative: Mapping[str, Conditional], inference: Mapping[str, Conditional]
) -> frozenset[str]:
    """Deterministic variables of one graph alone."""
    return frozenset(
        name
        for here, there in ((generative, inference), (inference, generative))
        for name, part in here.items()
        if part.deterministic and name not in there
    )


def values_read(part: Conditional, generative: Mapping[str, Conditional]) -> list[str]:
    """Names whose values a part needs; for a prior that it reads, what that prior needs."""
    found: list[str] = []
    for parent in part.parents:
        if parent.prior:
            found += values_read(generative[parent.name], generative)
        elif not (parent.mask or parent.optional):
            found.append(parent.name)
    return found


def _needed(
    generative: Mapping[str, Conditional],
    inference: Mapping[str, Conditional],
    given: frozenset[str],
    latent: frozenset[str],
) -> set[str]:
    """What has to be drawn or computed so that the given and the inferred can be scored and drawn."""
    needed: set[str] = set()
    frontier = [(generative[name], False) for name in given | latent if name in generative]
    frontier += [(inference[name], True) for name in latent]
    while frontier:
        part, from_q = frontier.pop()
        for name in values_read(part, generative):
            # The encoder reads given rows with holes as they are; what is generated from them needs the holes.
            if name in needed or (from_q and name in given):
                continue
            needed.add(name)
            if name not in given and name not in latent:
                in_p = name in generative
                frontier.append((generative[name] if in_p else inference[name], not in_p))
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
            if all(parent in ready for parent in values_read(generative[name], generative)):
                order.append(name)
                ready.add(name)
                waiting.remove(name)
                break
        else:
            stuck = waiting[0]
            missing = [name for name in values_read(generative[stuck], generative) if name not in ready]
            raise ValueError(
                f"{stuck!r} cannot be generated: it depends on {missing}, which is neither given nor "
                "generated before it. Give it, or take the cycle out of the graph."
            )
    return tuple(order)
