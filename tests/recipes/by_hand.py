"""Densities written out with torch's own distributions, from the numbers that the networks of a part give."""

from __future__ import annotations

import torch
from torch import Size, Tensor, nn
from torch.distributions import Independent, Normal

from anyvae.conditionals import Conditional


def scale_of(raw: Tensor) -> Tensor:
    """exp(6 tanh(raw / 6))."""
    return (6.0 * torch.tanh(raw / 6.0)).exp()


def normal(loc: Tensor, raw_scale: Tensor) -> Independent:
    """Of vectors, by the raw scale."""
    return Independent(Normal(loc, scale_of(raw_scale).expand_as(loc)), 1)


def standard(like: Tensor) -> Independent:
    """N(0, I)."""
    return Independent(Normal(torch.zeros_like(like), torch.ones_like(like)), 1)


def read(part: Conditional, *parents: Tensor) -> Independent:
    """A diagonal normal whose network gives both parameters."""
    return normal(*part.net(*parents))


def around(part: Conditional, loc: Tensor) -> Independent:
    """A normal with scales of its own about given places."""
    return normal(loc, part.free["raw_scale"])


def expert(net: nn.Module, k: int, *parents: Tensor) -> tuple[Tensor, ...]:
    """What the network of one class gives, of `Chosen` without shared weights; its parameters in the family's order."""
    return tuple(
        part + net.offsets[name] for part, name in zip(net.nets[k](*parents), net.names, strict=True)
    )


def fixed(name: str, shape: Size, dtype: torch.dtype) -> Tensor:
    """Noise that hangs on the name of the variable."""
    seed = sum(ord(letter) * 31**place for place, letter in enumerate(name))
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def rows(count: int = 6, features: int = 4) -> Tensor:
    """Some rows."""
    return torch.randn(count, features, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def stir(module: nn.Module, spread: float = 0.5) -> None:
    """Move every weight off its start, so that no part is one by chance."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(spread * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
