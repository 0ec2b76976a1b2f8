"""Integrals over a stretch by a weighted sum, where there is no formula."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

__all__ = ["legendre"]


@cache
def _double(count: int) -> tuple[Tensor, Tensor]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return torch.from_numpy(0.5 * (nodes + 1.0)), torch.from_numpy(0.5 * weights)


def legendre(count: int, like: Tensor) -> tuple[Tensor, Tensor]:
    r"""Gauss-Legendre nodes and weights on (0, 1).

    .. math:: \int_0^1 f(t) \, dt \approx \sum_i weights_i \, f(nodes_i)

    Arguments:
        count: number of nodes; exact for polynomials up to degree 2 count - 1.
        like: whose dtype and device they take.

    >>> nodes, weights = legendre(3, torch.zeros(()))
    >>> ((weights * nodes**5).sum() - 1.0 / 6.0).abs() < 1e-6
    tensor(True)
    """
    nodes, weights = _double(count)
    return nodes.to(like), weights.to(like)
