"""Convolutional trunks: one description that reads images or paints them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import final

import torch
import torch.nn.functional as F
from torch import Size, Tensor, nn

from anyvae.networks.base import Entry, Heads, Network
from anyvae.wants import maker, whole_numbers

__all__ = ["ConvNet"]


@final
class ConvNet(Network):
    r"""Convolutions between images (C, H, W) and vectors, in the direction that the shapes ask for.

    Reading (an image among the parents): one 4x4 convolution of stride 2 per entry of `channels`, then one
    dense layer, to which vector parents are added. Painting (images among the outputs): two dense layers to
    the smallest image, then per entry of `channels`, from the last to the first, a 3x3 convolution to four
    times the channels and a pixel shuffle, which doubles height and width; the head does the last doubling
    with another. A shuffle paints without the checkerboard of a transposed convolution and keeps
    the costly layers at low resolution. Heights and widths that are no multiple of 2^n are cropped.

    Arguments:
        channels: channels at each resolution, from the highest.
        features: width of the dense layers.
        activation: makes the activation module.
        dropout: probability of a dense unit being dropped in training.

    Raises:
        ValueError: when neither side holds an image, or the image is smaller than 2^len(channels).

    >>> reads = ConvNet([8, 16]).build([Size((1, 28, 28))], {"loc": Size((10,))})
    >>> paints = ConvNet([8, 16]).build([Size((10,))], {"logits": Size((1, 28, 28))})
    >>> paints(reads(torch.zeros(5, 1, 28, 28))[0])[0].shape
    torch.Size([5, 1, 28, 28])
    """

    def __init__(
        self,
        channels: Sequence[int],
        features: int = 256,
        activation: Callable[[], nn.Module] = nn.GELU,
        dropout: float = 0.0,
    ) -> None:
        channels = whole_numbers(channels, "channels of ConvNet")
        maker(activation, "activation of ConvNet", "nn.GELU")
        if not channels or any(count < 1 for count in channels):
            raise ValueError(f"ConvNet got channels {list(channels)}; wanted at least one positive number.")
        self.channels = channels
        self.features = features
        self.activation = activation
        self.dropout = dropout

    def __repr__(self) -> str:
        return f"ConvNet({list(self.channels)}, features={self.features})"

    def build(self, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> nn.Module:
        """See `Network.build`."""
        images_in = [shape for shape in inputs if len(shape) == 3]
        images_out = [shape for shape in outputs.values() if len(shape) == 3]
        for shape in [*images_in, *images_out]:
            if min(shape[1:]) < 2 ** len(self.channels):
                raise ValueError(
                    f"{self!r} halves the image {len(self.channels)} times, but got one of shape "
                    f"{tuple(shape)}; give fewer channels, or an MLP."
                )
        if images_in and not images_out:
            return _Reader(self, inputs, outputs)
        if images_out and not images_in and len(images_out) == len(outputs):
            return _Painter(self, inputs, outputs)
        raise ValueError(
            f"{self!r} got parents of shapes {[tuple(s) for s in inputs]} and outputs of shapes "
            f"{[tuple(s) for s in outputs.values()]}; wanted images (C, H, W) on exactly one side. "
            "Give the family the event shape (C, H, W), or use an MLP."
        )


class _Reader(nn.Module):
    def __init__(self, spec: ConvNet, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> None:
        super().__init__()
        self.is_image = [len(shape) == 3 for shape in inputs]
        images = [shape for shape in inputs if len(shape) == 3]
        if len({shape[1:] for shape in images}) != 1:
            raise ValueError(f"{spec!r} reads images of one size, got {[tuple(shape) for shape in images]}.")
        channels = [sum(shape[0] for shape in images), *spec.channels]
        layers: list[nn.Module] = []
        height, width = images[0][1:]
        for before, after in pairwise(channels):
            layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), spec.activation()]
            height, width = height // 2, width // 2
        # Channels last: convolutions of few channels are up to a sixth faster so on a CPU, and no slower on a GPU.
        self.convolutions = nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        flat = Size((channels[-1] * height * width,))
        vectors = [shape for shape in inputs if len(shape) != 3]
        self.entry = Entry([flat, *vectors], spec.features)
        self.trunk = nn.Sequential(spec.activation(), nn.Dropout(spec.dropout))
        self.heads = Heads(spec.features, outputs)

    def forward(self, *parents: Tensor) -> tuple[Tensor, ...]:
        images = [parent for parent, image in zip(parents, self.is_image, strict=True) if image]
        vectors = [parent for parent, image in zip(parents, self.is_image, strict=True) if not image]
        if len(images) == 1:
            stacked = images[0]
        else:
            # Leading axes only: an image of one channel is not repeated beside one of three.
            lead = torch.broadcast_shapes(*(image.shape[:-3] for image in images))
            stacked = torch.cat([image.expand(*lead, *image.shape[-3:]) for image in images], -3)
        lead = stacked.shape[:-3]
        stacked = stacked.reshape(-1, *stacked.shape[-3:])
        read = self.convolutions(stacked.contiguous(memory_format=torch.channels_last))
        outputs: tuple[Tensor, ...] = self.heads(self.trunk(self.entry(read.reshape(*lead, -1), *vectors)))
        return outputs

    def bias(self, name: str) -> Tensor:
        return self.heads.bias(name)


class _Painter(nn.Module):
    def __init__(self, spec: ConvNet, inputs: Sequence[Size], outputs: Mapping[str, Size]) -> None:
        super().__init__()
        shapes = list(outputs.values())
        if len({shape[1:] for shape in shapes}) != 1:
            raise ValueError(f"{spec!r} paints images of one size, got {[tuple(shape) for shape in shapes]}.")
        self.names = list(outputs)
        self.channels = [shape[0] for shape in shapes]
        self.size = tuple(shapes[0][1:])
        halvings = 2 ** len(spec.channels)
        self.small = (spec.channels[-1], -(-self.size[0] // halvings), -(-self.size[1] // halvings))
        self.entry = Entry(inputs, spec.features)
        self.dense = nn.Sequential(
            spec.activation(),
            nn.Dropout(spec.dropout),
            nn.Linear(spec.features, self.small[0] * self.small[1] * self.small[2]),
            spec.activation(),
        )
        layers: list[nn.Module] = []
        for coarse, fine in zip(spec.channels[:0:-1], spec.channels[-2::-1]):
            layers += [nn.Conv2d(coarse, 4 * fine, 3, padding=1), nn.PixelShuffle(2), spec.activation()]
        self.convolutions = nn.Sequential(*layers)
        self.head = nn.Conv2d(spec.channels[0], 4 * sum(self.channels), 3, padding=1)
        # Channels last, as above: a third faster here.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        # A convolution has one bias a channel; a pixel that is always dark wants one of its own.
        self.offsets = nn.ParameterList(nn.Parameter(torch.zeros(shape)) for shape in shapes)

    def forward(self, *parents: Tensor) -> tuple[Tensor, ...]:
        hidden = self.dense(self.entry(*parents))
        lead = hidden.shape[:-1]
        small = hidden.reshape(-1, *self.small).contiguous(memory_format=torch.channels_last)
        image = self.convolutions(small)
        painted = F.pixel_shuffle(self.head(image), 2)[..., : self.size[0], : self.size[1]]
        painted = painted.reshape(*lead, *painted.shape[1:])
        parts = painted.split(self.channels, -3)
        return tuple(part + offset for part, offset in zip(parts, self.offsets, strict=True))

    def bias(self, name: str) -> Tensor:
        return self.offsets[self.names.index(name)]
