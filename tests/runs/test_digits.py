"""The acceptance of the front door: real digits, no option touched, whatever their scale and shift."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score

from anyvae.data import Source, encode, infer_schema, load_source
from anyvae.runs import FitOptions, FittedModel, fit_run, load

SCALES = [(0.01, 0.0), (16.0, 0.0), (1000.0, 0.0), (1.0, 50.0), (0.01, -3.0)]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> FittedModel:
    """A fit of the digits a thousand times as bright, from a file, at every default."""
    folder = tmp_path_factory.mktemp("digits")
    np.save(folder / "digits.npy", load_digits().data * 1000.0)
    fit_run(FitOptions(source=str(folder / "digits.npy")), folder / "run")
    return load(folder / "run")


@pytest.mark.slow
def test_at_least_eight_of_ten_latents_are_active(fitted: FittedModel) -> None:
    assert fitted.config.latent_features == 10
    held_out = fitted.evaluate(Source("digits", load_digits().data * 1000.0, None), samples=50)
    assert held_out["active_units"] >= 8


@pytest.mark.slow
def test_a_linear_probe_of_the_embedding_reaches_092(fitted: FittedModel) -> None:
    digits = load_digits()
    latents = fitted.embed(Source("digits", digits.data * 1000.0, None))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    probe = LogisticRegression(max_iter=5000)
    assert cross_val_score(probe, latents, digits.target, cv=folds).mean() >= 0.92


@pytest.mark.parametrize(("scale", "shift"), SCALES)
def test_scale_and_shift_do_not_reach_the_model(scale: float, shift: float) -> None:
    """The fits of scaled data are one fit: what the model sees is the same to rounding."""
    plain = Source("digits", load_digits().data, None)
    moved = Source("digits", load_digits().data * scale + shift, None)
    schema, other = infer_schema(plain), infer_schema(moved)
    assert other.features[0].kind == schema.features[0].kind == "levels"
    torch.testing.assert_close(encode(other, moved).x, encode(schema, plain).x, rtol=0, atol=2e-5)


@pytest.mark.slow
def test_scores_fall_by_log_a_for_every_cell(fitted: FittedModel, tmp_path: Path) -> None:
    """The same weights under the schema of unscaled data: 64 cells, each worth log 1000 more."""
    source = Source("digits", load_digits().data, None)
    plain = FittedModel(fitted.model, infer_schema(source), fitted.config)
    few = np.arange(50)
    scaled = fitted.score(Source("digits", source.array[few] * 1000.0, None), samples=20)
    decoder = fitted.model.generative_parts["x"]
    assert decoder.total_log_unit is not None
    unit = float(decoder.total_log_unit)
    assert unit == pytest.approx(64 * np.log(1000.0), rel=1e-6)
    decoder.total_log_unit.zero_()
    decoder.log_unit.zero_()
    try:
        np.testing.assert_allclose(plain.score(source.take(few), samples=20) - scaled, unit, rtol=1e-5)
    finally:
        decoder.total_log_unit.fill_(unit)
        decoder.log_unit.fill_(unit / 64)


@pytest.mark.slow
def test_rows_are_judged_alone(fitted: FittedModel) -> None:
    source = Source("digits", load_digits().data[:60] * 1000.0, None)
    whole = fitted.score(source, samples=50)
    np.testing.assert_allclose(
        fitted.score(source.take(np.arange(60)[::-1]), samples=50), whole[::-1], atol=1e-4
    )
    np.testing.assert_allclose(fitted.score(source.take(np.array([7])), samples=50), whole[[7]], atol=1e-4)
    assert np.array_equal(fitted.score(source, samples=50), whole)


@pytest.mark.slow
def test_draws_are_draws(fitted: FittedModel) -> None:
    """Draws lie on the grey levels and have the spread of the data; means have less."""
    draws, means = fitted.sample(2000, seed=1), fitted.sample(2000, seed=1, means=True)
    assert set(np.unique(draws / 1000.0)) <= set(range(17))
    data = load_digits().data * 1000.0
    assert np.abs(draws.mean(0) - data.mean(0)).max() < 1000.0
    assert draws.var(0).sum() == pytest.approx(data.var(0).sum(), rel=0.15)
    assert means.var(0).sum() < 0.95 * draws.var(0).sum()


def test_the_named_digits_are_the_same_rows() -> None:
    named = load_source("digits")
    assert named.array is not None
    assert np.array_equal(named.array.reshape(-1, 64), load_digits().data)
