"""The bounds that are followed over a run, and the weights that they chose."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import final

import torch
from torch import Tensor

from anyvae.inference import evaluate_bound
from anyvae.inference.likelihood import Bound
from anyvae.model import Batch, LatentVariableModel
from anyvae.training.data import TensorData
from anyvae.training.events import Evaluation

__all__ = ["WATCHED_ROWS", "Watch"]

WATCHED_ROWS = 2000
"""Training rows whose bound is followed beside the validation bound."""

_TOLD_APART = 0.5
"""Standard errors of the mean difference: more, and the rows are taken to mean it."""


@final
class Watch:
    """Rows of a run whose bound is followed, what was seen of them, and the best weights so far.

    Arguments:
        training: rows that are fitted, of which some are followed.
        validation: rows whose bound chooses the weights; where there are none, the last weights are kept: a bound
            on training rows would choose over-fit.
        generator: chooses the training rows.
        summed: discrete latents that are summed over.
        keep_last: the last weights are kept, whatever the bound.
    """

    def __init__(
        self,
        training: TensorData,
        validation: TensorData | None,
        *,
        generator: torch.Generator,
        summed: Sequence[str],
        keep_last: bool,
    ) -> None:
        chosen = torch.randperm(len(training), generator=generator)[:WATCHED_ROWS].sort().values
        self.training: Batch = training.fixed(chosen)
        self.validation: Batch | None = None if validation is None else validation.fixed()
        self.keep_last = keep_last or validation is None
        self._summed = summed
        self._bounded = True
        self._rows = torch.zeros(0)
        self.best_step = 0
        self.best_bound = -math.inf
        self.best_rows = torch.zeros(0)
        self.best: dict[str, Tensor] = {}
        self.history: list[Evaluation] = []

    @property
    def deciding(self) -> Batch:
        """The rows whose bound tells how the run goes."""
        return self.training if self.validation is None else self.validation

    def look(
        self, model: LatentVariableModel, step: int, epoch: float, seconds: float, rate: float
    ) -> Evaluation:
        """The bounds of the model as it stands; NaN where it has none, and nothing hangs on it.

        Raises:
            ValueError: for a model without a bound, where the bound is to choose the weights.
        """
        seen, held = self._bound_of(model, self.training), self._bound_of(model, self.validation)
        self._rows = torch.zeros(0) if held is None else held.elbo.double().cpu()
        self._bounded = seen is not None
        train = math.nan if seen is None else seen.elbo.mean().item()
        held_elbo = held_fit = held_kl = math.nan
        if held is not None:
            held_elbo, held_fit = held.elbo.mean().item(), held.log_likelihood.mean().item()
            held_kl = sum((part.mean().item() for part in held.kl.values()), 0.0)
        return Evaluation(step, epoch, seconds, train, held_elbo, held_fit, held_kl, rate)

    def sound(self, evaluation: Evaluation) -> bool:
        """Whether the bound that tells how the run goes is a finite number, or there is none to tell."""
        return not self._bounded or math.isfinite(self._bound(evaluation))

    def take(
        self, evaluation: Evaluation, state: Callable[[], dict[str, Tensor]], *, warming: bool = False
    ) -> None:
        """Remember what was seen, and a copy of the weights if they are those to keep.

        The latest are kept that the validation rows do not tell from the best: a few dozen rows may prefer weights
        from early in the run by chance, and training rows have it that later ones are better. Weights from a time in
        which another objective was climbed are kept until there are later ones.

        Arguments:
            evaluation: of these weights.
            state: their tensors; asked for only where they are kept.
            warming: whether the weights of the objective still rise.
        """
        self.history.append(evaluation)
        bound = self._bound(evaluation)
        better = bound > self.best_bound
        if warming or self.keep_last or better or self._told_apart_by() <= _TOLD_APART:
            self.best_step = evaluation.step
            self.best = {name: tensor.clone() for name, tensor in state().items()}
        if not warming and (self.keep_last or better):
            self.best_bound, self.best_rows = bound, self._rows

    def stale(self, step: int) -> int:
        """Steps since the weights that are kept; none where every look keeps them."""
        return step - self.best_step

    def _told_apart_by(self) -> float:
        """How many standard errors, row by row, the best bound lies above that of the last look."""
        if len(self.best_rows) < 2:
            return math.inf
        lost = self.best_rows - self._rows
        error = lost.std() / math.sqrt(len(lost))
        return float(lost.mean() / error) if error > 0 else math.inf

    def _bound(self, evaluation: Evaluation) -> float:
        return evaluation.train_elbo if self.validation is None else evaluation.validation_elbo

    def _bound_of(self, model: LatentVariableModel, rows: Batch | None) -> Bound | None:
        if rows is None:
            return None
        try:
            return evaluate_bound(model, rows, enumerate=self._summed)
        except NotImplementedError as error:
            if self.keep_last:
                return None
            raise ValueError(
                f"no bound can choose the weights: {error} Then pass keep_last=True to fit."
            ) from error
