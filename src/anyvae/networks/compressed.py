"""Inputs with long tails, read so that a far value does not drown the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

from torch import Size, Tensor, nn

from anyvae.networks.base import Network, as_network

__all__ = ["Compressed"]


@final
class Compressed(Network):
    r"""A network that reads its first parent with large values drawn in.

    .. math:: r(v) = v \text{ up to } |v| = reach, \quad
              r(v) = \operatorname{sign}(v) \, (reach + \log(1 + |v| - reach)) \text{ beyond}

    Smooth at the seam, strictly increasing, so nothing is lost: an encoder may read its data in any form.

    Arguments:
        net: description of the network, or any module.
        reach: up to where values stay as they are, in standard deviations of standardised data.

    >>> import torch
    >>> net = Compressed(nn.Identity(), reach=3.0).build([Size((3,))], {"loc": Size((2,))})
    >>> net.read(torch.tensor([-2.0, 3.0, 50.0]))
    tensor([-2.0000,  3.0000,  6.8712])
    """

    def __init__(self, net: Network | nn.Module, reach: float = 3.0) -> None:
        if not reach >= 0.0:
            raise ValueError(f"Compressed got reach={reach}; wanted a number from 0.")
        self.net = as_network(net, "net of Compressed")
        self.reach = reach

    def __repr__(self) -> str:
        return f"Compressed({self.net!r})"

    def build(self, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> nn.Module:
        """See `Network.build`."""
        return _Compressed(self.net.build(inputs, outputs), self.reach)


class _Compressed(nn.Module):
    def __init__(self, net: nn.Module, reach: float) -> None:
        super().__init__()
        self.net = net
        self.reach = reach

    def read(self, value: Tensor) -> Tensor:
        near = value.clamp(-self.reach, self.reach)
        far = value - near
        return near + far.sign() * far.abs().log1p()

    def forward(self, first: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...] = self.net(self.read(first), *others)
        return outputs

    def bias(self, name: str) -> Tensor:
        found: Tensor = self.net.bias(name)  # type: ignore[operator]
        return found
