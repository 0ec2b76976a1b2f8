"""What the loop tells others: evaluations, progress, and the errors that end a run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

__all__ = ["Callback", "Evaluation", "Interrupted", "NonFiniteError", "Progress", "TensorBoard"]


@final
@dataclass(frozen=True)
class Evaluation:
    """One line of the history: bounds at beta = 1, in nats per row.

    Arguments:
        step, epoch: done so far.
        seconds: of training so far, over all resumed parts.
        train_elbo: on a fixed part of the training rows.
        validation_elbo, validation_log_likelihood, validation_kl: on the validation rows; NaN without them.
        learning_rate: at this step, of the first player.
    """

    step: int
    epoch: float
    seconds: float
    train_elbo: float
    validation_elbo: float
    validation_log_likelihood: float
    validation_kl: float
    learning_rate: float

    def as_dict(self) -> dict[str, float]:
        """Field by field."""
        return asdict(self)


@final
@dataclass(frozen=True)
class Progress:
    """Where the run stands.

    Arguments:
        step, steps: done and planned.
        rows_per_second: training rate since the last report.
        seconds_left: an estimate from the rate and the time limit.
        objective: running mean of the first player's objective, nats per row.
        bound: last validation bound, NaN before the first.
    """

    step: int
    steps: int
    rows_per_second: float
    seconds_left: float
    objective: float
    bound: float


class Callback:
    """Told what happens; every method does nothing unless overridden."""

    def on_progress(self, progress: Progress) -> None:
        """A few times a second."""

    def on_evaluation(self, evaluation: Evaluation) -> None:
        """After every evaluation."""

    def close(self) -> None:
        """At the end of the run, however it ended."""


@final
class TensorBoard(Callback):
    """Writes evaluations as TensorBoard scalars.

    Arguments:
        directory: of the event file.

    Raises:
        ModuleNotFoundError: where tensorboard is not installed, with the command that does it.
    """

    def __init__(self, directory: Path) -> None:
        try:
            import torch.utils.tensorboard  # noqa: F401
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "TensorBoard logging needs the package tensorboard; pip install 'anyvae[tensorboard]'."
            ) from error
        self._directory = directory
        self._writer: Any = None

    def on_evaluation(self, evaluation: Evaluation) -> None:
        """See `Callback`."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            # Only now: of several processes one is told of evaluations, and only that one may leave a file.
            self._writer = SummaryWriter(str(self._directory))
        for name, value in evaluation.as_dict().items():
            if name != "step":
                self._writer.add_scalar(name, value, evaluation.step)

    def close(self) -> None:
        """See `Callback`."""
        if self._writer is not None:
            self._writer.close()


@final
class Interrupted(Exception):
    """The run was interrupted between two steps, after its checkpoint was written."""

    def __init__(self, step: int, checkpoint: Path | None) -> None:
        self.step = step
        self.checkpoint = checkpoint
        super().__init__(f"interrupted after step {step}")


@final
class NonFiniteError(ArithmeticError):
    """A loss that is not finite: the step, the part of the model, and the cell where one is to blame."""

    def __init__(self, step: int, part: str, checkpoint: Path | None) -> None:
        self.step = step
        self.part = part
        kept = " The last good checkpoint is kept." if checkpoint is not None else ""
        super().__init__(
            f"the loss is not finite at step {step}: {part}. "
            f"Try a lower learning rate, or look at that column.{kept}"
        )
