"""Normalised densities fitted to draws, which densities without an exact law are held against."""

from __future__ import annotations

import contextlib
import math
from abc import ABC, abstractmethod

import torch
from torch import Size, Tensor
from torch.distributions import MultivariateNormal, Transform, biject_to, constraints, identity_transform

from anyvae.distributions import FromNoise, centred_logs, unit_sphere
from anyvae.distributions.sphere import log_sphere_area
from anyvae.testing.grids import surface_of

__all__ = ["Chart", "Directions", "Fitted", "Reference"]


class Chart:
    r"""Free real coordinates u of the support of a distribution, and its log-density in them.

    .. math:: \log p(u) = \log p(v(u)) + \log |\det \partial v / \partial u|

    Discrete values, vectors of the sphere and whatever is real are their own coordinates.

    Arguments:
        distribution: with at least one batch axis.
        draws: some of it, shape (N, *batch, *event), which show what is discrete.

    Attributes:
        discrete: whether each cell is, in any row, shape (n,).
        furthest: size of a coordinate beyond which values have lost their digits, or are ends of the support.
    """

    def __init__(self, distribution: FromNoise, draws: Tensor) -> None:
        self.distribution = distribution
        self.rows, self.surface = distribution.batch_shape.numel(), surface_of(distribution)
        told = distribution.support
        support = constraints.real if told is None else told
        cells = draws.reshape(len(draws), self.rows, -1)
        # On a surface the last cell follows from the others; the sphere is its own coordinates.
        cells = cells[..., :-1] if self.surface not in (None, unit_sphere) else cells
        self.discrete = _is_discrete(cells).any(0) | support.is_discrete
        self.map: Transform = identity_transform
        # An end of an interval at one is approached in steps of 1e-16.
        self.furthest = 25.0 if isinstance(support, constraints.interval) else 700.0
        if self.surface not in (unit_sphere, centred_logs) and not self.discrete.any():
            with contextlib.suppress(NotImplementedError):
                self.map = biject_to(support)

    def coordinates(self, value: Tensor) -> Tensor:
        """From values (N, *batch, *event) to coordinates (N, rows, n)."""
        found: Tensor = self.map.inv(value).reshape(len(value), self.rows, -1)
        # A density over centred logs is one over their distances to the last.
        return found[..., :-1] - found[..., -1:] if self.surface is centred_logs else found

    def values(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Values (N, *batch, *event), and log-determinants of rows (N, rows) or of cells (N, rows, n)."""
        wide = Size((len(u), *self.distribution.batch_shape, *self.distribution.event_shape))
        if self.surface is centred_logs:
            value = torch.nn.functional.pad(u, (0, 1))
            return (value - value.mean(-1, keepdim=True)).reshape(wide), torch.zeros_like(u[..., 0])
        value = self.map(u)
        return value.reshape(wide), self.map.log_abs_det_jacobian(u, value)

    def log_prob(self, u: Tensor) -> Tensor:
        """Log-density in the coordinates, from (N, rows, n) to (N, rows), nats."""
        value, log_det = self.values(u)
        found = self.distribution.log_prob(value).reshape(u.shape[:2])
        return found + (log_det if log_det.dim() == 2 else log_det.sum(-1))


class Reference(ABC):
    """A density that is easy to draw from and to normalise, one for every row."""

    @abstractmethod
    def sample(self, samples: int) -> Tensor:
        """Draws, shape (samples, rows, n)."""

    @abstractmethod
    def log_prob(self, u: Tensor) -> Tensor:
        """Log-density of (N, rows, n), shape (N, rows), nats."""


class Fitted(Reference):
    """Discrete cells as often together as in the pilot draws, times a normal density of the others.

    Arguments:
        pilot: draws, shape (N, rows, n).
        discrete: whether each of the n cells is discrete.
    """

    def __init__(self, pilot: Tensor, discrete: Tensor) -> None:
        self.pilot, self.discrete = pilot, discrete
        real = pilot[..., ~discrete]
        # Quantiles: the moments of heavy tails are those of their furthest draws.
        order = real.sort(0).values
        low, self.centre, high = (order[int(level * len(order))] for level in (0.16, 0.5, 0.84))
        self.spread = 0.5 * (high - low)
        apart = ((real - self.centre) / self.spread).clamp(-4.0, 4.0)
        self.middle = apart.mean(0)
        apart = apart - self.middle
        covariance = torch.einsum("nri,nrj->rij", apart, apart) / len(apart)
        # A little wider in every direction: cells that hang together exactly have no density else.
        little = 1e-6 * torch.eye(covariance.shape[-1]).to(covariance)
        self.factor = torch.linalg.cholesky(covariance + little)

    def sample(self, samples: int) -> Tensor:
        """See `Reference.sample`."""
        drawn = self.pilot[torch.randint(len(self.pilot), (samples,))]
        noise = torch.randn_like(drawn[..., ~self.discrete])
        apart = self.middle + (self.factor @ noise.unsqueeze(-1)).squeeze(-1)
        drawn[..., ~self.discrete] = self.centre + self.spread * apart
        return drawn

    def log_prob(self, u: Tensor) -> Tensor:
        """See `Reference.log_prob`."""
        apart = (u[..., ~self.discrete] - self.centre) / self.spread - self.middle
        normal = MultivariateNormal(
            torch.zeros_like(self.middle), scale_tril=self.factor, validate_args=False
        )
        found: Tensor = -self.spread.log().sum(-1)
        if apart.shape[-1]:
            found = found + normal.log_prob(apart)
        if self.discrete.any():
            found = found + torch.stack([self._log_share(u, row) for row in range(u.shape[1])], 1)
        return found

    def _log_share(self, u: Tensor, row: int) -> Tensor:
        """Log of how often the discrete cells of each value stood in the pilot draws."""
        both = torch.cat([self.pilot[:, row, self.discrete], u[:, row, self.discrete]])
        # One whole number for each pattern, by random multiples that overflow: sorting rows would be slow.
        generator = torch.Generator().manual_seed(12)
        key = torch.zeros_like(both[:, 0], dtype=torch.int64)
        for cell in both.unbind(-1):
            _, number = cell.unique(return_inverse=True)
            key = key + number * int(torch.randint(2**62, (), generator=generator))
        _, number = key.unique(return_inverse=True)
        count = torch.bincount(number[: len(self.pilot)], minlength=int(number.max()) + 1)
        return (count[number[len(self.pilot) :]].to(u.dtype) / len(self.pilot)).log()


class Directions(Reference):
    r"""Directions of normal vectors of the covariance S of the pilot draws, on the sphere.

    .. math:: p(v) = |S|^{-1/2} (v' S^{-1} v)^{-n/2} / area

    Arguments:
        pilot: draws, shape (N, rows, n).
    """

    def __init__(self, pilot: Tensor) -> None:
        covariance = torch.einsum("nri,nrj->rij", pilot, pilot) / len(pilot)
        self.normal = MultivariateNormal(torch.zeros_like(pilot[0]), covariance, validate_args=False)

    def sample(self, samples: int) -> Tensor:
        """See `Reference.sample`."""
        return torch.nn.functional.normalize(self.normal.sample(Size((samples,))), dim=-1)

    def log_prob(self, u: Tensor) -> Tensor:
        """See `Reference.log_prob`."""
        size = u.shape[-1]
        # The normal log-density holds -square / 2 and what does not depend on u, the constant of u = 0.
        constant = self.normal.log_prob(torch.zeros_like(u))
        square = 2.0 * (constant - self.normal.log_prob(u))
        half_log_2pi = 0.5 * size * math.log(2.0 * math.pi)
        return constant + half_log_2pi - 0.5 * size * square.log() - log_sphere_area(size)


def _is_discrete(draws: Tensor) -> Tensor:
    """Whether each column of draws (N, ...) is: values are whole, or come again, more often than ends of floats do."""
    repeated = (draws.sort(0).values.diff(dim=0) == 0).to(torch.float64).mean(0) > 0.3
    return repeated | (draws == draws.round()).all(0)
