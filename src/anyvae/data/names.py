"""The data sets anyvae knows by name, and where it looks for them."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anyvae.data.download import download
from anyvae.data.errors import DataError
from anyvae.data.source import Source
from anyvae.data.sprites import DSprites

Array = np.ndarray[Any, np.dtype[Any]]

NAMES = ("digits", "mnist", "fashion-mnist", "dsprites")
_SPRITES = 20_000
_PARTS = ("train-images", "train-labels", "t10k-images", "t10k-labels")


@dataclass(frozen=True)
class Published:
    """A data set of four idx files, and what proves that they are the published ones.

    Arguments:
        name: of the data set, and of the folder that holds it.
        url: of the folder the files are downloaded from, with a slash at its end.
        sha256: of the uncompressed files: training images, training labels, test images, test labels. The
            same numbers are in circulation under several compressions, so it is they that are checked.
        folders: further places where the files may be.
    """

    name: str
    url: str
    sha256: tuple[str, str, str, str]
    folders: tuple[str, ...] = ()

    @property
    def files(self) -> dict[str, str]:
        """Name of each compressed file and the checksum of what is in it."""
        return {
            f"{part}-idx{3 if part.endswith('images') else 1}-ubyte.gz": sha
            for part, sha in zip(_PARTS, self.sha256)
        }


MNIST = Published(
    "mnist",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)
FASHION_MNIST = Published(
    "fashion-mnist",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    folders=("/usr/share/datasets/fashion-mnist",),  # Debian's package dataset-fashion-mnist
)


def load_name(name: str) -> Source:
    """A data set by its name.

    Arguments:
        name: ``digits`` (scikit-learn's, 1797 x 8 x 8), ``mnist`` or ``fashion-mnist`` (60,000 x 28 x 28,
            with a test part of 10,000), or ``dsprites`` (20,000 x 64 x 64, labelled by their shapes). ``mnist`` is
            grey values read as Bernoulli means. ``dsprites`` is a part of the 737,280 pictures of `DSprites`, namely
            the rows ``DSprites().some(20_000)``, because a source holds what it has; `DSprites` streams them all.

    Raises:
        DataError: the name is unknown, a file differs from the published one, or the download failed.
    """
    if name == "digits":
        from sklearn.datasets import load_digits

        digits = load_digits()
        return Source("digits", array=digits.images, table=None, labels=digits.target)
    if name == "mnist":
        note = "mnist is binarised afresh every epoch; its test part once, with seed 0"
        return load_published(MNIST, binarise=True, notes=(note,))
    if name == "fashion-mnist":
        return load_published(FASHION_MNIST)
    if name == "dsprites":
        return load_sprites(_SPRITES)
    raise DataError(f"no data set is called {name!r}: the names are {', '.join(NAMES)}")


def load_sprites(rows: int) -> Source:
    """Some of the pictures of `DSprites`, labelled by their shapes.

    Arguments:
        rows: how many; they are drawn with seed 0.

    >>> load_sprites(3).labels
    array(['ellipse', 'ellipse', 'heart'], dtype='<U7')
    """
    sprites = DSprites()
    drawn = sprites.some(rows)
    labels = np.array(sprites.shapes)[sprites.factors(drawn)[:, 0]]
    note = f"dsprites is {rows:,} of its {len(sprites):,} pictures, drawn by anyvae's own rule"
    return Source("dsprites", sprites[drawn][:, 0], None, labels, notes=(note,))


def load_published(published: Published, *, binarise: bool = False, notes: tuple[str, ...] = ()) -> Source:
    """A published data set, from the first place that has it whole, or else downloaded into the cache.

    Arguments:
        published: which.
        binarise: as in `Source`.
        notes: as in `Source`.

    Raises:
        DataError: a file differs from the published one, or the download failed.
    """
    folder = next((f for f in places(published) if all(_file(f, name) for name in published.files)), None)
    if folder is None:
        folder = cache() / published.name
        download(published.url, published.files, folder, name=published.name)
        notes = (*notes, f"{published.name} was downloaded to {folder}")
    images, labels, test_images, test_labels = (
        _idx(folder, name, sha, published.name) for name, sha in published.files.items()
    )
    test = Source(f"{published.name} test part", test_images, None, test_labels, binarise=binarise)
    return Source(published.name, images, None, labels, test, binarise, notes)


def places(published: Published) -> Iterator[Path]:
    """Folders where the files may be, in the order they are looked at.

    Arguments:
        published: the data set.
    """
    if root := os.environ.get("ANYVAE_DATA"):
        yield Path(root).expanduser() / published.name
    yield Path("..", "shared", "data", published.name)
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "pyproject.toml").is_file():  # not so where the package is installed
        yield checkout.parent / "shared" / "data" / published.name
    yield from map(Path, published.folders)
    yield cache() / published.name


def cache() -> Path:
    """The user's cache folder: ``$XDG_CACHE_HOME/anyvae``, or else ``~/.cache/anyvae``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "anyvae"


def parse_idx(content: bytes) -> Array:
    """The array of an idx file of unsigned bytes: two zeros, type 8, number of axes, sizes, elements.

    Arguments:
        content: of the file, uncompressed.

    Raises:
        ValueError: the content is not that of such a file.

    Example:
        >>> parse_idx(bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9]))
        array([[7, 8, 9]], dtype=uint8)
    """
    if content[:3] != b"\0\0\x08" or len(content) < 4 or len(content) < 4 + 4 * content[3]:
        raise ValueError("not an idx file of unsigned bytes")
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape.tolist())


def _file(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / name, folder / name.removesuffix(".gz")) if p.is_file()), None)


def _idx(folder: Path, name: str, sha256: str, dataset: str) -> Array:
    path = _file(folder, name)
    wrong = f"{path} is not the published file of {dataset}"
    if path is None:
        raise DataError(f"{folder / name} is gone: put it back, or remove the folder to download it again")
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (gzip.BadGzipFile, EOFError, zlib.error) as cause:
        raise DataError(
            f"{wrong} ({cause}): remove it, and it is looked for elsewhere or downloaded"
        ) from cause
    except OSError as cause:
        raise DataError(f"{path} cannot be read ({cause.strerror}): check its permissions") from cause
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(
            f"{wrong} (its checksum differs): remove it, and it is looked for elsewhere or downloaded"
        )
    return parse_idx(content)
