"""Dense trunks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import final

from torch import Size, Tensor, nn

from anyvae.networks.base import Cut, Entry, Heads, Network

__all__ = ["MLP", "Linear"]


@final
class MLP(Network):
    r"""A multilayer perceptron: hidden layers with an activation each.

    .. math:: h_1 = a(\sum_i W_i parent_i + b), \quad h_{l+1} = a(W h_l + b)

    Arguments:
        sizes: width of each hidden layer.
        activation: makes the activation module.
        dropout: probability of a hidden unit being dropped in training.

    Raises:
        ValueError: when a size is not positive or the dropout is outside [0, 1).

    >>> import torch
    >>> net = MLP([16, 8]).build([Size((3,)), Size((2, 2))], {"loc": Size((4,)), "raw_scale": Size((4,))})
    >>> [tuple(output.shape) for output in net(torch.zeros(5, 3), torch.zeros(5, 2, 2))]
    [(5, 4), (5, 4)]
    """

    def __init__(
        self, sizes: Sequence[int], activation: Callable[[], nn.Module] = nn.SiLU, dropout: float = 0.0
    ) -> None:
        if any(size < 1 for size in sizes):
            raise ValueError(f"MLP got sizes {list(sizes)}; every hidden layer needs at least one unit.")
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"MLP got dropout {dropout}; wanted a probability in [0, 1).")
        self.sizes = tuple(sizes)
        self.activation = activation
        self.dropout = dropout

    def __repr__(self) -> str:
        return f"MLP({list(self.sizes)})"

    def build(self, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> nn.Module:
        """See `Network.build`."""
        return _Dense(self, inputs, outputs)


@final
class Linear(Network):
    """No hidden layer: every parameter is a linear function of the parents, as in probabilistic PCA."""

    def __repr__(self) -> str:
        return "Linear()"

    def build(self, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> nn.Module:
        """See `Network.build`."""
        return _Dense(MLP([]), inputs, outputs)


class _Dense(nn.Module):
    def __init__(self, spec: MLP, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> None:
        super().__init__()
        total = sum(shape.numel() for shape in outputs.values())
        widths = [*spec.sizes, total]
        self.entry = Entry(inputs, widths[0])
        layers: list[nn.Module] = []
        for before, after in zip(spec.sizes, spec.sizes[1:]):
            layers += [*_hidden(spec), nn.Linear(before, after)]
        if spec.sizes:
            layers += _hidden(spec)
        self.trunk = nn.Sequential(*layers)
        self.heads = Heads(widths[-2], outputs) if spec.sizes else _Cut(outputs)
        # The common case, one vector parent, as a straight line: a call of a module costs a microsecond
        # or two, and small networks take few of them. A tuple, so that nothing is registered twice.
        self._line: tuple[nn.Module, ...] = ()
        if len(inputs) == 1 and len(inputs[0]) == 1 and isinstance(self.heads, Heads):
            self._line = (self.entry.layers[0], *layers, self.heads.linear)

    def forward(self, *parents: Tensor) -> tuple[Tensor, ...]:
        if self._line:
            [hidden] = parents
            for module in self._line:
                hidden = module(hidden)
            return self.heads.cut(hidden)
        outputs: tuple[Tensor, ...] = self.heads(self.trunk(self.entry(*parents)))
        return outputs

    def bias(self, name: str) -> Tensor:
        if isinstance(self.heads, Heads):
            return self.heads.bias(name)
        first = self.entry.layers[0]
        assert isinstance(first, nn.Linear)
        return self.heads.cut.view(first.bias, name)


class _Cut(nn.Module):
    """Cuts the output of a linear entry into the parameters."""

    def __init__(self, outputs: Mapping[str, Size]) -> None:
        super().__init__()
        self.cut = Cut(outputs)

    def forward(self, joined: Tensor) -> tuple[Tensor, ...]:
        return self.cut(joined)


def _hidden(spec: MLP) -> list[nn.Module]:
    return [spec.activation(), nn.Dropout(spec.dropout)] if spec.dropout else [spec.activation()]
