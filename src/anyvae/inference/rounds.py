"""Weighed draws for many rows, and more of them for the rows that need more."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from anyvae.inference.likelihood import rows_at_once, take_rows
from anyvae.inference.weigh import Weighed, effective_samples, weigh
from anyvae.model import Batch, LatentVariableModel, Noise

__all__ = ["weigh_in_rounds", "worth_few"]

_ENOUGH, _MORE = 16.0, 8
"""Draws that a row should have, by their worth, and how many times more it is given where it has fewer."""


def worth_few(log_weight: Tensor) -> Tensor:
    """Whether a row's S draws are worth fewer than 16, and than a quarter of them, shape (B,), on the CPU.

    Arguments:
        log_weight: nats, shape (S, B).

    >>> worth_few(torch.stack([torch.zeros(64), torch.linspace(0, -640, 64)], 1))
    tensor([False,  True])
    """
    return (effective_samples(log_weight) < min(_ENOUGH, len(log_weight) / 4)).cpu()


def weigh_in_rounds(
    model: LatentVariableModel,
    batch: Batch,
    rows: int,
    samples: int,
    *,
    together: int = 1,
    noise: Callable[[Tensor], Noise | None] = lambda places: None,
) -> Iterator[tuple[Tensor, Weighed, Tensor]]:
    """Draws for all rows of a batch, some at a time; rows whose draws are worth few come again, with more, at the end.

    Arguments:
        model: the model.
        batch: tensors or `Partial` values by name.
        rows: how many there are.
        samples: S of the first round; the second has eight times as many.
        together: draws of a row that are made at once afterwards, so that memory is bounded for these too.
        noise: fixed noise for the rows of some places; torch's generator where None.

    Yields:
        Places of some rows, their draws, and which of these rows do not come again.
    """
    waiting = torch.arange(rows)
    for last, count in ((False, samples), (True, _MORE * samples)):
        again: list[Tensor] = []
        for places in waiting.split(rows_at_once(model, max(together, count))):
            found = weigh(model, take_rows(batch, places), count, noise(places))
            settled = ~worth_few(found.log_weight) | last
            again.append(places[~settled])
            yield places, found, settled
        waiting = torch.cat(again)
        if not len(waiting):
            return
