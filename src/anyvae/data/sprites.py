"""Pictures of three shapes at every scale, orientation and place, drawn by rule when they are asked for."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]

_SIDE = 64
_PLACES = 32
_TURNS = 40
_SCALES = np.linspace(0.5, 1.0, 6)
_AREA = 420.0  # pixels at scale 1, such that no pixel centre lies on an edge
# The heart (x^2 + y^2 - 1)^3 = x^2 y^3: its area, and how high its centre of mass lies.
_HEART_AREA, _HEART_CENTRE = 3.661972, 0.293482
_STRETCH = 1.6  # of the ellipse: its longer half axis over the shorter one


@final
class DSprites:
    r"""737,280 pictures of 64 x 64 black and white pixels, one for every combination of five factors.

    After dSprites (Matthey et al., 2017), with the same factors in the same order; the published pictures came from
    another renderer, so that pixels are not theirs. None is stored: they are drawn when they are asked for, some
    100,000 a second.

    ===========  ====== ===========================================================================
    factor       values what they are
    ===========  ====== ===========================================================================
    shape        3      square, ellipse, heart
    scale        6      0.5, 0.6, ..., 1
    orientation  40     multiples of 9 degrees, anticlockwise
    x            32     columns, from left to right, one pixel a step
    y            32     rows, from top to bottom, one pixel a step
    ===========  ====== ===========================================================================

    A pixel is 1 where its centre lies inside the shape. With (u, v) the pixel centre less the centre of the shape,
    v upwards, turned back by the orientation and divided by the scale, inside is

    .. math::

        \max(|u|, |v|) \le a, \qquad \frac{u^2}{s} + s v^2 \le b^2, \qquad
        (p^2 + q^2 - 1)^3 \le p^2 q^3 \text{ with } p = \tfrac{u}{c},\ q = \tfrac{v}{c} + q_0

    for a square, an ellipse with axes of ratio s = 1.6, and a heart about its centre of mass :math:`q_0`; a, b and c
    make the area 420 pixels at scale 1, whatever the shape. The centre of the shape is the centre of pixel
    (16 + x, 16 + y), so that every shape lies within the picture wherever it stands. A square looks the same after
    ten steps of orientation and an ellipse after twenty; the published set has 39 steps to a turn, and so its
    first orientation twice.

    Row numbers are mixed-radix numbers whose digits are the factors, y the fastest. Index it with row numbers; for
    training, rows are stored as their numbers and become pictures batch by batch:

    >>> import torch
    >>> from anyvae.data import DSprites
    >>> sprites = DSprites()
    >>> sprites[np.array([0, 700_000])].shape
    (2, 1, 64, 64)
    >>> pixels, _ = sprites.expand(torch.tensor([5]), None)
    >>> pixels.shape, int(pixels.sum())
    (torch.Size([1, 1, 64, 64]), 121)

    `fit(model, TensorData({"x": torch.arange(len(sprites))}, expand={"x": sprites.expand}))` streams all of them.
    """

    names: Final = ("shape", "scale", "orientation", "x", "y")
    shapes: Final = ("square", "ellipse", "heart")
    sizes: Final = (3, 6, _TURNS, _PLACES, _PLACES)

    def __len__(self) -> int:
        return int(np.prod(self.sizes))

    def __getitem__(self, rows: int | slice | Array) -> Array:
        """Pictures, uint8 of 0 and 1, shape (\\*rows.shape, 1, 64, 64).

        Arguments:
            rows: row numbers of any shape, or a slice of them.

        Raises:
            IndexError: for a row number that is none.
        """
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        shape, scale, turn, x, y = np.moveaxis(self.factors(rows), -1, 0)
        which = (shape * len(_SCALES) + scale) * _TURNS + turn
        return _windows()[which, _PLACES - 1 - y, _PLACES - 1 - x][..., None, :, :]

    def factors(self, rows: int | Array) -> Array:
        """The factors of rows, integers from 0, shape (\\*rows.shape, 5).

        Arguments:
            rows: row numbers of any shape.

        Raises:
            IndexError: for a row number that is none.
        """
        rows = np.asarray(rows)
        if rows.dtype.kind not in "iu" or ((rows < 0) | (rows >= len(self))).any():
            raise IndexError(f"DSprites got rows {rows}; wanted whole numbers from 0 to {len(self) - 1}.")
        return np.stack(np.unravel_index(rows, self.sizes), axis=-1)

    def index(self, factors: Array) -> Array:
        """The row numbers of factors; the inverse of `factors`.

        Arguments:
            factors: integers from 0, shape (..., 5).

        Raises:
            ValueError: for a factor outside its values.

        >>> DSprites().index(np.array([2, 5, 39, 31, 31]))
        np.int64(737279)
        """
        return np.ravel_multi_index(tuple(np.moveaxis(np.asarray(factors), -1, 0)), self.sizes)

    def some(self, rows: int, seed: int = 0) -> Array:
        """Row numbers drawn without replacement, in rising order, shape (rows,).

        Arguments:
            rows: how many.
            seed: of the draw.
        """
        drawn = np.random.default_rng(seed).choice(len(self), rows, replace=False, shuffle=False)
        drawn.sort()
        return drawn

    def expand(self, rows: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Pictures as a model reads them, float32, shape (m, 1, 64, 64), for `TensorData(..., expand=...)`.

        Arguments:
            rows: row numbers, shape (m,).
            mask: which rows are given, or None; handed back.
        """
        import torch

        return torch.from_numpy(self[rows.cpu().numpy()]).to(rows.device, torch.float32), mask


@cache
def _windows() -> Array:
    """Of each of the 720 masks every picture it is seen in: shape (720, 32, 32, 64, 64), without copies."""
    reach = _SIDE + _PLACES - 1
    masks = np.zeros((3 * len(_SCALES) * _TURNS, reach, reach), dtype=np.uint8)
    inner = slice(_PLACES - 1, _SIDE)  # where pixels of a mask may lie: up to 16 from its centre
    found = [_mask(shape, scale, turn) for shape in range(3) for scale in _SCALES for turn in range(_TURNS)]
    masks[:, inner, inner] = found
    return np.lib.stride_tricks.sliding_window_view(masks, (_SIDE, _SIDE), axis=(1, 2))


def _mask(shape: int, scale: float, turn: int) -> Array:
    """A shape about the middle pixel of 33 x 33."""
    offsets = np.arange(-_PLACES // 2, _PLACES // 2 + 1) / scale
    x, y = offsets, -offsets[:, None]
    # Quarter turns move pixels onto pixels: done on the mask, they are exact.
    quarters, rest = divmod(turn, _TURNS // 4)
    cosine, sine = np.cos(2 * np.pi * rest / _TURNS), np.sin(2 * np.pi * rest / _TURNS)
    u, v = cosine * x + sine * y, cosine * y - sine * x
    if shape == 0:
        inside = np.maximum(abs(u), abs(v)) <= np.sqrt(_AREA) / 2
    elif shape == 1:
        inside = u**2 / _STRETCH + _STRETCH * v**2 <= _AREA / np.pi
    else:
        size = np.sqrt(_AREA / _HEART_AREA)
        p, q = u / size, v / size + _HEART_CENTRE
        inside = (p**2 + q**2 - 1) ** 3 <= p**2 * q**3
    return np.rot90(inside, quarters)
