"""Factors whose every combination occurs equally often, or that are drawn; codes made from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def crossing(sizes: Sequence[int], times: int = 1) -> np.ndarray:
    """Every combination of the values of some factors, so many times."""
    return np.tile(np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1), (times, 1))


def drawn(rows: int, sizes: Sequence[int], seed: int = 0) -> np.ndarray:
    """Factors drawn independently and uniformly."""
    random = np.random.default_rng(seed)
    return np.stack([random.integers(0, size, rows) for size in sizes], axis=1)


def rotated(codes: np.ndarray, seed: int = 0) -> np.ndarray:
    """Standardised codes in coordinates of a random rotation."""
    width = codes.shape[1]
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))
    return (codes - codes.mean(0)) / codes.std(0) @ turn


def noisy(factors: np.ndarray, more: int = 2, noise: float = 0.4, seed: int = 0) -> np.ndarray:
    """Factors with noise, and latents of noise alone."""
    random = np.random.default_rng(seed)
    pure = random.normal(size=(len(factors), more))
    return np.concatenate([factors + noise * random.normal(size=factors.shape), pure], axis=1)
