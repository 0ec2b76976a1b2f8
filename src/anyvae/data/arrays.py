"""Arrays from ``.npy`` and ``.npz`` files; nothing pickled is ever loaded."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from anyvae.data.errors import DataError, listing

Array = np.ndarray[Any, np.dtype[Any]]

_DATA_KEYS = ("x", "X", "data")
_LABEL_KEYS = ("y", "label", "labels")


def read_npy(path: Path) -> Array:
    """The array of a ``.npy`` file.

    Arguments:
        path: the file.

    Raises:
        DataError: unreadable bytes, pickled objects, or an array that is not rows of numbers.
    """
    try:
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError) as cause:
        raise DataError(_unreadable(path.name, cause)) from cause
    return check_array(array, path.name)


def read_npz(path: Path) -> tuple[Array, Array | None, tuple[str, ...]]:
    """The data and labels of a ``.npz`` file, and sentences to say aloud.

    The data are the key ``x``, ``X`` or ``data``, or else the only array of two or more axes; the labels are
    the key ``y``, ``label`` or ``labels`` where it holds one value a row.

    Arguments:
        path: the file.

    Raises:
        DataError: unreadable bytes, pickled objects, or no single array that is meant.
    """
    # numpy takes what is no archive for a pickle.
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path.name} is no archive of arrays: save it again with numpy.savez")
    try:
        # Opened here, for numpy leaves a file it cannot make sense of open.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files if key in _DATA_KEYS + _LABEL_KEYS}
            key = next((k for k in _DATA_KEYS if k in arrays), None)
            if key is None:
                arrays = {key: file[key] for key in file.files}
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError) as cause:
        raise DataError(_unreadable(path.name, cause)) from cause
    if key is None:
        wide = [k for k, a in arrays.items() if a.ndim >= 2 and k not in _LABEL_KEYS]
        if len(wide) != 1:
            raise DataError(
                f"{path.name} holds {listing(list(arrays)) or 'no arrays'}, {len(wide)} of them with two or "
                "more axes: "
                f"name the data 'x'"
            )
        key = wide[0]
    data = check_array(arrays[key], f"{key!r} of {path.name}")
    named = next((k for k in _LABEL_KEYS if k in arrays and k != key), None)
    if named is None:
        return data, None, ()
    labels = arrays[named]
    if labels.shape == (len(data), 1):
        labels = labels[:, 0]
    if labels.shape != (len(data),):
        return (
            data,
            None,
            (
                f"{named!r} of {path.name} has shape {labels.shape}, not one label for each of {len(data):,} rows: "
                "it is left out",
            ),
        )
    if labels.dtype.kind == "S":
        try:
            labels = np.char.decode(labels, "utf-8")
        except UnicodeDecodeError as cause:
            raise DataError(
                f"labels of {path.name} are bytes that are not UTF-8 text: save them as strings or as numbers"
            ) from cause
    return data, labels, ()


def check_array(array: Array, where: str) -> Array:
    """The array, with native byte order, if it is rows of numbers.

    Arguments:
        array: (n, d), (n, H, W) or (n, H, W, C) with C 1 or 3.
        where: what to call the array in a message.

    Raises:
        DataError: another number of axes, no rows, or elements that are not real numbers.

    Example:
        >>> check_array(np.zeros(3), "x.npy")
        Traceback (most recent call last):
            ...
        anyvae.data.errors.DataError: x.npy has shape (3,), one axis: rows come first, so reshape it to (n, 1)
    """
    shape = tuple(array.shape)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{where} holds {array.dtype}, not numbers: convert it to integers or floats")
    if array.ndim < 2:
        axes = "one axis" if array.ndim else "no axes"
        raise DataError(f"{where} has shape {shape}, {axes}: rows come first, so reshape it to (n, 1)")
    if array.ndim == 4 and shape[3] not in (1, 3):
        wanted = "move the channels last" if shape[1] in (1, 3) else "give 1 or 3 channels"
        raise DataError(f"{where} has shape {shape} but images are (n, height, width, channels): {wanted}")
    if array.ndim > 4:
        raise DataError(f"{where} has shape {shape}: give (n, d), (n, H, W) or (n, H, W, channels)")
    if array.size == 0:
        raise DataError(f"{where} has shape {shape}: it is empty, give at least one row and one column")
    if array.dtype.itemsize > 8:  # long doubles: torch and arrow have no such type
        return array.astype(np.float64)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _unreadable(name: str, cause: Exception) -> str:
    if "pickle" in str(cause).lower():
        return f"{name} holds pickled Python objects, which are never loaded: save it as an array of numbers"
    return f"{name} cannot be read as a numpy file ({cause}): save it again with numpy.save or numpy.savez"
