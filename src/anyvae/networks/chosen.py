"""One network a class, of which a label chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Size, Tensor, nn

from anyvae.networks.base import Network, as_network

__all__ = ["Chosen"]


@final
class Chosen(Network):
    r"""Parameters for every class, of which the last parent, a one-hot label, takes its own.

    .. math:: params = \sum_k y_k \, net_k(parents)

    With one trunk the classes have heads of their own on shared features, as the components of a mixture prior;
    without, they share nothing, as the experts of a mixture of VAEs. Where the label runs over all its values each
    class is computed once.

    Arguments:
        net: description of the network of one class.
        shared: whether the classes share all but the heads.

    >>> from anyvae.networks import MLP
    >>> net = Chosen(MLP([8])).build([Size((3,)), Size((4,))], {"loc": Size((2,))})
    >>> net(torch.zeros(5, 3), torch.eye(4)[:1])[0].shape
    torch.Size([5, 2])
    """

    def __init__(self, net: Network | nn.Module, *, shared: bool = False) -> None:
        if isinstance(net, nn.Module) and not shared:
            raise ValueError(
                f"Chosen got the module {type(net).__name__}, of which every class would want one of its own; give a "
                "description such as MLP([...]), or shared=True."
            )
        self.net = as_network(net, "net of Chosen")
        self.shared = shared

    def __repr__(self) -> str:
        return f"Chosen({self.net!r}{', shared=True' if self.shared else ''})"

    def build(self, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> nn.Module:
        """See `Network.build`."""
        if len(inputs) < 2 or len(inputs[-1]) != 1:
            raise ValueError(
                f"{self!r} chooses by its last parent, a one-hot label, among networks of the others; it got parents "
                f"of shapes {[tuple(shape) for shape in inputs]}. Name the label last: .given('z', 'y', net=...)."
            )
        [classes] = inputs[-1]
        if self.shared:
            wide = {name: Size((classes, *shape)) for name, shape in outputs.items()}
            return _Heads(self.net.build(inputs[:-1], wide), classes, outputs)
        ranks = [len(shape) for shape in inputs[:-1]]
        return _Experts([self.net.build(inputs[:-1], outputs) for _ in range(classes)], ranks, outputs)


class _Heads(nn.Module):
    """A trunk with a head for every class."""

    def __init__(self, net: nn.Module, classes: int, outputs: Mapping[str, Size]) -> None:
        super().__init__()
        self.net = net
        self.classes = classes
        self.dims = [len(shape) for shape in outputs.values()]

    def forward(self, *parents: Tensor) -> tuple[Tensor, ...]:
        *others, label = parents
        found = list(zip(self.net(*others), self.dims, strict=True))
        lead = label.dim() - 1
        if _runs_over_all(label, self.classes):
            each = [(part.movedim(-dims - 1, 0), dims) for part, dims in found]
            if all(part.dim() - dims <= lead for part, dims in each):
                return tuple(_padded(part, lead, dims) for part, dims in each)
            # A parent hangs on the label: which head goes with which of its values is told by the product below.
            found = [(part.movedim(0, -dims - 1), dims) for part, dims in each]
        return tuple((label.view(*label.shape, *(1,) * dims) * part).sum(-dims - 1) for part, dims in found)

    def bias(self, name: str) -> Tensor:
        found: Tensor = self.net.bias(name)  # type: ignore[operator]
        return found

    def assign(self, name: str, rows: Tensor) -> None:
        """Let the classes start at these values of a parameter, shape (classes, *shape), whatever the parents."""
        self.net.heads.assign(name, rows)  # type: ignore[union-attr, operator]


class _Experts(nn.Module):
    """A network for every class."""

    def __init__(self, nets: Sequence[nn.Module], ranks: Sequence[int], outputs: Mapping[str, Size]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self.ranks = ranks
        self.dims = [len(shape) for shape in outputs.values()]
        self.names = list(outputs)
        # One bias for all classes, besides their own: it is where the family starts.
        self.offsets = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(shape)) for name, shape in outputs.items()}
        )

    def forward(self, *parents: Tensor) -> tuple[Tensor, ...]:
        *others, label = parents
        lead = label.dim() - 1
        # Beside axes further out, as of another label that is enumerated, the axis of this one is not the first.
        over_all = _runs_over_all(label, len(self.nets)) and all(
            parent.dim() - rank <= lead for parent, rank in zip(others, self.ranks, strict=True)
        )
        each = []
        for index, net in enumerate(self.nets):
            own = [
                parent[min(index, len(parent) - 1)] if over_all and parent.dim() - rank == lead else parent
                for parent, rank in zip(others, self.ranks, strict=True)
            ]
            each.append(net(*own))
        found = []
        # A dict of parameters sorts its names: they are asked for in the order of the outputs.
        for parts, dims, name in zip(zip(*each, strict=True), self.dims, self.names, strict=True):
            if over_all:
                whole = _padded(torch.stack(torch.broadcast_tensors(*parts)), lead, dims)
            else:
                weights = label.movedim(-1, 0)
                whole = sum(
                    weight.view(*weight.shape, *(1,) * dims) * part
                    for weight, part in zip(weights, parts, strict=True)
                )
            found.append(whole + self.offsets[name])
        return tuple(found)

    def bias(self, name: str) -> Tensor:
        return self.offsets[name]


def _runs_over_all(label: Tensor, classes: int) -> bool:
    """Whether the label is one that is enumerated: every class once, along the first of at least three axes."""
    if label.dim() < 4 or label.shape[0] != classes or label.numel() != classes * classes:
        return False
    return torch.equal(label.detach().reshape(classes, classes), torch.eye(classes).to(label))


def _padded(part: Tensor, lead: int, dims: int) -> Tensor:
    """With axes of one after that of the classes, until there are as many leading axes as the label has."""
    while part.dim() - dims < lead:
        part = part.unsqueeze(1)
    return part
