"""Families of unit vectors: latents on a sphere."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import final

import torch
from torch import Size, Tensor
from torch.nn.functional import normalize

from anyvae import distributions
from anyvae.conditionals.family import Family
from anyvae.distributions import unit_sphere

__all__ = ["PowerSpherical", "UniformSphere", "VonMisesFisher"]

_BOUND = 12.0


def direction(raw: Tensor) -> Tensor:
    """A unit vector for any finite raw vector; for zeros the one with equal coordinates.

    >>> direction(torch.tensor([[0.0, 0.0], [3e30, 4e30]]))
    tensor([[0.7071, 0.7071],
            [0.6000, 0.8000]])
    """
    empty = (raw == 0).all(-1, keepdim=True)
    raw = torch.where(empty, torch.ones_like(raw), raw)
    # A direction has no length, so it may be divided out beforehand: squares of large numbers overflow.
    return normalize(raw / raw.detach().abs().amax(-1, keepdim=True), dim=-1)


def bounded_concentration(raw: Tensor, features: int) -> Tensor:
    r"""A concentration that no raw number can drive to 0 or infinity.

    .. math:: n \exp(12 \tanh(raw / 12)) \in (6 \cdot 10^{-6} \, n, 1.6 \cdot 10^5 \, n)

    In units of n because a density on the sphere in R^n is as wide as the sphere where its concentration is well
    below n; at raw = 0 the mean cosine is about 0.6 in every dimension.
    """
    return features * (_BOUND * torch.tanh(raw / _BOUND)).exp()


class _OnSphere(Family, ABC):
    """A family of unit vectors of n coordinates, n >= 2."""

    def __init__(self, features: int) -> None:
        if features < 2:
            raise ValueError(
                f"{type(self).__name__} got {features} feature(s); wanted at least 2: the length n of the vectors, "
                "whose sphere has n - 1 dimensions."
            )
        super().__init__(features)

    def check(self, name: str, value: Tensor) -> None:
        """Refuse vectors whose length is not one."""
        wrong = ~unit_sphere.check(value)
        if bool(wrong.any()):
            length = torch.linalg.vector_norm(value[wrong][0]).item()
            raise ValueError(
                f"{name!r} holds a vector of length {length:g}; {type(self).__name__} wants length 1. "
                "Divide each row by its length."
            )


class _Around(_OnSphere, ABC):
    """A family with a mean direction and a concentration."""

    @property
    def params(self) -> dict[str, Size]:
        """`raw_loc`, whose direction is the mean direction, and `raw_concentration`, one number."""
        return {"raw_loc": self.event_shape, "raw_concentration": Size(())}

    def start(self) -> dict[str, Tensor]:
        """A raw direction: zeros have none, and so no gradient of it."""
        return {"raw_loc": torch.full(self.event_shape, 0.1)}

    def _loc_and_concentration(self, params: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        concentration = bounded_concentration(params["raw_concentration"], self.event_shape[0])
        return direction(params["raw_loc"]), concentration


@final
class UniformSphere(_OnSphere):
    """The uniform density on the unit sphere: the fixed prior of latents that are directions.

    Arguments:
        features: n, the number of coordinates, at least 2; the sphere has n - 1 dimensions.

    Raises:
        ValueError: for fewer than two features.

    >>> UniformSphere(3)
    UniformSphere(3)
    """

    @property
    def params(self) -> dict[str, Size]:
        """None."""
        return {}

    @property
    def constants(self) -> dict[str, Tensor]:
        """A zero that carries dtype and device."""
        return {"zero": torch.zeros(())}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.UniformSphere:
        """See `Family.__call__`."""
        zero = constants["zero"]
        return distributions.UniformSphere(self.event_shape[0], (), zero.dtype, zero.device)


@final
class VonMisesFisher(_Around):
    r"""A direction around a mean direction: the normal posterior's counterpart on a sphere.

    .. math:: p(v) \propto e^{concentration \, (loc \cdot v)}, \quad loc = raw\_loc / |raw\_loc|

    The concentration is n exp(12 tanh(raw_concentration / 12)). Its KL to `UniformSphere` is exact.
    Source: Hyperspherical Variational Auto-Encoders (Davidson et al., 2018).

    Arguments:
        features: n, the number of coordinates, at least 2; the sphere has n - 1 dimensions.

    Raises:
        ValueError: for fewer than two features.

    >>> VonMisesFisher(3).params
    {'raw_loc': torch.Size([3]), 'raw_concentration': torch.Size([])}
    """

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.VonMisesFisher:
        """See `Family.__call__`."""
        return distributions.VonMisesFisher(*self._loc_and_concentration(params))


@final
class PowerSpherical(_Around):
    r"""A direction around a mean direction, with closed forms throughout and none of its mass at the far pole.

    .. math:: p(v) \propto (1 + loc \cdot v)^{concentration}, \quad loc = raw\_loc / |raw\_loc|

    The concentration is n exp(12 tanh(raw_concentration / 12)). Its KL to `UniformSphere` is exact.
    Source: The Power Spherical distribution (De Cao and Aziz, 2020).

    Arguments:
        features: n, the number of coordinates, at least 2; the sphere has n - 1 dimensions.

    Raises:
        ValueError: for fewer than two features.
    """

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.PowerSpherical:
        """See `Family.__call__`."""
        return distributions.PowerSpherical(*self._loc_and_concentration(params))
