"""Runs that the tests of the command ask things of; fitted once, briefly, through the command itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from anyvae.cli import main
from anyvae.report.markup import Picture

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without their figures, which take longer to draw than these fits; other tests look at them."""
    monkeypatch.setattr("anyvae.report.figures.finish", lambda figure, alt: Picture(b"", 1, 1, alt))


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits") / "run"
    options = ["--max-epochs", "2", "--latent", "3", "--samples", "4", "--quiet"]
    assert main(["fit", "digits", "--out", str(folder), *options]) == 0
    return folder


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with every kind of column, a constant one, holes and labels."""
    path = tmp_path_factory.mktemp("people") / "people.csv"
    generator = np.random.default_rng(0)
    lines = ["height,children,smokes,town,planet,group"]
    for _ in range(120):
        group = int(generator.integers(2))
        town = generator.choice(["Bern", "Oslo", ""])
        smokes = ["false", "true"][group]
        height = 160 + 10 * group + generator.normal()
        lines.append(f"{height:.3f},{generator.integers(4)},{smokes},{town},1,{'ab'[group]}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def people_run(people: Path) -> Path:
    folder = people.parent / "run"
    options = ["--label", "group", "--max-epochs", "2", "--samples", "4", "--quiet"]
    assert main(["fit", str(people), "--out", str(folder), *options]) == 0
    return folder


@pytest.fixture(scope="session")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty rows of two numbers: the smallest thing that is worth a fit."""
    path = tmp_path_factory.mktemp("numbers") / "numbers.npy"
    z = np.random.default_rng(1).normal(size=(40, 1))
    np.save(path, np.hstack([z, -z]) + 0.1 * np.random.default_rng(2).normal(size=(40, 2)))
    return path


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must fail with exit code 2 and one line on standard error, which it returns."""

    def run(*words: object) -> str:
        capsys.readouterr()
        code = main([str(word) for word in words])
        shown = capsys.readouterr()
        assert code == 2, shown
        assert shown.err.startswith("anyvae: error: "), shown.err
        assert shown.err.count("\n") == 1
        assert "Traceback" not in shown.err
        return shown.err

    return run
