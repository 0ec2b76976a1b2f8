"""The codes of a quantised latent: found from the first batch, moved towards what they stand for, revived."""

from __future__ import annotations

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anyvae.distributions import nearest_code

__all__ = ["Codebook"]

_ITERATIONS = 10
_PSEUDO_COUNT = 1e-5
_COUNT_DECAY = 0.99


@final
class Codebook(nn.Module):
    r"""K code vectors, or several such sets in depth, each for what the ones before leave over.

    .. math::

        N_k \leftarrow decay \, N_k + (1 - decay) \, n_k, \quad
        S_k \leftarrow decay \, S_k + (1 - decay) \textstyle\sum_{i \to k} r_i, \quad
        code_k \leftarrow \frac{S_k + \epsilon \, code_k}{N_k + \epsilon}

    The counts are smoothed by rows that lie on the code itself, so that means of vectors are exact fixed points and a
    code that nothing chooses stays where it is. Counts and sums take in each training pass; the codes move at the
    beginning of the next one, so that within a pass every part reads the same codes.

    Arguments:
        depth: number of sets.
        number: K.
        features: of a code.
        decay: of the running means; None makes the codes parameters, which a cost has to move.
        revive: a code chosen less often than this share of the average is replaced by a vector of the batch.
    """

    def __init__(self, depth: int, number: int, features: int, decay: float | None, revive: float) -> None:
        super().__init__()
        self.decay = decay
        self.revive = revive
        vectors = torch.randn(depth, number, features)
        self.vectors: Tensor
        self.sums: Tensor
        if decay is None:
            self.vectors = nn.Parameter(vectors)
        else:
            self.register_buffer("vectors", vectors)
            self.register_buffer("sums", vectors.clone())
        self.counts: Tensor
        self.register_buffer("counts", torch.ones(depth, number))
        self.passes: Tensor
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))

    def forward(self, vectors: Tensor, *, learning: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Quantise vectors, one set after the other.

        Arguments:
            vectors: shape (..., 1, positions, features).
            learning: whether this is a training pass, which changes the codes.

        Returns:
            Numbers of the codes, shape (..., depth, positions); what each code stands for, and the codes, both of
            shape (..., depth, positions, features).
        """
        # What is left over goes on without the gradient of the code, so that a cost of it moves the encoder alone.
        residual = vectors.squeeze(-3)
        indices, residuals, codes = [], [], []
        for depth in range(len(self.vectors)):
            flat = residual.detach().reshape(-1, residual.shape[-1])
            if learning:
                self._prepare(depth, flat)
            index = nearest_code(residual.detach(), self.vectors.detach()[depth])
            code = F.embedding(index, self.vectors[depth])
            if learning:
                self._take_in(depth, flat, index.flatten())
            indices.append(index)
            residuals.append(residual)
            codes.append(code)
            residual = residual - code.detach()
        if learning:
            self.passes += 1
        return torch.stack(indices, -2), torch.stack(residuals, -3), torch.stack(codes, -3)

    @torch.no_grad()
    def _prepare(self, depth: int, rows: Tensor) -> None:
        """Move the codes to where the passes before want them, and replace the dead ones."""
        vectors, counts = self.vectors[depth], self.counts[depth]
        if int(self.passes) == 0:
            vectors.copy_(_from_first(_k_means(rows, len(vectors))))
            return
        if self.decay is not None:
            weight = counts.unsqueeze(-1)
            vectors.copy_((self.sums[depth] + _PSEUDO_COUNT * vectors) / (weight + _PSEUDO_COUNT))
        dead = counts < self.revive * counts.mean()
        missing = int(dead.sum())
        if missing:
            vectors[dead] = _from_first(rows[_some(len(rows), missing).to(rows.device)])
            # As many as the others have on average: enough to last until it has been tried.
            counts[dead] = counts.mean()
            if self.decay is not None:
                self.sums[depth][dead] = vectors[dead] * counts[dead].unsqueeze(-1)

    @torch.no_grad()
    def _take_in(self, depth: int, rows: Tensor, index: Tensor) -> None:
        """Add a pass to the running counts and sums; with many processes those of all of them."""
        number, features = self.vectors.shape[1:]
        # The rows beside a column of ones: sums and counts in one exchange.
        rows = torch.cat(
            [rows.to(self.counts.dtype), rows.new_ones(len(rows), 1, dtype=self.counts.dtype)], 1
        )
        total = rows.new_zeros(number, features + 1).index_add_(0, index, rows)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(total)
        first = int(self.passes) == 0
        decay = 0.0 if first else _COUNT_DECAY if self.decay is None else self.decay
        self.counts[depth].lerp_(total[:, -1], 1.0 - decay)
        if self.decay is not None:
            self.sums[depth].lerp_(total[:, :-1], 1.0 - decay)


def _k_means(rows: Tensor, number: int) -> Tensor:
    """Lloyd's iterations from rows of the batch; where there are too few rows, from disturbed copies as well."""
    chosen = rows[_some(len(rows), number).to(rows.device)].clone()
    if number > len(rows):
        spread = rows.std(0, correction=0)
        chosen[len(rows) :] += 0.1 * spread * torch.randn_like(chosen[len(rows) :])
    for _ in range(_ITERATIONS):
        index = nearest_code(rows, chosen)
        counts = torch.bincount(index, minlength=number).unsqueeze(-1)
        sums = torch.zeros_like(chosen).index_add_(0, index, rows)
        chosen = torch.where(counts > 0, sums / counts.clamp_min(1), chosen)
    return chosen


def _some(rows: int, number: int) -> Tensor:
    """Numbers of rows from torch's generator, none twice before all were taken."""
    return torch.randperm(rows).repeat(-(-number // rows))[:number]


def _from_first(value: Tensor) -> Tensor:
    """The first process's tensor: each has rows and a generator of its own, but all must have one codebook."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        value = value.contiguous()
        torch.distributed.broadcast(value, 0)
    return value
