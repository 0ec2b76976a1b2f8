"""Roots of many monotone functions at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["decreasing_root"]

_MOST_STEPS = 100
# Of the bracket. A Newton step squares the error, so that after a step this small nothing is left of it.
_SMALL_STEP = 1e-12


def decreasing_root(
    function: Callable[[Tensor], tuple[Tensor, Tensor]], low: Tensor, high: Tensor, start: Tensor
) -> Tensor:
    r"""Where decreasing functions are zero: Newton's method, and bisection where it would leave the bracket.

    .. math:: x \leftarrow x - f(x) / f'(x)

    Arguments:
        function: value and slope at a point, element by element, in double precision; infinite values are
            fine, their points are bisected.
        low, high: a bracket: the function is positive at `low` and negative at `high`.
        start: first point, in the bracket.

    >>> from math import log
    >>> zero, ten = torch.zeros(1).double(), torch.full((1,), 10.0).double()
    >>> root = decreasing_root(lambda x: (5.0 - x.exp(), -x.exp()), zero, ten, 0.5 * ten)
    >>> abs(root.item() - log(5.0)) < 1e-14
    True
    """
    point, enough = start, _SMALL_STEP * (high - low)
    for _ in range(_MOST_STEPS):
        value, slope = function(point)
        left = value > 0
        low, high = torch.where(left, point, low), torch.where(left, high, point)
        newton = point - value / slope
        # False also where the step is not a number.
        inside = (newton >= low) & (newton <= high)
        following = torch.where(inside, newton, 0.5 * (low + high))
        settled = (following - point).abs() <= enough
        point = following
        if bool(settled.all()):
            break
    return point
