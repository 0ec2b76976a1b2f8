"""Logarithms of tails, whose gradients are right as far out as the numbers go."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["log_ndtr"]

_ROOT_HALF = math.sqrt(0.5)
_FROM = -1.0


def log_ndtr(far: Tensor) -> Tensor:
    r"""log Phi(far), the log-mass that the standard normal density has below `far`.

    .. math:: \log \Phi(t) = \log \tfrac12 \operatorname{erfcx}(-t / \sqrt 2) - \tfrac12 t^2

    torch's has this value too, but its gradient is the exponential of a difference of two numbers near t^2 / 2:
    infinite at t = -100,000 in single precision, where it is -t.

    >>> far = torch.tensor(-1e5, requires_grad=True)
    >>> torch.autograd.grad(log_ndtr(far), far)[0]
    tensor(100000.)
    """
    below = far < _FROM
    # Finite stand-ins, so that the gradient of what is not taken is a number.
    tail = torch.where(below, far, _FROM)
    rest = torch.where(below, _FROM, far)
    inner = (0.5 * torch.special.erfcx(-tail * _ROOT_HALF)).log() - 0.5 * tail.square()
    return torch.where(below, inner, torch.special.log_ndtr(rest))
