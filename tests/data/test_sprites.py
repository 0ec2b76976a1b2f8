"""Pictures of shapes: every factor does what it says, exactly, and none of them is stored."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from anyvae import VAE, Bernoulli, DiagonalNormal, Linear, StandardNormal, TensorData, fit
from anyvae.data import DSprites, infer_schema, load_source
from anyvae.inference import evaluate_bound

SPRITES = DSprites()


def of(**factors: int | np.ndarray) -> np.ndarray:
    """Pictures with these factors; what is not named is 0, places are in the middle."""
    named = {"shape": 0, "scale": 0, "orientation": 0, "x": 15, "y": 15} | factors
    columns = np.broadcast_arrays(*(named[name] for name in SPRITES.names))
    return SPRITES[SPRITES.index(np.stack(columns, -1))][..., 0, :, :]


def all_masks() -> np.ndarray:
    """Every shape, scale and orientation in the middle: (3, 6, 40, 64, 64)."""
    shape, scale, turn = np.ogrid[:3, :6, :40]
    return of(shape=shape, scale=scale, orientation=turn)


def test_row_numbers_and_factors_are_one_to_one() -> None:
    assert len(SPRITES) == 737_280 == 3 * 6 * 40 * 32 * 32
    every = np.arange(len(SPRITES))
    factors = SPRITES.factors(every)
    assert factors.min(0).tolist() == [0] * 5
    assert factors.max(0).tolist() == [2, 5, 39, 31, 31]
    np.testing.assert_array_equal(SPRITES.index(factors), every)
    # The published order: y is the fastest digit, the shape the slowest.
    assert (
        SPRITES.factors(np.array([1, 32, 1024, 40_960, 245_760])).tolist()
        == np.eye(5, dtype=int)[::-1].tolist()
    )


def test_what_is_no_row_is_refused() -> None:
    for rows in (-1, len(SPRITES), np.array([0.5])):
        with pytest.raises(IndexError, match="whole numbers from 0 to 737279"):
            SPRITES[rows]
    with pytest.raises(ValueError):
        SPRITES.index(np.array([3, 0, 0, 0, 0]))


def test_rows_of_any_form_give_the_same_pictures() -> None:
    some = SPRITES[100_000:100_006]
    assert some.shape == (6, 1, 64, 64)
    assert some.dtype == np.uint8
    assert set(np.unique(some)) == {0, 1}
    np.testing.assert_array_equal(SPRITES[100_003], some[3])
    np.testing.assert_array_equal(SPRITES[np.array([[100_005, 100_000]])], some[None, [5, 0]])


def test_areas_are_those_of_the_rule_and_grow_with_the_scale() -> None:
    areas = all_masks().sum((-1, -2), dtype=np.int64)
    assert (np.diff(areas, axis=1) > 0).all()
    # A shape covers as many pixels as its area, up to part of its outline.
    wanted = 420 * np.linspace(0.5, 1, 6) ** 2
    assert np.abs(areas.mean(2) / wanted - 1).max() < 0.05
    masks = all_masks()
    assert (masks[:, 1:] >= masks[:, :-1]).all(), "a larger shape covers the smaller one"


def test_shapes_are_those_of_the_rule() -> None:
    masks = all_masks()[:, 5, 0]
    rows, columns = (masks.any(axis).sum(-1) for axis in (2, 1))
    assert columns.tolist() == [21, 29, 25]  # 20.5, 2 x 14.6 and 2.28 x 10.7
    assert rows.tolist() == [21, 19, 24]  # 20.5, 2 x 9.1 and 2.24 x 10.7
    square, ellipse, heart = masks
    assert square.sum() == 21 * 21
    for symmetric in (square, ellipse):
        # About the middle pixel (31, 31): of the 64 rows and columns the last has no partner.
        np.testing.assert_array_equal(symmetric[:63, :63], symmetric[62::-1, 62::-1])
    np.testing.assert_array_equal(heart[:, :63], heart[:, 62::-1])
    assert heart[:31].sum() > heart[32:].sum()  # lobes above, the tip below
    top, bottom = np.flatnonzero(heart.any(1))[[0, -1]]
    assert heart[top, 31] == 0  # between the lobes
    assert heart[bottom].sum() <= 3


def test_shapes_turn_about_their_centre_of_mass() -> None:
    masks = all_masks().reshape(-1, 64, 64).astype(float)
    mass = masks.sum((1, 2))
    for axis in (1, 2):
        centre = (masks.sum(3 - axis) * np.arange(64)).sum(-1) / mass
        assert np.abs(centre - 31).max() < 0.35
        assert abs(centre.mean() - 31) < 0.02


@pytest.mark.parametrize(("shape", "steps"), [(0, 10), (1, 20), (2, 40)])
def test_a_shape_looks_the_same_after_its_symmetry_and_no_sooner(shape: int, steps: int) -> None:
    masks = all_masks()[shape]
    np.testing.assert_array_equal(masks, np.roll(masks, steps, axis=1))
    for scale in range(6):
        distinct = {mask.tobytes() for mask in masks[scale]}
        assert len(distinct) == steps


def test_orientation_turns_anticlockwise() -> None:
    masks = all_masks()[:, :, :, :63, :63]
    np.testing.assert_array_equal(np.rot90(masks[:, :, :30], axes=(3, 4)), masks[:, :, 10:])
    # The longer axis of the ellipse, from its second moments.
    row, column = np.mgrid[31:-32:-1, -31:32]
    for turn, mask in enumerate(masks[1, 5, :20]):
        moments = [(a * b * mask).sum() for a, b in ((row, column), (column, column), (row, row))]
        axis = 0.5 * np.arctan2(2 * moments[0], moments[1] - moments[2])
        assert abs((axis - 2 * np.pi * turn / 40 + np.pi / 2) % np.pi - np.pi / 2) < 0.03


def test_position_moves_the_mask_exactly() -> None:
    generator = np.random.default_rng(0)
    for factors in SPRITES.factors(generator.integers(0, len(SPRITES), 500)):
        shape, scale, turn, x, y = factors
        middle = of(shape=shape, scale=scale, orientation=turn)
        moved = of(shape=shape, scale=scale, orientation=turn, x=x, y=y)
        np.testing.assert_array_equal(moved, np.roll(middle, (y - 15, x - 15), axis=(0, 1)))
        assert moved.sum() == middle.sum()


def test_every_shape_stands_within_the_picture() -> None:
    """At the four corners: nothing is cut off, and the largest all but touch the edge."""
    whole = all_masks().sum((-1, -2), dtype=np.int64)
    shape, scale, turn = np.ogrid[:3, :6, :40]
    for x, y in ((0, 0), (0, 31), (31, 0), (31, 31)):
        corner = of(shape=shape, scale=scale, orientation=turn, x=x, y=y)
        np.testing.assert_array_equal(corner.sum((-1, -2), dtype=np.int64), whole)
        outermost = corner[..., 0 if y == 0 else 63, :], corner[..., :, 0 if x == 0 else 63]
        assert not any(edge.any() for edge in outermost)


def test_pictures_come_at_a_rate() -> None:
    """20,000 a second on one core are wanted; 150,000 and more are usual, so a busy machine does not fail this."""
    rows = torch.from_numpy(SPRITES.some(4096, seed=1))
    started = time.process_time()
    for some in rows.split(256):
        SPRITES.expand(some, None)
    assert 4096 / (time.process_time() - started) > 20_000


def test_some_rows_are_drawn_by_the_seed_alone() -> None:
    rows = SPRITES.some(1000, seed=3)
    np.testing.assert_array_equal(rows, SPRITES.some(1000, seed=3))
    assert (np.diff(rows) > 0).all()
    assert (rows != SPRITES.some(1000, seed=4)).any()
    share = np.bincount(SPRITES.factors(rows)[:, 0]) / 1000
    np.testing.assert_allclose(share, 1 / 3, atol=0.06)


def test_the_named_set_is_a_part_of_it() -> None:
    source = load_source("dsprites")
    rows = SPRITES.some(20_000)
    np.testing.assert_array_equal(source.array, SPRITES[rows][:, 0])
    assert source.labels is not None
    assert source.labels.tolist() == [SPRITES.shapes[k] for k in SPRITES.factors(rows)[:, 0]]
    assert source.notes == ("dsprites is 20,000 of its 737,280 pictures, drawn by anyvae's own rule",)
    schema = infer_schema(source.take(np.arange(100)))
    assert (schema.features[0].kind, schema.event_shape) == ("binary", (1, 64, 64))


def test_a_model_is_fitted_to_pictures_that_are_made_batch_by_batch() -> None:
    """The bound is that of the same rows held in memory, and never more than some rows are made at a time."""
    rows = torch.from_numpy(SPRITES.some(5000))
    most = 0

    def expand(some: torch.Tensor, mask: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor | None]:
        nonlocal most
        most = max(most, len(some))
        return SPRITES.expand(some, mask)

    bounds = []
    for data in (
        TensorData({"x": rows}, expand={"x": expand}),
        torch.from_numpy(SPRITES[rows.numpy()]).float(),
    ):
        torch.manual_seed(0)
        encoder = DiagonalNormal(2).given("x", net=Linear())
        model = VAE(StandardNormal(2), encoder, Bernoulli((1, 64, 64)).given("z", net=Linear()))
        fit(model, data, steps=20, batch_size=32, seed=1, evaluations=1)
        bounds.append(evaluate_bound(model, {"x": torch.from_numpy(SPRITES[:64]).float()}).elbo)
    assert most <= 4096
    torch.testing.assert_close(*bounds, rtol=0, atol=0)
