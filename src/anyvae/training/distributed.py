"""One process or many: the same loop on torch's own distributed stack."""

from __future__ import annotations

import atexit
import copy
import os
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import torch
from torch import Tensor, nn

from anyvae.conditionals import FamilyConditional
from anyvae.inference import seeded
from anyvae.model import Batch, LatentVariableModel

if TYPE_CHECKING:
    from anyvae.training.player import Seat

__all__ = ["World", "is_spread", "put_together", "spread_like", "world"]


@final
@dataclass(frozen=True)
class World:
    """Who else computes.

    Arguments:
        rank: of this process, from 0.
        size: number of processes.
        device: on which this process computes.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def share(self, rows: Tensor, batch_size: int) -> tuple[Tensor, float]:
        """This process's rows of a batch, and a weight by which every row of an epoch counts the same.

        A row weighs 1 / batch_size, also in the short last batch: over an epoch the gradients add up to that
        of the mean over all rows. Processes average their gradients as equals; hence size / batch_size with
        many of them, also when the rows do not divide evenly.
        """
        own = rows[self.rank :: self.size]
        if not len(own):
            return rows[:1], 0.0
        return own, self.size / batch_size

    def total(self, value: Tensor) -> Tensor:
        """The sum of a tensor over processes."""
        if self.size > 1:
            torch.distributed.all_reduce(value)
        return value

    def any(self, flag: bool) -> bool:
        """Whether any process says so, so that all leave a loop at the same step."""
        if self.size == 1:
            return flag
        return bool(self.total(torch.tensor(float(flag), device=self.device)) > 0)

    def spread(self, tensors: Iterable[Tensor]) -> None:
        """Give every process the first one's numbers, in place; those of one type in one exchange."""
        if self.size > 1:
            alike: dict[torch.dtype, list[Tensor]] = {}
            for tensor in tensors:
                alike.setdefault(tensor.dtype, []).append(tensor)
            for group in alike.values():
                flat = torch.cat([tensor.reshape(-1) for tensor in group])
                torch.distributed.broadcast(flat, 0)
                for tensor, part in zip(group, flat.split([tensor.numel() for tensor in group]), strict=True):
                    tensor.copy_(part.view_as(tensor))

    def average(self, parameters: Sequence[Tensor], loss: Tensor) -> float:
        """Give parameters the mean of the processes' gradients, and return the mean of their losses.

        All in one exchange, so that every process hears of a loss that is not finite in one. A gradient that no
        process has stays none.

        Arguments:
            parameters: those whose gradients nobody has averaged yet.
            loss: of this process.
        """
        if self.size == 1:
            return float(loss.detach())
        own = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in parameters]
        had = loss.new_tensor([float(weight.grad is not None) for weight in parameters])
        flat = torch.cat([*(grad.reshape(-1) for grad in own), had, loss.detach().reshape(1)])
        mean = self.total(flat) / self.size
        *grads, had, heard = mean.split([*(grad.numel() for grad in own), len(own), 1])
        for weight, grad, some in zip(parameters, grads, had.tolist(), strict=True):
            weight.grad = grad.view_as(weight).to(weight.dtype) if some else None
        return float(heard)

    def of_first(self, thing: Any, *, found: bool) -> Any:
        """The thing of the first process that found something; of the first of all where none did."""
        if self.size == 1:
            return thing
        flags = self.gather(torch.tensor([float(found)], device=self.device))
        box = [thing]
        torch.distributed.broadcast_object_list(box, int(torch.cat(flags).argmax()))
        return box[0]

    def gather(self, value: Tensor) -> list[Tensor]:
        """The same tensor of every process, by rank."""
        if self.size == 1:
            return [value]
        found = [torch.empty_like(value) for _ in range(self.size)]
        torch.distributed.all_gather(found, value)
        return found

    def wrap(self, seat: Seat, rows: Batch, *, sharded: bool, compiled: bool) -> nn.Module:
        """The seat's step with gradients averaged over processes, compiled on request.

        Arguments:
            seat: of a player.
            rows: some of those that it will see.
            sharded: whether networks average their own gradients.
            compiled: through torch.compile.
        """
        step: nn.Module = seat
        if self.size > 1 and not sharded:
            from torch.nn.parallel import DistributedDataParallel

            ids = [self.device.index] if self.device.type == "cuda" else None
            # Weights that are looked for in vain at every step cost time, and so does looking; torch warns of it.
            idle = _has_idle_weights(seat, rows)
            step = DistributedDataParallel(seat, device_ids=ids, find_unused_parameters=idle)
        return torch.compile(step) if compiled else step  # type: ignore[return-value]

    def shard(self, model: LatentVariableModel) -> None:
        """Spread the weights of every conditional's network over the processes (`fully_shard`).

        What a distribution holds itself (a scale, the places of a mixture) is small and stays whole: a distribution
        is asked after its part has run, when the weights of the part are no longer at hand.
        """
        from torch.distributed.fsdp import fully_shard

        networks = {
            id(part.net): part.net
            for part in model.modules()
            if isinstance(part, FamilyConditional) and part.net is not None
        }
        for network in networks.values():
            whole = {weight for weight in network.parameters() if not weight.dim()}
            if any(weight.dim() for weight in network.parameters()):
                # Given back after every forward pass: what is kept does not hear that a player froze it, or freed it.
                fully_shard(network, reshard_after_forward=True, ignored_params=whole)


def _has_idle_weights(seat: Seat, rows: Batch) -> bool:
    """Whether a player owns weights that its loss does not hang on, at the start or at the end of a run."""
    for progress in (0.0, 1.0):
        # A copy: what measures its rows, such as a running mean, must not hear of these.
        trial = copy.deepcopy(seat)
        with seeded(0):
            trial(rows, progress, 1.0).backward()
        if any(weight.grad is None for weight in trial.owned.values()):
            return True
    return False


def _let_threads_finish() -> None:
    """Free the interpreter's lock while gloo's threads let go of the last exchange's tensors.

    A thread that asks for the lock of an interpreter that is ending is ended in the midst of C++, which aborts
    the process: two in five runs on a busy machine, after all had been computed and written.
    """
    time.sleep(0.1)


@contextmanager
def world(device: torch.device | None = None) -> Iterator[World]:
    """The processes started by torchrun, or this one alone.

    Joins the process group when the environment names one, unless that was done before, and stays in it:
    a group that ends right after its last exchange may wait for ever for its own threads, and one that is
    joined anew may meet the addresses of the first.

    Arguments:
        device: to compute on; where None the process's own GPU if there is one, else the CPU.
    """
    rank, size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if device is None:
        local = int(os.environ.get("LOCAL_RANK", 0))
        device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    if size > 1 and not torch.distributed.is_initialized():
        if device.type == "cuda":  # untested: no machine with a GPU has run these lines
            torch.cuda.set_device(device)
            atexit.register(torch.distributed.destroy_process_group)
        else:
            atexit.register(_let_threads_finish)
        torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    with ExitStack() as quiet:
        if size > 1:
            # fully_shard warns of in-place changes to views that a part returns; nothing here makes any.
            quiet.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", message="FSDP2-wrapped module", category=UserWarning)
        yield World(rank, size, device)


def is_spread(tensor: Tensor) -> bool:
    """Whether every process has a part of it only."""
    from torch.distributed.tensor import DTensor

    return isinstance(tensor, DTensor)


def put_together(tensors: Mapping[str, Tensor], *, keep: bool) -> dict[str, Tensor]:
    """Whole tensors from sharded ones; every process must call it.

    Arguments:
        tensors: by name; those that are not sharded are taken as they are.
        keep: whether this process wants them; it gets nothing otherwise, and never holds more than one.
    """
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        full = tensor.full_tensor() if is_spread(tensor) else tensor  # type: ignore[attr-defined]
        if keep:
            found[name] = full
    return found


def spread_like(value: Tensor, pattern: Tensor) -> Tensor:
    """A whole tensor, known to every process, sharded as `pattern` is; untouched where that is whole."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(pattern, DTensor):
        return value
    return distribute_tensor(value, pattern.device_mesh, pattern.placements)
