"""How many draws an evaluation takes unless it is told."""

from __future__ import annotations

from collections.abc import Sequence

from anyvae.inference import evaluating, take_rows
from anyvae.inference.noise import RowNoise, count_rows, row_keys
from anyvae.model import Batch, LatentVariableModel

__all__ = ["draw_operations", "evaluation_minutes", "evaluation_samples"]

_LEAST, _MOST = 50, 5000
# Of all rows together: draws, and their additions and multiplications, and the minutes of either on one core.
_DRAWS, _OPERATIONS, _MINUTES = 2_000_000, 4e12, 2.5


def evaluation_samples(model: LatentVariableModel, batch: Batch, enumerate: Sequence[str] = ()) -> int:
    """Samples a row of an importance-weighted estimate: 5,000, or as many as a few minutes allow, but 50 at least.

    Arguments:
        model: to be evaluated.
        batch: all rows.
        enumerate: latents that are summed over.

    >>> import torch
    >>> from anyvae.conditionals import Bernoulli
    >>> from anyvae.recipes import vae
    >>> [evaluation_samples(vae(Bernoulli(4), 2), {"x": torch.zeros(rows, 4)}) for rows in (200, 10_000)]
    [5000, 200]
    """
    rows = count_rows(model.admit(batch))
    affordable = _OPERATIONS / (max(draw_operations(model, batch, enumerate), 1) * rows)
    return max(_LEAST, min(_MOST, _DRAWS // rows, int(affordable)))


def evaluation_minutes(
    model: LatentVariableModel, batch: Batch, samples: int | None = None, enumerate: Sequence[str] = ()
) -> float:
    """How many minutes of one core an importance-weighted estimate may take; counted, not timed.

    Arguments:
        model: to be evaluated.
        batch: all rows.
        samples: draws a row; those of `evaluation_samples` where None.
        enumerate: latents that are summed over.
    """
    rows = count_rows(model.admit(batch))
    samples = evaluation_samples(model, batch, enumerate) if samples is None else samples
    share = max(draw_operations(model, batch, enumerate) / _OPERATIONS, 1 / _DRAWS)
    return _MINUTES * share * samples * rows


def draw_operations(model: LatentVariableModel, batch: Batch, enumerate: Sequence[str] = ()) -> int:
    """Additions and multiplications that one more draw for a row takes: of dense layers and convolutions.

    They are counted and not timed, so that a model is judged by as many samples on every machine.

    Arguments:
        model: that draws.
        batch: whose first row is drawn for.
        enumerate: latents that are summed over.

    >>> import torch
    >>> from anyvae.conditionals import Bernoulli
    >>> from anyvae.networks import MLP
    >>> from anyvae.recipes import vae
    >>> model = vae(Bernoulli(4), 2, decoder=MLP([8]))
    >>> draw_operations(model, {"x": torch.zeros(1, 4)}) == 2 * (2 * 8 + 8 * 4)
    True
    """
    from torch.utils.flop_counter import FlopCounterMode

    row = take_rows(batch, slice(0, 1))
    counted: list[int] = []
    with evaluating(model):
        for samples in (1, 2):
            noise = RowNoise(0, row_keys(model.admit(row)), 0, {})
            with FlopCounterMode(display=False) as counter:
                model.trace(row, samples, noise, enumerate=enumerate).log_weight()
            counted.append(counter.get_total_flops())
    return counted[1] - counted[0]
