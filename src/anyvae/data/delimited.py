"""Tables from ``.csv`` files."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyvae.data.blanks import spellings
from anyvae.data.errors import DataError, first_line, listing
from anyvae.data.noticed import counts_rows

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_csv"]

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_LOOKED_AT = 20  # rows, for the delimiter
# At the start of a cell, whatever it is in: where there is none, no column is read again.
_LEADING_ZERO = rb"[,;\t|\n\"]-?0[0-9]"
_LONG = rb"(?<![.0-9])[0-9]{19}"  # 64 bits hold no more digits
_SEPARATOR = re.compile(rb"sep=([,;\t|])\r?\n", re.IGNORECASE)  # said to spreadsheets in a line of its own


@dataclass(frozen=True)
class _Cells:
    """The text of a table, and how it is split into cells.

    Arguments:
        content: of the file.
        name: of the file, for a message.
        delimiter: between cells.
        names: of the columns; those of the first line where None.
        nulls: what a missing cell holds.
        alone: whether there is one column, in which an empty line is a missing cell.
    """

    content: bytes
    name: str
    delimiter: str
    names: list[str] | None
    nulls: Sequence[str]
    alone: bool

    def parse(self, text: Sequence[str], only: Sequence[str] | None = None) -> pa.Table:
        """The table.

        Arguments:
            text: columns whose cells are text, whatever they spell; types of others are inferred.
            only: columns that are wanted, None for all.
        """
        import pyarrow as pa
        import pyarrow.csv as pc

        ragged: list[tuple[int | None, int, int]] = []

        def remember(row: Any) -> str:
            ragged.append((row.number, row.actual_columns, row.expected_columns))
            return "error"

        parse = pc.ParseOptions(
            delimiter=self.delimiter,
            newlines_in_values=True,
            invalid_row_handler=remember,
            ignore_empty_lines=not self.alone,
        )
        convert = pc.ConvertOptions(
            null_values=self.nulls,
            strings_can_be_null=True,
            column_types=dict.fromkeys(text, pa.string()),
            include_columns=only,
        )

        def read(**options: Any) -> pa.Table:
            reading = pc.ReadOptions(column_names=self.names, **options)
            return pc.read_csv(pa.BufferReader(self.content), reading, parse, convert)

        try:
            try:
                return read()
            except pa.ArrowInvalid:
                # Types are inferred from the first block, so a later one may not fit them: read again as a single
                # block.
                ragged.clear()
                return read(use_threads=False, block_size=min(len(self.content) + 1, 2**31 - 1))
        except (pa.ArrowException, ValueError) as cause:
            if "invalid UTF8" in str(cause):
                raise DataError(f"{self.name} is not UTF-8 text: save the file as UTF-8") from cause
            if not ragged:
                raise DataError(
                    f"{self.name} cannot be read as csv ({first_line(cause)}): mend or export it again"
                ) from cause
            line, got, wanted = ragged[0]
            where = "a line" if line is None else f"line {line}"
            raise DataError(
                f"{where} of {self.name} has {got} cell{'s' * (got != 1)} where {wanted} were expected: "
                f"mend it, quoting any {_DELIMITERS[self.delimiter]} inside a cell"
            ) from cause


def read_csv(
    path: Path, missing: Sequence[str] = (), text: Sequence[str] = ()
) -> tuple[pa.Table, tuple[str, ...], set[str]]:
    """The table of a ``.csv`` or ``.csv.gz`` file, sentences to say aloud, and the words for a missing cell it holds.

    Types come from the whole file; whole numbers some of which begin with 0, as codes do, are text, and so are those
    that no number keeps every digit of. Empty cells, ``NA``, ``NaN`` and ``null`` are missing, and so is an empty line
    of a table of one column. A first line of numbers is data, not names; an unnamed first column that counts the rows
    is left out, and so are unnamed ones that hold nothing.

    Arguments:
        path: the file.
        missing: further words for a missing cell; see `anyvae.data.blanks` for the numbers that they spell.
        text: columns whose cells are text, whatever they spell.

    Raises:
        DataError: an empty file, ragged rows, columns of the same name, or text that is not UTF-8.
    """
    import pyarrow.csv as pc

    content = _bytes(path)
    said = _SEPARATOR.match(content)
    content = content[said.end() :] if said else content
    header, delimiter = _header(content, path.name, said[1].decode() if said else None)
    notes = [] if delimiter == "," else [f"cells of {path.name} are split at {_DELIMITERS[delimiter]}"]
    alone = len(header) == 1
    if alone:
        content = content.lstrip(b"\r\n")
        if re.search(rb"\n\r?\n", content):
            notes.append(
                f"empty lines of {path.name} are missing cells of its one column, but those at its end are none"
            )
        content = content.rstrip(b"\r\n") + b"\n"
    names: list[str] | None = None
    if _is_data(header):
        names = [f"c{i}" for i in range(len(header))]
        notes.append(
            f"the first line of {path.name} holds numbers, so its columns are named {names[0]} to {names[-1]}"
        )
    elif twice := [name for name, times in Counter(header).items() if name and times > 1]:
        raise DataError(
            f"{path.name} has more than one column named {listing(twice)}: give each its own name"
        )
    usual = pc.ConvertOptions().null_values
    cells = _Cells(content, path.name, delimiter, names, usual, alone)
    met: set[str] = set()
    if missing:
        met = spellings(replace(cells, nulls=()).parse(names or header), missing)
        cells = replace(cells, nulls=[*usual, *met])
    table = cells.parse(text)
    table, left = _leave_nameless(table, path.name)
    notes += left
    table, zeros, long = _keep_codes(table, cells)
    if zeros:
        notes.append(f"cells begin with 0 as those of codes do, and are kept as text: {listing(zeros)}")
    if long:
        notes.append(
            f"cells are whole numbers of more digits than a number keeps, and are kept as text: {listing(long)}"
        )
    return table, tuple(notes), {word.strip() for word in met}


def _leave_nameless(table: pa.Table, name: str) -> tuple[pa.Table, list[str]]:
    """The table without columns that have no name and hold nothing, or count the rows, and sentences on these.

    One other column without a name is left in, where it is the only one.
    """
    nameless = [place for place, column in enumerate(table.column_names) if not column]
    empty = [place for place in nameless if table[place].null_count == table.num_rows]
    counter = [0] if 0 in nameless and table.num_columns > 1 and counts_rows(table[0]) else []
    others = [place for place in nameless if place not in [*empty, *counter]]
    if others and len(nameless) > 1:
        places = ", ".join(str(place + 1) for place in others)
        verb, them = ("have", "them") if len(others) > 1 else ("has", "it")
        raise DataError(
            f"column{'s' * (len(others) > 1)} {places} of {name} {verb} no name: name {them} in line 1"
        )
    notes = []
    if empty:
        notes.append(
            f"{len(empty)} columns of {name} without a name hold nothing and are left out"
            if len(empty) > 1
            else f"column {empty[0] + 1} of {name} has no name, holds nothing and is left out"
        )
    if counter:
        notes.append(f"the unnamed first column of {name} counts the rows and is left out")
    kept = [place for place in range(table.num_columns) if place not in [*empty, *counter]]
    return table.select(kept) if notes else table, notes


def _bytes(path: Path) -> bytes:
    content = path.read_bytes()
    if path.name.lower().endswith(".gz"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as cause:
            raise DataError(f"{path.name} is not a whole gzip file ({cause}): compress it again") from cause
    content = content.removeprefix(b"\xef\xbb\xbf")  # a byte order mark
    if not content.strip():
        raise DataError(f"{path.name} is empty: give a table with a header line and data below it")
    return content


def _header(content: bytes, name: str, delimiter: str | None) -> tuple[list[str], str]:
    """The cells of the first line, and the delimiter: what splits most of the first rows into as many cells as these.

    Of several that do, it is the one that makes most cells; the one that is given where the file says it.
    """
    start = content.lstrip(b"\r\n")[: 1 << 20].decode("utf-8", errors="surrogateescape")
    if "\0" in start.partition("\n")[0]:
        raise DataError(f"{name} is not a text file: give a table as comma-separated UTF-8 text")
    rows = {delimiter: _first_rows(start, delimiter) for delimiter in _DELIMITERS}

    def fit(delimiter: str) -> tuple[int, int]:
        cells = [len(row) for row in rows[delimiter]]
        return (cells.count(cells[0]), cells[0]) if cells and cells[0] > 1 else (0, 0)

    delimiter = delimiter or max(_DELIMITERS, key=fit)
    if not rows[delimiter]:
        raise DataError(
            f"the header line of {name} cannot be read: give one name a column, close quotes, and end it with a line "
            "feed"
        )
    header = rows[delimiter][0]
    try:
        "".join(header).encode()
    except UnicodeEncodeError as cause:
        raise DataError(f"the header line of {name} is not UTF-8 text: save the file as UTF-8") from cause
    return header, delimiter


def _first_rows(text: str, delimiter: str) -> list[list[str]]:
    """Some rows from the first on, up to one that cannot be read; a delimiter in quotes is none."""
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) == _LOOKED_AT:
                break
    return rows


def _is_data(header: list[str]) -> bool:
    """Numbers all through, yet not the 0, 1, 2, ... that data-frame libraries give nameless columns."""
    try:
        values = [float(cell) for cell in header]
    except ValueError:
        return False
    return values not in ([float(start + i) for i in range(len(values))] for start in (0, 1))


def _keep_codes(table: pa.Table, cells: _Cells) -> tuple[pa.Table, list[str], list[str]]:
    """The table with codes as text that would lose zeros or digits as numbers: such as 01307, and those of 20 digits.

    Returns:
        It, the columns that would lose zeros, and those that would lose digits.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = [field.name for field in table.schema if pa.types.is_integer(field.type)]
    whole = whole if re.search(_LEADING_ZERO, cells.content) else []
    # What 64 bits do not hold is read as a float.
    floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    floats = floats if re.search(_LONG, cells.content) else []
    if not whole and not floats:
        return table, [], []
    written = cells.parse([*whole, *floats], only=[*whole, *floats])

    def begins_with_zero(column: str) -> bool:
        return bool(pc.any(pc.match_substring_regex(written[column], r"^-?0[0-9]")).as_py())

    zeros = [column for column in whole if begins_with_zero(column)]
    long = []
    for column in floats:
        if not pc.all(pc.match_substring_regex(written[column], r"^-?[0-9]+$")).as_py():
            continue
        if begins_with_zero(column):
            zeros.append(column)
        elif any(f"{float(cell):.0f}" != cell for cell in pc.unique(written[column].drop_null()).to_pylist()):
            long.append(column)
    for column in (*zeros, *long):
        table = table.set_column(table.column_names.index(column), column, written[column])
    return table, zeros, long
