"""Rows that are images, laid side by side into one PNG."""

from __future__ import annotations

import io

import numpy as np

from anyvae.report.findings import Array
from anyvae.report.markup import Picture

LARGEST = 128
"""Larger images are averaged down to this many pixels a side; a report is not an archive."""


def value_range(images: Array) -> tuple[float, float]:
    """The darkest and the lightest value of the data, which all pictures of a page share."""
    values = np.asarray(images, dtype=float)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low, low + 1.0)


def tile(images: Array, columns: int, span: tuple[float, float], *, alt: str) -> Picture:
    """Images on a transparent grid, row by row; values outside the span are clipped.

    Arguments:
        images: (m, H, W) or (m, H, W, C) with C 1, 3 or 4.
        columns: images side by side.
        span: the values shown black and white.
    """
    from PIL import Image

    pixels = shrink(colours(np.asarray(images, dtype=float), span))
    count, height, width, _ = pixels.shape
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    gap = max(1, round(max(height, width) / 12))
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4))
    for i in range(count):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = pixels[i]
    bits = np.round(sheet * 255).astype(np.uint8)
    # Each pixel is repeated until an image is about 96 dots wide, so that no browser blurs it.
    repeat = max(1, round(96 / max(height, width)))
    bits = bits.repeat(repeat, axis=0).repeat(repeat, axis=1)
    buffer = io.BytesIO()
    Image.fromarray(bits, "RGBA").save(buffer, format="PNG", optimize=True)
    return Picture(buffer.getvalue(), bits.shape[1], bits.shape[0], alt, pixelated=True)


def colours(images: Array, span: tuple[float, float]) -> Array:
    """Values as red, green, blue and opacity in [0, 1]; missing pixels are transparent."""
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"report: images have shape {images.shape}; they must be (rows, height, width) or "
            "(rows, height, width, channels) with 1, 3 or 4 channels."
        )
    level = np.clip((images - span[0]) / (span[1] - span[0]), 0.0, 1.0)
    shown = np.isfinite(level).all(axis=-1, keepdims=True)
    level = np.nan_to_num(level)
    if level.shape[-1] == 1:
        level = np.broadcast_to(level, (*level.shape[:-1], 3))
    if level.shape[-1] == 4:
        return level
    return np.concatenate([level, shown.astype(float)], axis=-1)


def shrink(pixels: Array) -> Array:
    """Images averaged over blocks until no side is longer than `LARGEST`."""
    count, height, width, channels = pixels.shape
    block = -(-max(height, width) // LARGEST)
    if block == 1:
        return pixels
    rows, columns = max(1, height // block), max(1, width // block)
    cut = pixels[:, : rows * block, : columns * block]
    return np.asarray(
        cut.reshape(count, rows, min(block, height), columns, min(block, width), channels).mean(axis=(2, 4))
    )
