"""The one exception and the one warning of the data package, and how both are told."""

from __future__ import annotations

from collections.abc import Sequence

_TOLD = 8


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


def refuse_together(refusals: Sequence[DataError], table: str) -> None:
    """Raise what was found wrong with some columns: all of it at once, so that a table is mended once.

    Arguments:
        refusals: one a column; nothing is raised where there are none.
        table: name of the table, for a message.

    Raises:
        DataError: of the one, or of all.

    Example:
        >>> refuse_together([DataError("'a' is x"), DataError("'b' is y")], "t.csv")
        Traceback (most recent call last):
            ...
        anyvae.data.errors.DataError: 2 columns of t.csv cannot be fitted: (1) 'a' is x; (2) 'b' is y
    """
    if len(refusals) == 1:
        raise refusals[0]
    if refusals:
        each = "; ".join(f"({place}) {refusal}" for place, refusal in enumerate(refusals[:_TOLD], 1))
        more = f"; and {len(refusals) - _TOLD} more" if len(refusals) > _TOLD else ""
        raise DataError(f"{len(refusals)} columns of {table} cannot be fitted: {each}{more}")


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
