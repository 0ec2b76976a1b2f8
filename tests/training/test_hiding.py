"""Cells hidden in training: which, how often, and what an encoder learns from it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch

from anyvae.data import Source, infer_schema
from anyvae.inference import effective_samples, log_likelihood, seeded, weigh
from anyvae.model import Partial
from anyvae.recipes import find_recipe
from anyvae.runs import FitOptions
from anyvae.runs.prepare import configure, prepare
from anyvae.runs.train import fresh_model, train
from anyvae.training import TensorData
from anyvae.training.data import kept_cells


def test_half_of_the_rows_are_whole_and_the_rest_lose_any_share() -> None:
    torch.manual_seed(0)
    kept = kept_cells(20_000, [1] * 10)
    lost = 10 - kept.sum(1)
    whole = float((lost == 0).float().mean())
    # Half of the rows, and of the others 1 / 11: with a uniform rate every number lost is as likely.
    assert whole == pytest.approx(0.5 + 0.5 / 11, abs=0.015)
    for number in range(1, 11):
        assert float((lost == number).float().mean()) == pytest.approx(0.5 / 11, abs=0.008)


def test_the_elements_of_a_cell_go_together() -> None:
    torch.manual_seed(0)
    kept = kept_cells(500, [1, 3, 2])
    assert kept.shape == (500, 6)
    assert bool((kept[:, 1:4].all(1) | ~kept[:, 1:4].any(1)).all())
    assert bool((kept[:, 4:].all(1) | ~kept[:, 4:].any(1)).all())
    assert bool((kept[:, 0] != kept[:, 1]).any())


def test_holes_stay_holes_and_only_training_batches_hide() -> None:
    torch.manual_seed(0)
    mask = torch.rand(200, 4) < 0.7
    data = TensorData({"x": Partial(torch.randn(200, 4), mask)}).hiding({"x": [1, 1, 1, 1]})
    seen = data.batch(torch.arange(200))["x"]
    assert isinstance(seen, Partial)
    assert not bool((seen.mask & ~mask).any())
    assert int(seen.mask.sum()) < int(mask.sum())
    fixed = data.take(torch.arange(100)).fixed()["x"]
    assert isinstance(fixed, Partial)
    assert torch.equal(fixed.mask, mask[:100])
    again = data.batch(torch.arange(200))["x"]
    assert isinstance(again, Partial)
    assert not torch.equal(again.mask, seen.mask)
    with pytest.raises(ValueError, match="widths that sum to 3"):
        TensorData({"x": torch.zeros(5, 4)}, hide={"x": [1, 2]})


def test_the_encoder_of_a_table_learns_to_read_parts_and_the_decoder_stays() -> None:
    generator = np.random.default_rng(0)
    z = generator.normal(size=(600, 1))
    table = pa.table({f"c{i}": (z[:, 0] + 0.2 * generator.normal(size=600)) for i in range(6)})
    source = Source("six", None, table)
    schema = infer_schema(source)
    options = FitOptions(source="six", max_epochs=60)
    prepared = prepare(source, schema, 0, find_recipe("vae"))
    config = configure(options, prepared)
    x = prepared.training.fixed()["x"]
    assert isinstance(x, Partial)
    part = {"x": Partial(x.value, torch.tensor([True] + [False] * 5).expand_as(x.mask))}
    bounds, effective, decoders = {}, {}, {}
    for taught in (False, True):
        model = fresh_model(config, prepared)
        said: list[str] = []
        with pytest.MonkeyPatch.context() as patch:
            if not taught:
                patch.setattr("anyvae.runs.train._teach", lambda *_: None)
            train(model, prepared, config, say=said.append)
        assert any("parts of rows" in sentence for sentence in said) == taught
        bounds[taught] = float(log_likelihood(model, part, 8).mean())
        with torch.no_grad(), seeded(0):
            found = weigh(model, part, 64, prior=0.0)
        effective[taught] = float(effective_samples(found.log_weight).mean())
        decoders[taught] = model.generative_parts["x"].state_dict()
    # The decoder is bit for bit that of the fit before; few draws tell the same number more nearly, and are worth more.
    assert all(torch.equal(value, decoders[False][name]) for name, value in decoders[True].items())
    assert bounds[True] > bounds[False] + 0.05, bounds
    assert effective[True] > 1.2 * effective[False], effective
