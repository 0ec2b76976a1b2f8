"""The one exception and the one warning of the data package."""

from __future__ import annotations


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


class UnseenWarning(UserWarning):
    """Values that no row of the fit held, read as missing; a caller who wants none of it makes it an error.

    Example:
        >>> issubclass(UnseenWarning, UserWarning)
        True
    """


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
