"""Runs of quantised recipes from rows to report: what does not apply to codes is left out, and said."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from anyvae.data import Source
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
        "with 3 latents",
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
