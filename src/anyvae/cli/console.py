"""What is said while a command works, and to whom."""

from __future__ import annotations

import math
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anyvae.training import Callback

__all__ = ["first_process", "note", "progress_bar", "say", "warnings_noted"]


def first_process() -> bool:
    """Whether this process speaks and writes: of those that torchrun started only the first does."""
    return os.environ.get("RANK", "0") == "0"


def say(message: str) -> None:
    """A sentence that is what the command is for, on standard output."""
    if first_process():
        print(message, flush=True)


def note(message: str) -> None:
    """A sentence beside the results, on standard error."""
    if first_process():
        print(f"anyvae: {message}", file=sys.stderr, flush=True)


@contextmanager
def warnings_noted() -> Iterator[None]:
    """Within it, warnings of values that are read as missing are notes, without the line of code they come from."""
    with warnings.catch_warnings():
        otherwise = warnings.showwarning

        def show(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
            from anyvae.data import UnseenWarning

            if issubclass(category, UnseenWarning):
                note(str(message))
            else:
                otherwise(message, category, *where, **more)

        warnings.showwarning = show
        yield


def progress_bar() -> Callback | None:
    """A bar with bound, steps a second and time left; None where standard error is no terminal."""
    if not first_process() or not sys.stderr.isatty():
        return None
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from anyvae.training import Callback
    from anyvae.training import Progress as Standing

    bar = Progress(
        TextColumn("training"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[standing]}"),
        console=Console(stderr=True),
        transient=True,
    )

    class Bar(Callback):
        def __init__(self) -> None:
            self._task: Any = None
            self._last = (0, time.perf_counter())

        def on_progress(self, progress: Standing) -> None:
            if self._task is None:
                bar.start()
                self._task = bar.add_task("", total=progress.steps, standing="")
            (step, before), now = self._last, time.perf_counter()
            self._last = (progress.step, now)
            rate = (progress.step - step) / max(now - before, 1e-9)
            bar.update(self._task, completed=progress.step, standing=standing(progress, rate))

        def close(self) -> None:
            bar.stop()

    return Bar()


def standing(progress: Any, steps_per_second: float) -> str:
    """Bound, rate and time left, in a few words.

    >>> from anyvae.training import Progress
    >>> standing(Progress(100, 400, 5000.0, 75.2, -130.0, -121.44), 50.0)
    'bound -121.4 nats · 50 steps/s · 1:15 left'
    """
    bound = progress.objective if math.isnan(progress.bound) else progress.bound
    word = "objective" if math.isnan(progress.bound) else "bound"
    seconds = round(progress.seconds_left)
    hours = f"{seconds // 3600}:{seconds // 60 % 60:02}" if seconds >= 3600 else f"{seconds // 60}"
    return f"{word} {bound:.4g} nats · {steps_per_second:.3g} steps/s · {hours}:{seconds % 60:02} left"
