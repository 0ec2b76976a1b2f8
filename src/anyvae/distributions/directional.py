"""Von Mises-Fisher and power spherical distributions."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor
from torch.distributions import register_kl

from anyvae.distributions.cosines import CosineMoments, cosine_moments, cosine_quantile
from anyvae.distributions.quantiles import gamma_quantile
from anyvae.distributions.sphere import Directional, UniformSphere, log_sphere_area, on_sphere

__all__ = ["PowerSpherical", "VonMisesFisher"]


@final
class VonMisesFisher(Directional):
    r"""The density on the sphere that falls exponentially with the cosine: a normal vector of given length.

    .. math:: \log p(v) = concentration \, (loc \cdot v) - \log \int e^{concentration \, (loc \cdot u)} \, du

    The cosine is the quantile of one normal number, so nothing is rejected and a draw is a smooth function of the
    concentration. Source: Hyperspherical Variational Auto-Encoders (Davidson et al., 2018).

    Arguments:
        loc: mean direction, unit vectors, shape (*batch, n), n >= 2.
        concentration: positive, shape (*batch); about (n - 1) / E|v - loc|^2 where large.

    >>> p = VonMisesFisher(torch.eye(3), torch.tensor([1e-3, 1.0, 1e3]))
    >>> p.mean.norm(dim=-1)
    tensor([3.3333e-04, 3.1304e-01, 9.9900e-01])
    """

    def moments(self) -> tuple[Tensor, Tensor]:
        """E[1 - w] and E[1 - w^2] in double precision, each of shape (*batch)."""
        found = self.exact_moments()
        return found.gap, found.square_sine

    def exact_moments(self) -> CosineMoments:
        """Normaliser and moments of the cosine in double precision, each of shape (*batch)."""
        return cosine_moments(self.concentration, self._event_shape[0])

    def cosine_from_noise(self, noise: Tensor) -> Tensor:
        """The quantile of the cosine, as log-odds."""
        return cosine_quantile(self.concentration, noise.squeeze(-1), self._event_shape[0])

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of each row per unit of surface, nats."""
        # 1 - loc . v is half the squared distance, which keeps its digits near the mean direction.
        gap = 0.5 * (value - self.loc).square().sum(-1)
        normaliser = self.exact_moments().log_mass + log_sphere_area(self._event_shape[0] - 1)
        return on_sphere(value, -self.concentration * gap - normaliser.to(value.dtype))

    def entropy(self) -> Tensor:
        """Entropy of each row, nats."""
        found = self.exact_moments()
        exponent = self.concentration.double() * found.gap
        area = log_sphere_area(self._event_shape[0] - 1)
        return (exponent + found.log_mass + area).to(self.loc.dtype)


@final
class PowerSpherical(Directional):
    r"""The density on the sphere that is a power of one plus the cosine.

    .. math:: \log p(v) = concentration \log(1 + loc \cdot v) - \log \int (1 + loc \cdot u)^{concentration} \, du

    Half of one plus the cosine is a Beta number, so everything has a closed form.
    Source: The Power Spherical distribution (De Cao and Aziz, 2020).

    Arguments:
        loc: mean direction, unit vectors, shape (*batch, n), n >= 2.
        concentration: positive, shape (*batch).

    >>> PowerSpherical(torch.eye(2)[:1], torch.tensor([1.0])).mean
    tensor([[0.5000, 0.0000]])
    """

    cosine_noise = 2

    @property
    def _shapes(self) -> tuple[Tensor, float]:
        """Parameters of the Beta law of (1 + w) / 2, in double precision."""
        half = 0.5 * (self._event_shape[0] - 1)
        return self.concentration.double() + half, half

    def moments(self) -> tuple[Tensor, Tensor]:
        """E[1 - w] and E[1 - w^2] in double precision, each of shape (*batch)."""
        alpha, beta = self._shapes
        total = alpha + beta
        return 2.0 * beta / total, 4.0 * alpha * beta / (total * (total + 1.0))

    def cosine_from_noise(self, noise: Tensor) -> Tensor:
        """log of the ratio of two gamma numbers: the log-odds of a Beta number."""
        alpha, beta = self._shapes
        over = gamma_quantile(alpha, noise[..., 0].double()).log()
        under = gamma_quantile(torch.full_like(alpha, beta), noise[..., 1].double()).log()
        return (over - under).to(noise.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of each row per unit of surface, nats."""
        # log((1 + w) / 2) from the distances to both poles: no digit is lost near either.
        near, far = ((value - sign * self.loc).square().sum(-1) for sign in (1.0, -1.0))
        ratio = near / far.clamp_min(torch.finfo(value.dtype).eps ** 2)
        normaliser = self._log_normaliser().to(value.dtype)
        return on_sphere(value, -self.concentration * ratio.log1p() - normaliser)

    def entropy(self) -> Tensor:
        """Entropy of each row, nats."""
        alpha, beta = self._shapes
        expected = torch.digamma(alpha) - torch.digamma(alpha + beta)
        return (self._log_normaliser() - self.concentration.double() * expected).to(self.loc.dtype)

    def _log_normaliser(self) -> Tensor:
        """log of the integral of ((1 + w) / 2)^concentration over the sphere."""
        alpha, beta = self._shapes
        powers = beta * (2.0 * math.log(2.0) + math.log(math.pi))
        return powers + torch.lgamma(alpha) - torch.lgamma(alpha + beta)


@register_kl(VonMisesFisher, UniformSphere)
@register_kl(PowerSpherical, UniformSphere)
def _kl_directional_uniform(q: VonMisesFisher | PowerSpherical, p: UniformSphere) -> Tensor:
    return log_sphere_area(q.event_shape[0]) - q.entropy()


@register_kl(UniformSphere, UniformSphere)
def _kl_uniform_uniform(q: UniformSphere, p: UniformSphere) -> Tensor:
    return torch.zeros_like(q.entropy())


@register_kl(VonMisesFisher, VonMisesFisher)
def _kl_von_mises_fisher(q: VonMisesFisher, p: VonMisesFisher) -> Tensor:
    # E_q[1 - p.loc . v] = 1 - E[w] q.loc . p.loc, kept apart so that nothing cancels at high concentrations.
    apart = 0.5 * (q.loc - p.loc).square().sum(-1).double()
    own, other = q.exact_moments(), p.exact_moments()
    gap = own.gap + (1.0 - own.gap) * apart
    cross = p.concentration.double() * gap + other.log_mass
    return (cross - q.concentration.double() * own.gap - own.log_mass).to(q.loc.dtype)
