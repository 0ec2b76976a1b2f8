"""Dense trunks whose outputs see only what stands before them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import final

import torch
import torch.nn.functional as F
from torch import Size, Tensor, nn

from anyvae.networks.base import Cut, Network, as_vector
from anyvae.wants import maker, whole_numbers

__all__ = ["MaskedMLP", "OwnLinear"]


@final
class MaskedMLP(Network):
    r"""A multilayer perceptron over a vector v and its parents, whose outputs for place i see v_1 .. v_{i-1} only.

    .. math:: output_i = f_i(v_{<i}, parents)

    The first of its inputs is v. Weights between units that must not see each other are exactly zero. The parents
    come in through a network of their own, at the first hidden layer; besides the hidden path there is a direct
    masked one from v.

    Source: MADE: Masked Autoencoder for Distribution Estimation (Germain et al., 2015).

    Arguments:
        sizes: width of each hidden layer, at least one.
        places: of each number of v, flattened, in which place of the order it stands, counted from 0, shape (n,).
        outputs: of each number of each output, flattened, which place it belongs to.
        context: network of the parents; `Linear()` where None.
        activation: makes the activation module.

    Raises:
        ValueError: when there is no hidden layer or a size is not positive.

    >>> place = torch.arange(3)
    >>> net = MaskedMLP([16], place, {"logits": place}).build([Size((3,))], {"logits": Size((3,))})
    >>> jacobian = torch.autograd.functional.jacobian(lambda v: net(v)[0], torch.zeros(3))
    >>> bool((jacobian.triu() == 0).all())
    True
    """

    def __init__(
        self,
        sizes: Sequence[int],
        places: Tensor,
        outputs: Mapping[str, Tensor],
        context: Network | None = None,
        activation: Callable[[], nn.Module] = nn.SiLU,
    ) -> None:
        sizes = whole_numbers(sizes, "sizes of MaskedMLP")
        maker(activation, "activation of MaskedMLP", "nn.SiLU")
        if not sizes or any(size < 1 for size in sizes):
            raise ValueError(f"MaskedMLP got sizes {list(sizes)}; wanted one or more positive widths.")
        self.sizes = sizes
        self.places = places
        self.outputs = dict(outputs)
        self.context = context
        self.activation = activation

    def __repr__(self) -> str:
        return f"MaskedMLP({list(self.sizes)})"

    def build(self, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> nn.Module:
        """See `Network.build`; the first input is v."""
        return _Masked(self, inputs, outputs)


@final
class OwnLinear(Network):
    r"""A linear map of which each output sees its own part of a vector only.

    .. math:: output_c = w_c \cdot v_{cell(c)} + b_c

    Arguments:
        widths: elements of each part, in order; there is one output for each part.

    >>> net = OwnLinear([1, 2]).build([Size((3,))], {"logits": Size((2,))})
    >>> _ = nn.init.ones_(net.linear.weight)
    >>> jacobian = torch.autograd.functional.jacobian(lambda v: net(v)[0], torch.zeros(3))
    >>> (jacobian != 0).tolist()
    [[True, False, False], [False, True, True]]
    """

    def __init__(self, widths: Sequence[int]) -> None:
        if not widths or any(width < 1 for width in widths):
            raise ValueError(f"OwnLinear got widths {list(widths)}; wanted one or more positive ones.")
        self.widths = tuple(widths)

    def __repr__(self) -> str:
        return f"OwnLinear({len(self.widths)} parts)"

    def build(self, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> nn.Module:
        """See `Network.build`; there is one input, a vector of the widths together, and one output, one number a part.

        Raises:
            ValueError: when sizes differ.
        """
        wanted = Size((len(self.widths),))
        if [*inputs] != [Size((sum(self.widths),))] or [*outputs.values()] != [wanted]:
            raise ValueError(
                f"OwnLinear got inputs {[tuple(size) for size in inputs]} and outputs "
                f"{[tuple(size) for size in outputs.values()]}; wanted one of {sum(self.widths)} and one of "
                f"{len(self.widths)}."
            )
        return _Own(self.widths, outputs)


class _Own(nn.Module):
    def __init__(self, widths: tuple[int, ...], outputs: Mapping[str, Size]) -> None:
        super().__init__()
        part = torch.arange(len(widths)).repeat_interleave(torch.tensor(widths))
        self.linear = _MaskedLinear(part[None, :] == torch.arange(len(widths))[:, None])
        # From nothing: a random sign would be a first guess of which values go missing.
        nn.init.zeros_(self.linear.weight)
        self.cut = Cut(outputs)

    def forward(self, value: Tensor) -> tuple[Tensor, ...]:
        return self.cut(self.linear(value))

    def bias(self, name: str) -> Tensor:
        assert self.linear.bias is not None
        return self.cut.view(self.linear.bias, name)


class _Masked(nn.Module):
    def __init__(self, spec: MaskedMLP, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> None:
        super().__init__()
        self.dims = len(inputs[0])
        last = int(spec.places.max())
        # A hidden unit of rank r sees places 0 .. r-1: those of rank 0 see the parents alone.
        ranks = [torch.arange(size) * (last + 1) // size for size in spec.sizes]
        places = torch.cat([spec.outputs[name] for name in outputs])
        self.first = _MaskedLinear(spec.places[None, :] < ranks[0][:, None])
        self.hidden = nn.ModuleList(
            _MaskedLinear(before[None, :] <= after[:, None]) for before, after in pairwise(ranks)
        )
        self.activations = nn.ModuleList(spec.activation() for _ in spec.sizes)
        self.last = _MaskedLinear(ranks[-1][None, :] <= places[:, None])
        self.direct = _MaskedLinear(spec.places[None, :] < places[:, None], bias=False)
        self.cut = Cut(outputs)
        self.context: nn.Module | None = None
        if len(inputs) > 1:
            from anyvae.networks.dense import Linear

            self.context = (spec.context or Linear()).build(inputs[1:], {"context": Size(spec.sizes[:1])})

    def forward(self, value: Tensor, *parents: Tensor) -> tuple[Tensor, ...]:
        flat = as_vector(value, self.dims)
        hidden = self.first(flat)
        if self.context is not None:
            hidden = hidden + self.context(*parents)[0]
        hidden = self.activations[0](hidden)
        for layer, activation in zip(self.hidden, self.activations[1:], strict=True):
            hidden = activation(layer(hidden))
        return self.cut(self.last(hidden) + self.direct(flat))

    def bias(self, name: str) -> Tensor:
        assert self.last.bias is not None
        return self.cut.view(self.last.bias, name)


class _MaskedLinear(nn.Module):
    """A linear layer whose weights are zero where the mask, shape (out, in), is."""

    def __init__(self, mask: Tensor, bias: bool = True) -> None:
        super().__init__()
        self.register_buffer("mask", mask, persistent=False)
        self.mask: Tensor
        # Each unit starts as a layer over what it sees would.
        bound = mask.sum(-1, keepdim=True).clamp_min(1).to(torch.get_default_dtype()).rsqrt()
        self.weight = nn.Parameter((2.0 * torch.rand(mask.shape) - 1.0) * bound)
        self.bias = nn.Parameter((2.0 * torch.rand(len(mask)) - 1.0) * bound[:, 0]) if bias else None

    def forward(self, inputs: Tensor) -> Tensor:
        return F.linear(inputs, self.weight.where(self.mask, self.weight.new_zeros(())), self.bias)
