"""Any weight or rate as a function of the fraction of training done."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

__all__ = ["Constant", "Cosine", "LinearRamp", "Schedule", "WarmupCosine", "as_schedule"]


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

    >>> as_schedule(2.0)(0.7)
    2.0
    """
    return value if isinstance(value, Schedule) else Constant(float(value))
