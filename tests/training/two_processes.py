"""Fits of two processes together; a script that `test_fit_distributed.py` starts.

Every fit writes the weights that this process ends with to `<name>-<rank>.safetensors`.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from training_examples import (
    FEATURES,
    PosteriorMeans,
    Trip,
    at_step,
    become_two,
    press_ctrl_c,
    real_rows,
    tiny,
    weights,
)

from anyvae.conditionals import DiagonalNormal, Normal, NormalMixture, OneScale, StandardNormal
from anyvae.inference import evaluate_bound
from anyvae.model import VAE, LatentVariableModel, Trace
from anyvae.networks import MLP
from anyvae.objectives import (
    ELBO,
    KL,
    Constant,
    Controlled,
    Critic,
    LogLikelihood,
    Objective,
    PIController,
    held_modules,
)
from anyvae.training import FitResult, Interrupted, NonFiniteError, Player, TensorBoard, fit, save_tensors

STEPS = 20
CPU = torch.device("cpu")


def players() -> list[Player]:
    return [
        Player("q", PosteriorMeans(), ["inference"], learning_rate=Constant(1e-2)),
        Player("p", PosteriorMeans(), ["generative"], learning_rate=Constant(3e-2), every=2),
    ]


def descent() -> Player:
    """Plain descent sees the size of a gradient, which Adam divides away."""
    return Player("all", PosteriorMeans(), optimizer=plain, learning_rate=Constant(1e-2))


def plain(parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.0)


def shrinking(parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """Moves what has a gradient, be it zero."""
    return torch.optim.SGD(parameters, lr=0.0, weight_decay=0.5)


class Fixed(Objective):
    """The critic's own task without draws: latents at their means, told from a mirror image of them."""

    def __init__(self, critic: Critic) -> None:
        super().__init__()
        self.critic = critic

    def of(self, trace: Trace, progress: float = 1.0) -> torch.Tensor:
        z = trace.q("z").mean.detach()
        return torch.nn.functional.logsigmoid(self.critic(z)) - 0.1 * self.critic(-z).square()


class AtMeans(Objective):
    """What the critic says of the means."""

    def __init__(self, critic: Critic) -> None:
        super().__init__()
        self.critic = critic

    def of(self, trace: Trace, progress: float = 1.0) -> torch.Tensor:
        return self.critic.judged(trace.q("z").mean)


def with_critic() -> list[Player]:
    """A critic, made from other numbers in every process but the first, and a controller on the KL."""
    with torch.random.fork_rng():
        torch.manual_seed(int(os.environ.get("RANK", 0)))
        critic = Critic(2, net=MLP([4]))
    controlled = Controlled(KL(), PIController(1.0, integral=0.05))
    rate = Constant(1e-2)
    return [
        Player(
            "model",
            PosteriorMeans(ELBO() - controlled - 0.5 * AtMeans(critic)),
            optimizer=plain,
            learning_rate=rate,
        ),
        Player("critic", PosteriorMeans(Fixed(critic)), [critic], optimizer=plain, learning_rate=rate),
    ]


def held() -> torch.Tensor:
    return real_rows(30, seed=1)


# Fits without draws: two processes reach what one reaches, up to rounding.
SAME_AS_ALONE: dict[str, Callable[[], dict[str, Any]]] = {
    "uneven": lambda: {"objective": PosteriorMeans(), "batch_size": 13},
    "one_row": lambda: {"players": [descent()], "batch_size": 1},
    "uneven_descent": lambda: {"players": [descent()], "batch_size": 7},
    "players": lambda: {"players": players(), "batch_size": 13},
    "critic": lambda: {"players": with_critic(), "batch_size": 13},
    "one_row_critic": lambda: {"players": with_critic(), "batch_size": 1},
    "best": lambda: {
        "objective": PosteriorMeans(),
        "batch_size": 13,
        "validation": held(),
        "learning_rate": Constant(0.3),
    },
    "mixed": lambda: {"objective": PosteriorMeans(), "batch_size": 13},
    # Better and worse by turns: the step after a look goes on from the weights, not from what was looked at.
    "looked_at": lambda: {
        "objective": PosteriorMeans(),
        "batch_size": 13,
        "validation": held(),
        "learning_rate": Constant(0.2),
        "evaluations": STEPS // 2,
    },
}


class Failing(Objective):
    """The ELBO; at a step the second process finds a cell of its rows spoiled."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.left = step

    def of(self, trace: Trace, progress: float = 1.0) -> torch.Tensor:
        self.left -= trace.model.training
        if self.left or os.environ.get("RANK") != "1":
            return trace.elbo()
        trace.evidence["x"].value.data[0, 2] = math.nan
        return trace.elbo() * math.nan


# Fits that end alike in both processes: model, options.
ALIKE: dict[str, Callable[[], tuple[LatentVariableModel, dict[str, Any]]]] = {
    # The prior's parameters get no gradient.
    "unused": lambda: (
        mixed(),
        {"players": [Player("all", PosteriorMeans(LogLikelihood()), optimizer=shrinking)], "batch_size": 13},
    ),
    # Each process measures its own rows.
    "normed": lambda: (normed(), {"validation": held(), "batch_size": 13}),
    "failed": lambda: (tiny(), {"objective": Failing(7)}),
    "late": lambda: (tiny(), {"steps": STEPS - 1, "learning_rate": Trip()}),
}


def normed() -> LatentVariableModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(FEATURES, 8), torch.nn.BatchNorm1d(8), torch.nn.SiLU())
        return VAE(
            prior=StandardNormal(2),
            encoder=DiagonalNormal(2).given("x", net=net),
            decoder=Normal(FEATURES).given("z", net=MLP([8])),
        )


def mixed() -> LatentVariableModel:
    """Weights that no network has: the places of a learned prior, and one scale, a number without axes."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return VAE(
            prior=NormalMixture(2, 3),
            encoder=DiagonalNormal(2).given("x", net=MLP([8])),
            decoder=Normal(FEATURES, scale=OneScale()).given("z", net=MLP([8])),
        )


def made(name: str) -> LatentVariableModel:
    """The model of a fit."""
    return mixed() if name == "mixed" else tiny()


def beside(options: dict[str, Any]) -> dict[str, torch.Tensor]:
    """What players hold beside the model, by name."""
    modules = held_modules([(player.objective, player.parts) for player in options.get("players", [])])
    states = [module.state_dict() for module in modules]
    return {f"beside.{index}.{name}": state[name] for index, state in enumerate(states) for name in state}


def settle(
    name: str, folder: Path, rank: int, options: dict[str, Any], model: LatentVariableModel | None = None
) -> FitResult | None:
    """One fit, its weights and its outcome written; None where it did not end by itself."""
    model = made(name.split("-")[-1]) if model is None else model
    state: dict[str, Any] = {"interrupted": None}
    result = None
    try:
        result = fit(model, real_rows(), device=CPU, **{"steps": STEPS, "evaluations": 5, **options})
        bound = evaluate_bound(model, {"x": held()}).elbo.mean().item()
        state |= {"steps": result.steps, "best_step": result.best_step, "ended": result.ended, "bound": bound}
        state["history"] = [line.validation_elbo for line in result.history]
    except Interrupted as error:
        state["interrupted"] = error.step
    except NonFiniteError as error:
        state["failed"] = str(error)
    save_tensors(folder / f"{name}-{rank}.safetensors", weights(model) | beside(options), state)
    return result


def main(folder: Path) -> None:
    become_two()
    rank = int(os.environ["RANK"])
    # The first fit joins the group; the others find it.
    for again in range(2):
        settle(f"draws{again}", folder, rank, {"batch_size": 13})
    for shard in (False, True):
        kind = "sharded" if shard else "copied"
        for name, options in SAME_AS_ALONE.items():
            settle(f"{kind}-{name}", folder, rank, {**options(), "shard": shard})
        for name, made_of in ALIKE.items():
            if name == "late" and rank == 1:
                Trip.action = at_step(STEPS - 2, STEPS - 1, press_ctrl_c)
            network, options_of = made_of()
            settle(f"{kind}-{name}", folder, rank, {**options_of, "shard": shard}, network)
            Trip.action = None
        ours = folder / f"files-{kind}-{rank}"
        ours.mkdir()
        board = TensorBoard(ours / "events")
        options = {"batch_size": 13, "validation": held(), "learning_rate": Trip(), "shard": shard}
        settle(
            f"{kind}-whole",
            folder,
            rank,
            {**options, "checkpoint": ours / "c.safetensors", "callbacks": [board]},
        )
        common = {**options, "checkpoint": folder / f"{kind}.safetensors", "resume": True}
        if rank == 1:  # the other one has to be told
            Trip.action = at_step(7, STEPS, press_ctrl_c)
        settle(f"{kind}-cut", folder, rank, common)
        Trip.action = None
        settle(f"{kind}-resumed", folder, rank, common)
        settle(
            f"{kind}-minutes", folder, rank, {**options, "steps": 10**7, "minutes": 0.01, "evaluations": 1}
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
