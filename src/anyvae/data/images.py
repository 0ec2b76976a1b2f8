"""A folder of images as one array."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from anyvae.data.errors import DataError

Array = np.ndarray[Any, np.dtype[Any]]

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"})
_GREY = frozenset({"1", "L", "LA"})
_DEEP = ("I", "F")  # 16 and 32 bits a pixel: turning them into 8 would clip them


def read_images(folder: Path) -> tuple[Array, Array | None, tuple[str, ...]]:
    """The images of a folder, in the order of their names.

    Arguments:
        folder: holds either the images themselves or one sub-folder of images for every label.

    Returns:
        Pixels, uint8, (n, H, W) grey or (n, H, W, 3) colour, whichever most of the images are; the names of
        the sub-folders as labels, or None; sentences to say aloud.

    Raises:
        DataError: no images, images beside such sub-folders, one that cannot be read, or images of different sizes.
    """
    files = _images_in(folder)
    below = [file for sub in sorted(folder.iterdir()) if sub.is_dir() for file in _images_in(sub)]
    if files and below:
        raise DataError(
            f"folder {folder} holds images, such as {files[0].name}, beside sub-folders of images, such as "
            f"{below[0].parent.name}: move the ones elsewhere to have the others"
        )
    labels = np.array([file.parent.name for file in below]) if below else None
    files = files or below
    if not files:
        raise DataError(f"folder {folder} holds no images: put .png or .jpg files in it")
    modes, sizes = zip(*(_look(file) for file in files), strict=True)
    _check_sizes(files, list(sizes))
    grey = 2 * sum(mode in _GREY for mode in modes) >= len(modes)
    pixels = np.stack([_pixels(file, "L" if grey else "RGB") for file in files])
    return pixels, labels, _notes(folder, files, [mode in _GREY for mode in modes], grey)


def _images_in(folder: Path) -> list[Path]:
    return sorted(
        p
        for p in folder.iterdir()
        if p.suffix.lower() in ENDINGS and not p.name.startswith(".") and p.is_file()
    )


def _look(file: Path) -> tuple[str, tuple[int, int]]:
    from PIL import Image

    try:
        with Image.open(file) as image:
            mode, size = image.mode, image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as cause:
        raise DataError(
            f"image {file} cannot be read ({type(cause).__name__}): repair or remove it"
        ) from cause
    if mode.startswith(_DEEP):
        raise DataError(
            f"image {file} has more than 8 bits a pixel (mode {mode}): convert it to 8 bits, or give a .npy "
            "file"
        )
    return mode, size


def _check_sizes(files: list[Path], sizes: list[tuple[int, int]]) -> None:
    usual, _ = Counter(sizes).most_common(1)[0]
    odd = next((i for i, size in enumerate(sizes) if size != usual), None)
    if odd is not None:
        a, b = files[sizes.index(usual)], files[odd]
        raise DataError(
            f"images differ in size: {a.name} is {usual[0]}x{usual[1]} and {b.name} is "
            f"{sizes[odd][0]}x{sizes[odd][1]}: "
            f"resize them alike, for example with `mogrify -resize {usual[0]}x{usual[1]}! *{b.suffix}`"
        )


def _pixels(file: Path, mode: str) -> Array:
    from PIL import Image

    try:
        with Image.open(file) as image:
            return np.asarray(image.convert(mode))
    except (OSError, ValueError, SyntaxError) as cause:
        raise DataError(f"image {file} is damaged ({cause}): repair or remove it") from cause


def _notes(folder: Path, files: list[Path], is_grey: list[bool], grey: bool) -> tuple[str, ...]:
    notes = []
    other = sum(one != grey for one in is_grey)
    if other:
        was, now = ("colour", "grey") if grey else ("grey", "colour")
        notes.append(f"{other} of {len(files)} images are {was} and were turned {now}, like the others")
    if files[0].parent == folder:
        skipped = sum(p.is_file() and not p.name.startswith(".") for p in folder.iterdir()) - len(files)
        if skipped:
            notes.append(f"{skipped} file{'s' * (skipped > 1)} of {folder.name} left out: not an image")
    return tuple(notes)
