"""Pictures asked the questions that tables are asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.csv as pc
import pytest

from anyvae.cli import main


@pytest.fixture(scope="module")
def holed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of 4x4 real numbers of which a fifth are missing."""
    generator = np.random.default_rng(0)
    pictures = generator.normal(size=(60, 1, 1)) + 0.1 * generator.normal(size=(60, 4, 4))
    pictures[generator.random(pictures.shape) < 0.2] = np.nan
    path = tmp_path_factory.mktemp("holed") / "holed.npy"
    np.save(path, pictures)
    return path


@pytest.fixture(scope="module")
def holed_run(holed: Path) -> Path:
    folder = holed.parent / "run"
    assert main(["fit", str(holed), "--out", str(folder), "--max-epochs", "2", "--samples", "4"]) == 0
    return folder


def test_holes_of_pictures_are_filled_in_every_format(holed: Path, holed_run: Path, tmp_path: Path) -> None:
    pictures = np.load(holed)
    known = ~np.isnan(pictures)
    words = ["impute", str(holed_run), str(holed), "-o"]
    assert main([*words, str(tmp_path / "filled.npy")]) == 0
    filled = np.load(tmp_path / "filled.npy")
    np.testing.assert_array_equal(filled[known], pictures[known])
    assert np.isfinite(filled).all()
    assert main([*words, str(tmp_path / "filled.csv")]) == 0
    table = pc.read_csv(tmp_path / "filled.csv")
    np.testing.assert_allclose(np.stack([table[k] for k in range(16)], 1), filled.reshape(60, 16))


def test_holes_of_pictures_are_drawn_more_than_once(holed: Path, holed_run: Path, tmp_path: Path) -> None:
    pictures = np.load(holed)
    words = ["impute", str(holed_run), str(holed), "--draws", "3", "-o"]
    assert main([*words, str(tmp_path / "draws.npy")]) == 0
    draws = np.load(tmp_path / "draws.npy")
    assert draws.shape == (3, 60, 4, 4)
    hole = np.isnan(pictures)
    assert (draws[0][hole] != draws[1][hole]).all()
    assert main([*words, str(tmp_path / "draws.csv")]) == 0
    table = pc.read_csv(tmp_path / "draws.csv")
    assert table["draw"].to_pylist() == [number for number in (1, 2, 3) for _ in range(60)]
    np.testing.assert_allclose(np.stack([table[k + 1] for k in range(16)], 1), draws.reshape(180, 16))


def test_pictures_have_no_columns_to_classify(
    holed: Path, holed_run: Path, refused: Callable[..., str]
) -> None:
    said = refused("classify", holed_run, holed)
    assert "no label of its own" in said
    assert "--column" not in said
    assert "m2" in said
