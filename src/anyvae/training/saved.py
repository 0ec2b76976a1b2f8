"""A run in a file: what it holds, and how it is taken up again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from anyvae.training.checkpoint import CheckpointError, load_tensors, save_tensors, under
from anyvae.training.distributed import spread_like
from anyvae.training.events import Evaluation
from anyvae.training.player import Seat

if TYPE_CHECKING:
    from anyvae.training.run import Run

__all__ = ["restore", "write_run"]


def write_run(run: Run, path: Path) -> None:
    """Write everything that a run must have to go on; every process must call it."""
    tensors = {f"model.{name}": tensor for name, tensor in run.model_state().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in run.watch.best.items()}
    tensors["best_rows"] = run.watch.best_rows
    averages = run.whole_tensors(run.average.tensors)
    tensors |= {f"average.{name}": tensor for name, tensor in averages.items()}
    tensors |= run.beside.state()
    for seat in run.seats:
        for name, state in _optimizer_state(run, seat).items():
            for key, value in state.items():
                tensors[f"optimizer.{seat.player.name}.{key}.{name}"] = torch.as_tensor(value)
    for rank, generator in enumerate(run.here.gather(torch.random.get_rng_state())):
        tensors[f"generator.cpu.{rank}"] = generator
    if run.here.device.type == "cuda":  # untested: no machine with a GPU has run this line
        states = run.here.gather(torch.cuda.get_rng_state(run.here.device).to(run.here.device))
        tensors |= {f"generator.cuda.{rank}": state for rank, state in enumerate(states)}
    if run.here.first:
        save_tensors(path, tensors, _counters(run))


def restore(run: Run) -> None:
    """Continue from the checkpoint; start anew where there is none.

    Raises:
        CheckpointError: when the file is damaged, or belongs to a run with other data or settings, which
            are named.
    """
    run.here.any(False)  # all wait here: the first process may still be writing what an earlier fit left
    if run.checkpoint is None or not run.checkpoint.exists():
        return
    tensors, state = load_tensors(run.checkpoint)
    plan = state.get("plan")
    if not isinstance(plan, dict):
        raise CheckpointError(f"{run.checkpoint} is no checkpoint of a run; it holds {sorted(state)}.")
    for key, value in _plan(run).items():
        if plan.get(key) != value:
            raise CheckpointError(
                f"{run.checkpoint} was written by a run with {key} = {plan.get(key)}, this one has "
                f"{value}; resume with the same data and options, or start in another folder."
            )
    try:
        _take(run, tensors, state)
    except (KeyError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(
            f"{run.checkpoint} does not fit this model ({reason}); resume with the same model, "
            "or start in another folder."
        ) from error


def _counters(run: Run) -> dict[str, Any]:
    return {
        "step": run.step,
        "averaged_step": run.average.step,
        "seconds": run.seconds,
        "best_step": run.watch.best_step,
        "best_bound": run.watch.best_bound if math.isfinite(run.watch.best_bound) else None,
        "history": [list(evaluation.as_dict().values()) for evaluation in run.watch.history],
        "ended": run.ended,
        "plan": _plan(run),
    }


def _plan(run: Run) -> dict[str, Any]:
    """What must be the same for a resumed run to reach the same weights."""
    return {
        "rows": len(run.training),
        "data checksum": run.prints[0],
        "validation checksum": run.prints[1],
        "players": run.described,
        **asdict(run.budget),
        "keep_last": run.watch.keep_last,
        "average": run.average.lag,
        "seed": run.seed,
        "processes": run.here.size,
        "precision": str(run.precision),
    }


def _take(run: Run, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    latest, best = under(tensors, "model."), under(tensors, "best.")
    for found in (latest, best) if best else (latest,):  # none are kept before the first evaluation
        _compare(found, run.whole.state_dict())
    run.load_model(latest)
    run.watch.best = best
    averages = under(tensors, "average.")
    like = run.average.tensors
    run.average.load({name: spread_like(averages[name], like[name]) for name in like}, state["averaged_step"])
    run.beside.load(tensors)
    for seat in run.seats:
        _load_optimizer(seat, under(tensors, f"optimizer.{seat.player.name}."))
    torch.random.set_rng_state(tensors[f"generator.cpu.{run.here.rank}"])
    if run.here.device.type == "cuda":  # untested: no machine with a GPU has run this line
        torch.cuda.set_rng_state(tensors[f"generator.cuda.{run.here.rank}"], run.here.device)
    run.saved = run.checkpoint
    run.step, run.seconds, run.ended = state["step"], state["seconds"], state["ended"]
    run.watch.best_rows = tensors["best_rows"]
    run.watch.best_step = state["best_step"]
    run.watch.best_bound = -math.inf if state["best_bound"] is None else state["best_bound"]
    # JSON has no NaN: what was not measured is null there.
    rows = [[math.nan if value is None else value for value in row] for row in state["history"]]
    run.watch.history = [Evaluation(int(row[0]), *map(float, row[1:])) for row in rows]


def _compare(found: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> None:
    """Refuse weights that are not those of the model, before any of them is changed."""
    for name in sorted(own.keys() | found.keys()):
        there, here = (str(list(all_[name].shape)) if name in all_ else "none" for all_ in (found, own))
        if there != here:
            raise KeyError(f"the weights {name!r} have the shape {there} there and {here} here")


def _optimizer_state(run: Run, seat: Seat) -> dict[str, dict[str, Any]]:
    return {
        name: run.whole_tensors(seat.optimizer.state[parameter]) for name, parameter in seat.owned.items()
    }


def _load_optimizer(seat: Seat, tensors: dict[str, Tensor]) -> None:
    state: dict[str, dict[str, Tensor]] = {}
    for joined, value in tensors.items():
        key, name = joined.split(".", 1)
        state.setdefault(name, {})[key] = value
    for name, parameter in seat.owned.items():
        if name in state:
            seat.optimizer.state[parameter] = {
                key: value if key == "step" else spread_like(value.to(parameter.device), parameter)
                for key, value in state[name].items()
            }
