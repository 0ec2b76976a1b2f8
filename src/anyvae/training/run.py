"""The state of one run, and the loop over it."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from torch import Tensor, nn

from anyvae.inference import seeded
from anyvae.model import Batch, LatentVariableModel
from anyvae.networks.precision import products_in
from anyvae.objectives import warm_up
from anyvae.training.average import Average
from anyvae.training.beside import Beside
from anyvae.training.checkpoint import clear_unfinished
from anyvae.training.data import TensorData
from anyvae.training.distributed import World, is_spread, put_together, spread_like
from anyvae.training.events import Callback, Interrupted, NonFiniteError, Progress
from anyvae.training.guard import blame, blame_weights
from anyvae.training.identity import describe, fingerprint
from anyvae.training.interrupt import interruptible
from anyvae.training.player import Player, Seat
from anyvae.training.saved import write_run
from anyvae.training.watch import Watch

__all__ = ["Budget", "Run"]

# How many steps lie between two updates of the average: at every step it would cost a tenth of a wide network's.
_AVERAGED_EVERY = 8


@final
@dataclass(frozen=True)
class Budget:
    """How long a run may be.

    Arguments:
        steps: planned.
        batch_size: rows a step.
        per_epoch: steps an epoch.
        minutes: limit, or None.
        patience: fraction of the run without a better bound.
        interval: steps between evaluations.
    """

    steps: int
    batch_size: int
    per_epoch: int
    minutes: float | None
    patience: float
    interval: int


@final
class Run:
    """One run: everything that a checkpoint must hold lives here.

    Arguments are those of `fit`, checked and with defaults filled in.
    """

    def __init__(
        self,
        model: LatentVariableModel,
        training: TensorData,
        validation: TensorData | None,
        players: list[Player],
        budget: Budget,
        *,
        seed: int,
        precision: torch.dtype | None,
        checkpoint: Path | None,
        here: World,
        sharded: bool,
        compiled: bool,
        callbacks: list[Callback],
        keep_last: bool,
        average: float,
    ) -> None:
        self.sharded = sharded and here.size > 1
        # Sharding ends with the process group and cannot be undone: a copy is sharded, not the model given.
        self.whole = model.to(here.device)
        self.model = copy.deepcopy(self.whole) if self.sharded else self.whole
        self.training = training
        self.budget = budget
        self.seed = seed
        self.precision, self.products = precision, products_in(precision, here.device)
        self.checkpoint = checkpoint
        self.saved: Path | None = None
        self.here = here
        self.callbacks = callbacks
        self.beside = Beside(players, model, here)
        free = [*self.whole.parameters(), *self.beside.parameters().values()]
        self._learning = [parameter for parameter in free if parameter.requires_grad]
        if checkpoint is not None and here.first:
            clear_unfinished(checkpoint)
        here.spread(tensor.detach() for tensor in self.model.state_dict(keep_vars=True).values())
        if self.sharded:
            here.shard(self.model)
        self.seats = [
            Seat(player, self.model, self.beside.of(player), self.beside.owned(player)) for player in players
        ]
        if len({seat.player.name for seat in self.seats}) != len(self.seats):
            raise ValueError(f"players need names of their own, got {[player.name for player in players]}.")
        self.beside.seat(name for seat in self.seats for name in seat.owned)
        self._parameters = dict(self.model.named_parameters()) | self.beside.parameters()
        # What the rows of a process move beside its weights, such as a running mean; in one order in all processes.
        kept = self.model.state_dict(keep_vars=True).values()
        self._measured = [tensor for tensor in kept if not isinstance(tensor, nn.Parameter)]
        self._measured += self.beside.buffers()
        of_model = dict(self.model.named_parameters())
        learned = {name for seat in self.seats for name in seat.owned}
        self.average = Average({name: of_model[name] for name in of_model if name in learned}, average)
        self.step = 0
        self.seconds = 0.0
        self.watch = Watch(
            training,
            validation,
            generator=_generator(seed, 0),
            # What the objective sums over is summed over in the bound that is watched, too.
            summed=players[0].objective.enumerate,
            keep_last=keep_last,
        )
        self._warm_up = warm_up(players[0].objective)
        self.described = [f"{describe(seat.player)}, {type(seat.optimizer).__name__}" for seat in self.seats]
        self.prints = (0, 0) if checkpoint is None else (fingerprint(training), fingerprint(validation))
        self.ended = ""
        # Last: what fails before leaves no weight frozen.
        self.steppers = []
        some = training.fixed(torch.arange(min(2, len(training))))
        for seat in self.seats:
            self._only(seat)
            self.steppers.append(here.wrap(seat, some, sharded=self.sharded, compiled=compiled))

    def train(self, started: float) -> str:
        """Run to the end of the budget; returns what ended it."""
        before = self.seconds
        order, epoch = torch.empty(0), -1
        reported, rows_since, moved_since, objective_since = started, 0, 0, 0.0
        self._learn()
        self.beside.train(True)
        with interruptible() as interrupted:
            while not self.ended:
                if self.step // self.budget.per_epoch != epoch:
                    epoch = self.step // self.budget.per_epoch
                    order = torch.randperm(len(self.training), generator=_generator(self.seed, epoch + 1))
                place = (self.step % self.budget.per_epoch) * self.budget.batch_size
                rows = order[place : place + self.budget.batch_size]
                objective = self._step(rows, self._progress(before + time.perf_counter() - started))
                self.step += 1
                if self.step % _AVERAGED_EVERY == 0:
                    self.average.update(self.step)
                rows_since += len(rows)
                if objective is not None:
                    moved_since += len(rows)
                    objective_since += objective * len(rows)
                now = time.perf_counter()
                self.seconds = before + now - started
                last, late = self.step >= self.budget.steps, self._late()
                if last or late or self.step % self.budget.interval == 0:
                    self._evaluate()
                    self.ended = "steps" if last else "minutes" if late else self._stale()
                    self.save()
                if self.callbacks and now - reported > 0.2:
                    self._report(rows_since / (now - reported), objective_since / max(1, moved_since))
                    reported, rows_since, moved_since, objective_since = now, 0, 0, 0.0
                if self._agreed(bool(interrupted)):
                    self.save()
                    raise Interrupted(self.step, self.checkpoint)
        return self.ended

    def _step(self, rows: Tensor, progress: float) -> float | None:
        """One move of every player whose turn it is; the first one's objective, nats per row, if it moved."""
        own, weight = self.here.share(rows, self.budget.batch_size)
        batch = self.training.batch(own)
        objective: float | None = None
        for seat, stepper in zip(self.seats, self.steppers, strict=True):
            if self.step % seat.player.every:
                continue
            if len(self.seats) > 1:
                self._only(seat)
            seat.set_learning_rate(progress)
            seat.optimizer.zero_grad(set_to_none=True)
            with self.products:
                loss = stepper(batch, progress, weight)
            loss.backward()
            # Where networks are sharded they average their own gradients, and nobody those of what stays whole.
            whole = [weight for weight in seat.owned.values() if self.sharded and not is_spread(weight)]
            value = self.here.average(whole, loss)
            if not math.isfinite(value):
                raise NonFiniteError(self.step + 1, self._blame(batch, float(loss.detach())), self.saved)
            seat.optimizer.step()
            if seat is self.seats[0]:
                objective = -value * self.budget.batch_size / len(rows)
        self.beside.step(self.here, idle=not weight)
        self.here.spread(self._measured)
        return objective

    def _blame(self, batch: Batch, loss: float) -> str:
        """What is wrong with the rows of the first process whose loss is not finite; the same in every process."""
        rows = self.here.of_first(batch, found=not math.isfinite(loss))
        with seeded(self.seed):
            return blame(self.model, rows, self.training, self._parameters)

    def _progress(self, seconds: float) -> float:
        done = self.step / self.budget.steps
        if self.budget.minutes is None:
            return done
        done = min(1.0, max(done, seconds / (60.0 * self.budget.minutes)))
        if self.here.size > 1:
            # Clocks differ; a learning rate that differs would let the copies of the weights drift apart.
            shared = torch.tensor(done, dtype=torch.float64, device=self.here.device)
            torch.distributed.broadcast(shared, 0)
            done = float(shared)
        return done

    def _evaluate(self) -> None:
        rate = self.seats[0].optimizer.param_groups[0]["lr"]
        with self.average.in_place(self.step):
            seen = self.watch.look(
                self.model, self.step, self.step / self.budget.per_epoch, self.seconds, rate
            )
            if not self.watch.sound(seen):
                found = blame(self.model, self.watch.deciding, self.training, self._parameters)
                raise NonFiniteError(self.step, f"in the evaluation, {found}", self.saved)
            warming = self._progress(self.seconds) < self._warm_up
            self.watch.take(seen, self.model_state, warming=warming)
        self._tell(lambda callback: callback.on_evaluation(seen))

    def _late(self) -> bool:
        # At every step: evaluations may lie further apart than the minutes that are left.
        return self.budget.minutes is not None and self._agreed(self.seconds >= 60.0 * self.budget.minutes)

    def _stale(self) -> str:
        stale = self.watch.stale(self.step) > self.budget.patience * self.budget.steps
        return "patience" if stale else ""

    def _report(self, rate: float, objective: float) -> None:
        left = (self.budget.steps - self.step) * self.budget.batch_size / max(rate, 1e-9)
        if self.budget.minutes is not None:
            left = min(left, 60.0 * self.budget.minutes - self.seconds)
        bound = self.watch.history[-1].validation_elbo if self.watch.history else math.nan
        progress = Progress(self.step, self.budget.steps, rate, max(0.0, left), objective, bound)
        self._tell(lambda callback: callback.on_progress(progress))

    def _tell(self, tell: Callable[[Callback], None]) -> None:
        """Tell every callback something; what it draws is no part of the run."""
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            for callback in self.callbacks:
                tell(callback)

    def _agreed(self, flag: bool) -> bool:
        # A collective at every step would cost more than a small step; every tenth is soon enough.
        asked = self.here.size == 1 or self.step % 10 == 0 or bool(self.ended)
        return self.here.any(flag) if asked else False

    def _only(self, seat: Seat) -> None:
        seat.own_gradients_only(p for name, p in self._parameters.items() if name not in seat.owned)

    def _learn(self) -> None:
        """Put the model into training, but for parts whose weights nobody trains: they stay as they are altogether."""
        self.model.train()
        owned = {id(parameter) for seat in self.seats for parameter in seat.owned.values()}
        for part in (*self.model.generative_parts.values(), *self.model.inference_parts.values()):
            own = [id(parameter) for parameter in part.parameters()]
            if own and owned.isdisjoint(own):
                part.eval()

    def keep_best(self) -> None:
        """Give the model the weights to keep: of the best bound, or the last."""
        if self.sharded:
            if self.here.first:
                self.whole.load_state_dict(self.watch.best)
            self.here.spread(self.whole.state_dict().values())
        else:
            self.load_model(self.watch.best)
        self.whole.eval()
        self.beside.train(False)

    def release(self) -> None:
        """Let every parameter learn again that could before, and drop the gradients."""
        for parameter in self._learning:
            parameter.requires_grad_(True)
            parameter.grad = None

    def model_state(self) -> dict[str, Tensor]:
        """The model's tensors, put together where they are sharded; the first process alone has them then."""
        return self.whole_tensors(self.model.state_dict())

    def whole_tensors(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors as they are, or put together where the run is sharded."""
        return put_together(tensors, keep=self.here.first) if self.sharded else dict(tensors)

    def load_model(self, state: dict[str, Tensor]) -> None:
        """Give the model whole tensors, which every process has."""
        if self.sharded:
            # Sharded as the weights are, so that each process copies its own part.
            state = {
                name: spread_like(state[name], tensor) for name, tensor in self.model.state_dict().items()
            }
        self.model.load_state_dict(state)

    def save(self) -> None:
        """Write the checkpoint, if one is asked for; every process must call it.

        Raises:
            NonFiniteError: for weights that are not finite, from which no run can go on; nothing is written.
        """
        spoiled = blame_weights(self._parameters)
        if spoiled is not None:
            raise NonFiniteError(self.step, spoiled, self.saved)
        if self.checkpoint is not None:
            write_run(self, self.checkpoint)
            self.saved = self.checkpoint


def _generator(seed: int, index: int) -> torch.Generator:
    """A generator of its own for each epoch, so that no order has to be stored."""
    return torch.Generator().manual_seed((seed * 1_000_003 + index) % 2**63)
