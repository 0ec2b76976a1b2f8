"""Probabilistic PCA: the best that a linear model with one noise scale can do."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch import Tensor

from anyvae.classical.linear import LinearGaussian
from anyvae.classical.rows import Array, Rows, constant

__all__ = ["ProbabilisticPCA"]


@final
class ProbabilisticPCA(LinearGaussian):
    r"""Principal components as a density, with and without holes in the data.

    .. math:: z \sim N(0, I), \qquad x \mid z \sim N(loadings \, z + loc, noise\_variance \, I)

    It is what a linear VAE with one noise scale becomes at its optimum: the same likelihood, with nothing to train.
    Constant columns are allowed, since the noise is shared.

    Arguments:
        latent_features: how many latents, fewer than features.

    Source: Probabilistic Principal Component Analysis (Tipping and Bishop, 1999).

    >>> x = torch.randn(200, 5, generator=torch.Generator().manual_seed(0)).cumsum(1)
    >>> pca = ProbabilisticPCA(2).fit(x)
    >>> pca.loadings_.shape, pca.log_likelihood(x).shape
    (torch.Size([5, 2]), torch.Size([200]))
    """

    def fit(
        self,
        x: Array,
        mask: Array | None = None,
        *,
        method: Literal["closed", "em"] = "closed",
        tolerance: float = 1e-9,
        max_steps: int = 20_000,
        starts: int = 4,
        seed: int = 0,
    ) -> ProbabilisticPCA:
        r"""Find the parameters of the largest likelihood of the known cells.

        In closed form, of the covariance's eigenvalues :math:`\lambda` and eigenvectors :math:`U`:

        .. math:: noise\_variance = \operatorname{mean}_{i > latents} \lambda_i, \qquad
           loadings = U_{latents} (\Lambda_{latents} - noise\_variance \, I)^{1/2}

        Arguments:
            x: shape (B, D).
            mask: True where known, shape (B, D); None where all cells are.
            method: "closed", for whole rows, or "em", which takes holes: its every step is exact and none lowers
                the likelihood.
            tolerance: of EM; it ends when a step gains fewer nats per row.
            max_steps: of EM; a warning tells when they did not suffice.
            starts: of EM; so many random ones are tried for 50 steps, and the best goes on. With holes there can be
                several maxima.
            seed: of the starts.

        Raises:
            ValueError: for known cells that are not finite, columns without a known cell, rows that are all the same,
                too many latents for the data, or holes where the method is "closed".
        """
        rows = self._read_to_fit(x, mask)
        if constant(rows).all():
            raise ValueError(
                f"{self!r} got rows that are all the same, so that their density has no upper limit; give some that "
                "differ."
            )
        if method == "em":
            self._fit_em(rows, tolerance, max_steps, starts, seed)
            self._turn()
            self.noise_variance_ = self.noise_variance_[0]
        elif method == "closed":
            self._fit_closed(rows)
        else:
            raise ValueError(f"{self!r} got method {method!r}; choose 'closed' or 'em'.")
        return self

    def _fit_closed(self, rows: Rows) -> None:
        if not rows.complete:
            raise ValueError(f"{self!r} has no closed form where cells are missing; pass method='em'.")
        latents = self.latent_features
        loc = rows.x.mean(0)
        triangle = torch.linalg.qr(rows.x - loc, mode="r").R
        _, size, axes = torch.linalg.svd(triangle, full_matrices=False)
        values = size.square() / len(rows.x)
        noise = values[latents:].sum() / (rows.x.shape[1] - latents)
        if noise <= 1e-14 * values[0]:
            raise ValueError(
                f"{self!r} fits these rows without noise: {int((values > 1e-14 * values[0]).sum())} directions hold "
                f"all their variance, and the density has no upper limit; take fewer latents."
            )
        self.loc_, self.noise_variance_ = loc, noise
        self.loadings_ = axes[:latents].T * (values[:latents] - noise).clamp_min(0.0).sqrt()
        self._turn()
        self.history_ = (self._mean(rows, self._infer(rows)),)

    def _pooled(self, squares: Tensor, cells: Tensor) -> Tensor:
        return (squares.sum() / cells.sum()).expand_as(squares)
