"""What linear models with normal latents and noise share: exact answers, and EM over patterns of known cells."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from typing import NamedTuple, final

import torch
from torch import Tensor

from anyvae.classical.rows import Array, Rows, read_latents, read_rows

__all__ = ["LatentPosterior", "LinearGaussian"]

_LOG_2PI = math.log(2.0 * math.pi)
# Of the variance of a feature: below it a noise is taken for 0, where densities have no upper limit.
_LEAST_NOISE = 1e-8
# Of the variance: EM that starts from more noise than it ends with lets latents die on the way, at saddle points of
# the likelihood where it would rest.
_FIRST_NOISE = 0.01
_TRIAL_STEPS = 50


@final
class LatentPosterior(NamedTuple):
    """p(z | x), a normal distribution.

    Arguments:
        loc: means, shape (B, latents).
        covariance: shape (B, latents, latents).
    """

    loc: Tensor
    covariance: Tensor


@final
class _Inference(NamedTuple):
    """What one look at the rows yields.

    Arguments:
        loc: posterior means, shape (B, latents).
        covariance: of the posterior, shape (P, latents, latents).
        distance: squared distance of each row from the mean, in the metric of the model, shape (B,).
        log_det: of 2 pi times the covariance of the known cells, shape (P,).
    """

    loc: Tensor
    covariance: Tensor
    distance: Tensor
    log_det: Tensor


class LinearGaussian(ABC):
    r"""Latents that make features by a matrix, and noise of each feature.

    .. math:: z \sim N(0, I), \qquad x \mid z \sim N(loadings \, z + loc, \operatorname{diag}(noise\_variance))

    After a fit `loc_`, shape (D,), `loadings_`, shape (D, latents), and `noise_variance_` are there, and `history_`:
    the mean log-likelihood of the known cells, nats per row, before each step of EM and after the last. Latents are
    turned so that the posterior of complete rows has a diagonal covariance, the most telling latent first.

    Arguments:
        latent_features: how many latents.
    """

    loc_: Tensor
    loadings_: Tensor
    noise_variance_: Tensor
    history_: tuple[float, ...]

    def __init__(self, latent_features: int) -> None:
        self.latent_features = read_latents(latent_features, type(self).__name__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.latent_features})"

    @abstractmethod
    def _pooled(self, squares: Tensor, cells: Tensor) -> Tensor:
        """Variances of the features, shape (D,), from sums of squares and how many cells were summed."""

    def log_likelihood(self, x: Array, mask: Array | None = None) -> Tensor:
        r"""Exact log-density of the known cells.

        .. math:: \log p(x_o) = -\tfrac12 (\log |2 \pi C_o| + (x_o - loc_o)' C_o^{-1} (x_o - loc_o)),
           \quad C = loadings \, loadings' + \operatorname{diag}(noise\_variance)

        Arguments:
            x: shape (B, D); holes are never read.
            mask: True where known, shape (B, D); None where all cells are.

        Returns:
            Nats, shape (B,); 0 for a row of which nothing is known.
        """
        rows = self._read(x, mask)
        found = self._infer(rows)
        return -0.5 * (found.log_det[rows.pattern] + found.distance)

    def posterior(self, x: Array, mask: Array | None = None) -> LatentPosterior:
        """p(z | known cells), exactly; arguments are those of `log_likelihood`."""
        rows = self._read(x, mask)
        found = self._infer(rows)
        return LatentPosterior(found.loc, found.covariance[rows.pattern])

    def reconstruct(self, x: Array, mask: Array | None = None) -> Tensor:
        """The mean of a row drawn anew from its own posterior, loadings E[z | x] + loc, shape (B, D)."""
        return self._infer(self._read(x, mask)).loc @ self.loadings_.T + self.loc_

    def impute(self, x: Array, mask: Array) -> Tensor:
        """The rows with each hole filled by its mean given the known cells, shape (B, D)."""
        rows = self._read(x, mask)
        return torch.where(rows.known == 1, rows.x, self.reconstruct(x, mask))

    def sample(self, n: int, *, seed: int = 0) -> Tensor:
        """Draws of x, noise and all, shape (n, D)."""
        self._fitted()
        generator = torch.Generator().manual_seed(seed)
        features, latents = self.loadings_.shape
        noise = torch.randn(n, latents + features, generator=generator, dtype=torch.float64).to(self.loc_)
        z, rest = noise.split([latents, features], 1)
        return self.loc_ + z @ self.loadings_.T + self.noise_variance_.sqrt() * rest

    def _fitted(self) -> None:
        if not hasattr(self, "history_"):
            raise ValueError(f"{self!r} has not been fitted; call fit(x) first.")

    def _read(self, x: Array, mask: Array | None) -> Rows:
        self._fitted()
        return read_rows(x, mask, repr(self), len(self.loc_))

    def _read_to_fit(self, x: Array, mask: Array | None) -> Rows:
        rows = read_rows(x, mask, repr(self))
        count, features = rows.x.shape
        most = min(features, count - 1)
        if self.latent_features >= most:
            advice = f"latent_features below {most}" if most > 1 else "more features or rows"
            raise ValueError(
                f"{self!r} got {count} rows of {features} features, which so many latents fit without noise; "
                f"take {advice}."
            )
        never = rows.cells == 0
        if never.any():
            raise ValueError(
                f"{self!r} got columns {never.nonzero()[:, 0].tolist()[:5]} without a known cell; leave them out."
            )
        return rows

    def _infer(self, rows: Rows) -> _Inference:
        noise = self.noise_variance_.expand_as(self.loc_)
        weight = rows.patterns / noise
        latents = self.latent_features
        products = (self.loadings_[:, :, None] * self.loadings_[:, None, :]).flatten(1)
        precision = (weight @ products).unflatten(1, (latents, latents))
        precision.diagonal(dim1=1, dim2=2).add_(1.0)
        factor = torch.linalg.cholesky(precision)
        covariance = torch.cholesky_inverse(factor)
        off = (rows.x - rows.ones * self.loc_) * rows.known
        pull = (off / noise) @ self.loadings_
        # Rows of one pattern share a matrix: no copy of it for each of them.
        alone = len(covariance) == 1
        loc = pull @ covariance[0] if alone else (covariance[rows.pattern] @ pull[:, :, None])[:, :, 0]
        # Not off' off - pull' loc, the same number as a difference of large ones.
        left = (off - loc @ self.loadings_.T) * rows.known
        distance = (left.square() / noise).sum(1) + loc.square().sum(1)
        log_det = rows.patterns @ (noise.log() + _LOG_2PI)
        log_det = log_det + 2.0 * factor.diagonal(dim1=1, dim2=2).log().sum(1)
        return _Inference(loc, covariance, distance, log_det)

    def _fit_em(self, rows: Rows, tolerance: float, max_steps: int, starts: int, seed: int) -> None:
        """EM from the best of some random starts, until a step gains less than `tolerance`."""
        if not tolerance > 0 or max_steps < 1 or starts < 1:
            raise ValueError(
                f"{self!r} got tolerance={tolerance}, max_steps={max_steps} and starts={starts}; give a tolerance "
                f"above 0, in nats per row, and at least one step and start."
            )
        rows = rows.folded()
        generator = torch.Generator().manual_seed(seed)
        trials = []
        for _ in range(starts):
            least = self._start(rows, generator)
            history: list[float] = []
            self._climb(rows, least, tolerance, min(_TRIAL_STEPS, max_steps), history)
            trials.append((history, self.loc_, self.loadings_, self.noise_variance_))
        history, self.loc_, self.loadings_, self.noise_variance_ = max(trials, key=lambda trial: trial[0][-1])
        settled = self._climb(rows, least, tolerance, max_steps - len(history), history)
        if not settled:
            history.append(self._mean(rows, self._infer(rows)))
            warnings.warn(
                f"{self!r}: EM stopped after {max_steps} steps, the last of which still gained "
                f"{history[-1] - history[-2]:.1e} nats per row; pass a larger max_steps or tolerance.",
                RuntimeWarning,
                stacklevel=3,
            )
        if bool((self.noise_variance_ <= least).all()):
            raise ValueError(
                f"{self!r} fits these rows without noise, and the density has no upper limit; take fewer latents."
            )
        self.history_ = tuple(history)

    def _start(self, rows: Rows, generator: torch.Generator) -> Tensor:
        """Random loadings and little noise; returns the least noise that a fit may end with."""
        self.loc_, variance = rows.moments()
        draw = torch.randn(len(variance), self.latent_features, generator=generator, dtype=torch.float64)
        self.loadings_ = (variance / self.latent_features).sqrt()[:, None] * draw.to(variance)
        pooled = self._pooled(variance * rows.cells, rows.cells)
        self.noise_variance_ = _FIRST_NOISE * pooled
        return _LEAST_NOISE * pooled

    def _climb(self, rows: Rows, least: Tensor, tolerance: float, steps: int, history: list[float]) -> bool:
        """Steps of EM; the likelihood before each is written to `history`. Returns whether the last gained little."""
        for _ in range(steps):
            found = self._infer(rows)
            history.append(self._mean(rows, found))
            if len(history) > 1 and history[-1] - history[-2] < tolerance:
                return True
            self._maximise(rows, found, least)
        return False

    def _mean(self, rows: Rows, found: _Inference) -> float:
        """The mean log-likelihood, nats per row."""
        return float(-0.5 * (rows.counts @ found.log_det + found.distance.sum()) / rows.counts.sum())

    def _maximise(self, rows: Rows, found: _Inference, least: Tensor) -> None:
        """The M-step: each feature regressed on the latents and a constant, over the rows that have it."""
        latents = self.latent_features
        design = torch.cat([found.loc, rows.ones], 1)
        outer = (design[:, :, None] * design[:, None, :]).flatten(1)
        spread = rows.counts[:, None, None] * found.covariance
        moments = outer.new_zeros(len(rows.patterns), outer.shape[1]).index_add(0, rows.pattern, outer)
        moments = moments.unflatten(1, (latents + 1, latents + 1))
        moments[:, :latents, :latents] += spread
        of_feature = (rows.patterns.T @ moments.flatten(1)).unflatten(1, (latents + 1, latents + 1))
        weights = torch.linalg.solve(of_feature, rows.x.T @ design)
        left = (rows.x - design @ weights.T) * rows.known
        loadings, loc = weights[:, :latents], weights[:, latents]
        spread = (rows.patterns.T @ spread.flatten(1)).unflatten(1, (latents, latents))
        doubt = torch.einsum("jd,jde,je->j", loadings, spread, loadings)
        noise = self._pooled(left.square().sum(0) + doubt, rows.cells)
        self.noise_variance_ = torch.maximum(noise, least)
        # The latents' own mean and covariance are fitted too and then made 0 and I again, which is the same model
        # (parameter expansion: Liu, Rubin and Wu, 1998) and saves most of the steps.
        moment = moments.sum(0) / rows.counts.sum()
        mean = moment[:latents, latents]
        factor = torch.linalg.cholesky(moment[:latents, :latents] - mean.outer(mean))
        self.loc_ = loc + loadings @ mean
        self.loadings_ = loadings @ factor

    def _turn(self) -> None:
        """Latents in the order of what they tell, with diagonal posterior covariance, and of a settled sign."""
        spread = self.noise_variance_.expand_as(self.loc_).sqrt()[:, None]
        left, size, _ = torch.linalg.svd(self.loadings_ / spread, full_matrices=False)
        loadings = spread * left * size
        largest = loadings.gather(0, loadings.abs().argmax(0, keepdim=True))
        self.loadings_ = loadings * torch.where(largest < 0, -1.0, 1.0)
