"""Factor analysis: a linear model with a noise scale for each feature."""

from __future__ import annotations

from typing import final

from torch import Tensor

from anyvae.classical.linear import LinearGaussian
from anyvae.classical.rows import Array, refuse_constant

__all__ = ["FactorAnalysis"]


@final
class FactorAnalysis(LinearGaussian):
    r"""Few latents explain what features share; each feature has a noise of its own.

    .. math:: z \sim N(0, I), \qquad x \mid z \sim N(loadings \, z + loc, \operatorname{diag}(noise\_variance))

    It is what a linear VAE with one noise scale a feature becomes at its best, and it does not change with the units
    of the columns, as principal components do.

    Arguments:
        latent_features: how many latents, fewer than features.

    Source: EM Algorithms for ML Factor Analysis (Rubin and Thayer, 1982); with parameter expansion, Parameter
    Expansion to Accelerate EM (Liu, Rubin and Wu, 1998).

    >>> import torch
    >>> x = torch.randn(200, 5, generator=torch.Generator().manual_seed(0)).cumsum(1)
    >>> FactorAnalysis(2).fit(x).noise_variance_.shape
    torch.Size([5])
    """

    def fit(
        self,
        x: Array,
        mask: Array | None = None,
        *,
        tolerance: float = 1e-7,
        max_steps: int = 20_000,
        starts: int = 4,
        seed: int = 0,
    ) -> FactorAnalysis:
        """Climb to a largest likelihood of the known cells by EM, whose steps are exact and never lower it.

        Arguments:
            x: shape (B, D).
            mask: True where known, shape (B, D); None where all cells are.
            tolerance: EM ends when a step gains fewer nats per row.
            max_steps: of EM; a warning tells when they did not suffice.
            starts: how many random starts are tried for 50 steps; the best goes on. There can be several maxima.
            seed: of the starts.

        Raises:
            ValueError: for known cells that are not finite, columns without a known cell or with all of them alike,
                or too many latents for the data.
        """
        rows = self._read_to_fit(x, mask)
        refuse_constant(rows, repr(self))
        self._fit_em(rows, tolerance, max_steps, starts, seed)
        self._turn()
        return self

    def _pooled(self, squares: Tensor, cells: Tensor) -> Tensor:
        return squares / cells
