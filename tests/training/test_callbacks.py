"""Callbacks: who is told what, in which order, and that they are closed however a run ends."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest
import torch
from training_examples import Log, differing, real_rows, tiny, weights

from anyvae.training import Callback, Evaluation, NonFiniteError, Player, Progress, TensorBoard, fit


def test_told_in_their_order_and_closed_in_their_order() -> None:
    said: list[str] = []
    result = fit(tiny(), real_rows(), steps=4, evaluations=2, callbacks=[Log("a", said), Log("b", said)])
    assert said == ["a at 2", "b at 2", "a at 4", "b at 4", "a closed", "b closed"]
    assert [line.step for line in result.history] == [2, 4]


class Draws(Log):
    def on_evaluation(self, evaluation: Evaluation) -> None:
        torch.randn(3)

    def on_progress(self, progress: Progress) -> None:
        torch.randn(3)


def test_what_a_callback_draws_is_no_part_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    # Always time to report.
    monkeypatch.setattr("anyvae.training.run.time.perf_counter", iter(range(10**6)).__next__)
    models = [tiny(), tiny()]
    for model, callbacks in zip(models, ([], [Draws()]), strict=True):
        fit(model, real_rows(), steps=6, evaluations=3, callbacks=callbacks)
    assert differing(*map(weights, models)) == []


def test_told_what_the_history_holds() -> None:
    log = Log()
    result = fit(
        tiny(), real_rows(), validation=real_rows(20, seed=1), steps=6, evaluations=3, callbacks=[log]
    )
    assert tuple(log.evaluations) == result.history


class Breaks(Log):
    def on_evaluation(self, evaluation: Evaluation) -> None:
        raise RuntimeError("the disk of the log is full")


class BreaksAtTheEnd(Log):
    def close(self) -> None:
        super().close()
        raise RuntimeError("cannot close")


def test_closed_when_one_of_them_fails() -> None:
    said: list[str] = []
    with pytest.raises(RuntimeError, match="disk of the log"):
        fit(
            tiny(),
            real_rows(),
            steps=4,
            evaluations=4,
            callbacks=[Log("a", said), Breaks("b", said), Log("c", said)],
        )
    assert said == ["a at 1", "a closed", "b closed", "c closed"]


def test_closed_when_closing_fails() -> None:
    said: list[str] = []
    model = tiny()
    with pytest.raises(RuntimeError, match="cannot close"):
        fit(model, real_rows(), steps=1, callbacks=[BreaksAtTheEnd("a", said), Log("b", said)])
    assert said[-2:] == ["a closed", "b closed"]
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_closed_when_the_loss_is_not_finite_and_when_the_run_never_starts() -> None:
    model, said = tiny(), []
    with torch.no_grad():
        model.get_parameter("generative.x.free.raw_scale").fill_(torch.nan)
    with pytest.raises(NonFiniteError):
        fit(model, real_rows(), steps=4, callbacks=[Log("a", said)])
    assert said == ["a closed"]
    with pytest.raises(ValueError, match="kritik"):
        fit(tiny(), real_rows(), players=[Player(parts=["kritik"])], callbacks=[Log("b", said)])
    assert said == ["a closed", "b closed"]


def test_progress_a_few_times_a_second_with_an_honest_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that moves by 0.05 s whenever somebody looks."""
    clock = [0.0]

    def tick() -> float:
        clock[0] += 0.05
        return clock[0]

    monkeypatch.setattr("anyvae.training.run.time.perf_counter", tick)
    log = Log()
    result = fit(
        tiny(), real_rows(), validation=real_rows(9), steps=40, batch_size=10, evaluations=4, callbacks=[log]
    )
    assert 4 <= len(log.progress) <= 40 * 2 * 0.05 / 0.2
    assert [p.step for p in log.progress] == sorted({p.step for p in log.progress})
    # Two looks a step: 0.1 s for 10 rows, or a last batch of one.
    assert all(50 <= p.rows_per_second <= 101 for p in log.progress)
    first, last = log.progress[0], log.progress[-1]
    assert first.steps == 40
    assert math.isnan(first.bound)
    bounds = {line.step: line.validation_elbo for line in result.history}
    assert last.bound == bounds[last.step // 10 * 10]
    assert first.seconds_left == pytest.approx((40 - first.step) * 10 / first.rows_per_second)
    assert last.seconds_left < first.seconds_left
    assert -30 < first.objective < 0


def test_no_callback_and_the_base_do_nothing() -> None:
    fit(tiny(), real_rows(), steps=2, callbacks=[Callback()])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_holds_the_history(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the package tensorboard is not installed")
    board = TensorBoard(tmp_path / "events")
    assert not (tmp_path / "events").exists()  # a process that is told of nothing leaves no file
    result = fit(tiny(), real_rows(), validation=real_rows(9), steps=6, evaluations=3, callbacks=[board])
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    names = set(result.history[0].as_dict()) - {"step"}
    assert set(events.Tags()["scalars"]) == names
    for name in names:
        found = [(event.step, event.value) for event in events.Scalars(name)]
        wanted = [(line.step, pytest.approx(line.as_dict()[name], rel=1e-6)) for line in result.history]
        assert found == wanted


def test_missing_tensorboard_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'anyvae\[tensorboard\]'"):
        TensorBoard(tmp_path)
