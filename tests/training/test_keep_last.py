"""A run whose objective is meant to leave the bound: it keeps its last weights and is not ended by patience."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from training_examples import Trip, at_step, differing, lines, press_ctrl_c, real_rows, tiny, weights

from anyvae.conditionals import Deterministic, Normal, OneScale, StandardNormal
from anyvae.inference import evaluate_bound
from anyvae.model import VAE
from anyvae.networks import MLP
from anyvae.objectives import MMD, CapacityGap, Constant, LinearRamp, LogLikelihood, Objective
from anyvae.training import CheckpointError, Interrupted, fit


def capacity() -> Objective:
    """Its end, a KL of 12 nats, is far above the KL of the best bound."""
    return LogLikelihood() - 100.0 * CapacityGap(LinearRamp(0.0, 12.0, until=0.8))


def test_the_last_weights_are_kept_and_not_those_of_the_best_bound() -> None:
    common = {
        "objective": capacity(),
        "steps": 300,
        "batch_size": 61,
        "evaluations": 30,
        "learning_rate": 1e-2,
    }
    kls = {}
    found = {}
    for keep_last in (False, True):
        model = tiny(hidden=16)
        result = fit(
            model, real_rows(), validation=real_rows(200, seed=1), keep_last=keep_last, patience=1.0, **common
        )
        kls[keep_last] = float(evaluate_bound(model, {"x": real_rows()}).kl["z"].mean())
        found[keep_last] = weights(model)
        assert (result.best_step == 300) == keep_last
    assert kls[False] < 8.0
    assert kls[True] == pytest.approx(12.0, abs=1.0)
    # Watching is all that the validation rows do: the weights are those of a fit without them.
    alone = tiny(hidden=16)
    fit(alone, real_rows(), **common)
    assert differing(found[True], weights(alone)) == []


def test_patience_does_not_end_it() -> None:
    ended = []
    for keep_last in (False, True):
        result = fit(
            tiny(),
            real_rows(),
            validation=real_rows(20, seed=1),
            learning_rate=Constant(0.0),
            steps=40,
            evaluations=20,
            patience=0.1,
            keep_last=keep_last,
        )
        ended.append((result.ended, result.steps, result.best_step))
    assert ended == [("patience", 8, 2), ("steps", 40, 40)]


def test_it_resumes_to_the_same_bits_and_not_as_another_run(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    options = {
        "objective": capacity(),
        "steps": 40,
        "batch_size": 11,
        "evaluations": 10,
        "learning_rate": Trip(),
    }
    options |= {"validation": real_rows(20, seed=5)}
    whole = tiny()
    expected = fit(whole, real_rows(), keep_last=True, **options)
    Trip.action = at_step(17, 40, press_ctrl_c)
    with pytest.raises(Interrupted):
        fit(tiny(), real_rows(), keep_last=True, checkpoint=path, **options)
    Trip.action = None
    with pytest.raises(CheckpointError, match="keep_last = True, this one has False"):
        fit(tiny(), real_rows(), checkpoint=path, resume=True, **options)
    resumed = tiny()
    result = fit(resumed, real_rows(), keep_last=True, checkpoint=path, resume=True, **options)
    assert differing(weights(whole), weights(resumed)) == []
    assert lines(result) == lines(expected)
    assert result.best_step == 40


def test_a_model_without_a_bound_is_fitted_where_nothing_hangs_on_it() -> None:
    """A posterior without noise, as in a Wasserstein autoencoder, has no density and so no bound to watch."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = VAE(
            StandardNormal(2),
            Deterministic(2).given("x", net=MLP([8])),
            Normal(4, scale=OneScale()).given("z", net=MLP([8])),
        )
    objective = LogLikelihood() - 10.0 * MMD()
    options = {"objective": objective, "steps": 150, "batch_size": 61, "learning_rate": 1e-2}
    with pytest.raises(
        ValueError, match=r"no bound can choose the weights: .*Then pass keep_last=True to fit"
    ):
        fit(model, real_rows(), validation=real_rows(20, seed=1), **options)
    with torch.no_grad():
        before = float(objective(model, {"x": real_rows()}).mean())
    result = fit(model, real_rows(), validation=real_rows(20, seed=1), keep_last=True, **options)
    with torch.no_grad():
        assert float(objective(model, {"x": real_rows()}).mean()) > before + 1.0
    assert result.best_step == 150
    assert all(math.isnan(line.train_elbo) and math.isnan(line.validation_elbo) for line in result.history)
