"""Spike-and-slab sparse coding: a linear model of which each row switches most latents off."""

from __future__ import annotations

import math
import warnings
from typing import final

import torch
from torch import Tensor

from anyvae.classical.codes import Evidence, SparseCode, best_code, better_code
from anyvae.classical.rows import Array, read_latents, read_rows, refuse_constant

__all__ = ["SpikeSlab"]

_LOG_2PI = math.log(2.0 * math.pi)
_MOST_LATENTS = 12
_TRIAL_STEPS = 30
# Shares of the mean variance of a feature, and a probability: nothing learned goes below.
_LEAST_NOISE, _LEAST_SLAB, _LEAST_PROBABILITY = 1e-9, 1e-9, 1e-6


@final
class SpikeSlab:
    r"""Sparse codes: each latent is off, exactly 0, or drawn from a normal slab.

    .. math:: s_k \sim \operatorname{Bernoulli}(probability_k), \quad h_k \sim N(slab\_loc_k, slab\_variance_k),
       \quad x \sim N(loadings \, (s \odot h) + loc, noise\_variance)

    Its posterior has as many modes as there are sets of latents. Fits and codes use the best product of one
    :math:`q(s_k, h_k)` a latent, whose switch and value depend on each other.

    After a fit there are `loc_`, shape (D,), `loadings_`, columns of length 1, shape (D, latents), `probability_`,
    `slab_loc_`, `slab_variance_`, each (latents,), `noise_variance_`, one or (D,), and `history_`: the mean bound, nats
    per row, after each half step.

    Arguments:
        latent_features: how many latents; more than features is allowed.
        feature_noise: a noise for each feature, instead of one for all.

    Source: Large-Scale Feature Learning with Spike-and-Slab Sparse Coding (Goodfellow, Courville and Bengio, 2012);
    Spike and Slab Variational Inference for Multi-Task and Multiple Kernel Learning (Titsias and Lazaro-Gredilla,
    2011).

    >>> x = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
    >>> coder = SpikeSlab(3).fit(x)
    >>> bool((coder.elbo(x) <= coder.log_likelihood(x)).all())
    True
    """

    loc_: Tensor
    loadings_: Tensor
    noise_variance_: Tensor
    probability_: Tensor
    slab_loc_: Tensor
    slab_variance_: Tensor
    history_: tuple[float, ...]

    def __init__(self, latent_features: int, *, feature_noise: bool = False) -> None:
        self.latent_features = read_latents(latent_features, type(self).__name__)
        self.feature_noise = feature_noise

    def __repr__(self) -> str:
        return f"SpikeSlab({self.latent_features}{', feature_noise=True' if self.feature_noise else ''})"

    def fit(
        self, x: Array, *, tolerance: float = 1e-5, max_steps: int = 5_000, starts: int = 8, seed: int = 0
    ) -> SpikeSlab:
        """Climb the bound by turns: each latent's q in closed form, then all parameters in closed form.

        Arguments:
            x: whole rows, shape (B, D).
            tolerance: the fit ends when a step gains fewer nats per row.
            max_steps: a warning tells when they did not suffice.
            starts: how many random starts are tried for 30 steps; the best goes on. There are many maxima.
            seed: of the starts.

        Raises:
            ValueError: for cells that are not finite, or columns whose cells are all the same.
        """
        if not tolerance > 0 or max_steps < 1 or starts < 1:
            raise ValueError(
                f"{self!r} got tolerance={tolerance}, max_steps={max_steps} and starts={starts}; give a tolerance "
                f"above 0, in nats per row, and at least one step and start."
            )
        rows = read_rows(x, None, repr(self))
        refuse_constant(rows, repr(self))
        generator = torch.Generator().manual_seed(seed)
        trials = []
        for _ in range(starts):
            code = self._start(rows.x, generator)
            history: list[float] = []
            for _ in range(3):
                steps = min(_TRIAL_STEPS // 3, max_steps - len(history) // 2)
                code, _ = self._climb(rows.x, code, tolerance, steps, history)
                code, _ = self._refreshed(rows.x, code, tolerance, 5)
            trials.append((history, code, dict(self.__dict__)))
        history, code, fitted = max(trials, key=lambda trial: trial[0][-1])
        self.__dict__.update(fitted)
        settled = False
        while not settled and len(history) < 2 * max_steps:
            code, settled = self._climb(rows.x, code, tolerance, max_steps - len(history) // 2, history)
            if settled:
                code, gained = self._refreshed(rows.x, code, tolerance, 100)
                settled = gained < tolerance
        if not settled:
            warnings.warn(
                f"{self!r}: the fit stopped after {max_steps} steps, before the bound settled; pass a larger "
                f"max_steps or tolerance.",
                RuntimeWarning,
                stacklevel=2,
            )
        self.history_ = tuple(history)
        self._arrange()
        return self

    def infer(self, x: Array, *, tolerance: float = 1e-9, max_sweeps: int = 1_000) -> SparseCode:
        """The best q found for each row.

        Arguments:
            x: whole rows, shape (B, D).
            tolerance: latents are swept until a sweep gains fewer nats for that row.
            max_sweeps: at most.
        """
        return best_code(self._evidence(self._read(x)), tolerance, max_sweeps)[0]

    def elbo(self, x: Array, *, tolerance: float = 1e-9, max_sweeps: int = 1_000) -> Tensor:
        r"""A lower bound of log p(x), nats, shape (B,).

        .. math:: E_q[\log p(x \mid s \odot h)] - \sum_k KL(q(s_k, h_k) \| p(s_k, h_k))
        """
        return best_code(self._evidence(self._read(x)), tolerance, max_sweeps)[1]

    def log_likelihood(self, x: Array) -> Tensor:
        r"""Exact log-density, nats, shape (B,), from all sets of latents, of which there are 2^latents.

        .. math:: \log p(x) = \log \sum_s p(s) \, N(x; loc + loadings (s \odot slab\_loc), C_s), \quad
           C_s = loadings \operatorname{diag}(s \odot slab\_variance) loadings' + noise\_variance

        Raises:
            ValueError: for more than 12 latents.
        """
        rows = self._read(x)
        if self.latent_features > _MOST_LATENTS:
            raise ValueError(
                f"{self!r} would have to enumerate 2^{self.latent_features} sets of latents, and does so for at most "
                f"{_MOST_LATENTS} latents; use elbo(x), a lower bound."
            )
        latents = self.latent_features
        on = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * latents)
        on = on.reshape(-1, latents).to(rows)
        gram, pull, base, *_ = self._evidence(rows)
        scale = on * self.slab_variance_.sqrt()
        middle = on * self.slab_loc_
        precision = scale[:, :, None] * gram * scale[:, None, :] + torch.eye(latents).to(gram)
        factor = torch.linalg.cholesky(precision)
        prior = on @ self.probability_.log() + (1.0 - on) @ (-self.probability_).log1p()
        constant = prior - factor.diagonal(dim1=1, dim2=2).log().sum(1)
        found = rows.new_full((len(rows),), -math.inf)
        for index in range(len(on)):
            moved = pull - middle[index] @ gram
            inside = torch.linalg.solve_triangular(factor[index], (scale[index] * moved).T, upper=False)
            fit = (pull + moved) @ middle[index] + inside.square().sum(0)
            found = torch.logaddexp(found, constant[index] + 0.5 * fit)
        return base + found

    def reconstruct(self, x: Array) -> Tensor:
        """The mean of a row drawn anew from its own q, loadings E[z] + loc, shape (B, D)."""
        return self.infer(x).mean @ self.loadings_.T + self.loc_

    def sample(self, n: int, *, seed: int = 0) -> Tensor:
        """Draws of x, noise and all, shape (n, D)."""
        self._fitted()
        generator = torch.Generator().manual_seed(seed)
        features, latents = self.loadings_.shape
        on = (
            torch.rand(n, latents, generator=generator, dtype=torch.float64).to(self.loc_) < self.probability_
        )
        noise = torch.randn(n, latents + features, generator=generator, dtype=torch.float64).to(self.loc_)
        value, rest = noise.split([latents, features], 1)
        z = on * (self.slab_loc_ + self.slab_variance_.sqrt() * value)
        return self.loc_ + z @ self.loadings_.T + self.noise_variance_.sqrt() * rest

    def _fitted(self) -> None:
        if not hasattr(self, "history_"):
            raise ValueError(f"{self!r} has not been fitted; call fit(x) first.")

    def _read(self, x: Array) -> Tensor:
        self._fitted()
        return read_rows(x, None, repr(self), len(self.loc_)).x

    def _evidence(self, x: Tensor) -> Evidence:
        noise = self.noise_variance_.expand_as(self.loc_)
        off = x - self.loc_
        weighted = self.loadings_ / noise[:, None]
        base = -0.5 * ((off.square() / noise).sum(1) + noise.log().sum() + len(noise) * _LOG_2PI)
        gram = self.loadings_.T @ weighted
        return Evidence(gram, off @ weighted, base, self.probability_, self.slab_loc_, self.slab_variance_)

    def _refreshed(
        self, x: Tensor, code: SparseCode, tolerance: float, max_sweeps: int
    ) -> tuple[SparseCode, float]:
        """Each row's code, or a better one from a fresh start, and what that gains in the mean."""
        evidence = self._evidence(x)
        code, bound = evidence.settled(code, tolerance, 1)
        fresh, other = best_code(evidence, tolerance, max_sweeps)
        return better_code(code, fresh, bound, other), float((other - bound).clamp_min(0.0).mean())

    def _start(self, x: Tensor, generator: torch.Generator) -> SparseCode:
        """Columns that point to random rows, with slabs and noise as wide as the data."""
        rows, latents = len(x), self.latent_features
        variance = x.var(0, correction=0)
        self.loc_ = x.mean(0)
        chosen = torch.randint(rows, (latents,), generator=generator)
        jitter = torch.randn(latents, x.shape[1], generator=generator, dtype=torch.float64).to(x)
        columns = (x[chosen.to(x.device)] - self.loc_ + 0.1 * variance.sqrt() * jitter).T
        self.loadings_ = columns / columns.norm(dim=0)
        self.noise_variance_ = 0.5 * (variance if self.feature_noise else variance.mean())
        self.probability_ = x.new_full((latents,), min(0.5, 2.0 / latents))
        self.slab_loc_ = x.new_zeros(latents)
        self.slab_variance_ = x.new_full((latents,), float(variance.sum()))
        return self._evidence(x).prior_code()

    def _climb(
        self, x: Tensor, code: SparseCode, tolerance: float, steps: int, history: list[float]
    ) -> tuple[SparseCode, bool]:
        least = x.var(0, correction=0).mean()
        for _ in range(steps):
            evidence = self._evidence(x)
            code = evidence.swept(code)
            history.append(float(evidence.bound(code).mean()))
            code = self._maximise(x, code, least)
            history.append(float(self._evidence(x).bound(code).mean()))
            if len(history) > 2 and history[-1] - history[-3] < tolerance:
                return code, True
        return code, False

    def _maximise(self, x: Tensor, code: SparseCode, unit: Tensor) -> SparseCode:
        """All parameters at their best, and the code in the new units of the latents."""
        rows, latents = len(x), self.latent_features
        design = torch.cat([code.mean, torch.ones_like(x[:, :1])], 1)
        moments = design.T @ design
        spread = code.spread.sum(0)
        moments.diagonal()[:latents] += spread
        # A latent that is off in all rows has no moments: its column is 0 then, as good as any.
        moments.diagonal()[:latents] += 1e-12 * rows * self.slab_variance_
        weights = torch.linalg.solve(moments, design.T @ x).T
        loadings, self.loc_ = weights[:, :latents], weights[:, latents]
        squares = (x - design @ weights.T).square().sum(0) + loadings.square() @ spread
        noise = squares / rows if self.feature_noise else squares.mean() / rows
        self.noise_variance_ = noise.clamp_min(_LEAST_NOISE * float(unit))
        length = loadings.norm(dim=0).clamp_min(1e-30)
        self.loadings_ = loadings / length
        code = SparseCode(code.probability, code.loc * length, code.variance * length.square())
        used = code.probability.sum(0).clamp_min(1e-300)
        self.probability_ = (used / rows).clamp(_LEAST_PROBABILITY, 1.0 - _LEAST_PROBABILITY)
        self.slab_loc_ = (code.probability * code.loc).sum(0) / used
        far = (code.probability * (code.loc - self.slab_loc_).square()).sum(0) / used
        self.slab_variance_ = (code.variance + far).clamp_min(_LEAST_SLAB * float(unit))
        return code

    def _arrange(self) -> None:
        """Latents in the order of the variance they bring, and of a settled sign."""
        second = self.slab_variance_ + self.slab_loc_.square()
        brought = self.probability_ * second - (self.probability_ * self.slab_loc_).square()
        order = brought.argsort(descending=True)
        largest = self.loadings_.gather(0, self.loadings_.abs().argmax(0, keepdim=True))
        sign = torch.where(largest < 0, -1.0, 1.0).to(largest)
        self.loadings_ = (self.loadings_ * sign)[:, order]
        self.slab_loc_ = (self.slab_loc_ * sign[0])[order]
        self.slab_variance_, self.probability_ = self.slab_variance_[order], self.probability_[order]
