"""What a network is to a conditional: a description that becomes a module once the shapes are known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import prod
from typing import final

import torch
from torch import Size, Tensor, nn

from anyvae.wants import wants

__all__ = ["Cut", "Entry", "Heads", "Network", "WrappedModule", "as_network", "as_vector"]


class Network(ABC):
    """A description of a trunk and the kind of projection that suits it.

    A `Network` holds no weights. A conditional calls `build` once, when parts are joined and every shape
    is known, so no layer is ever sized by hand or lazily.
    """

    @abstractmethod
    def build(self, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> nn.Module:
        """A module that maps one tensor per parent to one tensor per output.

        Arguments:
            inputs: event shape of each parent.
            outputs: event shape of each parameter that the module must give.

        Returns:
            A module; `forward(*parents)` takes tensors (..., *inputs[i]) with any leading axes that broadcast
            and returns a tuple of tensors (..., *outputs[name]), in the order of `outputs`. Its `bias(name)`
            is a parameter that shifts the output `name`, of the output's shape.

        Raises:
            ValueError: when the description does not suit the shapes.
        """


def as_vector(parent: Tensor, dims: int) -> Tensor:
    """A parent whose event has so many axes, with one, shape (..., elements)."""
    return parent if dims == 1 else parent.flatten(-dims) if dims else parent.unsqueeze(-1)


@final
class Entry(nn.Module):
    """The first layer: one linear map per parent, summed.

    Summing keeps the parents' leading axes apart until they must meet, so that an enumerated label costs
    one small product and not one per class of everything else.

    Arguments:
        inputs: event shape of each parent; they are flattened.
        features: width of the output.
    """

    def __init__(self, inputs: Sequence[Size], features: int) -> None:
        super().__init__()
        self.dims = [len(shape) for shape in inputs]
        widths = [prod(shape) for shape in inputs]
        # Each layer is initialised as a slice of one layer over all inputs together would be.
        self.layers = nn.ModuleList(
            nn.Linear(width, features, bias=index == 0) for index, width in enumerate(widths)
        )
        bound = sum(widths) ** -0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, *parents: Tensor) -> Tensor:
        """Sum of the maps, shape (..., features)."""
        total: Tensor | None = None
        for layer, dims, parent in zip(self.layers, self.dims, parents, strict=True):
            flat = as_vector(parent, dims)
            if total is None:
                total = layer(flat)
                continue
            if flat.dim() > 1 and not flat.stride(-2) and flat.shape[-2] == total.shape[-2]:
                # The same for all rows, as which cells are given where all are: once will do.
                flat = flat[..., :1, :]
            total = total + layer(flat)
        assert total is not None
        return total


@final
class Cut:
    """Cuts one vector into parameters of given shapes.

    Arguments:
        outputs: event shape of each parameter.

    >>> [tuple(part.shape) for part in Cut({"loc": Size((2,)), "scale": Size(())})(torch.zeros(5, 3))]
    [(5, 2), (5,)]
    """

    def __init__(self, outputs: Mapping[str, Size]) -> None:
        self.names = list(outputs)
        self.shapes = list(outputs.values())
        self.sizes = [shape.numel() for shape in self.shapes]
        self._plain = all(len(shape) == 1 for shape in self.shapes)

    def __call__(self, joined: Tensor) -> tuple[Tensor, ...]:
        """One tensor per parameter, shape (..., *outputs[name])."""
        parts = (joined,) if len(self.sizes) == 1 else joined.split(self.sizes, -1)
        if self._plain:
            return parts
        return tuple(
            part.unflatten(-1, shape) if shape else part.squeeze(-1)
            for part, shape in zip(parts, self.shapes)
        )

    def view(self, vector: Tensor, name: str) -> Tensor:
        """The part of a vector that belongs to one parameter, shape outputs[name], or of lines in its place."""
        index = self.names.index(name)
        start = sum(self.sizes[:index])
        return vector[start : start + self.sizes[index]].view(*self.shapes[index], *vector.shape[1:])


@final
class Heads(nn.Module):
    """The last projection of a dense trunk: one linear layer, cut into the parameters.

    Arguments:
        features: width of the trunk.
        outputs: event shape of each parameter.
    """

    def __init__(self, features: int, outputs: Mapping[str, Size]) -> None:
        super().__init__()
        self.cut = Cut(outputs)
        self.linear = nn.Linear(features, sum(self.cut.sizes))

    def forward(self, hidden: Tensor) -> tuple[Tensor, ...]:
        """One tensor per parameter, shape (..., *outputs[name])."""
        return self.cut(self.linear(hidden))

    def bias(self, name: str) -> Tensor:
        """The bias of one parameter, a view of the layer's, shape outputs[name]."""
        return self.cut.view(self.linear.bias, name)

    @torch.no_grad()
    def assign(self, name: str, values: Tensor) -> None:
        """Let one parameter start at these values, shape outputs[name], whatever the trunk says."""
        self.bias(name).copy_(values)
        self.cut.view(self.linear.weight, name).zero_()


@final
class WrappedModule(Network):
    """Any `nn.Module` as the trunk: it is called with the parents, its last axis is projected.

    Arguments:
        module: called as `module(*parents)`; returns (..., features).

    >>> trunk = nn.Sequential(nn.Linear(3, 8), nn.Tanh())
    >>> net = WrappedModule(trunk).build([Size((3,))], {"loc": Size((2,))})
    >>> net(torch.zeros(5, 3))[0].shape
    torch.Size([5, 2])
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def build(self, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> nn.Module:
        """See `Network.build`; the width of the features is read off a pass over two rows of zeros."""
        like = next(self.module.parameters(), torch.zeros(()))
        rows = [torch.zeros((2, *shape), dtype=like.dtype, device=like.device) for shape in inputs]
        was_training = self.module.training
        try:
            with torch.no_grad():
                features = self.module.eval()(*rows)
        except (RuntimeError, TypeError) as error:
            shapes = ", ".join(str(tuple(shape)) for shape in inputs)
            raise ValueError(
                f"the network {type(self.module).__name__} failed on parents of shapes {shapes}: {error}. "
                "It is called with one tensor per parent, in the order in which `given` names them."
            ) from error
        finally:
            self.module.train(was_training)
        if not isinstance(features, Tensor) or features.dim() != 2:
            got = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
            raise ValueError(
                f"the network {type(self.module).__name__} returned {got} for 2 rows; "
                "wanted a tensor (2, features). Add nn.Flatten() as its last layer?"
            )
        return _Trunk(self.module, Heads(features.shape[-1], outputs).to(features))


def as_network(net: Network | nn.Module, part: str) -> Network:
    """A network, or any module as one.

    Arguments:
        net: what was given.
        part: what it was given as.

    Raises:
        TypeError: for anything else, such as a class or a list of widths.
    """
    wants(
        (Network, nn.Module), net, part, "a network such as MLP([64]) or Linear(), or a module that is made"
    )
    return WrappedModule(net) if isinstance(net, nn.Module) else net


class _Trunk(nn.Module):
    """A trunk followed by its heads."""

    def __init__(self, trunk: nn.Module, heads: Heads) -> None:
        super().__init__()
        self.trunk = trunk
        self.heads = heads

    def forward(self, *parents: Tensor) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...] = self.heads(self.trunk(*parents))
        return outputs

    def bias(self, name: str) -> Tensor:
        return self.heads.bias(name)
