"""A network that adds to what it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

from torch import Size, Tensor, nn

from anyvae.networks.base import Network, as_network

__all__ = ["Shortcut"]


@final
class Shortcut(Network):
    r"""The first parent, and what a network of all parents adds to it.

    .. math:: value = parent_1 + net(parent_1, parent_2, \dots)

    Layers of a deep hierarchy hand on what they were given, so that gradients reach the last of them.
    Source: Deep Residual Learning for Image Recognition (He et al., 2016).

    Arguments:
        net: description of the network; its one output has the shape of the first parent.

    >>> import torch
    >>> from anyvae.networks import MLP
    >>> net = Shortcut(MLP([8])).build([Size((3,)), Size((2,))], {"value": Size((3,))})
    >>> net(torch.zeros(5, 3), torch.zeros(5, 2))[0].shape
    torch.Size([5, 3])
    """

    def __init__(self, net: Network | nn.Module) -> None:
        self.net = as_network(net, "net of Shortcut")

    def __repr__(self) -> str:
        return f"Shortcut({self.net!r})"

    def build(self, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> nn.Module:
        """See `Network.build`."""
        if list(outputs.values()) != [inputs[0]]:
            raise ValueError(
                f"{self!r} adds to its first parent, of shape {tuple(inputs[0])}, but is to give "
                f"{ {name: tuple(shape) for name, shape in outputs.items()} }; make the two shapes equal."
            )
        return _Shortcut(self.net.build(inputs, outputs))


class _Shortcut(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, *parents: Tensor) -> tuple[Tensor, ...]:
        [added] = self.net(*parents)
        return (parents[0] + added,)

    def bias(self, name: str) -> Tensor:
        found: Tensor = self.net.bias(name)  # type: ignore[operator]
        return found
