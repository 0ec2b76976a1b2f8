"""Text that a person reads as a number or a date, and a program does not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

__all__ = ["Spelled", "is_iso_date", "is_number", "spelled"]

_FEWEST, _SHARE = 20, 0.9
_LOOKED_AT = 1000
_SIGNS = re.compile(r"[\s$€£¥₹%',_()\u2212]+")  # parentheses and the minus of print stand about negative ones
# 25/12/2020, 25.12.20, 2020/12/25, 25-Dec-2020, Dec 25, 2020; a time of day may follow.
_DATE = re.compile(
    r"(\d{1,4}[/.-](\d{1,2}|[a-z]{3,9})[/.-]\d{1,4}|\d{1,2} [a-z]{3,9},? \d{4}|[a-z]{3,9} \d{1,2},? \d{4})"
    r"([ T]\d{1,2}:\d{2}.*)?",
    re.IGNORECASE,
)


class Spelled(NamedTuple):
    """What cells are, and one of them."""

    what: str
    such: str


def spelled(categories: Sequence[str]) -> Spelled | None:
    """Whether nine of ten different strings are dates, or are numbers with signs about them; None where they are not.

    Plain numbers alone are no such thing, and neither are a few strings, which may be codes.

    Arguments:
        categories: different strings of a column.

    Example:
        >>> spelled([f"${k:,}.00" for k in range(1000, 1100)])
        Spelled(what='numbers', such='$1,000.00')
        >>> spelled([f"({k}.50)" for k in range(30)])
        Spelled(what='numbers', such='(0.50)')
        >>> spelled([f"{k}/12/2020" for k in range(1, 31)])
        Spelled(what='dates', such='1/12/2020')
        >>> spelled(["1st", "2nd"] * 20), spelled([str(k) for k in range(40)])
        (None, None)
    """
    looked_at = categories[:: max(1, len(categories) // _LOOKED_AT)]
    if len(looked_at) <= _FEWEST:
        return None
    enough = _SHARE * len(looked_at)
    if len(dates := [one for one in looked_at if _is_date(one)]) >= enough:
        iso = [one for one in dates if is_iso_date(one)]
        return Spelled("dates", iso[0] if 2 * len(iso) > len(dates) else dates[0])
    decorated = [one for one in looked_at if _is_decorated(one)]
    if decorated and len(decorated) + sum(map(is_number, looked_at)) >= enough:
        return Spelled("numbers", decorated[0])
    return None


def is_number(text: str) -> bool:
    """Whether text is a number as programs write it."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_iso_date(text: str) -> bool:
    """Whether text is a date as ISO 8601 has it, a time of day with it or not; digits alone are none."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return not text.isdecimal()


def _is_date(text: str) -> bool:
    return bool(_DATE.fullmatch(text.strip())) or is_iso_date(text)


def _is_decorated(text: str) -> bool:
    """A number once its signs are taken off."""
    bare = _SIGNS.sub("", text)
    return bare != text.strip(" \t\r\n") and is_number(bare)  # a blank that does not break is a sign
