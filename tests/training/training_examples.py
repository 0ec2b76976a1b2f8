"""Small models, rows and callbacks that the tests of training share; nothing here is a test."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Size, Tensor

from anyvae.conditionals import Bernoulli, DiagonalNormal, Normal, StandardNormal
from anyvae.model import VAE, Batch, LatentVariableModel, Trace
from anyvae.networks import MLP
from anyvae.objectives import Objective, Schedule, WarmupCosine
from anyvae.training import Callback, Evaluation, FitResult, Progress, fit

FEATURES = 4


def real_rows(rows: int = 61, seed: int = 0) -> Tensor:
    """Correlated real values: there is something to learn."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(rows, 2, generator=generator)
    mixing = torch.tensor([[1.0, 0.5, -0.5, 0.2], [0.0, 1.0, 0.7, -1.0]])
    return z @ mixing + 0.3 * torch.randn(rows, FEATURES, generator=generator)


def grey_rows(rows: int = 61, seed: int = 0) -> Tensor:
    """Bernoulli means."""
    return torch.sigmoid(2.0 * real_rows(rows, seed))


def tiny(
    seed: int = 0, *, dropout: float = 0.0, binary: bool = False, hidden: int = 8
) -> LatentVariableModel:
    """A VAE with two latents, its weights from a seed; torch's generator stays where it was."""
    family = Bernoulli(FEATURES) if binary else Normal(FEATURES)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return VAE(
            prior=StandardNormal(2),
            encoder=DiagonalNormal(2).given("x", net=MLP([hidden], dropout=dropout)),
            decoder=family.given("z", net=MLP([hidden], dropout=dropout)),
        )


def weights(model: LatentVariableModel) -> dict[str, Tensor]:
    """A copy of every weight and buffer."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def differing(first: dict[str, Tensor], second: dict[str, Tensor]) -> list[str]:
    """Names whose tensors differ in a single bit."""
    assert first.keys() == second.keys()
    return [name for name in first if not torch.equal(first[name], second[name])]


def lines(result: FitResult) -> list[str]:
    """The history without the clock; as text, in which NaN equals NaN."""
    return [repr({**line.as_dict(), "seconds": None}) for line in result.history]


class PosteriorMeans(Objective):
    """An objective, else the ELBO, at the posterior means: no draw, so the same number in every process."""

    def __init__(self, objective: Objective | None = None) -> None:
        super().__init__()
        self.objective = objective

    def __call__(self, model: LatentVariableModel, batch: Batch, progress: float = 1.0) -> Tensor:
        def zeros(name: str, shape: Size, dtype: torch.dtype) -> Tensor:
            return torch.zeros(shape, dtype=dtype)

        return self.of(model.trace(batch, self.samples, zeros), progress)

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        return trace.elbo() if self.objective is None else self.objective.of(trace, progress)


class Trip(Schedule):
    """The usual learning rate, which does something when a step is reached; it has no settings of its own."""

    action: ClassVar[Callable[[float], None] | None] = None

    def __call__(self, progress: float) -> float:
        if Trip.action is not None:
            Trip.action(progress)
        return WarmupCosine(1e-2)(progress)


def at_step(step: int, steps: int, act: Callable[[], None]) -> Callable[[float], None]:
    """Act inside step number `step` (from 1), before its gradient."""

    def action(progress: float) -> None:
        if round(progress * steps) == step - 1:
            act()

    return action


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


class Log(Callback):
    """Writes down what it is told."""

    def __init__(self, name: str = "", into: list[str] | None = None) -> None:
        self.name = name
        self.into: list[str] = [] if into is None else into
        self.progress: list[Progress] = []
        self.evaluations: list[Evaluation] = []

    def on_progress(self, progress: Progress) -> None:
        self.progress.append(progress)

    def on_evaluation(self, evaluation: Evaluation) -> None:
        self.evaluations.append(evaluation)
        self.into.append(f"{self.name} at {evaluation.step}")

    def close(self) -> None:
        self.into.append(f"{self.name} closed")


def two_processes_ran(script: str, folder: Path) -> str:
    """Run a script of this folder, which becomes two processes that write to `folder`; what they said."""
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        pytest.skip("this torch was built without gloo")
    command = [sys.executable, str(Path(__file__).with_name(script)), str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    started = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        _, said = started.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        started.terminate()  # the other one fails without it
        _, said = started.communicate()
    assert started.returncode == 0, said[-6000:]
    return said


def become_two() -> None:
    """This process and a fork of it are from now on two that torchrun started, as far as the environment tells.

    They share the imports, which take longer than the fits. It forks, which is safe only in a process of one thread.
    """
    import torch.distributed.fsdp

    torch.set_num_threads(1)
    fit(tiny(), real_rows(), steps=1)  # imports what a first step imports
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    child = os.fork()
    rank = "0" if child else "1"
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    os.environ |= {"RANK": rank, "LOCAL_RANK": rank}
    if child:
        # After what fits leave to be done at the end, of which the last registered is the first done.
        atexit.register(lambda: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) and os._exit(1))
