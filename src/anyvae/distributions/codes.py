"""Values that are code vectors: all mass on one of them, or a mass on each."""

from __future__ import annotations

import math
from itertools import product
from typing import Any, NamedTuple, final

import torch
import torch.nn.functional as F
from torch import Size, Tensor
from torch.distributions import constraints, register_kl

from anyvae.distributions.cells import FromNoise

__all__ = ["CodeCategorical", "CodeLayout", "Quantised", "nearest_code"]

_CELLS = 2**22
_MOST_VALUES = 2**16


@final
class CodeLayout(NamedTuple):
    """Where the code vectors lie in one row.

    Arguments:
        event_shape: (features,), (positions, features) or (features, height, width, ...).
        depth: how many codes add up at each position, or None; they lie side by side on a first axis of the row.

    >>> CodeLayout(Size((4, 8)), None).sizes, CodeLayout(Size((8, 5, 5)), 3).sizes
    ((1, 4, 8), (3, 25, 8))
    """

    event_shape: Size
    depth: int | None = None

    @property
    def whole(self) -> Size:
        """Shape of one row with its depth."""
        return self.event_shape if self.depth is None else Size((self.depth, *self.event_shape))

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Depth, positions and features."""
        shape = self.event_shape
        features = shape[0] if len(shape) > 2 else shape[-1]
        return self.depth or 1, shape.numel() // features, features

    def rows(self, value: Tensor, *, deep: bool = True) -> Tensor:
        """Code vectors, shape (..., depth, positions, features), from values (..., *whole).

        Arguments:
            value: one row or many.
            deep: whether the value has the axis of the depth; else it is taken for one code deep.
        """
        axes = len(self.event_shape)
        if axes == 1:
            value = value.unsqueeze(-2)
        elif axes > 2:
            value = value.flatten(1 - axes).transpose(-1, -2)
        return value if deep and self.depth is not None else value.unsqueeze(-3)

    def values(self, rows: Tensor) -> Tensor:
        """The reverse of `rows`: shape (..., *whole)."""
        if self.depth is None:
            rows = rows.squeeze(-3)
        axes = len(self.event_shape)
        if axes == 1:
            return rows.squeeze(-2)
        return rows if axes == 2 else rows.transpose(-1, -2).unflatten(-1, self.event_shape[1:])


def nearest_code(vectors: Tensor, codes: Tensor) -> Tensor:
    """Index of the code at the least distance from each vector, the first of equals, shape (...).

    Arguments:
        vectors: shape (..., features).
        codes: shape (K, features).

    >>> nearest_code(torch.tensor([[0.9], [0.1]]), torch.tensor([[0.0], [1.0]]))
    tensor([1, 0])
    """
    # In bfloat16, which autocast would choose for the product, near codes could not be told apart.
    with torch.no_grad(), torch.autocast(vectors.device.type, enabled=False):
        centre = codes.mean(0)
        about = codes - centre
        half = 0.5 * about.square().sum(-1)
        flat = (vectors - centre).reshape(-1, codes.shape[-1])
        step = max(1, _CELLS // len(codes))
        found = [torch.addmm(half, part, about.T, alpha=-1.0).argmin(-1) for part in flat.split(step)]
        return torch.cat(found).view(vectors.shape[:-1]) if found else flat.new_zeros(0, dtype=torch.long)


@final
class Quantised(FromNoise):
    r"""All mass on one point of a finite set: a posterior that is certain of its code.

    .. math:: \log q(v) = 0 \text{ at } v = value, \; -\infty \text{ elsewhere}

    Every draw is `value`. Its gradient, where it has one, is the straight-through one: biased by design.
    Source: Neural Discrete Representation Learning (van den Oord et al., 2017).

    Arguments:
        value: the point, shape (*batch, *event).
        event_dims: how many of the last axes are the event.
        indices: number of the code of each position, shape (*batch, depth, positions).
        residual: what each code stands for, of the shape of `value`; None where no cost is to be taken of it.
        codes: the codes with the gradient of the codebook, of the shape of `value`.

    >>> Quantised(torch.ones(2, 3)).log_prob(torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]))
    tensor([0., -inf])
    """

    support = constraints.real
    has_rsample = True

    def __init__(
        self,
        value: Tensor,
        event_dims: int = 1,
        *,
        indices: Tensor | None = None,
        residual: Tensor | None = None,
        codes: Tensor | None = None,
    ) -> None:
        cut = value.dim() - event_dims
        super().__init__(value.shape[:cut], value.shape[cut:])
        self.value = value
        self.indices = indices
        self.residual = residual
        self.codes = codes

    @property
    def noise_shape(self) -> Size:
        """No noise is needed."""
        return Size((0,))

    @property
    def mean(self) -> Tensor:
        """`value`."""
        return self.value

    @property
    def variance(self) -> Tensor:
        """Zero."""
        return torch.zeros_like(self.value)

    def entropy(self) -> Tensor:
        """Zero."""
        return self.value.new_zeros(self._batch_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """0 at `value` up to rounding, minus infinity elsewhere."""
        own = self.value.detach()
        axes = tuple(range(-self.event_dims, 0))
        slack = 16.0 * torch.finfo(own.dtype).eps * own.abs().amax(axes, keepdim=True)
        same = ((value - own).abs() <= slack).flatten(-self.event_dims).all(-1)
        return torch.where(same, 0.0, -math.inf).to(own.dtype)

    def from_noise(self, noise: Tensor) -> Tensor:
        """`value`, for every draw."""
        lead = torch.broadcast_shapes(noise.shape[:-1], self._batch_shape)
        return self.value.expand(lead + self._event_shape)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Quantised:
        """The same distribution with other batch axes."""
        batch, cut = Size(batch_shape), len(self._batch_shape)
        value, indices, residual, codes = (
            None if tensor is None else tensor.expand(batch + tensor.shape[cut:])
            for tensor in (self.value, self.indices, self.residual, self.codes)
        )
        assert value is not None
        return Quantised(value, self.event_dims, indices=indices, residual=residual, codes=codes)

    def _like(self) -> Tensor:
        return self.value


@final
class CodeCategorical(FromNoise):
    r"""At each position one of K code vectors, independently; its log-density is a mass over codes.

    .. math:: \log p(v) = \sum_{d, n} \log m_{d, n, k(v_{d, n})}, \quad v_{d, n} = codes_{d, k}

    Minus infinity where a vector is no code up to rounding. Two equal codes are two codes: a value then counts with
    the mass of one of them.

    Arguments:
        codes: shape (depth, K, features).
        logits: unnormalised log-masses, anything that broadcasts to (depth, positions, K).
        layout: where the codes lie in a row.
        batch_shape: axes over rows.

    >>> codes = torch.tensor([[[0.0], [1.0], [3.0]]])
    >>> p = CodeCategorical(codes, torch.zeros(3), CodeLayout(Size((2, 1))))
    >>> p.log_prob(torch.tensor([[[0.0], [3.0]], [[0.0], [2.0]]])).exp()
    tensor([0.1111, 0.0000])
    """

    support = constraints.real

    def __init__(
        self, codes: Tensor, logits: Tensor, layout: CodeLayout, batch_shape: tuple[int, ...] = ()
    ) -> None:
        super().__init__(Size(batch_shape), layout.whole)
        depth, positions, _ = layout.sizes
        self.codes = codes
        self.layout = layout
        self.logits = logits.log_softmax(-1).expand(depth, positions, codes.shape[1])

    @property
    def noise_shape(self) -> Size:
        """One number for each code."""
        return Size(self.layout.sizes[:2])

    @property
    def mean(self) -> Tensor:
        """Codes weighed by their masses."""
        return self._whole(self.logits.exp() @ self.codes)

    @property
    def variance(self) -> Tensor:
        """Of each feature."""
        away = self.codes.unsqueeze(1) - (self.logits.exp() @ self.codes).unsqueeze(2)
        return self._whole((self.logits.exp().unsqueeze(-1) * away.square()).sum(2))

    def log_mass(self, indices: Tensor) -> Tensor:
        """Log-mass of numbered codes, nats, shape (...).

        Arguments:
            indices: shape (..., depth, positions).
        """
        logits = self.logits.expand(*indices.shape, self.logits.shape[-1])
        return logits.gather(-1, indices.unsqueeze(-1)).flatten(-3).sum(-1)

    def find(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers of the codes in a value, shape (..., depth, positions), and whether each is one up to rounding."""
        rows = self.layout.rows(value.detach())
        found = [self._find(rows[..., d, :, :], self.codes[d].detach()) for d in range(rows.shape[-3])]
        return torch.stack([index for index, _ in found], -2), torch.stack([same for _, same in found], -2)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-mass of each row, nats."""
        indices, same = self.find(value)
        return torch.where(same.flatten(-2).all(-1), self.log_mass(indices), -math.inf)

    def entropy(self) -> Tensor:
        """Entropy of each row, nats; codes that never occur count for nothing."""
        return torch.special.entr(self.logits.exp()).sum().expand(self._batch_shape)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Every value, shape (K ** (depth * positions), *batch, *event) (or (..., 1..., *event)).

        Raises:
            NotImplementedError: where there are more than 65,536.
        """
        depth, positions, _ = self.layout.sizes
        number = self.codes.shape[1]
        if number ** (depth * positions) > _MOST_VALUES:
            raise NotImplementedError(f"{number} ** {depth * positions} values are too many to enumerate.")
        every = torch.tensor(list(product(range(number), repeat=depth * positions)), device=self.codes.device)
        values = self.layout.values(self._vectors(every.view(-1, depth, positions)))
        values = values.view(-1, *(1,) * len(self._batch_shape), *self._event_shape)
        return values.expand(-1, *self._batch_shape, *self._event_shape) if expand else values

    def from_noise(self, noise: Tensor) -> Tensor:
        """The code in whose share of [0, 1), counted in their order, Phi(noise) lies."""
        share = self.logits.detach().double().exp().cumsum(-1)
        share = share / share[..., -1:]
        place = torch.special.ndtr(noise.double()).clamp_max(1.0 - 2.0**-53)
        depth, positions, number = share.shape
        last = place.reshape(-1, depth, positions).movedim(0, -1).contiguous()
        indices = torch.searchsorted(share.contiguous(), last, right=True).movedim(-1, 0)
        indices = indices.clamp_max(number - 1).reshape(noise.shape)
        value = self.layout.values(self._vectors(indices))
        return value.expand(
            torch.broadcast_shapes(noise.shape[:-2], self._batch_shape) + self._event_shape
        ).detach()

    def expand(self, batch_shape: Any, _instance: Any = None) -> CodeCategorical:
        """The same distribution with other batch axes."""
        return CodeCategorical(self.codes, self.logits, self.layout, tuple(batch_shape))

    def _find(self, vectors: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        slack = 16.0 * torch.finfo(codes.dtype).eps * codes.abs().max()
        index = nearest_code(vectors, codes)
        same = ((vectors - F.embedding(index, codes)).abs() <= slack).all(-1)
        if bool(same.all()):
            return index, same
        # The product behind the search rounds: among codes that all but coincide it may take the neighbour.
        doubtful = vectors[~same].unsqueeze(1)
        found = [
            (part - codes).abs().amax(-1).min(-1) for part in doubtful.split(max(1, _CELLS // codes.numel()))
        ]
        index[~same] = torch.cat([part.indices for part in found])
        same = same.masked_scatter(~same, torch.cat([part.values for part in found]) <= slack)
        return index, same

    def _vectors(self, indices: Tensor) -> Tensor:
        """Shape (..., depth, positions, features)."""
        return torch.stack(
            [F.embedding(indices[..., d, :], codes) for d, codes in enumerate(self.codes)], dim=-3
        )

    def _whole(self, rows: Tensor) -> Tensor:
        return self.layout.values(rows).expand(self._batch_shape + self._event_shape)

    def _like(self) -> Tensor:
        return self.codes


@register_kl(Quantised, CodeCategorical)
def _kl_quantised(q: Quantised, p: CodeCategorical) -> Tensor:
    # A certain value has no entropy: all that is left is the mass that p gives it.
    return -(p.log_prob(q.value) if q.indices is None else p.log_mass(q.indices))
