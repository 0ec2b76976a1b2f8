"""A distribution carried along by invertible maps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol, final

import torch
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import FromNoise
from anyvae.distributions.whitened import whitened

__all__ = ["Bijection", "Flowed"]

_PAIRS = 64
_NUMBERS = 2**22


class Bijection(Protocol):
    """An invertible map of vectors, steered by a context."""

    def __call__(self, value: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """The image of `value`, shape (..., n), and the log-determinant of the Jacobian there, shape (...).

        Arguments:
            value: shape (..., n).
            context: shape (..., k), whose leading axes broadcast with the value's; None where there is none.
        """

    def inverse(self, value: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """The point whose image is `value`, shape (..., n), and the log-determinant of the forward map there."""


class _Draw:
    """The last draw, so that its density needs no inverse; shared by a distribution and its expansions."""

    __slots__ = ("graph", "log_det", "source", "value", "version")

    def __init__(self) -> None:
        self.value: Tensor | None = None
        self.source: Tensor | None = None
        self.log_det: Tensor | None = None
        self.version = 0
        self.graph = False

    def keep(self, source: Tensor, value: Tensor, log_det: Tensor) -> None:
        self.source, self.value, self.log_det = source, value, log_det
        self.version, self.graph = _version(value), torch.is_grad_enabled()

    def knows(self, value: Tensor) -> bool:
        """Whether this very tensor was drawn, was not changed since, and has the graph that is wanted now.

        A draw made without gradient would else give a density without one.
        """
        return (
            value is self.value
            and _version(value) == self.version
            and (self.graph or not torch.is_grad_enabled())
        )


@final
class Flowed(FromNoise):
    r"""Vectors of a base distribution, carried along by invertible maps one after the other.

    .. math:: v = T_K(... T_1(u; context)), \quad \log p(v) = \log p(u) - \sum_k \log |\det \partial T_k|

    The density of a value that was just drawn is known from the draw; that of any other takes the inverse, which
    for some maps costs a pass for each feature. What is kept is the very tensor that `rsample`, `sample` or
    `from_noise` gave back: a copy of it, or one with some rows replaced, is scored by the inverse.

    `mean` and `variance` have no formula: they are averages over 128 fixed noise vectors (more where the noise has
    over 64 numbers) with mean 0, covariance I and no odd moments. Both are exact where the maps are affine, the mean
    also for polynomials of degree three; elsewhere they are estimates, the variance of a steep spline to some ten
    per cent. They are the same at every call.

    Source: Variational Inference with Normalizing Flows (Rezende and Mohamed, 2015).

    Arguments:
        base: distribution of u, over real vectors.
        steps: the maps, in drawing order; they are called when the distribution is used, with the weights
            that they have then.
        context: what they read besides, shape (..., k).
    """

    support = constraints.real_vector

    def __init__(self, base: FromNoise, steps: Sequence[Bijection], context: Tensor | None = None) -> None:
        if context is not None:
            lead = torch.broadcast_shapes(base.batch_shape, context.shape[:-1])
            base = base if base.batch_shape == lead else base.expand(lead)
        super().__init__(base.batch_shape, base.event_shape)
        self.base = base
        self.steps = steps
        self.context = context
        self._drawn = _Draw()
        self._moments: dict[bool, tuple[Tensor, Tensor]] = {}
        self._graph = torch.is_grad_enabled()

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """As the base has."""
        return bool(self.base.has_rsample)

    @property
    def noise_shape(self) -> torch.Size:
        """As the base has."""
        return self.base.noise_shape

    @property
    def mean(self) -> Tensor:
        """Average over the fixed noise, shape (*batch, n)."""
        return self._fixed_noise_moments()[0]

    @property
    def variance(self) -> Tensor:
        """Variance of each feature over the fixed noise, shape (*batch, n)."""
        return self._fixed_noise_moments()[1]

    def from_noise(self, noise: Tensor) -> Tensor:
        """The base's draw, carried along."""
        source = self.base.from_noise(noise)
        value, log_det = self._forward(source)
        self._drawn.keep(source, value, log_det)
        return value

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of each row, nats: of the last draw as it was made, of any other value by the inverse."""
        drawn = self._drawn
        if drawn.knows(value):
            assert drawn.source is not None
            assert drawn.log_det is not None
            return self.base.log_prob(drawn.source) - drawn.log_det
        total: Tensor | None = None
        for step in reversed(self.steps):
            value, log_det = step.inverse(value, self.context)
            total = log_det if total is None else total + log_det
        log_prob = self.base.log_prob(value)
        return log_prob if total is None else log_prob - total

    def expand(self, batch_shape: Any, _instance: Any = None) -> Flowed:
        """The same distribution with other batch axes; it shares the last draw."""
        other = Flowed(self.base.expand(batch_shape), self.steps, self.context)
        other._drawn = self._drawn
        return other

    def _forward(self, value: Tensor) -> tuple[Tensor, Tensor]:
        total: Tensor | None = None
        for step in self.steps:
            value, log_det = step(value, self.context)
            total = log_det if total is None else total + log_det
        return value, value.new_zeros(value.shape[:-1]) if total is None else total

    def _fixed_noise_moments(self) -> tuple[Tensor, Tensor]:
        # Made without gradient, its parameters have none; those of the maps are to be no exception.
        graph = self._graph and torch.is_grad_enabled()
        if graph not in self._moments:
            with torch.set_grad_enabled(graph):
                self._moments[graph] = self._average()
        return self._moments[graph]

    def _average(self) -> tuple[Tensor, Tensor]:
        like, lead = self._like(), self._batch_shape
        noise = _fixed_noise(self.noise_shape.numel()).to(like)
        noise = noise.view(-1, *(1,) * len(lead), *self.noise_shape)
        centre, _ = self._forward(
            self.base.from_noise(torch.zeros_like(noise[0]).expand(lead + self.noise_shape))
        )
        first, second = torch.zeros_like(centre), torch.zeros_like(centre)
        for part in noise.split(max(1, _NUMBERS // max(1, lead.numel() * self._event_shape.numel()))):
            source = self.base.from_noise(part.expand(len(part), *lead, *self.noise_shape))
            # From the centre: squares of large means would eat the digits of a small variance.
            away = self._forward(source)[0] - centre
            first, second = first + away.sum(0), second + away.square().sum(0)
        first, second = first / len(noise), second / len(noise)
        return centre + first, (second - first.square()).clamp_min(torch.finfo(like.dtype).tiny)

    def _like(self) -> Tensor:
        return self.base._like()


def _version(value: Tensor) -> int:
    # Tensors of inference mode count no changes.
    return 0 if value.is_inference() else value._version


@cache
def _fixed_noise(width: int) -> Tensor:
    """Noise vectors in opposite pairs with covariance I, shape (2 pairs, width), in double precision."""
    pairs = max(_PAIRS, width)
    engine = torch.quasirandom.SobolEngine(width, scramble=True, seed=0)
    half = torch.special.ndtri(engine.draw(pairs, dtype=torch.float64).clamp(1e-9, 1.0 - 1e-9))
    half = whitened(half)
    return torch.cat([half, -half])
