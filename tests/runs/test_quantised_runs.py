"""Runs of quantised recipes from rows to report: what does not apply to codes is left out, and said."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

from anyvae.data import Source, load_source
from anyvae.estimators import TabularVAE
from anyvae.runs import FitOptions, fit_run, load


@pytest.mark.parametrize(("recipe", "latents"), [("vq_vae", 12), ("fsq_vae", 3)])
def test_a_run_of_codes_from_rows_to_report(recipe: str, latents: int, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(240, 1)) * np.array([1.0, -2.0, 0.5]) + 0.3 * generator.normal(
        size=(240, 3)
    )
    np.save(tmp_path / "rows.npy", rows)
    options = FitOptions(
        source=str(tmp_path / "rows.npy"), recipe=recipe, latent_features=3, max_epochs=10, samples=50
    )
    said: list[str] = []
    fitted = fit_run(options, tmp_path / "run", say=said.append)
    assert f"of {latents} latents active" in said[-1]
    again = load(tmp_path / "run")
    source = Source("rows", rows, None)
    figures = again.evaluate(source)
    assert figures == fitted.evaluate(source)
    # Every draw of a certain posterior is the same, so one is all that is taken.
    assert figures["samples"] == 1
    assert figures["log_likelihood"] == pytest.approx(figures["elbo"], abs=1e-4)
    assert figures["kl_per_latent"] == [None] * latents
    assert figures["kl"] > 0
    assert again.embed(source).shape == (240, latents)
    assert again.sample(7, seed=0).shape == (7, 3)
    written = msgspec.json.decode((tmp_path / "run" / "metrics.json").read_bytes())
    assert written["held_out"]["active_units"] <= latents
    page = (tmp_path / "run" / "report.html").read_text()
    for present in (
        "Only the bound is known",
        "KL of the latents",
        "perplexity of the codes of z",
        f"with {latents} latents",
        "1 sample<",
    ):
        assert present in page, present
    for absent in (
        'id="prior"',
        'id="traversals"',
        "KL per latent",
        "The bound is tight",
        "try --latent",
        "fills the prior",
        "match the prior",
    ):
        assert absent not in page, absent


@pytest.mark.parametrize("recipe", ["vq_vae", "fsq_vae"])
def test_holes_are_asked_of_codes(recipe: str, tmp_path: Path) -> None:
    """Scores, fillings, blame and conditions of rows with holes, which the encoder alone does not tell."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(400, 1))
    rows = pd.DataFrame(z + 0.3 * rng.normal(size=(400, 3)), columns=["a", "b", "c"])
    model = TabularVAE(recipe=recipe, latent_features=3, max_epochs=60, random_state=0).fit(rows)
    holed = rows.head(100).assign(b=np.nan)
    assert np.isfinite(model.score_samples(holed)).all()
    filled = model.impute(holed)["b"]
    assert np.corrcoef(filled, rows["b"].head(100))[0, 1] > 0.7
    assert np.isfinite(model.explain(rows.head(20))).all(axis=None)
    drawn = model.sample(400, given={"a": 2.0})
    assert drawn["b"].mean() > 0.8


def test_an_evaluation_and_a_score_are_of_one_kind(tmp_path: Path) -> None:
    """Of rows with holes too: the mean of the scores is the log-likelihood that is reported."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 1)) + 0.3 * rng.normal(size=(200, 3))
    rows[rng.random(rows.shape) < 0.3] = np.nan
    pd.DataFrame(rows, columns=["a", "b", "c"]).to_csv(tmp_path / "rows.csv", index=False)
    options = FitOptions(source=str(tmp_path / "rows.csv"), max_epochs=10, samples=20)
    fitted = fit_run(options, tmp_path / "run")
    source = load_source(tmp_path / "rows.csv")
    figures = fitted.evaluate(source, 64)
    assert figures["log_likelihood"] == pytest.approx(fitted.score(source, 64).mean(), abs=1e-5)


def test_arrays_are_filled_where_they_have_holes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 1)) + 0.1 * rng.normal(size=(200, 3))
    rows[rng.random(rows.shape) < 0.2] = np.nan
    np.save(tmp_path / "rows.npy", rows)
    fitted = fit_run(
        FitOptions(source=str(tmp_path / "rows.npy"), max_epochs=40, samples=20), tmp_path / "run"
    )
    source = load_source(tmp_path / "rows.npy")
    filled = fitted.impute(source)
    known = ~np.isnan(rows)
    np.testing.assert_array_equal(filled[known], rows[known])
    assert np.isfinite(filled).all()
    one, other = fitted.impute(source, 2, 0)
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(one[known], rows[known])
