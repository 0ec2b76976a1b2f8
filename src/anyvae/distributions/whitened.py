"""Fixed noise with exact second moments."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["whitened"]


def whitened(rows: Tensor) -> Tensor:
    r"""Rows turned and stretched so that their mean outer product is the identity.

    .. math:: \tfrac1N \sum_n v_n v_n' = I

    Arguments:
        rows: shape (N, n), with at least n of them in general position; their mean is left as it is, but for the map.

    >>> found = whitened(torch.tensor([[2.0, 0.0], [0.0, 3.0]]))
    >>> bool(torch.allclose(found.T @ found / 2, torch.eye(2)))
    True
    """
    factor = torch.linalg.cholesky(rows.T @ rows / len(rows))
    return torch.linalg.solve_triangular(factor, rows.T, upper=False).T
