"""Where the draws of a distribution lie, and whether those of one have a density under another."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch.distributions import Distribution, constraints

__all__ = ["support_of", "support_words", "within"]


def support_of(distribution: Distribution) -> Any:
    """The constraint of single values or, where they hang together, of an event; None where it is not told."""
    found: Any = distribution.support
    while isinstance(found, constraints.independent):
        found = found.base_constraint
    return found


def within(inner: Any, outer: Any) -> bool:
    """Whether draws that lie in `inner` have a density under a distribution on `outer`.

    Points of a sphere or a simplex have none among the reals, though they are some: it would be infinite.

    Arguments:
        inner: constraint of the draws.
        outer: constraint of what scores them.

    >>> from torch.distributions import constraints as c
    >>> [within(c.unit_interval, c.positive), within(c.real, c.positive), within(c.simplex, c.real)]
    [True, False, False]
    """
    for wholes in (_LINE, _NUMBERS):
        first, second = _ends(inner, wholes), _ends(outer, wholes)
        if first is not None and second is not None:
            return bool(second[0] <= first[0] and first[1] <= second[1])
    return type(inner) is type(outer)


def support_words(support: Any) -> str:
    """A constraint in words.

    >>> [support_words(c) for c in (constraints.real, constraints.one_hot, constraints.unit_interval)]
    ['real numbers', 'one-hot vectors', 'numbers from 0 to 1']
    >>> from anyvae.distributions.sphere import unit_sphere
    >>> support_words(unit_sphere)
    'the unit sphere'
    """
    for kind, words in _WORDS.items():
        if isinstance(support, kind):
            return words
    for wholes, word in ((_LINE, "numbers"), (_NUMBERS, "whole numbers")):
        ends = _ends(support, wholes)
        if ends is not None:
            return f"{word} from {ends[0]:g}" + (f" to {ends[1]:g}" if ends[1] < torch.inf else "")
    return "the " + re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(support).__name__.lstrip("_")).lower()


_WORDS: dict[Any, str] = {
    type(constraints.real): "real numbers",
    type(constraints.boolean): "zeros and ones",
    type(constraints.one_hot): "one-hot vectors",
    type(constraints.simplex): "shares that sum to one",
}
_LINE: Any = (
    type(constraints.real),
    constraints.greater_than,
    constraints.greater_than_eq,
    constraints.interval,
    constraints.half_open_interval,
)
_NUMBERS: Any = (constraints.integer_interval, type(constraints.nonnegative_integer))


def _ends(support: Any, kinds: Any) -> tuple[float, float] | None:
    """Least and greatest value, of a support of one of these kinds; infinite where it has no end."""
    if not isinstance(support, kinds):
        return None
    least = torch.as_tensor(getattr(support, "lower_bound", -torch.inf), dtype=torch.float64)
    most = torch.as_tensor(getattr(support, "upper_bound", torch.inf), dtype=torch.float64)
    return float(least.min()), float(most.max())
