"""Weights that follow a measured term: controllers with a state, saved with the run."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn

from anyvae.model import Trace
from anyvae.objectives.held import held_modules
from anyvae.objectives.objective import Objective

__all__ = ["GECO", "Controlled", "Controller", "PIController", "controllers_of"]


class Controller(nn.Module, ABC):
    """A weight that is moved once a training step by the mean of what was measured in it.

    Its state is in buffers, so that a checkpoint holds it. `fit` calls `step` after every step, with the mean
    over the rows of all processes; a loop of your own calls it for each of `controllers_of(objective)`.

    Arguments:
        start: first weight.
    """

    weight: Tensor

    def __init__(self, start: float) -> None:
        super().__init__()
        self.register_buffer("weight", torch.tensor(start, dtype=torch.float64))
        # Sum and number of rows since the last step. No buffer: each process has its own.
        self._seen: Tensor | None = None

    def note(self, measured: Tensor) -> None:
        """Take down one measured number per row, shape (B,)."""
        measured = measured.detach().double()
        seen = torch.stack([measured.sum(), measured.new_tensor(len(measured))])
        self._seen = seen if self._seen is None else self._seen + seen

    def forget(self) -> None:
        """Drop what was taken down since the last step."""
        self._seen = None

    def step(self, total: Callable[[Tensor], Tensor] = lambda seen: seen) -> None:
        """Move the weight by what was measured since the last step; nothing was: it stays.

        Arguments:
            total: sums a tensor over processes.
        """
        seen = self.weight.new_zeros(2) if self._seen is None else self._seen
        measured, rows = total(seen).tolist()
        self.forget()
        if rows:
            self.weight.fill_(self._moved(measured / rows))

    @abstractmethod
    def _moved(self, measured: float) -> float:
        """The new weight, from the mean of the step."""


@final
class PIController(Controller):
    r"""The weight of a cost that holds the cost at a target, by proportional and integral control.

    .. math::

        e_t = target - cost_t, \quad weight_t = low + \frac{proportional}{1 + \exp(e_t)} + I_t, \quad
        I_t = I_{t-1} - integral \, e_t

    The sum I stops where the weight meets a limit, so that it never has to be unwound.
    Source: ControlVAE: Controllable Variational Autoencoder (Shao et al., 2020).

    Arguments:
        target: of the cost, nats for a KL.
        proportional: weight that a cost far above the target adds at once.
        integral: weight added per step and unit that the cost lies above the target.
        low, high: limits of the weight; a target below what weight 1 gives needs a weight above 1.

    Raises:
        ValueError: for a negative gain, or limits that are not 0 <= low < high.

    >>> from anyvae.objectives import KL, LogLikelihood
    >>> objective = LogLikelihood() - Controlled(KL(), PIController(target=20.0))
    """

    accumulated: Tensor

    def __init__(
        self,
        target: float,
        *,
        proportional: float = 0.01,
        integral: float = 0.001,
        low: float = 0.0,
        high: float = 100.0,
    ) -> None:
        super().__init__(low)
        if not (math.isfinite(target) and proportional >= 0.0 and integral >= 0.0):
            raise ValueError(
                f"PIController got target={target}, proportional={proportional}, integral={integral}; "
                "wanted a finite target and gains >= 0."
            )
        _check_limits(self, low, high)
        self.target = target
        self.proportional = proportional
        self.integral = integral
        self.low = low
        self.high = high
        self.register_buffer("accumulated", torch.zeros((), dtype=torch.float64))

    def extra_repr(self) -> str:
        """The settings."""
        return _settings(self, "target", "proportional", "integral", "low", "high")

    def _moved(self, measured: float) -> float:
        error = self.target - measured
        summed = float(self.accumulated) - self.integral * error
        self.accumulated.fill_(min(max(summed, 0.0), self.high - self.low))
        at_once = self.proportional / (1.0 + math.exp(min(error, 700.0)))
        return min(self.high, self.low + at_once + float(self.accumulated))


@final
class GECO(Controller):
    r"""The weight of a gain that keeps the gain at a target or above it: a Lagrange multiplier.

    .. math::

        a_t = momentum \, a_{t-1} + (1 - momentum) \, gain_t, \quad
        weight_t = weight_{t-1} \exp(speed \, (target - a_t))

    What else is maximised is maximised as far as the constraint lets it: `Controlled(LogLikelihood(), GECO(target))
    - KL()` finds the smallest KL with this log-likelihood. For a cost, control its negative.
    Source: Taming VAEs (Rezende and Viola, 2018).

    Arguments:
        target: smallest mean gain, nats for a log-likelihood.
        speed: of the logarithm of the weight, per step and unit of the gap.
        momentum: of the moving average of the gain, in [0, 1).
        low, high: limits of the weight.
        start: first weight.

    Raises:
        ValueError: for a speed that is not positive, a momentum outside [0, 1), or limits without the start.
    """

    average: Tensor

    def __init__(
        self,
        target: float,
        *,
        speed: float = 0.001,
        momentum: float = 0.9,
        low: float = 1e-4,
        high: float = 1e4,
        start: float = 1.0,
    ) -> None:
        super().__init__(start)
        if not (math.isfinite(target) and speed > 0.0 and 0.0 <= momentum < 1.0):
            raise ValueError(
                f"GECO got target={target}, speed={speed}, momentum={momentum}; wanted a finite target, a positive "
                "speed and a momentum in [0, 1)."
            )
        _check_limits(self, low, high)
        if not (low > 0.0 and low <= start <= high):
            raise ValueError(
                f"GECO got start={start}, low={low}, high={high}; wanted 0 < low <= start <= high."
            )
        self.target = target
        self.speed = speed
        self.momentum = momentum
        self.low = low
        self.high = high
        self.start = start
        self.register_buffer("average", torch.tensor(math.nan, dtype=torch.float64))

    def extra_repr(self) -> str:
        """The settings."""
        return _settings(self, "target", "speed", "momentum", "low", "high", "start")

    def _moved(self, measured: float) -> float:
        before = float(self.average)
        if not math.isnan(before):
            measured = self.momentum * before + (1.0 - self.momentum) * measured
        self.average.fill_(measured)
        # In logarithms: a wild first gain must not overflow.
        wanted = math.log(float(self.weight)) + self.speed * (self.target - measured)
        return math.exp(min(max(wanted, math.log(self.low)), math.log(self.high)))


@final
class Controlled(Objective):
    r"""A term times the weight of a controller that watches this very term.

    .. math:: weight_t \cdot term

    The weight moves with training steps only; no gradient goes through it.

    Arguments:
        term: measured and weighed.
        controller: a module, whose state a run saves.
    """

    def __init__(self, term: Objective, controller: Controller) -> None:
        super().__init__(term.samples, enumerate=term.enumerate, draws=term.draws)
        self.term = term
        self.controller = controller
        self.pathwise = term.pathwise

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`."""
        value = self.term.of(trace, progress)
        if torch.is_grad_enabled() and trace.model.training:
            self.controller.note(value)
        # A copy: the buffer changes in place, maybe before the gradient is taken.
        return self.controller.weight.to(value, copy=True) * value


def controllers_of(*objectives: Objective) -> list[Controller]:
    """The controllers inside objectives, each once."""
    return [module for module in held_modules(*objectives) if isinstance(module, Controller)]


def _check_limits(controller: Controller, low: float, high: float) -> None:
    if not 0.0 <= low < high < math.inf:
        raise ValueError(f"{type(controller).__name__} got low={low}, high={high}; wanted 0 <= low < high.")


def _settings(controller: Controller, *names: str) -> str:
    return ", ".join(f"{name}={getattr(controller, name)}" for name in names)
