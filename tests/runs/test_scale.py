"""What many rows, columns and pixels take: counted, not timed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import Tensor

from anyvae.conditionals import Bernoulli
from anyvae.data import Source, encode, infer_schema
from anyvae.inference import embed, reconstruct
from anyvae.metrics import latent_use
from anyvae.model import LatentVariableModel
from anyvae.networks import MLP
from anyvae.recipes import vae
from anyvae.runs import FitOptions, fit_run
from anyvae.runs.config import RunFiles
from anyvae.runs.draw import draw_rows


class Asked:
    """A table that counts how often it is asked for the names of its columns, which arrow lists anew every time."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.times = 0

    @property
    def column_names(self) -> list[str]:
        self.times += 1
        return self.table.column_names

    def __getitem__(self, name: str) -> Any:
        return self.table[name]

    def __len__(self) -> int:
        return len(self.table)


def test_names_of_columns_are_not_asked_for_at_every_column() -> None:
    table = pa.table({f"c{i}": np.array([0.1, 0.7, 0.3]) + i for i in range(40)})
    schema = infer_schema(Source("wide", None, table))
    asked: Any = Asked(table)
    assert encode(schema, Source("wide", None, asked)).x.shape == (3, 40)
    assert asked.times < 10


def of_pictures() -> tuple[LatentVariableModel, Tensor]:
    torch.manual_seed(0)
    model = vae(Bernoulli(400), 2, encoder=MLP([3]), decoder=MLP([3]))
    return model, (torch.rand(90, 400) > 0.5).float()


@pytest.mark.parametrize("question", ["embed", "reconstruct", "draw", "use", "sample"])
def test_wide_rows_are_asked_about_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch, question: str) -> None:
    model, x = of_pictures()
    ask = {
        "embed": lambda: embed(model, {"x": x}),
        "reconstruct": lambda: reconstruct(model, {"x": x})["x"],
        "draw": lambda: reconstruct(model, {"x": x}, draw=True, seed=1)["x"],
        "use": lambda: latent_use(model, {"x": x}).mean,
        "sample": lambda: draw_rows(model, 90, 1, {}).mean,
    }[question]
    whole = ask()
    together: list[int] = []
    for part in (model.inference_parts["z"], model.generative_parts["x"]):
        part.register_forward_hook(
            lambda module, inputs, found: together.append(max(map(len, inputs), default=0))
        )
    monkeypatch.setattr("anyvae.inference.likelihood._NUMBERS", 400 * 80)
    parts = ask()
    assert len(parts) == 90
    assert 0 < max(together) <= 80
    if question in ("embed", "reconstruct", "use"):
        torch.testing.assert_close(parts, whole)


def test_rows_fitted_are_evaluated_by_no_more_draws_than_they_leave_time_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(60, 3)))
    monkeypatch.setattr("anyvae.runs.fitted.evaluation_samples", lambda *words: 40)
    monkeypatch.setattr("anyvae.runs.fit.evaluation_samples", lambda *words: 9)
    monkeypatch.setattr("anyvae.runs.fit._report", lambda *words: None)
    said: list[str] = []
    fit_run(FitOptions(source=str(tmp_path / "x.npy"), max_epochs=1), tmp_path / "run", say=said.append)
    metrics = RunFiles(tmp_path / "run").read_metrics()
    assert (metrics["held_out"]["samples"], metrics["train"]["samples"]) == (40, 9)
    assert "now 6 rows held out are evaluated, and the report is made" in said
