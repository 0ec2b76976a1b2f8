"""Products of networks in fewer bits."""

from __future__ import annotations

import torch

__all__ = ["products_in"]


def products_in(precision: torch.dtype | None, device: torch.device) -> torch.autocast:
    """A context in which networks multiply in `precision`, or in that of their weights where it is None.

    Arguments:
        precision: `torch.bfloat16`, or None.
        device: of the weights.

    Raises:
        ValueError: for another precision. float16 would need its loss scaled, and gains nothing over bfloat16.

    >>> one = torch.ones(1, 1)
    >>> with products_in(torch.bfloat16, one.device):
    ...     (one @ one).dtype
    torch.bfloat16
    """
    if precision not in (None, torch.bfloat16):
        raise ValueError(
            f"precision is {precision!r}; wanted torch.bfloat16, or None for the precision of the weights."
        )
    return torch.autocast(device.type, torch.bfloat16, enabled=precision is not None)
