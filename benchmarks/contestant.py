"""What a contestant is: something that takes a number of training steps and says how long they took."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

__all__ = ["Contestant", "InProcess"]


class Contestant(Protocol):
    """Takes training steps on demand; start-up and warm-up are not part of what it reports."""

    def run(self, steps: int) -> float:
        """Seconds that `steps` consecutive optimiser steps took."""

    def close(self) -> None:
        """Release what it holds."""


class InProcess:
    """A contestant that is one function called once a step.

    Arguments:
        step: takes one optimiser step.
        warm_up: steps taken before the first one is timed.
    """

    def __init__(self, step: Callable[[], object], warm_up: int = 5) -> None:
        self._step = step
        for _ in range(warm_up):
            step()

    def run(self, steps: int) -> float:
        """See `Contestant`."""
        started = time.perf_counter()
        for _ in range(steps):
            self._step()
        return time.perf_counter() - started

    def close(self) -> None:
        """Nothing to release."""
