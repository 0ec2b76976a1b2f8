"""A posterior that a network draws and no formula describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self, final

import torch
from torch import Size, Tensor, nn

from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.family import event_size
from anyvae.conditionals.parents import Parent, as_parents
from anyvae.distributions import Pushed
from anyvae.networks import Network

__all__ = ["Implicit"]


@final
class Implicit(Conditional):
    r"""The child is a network's answer to its parents and to noise.

    .. math:: z = net(parents, \epsilon), \quad \epsilon \sim N(0, I)

    It may take any shape, and has no density: a critic estimates its KL, and the bound that is reported elsewhere
    does not exist for it. Source: Adversarial Variational Bayes (Mescheder et al., 2017).

    Arguments:
        event_shape: number of features, or the shape of one row.
        parents: names, or references such as `observed("x")`.
        net: description of the network; it reads the parents, then the noise.
        noise: how many normal numbers a draw takes; as many as features where None.

    Raises:
        ValueError: when there is no noise to draw from.

    >>> from anyvae.networks import MLP
    >>> posterior = Implicit(2, ["x"], net=MLP([16]), noise=4).build("z", {"x": Size((3,))})
    >>> posterior(torch.zeros(5, 3)).rsample().shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        event_shape: int | tuple[int, ...],
        parents: Sequence[str | Parent],
        *,
        net: Network,
        noise: int | None = None,
    ) -> None:
        super().__init__()
        self._event_shape = event_size(event_shape)
        self.parents = as_parents(parents)
        self.noise = self._event_shape.numel() if noise is None else noise
        if self.noise < 1:
            raise ValueError(
                f"Implicit got noise={self.noise}; wanted at least one number, or use Deterministic."
            )
        self._spec = net
        self.net: nn.Module | None = None
        self._inputs: tuple[Size, ...] = ()

    @property
    def event_shape(self) -> Size:
        """Shape of one row of the child."""
        return self._event_shape

    def extra_repr(self) -> str:
        """Shape, parents and noise."""
        given = ", ".join(map(str, self.parents))
        return f"Implicit({tuple(self._event_shape)}) given {given} and {self.noise} normal numbers, {self._spec!r}"

    def build(self, name: str, shapes: Mapping[str, Size]) -> Self:
        """See `Conditional.build`."""
        inputs = self.input_shapes(name, shapes)
        if self.net is None:
            self._inputs = inputs
            self.net = self._spec.build([*inputs, Size((self.noise,))], {"value": self._event_shape})
        elif inputs != self._inputs:
            raise ValueError(
                f"{name!r} was built for parents of shapes {[tuple(s) for s in self._inputs]} and is now joined to "
                f"{[tuple(s) for s in inputs]}; make a new Implicit part."
            )
        return self

    def forward(self, *parents: Any) -> Pushed:
        """See `Conditional.forward`."""
        assert self.net is not None
        net = self.net
        lead = torch.broadcast_shapes(
            *(
                value.shape[: value.dim() - len(shape)]
                for value, shape in zip(parents, self._inputs, strict=True)
            )
        )
        like = parents[0] if parents else next(net.parameters())

        def push(noise: Tensor) -> Tensor:
            [value] = net(*parents, noise)
            found: Tensor = value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
            return found

        return Pushed(push, lead, self._event_shape, Size((self.noise,)), like)
