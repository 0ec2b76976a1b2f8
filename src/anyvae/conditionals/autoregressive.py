"""A vector given cell after cell by one masked network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self, final

import torch
from torch import Size, Tensor, nn

from anyvae import distributions
from anyvae.conditionals.columns import Columns
from anyvae.conditionals.combinator import trial
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.discrete import Categorical, Categoricals, UniformCategorical
from anyvae.conditionals.family import Family
from anyvae.conditionals.parametric import FamilyConditional
from anyvae.conditionals.parents import Parent, as_parents
from anyvae.distributions import Cellwise
from anyvae.networks import Linear, MaskedMLP, Network
from anyvae.networks.base import as_network

__all__ = ["Autoregressive"]

_ITSELF = "itself"


@final
class Autoregressive(Conditional):
    r"""A family whose parameters for each cell also read the cells before it.

    .. math:: p(v \mid parents) = \prod_i p(v_i \mid v_{<i}, parents)

    Cells stand in the order of the row, pictures in raster order; a `Categorical` block of `Columns` is one cell.
    A score takes one pass of the network, a draw one for each cell.

    Source: MADE: Masked Autoencoder for Distribution Estimation (Germain et al., 2015).

    Arguments:
        family: of independent cells.
        parents: names of the parents, or references such as `observed("x")`.
        sizes: width of each hidden layer of the masked network.
        net: network of the parents, whose output goes to the first hidden layer; `Linear()` where None.
        start: where a parameter starts: its free value, or the bias of its projection.

    Raises:
        ValueError: when the family has parameters that belong to no cell, or all come from elsewhere.

    >>> from anyvae.conditionals import Bernoulli
    >>> Autoregressive(Bernoulli(6), ["z"], sizes=[32])
    Autoregressive(Bernoulli(6) given z, [32])
    """

    def __init__(
        self,
        family: Family,
        parents: Sequence[str | Parent] = (),
        *,
        sizes: Sequence[int] = (256,),
        net: Network | nn.Module | None = None,
        start: Mapping[str, Tensor | float] | None = None,
    ) -> None:
        super().__init__()
        if any(parent.prior for parent in as_parents(parents)):
            raise ValueError(
                f"Autoregressive got {list(map(str, parents))}; a network reads values, not prior(...)."
            )
        if net is not None and not parents:
            raise ValueError("Autoregressive got a network but no parents to feed it; name them.")
        self.family = family
        self.parents = as_parents(parents)
        self.sizes = tuple(sizes)
        places, outputs = _places(family)
        context = Linear() if net is None else as_network(net, "net of Autoregressive")
        masked = MaskedMLP(sizes, places.flatten(), outputs, context)
        # The value itself is the first parent of a conditional of independent cells.
        self.part = FamilyConditional(family, [Parent(_ITSELF), *self.parents], net=masked, start=start)
        self.register_buffer("places", places, persistent=False)
        self.places: Tensor
        self.register_buffer("zero", torch.zeros(()), persistent=False)
        self.zero: Tensor
        self._event_dims: list[int] = []

    def __repr__(self) -> str:
        return f"Autoregressive({self.extra_repr()})"

    def extra_repr(self) -> str:
        """The family, the parents and the widths."""
        given = ", ".join(map(str, self.parents))
        return f"{self.family!r}{f' given {given}' if given else ''}, {list(self.sizes)}"

    @property
    def event_shape(self) -> Size:
        """Shape of one row of the child."""
        return self.family.event_shape

    def build(self, name: str, shapes: Mapping[str, Size]) -> Self:
        """See `Conditional.build`."""
        inputs = self.input_shapes(name, shapes)
        inside = {**shapes, _ITSELF: self.event_shape}
        self.part.build(name, inside)
        found = trial(self.part, inside, {})
        if not isinstance(found, Cellwise):
            raise ValueError(
                f"{name!r}: Autoregressive got {self.family!r}, whose features are not independent; wanted a family of "
                "independent cells such as Bernoulli, DiagonalNormal or Columns of them."
            )
        self._event_dims = [len(shape) for shape in inputs]
        return self

    def check(self, name: str, value: Tensor) -> None:
        """See `Conditional.check`."""
        self.family.check(name, value)

    def forward(self, *parents: Any) -> distributions.Autoregressive:
        """The distribution for given parents."""
        leads = [
            parent.shape[: parent.dim() - dims]
            for parent, dims in zip(parents, self._event_dims, strict=True)
        ]

        def given(value: Tensor) -> Cellwise:
            found = self.part(value, *parents)
            assert isinstance(found, Cellwise)
            return found

        return distributions.Autoregressive(given, self.places, torch.broadcast_shapes(*leads), self.zero)


def _places(family: Family) -> tuple[Tensor, dict[str, Tensor]]:
    """The place of every cell, of the event's shape, and of every parameter that the network gives, flat."""
    blocks = list(family.parts) if isinstance(family, Columns) else [family]
    names = [f"{index}_" for index in range(len(blocks))] if isinstance(family, Columns) else [""]
    places, outputs, start = [], {}, 0
    for block, prefix in zip(blocks, names, strict=True):
        count = block.event_shape.numel()
        one = isinstance(block, Categorical | UniformCategorical)
        own = torch.zeros(count, dtype=torch.long) if one else torch.arange(count)
        if isinstance(block, Categoricals):
            own = block.constants["column"]
        places.append(start + own)
        for key in block.params.keys() - block.free:
            size, dims = block.params[key], len(block.event_shape)
            if size[:dims] != block.event_shape:
                raise ValueError(
                    f"Autoregressive got {block!r}, whose parameter {key!r} of shape {tuple(size)} "
                    "belongs to no single cell; wanted a family of independent cells such as Bernoulli, "
                    "DiagonalNormal or Columns of them."
                )
            outputs[prefix + key] = (start + own).repeat_interleave(size[dims:].numel())
        start += int(own.max()) + 1
    if not outputs:
        raise ValueError(f"Autoregressive got {family!r}, of which no network gives a parameter.")
    flat = torch.cat(places)
    if isinstance(family, Columns) and family.order is not None:
        flat = flat[torch.tensor(family.order).argsort()]
    return flat.view(family.event_shape), outputs
