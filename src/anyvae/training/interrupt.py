"""Ctrl-C that waits for the end of a step."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["interruptible"]


@contextmanager
def interruptible() -> Iterator[list[int]]:
    """Collects the first Ctrl-C, so that a step is never cut in half; a second one raises."""
    received: list[int] = []
    first = 0.0
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def handle(number: int, frame: Any) -> None:
        nonlocal first
        if not received:
            first = time.monotonic()
        elif time.monotonic() - first > 1.0:
            raise KeyboardInterrupt
        # Within a second it is the same Ctrl-C: torchrun passes on what the terminal has already sent to all.
        received.append(number)

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield received
    finally:
        signal.signal(signal.SIGINT, previous)
