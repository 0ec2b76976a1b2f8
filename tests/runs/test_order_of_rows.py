"""Files come in an order, often that of a class: what looks at some rows of many looks at rows from everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from anyvae.data import load_source, some_rows
from anyvae.runs import FitOptions, fit_run, gather, gather_cells, gather_groups, load
from anyvae.runs import fit as fitting

KINDS = 4


def write(path: Path, rows: int = 400) -> None:
    """Pictures whose class is their brightest row, all of a class after each other."""
    kinds = np.sort(np.arange(rows) % KINDS)
    x = np.random.default_rng(0).integers(0, 4, (rows, KINDS, 4))
    x[np.arange(rows), kinds] += 10
    np.savez(path, x=x.astype(np.uint8), y=kinds)


def test_scores_and_figures_are_of_rows_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in (
        (fitting, "_SCORED"),
        (fitting, "_TRAIN_ROWS_EVALUATED"),
        (gather, "_PICTURED"),
        (gather, "_PLOTTED"),
        (gather_groups, "_EXEMPLARS"),
    ):
        monkeypatch.setattr(module, name, 10)
    write(tmp_path / "sorted.npz")
    options = FitOptions(source=str(tmp_path / "sorted.npz"), recipe="m2", max_epochs=1, samples=5)
    looked: list[np.ndarray] = []
    evaluate = fitting.FittedModel.evaluate_batch

    def watched(self: object, batch: dict, samples: int | None = None) -> dict:
        looked.append(np.asarray(batch["x"]).reshape(len(batch["x"]), KINDS, -1).mean(2).argmax(1))
        return evaluate(self, batch, samples)  # type: ignore[arg-type]

    monkeypatch.setattr(fitting.FittedModel, "evaluate_batch", watched)
    fit_run(options, tmp_path / "run")
    assert len(looked[1]) == 10
    assert len(set(looked[1].tolist())) > 2, "the training rows whose bound is told"
    fitted, source = load(tmp_path / "run"), load_source(options.source)
    held_out = source.take(np.arange(0, 400, 10))
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert len(metrics["held_out"]["scores"]) == 10
    findings = gather.findings_of(fitted, held_out, metrics, {})
    assert findings.labels is not None
    assert len(findings.labels) == 10
    assert len(set(findings.labels.tolist())) > 2
    assert len({int(row.mean(1).argmax()) for row in findings.observed}) > 2
    [groups] = findings.groups
    shown = groups.analogies.reshape(10, 1 + KINDS, KINDS, 4)
    assert len({int(row.mean(1).argmax()) for row in shown[:, 0]}) > 2
    kinds = torch.from_numpy(held_out.labels)
    chosen = some_rows(len(held_out), 10)
    np.testing.assert_array_equal(
        gather_groups._analogies(fitted, held_out, kinds),
        gather_groups._analogies(fitted, held_out.take(chosen), kinds[chosen]),
        err_msg="the style of a row is read with its own class",
    )


def test_a_p_value_compares_with_held_out_rows_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anyvae.cli.questions import p_values

    monkeypatch.setattr(fitting, "_SCORED", 30)
    rng = np.random.default_rng(0)
    near, far = rng.normal(0, 0.1, (500, 2)), rng.normal(0, 10.0, (500, 2))
    path = tmp_path / "sorted.csv"
    np.savetxt(path, np.concatenate([near, far]), delimiter=",", header="a,b", comments="")
    fit_run(FitOptions(source=str(path), max_epochs=4, samples=5), tmp_path / "run")
    fitted, source = load(tmp_path / "run"), load_source(str(path))
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert len(metrics["held_out"]["scores"]) == 30
    found = p_values(fitted.score(source.take(np.arange(500, 1000))), metrics)
    assert 0.15 < np.median(found) < 0.35  # they are the less probable half of the rows


def test_improbable_rows_are_found_everywhere_and_keep_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather_cells, "_SCORED", 60)
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(0, 0.1, (400, 2)), rng.normal(0, 10.0, (200, 2))])
    path = tmp_path / "sorted.csv"
    np.savetxt(path, rows, delimiter=",", header="a,b", comments="")
    fit_run(FitOptions(source=str(path), max_epochs=4, samples=5), tmp_path / "run")
    fitted, source = load(tmp_path / "run"), load_source(str(path))
    found = gather_cells.ask_about_cells(fitted, source, source.table, [])["surprising"]
    assert all(one.number > 400 for one in found)
    for one in found:
        assert one.values == source.table.slice(one.number - 1, 1).to_pylist()[0]
