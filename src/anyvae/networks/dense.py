"""Dense trunks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import final

from torch import Size, Tensor, nn

from anyvae.networks.base import Cut, Entry, Heads, Network
from anyvae.wants import maker, whole_numbers

__all__ = ["MLP", "GatedMLP", "Linear"]


@final
class MLP(Network):
    r"""A multilayer perceptron: hidden layers with an activation each.

    .. math:: h_1 = a(\sum_i W_i parent_i + b), \quad h_{l+1} = a(W h_l + b)

    Arguments:
        sizes: width of each hidden layer.
        activation: makes the activation module.
        dropout: probability of a hidden unit being dropped in training.

    Raises:
        TypeError: when the sizes are no list, or the activation is a name or a module that is made already.
        ValueError: when a size is not positive or the dropout is outside [0, 1).

    >>> import torch
    >>> net = MLP([16, 8]).build([Size((3,)), Size((2, 2))], {"loc": Size((4,)), "raw_scale": Size((4,))})
    >>> [tuple(output.shape) for output in net(torch.zeros(5, 3), torch.zeros(5, 2, 2))]
    [(5, 4), (5, 4)]
    """

    def __init__(
        self, sizes: Sequence[int], activation: Callable[[], nn.Module] = nn.SiLU, dropout: float = 0.0
    ) -> None:
        sizes = whole_numbers(sizes, "sizes of MLP")
        maker(activation, "activation of MLP", "nn.SiLU")
        if any(size < 1 for size in sizes):
            raise ValueError(f"MLP got sizes {list(sizes)}; every hidden layer needs at least one unit.")
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"MLP got dropout {dropout}; wanted a probability in [0, 1).")
        self.sizes = sizes
        self.activation = activation
        self.dropout = dropout

    def __repr__(self) -> str:
        return f"MLP({list(self.sizes)})"

    def build(self, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> nn.Module:
        """See `Network.build`."""
        return _Dense(self.sizes, self._hidden, inputs, outputs)

    def _hidden(self) -> list[nn.Module]:
        return [self.activation(), nn.Dropout(self.dropout)] if self.dropout else [self.activation()]


@final
class GatedMLP(Network):
    r"""A multilayer perceptron whose hidden units are linear and gated, each by a sigmoid of its own.

    .. math:: h_1 = (\sum_i W_i parent_i + b) \odot \sigma(\sum_i V_i parent_i + c), \quad
        h_{l+1} = (W h_l + b) \odot \sigma(V h_l + c)

    Arguments:
        sizes: width of each hidden layer, at least one.
        dropout: probability of a hidden unit being dropped in training.

    Raises:
        ValueError: when there is no layer, a size is not positive or the dropout is outside [0, 1).

    Source: VAE with a VampPrior (Tomczak and Welling, 2018); Language Modeling with Gated Convolutional Networks
    (Dauphin et al., 2017).

    >>> import torch
    >>> net = GatedMLP([16, 8]).build([Size((3,))], {"loc": Size((4,))})
    >>> net(torch.zeros(5, 3))[0].shape
    torch.Size([5, 4])
    """

    def __init__(self, sizes: Sequence[int], dropout: float = 0.0) -> None:
        sizes = whole_numbers(sizes, "sizes of GatedMLP")
        if not sizes or any(size < 1 for size in sizes):
            raise ValueError(
                f"GatedMLP got sizes {list(sizes)}; wanted at least one layer, each of at least one unit. "
                "Without layers there is nothing to gate: use Linear()."
            )
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"GatedMLP got dropout {dropout}; wanted a probability in [0, 1).")
        self.sizes = sizes
        self.dropout = dropout

    def __repr__(self) -> str:
        return f"GatedMLP({list(self.sizes)})"

    def build(self, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> nn.Module:
        """See `Network.build`."""
        # One product for values and gates together, which GLU tells apart: first half times sigmoid of the second.
        return _Dense(self.sizes, self._hidden, inputs, outputs, halves=2)

    def _hidden(self) -> list[nn.Module]:
        return [nn.GLU(), nn.Dropout(self.dropout)] if self.dropout else [nn.GLU()]


@final
class Linear(Network):
    """No hidden layer: every parameter is a linear function of the parents, as in probabilistic PCA."""

    def __repr__(self) -> str:
        return "Linear()"

    def build(self, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> nn.Module:
        """See `Network.build`."""
        return _Dense((), list, inputs, outputs)


class _Dense(nn.Module):
    """Hidden layers and heads; a layer is a linear map to `halves` times its width, and what `hidden` makes of it."""

    def __init__(
        self,
        sizes: Sequence[int],
        hidden: Callable[[], list[nn.Module]],
        inputs: Sequence[Size],
        outputs: Mapping[str, Size],
        halves: int = 1,
    ) -> None:
        super().__init__()
        total = sum(shape.numel() for shape in outputs.values())
        self.entry = Entry(inputs, halves * sizes[0] if sizes else total)
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [*hidden(), nn.Linear(before, halves * after)]
        if sizes:
            layers += hidden()
        self.trunk = nn.Sequential(*layers)
        self.heads = Heads(sizes[-1], outputs) if sizes else _Cut(outputs)
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
