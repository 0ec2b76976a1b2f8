"""What is drawn is measured in the drawing: lengths, areas and places of ink."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from anyvae.report import figures
from anyvae.report.markup import Picture


def ink(picture: Picture, colour: str, alpha: float = 1.0) -> np.ndarray:
    """Where a picture has a colour, whatever is behind it."""
    pixels = np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGBA")).astype(int)
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    near = (np.abs(pixels[..., :3] - wanted) <= 3).all(axis=-1)
    return np.asarray(near & (np.abs(pixels[..., 3] - 255 * alpha) <= 3))


def test_bars_are_as_long_as_the_kl_and_only_active_ones_are_coloured() -> None:
    kl = np.array([1.0, 4.0, 2.0, 3.0])
    picture = figures.kl_bars(kl, [1, 3, 2, 0], np.array([False, True, True, True]), ["b", "d", "c", "a"])
    active = ink(picture, figures.ACCENT).sum(axis=1)
    lengths = [int(length) for length in np.unique(active) if (active == length).sum() > 20 and length > 0]
    assert len(lengths) == 3
    np.testing.assert_allclose(np.array(lengths) / lengths[0], [1.0, 1.5, 2.0], rtol=0.02)
    assert ink(picture, figures.DATA).any()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_filled_area_is_the_density(share: float) -> None:
    edges = np.linspace(-4, 4, 49)
    density = np.full(48, 0.3)
    whole, part = (
        ink(figures.aggregate(edges, d, alt=""), figures.ACCENT, 0.4).sum()
        for d in (density, share * density)
    )
    assert part / whole == pytest.approx(share, abs=0.05)


def test_every_point_is_drawn_in_the_colour_of_its_group() -> None:
    points = np.array([[-1.5, 0.0], [1.5, 0.0], [1.5, 0.5]])
    groups = [(np.array([0]), "#d97706"), (np.array([1, 2]), "#4263c4")]
    picture = figures.plane(points, groups, names=("z0", "z1"), alt="")
    middle = ink(picture, figures.INK).shape[1] / 2
    orange, blue = (np.argwhere(ink(picture, colour, 0.8)) for _, colour in groups)
    assert (orange[:, 1] < middle).all()
    assert (blue[:, 1] > middle).all()
    assert len(blue) == pytest.approx(2 * len(orange), rel=0.2)


@pytest.mark.parametrize("slope", [1.0, -1.0])
def test_a_rising_curve_rises(slope: float) -> None:
    steps = np.arange(50.0)
    picture = figures.curves([(steps, slope * steps, figures.ACCENT)], name="nats", alt="")
    line = np.argwhere(ink(picture, figures.ACCENT))
    row, column = line.T
    assert np.corrcoef(-row, column)[0, 1] * slope > 0.99


def test_the_transient_of_the_start_does_not_flatten_the_curve() -> None:
    steps = np.arange(100.0)
    values = np.where(steps < 5, -1e6, steps)
    picture = figures.curves([(steps, values, figures.ACCENT)], name="nats", alt="")
    line = np.argwhere(ink(picture, figures.ACCENT))
    assert np.ptp(line[:, 0]) > 0.6 * picture.height * 2


def test_a_curve_without_a_transient_is_drawn_from_its_first_step() -> None:
    steps = np.arange(1.0, 9.0)
    cut, whole = (
        np.argwhere(
            ink(figures.curves([(steps, 1 / steps, figures.ACCENT)], name="", alt="", **how), figures.ACCENT)
        )
        for how in ({}, {"settles": False})
    )
    assert np.ptp(whole[:, 1]) > 1.1 * np.ptp(cut[:, 1])


def test_style_is_the_reports_whatever_the_users_is() -> None:
    import matplotlib

    plain = figures.kl_bars(np.ones(3), [0, 1, 2], np.ones(3, dtype=bool), ["a", "b", "c"]).png
    with matplotlib.rc_context({"lines.linewidth": 9, "figure.dpi": 30, "savefig.facecolor": "red"}):
        assert figures.kl_bars(np.ones(3), [0, 1, 2], np.ones(3, dtype=bool), ["a", "b", "c"]).png == plain


def test_a_prior_that_is_told_by_draws_is_their_histogram() -> None:
    edges = np.linspace(-4, 4, 49)
    density = np.zeros(48)
    draws = np.random.default_rng(0).normal(1.5, 0.2, 20_000)
    curve, told = (ink(figures.aggregate(edges, density, p, alt=""), figures.INK) for p in (None, draws))
    # Of N(0, 1) the line is as high left of the middle as right of it; of the draws it stands on the right.
    half = curve.shape[1] // 2
    top = slice(0, curve.shape[0] // 2)
    assert curve[top, :half].sum() == pytest.approx(curve[top, half:].sum(), rel=0.2)
    assert not told[top, :half].any()
    assert told[top, half:].any()
