"""How long a run is, what it keeps, and that every option counts."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from training_examples import Log, Trip, differing, real_rows, tiny, weights

from anyvae.inference import evaluate_bound
from anyvae.objectives import ELBO, IWAE, Constant, LinearRamp, Schedule, WarmupCosine
from anyvae.training import FitResult, TensorData, default_batch_size, default_steps, fit, load_tensors


def overfit(**options: Any) -> tuple[Any, FitResult]:
    """Twelve rows and many weights: the validation bound soon falls."""
    model = tiny(hidden=32)
    options = {
        "validation": real_rows(200, seed=1),
        "learning_rate": Constant(2e-2),
        "batch_size": 12,
        **options,
    }
    return model, fit(model, real_rows(12), steps=300, evaluations=60, **options)


@pytest.mark.parametrize("patience", [0.1, 0.25])
def test_early_stopping_restores_the_best_weights(patience: float) -> None:
    model, result = overfit(patience=patience)
    bounds = {line.step: line.validation_elbo for line in result.history}
    assert result.ended == "patience"
    assert result.best_step == max(bounds, key=lambda step: bounds[step])
    assert evaluate_bound(model, {"x": real_rows(200, seed=1)}).elbo.mean().item() == max(bounds.values())
    assert max(bounds.values()) > bounds[result.steps]
    # The first evaluation, at every fifth step, by which more than the patience has passed.
    assert result.steps == result.best_step + int(patience * 300) + 5 < 300
    assert result.steps == result.history[-1].step


def test_patience_of_one_never_ends_a_run_but_still_chooses_the_weights() -> None:
    model, result = overfit(patience=1.0, average=0.0)
    assert (result.ended, result.steps) == ("steps", 300)
    assert result.best_step < 150
    best = max(line.validation_elbo for line in result.history)
    assert evaluate_bound(model, {"x": real_rows(200, seed=1)}).elbo.mean().item() == best


def test_patience_is_a_fraction_of_the_run() -> None:
    def stops_at(steps: int) -> tuple[int, int]:
        model = tiny()
        # Learning ends at once, so the first evaluation stays the best.
        rate = Sudden()
        result = fit(
            model,
            real_rows(),
            validation=real_rows(30, seed=1),
            steps=steps,
            evaluations=40,
            learning_rate=rate,
            average=0.0,
        )
        return result.best_step, result.steps

    assert stops_at(40) == (1, 10)  # more than 8 of 40 steps later
    assert stops_at(400) == (10, 100)


class Sudden(Schedule):
    """Learns nothing after the first fortieth."""

    def __call__(self, progress: float) -> float:
        return 1e-3 if progress < 1 / 40 else 0.0


def test_without_validation_the_last_weights_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    model, result = overfit(validation=None, average=0.0)
    assert (result.ended, result.best_step, result.steps) == ("steps", 300, 300)
    assert all(math.isnan(line.validation_elbo) for line in result.history)
    overfit(patience=1.0, checkpoint=path, average=0.0)
    last = {
        name.removeprefix("model."): t
        for name, t in load_tensors(path)[0].items()
        if name.startswith("model.")
    }
    assert differing(last, weights(model)) == []


def test_model_is_ready_for_use_afterwards() -> None:
    model = tiny(dropout=0.5)
    fit(model, real_rows(), steps=5)
    assert not model.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())


def test_minutes_end_the_run_and_the_learning_rate_has_decayed_by_then() -> None:
    started = time.perf_counter()
    log = Log("log")
    result = fit(
        tiny(), real_rows(), steps=10**7, minutes=0.01, learning_rate=1e-2, evaluations=1, callbacks=[log]
    )  # evaluations lie 10 million steps apart
    assert result.ended == "minutes"
    assert 0.6 <= result.seconds < 1.5
    assert time.perf_counter() - started < 5.0
    assert result.history[-1].step == result.steps == result.best_step
    assert result.history[-1].learning_rate < 0.03 * 1e-2
    assert log.progress[0].seconds_left < 0.6


def test_minutes_count_over_resumed_parts(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    options: dict[str, Any] = {"steps": 10**7, "minutes": 0.01, "checkpoint": path, "resume": True}
    seen: list[float] = []

    def stop(progress: float) -> None:
        if progress > 0.5:
            raise KeyboardInterrupt

    Trip.action = stop
    with pytest.raises(KeyboardInterrupt):
        fit(tiny(), real_rows(), learning_rate=Trip(), evaluations=10**6, **options)
    before = load_tensors(path)[1]["seconds"]
    assert before > 0.2
    Trip.action = seen.append
    result = fit(tiny(), real_rows(), learning_rate=Trip(), evaluations=10**6, **options)
    assert seen[0] >= before / 0.6
    assert 0.6 <= result.seconds < 1.5


def test_a_run_that_is_fast_enough_never_meets_its_minutes() -> None:
    first, second = tiny(), tiny()
    assert fit(first, real_rows(), steps=10, minutes=60.0).ended == "steps"
    fit(second, real_rows(), steps=10)
    for name, tensor in weights(
        first
    ).items():  # not to the bit: at the first step some microseconds have gone
        torch.testing.assert_close(tensor, weights(second)[name], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("steps", [20, 100])
def test_learning_rate_warms_up_and_decays_by_fractions_of_the_run(steps: int) -> None:
    result = fit(
        tiny(), real_rows(), steps=steps, evaluations=steps, learning_rate=WarmupCosine(0.1, 0.25, 0.01)
    )
    rates = [line.learning_rate for line in result.history]
    assert len(rates) == steps
    quarter, middle = steps // 4, steps // 4 + 3 * steps // 8
    assert rates[: quarter + 1] == pytest.approx([0.1 * step / quarter for step in range(quarter + 1)])
    assert max(rates) == rates[quarter] == pytest.approx(0.1)
    if 3 * steps % 8 == 0:
        assert rates[middle] == pytest.approx(0.5 * (0.1 + 0.001))
    done = (steps - 1 - quarter) / (steps - quarter)
    assert rates[-1] == pytest.approx(0.001 + 0.099 * 0.5 * (1 + math.cos(math.pi * done)))


def test_a_number_is_the_peak_of_warm_up_and_decay() -> None:
    first, second = tiny(), tiny()
    fit(first, real_rows(), steps=30, learning_rate=0.01)
    fit(second, real_rows(), steps=30, learning_rate=WarmupCosine(0.01))
    assert differing(weights(first), weights(second)) == []


BASE: dict[str, Any] = {"steps": 24, "batch_size": 16, "seed": 0, "learning_rate": 1e-2}


def fitted(**options: Any) -> dict[str, torch.Tensor]:
    model = tiny(hidden=16)
    fit(model, real_rows(), **{**BASE, **options})
    return weights(model)


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 1.1e-2},
        {"learning_rate": WarmupCosine(1e-2, warmup=0.3)},
        {"learning_rate": WarmupCosine(1e-2, final=0.5)},
        {"batch_size": 17},
        {"steps": 25},
        {"steps": None, "epochs": 5},
        {"seed": 1},
        {"precision": torch.bfloat16},
        {"objective": ELBO(beta=0.9)},
        {"objective": ELBO(beta=LinearRamp(0.0, 1.0, until=0.5))},
        {"objective": ELBO(beta=LinearRamp(0.0, 1.0, until=0.6))},
        {"objective": ELBO(samples=2)},
        {"objective": IWAE(samples=2)},
        {"objective": IWAE(samples=3)},
        {"average": 0.0},
        {"average": 0.06},
        {"minutes": 1e-5},
    ],
)  # fmt: skip
def test_every_number_changes_the_fit(change: dict[str, Any]) -> None:
    base = fitted()
    found = fitted(**change)
    assert sorted(differing(base, found)) == sorted(name for name in base if "constant" not in name)
    FOUND.append(found)
    assert sum(not differing(found, other) for other in FOUND) == 1, "two options do the same thing"


FOUND: list[dict[str, torch.Tensor]] = []


def test_same_seed_same_weights_and_epochs_are_steps() -> None:
    assert differing(fitted(), fitted()) == []
    assert (
        differing(fitted(), fitted(steps=None, epochs=6)) == []
    )  # 61 rows in batches of 16: 4 steps an epoch


def test_a_fit_asks_for_the_gradients_that_it_needs() -> None:
    """Whatever the caller has switched off; what is off stays off after it."""
    plain, within = tiny(), tiny()
    fit(plain, real_rows(), steps=3)
    with torch.no_grad():
        fit(within, real_rows(), steps=3)
        assert not torch.is_grad_enabled()
    assert differing(weights(plain), weights(within)) == []


def test_evaluations_are_spread_over_the_run_and_change_nothing_else() -> None:
    models = [tiny(), tiny()]
    few = fit(models[0], real_rows(), steps=24, evaluations=3)
    many = fit(models[1], real_rows(), steps=24, evaluations=24)
    assert [line.step for line in few.history] == [8, 16, 24]
    assert [line.step for line in many.history] == list(range(1, 25))
    assert differing(*map(weights, models)) == []
    assert [line.epoch for line in few.history] == [8 / 2, 16 / 2, 24 / 2]
    assert [line.seconds for line in many.history] == sorted(line.seconds for line in many.history)


@pytest.mark.parametrize("evaluations", [1, 4, 6, 7, 13, 24])
def test_there_are_no_more_evaluations_than_asked_for(evaluations: int) -> None:
    result = fit(tiny(), real_rows(), steps=13, evaluations=evaluations)
    assert evaluations / 2 <= len(result.history) <= evaluations
    assert result.history[-1].step == 13


def test_defaults_follow_the_number_of_rows() -> None:
    assert [default_steps(rows) for rows in (10, 5000, 20_000, 10**9)] == [4000, 4000, 6964, 20_000]
    assert [default_batch_size(rows) for rows in (10, 256, 800, 10**9)] == [32, 32, 100, 256]
    seen: list[float] = []
    Trip.action = seen.append
    result = fit(tiny(), real_rows(300), epochs=2, learning_rate=Trip())
    assert result.steps == len(seen) == 2 * math.ceil(300 / 37)


def test_training_improves_the_bound() -> None:
    """Backward, descent and sign: the data have a log-density well above the start's."""
    x, held = real_rows(500), real_rows(200, seed=1)
    model = tiny()
    before = evaluate_bound(model, {"x": held}).elbo.mean().item()
    result = fit(model, x, validation=held, steps=500, learning_rate=2e-2)
    covariance = torch.cov(x.T)
    normal = torch.distributions.MultivariateNormal(x.mean(0), covariance).log_prob(held).mean().item()
    after = result.history[-1].validation_elbo
    assert after > before + 1.0
    assert normal - 0.5 < after < normal + 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps=0"),
        ({"steps": -3}, "steps=-3"),
        ({"epochs": 0}, "epochs=0"),
        ({"epochs": 1, "steps": 1}, "both `epochs` and `steps`"),
        ({"minutes": 0.0}, "minutes=0.0"),
        ({"minutes": math.nan}, "minutes=nan"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"evaluations": 0}, "evaluations=0"),
        ({"patience": 0.0}, "patience=0.0"),
        ({"patience": 1.5}, "patience=1.5"),
        ({"learning_rate": -1e-3}, "learning_rate=-0.001"),
        ({"learning_rate": math.nan}, "learning_rate=nan"),
        ({"learning_rate": math.inf}, "learning_rate=inf"),
    ],
)
def test_options_without_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        fit(tiny(), TensorData({"x": real_rows()}), **options)
    assert message in str(caught.value)


@pytest.mark.parametrize("place", [".", "nowhere/c.safetensors"])
def test_a_place_where_no_checkpoint_can_be_is_refused_before_the_run(place: str, tmp_path: Path) -> None:
    model = tiny()
    before = weights(model)
    with pytest.raises(ValueError, match="wanted the path of a file in a folder that exists"):
        fit(model, real_rows(), steps=2, checkpoint=tmp_path / place)
    assert differing(before, weights(model)) == []


@pytest.mark.parametrize("name", ["steps", "epochs", "batch_size", "evaluations", "seed"])
def test_what_is_counted_is_a_whole_number(name: str) -> None:
    options: dict[str, Any] = {name: 1.5}
    with pytest.raises(TypeError, match=f"{name} of fit: got 1.5, a float; wanted a .*whole number"):
        fit(tiny(), real_rows(), **options)
