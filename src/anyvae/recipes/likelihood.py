"""From a schema to the family that the data are scored by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from anyvae.conditionals import (
    Bernoulli,
    Categorical,
    Categoricals,
    CellMixture,
    Columns,
    DiscretisedLogistic,
    DiscretisedLogisticMixture,
    Family,
    FeatureScale,
    NegativeBinomial,
    Normal,
    OneScale,
    Ordinal,
    Placed,
    PointMasses,
    Scale,
    StudentT,
)
from anyvae.data import MOST_POINTS, Compact, Encoded, Feature, Schema, log_unit
from anyvae.distributions import LogUnit
from anyvae.recipes.starts import Cells, start_of

__all__ = ["Likelihood", "likelihood_of"]

_COMPONENTS = 5
# Of a standard deviation. Without it a column of values that recur outweighs all the others of its row.
_MODE = 0.1
_CATEGORIES_TOGETHER = (8, 32)
_POINTS_TOGETHER = (1, 4, 12, MOST_POINTS)


@final
@dataclass(frozen=True)
class Likelihood:
    """How rows of one schema are scored.

    Arguments:
        family: of the encoded row.
        log_unit: log of one encoded unit in input units.
        start: where the decoder's parameters start.
        missing: whether rows may have holes.
        cells: elements of each cell of a table's row.
    """

    family: Family
    log_unit: LogUnit
    start: dict[str, Tensor]
    missing: bool = False
    cells: tuple[int, ...] = ()


def likelihood_of(schema: Schema, encoded: Encoded | Compact) -> Likelihood:
    """The family for a schema, a block for all columns of one kind wherever they stand.

    Categories are categorical, binaries Bernoulli, levels and whole numbers discretised logistic, counts negative
    binomial, ordered levels cumulative logits, real numbers, logarithms of positive ones and moments normal, or
    Student's t where the tails are heavy. Columns of several modes follow mixtures of five of these, and values of
    numbers that come again have a probability each: see `PointMasses`.

    Arguments:
        schema: of the data.
        encoded: training rows, whose frequencies start the decoder's biases.
    """
    unit = LogUnit(*log_unit(schema))
    missing = encoded.mask is not None
    if schema.kind == "array":
        [feature] = schema.features
        family = _family(feature.kind, [feature], schema.event_shape, OneScale())
        start = start_of(family, Cells.of(encoded)) if isinstance(family, Bernoulli) else {}
        return Likelihood(family, unit, start, missing)
    cells = tuple(schema.widths)
    blocks: dict[str, list[Feature]] = {}
    places: dict[str, list[int]] = {}
    place = 0
    for feature in schema.features:
        if feature.width:
            key = _block(feature)
            blocks.setdefault(key, []).append(feature)
            places.setdefault(key, []).extend(range(place, place + feature.width))
            place += feature.width
    families = [_block_family(key, features) for key, features in blocks.items()]
    starts = [
        start_of(family, Cells.of(encoded, cells))
        for family, cells in zip(families, places.values(), strict=True)
    ]
    if len(families) == 1:
        return Likelihood(families[0], unit, starts[0], missing, cells)
    start = {f"{i}_{key}": value for i, found in enumerate(starts) for key, value in found.items()}
    order = [cell for cells in places.values() for cell in cells]
    return Likelihood(Columns(families, order), unit, start, missing, cells)


def _block(feature: Feature) -> str:
    """What the columns of one block share; its first word is the family. Columns of many categories stand alone."""
    kind, form = feature.kind, feature.form
    if kind == "categorical":
        # Together each takes as much time as the greatest, so only those of like size are one block.
        like = next(
            (str(most) for most in _CATEGORIES_TOGETHER if feature.width <= most), f"of {feature.name}"
        )
        return f"categorical {like}"
    if kind == "ordinal":
        return f"ordinal {feature.levels}"
    if kind in ("levels", "integer") or (kind == "date" and feature.step):
        return _beside_points("lattice_mixture" if form == "mixture" else "levels", feature)
    if kind in ("binary", "count"):
        return kind
    return _beside_points({"plain": "real", "heavy": "heavy", "mixture": "mixture"}[form], feature)


def _beside_points(family: str, feature: Feature) -> str:
    """A key with how many points there are: together each column has as many probabilities as the greatest."""
    if not feature.points:
        return family
    return f"{family} and points {next(most for most in _POINTS_TOGETHER if len(feature.points) <= most)}"


def _block_family(key: str, features: list[Feature]) -> Family:
    """The family of the columns of one block."""
    family = _family(key.split()[0], features, (sum(f.width for f in features),), FeatureScale())
    if not features[0].points:
        return family
    # Places in single precision, as the cells are encoded.
    return PointMasses(family, [[(point - f.mean) / f.scale for point in f.points] for f in features])


def _family(kind: str, features: list[Feature], shape: tuple[int, ...], scale: Scale) -> Family:
    if kind == "binary":
        return Bernoulli(shape)
    if kind == "categorical":
        return Categorical(shape[0]) if len(features) == 1 else Categoricals([f.width for f in features])
    if kind == "real":
        return Normal(shape, scale=scale)
    if kind == "heavy":
        return StudentT(shape)
    if kind == "mixture":
        return CellMixture(Normal((*shape, _COMPONENTS), scale=FeatureScale(_MODE)))
    low = _each([(f.low - f.mean) / f.scale for f in features])
    step = _each([f.step / f.scale for f in features])
    if kind == "ordinal":
        return Placed(Ordinal(shape, features[0].levels), low, step)
    if kind == "count":
        return Placed(NegativeBinomial(shape), low, step)
    least = _each([(f.low - f.mean) / f.scale if f.levels or f.edge else -torch.inf for f in features])
    most = _each([(f.high - f.mean) / f.scale if f.levels else torch.inf for f in features])
    origin = None
    if bool(torch.isinf(torch.stack([least, most])).any()):
        # Counted from near the middle of the data, where most digits are left.
        origin = _each([_near_mean(f) for f in features])
    if kind == "lattice_mixture":
        return DiscretisedLogisticMixture(shape, least, most, step, _COMPONENTS, origin=origin)
    return DiscretisedLogistic(shape, low=least, high=most, step=step, scale=FeatureScale(), origin=origin)


def _near_mean(feature: Feature) -> float:
    k = round((feature.mean - feature.low) / feature.step)
    return (feature.low + feature.step * k - feature.mean) / feature.scale


def _each(numbers: list[float]) -> Tensor:
    return torch.tensor(numbers[0] if len(numbers) == 1 else numbers, dtype=torch.float32)
