"""Triangular maps on pictures whose rows hold a pixel and its later neighbours: applied and undone."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["apply_stencil", "later_neighbours", "undo_stencil"]


def later_neighbours(width: int) -> list[tuple[int, int]]:
    """Steps (down, right) from a pixel to its neighbours that come later in raster order.

    Arguments:
        width: of the square neighbourhood around the pixel, odd.

    >>> later_neighbours(3)
    [(0, 1), (1, -1), (1, 0), (1, 1)]
    """
    reach = width // 2
    steps = [(down, right) for down in range(reach + 1) for right in range(-reach, reach + 1)]
    return [step for step in steps if step > (0, 0)]


def apply_stencil(picture: Tensor, weights: Tensor, width: int) -> Tensor:
    r"""Each pixel plus the weighted sum of its later neighbours; what lies outside the picture is zero.

    .. math:: y_j = v_j + \sum_m weights_{m, j} \, v_{j + m}

    Arguments:
        picture: v, shape (..., H, W).
        weights: one picture a neighbour, in the order of `later_neighbours`, shape (..., neighbours, H, W).
        width: of the neighbourhood.

    >>> row, ones = torch.tensor([[1.0, 2.0, 4.0]]), torch.ones(4, 1, 3)
    >>> apply_stencil(row, ones, 3)
    tensor([[3., 6., 4.]])
    """
    total = picture
    for weight, moved in zip(weights.unbind(-3), _moved(picture, width), strict=True):
        total = torch.addcmul(total, weight, moved)
    return total


def undo_stencil(picture: Tensor, weights: Tensor, width: int) -> Tensor:
    """The v whose `apply_stencil` is `picture`, exactly; differentiable in both, to any order.

    The last pixel is known, the one before follows from it, and so on. Pixels that do not wait for each other
    are taken together: H (width + 1) / 2 + W steps and not H W.

    Arguments:
        picture: shape (..., H, W).
        weights: as for `apply_stencil`, shape (..., neighbours, H, W).
        width: of the neighbourhood.
    """
    solved: Tensor = _Undo.apply(picture, weights, width, False)  # type: ignore[no-untyped-call]
    return solved


def _moved(picture: Tensor, width: int) -> list[Tensor]:
    """At each pixel its later neighbours, one picture a neighbour; zero where there is none."""
    reach = width // 2
    height, breadth = picture.shape[-2:]
    padded = F.pad(picture, (reach, reach, 0, reach))
    return [
        padded[..., down : down + height, reach + right : reach + right + breadth]
        for down, right in later_neighbours(width)
    ]


class _Order(NamedTuple):
    """In which order the pixels of a picture are solved, and where their neighbours then stand."""

    pixels: Tensor  # flat pixel at each place of the order
    places: Tensor  # its inverse: the place of each flat pixel
    later: Tensor  # (pixels, neighbours): places of the later neighbours; one past the end when outside
    earlier: Tensor  # the same of the pixels that this one is a neighbour of
    stops: list[int]  # where each step ends


@lru_cache(maxsize=64)
def _order(height: int, breadth: int, width: int, device: torch.device) -> _Order:
    slant = width // 2 + 1
    rows, columns = torch.meshgrid(
        torch.arange(height, device="cpu"), torch.arange(breadth, device="cpu"), indexing="ij"
    )
    # A pixel waits for those to its right and for those of the rows below up to `reach` to the left.
    step = (slant * (height - 1 - rows) + breadth - 1 - columns).flatten()
    pixels = torch.argsort(step, stable=True)
    places = torch.argsort(pixels)
    stops = torch.bincount(step).cumsum(0).unique_consecutive().tolist()

    def neighbours(sign: int) -> Tensor:
        found = []
        for down, right in later_neighbours(width):
            row, column = (rows + sign * down).flatten(), (columns + sign * right).flatten()
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < breadth)
            flat = torch.where(inside, row * breadth + column, 0)
            found.append(torch.where(inside, places[flat], height * breadth))
        return torch.stack(found, -1)[pixels].to(device)

    return _Order(pixels.to(device), places.to(device), neighbours(1), neighbours(-1), stops)


class _Undo(torch.autograd.Function):
    """Solves T v = picture, or T' v = picture when `turned`, for the map T of `apply_stencil`.

    With s the solution of the turned system for the gradient, that of the picture is s and that of the weight
    between j and j + m is -s_j v_{j + m}; so the backward pass is a solve of the same kind.
    """

    @staticmethod
    def forward(ctx: Any, picture: Tensor, weights: Tensor, width: int, turned: bool) -> Tensor:
        solved = _solve(picture, weights, width, turned)
        ctx.save_for_backward(solved, weights)
        ctx.width, ctx.turned = width, turned
        return solved

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        solved, weights = ctx.saved_tensors
        width, turned = ctx.width, ctx.turned
        other: Tensor = _Undo.apply(gradients[0], weights, width, not turned)  # type: ignore[no-untyped-call]
        if not ctx.needs_input_grad[1]:
            return other, None, None, None
        here, there = (solved, other) if turned else (other, solved)
        extra = solved.dim() + 1 - weights.dim()
        by_weight = torch.stack([-(here * moved) for moved in _moved(there, width)], -3)
        if extra:
            by_weight = by_weight.sum(tuple(range(extra)))
        return other, by_weight, None, None


def _solve(picture: Tensor, weights: Tensor, width: int, turned: bool) -> Tensor:
    height, breadth = picture.shape[-2:]
    order = _order(height, breadth, width, picture.device)
    # Pixels first and in the order of the steps: what a step reads and writes is then contiguous.
    lead = weights.shape[:-3]
    extra = picture.shape[: picture.dim() - 2 - len(lead)]
    known = picture.reshape(extra.numel(), lead.numel(), height * breadth).permute(2, 0, 1)[order.pixels]
    factors = weights.reshape(lead.numel(), weights.shape[-3], height * breadth).permute(2, 1, 0)[
        order.pixels
    ]
    count, stops, table = height * breadth, order.stops, order.later
    if turned:
        # Row j of T' holds the weights that the pixels before j give to it.
        outside = factors.new_zeros(1, *factors.shape[1:])
        every = torch.arange(factors.shape[1], device=factors.device)
        factors, table = torch.cat([factors, outside])[order.earlier, every], order.earlier
    solved = known.new_zeros(count + 1, *known.shape[1:])
    spans = list(zip([0, *stops[:-1]], stops))
    for start, stop in reversed(spans) if turned else spans:
        pull = (factors[start:stop].unsqueeze(2) * solved[table[start:stop]]).sum(1)
        torch.sub(known[start:stop], pull, out=solved[start:stop])
    return solved[order.places].permute(1, 2, 0).reshape(picture.shape)
