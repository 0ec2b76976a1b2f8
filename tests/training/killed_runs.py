"""Fits the same run in forked processes that are killed at random moments, then once undisturbed.

A script for `test_fit_interrupt.py`: it forks, which is safe only in a process of one thread.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from training_examples import grey_rows, tiny

from anyvae.training import TensorData, fit, load_tensors

STEPS = 300


def run(path: Path | None, resume: bool, steps: int = STEPS) -> None:
    data = TensorData({"x": grey_rows()}, ["x"])
    model = tiny(dropout=0.2, binary=True)
    fit(
        model, data, validation=grey_rows(20, seed=1).round(), steps=steps, batch_size=11, evaluations=100,
        patience=1.0, checkpoint=path, resume=resume,
    )  # fmt: skip


def child(path: Path, resume: bool) -> int:
    process = os.fork()
    if process == 0:
        code = 1
        try:
            run(path, resume)
            code = 0
        finally:
            os._exit(code)
    return process


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    run(None, False, steps=1)  # imports what a first step imports, so that the children start with training
    path, kills, resumed_at = folder / "killed.safetensors", 0, []
    started = time.monotonic()
    assert os.waitpid(child(folder / "whole.safetensors", False), 0)[1] == 0
    seconds = time.monotonic() - started
    moments = random.Random(7)
    for _ in range(5):
        process = child(path, True)
        time.sleep(moments.uniform(0.03, 0.14) * seconds)
        os.kill(process, signal.SIGKILL)
        kills += os.WTERMSIG(os.waitpid(process, 0)[1]) == signal.SIGKILL
        resumed_at.append(load_tensors(path)[1]["step"] if path.exists() else 0)
    assert os.waitpid(child(path, True), 0)[1] == 0
    print(json.dumps({"kills": kills, "resumed_at": resumed_at, "seconds": seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
