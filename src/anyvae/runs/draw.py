"""Rows that a model draws, some at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, final

import torch
from torch import Tensor

from anyvae.inference.generate import generate
from anyvae.inference.likelihood import rows_at_once
from anyvae.model import LatentVariableModel

__all__ = ["Drawn", "draw_rows"]

_BLOCK = 4096


@final
class Drawn(NamedTuple):
    """Encoded rows.

    Arguments:
        x: draws, shape (rows, *event).
        mean: of the distributions that they were drawn from, of the same shape.
        label: one-hot, that they were drawn with, shape (rows, classes); None where the model has none.
    """

    x: Tensor
    mean: Tensor
    label: Tensor | None


def draw_rows(model: LatentVariableModel, rows: int, seed: int, given: Mapping[str, Tensor]) -> Drawn:
    """Ancestral draws of x, and of the label "y" where the model has one.

    Arguments:
        model: that draws.
        rows: how many.
        seed: of the draws.
        given: variables held fixed, shape (rows, *event), or (1, *event) where all rows are given the same.
    """
    shape = (rows, *model.shapes["x"])
    # At once: too many rows fail now, not in an hour.
    drawn, means = torch.empty(shape), torch.empty(shape)
    labels = torch.empty((rows, *model.shapes["y"])) if "y" in model.shapes else None
    step = min(_BLOCK, rows_at_once(model, 1))
    for block, start in enumerate(range(0, rows, step)):
        end = min(rows, start + step)
        some = {
            name: value.expand(end - start, *value.shape[1:]) if len(value) == 1 else value[start:end]
            for name, value in given.items()
        }
        values, distributions = generate(model, end - start, seed=seed + 1_000_003 * block, given=some)
        drawn[start:end], means[start:end] = values["x"], distributions["x"].mean
        if labels is not None:
            labels[start:end] = values["y"]
    return Drawn(drawn, means, labels)
