"""Rows of numbers with holes, checked at the door and grouped by which cells are there."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias, final

import numpy as np
import torch
from torch import Tensor

__all__ = ["Array", "Rows", "constant", "read_latents", "read_rows", "refuse_constant"]

Array: TypeAlias = "Tensor | np.ndarray[Any, np.dtype[Any]]"


@final
class Rows(NamedTuple):
    """Rows that share P patterns of known cells.

    Arguments:
        x: float64, shape (B, D), 0 in the holes.
        ones: what multiplies the constant of each row, shape (B, 1): 1, but for rows that were `folded`.
        pattern: which pattern a row has, shape (B,).
        patterns: 1 where known, else 0, shape (P, D).
        counts: how many rows have each pattern, shape (P,).
    """

    x: Tensor
    ones: Tensor
    pattern: Tensor
    patterns: Tensor
    counts: Tensor

    @property
    def known(self) -> Tensor:
        """1 where known, else 0, shape (B, D), or (1, D) where all rows are alike."""
        return self.patterns if len(self.patterns) == 1 else self.patterns[self.pattern]

    @property
    def complete(self) -> bool:
        """Whether there are no holes."""
        return bool((self.patterns == 1).all())

    @property
    def cells(self) -> Tensor:
        """How many cells of each feature are known, shape (D,)."""
        return self.counts @ self.patterns

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and variance of the known cells of each feature, each of shape (D,)."""
        mean = (self.ones * self.x).sum(0) / self.cells
        off = (self.x - self.ones * mean) * self.known
        return mean, off.square().sum(0) / self.cells

    def folded(self) -> Rows:
        """Fewer rows of which every sum of products of two cells, or of a cell and the constant, is the same.

        Of a pattern with more than D + 1 rows the triangle of a QR decomposition is kept; its "ones" are not 1.
        """
        ones, x, pattern = [], [], []
        for index in range(len(self.patterns)):
            rows = torch.cat([self.ones, self.x], 1)[self.pattern == index]
            if len(rows) > rows.shape[1]:
                rows = torch.linalg.qr(rows, mode="r").R
            ones.append(rows[:, :1])
            x.append(rows[:, 1:])
            pattern.append(torch.full((len(rows),), index, device=x[-1].device))
        return self._replace(x=torch.cat(x), ones=torch.cat(ones), pattern=torch.cat(pattern))


def read_rows(x: Array, mask: Array | None, owner: str, features: int | None = None) -> Rows:
    """Check rows and group them by their known cells.

    Arguments:
        x: shape (B, D); what stands in the holes is never read.
        mask: True where known, shape (B, D); None where all cells are.
        owner: who asks, for the errors.
        features: D, where it is settled already.

    Raises:
        ValueError: for other shapes, no rows, or a known cell that is not finite.
    """
    table = _tensor(x).to(torch.float64)
    if table.dim() != 2 or not table.numel():
        raise ValueError(
            f"{owner} got x of shape {tuple(table.shape)}; it wants at least one row, shape (rows, features): "
            f"flatten images and the like first."
        )
    if features is not None and table.shape[1] != features:
        raise ValueError(
            f"{owner} got x with {table.shape[1]} features, but was fitted to {features}; give the same columns."
        )
    if mask is None:
        known = torch.ones_like(table[:1], dtype=torch.bool).expand_as(table)
    else:
        known = _tensor(mask).to(table.device, torch.bool)
        if known.shape != table.shape:
            raise ValueError(
                f"{owner} got a mask of shape {tuple(known.shape)} for x of shape {tuple(table.shape)}; give one "
                f"truth value a cell, True where it is known."
            )
    wrong = known & ~table.isfinite()
    if wrong.any():
        row, column = wrong.nonzero()[0].tolist()
        raise ValueError(
            f"{owner} got {float(table[row, column])} in row {row}, column {column} ({int(wrong.sum())} such cells); "
            f"for holes pass mask=isfinite(x), True where a cell is known."
        )
    if mask is None or known.all():
        patterns, pattern = known[:1], known.new_zeros(len(known), dtype=torch.long)
    else:
        patterns, pattern = torch.unique(known, dim=0, return_inverse=True)
    counts = torch.bincount(pattern, minlength=len(patterns)).to(table)
    return Rows(table.where(known, 0.0), torch.ones_like(table[:, :1]), pattern, patterns.to(table), counts)


def _tensor(values: Array) -> Tensor:
    # A copy: torch warns of arrays that may not be written to.
    return values.detach() if isinstance(values, Tensor) else torch.from_numpy(np.array(values))


def read_latents(latent_features: int, owner: str) -> int:
    """The number of latents, refused below 1."""
    if latent_features < 1:
        raise ValueError(f"{owner} got latent_features={latent_features}; give 1 or more.")
    return latent_features


def constant(rows: Rows) -> Tensor:
    """Which features have known cells that are all the same, shape (D,)."""
    off = (rows.x - rows.moments()[0]) * rows.known
    return off.abs().amax(0) <= 1e-12 * rows.x.abs().amax(0)


def refuse_constant(rows: Rows, owner: str) -> None:
    """Refuse features whose known cells are all the same: a noise of their own would shrink to 0."""
    found = constant(rows)
    if found.any():
        raise ValueError(
            f"{owner} got columns {found.nonzero()[:, 0].tolist()[:5]} whose known cells are all the same, so "
            f"that their density has no upper limit; leave such columns out."
        )
