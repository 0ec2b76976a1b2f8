"""A source: rows as they were given, before any of them is encoded."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anyvae.data.errors import DataError, listing
from anyvae.data.split import some_rows

if TYPE_CHECKING:
    import pyarrow as pa

Array = np.ndarray[Any, np.dtype[Any]]

ENDINGS = (".csv", ".csv.gz", ".parquet", ".npy", ".npz")


@dataclass(frozen=True)
class Source:
    """Rows as they were given: an array or a table, with what is known of them.

    Arguments:
        name: what the rows are called: ``digits``, ``mnist`` or the file's name.
        array: rows of numbers, (n, *event), in their own dtype; images are (n, H, W) or (n, H, W, C).
        table: rows of named columns; exactly one of ``array`` and ``table`` is set.
        labels: (n,), never fitted; they colour pictures and feed probes.
        test: the source's own test part, for sources that have one.
        binarise: whether grey values are Bernoulli means, to be drawn afresh every epoch.
        notes: sentences to be said aloud to the user.
        beside: columns set aside from the table: labels that may be modelled, and what rows may be given.
        left: columns of a table that were dropped, where rows are read for a model that is fitted: they are served
            back beside its answers.
        order: names of all columns of a table that was read, in the order in which they stood.

    Raises:
        DataError: both or neither of ``array`` and ``table``, or labels of another length.

    Example:
        >>> source = Source("three rows", array=np.eye(3), table=None)
        >>> len(source), source.take(np.array([2, 0])).array[0]
        (3, array([0., 0., 1.]))
    """

    name: str
    array: Array | None
    table: pa.Table | None
    labels: Array | None = None
    test: Source | None = None
    binarise: bool = False
    notes: tuple[str, ...] = ()
    beside: pa.Table | None = None
    left: pa.Table | None = None
    order: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.array is None) == (self.table is None):
            raise DataError(f"source {self.name!r} wants exactly one of array and table")
        if self.labels is not None and self.labels.shape != (len(self),):
            raise DataError(
                f"source {self.name!r} has {len(self)} rows but labels of shape {self.labels.shape}: "
                f"give one label a row"
            )

    def __len__(self) -> int:
        rows: Any = self.table if self.array is None else self.array
        return len(rows)

    def take(self, rows: Array) -> Source:
        """The given rows, in the given order, without the test part.

        Arguments:
            rows: (m,) integer row numbers, from 0.

        Example:
            >>> source = Source("squares", array=np.arange(4)[:, None] ** 2, table=None)
            >>> source.take(np.array([3, 1])).array.ravel()
            array([9, 1])
        """
        return Source(
            name=self.name,
            array=None if self.array is None else self.array[rows],
            table=None if self.table is None else self.table.take(rows),
            labels=None if self.labels is None else self.labels[rows],
            binarise=self.binarise,
            notes=self.notes,
            beside=None if self.beside is None else self.beside.take(rows),
            left=None if self.left is None else self.left.take(rows),
            order=self.order,
        )

    def some(self, most: int) -> Source:
        """So many rows at most, from everywhere; see `anyvae.data.some_rows`.

        Example:
            >>> len(Source("squares", array=np.arange(40)[:, None] ** 2, table=None).some(7))
            7
        """
        return self.take(some_rows(len(self), most))


def load_source(
    spec: str | Path,
    *,
    label: str | None = None,
    given: Sequence[str] = (),
    drop: Sequence[str] = (),
    missing: Sequence[str] = (),
    again: bool = False,
    text: Sequence[str] = (),
) -> Source:
    """Rows from a file, a folder of images, or one of the built-in names.

    Arguments:
        spec: ``digits``, ``mnist``, ``fashion-mnist``, ``dsprites``, or the path of a ``.csv``, ``.csv.gz``,
            ``.parquet``, ``.npy`` or ``.npz`` file or of a folder of images. A name wins over a file;
            write ``./digits`` to mean the file.
        label: a column of a table that holds labels; it is left out of the rows. Sources that have labels of their
            own call them ``label``.
        given: columns that rows are given; they are left out of the rows too.
        drop: columns of a table that are not read.
        missing: words that stand for a missing cell of a table, besides the usual NA, NaN and null.
        again: whether the rows are for a model that is fitted: columns to drop may be absent then, a column without
            a name is left out, and nothing is said of words that no cell holds.
        text: columns of a ``.csv`` file whose cells are text, whatever they spell; they may be absent.

    Raises:
        DataError: the source is missing, empty, unreadable or holds what cannot be fitted.

    Example:
        >>> digits = load_source("digits")
        >>> digits.array.shape, digits.labels.shape
        ((1797, 8, 8), (1797,))
    """
    from anyvae.data.names import NAMES, load_name

    if isinstance(spec, str) and spec in NAMES:
        _own_labels(spec, label, given)
        _no_cells(spec, drop, missing)
        return load_name(spec)
    if not str(spec):
        raise DataError(f"the source has no name: give a path, or one of {listing(list(NAMES))}")
    path = Path(spec).expanduser()
    try:
        if path.is_dir():
            source = _folder(path)
        elif path.exists():
            source = _file(path, label, given, drop, missing, again, text)
        else:
            raise DataError(_absent(spec, path, NAMES))
    except (OSError, MemoryError) as cause:
        reason = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        raise DataError(f"{path} cannot be read ({reason}): check the path and its permissions") from cause
    if source.table is None:
        if source.labels is None and (label is not None or given):
            column = label if label is not None else given[0]
            raise DataError(
                f"{path} has no column {column!r} of labels or conditions beside its rows: give "
                + ("an .npz file whose y it is" if column == "label" else "a table that has it")
                + ", or name none"
            )
        _own_labels(str(path), label, given)
        _no_cells(str(path), drop, missing)
    return source


def _own_labels(name: str, label: str | None, given: Sequence[str]) -> None:
    if strange := [column for column in (label, *given) if column not in (None, "label")]:
        raise DataError(
            f"{name} has labels of its own, called 'label', and no column {strange[0]!r}: name that, or give a table "
            "that has it"
        )


def _no_cells(name: str, drop: Sequence[str], missing: Sequence[str]) -> None:
    for option, words in (("drop", drop), ("missing", missing)):
        if words:
            raise DataError(
                f"{name} is no table, so --{option} {words[0]!r} has no meaning: leave it out, or give a table"
            )


def _file(
    path: Path,
    label: str | None,
    given: Sequence[str],
    drop: Sequence[str],
    missing: Sequence[str],
    again: bool,
    text: Sequence[str],
) -> Source:
    ending = next((e for e in ENDINGS if path.name.lower().endswith(e)), None)
    if ending is None:
        raise DataError(
            f"{path} has an ending anyvae cannot read: give {', '.join(ENDINGS)} or a folder of images"
        )
    if ending in (".npy", ".npz"):
        from anyvae.data.arrays import read_npy, read_npz

        if ending == ".npy":
            return Source(path.name, array=read_npy(path), table=None)
        array, labels, said = read_npz(path)
        return Source(path.name, array=array, table=None, labels=labels, notes=said)

    from anyvae.data.arrow import plain
    from anyvae.data.blanks import blank
    from anyvae.data.delimited import read_csv
    from anyvae.data.tables import leave_out, pop_label, read_parquet, set_aside, tidy

    met: set[str] = set()
    if ending == ".parquet":
        table, notes = read_parquet(path)
    else:
        table, notes, met = read_csv(path, missing, text)
        drop = _with_unnamed(table, drop, path.name, again)
    order = tuple(table.column_names)
    table, left = leave_out(table, drop, path.name, absent=again)
    table, held = blank(plain(table, path.name), missing)
    if not again:
        strange = [word for word in missing if word not in held and word.strip() not in met]
        notes += tuple(
            f"--missing {word!r}: no cell that is read of {path.name} holds it" for word in strange
        )
    _, labels = pop_label(table, label, path.name)
    table, beside = set_aside(table, [*([] if label is None else [label]), *given], path.name)
    table = tidy(table, path.name)
    return Source(
        path.name,
        array=None,
        table=table,
        labels=labels,
        notes=notes,
        beside=beside,
        left=left if again else None,
        order=order,
    )


def _with_unnamed(table: pa.Table, drop: Sequence[str], name: str, again: bool) -> Sequence[str]:
    """What is dropped, and with it a column without a name that no fit can have read."""
    if "" not in table.column_names:
        return [column for column in drop if column]  # what was left out already may be named
    if "" in drop:
        return drop
    if again:
        return [*drop, ""]
    raise DataError(
        f"column {table.column_names.index('') + 1} of {name} has no name: name it in line 1, or leave it out "
        "(--drop '')"
    )


def _folder(path: Path) -> Source:
    from anyvae.data.images import read_images

    array, labels, notes = read_images(path)
    return Source(path.resolve().name, array=array, table=None, labels=labels, notes=notes)


def _absent(spec: str | Path, path: Path, names: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(str(spec).lower(), names, n=1)
    if not close and path.parent.is_dir():
        close = difflib.get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"give a path, or one of {listing(list(names))}"
    return f"no file, folder or data set is called {str(spec)!r}: {hint}"
