"""Any weight or rate as a function of the fraction of training done."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Real
from typing import final

from anyvae.wants import wants

__all__ = ["Constant", "Cosine", "Cyclic", "LinearRamp", "Schedule", "Sigmoid", "WarmupCosine", "as_schedule"]


class Schedule(ABC):
    """A number that depends on the fraction of training done, never on the number of an epoch.

    A weight that reaches its end at half the run does so for 100 rows as for 10 million.
    """

    @abstractmethod
    def __call__(self, progress: float) -> float:
        """The value at `progress` in [0, 1]."""


@final
@dataclass(frozen=True)
class Constant(Schedule):
    """Always `value`.

    >>> Constant(4.0)(0.3)
    4.0
    """

    value: float

    def __call__(self, progress: float) -> float:
        """See `Schedule`."""
        return self.value


@final
@dataclass(frozen=True)
class LinearRamp(Schedule):
    r"""From `start` to `end` in a straight line until the fraction `until`, then `end`.

    Arguments:
        start, end: first and last value.
        until: fraction of training at which the end is reached, in (0, 1].

    Raises:
        ValueError: when `until` lies outside (0, 1], so that the end would never be reached.

    >>> [LinearRamp(0.0, 1.0, until=0.5)(progress) for progress in (0.0, 0.25, 0.5, 1.0)]
    [0.0, 0.5, 1.0, 1.0]
    """

    start: float
    end: float
    until: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.until <= 1.0:
            raise ValueError(f"LinearRamp got until={self.until}; wanted a fraction of the run in (0, 1].")

    def __call__(self, progress: float) -> float:
        """See `Schedule`."""
        return self.start + (self.end - self.start) * min(1.0, progress / self.until)


@final
@dataclass(frozen=True)
class Cosine(Schedule):
    """From `start` to `end` along half a cosine.

    >>> [round(Cosine(1.0, 0.0)(progress), 3) for progress in (0.0, 0.5, 1.0)]
    [1.0, 0.5, 0.0]
    """

    start: float
    end: float

    def __call__(self, progress: float) -> float:
        """See `Schedule`."""
        return self.end + 0.5 * (self.start - self.end) * (1.0 + math.cos(math.pi * min(1.0, progress)))


@final
@dataclass(frozen=True)
class Sigmoid(Schedule):
    r"""From `start` to `end` along a logistic curve.

    .. math:: start + (end - start) \frac{\sigma((t - middle) / width) - \sigma(-middle / width)}{
        \sigma((1 - middle) / width) - \sigma(-middle / width)}

    The curve is stretched so that it begins at `start` and ends at `end` exactly.
    Source: Generating Sentences from a Continuous Space (Bowman et al., 2016).

    Arguments:
        start, end: first and last value.
        middle: fraction of training at which it is steepest, in [0, 1].
        width: fraction of training over which it rises by a factor e in odds.

    Raises:
        ValueError: when `middle` lies outside [0, 1], or `width` is not positive.

    >>> [round(Sigmoid(0.0, 2.0)(progress), 3) for progress in (0.0, 0.4, 0.5, 1.0)]
    [0.0, 0.238, 1.0, 2.0]
    """

    start: float
    end: float
    middle: float = 0.5
    width: float = 0.05

    def __post_init__(self) -> None:
        if not (0.0 <= self.middle <= 1.0 and self.width > 0.0):
            raise ValueError(
                f"Sigmoid got middle={self.middle}, width={self.width}; wanted fractions of the run, the middle in "
                "[0, 1] and the width positive."
            )

    def __call__(self, progress: float) -> float:
        """See `Schedule`."""
        first, last = self._curve(0.0), self._curve(1.0)
        done = (self._curve(min(1.0, progress)) - first) / (last - first)
        return self.start + (self.end - self.start) * done

    def _curve(self, progress: float) -> float:
        return 0.5 + 0.5 * math.tanh(0.5 * (progress - self.middle) / self.width)


@final
@dataclass(frozen=True)
class Cyclic(Schedule):
    r"""From `start` to `end` in a straight line, held there, and again from the start, several times.

    Source: Cyclical Annealing Schedule (Fu et al., 2019).

    Arguments:
        start, end: of every cycle; the run ends at `end`.
        cycles: how many.
        rise: fraction of a cycle over which the value rises, in (0, 1].

    Raises:
        ValueError: for fewer cycles than one, or a rise outside (0, 1].

    >>> [Cyclic(0.0, 1.0, cycles=2)(progress) for progress in (0.0, 0.125, 0.25, 0.4, 0.5, 0.625, 1.0)]
    [0.0, 0.5, 1.0, 1.0, 0.0, 0.5, 1.0]
    """

    start: float
    end: float
    cycles: int = 4
    rise: float = 0.5

    def __post_init__(self) -> None:
        if not (self.cycles >= 1 and 0.0 < self.rise <= 1.0):
            raise ValueError(
                f"Cyclic got cycles={self.cycles}, rise={self.rise}; wanted at least one cycle, and a fraction of it "
                "in (0, 1]."
            )

    def __call__(self, progress: float) -> float:
        """See `Schedule`."""
        place = progress * self.cycles % 1.0 if progress < 1.0 else 1.0
        return self.start + (self.end - self.start) * min(1.0, place / self.rise)


@final
@dataclass(frozen=True)
class WarmupCosine(Schedule):
    r"""A learning rate: a straight line up to `peak`, then half a cosine down to `peak * final`.

    Arguments:
        peak: largest value.
        warmup: fraction of training over which it rises, in [0, 1).
        final: what is left at the end, as a part of the peak.

    >>> [round(WarmupCosine(0.1, warmup=0.5)(progress), 3) for progress in (0.25, 0.5, 0.75)]
    [0.05, 0.1, 0.05]
    """

    peak: float
    warmup: float = 0.03
    final: float = 0.005

    def __post_init__(self) -> None:
        if not 0.0 <= self.warmup < 1.0:
            raise ValueError(
                f"WarmupCosine got warmup={self.warmup}; wanted a fraction of the run in [0, 1)."
            )

    def __call__(self, progress: float) -> float:
        """See `Schedule`."""
        if progress < self.warmup:
            return self.peak * progress / self.warmup
        done = (progress - self.warmup) / (1.0 - self.warmup)
        return Cosine(self.peak, self.peak * self.final)(done)


def as_schedule(value: float | Schedule) -> Schedule:
    """A schedule from a number or a schedule.

    Raises:
        TypeError: when it is neither.

    >>> as_schedule(2.0)(0.7)
    2.0
    """
    wants((Schedule, Real), value, "a weight", "a number, or a schedule such as LinearRamp(0.0, 1.0)")
    return value if isinstance(value, Schedule) else Constant(float(value))
