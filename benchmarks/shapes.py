"""The networks and data that every contestant trains; torch and numpy only, so that peers can import it."""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["LEARNING_RATE", "SHAPES", "Shape", "decoder", "encoder", "rows"]

LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Shape:
    """One network at one batch size.

    Arguments:
        name: on the command line.
        title: in the table.
        batch: rows a step.
        event_shape: of one row.
        hidden: width of the dense hidden layer on each side.
        latent: latent features.
        likelihood: "bernoulli", or "normal" with one learned scale per feature.
        steps: optimiser steps in one repeat, which is one epoch: rows = batch * steps.
        channels: of the convolutions, from the highest resolution; dense where empty.
    """

    name: str
    title: str
    batch: int
    event_shape: tuple[int, ...]
    hidden: int
    latent: int
    likelihood: str
    steps: int
    channels: tuple[int, ...] = ()

    @property
    def features(self) -> int:
        """Elements of one row."""
        return int(np.prod(self.event_shape))


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("mlp-128", "784-400-20, batch 128", 128, (784,), 400, 20, "bernoulli", 40),
        Shape("mlp-512", "784-400-20, batch 512", 512, (784,), 400, 20, "bernoulli", 12),
        Shape("table-500", "14-128-8, batch 500", 500, (14,), 128, 8, "normal", 100),
        Shape(
            "conv-128", "28x28 convolutional, batch 128", 128, (1, 28, 28), 256, 20, "bernoulli", 6, (32, 64)
        ),
    )
}


def encoder(shape: Shape) -> nn.Sequential:
    """x -> (loc, raw scale) of q(z | x), shape (B, 2 * latent)."""
    if shape.channels:
        first, second = shape.channels
        return nn.Sequential(
            nn.Conv2d(1, first, 4, stride=2, padding=1),
            nn.GELU(),
            nn.Conv2d(first, second, 4, stride=2, padding=1),
            nn.GELU(),
            nn.Flatten(),
            nn.Linear(second * 49, shape.hidden),
            nn.GELU(),
            nn.Linear(shape.hidden, 2 * shape.latent),
        )
    return nn.Sequential(
        nn.Linear(shape.features, shape.hidden), nn.ReLU(), nn.Linear(shape.hidden, 2 * shape.latent)
    )


class Offset(nn.Module):
    """One bias a pixel."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.offset = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        """Shift, shape (B, *shape)."""
        return x + self.offset


def decoder(shape: Shape) -> nn.Sequential:
    """z -> logits or means of p(x | z), shape (B, *event_shape)."""
    if shape.channels:
        first, second = shape.channels
        return nn.Sequential(
            nn.Linear(shape.latent, shape.hidden),
            nn.GELU(),
            nn.Linear(shape.hidden, second * 49),
            nn.GELU(),
            nn.Unflatten(-1, (second, 7, 7)),
            nn.Conv2d(second, 4 * first, 3, padding=1),
            nn.PixelShuffle(2),
            nn.GELU(),
            nn.Conv2d(first, 4, 5, padding=2),
            nn.PixelShuffle(2),
            Offset(shape.event_shape),
        )
    return nn.Sequential(
        nn.Linear(shape.latent, shape.hidden), nn.ReLU(), nn.Linear(shape.hidden, shape.features)
    )


def rows(shape: Shape) -> tuple[Tensor, str]:
    """The training rows, float32 (batch * steps, *event_shape), and what they are."""
    count = shape.batch * shape.steps
    generator = torch.Generator().manual_seed(0)
    if shape.likelihood == "normal":
        mixing = torch.randn(5, shape.features, generator=generator)
        signal = torch.randn(count, 5, generator=generator) @ mixing
        table = signal + 0.5 * torch.randn(count, shape.features, generator=generator)
        return (table - table.mean(0)) / table.std(0), "standardised factors and noise"
    grey = _mnist(count)
    if grey is None:
        bits = torch.rand(count, shape.features, generator=generator) < 0.13
        return bits.float().view(count, *shape.event_shape), "random bits (MNIST not found)"
    bits = torch.bernoulli(grey, generator=generator)
    return bits.view(count, *shape.event_shape), "MNIST, binarised once"


def _mnist(count: int) -> Tensor | None:
    """Grey values in [0, 1], (count, 784), or None where the files are not at hand."""
    repository = Path(__file__).resolve().parent.parent
    folders = [Path(os.environ[name]) for name in ("ANYVAE_DATA",) if name in os.environ]
    folders += [repository.parent / "shared" / "data", Path("../shared/data")]
    for folder in folders:
        file = folder / "mnist" / "train-images-idx3-ubyte.gz"
        if file.exists():
            with gzip.open(file) as stream:
                raw = np.frombuffer(stream.read(16 + 784 * count)[16:], np.uint8)
            # More rows than MNIST has are never asked for; a truncated file is no MNIST.
            return (
                torch.from_numpy(raw.reshape(-1, 784) / np.float32(255)) if raw.size == 784 * count else None
            )
    return None
