"""A parent that is a parameter, and passes by the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

from torch import Size, Tensor, nn

from anyvae.networks.base import Network, as_network

__all__ = ["Supplied"]


@final
class Supplied(Network):
    """A network for all parameters but one, which is the value of the last parent as it stands.

    For a quantity that is known for each row and enters the family directly: the library size of counts,
    the known noise of a measurement.

    Arguments:
        net: description of the network that reads the other parents, or any module.
        parameter: name of the parameter that the last parent is.

    >>> import torch
    >>> from anyvae.networks import Linear
    >>> outputs = {"logits": Size((4,)), "log_library": Size((1,))}
    >>> net = Supplied(Linear(), "log_library").build([Size((2,)), Size((1,))], outputs)
    >>> net(torch.zeros(5, 2), torch.full((5, 1), 7.0))[1].unique()
    tensor([7.])
    """

    def __init__(self, net: Network | nn.Module, parameter: str) -> None:
        self.net = as_network(net, "net of Supplied")
        self.parameter = parameter

    def __repr__(self) -> str:
        return f"Supplied({self.net!r}, {self.parameter!r})"

    def build(self, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> nn.Module:
        """See `Network.build`."""
        if self.parameter not in outputs:
            raise ValueError(
                f"{self!r} is to supply {self.parameter!r}, but the network gives the parameters "
                f"{sorted(outputs)}; name one of them."
            )
        if len(inputs) < 2 or len(outputs) < 2:
            raise ValueError(
                f"{self!r} leaves the network without a parent or a parameter; it wants another parent before "
                "the one that it supplies, and another parameter."
            )
        if inputs[-1] != outputs[self.parameter]:
            raise ValueError(
                f"{self!r}: the last parent has shape {tuple(inputs[-1])}, but {self.parameter!r} has "
                f"{tuple(outputs[self.parameter])}; give the parent that shape and name it last."
            )
        names = list(outputs)
        rest = {name: shape for name, shape in outputs.items() if name != self.parameter}
        return _Supplied(self.net.build(inputs[:-1], rest), self.parameter, names.index(self.parameter))


class _Supplied(nn.Module):
    def __init__(self, net: nn.Module, parameter: str, place: int) -> None:
        super().__init__()
        self.net = net
        self.parameter = parameter
        self.place = place

    def forward(self, *parents: Tensor) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...] = self.net(*parents[:-1])
        return (*outputs[: self.place], parents[-1], *outputs[self.place :])

    def bias(self, name: str) -> Tensor:
        if name == self.parameter:
            raise ValueError(f"{name!r} is a parent's value and has no start; leave it out of start={{...}}.")
        found: Tensor = self.net.bias(name)  # type: ignore[operator]
        return found
