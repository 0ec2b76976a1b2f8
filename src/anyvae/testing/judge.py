"""How a law decides: close enough, or near enough for the number of draws."""

from __future__ import annotations

import math

from torch import Tensor
from torch.distributions import Distribution

__all__ = ["close", "has_moment", "within"]

_ERRORS = 5.0


def has_moment(distribution: Distribution, moment: str) -> bool:
    """Whether a distribution knows its "mean" or "variance"."""
    try:
        return getattr(distribution, moment) is not None
    except NotImplementedError:
        return False


def within(law: str, draws: Tensor, exact: Tensor, least: float = 1e-9) -> None:
    """Fail, naming the law, where the mean of draws lies more than five standard errors from an exact number."""
    # A cell that never varied has no standard error: a rare point, or rounding, is what `least` forgives.
    error = (draws.std(0) / math.sqrt(len(draws))).clamp_min(least)
    far = ((draws.mean(0) - exact).abs() / error).max().item()
    assert far < _ERRORS, f"{law}: {far:.1f} standard errors from draws, allowed are {_ERRORS:g}"


def close(law: str, found: Tensor, wanted: Tensor, atol: float) -> None:
    """Fail, naming the law, where numbers differ by more than `atol` of their size."""
    gap = (found - wanted).abs().max().item()
    assert gap <= atol * (1.0 + wanted.abs().max().item()), f"{law}: off by {gap:.3g}, allowed is {atol:g}"
