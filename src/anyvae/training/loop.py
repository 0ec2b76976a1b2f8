"""The fit loop: thin, resumable to the bit, the same on one process and on many."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from anyvae.inference import seeded
from anyvae.model import Batch, LatentVariableModel
from anyvae.objectives import ELBO, Objective, Schedule, WarmupCosine
from anyvae.training.data import TensorData, as_tensor_data
from anyvae.training.distributed import world
from anyvae.training.events import Callback, Evaluation
from anyvae.training.guard import refuse_non_finite
from anyvae.training.player import Player
from anyvae.training.run import Budget, Run
from anyvae.training.saved import restore
from anyvae.training.watch import WATCHED_ROWS
from anyvae.wants import wants

__all__ = ["FitResult", "default_batch_size", "default_steps", "fit"]

_CHECKED_ROWS = 4096
"""At a time: rows that are made when they are read need not fit into memory together."""


@final
@dataclass(frozen=True)
class FitResult:
    """What a fit did.

    Arguments:
        history: one `Evaluation` per evaluation, bounds in nats per row.
        steps: optimiser steps taken.
        best_step: step whose weights the model now has.
        seconds: of training, over all resumed parts.
        ended: "steps", "patience" or "minutes".
    """

    history: tuple[Evaluation, ...]
    steps: int
    best_step: int
    seconds: float
    ended: str


def default_steps(rows: int) -> int:
    """How many optimiser steps rows of this number are given: 4,000 up to 5,000 rows, then with their power of 0.4.

    A budget in steps and not in epochs: a small table needs as many steps as a larger one.

    >>> default_steps(1000), default_steps(60_000)
    (4000, 10808)
    """
    return round(min(20_000.0, 4000.0 * max(1.0, rows / 5000) ** 0.4))


def default_batch_size(rows: int) -> int:
    """An eighth of the rows, between 32 and 256.

    >>> default_batch_size(100), default_batch_size(1600), default_batch_size(10**6)
    (32, 200, 256)
    """
    return min(256, max(32, rows // 8))


def fit(
    model: LatentVariableModel,
    data: TensorData | Batch | Tensor,
    *,
    objective: Objective | None = None,
    players: Sequence[Player] | None = None,
    validation: TensorData | Batch | Tensor | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    batch_size: int | None = None,
    learning_rate: float | Schedule = 1e-3,
    seed: int = 0,
    precision: torch.dtype | None = None,
    patience: float = 0.2,
    keep_last: bool = False,
    average: float = 0.05,
    evaluations: int | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    shard: bool = False,
    compiled: bool = False,
    device: torch.device | None = None,
    callbacks: Sequence[Callback] = (),
) -> FitResult:
    r"""Maximise the mean objective over the rows of `data`, in place.

    Under torchrun every process takes its share of each batch, with draws of its own; an objective without draws
    reaches what one process reaches, up to rounding. Torch's generators are left as they were; the run has its own
    from `seed`.

    Arguments:
        model: the model; its weights are changed, and the latest are kept that the validation rows do not tell, by half
            a standard error, from those of the best bound.
        data: training rows; a lone tensor is "x".
        objective: what is maximised; the ELBO where None.
        players: several optimisers with objectives of their own, instead of `objective` and `learning_rate`.
        validation: rows whose bound chooses the weights and ends the run early; none where None.
        epochs, steps: length of the run; `default_steps` of the rows where both are None.
        minutes: ends the run earlier; schedules then run over time, and so no longer to the bit.
        batch_size: rows a step over all processes; `default_batch_size` where None.
        learning_rate: peak of a warm-up and cosine decay, or a schedule.
        seed: of row order, draws and dropout.
        precision: `torch.bfloat16` runs the networks' products in it (autocast); weights stay as they are.
        patience: fraction of the run after the weights that are kept that ends it, 1 for never.
        keep_last: keep the weights of the last step, and never end by patience: for an objective that is meant to
            leave the bound, such as a capacity above the KL that the bound would choose.
        average: how old the weights that are watched and kept are on average, as a fraction of the steps so far: they
            are a running average (Karras et al., 2024), which is nearer to an optimum than what the last batches
            have pushed about; 0 for the weights as they are.
        evaluations: how many at most are spread over the run; where None about 50, and no more than cost a tenth of it.
        checkpoint: file to write after evaluations and on an interrupt.
        resume: continue from the checkpoint if it exists, to the same weights as an uninterrupted run.
        shard: spread the weights over the processes.
        compiled: run the step through torch.compile.
        device: to compute on; a GPU where there is one.
        callbacks: told of progress and evaluations.

    Raises:
        ValueError: for data that do not fit the model, and options that contradict each other.
        NonFiniteError: when a loss is not finite, naming step and part.
        Interrupted: after Ctrl-C, when the checkpoint is written.

    >>> from anyvae.conditionals import DiagonalNormal, Normal, StandardNormal
    >>> from anyvae.model import VAE
    >>> from anyvae.networks import Linear
    >>> encoder, decoder = DiagonalNormal(1).given("x", net=Linear()), Normal(2).given("z", net=Linear())
    >>> vae = VAE(StandardNormal(1), encoder, decoder)
    >>> result = fit(vae, torch.randn(64, 2), steps=10)
    >>> result.steps, result.ended
    (10, 'steps')
    """
    wants(LatentVariableModel, model, "model of fit", "one such as VAE(...) or a recipe makes")
    wants((Schedule, Real), learning_rate, "learning_rate of fit", "a number, or a schedule")
    training = as_tensor_data(data)
    held = None if validation is None else as_tensor_data(validation)
    if players is not None and objective is not None:
        raise ValueError(
            "fit got both `players` and `objective`; each player has its own objective, pass one of them."
        )
    if players is not None and learning_rate != 1e-3:
        raise ValueError(
            "fit got both `players` and `learning_rate`; give each Player a learning_rate of its own."
        )
    if players is not None and not players:
        raise ValueError("fit got no players; pass at least one, or None for one that owns every parameter.")
    if epochs is not None and steps is not None:
        raise ValueError("fit got both `epochs` and `steps`; pass one of them.")
    wants(Integral, seed, "seed of fit", "a whole number")
    counts = {"epochs": epochs, "steps": steps, "batch_size": batch_size, "evaluations": evaluations}
    for name, value in {**counts, "minutes": minutes}.items():
        if value is not None:
            whole = name in counts
            wants(
                Integral if whole else Real, value, f"{name} of fit", f"a positive{' whole' * whole} number"
            )
            if not value > 0:
                raise ValueError(f"fit got {name}={value}; wanted a positive number.")
    if not isinstance(learning_rate, Schedule) and not 0.0 <= learning_rate < math.inf:
        raise ValueError(
            f"fit got learning_rate={learning_rate}; wanted a finite number >= 0, or a schedule."
        )
    if not 0.0 <= average < 0.5:
        raise ValueError(f"fit got average={average}; wanted a fraction of the run in [0, .5), 0 for none.")
    if not 0.0 < patience <= 1.0:
        raise ValueError(f"fit got patience={patience}; wanted a fraction of the run in (0, 1].")
    if resume and checkpoint is None:
        raise ValueError("fit got resume=True without a checkpoint to resume from; pass its path.")
    path = None if checkpoint is None else Path(checkpoint)
    for rows in (training, held):
        if rows is not None:
            refuse_non_finite(rows)
            for some in rows.looked_at().split(_CHECKED_ROWS):
                model.check(rows.fixed(some))
    size = min(len(training), default_batch_size(len(training)) if batch_size is None else int(batch_size))
    per_epoch = -(-len(training) // size)
    planned = int(steps or (epochs * per_epoch if epochs else default_steps(len(training))))
    if players is None:
        rate = learning_rate if isinstance(learning_rate, Schedule) else WarmupCosine(float(learning_rate))
        players = [Player("model", objective or ELBO(), learning_rate=rate)]
    interval = _interval(planned, size, training, held, evaluations)
    # In Python's own types, which numbers of numpy are not: a checkpoint holds no others.
    limit, seed = None if minutes is None else float(minutes), int(seed)
    budget = Budget(planned, size, per_epoch, limit, float(patience), interval)
    with world(device) as here, seeded(seed + 7919 * here.rank), torch.enable_grad(), ExitStack() as closing:
        # The first process alone writes: of others' folders none need be there yet, or ever.
        if here.first and path is not None and (path.is_dir() or not path.parent.is_dir()):
            raise ValueError(
                f"fit got checkpoint={str(path)!r}; wanted the path of a file in a folder that exists."
            )
        heard = list(callbacks) if here.first else []
        for callback in reversed(heard):
            closing.callback(callback.close)
        run = Run(
            model,
            training,
            held,
            list(players),
            budget,
            seed=seed,
            precision=precision,
            checkpoint=path,
            here=here,
            sharded=shard,
            compiled=compiled,
            callbacks=heard,
            keep_last=keep_last,
            average=float(average),
        )
        # Pushed last, so done first: a callback that fails to close cannot keep the gradients.
        closing.callback(run.release)
        started = time.perf_counter()
        if resume:
            restore(run)
        ended = run.train(started)
        run.keep_best()
    return FitResult(tuple(run.watch.history), run.step, run.watch.best_step, run.seconds, ended)


def _interval(
    planned: int, size: int, training: TensorData, held: TensorData | None, evaluations: int | None
) -> int:
    """Steps between two evaluations."""
    if evaluations is not None:
        return -(-planned // int(evaluations))
    rows = min(len(training), WATCHED_ROWS) + (0 if held is None else len(held))
    # A row costs a third of what it costs in a step, so ten thirds of its rows' steps make a tenth of the run.
    return max(1, planned // 50, min(planned, round(rows / size / 0.3)))
