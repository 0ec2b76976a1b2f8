"""One cell from input units to encoded ones, and what a unit of the one is in units of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from anyvae.data.errors import number
from anyvae.data.schema import Feature, Schema

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]

_SLACK = 0.05  # of a step: what a level may stray by and still be that level


class Unit(NamedTuple):
    """Log of one encoded unit u in input units: constant + slope * u, each of shape event_shape, float64, nats.

    ``slope`` is None where it is 0 everywhere.
    """

    constant: Tensor
    slope: Tensor | None


def log_unit(schema: Schema) -> Unit:
    r"""Log of one encoded unit in input units, so that log p(input) = log p(encoded) - log_unit.

    It is :math:`\log \mathrm{scale}` for real numbers, :math:`\log \mathrm{step}` for levels (their mass is
    spread over one step), :math:`\mathrm{mean} + \log \mathrm{scale} + \mathrm{scale} \cdot u` for positive numbers,
    whose logarithm is encoded as u, and 0 for whole numbers, binaries and categories. A date counts in days. Where some
    values of a real column have a probability, which has no unit, the others are scored per :math:`\mathrm{spread}`.

    Arguments:
        schema: of the data.

    """
    import torch

    constants = [np.full(f.width, _constant(f)) for f in schema.features]
    slopes = [np.full(f.width, f.scale if f.kind == "positive" else 0.0) for f in schema.features]
    constant, slope = (
        torch.from_numpy(np.concatenate(parts).reshape(schema.event_shape)) for parts in (constants, slopes)
    )
    return Unit(constant, slope if bool(slope.any()) else None)


def _constant(feature: Feature) -> float:
    if feature.points:
        # Beside probabilities, which are the same in every unit, densities have to be: per spread.
        return float(np.log(feature.scale / feature.spread)) if feature.kind == "real" else 0.0
    if feature.kind == "real" or (feature.kind == "date" and not feature.step):
        return float(np.log(feature.scale))
    if feature.kind == "positive":
        return feature.mean + float(np.log(feature.scale))
    return float(np.log(feature.step)) if feature.kind == "levels" else 0.0


def standardise(feature: Feature, values: Array, binarise: bool = False) -> tuple[Array, Array]:
    """Encoded values, float64, and which of them do not fit the feature; NaN fits and stays NaN.

    Arguments:
        feature: of numbers or dates.
        values: in input units, dates in days, float64.
        binarise: whether the values are means of a binary feature.
    """
    if feature.kind == "positive":
        bad = values <= 0
        return (np.log(np.where(bad, 1.0, values)) - feature.mean) / feature.scale, bad
    if feature.kind == "real" or (feature.kind == "date" and not feature.step):
        # Of a column that hardly varies, other rows may lie further off than numbers go: infinitely far.
        with np.errstate(over="ignore"):
            return (values - feature.mean) / feature.scale, np.zeros(values.shape, dtype=bool)
    place = (values - feature.low) / feature.step
    if binarise:
        return place, (place < 0) | (place > 1)
    k = np.rint(place)
    bad = np.abs(place - k) > _SLACK
    if feature.kind == "count" or feature.edge or feature.levels:
        bad |= k < 0
    if feature.levels:
        bad |= k >= feature.levels
    if feature.kind == "binary":
        return k, bad
    return (feature.low + feature.step * k - feature.mean) / feature.scale, bad


def misfit(feature: Feature, value: float, binarise: bool = False, *, array: bool = False) -> str:
    """Why a value does not fit the feature, and what to do.

    Arguments:
        feature: of numbers or dates.
        value: in input units.
        binarise: whether values are means of a binary feature.
        array: whether the feature is all elements of an array, which have a likelihood and no kinds.
    """
    held = f"holds {number(value)}, but the model was fitted on "
    if binarise:
        return held + f"means in {number(feature.low)}..{number(feature.high)}: rescale the data"
    if feature.kind == "binary":
        what = f"{number(feature.low)} and {number(feature.high)}"
        return held + what + ": correct it, or fit again with such data"
    advice = "correct or drop the row, or fit again with such data"
    if feature.kind == "positive":
        return held + f"numbers above 0: {advice} or as kind 'real'"
    if feature.kind == "date":
        return f"holds a time of day, but the model was fitted on whole days: {advice}"
    if not feature.levels:
        least = " from 0" if feature.edge or feature.kind == "count" else ""
        return held + f"whole numbers{least}: {advice}"
    step = "" if feature.step == 1 else f" in steps of {number(feature.step)}"
    if array:
        wide = " or with the likelihood 'normal'"
    else:
        wide = " or as kind 'integer'" if feature.step == 1 and feature.kind == "levels" else ""
    return held + f"{number(feature.low)}..{number(feature.high)}{step}: {advice}{wide}"
