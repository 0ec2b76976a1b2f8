"""The one exception and the one warning of the data package, and how both are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

_TOLD = 8

Column = TypeVar("Column")
Read = TypeVar("Read")


class DataError(ValueError):
    """Data that cannot be read, fitted or encoded; one line that says what is wrong, where, and what to do.

    Example:
        >>> raise DataError("wine.csv has no rows: give a file with at least two")
        Traceback (most recent call last):
            ...
        anyvae.data.errors.DataError: wine.csv has no rows: give a file with at least two
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))  # causes quoted from elsewhere may hold line breaks


class NoNumbersError(DataError):
    """A likelihood of numbers was asked for where there are none.

    Example:
        >>> issubclass(NoNumbersError, DataError)
        True
    """


class UnseenWarning(UserWarning):
    """Values that no row of the fit held, read as missing; a caller who wants none of it makes it an error.

    Example:
        >>> issubclass(UnseenWarning, UserWarning)
        True
    """


def each_column(columns: Iterable[Column], read: Callable[[Column], Read], table: str) -> list[Read]:
    """What is read of every column; what is wrong with any of them is told of all at once, to be mended once.

    Arguments:
        columns: of the table.
        read: reads one, or refuses it by a `DataError`.
        table: name of the table, for a message.

    Raises:
        DataError: of the one column that was refused, or of all.

    Example:
        >>> def read(name: str) -> str:
        ...     raise DataError(f"{name!r} is odd")
        >>> each_column(["a", "b"], read, "t.csv")
        Traceback (most recent call last):
            ...
        anyvae.data.errors.DataError: 2 columns of t.csv cannot be fitted: (1) 'a' is odd; (2) 'b' is odd
    """
    found: list[Read] = []
    refusals: list[DataError] = []
    for column in columns:
        try:
            found.append(read(column))
        except DataError as refusal:
            refusals.append(refusal)
    if len(refusals) == 1:
        raise refusals[0]
    if refusals:
        each = "; ".join(f"({place}) {refusal}" for place, refusal in enumerate(refusals[:_TOLD], 1))
        more = f"; and {len(refusals) - _TOLD} more" if len(refusals) > _TOLD else ""
        raise DataError(f"{len(refusals)} columns of {table} cannot be fitted: {each}{more}")
    return found


def listing(names: list[str], limit: int = 8) -> str:
    """Names in quotes for a message, the first ``limit`` of them.

    Example:
        >>> listing(["a", "b", "c"], limit=2)
        "'a', 'b' and 1 more"
    """
    shown = ", ".join(repr(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def number(value: float) -> str:
    """A number as a person writes it: no ``.0`` on whole ones, nine digits at most.

    Example:
        >>> number(16.0), number(0.1 + 0.2)
        ('16', '0.3')
    """
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:.9g}"


def first_line(cause: BaseException) -> str:
    """What another library says of a failure, in one line without a full stop.

    Example:
        >>> first_line(ValueError("no magic bytes. \\n in t.parquet"))
        'no magic bytes'
    """
    return (str(cause).splitlines() or [type(cause).__name__])[0].rstrip(". ")
