"""How the value of a variable comes about: one draw a row, or every value that it can take."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Size, Tensor
from torch.distributions import Distribution

from anyvae.distributions import FromNoise

__all__ = ["Drawing", "Noise", "drawn_value", "every_value"]

Noise: TypeAlias = Callable[[str, Size, torch.dtype], Tensor]
"""Standard normal numbers for one variable: (name, (S, B, *noise_shape), dtype) to a tensor of that shape."""

Drawing: TypeAlias = Callable[[Distribution, Size], Tensor]
"""A draw in another way: (distribution with all leading axes, its shape) to a value (*batch, *event)."""


def drawn_value(
    name: str,
    distribution: Distribution,
    lead: Size,
    dtype: torch.dtype,
    *,
    noise: Noise | None = None,
    drawing: Drawing | None = None,
) -> Tensor:
    """One draw, shape (*lead, *event), reparameterised where that can be; of more axes where the distribution has more.

    Arguments:
        name: of the variable.
        distribution: of it; leading axes broadcast against `lead`.
        lead: (S, B), or (B,).
        dtype: of fixed noise.
        noise: fixed noise, or None for torch's generator.
        drawing: another way of drawing, which fixed noise goes before.

    Raises:
        ValueError: for fixed noise and a distribution that is not made from any.
    """
    if noise is not None:
        if not isinstance(distribution, FromNoise):
            raise ValueError(
                f"{name!r} follows {type(distribution).__name__}, which cannot be drawn from fixed "
                "noise; give it from_noise(noise), or evaluate without fixed noise."
            )
        samples = Size((1,) * (2 - len(lead))) + lead
        return distribution.from_noise(
            noise(name, samples + distribution.noise_shape, dtype).reshape(lead + distribution.noise_shape)
        )
    batch = distribution.batch_shape
    whole = lead if len(batch) <= len(lead) else torch.broadcast_shapes(batch, lead)
    if drawing is not None:
        return drawing(distribution.expand(whole), whole)
    extra = len(whole) - len(batch)
    if batch != whole[extra:]:
        distribution = distribution.expand(whole[extra:])
    draw = distribution.rsample if distribution.has_rsample else distribution.sample
    return draw(whole[:extra])


def every_value(name: str, distribution: Distribution, after: int) -> Tensor:
    """All K values of a variable, shape (K, 1..., 1, 1, *event), the last two of the leading axes for draws and rows.

    Arguments:
        name: of the variable.
        distribution: of it.
        after: how many other variables have an axis of their values behind it.

    Raises:
        ValueError: for values that cannot be counted.
    """
    try:
        values = distribution.enumerate_support(expand=False)
    except NotImplementedError as error:
        raise ValueError(
            f"{name!r} follows {type(distribution).__name__}, whose values cannot be enumerated; "
            "draw it, or use Categorical."
        ) from error
    event = values.shape[values.dim() - len(distribution.event_shape) :]
    return values.reshape(len(values), *(1,) * after, 1, 1, *event)
