"""Tiles of images show exactly the pixels they were given."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from anyvae.report.markup import Picture
from anyvae.report.pictures import LARGEST, shrink, tile, value_range


def pixels(picture: Picture) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.png)))


def test_every_image_stands_in_its_place() -> None:
    images = np.random.default_rng(0).integers(0, 17, size=(5, 8, 8)).astype(float)
    sheet = pixels(tile(images, 3, (0, 16), alt=""))[::12, ::12]  # 96 dots an image, 8 pixels wide
    assert sheet.shape == (17, 26, 4)
    for i in range(5):
        top, left = 9 * (i // 3), 9 * (i % 3)
        shown = sheet[top : top + 8, left : left + 8]
        np.testing.assert_array_equal(shown[..., 0], np.round(images[i] / 16 * 255))
        assert (shown[..., 3] == 255).all()
    assert (sheet[9:, 18:, 3] == 0).all(), "the empty place is transparent"
    assert (sheet[8, :, 3] == 0).all(), "so is the gap"


def test_colours_keep_their_channels_and_values_are_clipped() -> None:
    images = np.zeros((1, 2, 2, 3))
    images[0, 0, 0] = [1.0, 0.5, -3.0]
    images[0, 1, 1] = 9.0
    sheet = pixels(tile(images, 1, (0.0, 1.0), alt=""))
    assert sheet[0, 0].tolist() == [255, 128, 0, 255]
    assert sheet[-1, -1].tolist() == [255, 255, 255, 255]


def test_missing_pixels_are_transparent() -> None:
    image = np.array([[[np.nan, 1.0]]])
    assert pixels(tile(image, 1, (0, 1), alt=""))[0, [0, -1], 3].tolist() == [0, 255]


def test_large_images_are_averaged_not_sampled() -> None:
    images = np.random.default_rng(0).random((1, 300, 200, 4))
    small = shrink(images)
    assert max(small.shape[1:3]) <= LARGEST
    np.testing.assert_allclose(small[0, 2, 3], images[0, 6:9, 9:12].mean(axis=(0, 1)))


def test_the_range_is_the_datas() -> None:
    assert value_range(np.array([3.0, np.nan, 7.0])) == (3.0, 7.0)
    assert value_range(np.array([5.0, 5.0])) == (5.0, 6.0)
    assert value_range(np.array([np.nan])) == (0.0, 1.0)


def test_a_strange_number_of_channels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 4, 4, 2\).*1, 3 or 4 channels"):
        tile(np.zeros((2, 4, 4, 2)), 2, (0, 1), alt="")
