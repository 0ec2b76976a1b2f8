"""Finds out which part of a model, and which column, made a loss infinite."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from anyvae.distributions import Cellwise
from anyvae.model import Batch, LatentVariableModel
from anyvae.training.data import TensorData

__all__ = ["blame", "blame_weights", "refuse_non_finite"]


def refuse_non_finite(data: TensorData) -> None:
    """Refuse rows with a cell that is given and not finite, before a run begins.

    Raises:
        ValueError: naming the row and the column.
    """
    for name, value in data.values.items():
        found = _first(value)
        mask = data.masks.get(name)
        if found is not None and mask is not None:
            wide = mask.reshape(*mask.shape, *(1,) * (value.dim() - mask.dim()))
            value = torch.where(wide, value, torch.zeros((), dtype=value.dtype))
            found = _first(value)
        if found is not None:
            cell = value.reshape(len(value), -1)[found].item()
            raise ValueError(
                f"the data hold {_cell(data, name, found)} = {cell} in row {found[0]}; "
                "mark missing cells with Partial(value, mask), or leave the row out."
            )


def blame(model: LatentVariableModel, batch: Batch, data: TensorData, weights: Mapping[str, Tensor]) -> str:
    """A clause that names the first thing that is not finite: a cell of the batch, a weight, or a term.

    Arguments:
        model: the model.
        batch: the rows of the step.
        data: for the names of the columns.
        weights: of the model and of what is trained beside it, by name.
    """
    for name, item in model.admit(batch).items():
        where = _first(item.value)
        if where is not None:
            cell = item.value.reshape(len(item.value), -1)[where].item()
            return f"the data hold {_cell(data, name, where)} = {cell}"
    spoiled = blame_weights(weights)
    if spoiled is not None:
        return spoiled
    with torch.no_grad():
        trace = model.trace(batch)
        for name, from_q in trace.plan.draws:
            if from_q and _first(trace.values[name]) is not None:
                return f"the draw of {name!r} from its inference conditional is not finite"
        for name in trace.plan.scored:
            distribution = trace.p(name)
            if isinstance(distribution, Cellwise):
                cells = distribution.cells(trace.values[name])
                where = _first(cells.reshape(-1, *distribution.event_shape))
                if where is not None:
                    return f"log p({name}) is not finite at {_cell(data, name, where)}"
            elif _first(trace.log_p(name)[..., None]) is not None:
                return f"log p({name}) is not finite"
    return "the sum of the terms is not finite"


def blame_weights(weights: Mapping[str, Tensor]) -> str | None:
    """A clause that names the first weights that are not finite; None where all are."""
    for name, weight in weights.items():
        if not bool(torch.isfinite(weight).all()):
            return f"the weights {name!r} are not finite; the step before went too far"
    return None


def _first(value: Tensor) -> tuple[int, int] | None:
    """Row and flat cell of the first value that is not finite."""
    wrong = (~torch.isfinite(value)).reshape(len(value), -1).nonzero()
    return (int(wrong[0, 0]), int(wrong[0, 1])) if len(wrong) else None


def _cell(data: TensorData, name: str, where: tuple[int, int]) -> str:
    columns = data.columns.get(name)
    if columns is not None and where[1] < len(columns):
        return f"column {columns[where[1]]!r} of {name!r}"
    return f"element {where[1]} of {name!r}"
