"""Arrays and images: kinds, event shapes, round trips, and what is refused."""

from __future__ import annotations

import io
import pickle
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from anyvae.data import DataError, Schema, Source, decode, encode, infer_schema, load_source


def source(array: np.ndarray, **options: object) -> Source:
    return Source("made", array, None, **options)


def round_trip(array: np.ndarray, likelihood: str | None = None) -> np.ndarray:
    schema = infer_schema(source(array), likelihood)
    schema = Schema.from_json(schema.to_json())
    return decode(schema, encode(schema, source(array)).x)


RNG = np.random.default_rng(0)
EXACT = {
    "bytes": RNG.integers(0, 256, size=(20, 7, 5)).astype(np.uint8),
    "colour": RNG.integers(0, 200, size=(20, 7, 5, 3)).astype(np.uint8),
    "channel": RNG.integers(0, 17, size=(20, 7, 5, 1)).astype(np.int64),
    "signed": RNG.integers(-128, 128, size=(90, 4)).astype(np.int8),
    "deep": RNG.integers(0, 60_000, size=(50, 4)).astype(np.uint16),
    "sound": RNG.integers(-(2**15), 2**15, size=(50, 4)).astype(np.int16),
    "wide": RNG.integers(-(2**21), 2**21, size=(50, 4)),
    "truth": RNG.integers(0, 2, size=(20, 6)).astype(bool),
    "two": np.where(RNG.integers(0, 2, size=(20, 6)), 0.1, 0.7),
    "sevens": RNG.integers(0, 9, size=(20, 6)) * 7 + 3,
    "shifted": RNG.integers(0, 17, size=(20, 6)) * 0.01 + 3,
    "single": (RNG.integers(0, 256, size=(90, 6)) / 255).astype(np.float32),
    "swapped": RNG.integers(0, 17, size=(20, 6)).astype(">f4"),
}


@pytest.mark.parametrize("name", EXACT)
def test_discrete_arrays_come_back_to_the_last_bit(name: str) -> None:
    array = EXACT[name]
    back = round_trip(array)
    assert back.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("likelihood", [None, "normal"])
def test_real_arrays_come_back_within_float32_rounding(dtype: str, likelihood: str | None) -> None:
    array = RNG.normal(5, 0.1, size=(50, 4)).astype(dtype)
    back = round_trip(array, likelihood)
    assert back.dtype == array.dtype
    assert np.abs(back - array).max() <= 2**-23 * 0.1 * 4 + np.finfo(dtype).eps * 5


def test_event_shapes() -> None:
    def shapes(*shape: int) -> tuple[tuple[int, ...], tuple[int, ...], bool]:
        schema = infer_schema(source(RNG.normal(size=shape)))
        return schema.event_shape, schema.input_shape, schema.image

    assert shapes(9, 5) == ((5,), (5,), False)
    assert shapes(9, 5, 4) == ((1, 5, 4), (5, 4), True)
    assert shapes(9, 5, 4, 3) == ((3, 5, 4), (5, 4, 3), True)


def test_channels_move_first_with_their_pixels() -> None:
    array = EXACT["colour"]
    schema = infer_schema(source(array), "normal")
    [f] = schema.features
    x = encode(schema, source(array)).x
    assert x[3, 2, 6, 1].item() == pytest.approx((float(array[3, 6, 1, 2]) - f.mean) / f.scale, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "kind", "low", "step", "levels"),
    [
        ("bytes", "levels", 0, 1, 256),
        ("truth", "binary", 0, 1, 2),
        ("two", "binary", 0.1, 0.6, 2),
        ("sevens", "levels", 3, 7, 9),
        ("shifted", "levels", 3, 0.01, 17),
        ("single", "levels", 0, 1 / 255, 256),
    ],
)
def test_kind_and_lattice(name: str, kind: str, low: float, step: float, levels: int) -> None:
    [f] = infer_schema(source(EXACT[name])).features
    assert (f.kind, f.levels) == (kind, levels)
    assert (f.low, f.step) == pytest.approx((low, step), rel=1e-6)


def test_sentences_say_what_was_chosen() -> None:
    assert infer_schema(load_source("digits")).sentences() == [
        "pixels are grey 0..16 (17 levels): discretised logistic likelihood; pass --likelihood to change",
        "3 pixels never vary: modelled as all others are",
    ]
    said = [infer_schema(source(EXACT[name])).sentences()[0] for name in ("two", "colour", "shifted")]
    assert said[0].startswith("values are 0.1 or 0.7: Bernoulli likelihood")
    assert said[1].startswith("pixels are colour 0..199 (200 levels)")
    assert said[2].startswith("values are 3..3.16 in steps of 0.01 (17 levels)")


def test_missing_elements_are_masked_and_have_no_part_in_the_moments() -> None:
    array = RNG.normal(7, 2, size=(40, 3))
    array[RNG.random(array.shape) < 0.2] = np.nan
    schema = infer_schema(source(array))
    [f] = schema.features
    assert (f.mean, f.scale) == pytest.approx((np.nanmean(array), np.nanstd(array)))
    encoded = encode(schema, source(array))
    np.testing.assert_array_equal(encoded.mask, ~np.isnan(array))
    assert not encoded.x[~encoded.mask].any()
    assert schema.missing_cells == np.isnan(array).sum()


def test_constant_elements_are_named_in_the_encoded_order() -> None:
    array = EXACT["colour"].copy()
    array[:, 6, 1, 2] = 9
    schema = infer_schema(source(array))
    assert schema.constant_elements == [2 * 35 + 6 * 5 + 1]
    assert "1 colour of a pixel never varies: modelled as all others are" in schema.sentences()
    array[:, 6, 1, 1] = 7
    assert (
        "2 colours of pixels never vary: modelled as all others are"
        in infer_schema(source(array)).sentences()
    )


def test_bernoulli_means_are_encoded_in_0_1_and_draws_decoded_to_black_and_white() -> None:
    grey = EXACT["bytes"]
    schema = infer_schema(source(grey, binarise=True))
    encoded = encode(schema, source(grey))
    assert encoded.binarise
    np.testing.assert_allclose(encoded.x[:, 0], grey / 255, rtol=1e-6)
    draw = torch.bernoulli(encoded.x, generator=torch.Generator().manual_seed(0))
    assert set(np.unique(decode(schema, draw))) == {0, 255}
    np.testing.assert_allclose(decode(schema, encoded.x, means=True), grey, rtol=1e-6)
    with pytest.raises(DataError, match=r"lie in 0\.\.1, but the model was fitted on 0\.\.255: multiply"):
        encode(schema, source(grey / 255.0))
    other = infer_schema(source(grey, binarise=True), "discretised")
    assert not encode(other, source(grey)).binarise
    assert other.features[0].kind == "levels"


def test_means_stay_between_levels() -> None:
    schema = infer_schema(source(np.array([[0], [10], [5], [1]])))
    x = encode(schema, source(np.array([[0], [1]]))).x.mean(0, keepdim=True)
    assert decode(schema, x, means=True)[0, 0] == pytest.approx(0.5)
    assert decode(schema, x).dtype == np.int64


def test_draws_beyond_the_levels_are_clipped() -> None:
    schema = infer_schema(source(EXACT["colour"]))
    ends = decode(schema, torch.tensor([-50.0, 50.0]).reshape(2, 1, 1, 1).expand(2, *schema.event_shape))
    assert set(np.unique(ends[0])) == {0}
    assert set(np.unique(ends[1])) == {199}
    normal = infer_schema(source(EXACT["bytes"]), "normal")
    x = torch.full((1, *normal.event_shape), 50.0)
    assert set(np.unique(decode(normal, x))) == {255}


@pytest.mark.parametrize("dtype", ["int64", "uint64", "int32"])
def test_huge_integers_do_not_wrap_round(dtype: str) -> None:
    info = np.iinfo(dtype)
    array = np.array([[info.min], [info.max], [info.max // 2]], dtype=dtype)
    schema = infer_schema(source(array))
    back = decode(schema, torch.tensor([[-1e3], [1e3]]))
    assert back[0, 0] == info.min
    assert back[1, 0] >= info.max - 2048


REFUSED = [
    (np.zeros(3), r"has shape \(3,\), one axis.*reshape it to \(n, 1\)"),
    (np.zeros((0, 3)), "has no rows"),
    (np.zeros((3, 0)), "it is empty"),
    (np.zeros((2, 5, 4, 4)), "give 1 or 3 channels"),
    (np.zeros((2, 3, 4, 4, 1)), r"give \(n, d\), \(n, H, W\)"),
    (np.zeros((2, 3, 4, 4)), "move the channels last"),
    (np.array([["a"], ["b"]]), "not numbers"),
    (np.zeros((2, 2), complex), "holds complex128, not numbers"),
    (np.full((4, 2), 5), "every value of made is 5"),
    (np.ones((1, 4)), "has 1 row: a fit wants two or more"),
    (np.array([[1.0, 2], [3, np.inf]]), r"holds inf in row 1, element \[1\]"),
    (np.array([[1.0, np.nan], [3, np.nan]]), r"element \[1\] of made \(from 0\) is missing in every row"),
]


@pytest.mark.parametrize(("array", "message"), REFUSED, ids=[m[:24] for _, m in REFUSED])
def test_refused_before_a_fit(array: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        infer_schema(source(array))
    assert "\n" not in str(error.value)


def test_bernoulli_refuses_grey_values_and_names_the_alternatives() -> None:
    with pytest.raises(DataError, match=r"values from 0 to 255, so Bernoulli.*discretised or normal"):
        infer_schema(source(EXACT["bytes"]), "bernoulli")
    assert infer_schema(source(EXACT["truth"]), "bernoulli").features[0].kind == "binary"
    assert infer_schema(source(EXACT["truth"]), "discretised").features[0].levels == 2
    with pytest.raises(DataError, match="not evenly spaced"):
        infer_schema(source(RNG.normal(size=(9, 3))), "discretised")


MISFITS = [
    (np.zeros((3, 8, 5), np.uint8), "shape 8x5, but the model was fitted on 7x5"),
    (np.full((3, 7, 5), 200, np.uint8), r"row 0, pixel \[0, 0\] .* holds 200, .* on 0\.\.99"),
    (
        np.full((3, 7, 5), 200),
        r"row 0, pixel \[0, 0\] .* holds 200, .* on 0\.\.99.* or with the likelihood 'normal'$",
    ),
    (np.full((3, 7, 5), 0.5), "holds 0.5"),
    (np.where(np.arange(105).reshape(3, 7, 5) == 40, np.inf, 0), r"row 1, pixel \[1, 0\] .* holds inf"),
]


@pytest.mark.parametrize(("array", "message"), MISFITS, ids=[m[:24] for _, m in MISFITS])
def test_rows_that_do_not_fit_the_schema(array: np.ndarray, message: str) -> None:
    schema = infer_schema(source(np.arange(100, dtype=np.uint8).repeat(7)[:700].reshape(20, 7, 5)))
    with pytest.raises(DataError, match=message):
        encode(schema, source(array))


def test_row_is_counted_from_the_start_in_large_arrays() -> None:
    array = np.zeros((3000, 400))
    array[:, 0] = np.arange(3000) % 3
    schema = infer_schema(source(array))
    array[2500, 7] = 9
    with pytest.raises(DataError, match=r"row 2500, element \[7\]"):
        encode(schema, source(array))


# Files


def test_npy_and_npz(tmp_path: Path) -> None:
    array = EXACT["shifted"]
    np.save(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(load_source(tmp_path / "a.npy").array, array)
    labels = np.arange(20)
    np.savez(tmp_path / "b.npz", X=array, y=labels, other=np.zeros((2, 2)))
    loaded = load_source(tmp_path / "b.npz")
    np.testing.assert_array_equal(loaded.array, array)
    np.testing.assert_array_equal(loaded.labels, labels)
    np.savez_compressed(tmp_path / "c.npz", signal=array, rate=np.array(8000), labels=np.zeros(3))
    loaded = load_source(tmp_path / "c.npz")
    np.testing.assert_array_equal(loaded.array, array)
    assert loaded.labels is None
    assert loaded.notes == (
        "'labels' of c.npz has shape (3,), not one label for each of 20 rows: it is left out",
    )
    np.savez(tmp_path / "label.npz", x=array, label=labels)
    np.testing.assert_array_equal(load_source(tmp_path / "label.npz").labels, labels)
    np.savez(tmp_path / "bytes.npz", x=array, y=np.array(["größe".encode(), b"b"] * 10))
    assert load_source(tmp_path / "bytes.npz").labels.tolist() == ["größe", "b"] * 10
    np.savez(tmp_path / "latin.npz", x=array, y=np.array(["größe".encode("latin-1"), b"b"] * 10))
    with pytest.raises(
        DataError, match=r"labels of latin\.npz are bytes that are not UTF-8 text: save them as"
    ):
        load_source(tmp_path / "latin.npz")
    np.savez(tmp_path / "d.npz", a=array, b=array)
    with pytest.raises(DataError, match="'a', 'b', 2 of them with two or more axes: name the data 'x'"):
        load_source(tmp_path / "d.npz")


class Bomb:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return (Path.touch, (Path("pickle-was-run"),))


def test_nothing_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bomb = np.empty((2, 2), object)
    bomb[:] = Bomb()
    np.save("bomb.npy", bomb)
    np.savez("bomb.npz", x=bomb)
    Path("plain.npy").write_bytes(pickle.dumps(Bomb()))
    for name in ("bomb.npy", "bomb.npz"):
        with pytest.raises(DataError, match="pickled Python objects, which are never loaded"):
            load_source(name)
    with pytest.raises(DataError, match="cannot be read as a numpy file"):
        load_source("plain.npy")
    assert not Path("pickle-was-run").exists()


def test_truncated_arrays(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, EXACT["bytes"])
    (tmp_path / "a.npy").write_bytes(buffer.getvalue()[:-20])
    (tmp_path / "b.npy").write_bytes(b"")
    np.savez(tmp_path / "c.npz", x=EXACT["bytes"])
    (tmp_path / "c.npz").write_bytes((tmp_path / "c.npz").read_bytes()[:-40])
    for name in ("a.npy", "b.npy"):
        with pytest.raises(DataError, match="cannot be read as a numpy file"):
            load_source(tmp_path / name)
    (tmp_path / "d.npz").write_text("no archive")
    for name in ("c.npz", "d.npz"):
        with pytest.raises(
            DataError, match=f"{name} is no archive of arrays: save it again with numpy.savez"
        ):
            load_source(tmp_path / name)


def test_sixty_thousand_pictures_are_inferred_and_encoded_quickly() -> None:
    array = np.random.default_rng(0).integers(0, 256, size=(60_000, 28, 28), dtype=np.uint8)
    start = time.process_time()
    schema = infer_schema(source(array))
    x = encode(schema, source(array)).x
    assert time.process_time() - start < 6  # of one core; about 0.7 on a quiet machine
    assert float(x.std()) == pytest.approx(1, abs=1e-3)


# Folders of images


def save(path: Path, mode: str = "L", size: tuple[int, int] = (5, 7), seed: int = 0) -> np.ndarray:
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], len(mode))
    pixels = np.random.default_rng(seed).integers(0, 256, size=shape, dtype=np.uint8)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels


def test_folder_of_grey_images(tmp_path: Path) -> None:
    pixels = [save(tmp_path / f"{name}.png", seed=i) for i, name in enumerate("ab")]
    (tmp_path / "README.txt").write_text("not an image")
    loaded = load_source(tmp_path)
    np.testing.assert_array_equal(loaded.array, pixels)
    assert loaded.notes == (f"1 file of {tmp_path.name} left out: not an image",)
    assert infer_schema(loaded).event_shape == (1, 7, 5)


def test_most_images_decide_between_grey_and_colour(tmp_path: Path) -> None:
    colour = [save(tmp_path / f"{name}.png", "RGB", seed=i) for i, name in enumerate("ab")]
    grey = save(tmp_path / "c.png")
    loaded = load_source(tmp_path)
    np.testing.assert_array_equal(loaded.array[:2], colour)
    np.testing.assert_array_equal(loaded.array[2], np.repeat(grey[:, :, None], 3, axis=2))
    assert loaded.notes == ("1 of 3 images are grey and were turned colour, like the others",)


def test_subfolders_are_labels(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for i in range(2):
            save(tmp_path / name / f"{i}.png", seed=i)
    loaded = load_source(tmp_path)
    assert loaded.labels.tolist() == ["cat", "cat", "dog", "dog"]
    assert len(loaded) == 4
    save(tmp_path / "stray.png")
    wanted = r"holds images, such as stray\.png, beside sub-folders of images, such as cat: move the ones elsewhere"
    with pytest.raises(DataError, match=wanted):
        load_source(tmp_path)


def test_images_that_cannot_be_stacked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no images"):
        load_source(tmp_path)
    for name in "ab":
        save(tmp_path / f"{name}.png")
    save(tmp_path / "c.png", size=(6, 7))
    with pytest.raises(DataError, match=r"a\.png is 5x7 and c\.png is 6x7: resize them alike.*5x7"):
        load_source(tmp_path)
    (tmp_path / "c.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"c\.png cannot be read"):
        load_source(tmp_path)
    save(tmp_path / "c.png")
    (tmp_path / "c.png").write_bytes((tmp_path / "c.png").read_bytes()[:60])
    with pytest.raises(DataError, match=r"c\.png (is damaged|cannot be read)"):
        load_source(tmp_path)
    Image.fromarray(np.zeros((7, 5), np.uint16)).save(tmp_path / "c.png")
    with pytest.raises(DataError, match=r"c\.png has more than 8 bits a pixel"):
        load_source(tmp_path)
