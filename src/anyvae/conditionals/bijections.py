"""Invertible maps of vectors: what a flow is made of."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import final

import torch
from torch import Tensor, nn

__all__ = ["FlowTransform", "Planar", "Sylvester"]

_LEAST_SLOPE = 1e-3
_HALVINGS = 60


class FlowTransform(ABC):
    """A description of an invertible map of vectors; it holds no weights.

    `Flow` calls `build` once, when parts are joined and sizes are known. The module that it gives is an
    `anyvae.distributions.Bijection` and starts near the identity.
    """

    @abstractmethod
    def build(self, features: int, context: int, place: int) -> nn.Module:
        """A module: `module(value, context)` and `module.inverse(value, context)`, see `Bijection`.

        Arguments:
            features: n, length of the vectors.
            context: k, length of the context; 0 where there is none.
            place: how many maps come before it.

        Raises:
            ValueError: when the description does not suit the sizes.
        """


@final
class Planar(FlowTransform):
    r"""A push along one direction, by how far a point lies along another.

    .. math:: v = u + push \, \tanh(direction \cdot u + bias), \quad direction \cdot push > -1

    The inverse is one number per row, found by bisection. With a context, all three are linear functions of it.
    Source: Variational Inference with Normalizing Flows (Rezende and Mohamed, 2015).

    >>> v, log_det = Planar().build(3, 0, 0)(torch.zeros(5, 3), None)
    >>> v.shape, log_det.shape
    (torch.Size([5, 3]), torch.Size([5]))
    """

    def __repr__(self) -> str:
        return "Planar()"

    def build(self, features: int, context: int, place: int) -> nn.Module:
        """See `FlowTransform.build`."""
        return _Planar(features, context)


@final
class Sylvester(FlowTransform):
    r"""As many pushes as `rank` at once, along directions at right angles.

    .. math:: v = u + Q R_1 \tanh(R_2 Q' u + bias)

    Q has orthonormal columns, a product of Householder reflections; R_1 and R_2 are upper triangular with diagonals
    in (-1, 1). The inverse takes `rank` bisections, one after the other. With a context, all are linear functions
    of it.
    Source: Sylvester Normalizing Flows for Variational Inference (van den Berg et al., 2018).

    Arguments:
        rank: number of directions; all where None.
        reflections: number of Householder reflections in Q.

    Raises:
        ValueError: for a rank or a number of reflections below 1, or, when parts are joined, a rank above n.
    """

    def __init__(self, rank: int | None = None, reflections: int = 4) -> None:
        if (rank is not None and rank < 1) or reflections < 1:
            raise ValueError(
                f"Sylvester got rank={rank}, reflections={reflections}; wanted at least 1 of each."
            )
        self.rank = rank
        self.reflections = reflections

    def __repr__(self) -> str:
        return f"Sylvester(rank={self.rank}, reflections={self.reflections})"

    def build(self, features: int, context: int, place: int) -> nn.Module:
        """See `FlowTransform.build`."""
        rank = features if self.rank is None else self.rank
        if rank > features:
            raise ValueError(f"{self!r} got vectors of {features} features; wanted rank <= {features}.")
        return _Sylvester(features, context, rank, self.reflections)


class _Steered(nn.Module):
    """A linear function of the context, or a free value; random but for a part that starts near 0."""

    def __init__(self, context: int, sizes: dict[str, int], still: set[str]) -> None:
        super().__init__()
        self.sizes = list(sizes.values())
        started = [
            torch.randn(size) * (0.01 if name in still else 1.0 / math.sqrt(size))
            for name, size in sizes.items()
        ]
        self.bias = nn.Parameter(torch.cat(started))
        weight = 0.01 * torch.randn(len(self.bias), context) / math.sqrt(max(context, 1))
        self.weight = nn.Parameter(weight) if context else None

    def forward(self, context: Tensor | None) -> tuple[Tensor, ...]:
        joined: Tensor = self.bias
        if self.weight is not None:
            assert context is not None
            joined = nn.functional.linear(context, self.weight, self.bias)
        return joined.to(self.bias.dtype).split(self.sizes, -1)


class _Planar(nn.Module):
    def __init__(self, features: int, context: int) -> None:
        super().__init__()
        sizes = {"push": features, "direction": features, "bias": 1}
        self.steered = _Steered(context, sizes, {"push", "bias"})

    def forward(self, value: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        push, direction, bias, slope = self._pushes(context)
        bend = torch.tanh((direction * value).sum(-1, keepdim=True) + bias)
        return value + push * bend, torch.log1p(slope * (1.0 - bend.square())).squeeze(-1)

    def inverse(self, value: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        push, direction, bias, slope = self._pushes(context)
        target = (direction * value).sum(-1, keepdim=True)
        along = _solve(slope, torch.ones_like(slope), bias, target)
        bend = torch.tanh(along + bias)
        return value - push * bend, torch.log1p(slope * (1.0 - bend.square())).squeeze(-1)

    def _pushes(self, context: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        free, direction, bias = self.steered(context)
        raw = (direction * free).sum(-1, keepdim=True)
        # Invertible where direction . push > -1: only the part of the push along the direction is changed.
        wanted = _above_minus_one(raw)
        square = direction.square().sum(-1, keepdim=True)
        push = free + (wanted - raw) * direction / (square + 1e-12)
        return push, direction, bias, (direction * push).sum(-1, keepdim=True)


class _Sylvester(nn.Module):
    def __init__(self, features: int, context: int, rank: int, reflections: int) -> None:
        super().__init__()
        self.features, self.rank, self.reflections = features, rank, reflections
        above = rank * (rank - 1) // 2
        sizes = {
            "first": above,
            "second": above,
            "first_diagonal": rank,
            "second_diagonal": rank,
            "bias": rank,
            "mirrors": reflections * features,
        }
        self.steered = _Steered(
            context, {k: v for k, v in sizes.items() if v}, {"first", "first_diagonal", "bias"}
        )
        self.register_buffer("upper", torch.triu_indices(rank, rank, 1), persistent=False)
        self.upper: Tensor

    def forward(self, value: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        # In half precision the basis would not be orthonormal, and the determinant another.
        with torch.autocast(value.device.type, enabled=False):
            return self._forward(value, context)

    def inverse(self, value: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        with torch.autocast(value.device.type, enabled=False):
            return self._inverse(value, context)

    def _forward(self, value: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        basis, first, second, bias = self._matrices(context)
        inner = _times(basis.mT, value)
        bend = torch.tanh(_times(second, inner) + bias)
        return value + _times(basis, _times(first, bend)), _log_det(first, second, bend)

    def _inverse(self, value: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        basis, first, second, bias = self._matrices(context)
        target = _times(basis.mT, value)
        lead = torch.broadcast_shapes(target.shape[:-1], bias.shape[:-1])
        # From the last row up: each row is one equation once those below it are solved.
        inner: list[Tensor] = []
        bends: list[Tensor] = []
        for row in reversed(range(self.rank)):
            offset, shift = bias[..., row].expand(lead), torch.zeros_like(target[..., row].expand(lead))
            if inner:
                offset = offset + (second[..., row, row + 1 :] * torch.stack(inner, -1)).sum(-1)
                shift = (first[..., row, row + 1 :] * torch.stack(bends, -1)).sum(-1)
            gain, scale = first[..., row, row].expand(lead), second[..., row, row].expand(lead)
            found = _solve(gain, scale, offset, target[..., row] - shift)
            inner.insert(0, found)
            bends.insert(0, torch.tanh(scale * found + offset))
        bend = torch.stack(bends, -1)
        return value - _times(basis, _times(first, bend)), _log_det(first, second, bend)

    def _matrices(self, context: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        parts = self.steered(context)
        above_first, above_second = (None, None) if self.rank == 1 else parts[:2]
        raw_first, raw_second, bias, mirrors = parts[-4:]
        # Below 1 in size, and so is their product: every factor of the determinant is positive.
        most = math.sqrt(1.0 - _LEAST_SLOPE)
        first = self._triangular(above_first, most * torch.tanh(raw_first))
        second = self._triangular(above_second, most * torch.tanh(raw_second))
        basis = torch.eye(self.features, self.rank, dtype=bias.dtype, device=bias.device)
        for mirror in mirrors.split(self.features, -1):
            unit = nn.functional.normalize(mirror, dim=-1).unsqueeze(-1)
            basis = basis - 2.0 * unit @ (unit.mT @ basis)
        return basis, first, second, bias

    def _triangular(self, above: Tensor | None, diagonal: Tensor) -> Tensor:
        matrix = torch.diag_embed(diagonal)
        if above is None:
            return matrix
        place = self.upper[0] * self.rank + self.upper[1]
        return matrix.flatten(-2).index_add(-1, place, above).unflatten(-1, (self.rank, self.rank))


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def _log_det(first: Tensor, second: Tensor, bend: Tensor) -> Tensor:
    """log det(I + R1 diag(1 - bend^2) R2): a triangular matrix, by Sylvester's identity."""
    product = first.diagonal(dim1=-2, dim2=-1) * second.diagonal(dim1=-2, dim2=-1)
    return torch.log1p(product * (1.0 - bend.square())).sum(-1)


def _above_minus_one(raw: Tensor) -> Tensor:
    """A smooth increasing map of the reals onto (-1 + 0.001, infinity) that has 0 as a fixed point."""
    start = math.log(math.expm1(1.0 - _LEAST_SLOPE))
    return nn.functional.softplus(raw + start) - (1.0 - _LEAST_SLOPE)


def _solve(gain: Tensor, scale: Tensor, offset: Tensor, target: Tensor) -> Tensor:
    """The y with y + gain tanh(scale y + offset) = target, where gain * scale > -1; differentiable once."""
    parts = torch.broadcast_tensors(gain, scale, offset, target)
    gain, scale, offset, wanted = (part.double() for part in parts)
    with torch.no_grad():
        low, high = wanted - gain.abs(), wanted + gain.abs()
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            over = middle + gain * torch.tanh(scale * middle + offset) > wanted
            low, high = torch.where(over, low, middle), torch.where(over, middle, high)
        root = 0.5 * (low + high)
        slope = 1.0 + gain * scale * (1.0 - torch.tanh(scale * root + offset).square())
    # One Newton step from the root: it moves nothing, and has the gradient of the implicit function.
    rest = root + gain * torch.tanh(scale * root + offset) - wanted
    return (root - rest / slope).to(target.dtype)
