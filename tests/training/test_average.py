"""The average that a run keeps: its profile, what it gains, and that it is resumed and never looked into being."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from training_examples import differing, real_rows, tiny, weights

from anyvae.inference import evaluate_bound
from anyvae.objectives import Constant
from anyvae.training import fit, load_tensors
from anyvae.training.average import Average


def averaged(lag: float, steps: int, every: int = 1) -> float:
    """The average of weights that are the number of their step."""
    weight = nn.Parameter(torch.zeros((), dtype=torch.float64))
    average = Average({"w": weight}, lag)
    for step in range(1, steps + 1):
        weight.data.fill_(float(step))
        if step % every == 0:
            average.update(step)
    with average.in_place(steps):
        return float(weight.detach())


@pytest.mark.parametrize("lag", [0.02, 0.05, 0.2, 0.4])
def test_the_mean_age_is_the_lag_at_any_time(lag: float) -> None:
    for steps in (2000, 20_000):
        # A sum over steps in place of an integral: half a step more.
        assert averaged(lag, steps) == pytest.approx((1.0 - lag) * steps + 0.5, abs=0.51)


def test_updates_that_lie_apart_make_the_same_profile() -> None:
    # What lies between two updates counts as the later one: half of seven steps, at most.
    assert averaged(0.05, 4000, every=8) == pytest.approx(averaged(0.05, 4000), abs=3.6)


def test_the_start_is_forgotten_at_the_first_update() -> None:
    weight = nn.Parameter(torch.full((), 1e6, dtype=torch.float64))
    average = Average({"w": weight}, lag=0.3)
    weight.data.fill_(2.0)
    average.update(3)
    assert float(average.tensors["w"]) == 2.0


def test_looking_at_it_changes_neither_it_nor_the_weights() -> None:
    weight = nn.Parameter(torch.tensor(1.0))
    average = Average({"w": weight}, lag=0.1)
    average.update(8)
    weight.data.fill_(3.0)
    try:
        with average.in_place(11):
            assert 1.0 < float(weight.detach()) < 3.0
            raise InterruptedError
    except InterruptedError:
        pass
    assert float(weight.detach()) == 3.0
    assert (float(average.tensors["w"]), average.step) == (1.0, 8)


def test_no_lag_is_no_average() -> None:
    assert averaged(0.0, 10) == 10.0
    model = tiny()
    other = tiny()
    fit(model, real_rows(), steps=30, learning_rate=Constant(1e-2), average=0.0)
    fit(other, real_rows(), steps=30, learning_rate=Constant(1e-2), average=0.05)
    assert differing(weights(model), weights(other))


def test_a_rate_that_never_falls_is_made_up_for() -> None:
    """Rows of a normal: how far the bound stays below that of a long run whose rate has fallen."""
    x = real_rows(400)

    def bound(average: float, rate: float | Constant, steps: int) -> float:
        model = tiny()
        fit(model, x, steps=steps, learning_rate=rate, batch_size=40, average=average)
        return evaluate_bound(model, {"x": x}, samples=200).elbo.mean().item()

    best = bound(0.0, 1e-2, 1500)
    loose = [best - bound(average, Constant(3e-2), 800) for average in (0.0, 0.05)]
    assert loose[0] > 0.05
    assert loose[1] < 0.5 * loose[0]


def test_the_bound_that_is_told_is_that_of_the_weights_that_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    model, held = tiny(), real_rows(50, seed=1)
    options = {"learning_rate": Constant(3e-2), "keep_last": True, "checkpoint": path}
    result = fit(model, real_rows(), validation=held, steps=100, evaluations=4, **options)  # type: ignore[arg-type]
    assert result.history[-1].validation_elbo == evaluate_bound(model, {"x": held}).elbo.mean().item()
    kept = load_tensors(path)[0]
    for name, tensor in weights(model).items():
        assert torch.equal(kept[f"best.{name}"], tensor)
    learned = [name for name, _ in model.named_parameters()]
    assert all(not torch.equal(kept[f"model.{name}"], kept[f"best.{name}"]) for name in learned)


def test_what_no_player_learns_stays_to_the_bit() -> None:
    model = tiny()
    for parameter in model.generative["x"].parameters():
        parameter.requires_grad_(False)
    before = weights(model)
    fit(model, real_rows(), steps=50, learning_rate=1e-2)
    moved = differing(before, weights(model))
    assert moved
    assert all(name.startswith("inference") for name in moved)


@pytest.mark.parametrize("lag", [-0.1, 0.5, float("nan")])
def test_a_lag_that_is_none_is_refused(lag: float) -> None:
    with pytest.raises(ValueError, match="average"):
        Average({}, lag)
    with pytest.raises(ValueError, match="fit got average"):
        fit(tiny(), real_rows(), steps=5, average=lag)
