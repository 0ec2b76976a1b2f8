"""The table is a pure function of the records, and a record gives way to a newer one of its kind."""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from anyvae import VAE, Bernoulli, DiagonalNormal, Linear, StandardNormal, fit
from anyvae.training import FitResult
from common import HERE, Row, Run, fit_once, record, record_gain, render, write_table

ROW = Row("Author 1999", "table 1", "-log p(x)", "86.76", "python a.py", {"epochs": 3}, limit=87.0, order=1)


def results(folder: Path) -> dict[str, dict[str, object]]:
    return {"a": json.loads((folder / "a.json").read_text())}


def cells(folder: Path, line: int = 2) -> list[str]:
    return [cell.strip() for cell in render(results(folder)).splitlines()[line].split("|")[1:-1]]


def test_mean_and_spread_are_over_seeds(tmp_path: Path) -> None:
    record("a", "k", ROW, Run(0, 86.0, 60.0), tmp_path)
    assert cells(tmp_path)[5:9] == ["86.00", "1", "reached", "1.0"]
    record("a", "k", ROW, Run(1, 88.0, 120.0), tmp_path)
    assert cells(tmp_path)[5:9] == ["87.00 ± 1.41", "2", "reached", "1.5"]


def test_a_seed_counts_once_and_other_settings_not_at_all(tmp_path: Path) -> None:
    record("a", "k", ROW, Run(0, 90.0, 60.0), tmp_path)
    record("a", "k", ROW, Run(0, 86.0, 60.0), tmp_path)
    assert cells(tmp_path)[5:7] == ["86.00", "1"]
    record("a", "k", replace(ROW, settings={"epochs": 4}), Run(1, 80.0, 60.0), tmp_path)
    assert cells(tmp_path)[5:7] == ["80.00", "1"]


@pytest.mark.parametrize(
    ("sign", "value", "wanted", "verdict"),
    [
        ("at most", 87.004, "≤ 87.00", "reached"),
        ("at most", 87.3, "≤ 87.00", "missed by 0.30"),
        ("at least", 86.7, "≥ 87.00", "missed by 0.30"),
        ("at least", 87.3, "≥ 87.00", "reached"),
        ("more than", 87.004, "> 87.00", "missed by 0.00"),
        ("more than", 87.01, "> 87.00", "reached"),
        ("less than", 86.996, "< 87.00", "missed by 0.00"),
        ("less than", 86.99, "< 87.00", "reached"),
    ],
)
def test_verdicts_are_of_the_printed_figure(
    tmp_path: Path, sign: str, value: float, wanted: str, verdict: str
) -> None:
    record("a", "k", replace(ROW, sign=sign), Run(0, value, 60.0), tmp_path)
    row = cells(tmp_path)
    assert (row[4], row[7]) == (wanted, verdict)


def test_a_gain_is_between_models_whose_weights_were_averaged_alike(tmp_path: Path) -> None:
    def gained() -> dict[str, Any] | None:
        record_gain("a", "worse", "better", replace(ROW, settings={}), 0, tmp_path)
        kept: dict[str, Any] = json.loads((tmp_path / "a.json").read_text())
        return kept.get("gain")

    record("a", "worse", replace(ROW, settings={"average": 0.0}), Run(0, 90.0, 60.0), tmp_path)
    record("a", "better", ROW, Run(0, 88.0, 30.0), tmp_path)
    assert gained() is None
    record("a", "worse", ROW, Run(0, 89.5, 60.0), tmp_path)
    found = gained()
    assert found is not None
    assert [(run["value"], run["seconds"]) for run in found["runs"]] == [(1.5, 90.0)]


def test_rows_stand_in_their_order(tmp_path: Path) -> None:
    record("a", "late", replace(ROW, paper="B", order=2), Run(0, 1.0, 1.0), tmp_path)
    record("a", "early", replace(ROW, paper="C", order=1), Run(0, 1.0, 1.0), tmp_path)
    assert [cells(tmp_path, line)[0] for line in (2, 3)] == ["C", "B"]


def test_the_table_is_written_between_the_marks_and_twice_is_once(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nafter\n")
    record("a", "k", ROW, Run(0, 86.0, 60.0), tmp_path / "results")
    write_table(tmp_path)
    once = readme.read_text()
    assert once.startswith("before\n")
    assert once.endswith("\nafter\n")
    assert "old" not in once
    assert "| Author 1999 |" in once
    write_table(tmp_path)
    assert readme.read_text() == once
    readme.write_text("no marks")
    with pytest.raises(ValueError, match="measured: begin"):
        write_table(tmp_path)


def test_the_page_shows_what_is_kept_and_names_scripts_that_are_there(tmp_path: Path) -> None:
    shutil.copytree(HERE / "results", tmp_path / "results")
    shutil.copy(HERE / "README.md", tmp_path)
    write_table(tmp_path)
    assert (tmp_path / "README.md").read_text() == (HERE / "README.md").read_text()
    for path in (HERE / "results").glob("*.json"):
        for row in json.loads(path.read_text()).values():
            assert shlex.split(row["command"])[1] == f"reproductions/{path.stem}.py"
            assert (HERE / f"{path.stem}.py").exists()


def test_a_fit_that_was_told_the_same_is_not_made_again(tmp_path: Path) -> None:
    rows = torch.bernoulli(torch.full((32, 3), 0.5))
    fits: list[int] = []

    def after(about: dict[str, int]) -> Tensor:
        torch.manual_seed(0)
        model = VAE(
            StandardNormal(1),
            DiagonalNormal(1).given("x", net=Linear()),
            Bernoulli(3).given("z", net=Linear()),
        )

        def train() -> FitResult:
            fits.append(len(fits))
            return fit(model, rows, steps=3 + len(fits), seed=len(fits))

        done = fit_once(model, about, train, tmp_path)
        assert done["steps"] == 3 + about["fit"]
        return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    first, again, other = after({"fit": 1}), after({"fit": 1}), after({"fit": 2})
    assert fits == [0, 1]
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
