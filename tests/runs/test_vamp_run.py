"""A run whose prior is tied to its encoder: fitted, reported and loaded like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from anyvae.conditionals import VampPrior
from anyvae.data import load_source
from anyvae.distributions import NormalMixture
from anyvae.inference import mean
from anyvae.runs import FitOptions, FittedModel, fit_run, load
from anyvae.runs.gather import _standard_prior, _traverse, findings_of


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> FittedModel:
    folder = tmp_path_factory.mktemp("vamp")
    np.save(folder / "rows.npy", np.random.default_rng(0).normal(size=(60, 5)) ** 3)
    options = FitOptions(source=str(folder / "rows.npy"), recipe="vamp_vae", max_epochs=2, samples=10)
    fit_run(options, folder / "run")
    return load(folder / "run")


def test_it_loads_with_its_prior_and_its_report(fitted: FittedModel) -> None:
    prior = fitted.model.generative_parts["z"]
    assert isinstance(prior, VampPrior)
    assert isinstance(prior(), NormalMixture)
    # The pseudo-inputs are those of the fit, not a fresh start.
    again = load(Path(fitted.config.source).parent / "run").model.generative_parts["z"]
    assert torch.equal(again.pseudo_inputs["x"], prior.pseudo_inputs["x"])
    report = (Path(fitted.config.source).parent / "run" / "report.html").read_text()
    assert "VampPrior(5, components=100)" in report
    assert "three standard deviations of the prior below its mean" in report


def test_traversals_run_through_the_prior(fitted: FittedModel) -> None:
    assert not _standard_prior(fitted, ["z"])
    prior = fitted.model.generative_parts["z"]()
    centre, spread = prior.mean.detach(), prior.stddev.detach()
    z = centre.repeat(9, 1)
    z[0, 2] -= 3.0 * spread[2]
    z[8, 2] += 3.0 * spread[2]
    wanted = fitted.decode(mean(fitted.model, {"z": z})["x"], means=True)
    found = _traverse(fitted, 2, ["z"] * 5, load_source(fitted.config.source))
    np.testing.assert_allclose(found[[0, 4, 8]], wanted[[0, 4, 8]], rtol=1e-5)
    assert float(spread.min()) > 0


def test_the_report_holds_posteriors_against_draws_of_the_prior(fitted: FittedModel) -> None:
    findings = findings_of(fitted, load_source(fitted.config.source), {}, {})
    prior = fitted.model.generative_parts["z"]()
    draws = findings.prior_draws
    assert draws is not None
    assert draws.shape == (20_000, 5)
    # In standard deviations of the prior from its mean.
    np.testing.assert_allclose(draws.mean(0), 0.0, atol=0.04)
    np.testing.assert_allclose(draws.std(0), 1.0, atol=0.04)
    covariance = torch.cov(prior.sample((20_000,)).T)
    wanted = covariance / covariance.diag().outer(covariance.diag()).sqrt()
    np.testing.assert_allclose(np.corrcoef(draws.T), wanted.detach().numpy(), atol=0.06)
