"""Results, to a file by its ending or to standard output as csv."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

__all__ = ["WRITTEN", "check_target", "deliver"]

WRITTEN = (".csv", ".parquet", ".npy")
"""Endings of the files that can be written."""


def check_target(path: Path | None, endings: tuple[str, ...] = WRITTEN) -> None:
    """Refuse a file that cannot be written before anything is computed for it.

    Raises:
        DataError: another ending, a folder, or a folder that does not exist.
    """
    if path is None:
        return
    from anyvae.data import DataError

    if path.suffix.lower() not in endings:
        raise DataError(f"{path} has an ending that cannot be written: give {' or '.join(endings)}")
    if path.is_dir():
        raise DataError(f"{path} is a folder: give the name of a file")
    if not path.expanduser().parent.is_dir():
        raise DataError(f"{path} cannot be written: make the folder {path.parent} first")


def deliver(data: Any, path: Path | None) -> None:
    """Write an array, a table or columns by name.

    Arguments:
        data: rows first; a single column becomes a vector in a .npy file.
        path: of the file; None for csv on standard output.

    Raises:
        DataError: when the file cannot be written.
    """
    from anyvae.data.write import write, write_csv

    if path is None:
        content = io.BytesIO()
        write_csv(content, data)
        sys.stdout.write(content.getvalue().decode())
        return
    if path.suffix.lower() == ".npy" and isinstance(data, dict) and len(data) == 1:
        [data] = data.values()
    write(path, data)
