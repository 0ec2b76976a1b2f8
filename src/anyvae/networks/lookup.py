"""Parameters that are a table, one row a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Size, Tensor, nn

from anyvae.networks.base import Network

__all__ = ["Lookup"]


@final
class Lookup(Network):
    r"""A row of a table for every class of the one parent, a one-hot label; no layer between.

    .. math:: params = bias + \sum_k y_k \, row_k

    Arguments:
        spread: standard deviation of the rows at the start; not 0, or all classes would stay alike.

    Raises:
        ValueError: for a spread that is not positive; when built, for other parents than one label.

    >>> net = Lookup().build([Size((4,))], {"loc": Size((2,))})
    >>> net(torch.eye(4))[0].shape
    torch.Size([4, 2])
    """

    def __init__(self, spread: float = 0.1) -> None:
        if not spread > 0.0:
            raise ValueError(f"Lookup got spread={spread}; wanted a positive number.")
        self.spread = spread

    def __repr__(self) -> str:
        return "Lookup()"

    def build(self, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> nn.Module:
        """See `Network.build`."""
        if len(inputs) != 1 or len(inputs[0]) != 1:
            raise ValueError(
                f"Lookup() has a row for every class of one label, and got parents of shapes "
                f"{[tuple(shape) for shape in inputs]}; name the label alone, or use Chosen(...)."
            )
        return _Table(inputs[0][0], outputs, self.spread)


class _Table(nn.Module):
    def __init__(self, classes: int, outputs: Mapping[str, Size], spread: float) -> None:
        super().__init__()
        self.names = list(outputs)
        self.rows = nn.ParameterDict(
            {name: nn.Parameter(spread * torch.randn(classes, *shape)) for name, shape in outputs.items()}
        )
        self.biases = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(shape)) for name, shape in outputs.items()}
        )

    def forward(self, label: Tensor) -> tuple[Tensor, ...]:
        # A dict of parameters sorts its names: they are asked for in the order of the outputs.
        return tuple(torch.tensordot(label, self.rows[name], 1) + self.biases[name] for name in self.names)

    def bias(self, name: str) -> Tensor:
        return self.biases[name]

    @torch.no_grad()
    def assign(self, name: str, rows: Tensor) -> None:
        """Let the classes have these values of a parameter, shape (classes, *shape)."""
        self.rows[name].copy_(rows)
        self.biases[name].zero_()
