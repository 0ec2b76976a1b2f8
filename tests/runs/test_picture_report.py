"""What the report of pictures is given to show."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anyvae.data import load_source, some_rows
from anyvae.report import Findings
from anyvae.report.rows import image_cards
from anyvae.runs import FitOptions, fit_run
from anyvae.runs.gather import findings_of


def fitted(folder: Path, pictures: np.ndarray, recipe: str = "vae") -> Findings:
    """The findings of a fit that is over before it has begun."""
    np.save(folder / "pictures.npy", pictures)
    options = FitOptions(source=str(folder / "pictures.npy"), recipe=recipe, max_epochs=1, samples=2)
    model = fit_run(options, folder / "run")
    return findings_of(model, load_source(folder / "pictures.npy"), {}, {})


@pytest.mark.parametrize("channels", [(), (3,)])
def test_what_differs_between_pixels_is_not_explained_by_latents(
    channels: tuple[int, ...], tmp_path: Path
) -> None:
    """One bright half in every picture, noise around it: a mean per pixel leaves all over that rows differ by."""
    pictures = np.random.default_rng(0).normal(0.0, 0.5, size=(200, 4, 4, *channels))
    pictures[:, :2] += 100.0
    pictures[::7, 1, 1] = np.nan
    noise = fitted(tmp_path, pictures).noise
    assert noise["data_scale"] == pytest.approx(0.5, rel=0.03)
    assert noise["noise_scale"] > 0.9 * noise["data_scale"]


@pytest.mark.parametrize("event", [(4, 4), (4, 4, 3), (5,)])
def test_holes_of_arrays_are_no_data(event: tuple[int, ...], tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(60, *event))
    rows[::2, 0] = np.nan
    found = fitted(tmp_path, rows)
    np.testing.assert_array_equal(found.observed, rows[some_rows(60, len(found.observed))])
    assert np.isnan(found.observed).any()
    assert np.isfinite(found.reconstructed_mean).all()


def test_the_page_says_what_is_blank_and_begins_no_row_that_it_does_not_fill(tmp_path: Path) -> None:
    """Twenty draws in rows of eight, for the pictures are large."""
    pictures = np.random.default_rng(0).normal(size=(60, 50, 2))
    whole = fitted(tmp_path, pictures)
    assert "left blank" not in image_cards(whole)
    [size] = re.findall(r'width="(\d+)" height="(\d+)" alt="Draws', image_cards(whole))
    [one] = re.findall(r'width="(\d+)" height="(\d+)" alt="Means', image_cards(whole))
    assert int(size[0]) == int(one[0])
    assert int(size[1]) == pytest.approx(2 * int(one[1]), rel=0.1)
    pictures[:, 0] = np.nan
    assert "Missing pixels are left blank." in image_cards(replace(whole, observed=pictures[:10]))
