"""A run whose posterior is a flow: saved, loaded and asked again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from anyvae.data import Source, infer_schema
from anyvae.report import render
from anyvae.runs import FittedModel, load
from anyvae.runs.config import RunConfig
from anyvae.runs.gather import findings_of
from anyvae.runs.rebuild import build
from cases.flows import shake


def test_a_flow_posterior_is_saved_restored_and_reported(tmp_path: Path) -> None:
    rows = Source("rows", np.random.default_rng(0).normal(size=(30, 4)), None)
    schema = infer_schema(rows)
    config = RunConfig(
        source="rows.npy",
        recipe="iaf_vae",
        latent_features=2,
        missing=False,
        seed=0,
        steps=10,
        batch_size=16,
        learning_rate=1e-3,
    )
    torch.manual_seed(0)
    fitted = FittedModel(build(config, schema), schema, config)
    shake(fitted.model.inference_parts["z"].steps, 0.5)
    fitted.save(tmp_path)
    torch.manual_seed(9)
    again = load(tmp_path)
    for question in (FittedModel.embed, FittedModel.score, FittedModel.reconstruct):
        assert np.array_equal(question(again, rows), question(fitted, rows))
    figures = again.evaluate(rows, samples=50)
    assert figures == fitted.evaluate(rows, samples=50)
    assert 0 < sum(figures["kl_per_latent"]) < figures["kl"] + 0.5
    findings = findings_of(again, rows, {"held_out": figures}, {})
    assert findings.settings["KL of z"] == "sampled"
    assert "over fixed noise" in str(findings.settings["moments of q(z)"])
    assert "2 x IAF()" in render(findings)
