"""Convolutional trunks from images to images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import final

import torch
import torch.nn.functional as F
from torch import Size, Tensor, nn

from anyvae.networks.base import Network, as_vector
from anyvae.wants import maker, whole_numbers

__all__ = ["ConvStack"]


@final
class ConvStack(Network):
    r"""Convolutions from images (C, H, W) to images, at the coarsest of their sizes for as long as possible.

    .. math:: h_1 = a(\sum_i W_i * parent_i + b), \quad h_{l+1} = a(W * h_l + b), \quad outputs = W * h_L + b

    A finer parent comes in with its neighbouring pixels as channels, a vector is added to every place. Where outputs
    are finer than the parents, the last layers double height and width by a pixel shuffle each: no pixel is made up
    from fewer weights than its neighbour, and the costly layers stay small.
    Source: Real-Time Single Image and Video Super-Resolution (Shi et al., 2016), the shuffle.

    Arguments:
        channels: channels of each hidden layer, at least one, and one for every doubling.
        kernel: height and width of every kernel, an odd number.
        activation: makes the activation module.

    Raises:
        ValueError: without channels, for an even kernel; when built, for sides without an image, and for heights and
            widths that are not 1, 2, 4, ... times the smallest.

    >>> reads = ConvStack([8]).build([Size((1, 28, 28))], {"value": Size((8, 7, 7))})
    >>> paints = ConvStack([8, 4]).build([Size((8, 7, 7)), Size((3,))], {"logits": Size((1, 28, 28))})
    >>> paints(reads(torch.zeros(5, 1, 28, 28))[0], torch.zeros(5, 3))[0].shape
    torch.Size([5, 1, 28, 28])
    """

    def __init__(
        self, channels: Sequence[int], kernel: int = 3, activation: Callable[[], nn.Module] = nn.GELU
    ) -> None:
        channels = whole_numbers(channels, "channels of ConvStack")
        maker(activation, "activation of ConvStack", "nn.GELU")
        if not channels or any(count < 1 for count in channels):
            raise ValueError(f"ConvStack got channels {list(channels)}; wanted at least one positive number.")
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(
                f"ConvStack got a kernel of {kernel}; wanted an odd number, which leaves sizes as they are."
            )
        self.channels = channels
        self.kernel = kernel
        self.activation = activation

    def __repr__(self) -> str:
        return f"ConvStack({list(self.channels)})"

    def build(self, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> nn.Module:
        """See `Network.build`."""
        images = [shape for shape in inputs if len(shape) == 3]
        shapes = list(outputs.values())
        if not images or any(len(shape) != 3 for shape in shapes) or len({shape[1:] for shape in shapes}) > 1:
            raise ValueError(
                f"{self!r} got parents of shapes {[tuple(shape) for shape in inputs]} and outputs of shapes "
                f"{[tuple(shape) for shape in shapes]}; wanted an image (C, H, W) among the parents, and as outputs "
                "images of one size. Use ConvNet between images and vectors, or an MLP."
            )
        coarse = min((shape[1:] for shape in [*images, *shapes]), key=tuple)
        for shape in [*images, *shapes]:
            times = shape[1] // coarse[0]
            if shape[1:] != Size(side * times for side in coarse) or times & (times - 1):
                raise ValueError(
                    f"{self!r} got images of {coarse[0]} x {coarse[1]} and of {shape[1]} x {shape[2]}; wanted the "
                    "larger 2, 4, 8, ... times the smaller in both directions."
                )
        doublings = (shapes[0][1] // coarse[0]).bit_length() - 1
        if doublings > len(self.channels):
            raise ValueError(
                f"{self!r} is to double images {doublings} times, from {coarse[0]} x {coarse[1]} to "
                f"{shapes[0][1]} x {shapes[0][2]}; give it as many channels at least."
            )
        return _Stack(self, inputs, outputs, coarse, doublings)


class _Stack(nn.Module):
    def __init__(
        self,
        spec: ConvStack,
        inputs: Sequence[Size],
        outputs: Mapping[str, Size],
        coarse: Size,
        doublings: int,
    ) -> None:
        super().__init__()
        self.names = list(outputs)
        self.parts = [shape[0] for shape in outputs.values()]
        # How many pixels of a parent, along a side, stand in one place; 0 for a vector.
        self.folds = [shape[1] // coarse[0] if len(shape) == 3 else 0 for shape in inputs]
        self.ranks = [len(shape) for shape in inputs]
        widths = [
            shape[0] * fold**2 if fold else shape.numel()
            for shape, fold in zip(inputs, self.folds, strict=True)
        ]
        first, padding = spec.channels[0], spec.kernel // 2
        self.entry = nn.ModuleList(
            nn.Conv2d(width, first, spec.kernel, padding=padding, bias=False)
            if fold
            else nn.Linear(width, first, False)
            for width, fold in zip(widths, self.folds, strict=True)
        )
        # As slices of one layer over all parents together would be; a vector stands in every place of the kernel.
        bound = (sum(widths) * spec.kernel**2) ** -0.5
        for layer in self.entry:
            assert isinstance(layer, nn.Conv2d | nn.Linear)
            nn.init.uniform_(layer.weight, -bound, bound)
        self.shift = nn.Parameter(torch.empty(first, 1, 1).uniform_(-bound, bound))
        plain = len(spec.channels) - doublings
        layers: list[nn.Module] = [spec.activation()]
        for place, (before, after) in enumerate(pairwise((*spec.channels, sum(self.parts)))):
            twice = place >= plain
            layers.append(nn.Conv2d(before, after * (4 if twice else 1), spec.kernel, padding=padding))
            layers += [nn.PixelShuffle(2)] if twice else []
            layers.append(spec.activation())
        self.layers = nn.Sequential(*layers[:-1])
        # Channels last: convolutions of few channels are faster so on a CPU, and no slower on a GPU.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        # A convolution has one bias a channel; a pixel that is always dark wants one of its own.
        self.offsets = nn.ParameterList(nn.Parameter(torch.zeros(shape)) for shape in outputs.values())

    def forward(self, *parents: Tensor) -> tuple[Tensor, ...]:
        total: Tensor = self.shift
        for parent, layer, fold, rank in zip(parents, self.entry, self.folds, self.ranks, strict=True):
            read = (
                self._places(parent, layer, fold) if fold else layer(as_vector(parent, rank))[..., None, None]
            )
            total = total + read
        lead = total.shape[:-3]
        flat = total.reshape(-1, *total.shape[-3:])
        made = self.layers(flat)
        made = made.reshape(*lead, *made.shape[1:])
        return tuple(
            part + offset for part, offset in zip(made.split(self.parts, -3), self.offsets, strict=True)
        )

    @staticmethod
    def _places(image: Tensor, layer: nn.Module, fold: int) -> Tensor:
        lead = image.shape[:-3]
        flat = image.reshape(-1, *image.shape[-3:])
        read: Tensor = layer(F.pixel_unshuffle(flat, fold) if fold > 1 else flat)
        return read.reshape(*lead, *read.shape[1:])

    def bias(self, name: str) -> Tensor:
        offset: Tensor = self.offsets[self.names.index(name)]
        return offset
