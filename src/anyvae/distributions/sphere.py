"""Unit vectors: the sphere as a support, the uniform density on it, and densities around a mean direction."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, Self, final

import torch
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import FromNoise

__all__ = ["Directional", "UniformSphere", "log_sphere_area", "unit_sphere"]

# Rounding of a normalised vector in any type that densities are computed in, and no more.
_SLACK = 1e-3


@final
class _UnitSphere(constraints.Constraint):
    """Vectors of length one."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Whether each vector has length one, up to rounding."""
        return (torch.linalg.vector_norm(value, dim=-1) - 1.0).abs() < _SLACK


unit_sphere = _UnitSphere()
"""The support of directional distributions."""


def log_sphere_area(features: int) -> float:
    r"""log of the surface area of the unit sphere in R^n.

    .. math:: \log 2 + \tfrac n2 \log \pi - \log \Gamma(n / 2)

    >>> round(math.exp(log_sphere_area(3)) / math.pi, 9)
    4.0
    """
    return math.log(2.0) + 0.5 * features * math.log(math.pi) - math.lgamma(0.5 * features)


def on_sphere(value: Tensor, log_density: Tensor) -> Tensor:
    """The log-density where the value is a unit vector, minus infinity elsewhere."""
    return torch.where(unit_sphere.check(value), log_density, -torch.inf)


@final
class UniformSphere(FromNoise):
    r"""The uniform density on the unit sphere in R^n, without parameters.

    .. math:: \log p(v) = -\log \left(2 \pi^{n / 2} / \Gamma(n / 2)\right)

    Densities on a sphere are per unit of its surface.

    Arguments:
        features: n, the number of coordinates; the sphere has one dimension less.
        batch_shape: axes over rows.
        dtype, device: of its draws.

    >>> round(UniformSphere(3).log_prob(torch.tensor([0.0, 0.0, 1.0])).exp().item() * 4 * math.pi, 6)
    1.0
    """

    support = unit_sphere
    has_rsample = True

    def __init__(
        self,
        features: int,
        batch_shape: tuple[int, ...] = (),
        dtype: torch.dtype | None = None,
        device: torch.device | None = None,
    ) -> None:
        super().__init__(torch.Size(batch_shape), torch.Size((features,)))
        self._zero = torch.zeros((), dtype=dtype, device=device)

    @property
    def mean(self) -> Tensor:
        """Zeros of shape (*batch_shape, n)."""
        return self._zero.expand(self._batch_shape + self._event_shape)

    @property
    def variance(self) -> Tensor:
        """1 / n for every coordinate."""
        return self.mean + 1.0 / self._event_shape[0]

    def log_prob(self, value: Tensor) -> Tensor:
        """Minus the log of the area, nats."""
        area = log_sphere_area(self._event_shape[0])
        flat = torch.full(value.shape[:-1], -area, dtype=value.dtype, device=value.device)
        return on_sphere(value, flat)

    def entropy(self) -> Tensor:
        """The log of the area, nats."""
        return (self._zero + log_sphere_area(self._event_shape[0])).expand(self._batch_shape)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The noise divided by its length."""
        return torch.nn.functional.normalize(noise, dim=-1, eps=torch.finfo(noise.dtype).tiny)

    def expand(self, batch_shape: Any, _instance: Any = None) -> UniformSphere:
        """The same distribution with other batch axes."""
        return UniformSphere(self._event_shape[0], tuple(batch_shape), self._zero.dtype, self._zero.device)

    def _like(self) -> Tensor:
        return self._zero


class Directional(FromNoise):
    r"""A density on the unit sphere that depends on the cosine with a mean direction alone.

    .. math:: v = w \, loc + \sqrt{1 - w^2} \, u, \quad w = \tanh(t / 2), \quad u \perp loc \text{ uniform}

    A subclass gives the log-odds t of the cosine from `cosine_noise` normal numbers, and two moments of it. The
    direction u takes n - 1 normal numbers, which a reflection brings from the first axis to `loc`.

    Arguments:
        loc: mean direction, unit vectors, shape (*batch, n), n >= 2.
        concentration: positive, shape (*batch).
    """

    support = unit_sphere
    has_rsample = True
    cosine_noise = 1

    def __init__(self, loc: Tensor, concentration: Tensor) -> None:
        super().__init__(loc.shape[:-1], loc.shape[-1:])
        self.loc = loc
        self.concentration = concentration.expand(loc.shape[:-1])

    @abstractmethod
    def cosine_from_noise(self, noise: Tensor) -> Tensor:
        """Log-odds t of the cosine, shape (...), for noise of shape (..., cosine_noise)."""

    @abstractmethod
    def moments(self) -> tuple[Tensor, Tensor]:
        """E[1 - w] and E[1 - w^2] in double precision, each of shape (*batch)."""

    @property
    def noise_shape(self) -> torch.Size:
        """Numbers for the cosine, then n - 1 for the direction across."""
        return torch.Size((self.cosine_noise + self._event_shape[0] - 1,))

    @property
    def mean(self) -> Tensor:
        """E[w] loc: inside the sphere, the nearer to it the larger the concentration."""
        return (1.0 - self.moments()[0]).to(self.loc.dtype).unsqueeze(-1) * self.loc

    @property
    def variance(self) -> Tensor:
        r"""Of each coordinate.

        .. math:: E[w^2] \, loc^2 + E[1 - w^2] (1 - loc^2) / (n - 1) - E[w]^2 loc^2
        """
        gap, sine = (moment.unsqueeze(-1) for moment in self.moments())
        square = self.loc.double().square()
        # Var[w] = E[(1 - w)^2] - E[1 - w]^2 with E[(1 - w)^2] = 2 E[1 - w] - E[1 - w^2].
        along = (2.0 * gap - sine - gap.square()).clamp_min(0.0)
        across = sine * (1.0 - square) / (self._event_shape[0] - 1)
        return (along * square + across).to(self.loc.dtype)

    def from_noise(self, noise: Tensor) -> Tensor:
        """A unit vector at the cosine's quantile, in the direction of the rest of the noise."""
        t = self.cosine_from_noise(noise[..., : self.cosine_noise]).unsqueeze(-1)
        tiny = torch.finfo(noise.dtype).tiny
        across = torch.nn.functional.normalize(noise[..., self.cosine_noise :], dim=-1, eps=tiny)
        # Of the log-odds both cosine and sine have all digits; neither has them of the other.
        upright = torch.cat([torch.tanh(0.5 * t), across / torch.cosh(0.5 * t)], -1)
        # The reflection that takes the first axis, or its opposite, to loc: whichever is the farther. A mirror between
        # two places that nearly meet turns much where they move little, and its gradient has no variance.
        sign = torch.where(self.loc[..., :1] > 0, -1.0, 1.0).to(self.loc)
        axis = torch.zeros_like(self.loc)
        axis[..., 0] = 1.0
        normal = self.loc - sign * axis
        length = normal.square().sum(-1, keepdim=True)
        return sign * (upright - (2.0 * (upright * normal).sum(-1, keepdim=True) / length) * normal)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Self:
        """The same distribution with other batch axes."""
        lead = torch.Size(batch_shape)
        return type(self)(self.loc.expand(lead + self._event_shape), self.concentration.expand(lead))

    def _like(self) -> Tensor:
        return self.loc
