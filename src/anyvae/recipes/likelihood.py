"""From a schema to the family that the data are scored by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import final

import torch
from torch import Tensor

from anyvae.conditionals import (
    Bernoulli,
    Categorical,
    Columns,
    DiscretisedLogistic,
    Family,
    FeatureScale,
    Normal,
    OneScale,
    Scale,
)
from anyvae.data import Encoded, Feature, Schema, log_unit

__all__ = ["Likelihood", "likelihood_of"]


@final
@dataclass(frozen=True)
class Likelihood:
    """How rows of one schema are scored.

    Arguments:
        family: of the encoded row.
        log_unit: log of one encoded unit in input units, shape event_shape.
        start: where the decoder's parameters start.
        missing: whether rows may have holes.
    """

    family: Family
    log_unit: Tensor
    start: dict[str, Tensor]
    missing: bool = False


def likelihood_of(schema: Schema, encoded: Encoded) -> Likelihood:
    """The family for a schema: categories categorical, binaries Bernoulli, levels discretised, reals normal.

    Arguments:
        schema: of the data.
        encoded: training rows, whose frequencies start the decoder's biases.
    """
    unit = log_unit(schema)
    missing = encoded.mask is not None
    frequency = _frequencies(encoded)
    if schema.kind == "array":
        [feature] = schema.features
        family = _family(feature.kind, [feature], schema.event_shape, OneScale())
        start = {"logits": _logit(frequency)} if isinstance(family, Bernoulli) else {}
        return Likelihood(family, unit, start, missing)
    blocks: list[tuple[Family, int]] = []
    fitted = [feature for feature in schema.features if feature.width]
    for (kind, _), run in groupby(fitted, key=lambda feature: (feature.kind, _block(feature))):
        features = list(run)
        width = sum(feature.width for feature in features)
        blocks.append((_family(kind, features, (width,), FeatureScale()), width))
    if len(blocks) == 1:
        family = blocks[0][0]
        key = "logits" if isinstance(family, Bernoulli | Categorical) else ""
        start = {key: _start(family, frequency)} if key else {}
        return Likelihood(family, unit, start, missing)
    start, place = {}, 0
    for index, (family, width) in enumerate(blocks):
        if isinstance(family, Bernoulli | Categorical):
            start[f"{index}_logits"] = _start(family, frequency[place : place + width])
        place += width
    return Likelihood(Columns([family for family, _ in blocks]), unit, start, missing)


def _block(feature: Feature) -> str:
    """Categorical columns are blocks of their own; runs of any other kind are one."""
    return feature.name if feature.kind == "categorical" else ""


def _family(kind: str, features: list[Feature], shape: tuple[int, ...], scale: Scale) -> Family:
    makers: dict[str, Callable[[], Family]] = {
        "binary": lambda: Bernoulli(shape),
        "categorical": lambda: Categorical(shape[0]),
        "real": lambda: Normal(shape, scale=scale),
        "levels": lambda: DiscretisedLogistic(
            shape,
            low=_each(features, lambda f: (f.low - f.mean) / f.scale),
            high=_each(features, lambda f: (f.high - f.mean) / f.scale),
            step=_each(features, lambda f: f.step / f.scale),
            scale=FeatureScale(),
        ),
    }
    return makers[kind]()


def _each(features: list[Feature], value: Callable[[Feature], float]) -> Tensor:
    numbers = [value(feature) for feature in features]
    return torch.tensor(numbers[0] if len(numbers) == 1 else numbers, dtype=torch.float32)


def _frequencies(encoded: Encoded) -> Tensor:
    if encoded.mask is None:
        return encoded.x.mean(0)
    return (encoded.x * encoded.mask).sum(0) / encoded.mask.sum(0).clamp_min(1)


def _logit(frequency: Tensor) -> Tensor:
    inside = frequency.clamp(1e-3, 1.0 - 1e-3)
    return inside.log() - (-inside).log1p()


def _start(family: Family, frequency: Tensor) -> Tensor:
    return frequency.clamp_min(1e-3).log() if isinstance(family, Categorical) else _logit(frequency)
