"""Ctrl-C, kill -9, and threads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from training_examples import Log, Trip, at_step, differing, press_ctrl_c, real_rows, tiny, weights

from anyvae.training import Interrupted, fit, load_tensors


def test_ctrl_c_ends_a_step_writes_and_gives_the_handler_back(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    before = signal.getsignal(signal.SIGINT)
    model, log = tiny(), Log("log")
    Trip.action = at_step(7, 30, press_ctrl_c)
    with pytest.raises(Interrupted, match="after step 7") as caught:
        fit(model, real_rows(), steps=30, learning_rate=Trip(), checkpoint=path, callbacks=[log])
    assert (caught.value.step, caught.value.checkpoint) == (7, path)
    assert signal.getsignal(signal.SIGINT) is before
    assert log.into[-1] == "log closed"
    saved = {
        name.removeprefix("model."): t
        for name, t in load_tensors(path)[0].items()
        if name.startswith("model.")
    }
    assert differing(saved, weights(model)) == []


def test_ctrl_c_from_a_callback_without_a_checkpoint() -> None:
    class Press(Log):
        def on_evaluation(self, evaluation: object) -> None:
            press_ctrl_c()

    with pytest.raises(Interrupted) as caught:
        fit(tiny(), real_rows(), steps=20, evaluations=4, callbacks=[Press()])
    assert (caught.value.step, caught.value.checkpoint) == (5, None)


def test_same_ctrl_c_may_arrive_twice(tmp_path: Path) -> None:
    """torchrun passes on what the terminal has already sent to every process."""

    def twice() -> None:
        press_ctrl_c()
        press_ctrl_c()

    Trip.action = at_step(3, 20, twice)
    with pytest.raises(Interrupted):
        fit(tiny(), real_rows(), steps=20, learning_rate=Trip(), checkpoint=tmp_path / "c.safetensors")
    assert load_tensors(tmp_path / "c.safetensors")[1]["step"] == 3


def test_second_ctrl_c_a_while_later_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("anyvae.training.run.time.monotonic", lambda: clock[0])
    before = signal.getsignal(signal.SIGINT)

    def twice() -> None:
        press_ctrl_c()
        clock[0] += 1.5
        press_ctrl_c()

    Trip.action = at_step(3, 20, twice)
    with pytest.raises(KeyboardInterrupt):
        fit(tiny(), real_rows(), steps=20, learning_rate=Trip())
    assert signal.getsignal(signal.SIGINT) is before


def test_fit_in_a_thread_gives_the_same_weights() -> None:
    expected, model = tiny(), tiny()
    fit(expected, real_rows(), steps=20, seed=5)
    before = signal.getsignal(signal.SIGINT)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            fit(model, real_rows(), steps=20, seed=5)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert failures == []
    assert signal.getsignal(signal.SIGINT) is before
    assert differing(weights(expected), weights(model)) == []


def test_killed_at_random_moments_it_still_ends_with_the_same_weights(tmp_path: Path) -> None:
    script = Path(__file__).with_name("killed_runs.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    found = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    assert found.returncode == 0, found.stderr
    report = json.loads(found.stdout.splitlines()[-1])
    assert report["kills"] == 5, report  # each of them hit a run that was under way
    assert report["resumed_at"] == sorted(report["resumed_at"])
    assert report["resumed_at"][-1] > 0
    killed, whole = (load_tensors(tmp_path / f"{name}.safetensors")[0] for name in ("killed", "whole"))
    assert differing(whole, killed) == []
    assert {path.name for path in tmp_path.iterdir()} == {"killed.safetensors", "whole.safetensors"}, "litter"
