"""Results to a file, whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from anyvae.data.arrow import is_moment, is_ordered, is_text
from anyvae.data.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

Array = np.ndarray[Any, np.dtype[Any]]

ENDINGS = (".csv", ".parquet", ".npy")


def write(path: str | Path, data: Array | pa.Table | Mapping[str, Array]) -> None:
    """Write rows to a ``.csv``, ``.parquet`` or ``.npy`` file.

    The file appears, or replaces the old one, only when it is whole. In a table an array has columns ``x0``,
    ``x1``, …, one for every element of its rows; a ``.npy`` file holds an array as it is and columns side by
    side, (n, columns).

    Arguments:
        path: of the file; its ending says the format.
        data: an array, rows first; a table; or columns, each (n,), by name.

    Raises:
        DataError: another ending, text for a ``.npy`` file, or a place that cannot be written.

    Example:
        >>> write("a.txt", {"log_density": np.zeros(3)})
        Traceback (most recent call last):
            ...
        anyvae.data.errors.DataError: a.txt has an ending anyvae cannot write: give .csv, .parquet or .npy
    """
    path = Path(path).expanduser()
    if path.suffix.lower() not in ENDINGS or not path.stem:
        raise DataError(f"{path} has an ending anyvae cannot write: give .csv, .parquet or .npy")
    if path.is_dir():
        raise DataError(f"{path} is a folder: give the name of a file")
    ending = path.suffix.lower()
    ready: Any = _columns_side_by_side(data, path) if ending == ".npy" else tabulated(data)
    target = path.resolve()  # through links, so that the link stays one
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            _put(file, ready, ending)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as cause:
        reason = cause.strerror or str(cause)
        advice = (
            f"make the folder {path.parent} first"
            if not target.parent.is_dir()
            else "free space or write elsewhere"
        )
        raise DataError(f"{path} cannot be written ({reason}): {advice}") from cause
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _put(file: Any, data: Any, ending: str) -> None:
    if ending == ".npy":
        # Through the file's own write, for numpy's shortcut reports a full disk without its cause.
        buffer = io.BytesIO()
        np.lib.format.write_array_header_1_0(buffer, np.lib.format.header_data_from_array_1_0(data))
        file.write(buffer.getvalue())
        file.write(data.tobytes())
    elif ending == ".parquet":
        import pyarrow.parquet as pq

        pq.write_table(data, file)
    else:
        write_csv(file, data)


def write_csv(file: IO[bytes], data: Array | pa.Table | Mapping[str, Array]) -> None:
    """Write rows as csv to an open file.

    Arguments:
        file: open for bytes.
        data: as for `write`.

    Example:
        >>> file = io.BytesIO()
        >>> write_csv(file, {"z0": np.array([0.5, 1.0])})
        >>> file.getvalue()
        b'z0\\n0.5\\n1\\n'
    """
    import pyarrow.csv as pc

    table = tabulated(data)
    header = io.StringIO()
    csv.writer(header, lineterminator="\n").writerow(table.column_names)  # arrow's own quotes every name
    file.write(header.getvalue().encode())
    pc.write_csv(table, file, pc.WriteOptions(include_header=False))


def tabulated(data: Array | pa.Table | Mapping[str, Array]) -> pa.Table:
    """Rows as a table; the elements of an array's rows are columns ``x0``, ``x1``, ….

    Arguments:
        data: as for `write`.

    Example:
        >>> tabulated(np.zeros((3, 1, 2))).column_names
        ['x0', 'x1']
    """
    import pyarrow as pa

    if isinstance(data, np.ndarray):
        flat = data.reshape(len(data), -1)
        data = {f"x{i}": flat[:, i] for i in range(flat.shape[1])}
    if isinstance(data, Mapping):
        return pa.table({name: pa.array(np.ascontiguousarray(column)) for name, column in data.items()})
    return data


def _columns_side_by_side(data: Array | pa.Table | Mapping[str, Array], path: Path) -> Array:
    if not isinstance(data, np.ndarray):
        columns = data if isinstance(data, Mapping) else {n: data[n].to_numpy() for n in data.column_names}
        for name, column in columns.items():
            if np.asarray(column).dtype.kind not in "biuf":
                what = "text" if isinstance(data, Mapping) else _called(data[name].type)
                raise DataError(
                    f"column {name!r} is {what}, which {path} cannot hold: write .csv or .parquet"
                )
        data = np.stack([np.asarray(column) for column in columns.values()], axis=1)
    if data.dtype.kind not in "biuf":
        raise DataError(f"{path} holds numbers only, not {data.dtype}: write .csv or .parquet")
    return np.ascontiguousarray(data)


def _called(kind: pa.DataType) -> str:
    """What a column that is not of numbers holds, in words."""
    if is_ordered(kind):
        return "of ordered categories"
    if is_moment(kind):
        return "of dates"
    return "text" if is_text(kind) else f"of type {kind} with missing cells"
