"""What a user may say of a fit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from anyvae.data import DataError

__all__ = ["FitOptions"]


@final
@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """What a user may say; None means chosen from the data.

    Arguments:
        source: file, folder or name.
        seed: of split, initial weights, row order and draws.
        latent_features: size of the latent space.
        max_epochs, max_minutes, batch_size, learning_rate: of the training.
        precision: "float32", or "bf16" for bfloat16 products.
        recipe, likelihood, kinds, label, given, drop, groups, clusters, keep_labels: see `anyvae fit --help`.
        missing_words: that stand for a missing cell, besides the usual ones.
        threads: of torch.
        shard: spread the weights over the processes of torchrun.
        samples: S of the final log-likelihood.
    """

    source: str
    seed: int = 0
    latent_features: int | None = None
    max_epochs: int | None = None
    max_minutes: float | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    precision: str = "float32"
    recipe: str | None = None
    likelihood: str | None = None
    kinds: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    label: str | None = None
    given: Sequence[str] = ()
    drop: Sequence[str] = ()
    missing_words: Sequence[str] = ()
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    clusters: int | None = None
    keep_labels: int | None = None
    threads: int | None = None
    shard: bool = False
    samples: int | None = None

    def __post_init__(self) -> None:
        # In Python's own types, which numbers of numpy are not: those are neither counted nor written alike.
        for name in ("latent_features", "max_epochs", "batch_size", "clusters", "keep_labels"):
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise DataError(f"{name} is {value!r}: give a whole number from 1 on, or leave it out")
            object.__setattr__(self, name, int(value))
        for name in ("max_minutes", "learning_rate"):
            value = getattr(self, name)
            if value is None:
                continue
            if not isinstance(value, int | float | np.integer | np.floating) or not 0.0 < value < math.inf:
                raise DataError(f"{name} is {value!r}: give a number above 0, or leave it out")
            object.__setattr__(self, name, float(value))
