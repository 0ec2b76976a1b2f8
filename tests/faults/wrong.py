"""Faults of what is refused where it is handed over, or when parts are joined."""

from __future__ import annotations

from faults import Mutation

_SUPPORTS = ("conditionals/test_supports.py",)
_WANTS = ("test_wants.py",)

FAULTS = [
    Mutation(
        "any class taken for a thing of it",
        "wants.py",
        "    if isinstance(value, kinds):",
        "    if isinstance(value, (kinds, type)):",
        _WANTS,
    ),
    Mutation(
        "letters taken for widths",
        "wants.py",
        "        wants(Integral, entry, part, wanted)",
        "        pass",
        _WANTS,
    ),
    Mutation(
        "a module run to make one",
        "wants.py",
        'hasattr(value, "forward") and not isinstance(value, type)',
        'hasattr(value, "forwards") and not isinstance(value, type)',
        _WANTS,
    ),
    Mutation(
        "a tensor taken for a batch",
        "model/batch.py",
        "    if not isinstance(batch, Mapping):",
        "    if isinstance(batch, str):",
        _WANTS,
    ),
    Mutation(
        "an empty list taken for no network",
        "recipes/ends.py",
        "paints if decoder is None else",
        "paints if not decoder else",
        _WANTS,
    ),
    Mutation(
        "q on another space than p",
        "model/graph.py",
        "                _refuse_elsewhere(name, part, p[name])",
        "                pass",
        _SUPPORTS,
    ),
    Mutation(
        "p within q and not q within p",
        "model/graph.py",
        "or within(inner, outer):",
        "or within(outer, inner):",
        _SUPPORTS,
    ),
    Mutation(
        "whole numbers among the reals",
        "conditionals/supports.py",
        "    for wholes in (_LINE, _NUMBERS):\n        first, second",
        "    for wholes in (_LINE + _NUMBERS,):\n        first, second",
        _SUPPORTS,
    ),
    Mutation(
        "constraints around constraints",
        "conditionals/supports.py",
        "    while isinstance(found, constraints.independent):",
        "    while isinstance(found, constraints.stack):",
        _SUPPORTS,
    ),
]
