"""How values are spelled where they are categories: the same wherever they come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from anyvae.data.arrow import is_fittable

__all__ = ["word_among", "words", "words_of"]


def words(column: Any) -> Any:
    """The cells of an arrow array or chunked array as words, missing where they are.

    A whole number is spelled alike as an integer and as a float, a moment alike in every unit.

    Arguments:
        column: of numbers, truth values, strings or moments, (n,).

    Example:
        >>> import pyarrow as pa
        >>> words(pa.array([1.0, 2.5, None])).to_pylist(), words(pa.array([True])).to_pylist()
        (['1', '2.5', None], ['true'])
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    text = column.cast(pa.string())
    if not pa.types.is_timestamp(column.type):
        return text
    whole = pc.replace_substring_regex(text, pattern=r"(\.\d*?)0+(Z?)$", replacement=r"\1\2")
    return pc.replace_substring_regex(whole, pattern=r"\.(Z?)$", replacement=r"\1")


def words_of(values: Iterable[Any]) -> list[str]:
    """Values of any type as words: as the cells of a column of theirs, else as Python writes them.

    Arguments:
        values: none of them missing.

    Example:
        >>> words_of([1.0, 3.5]), words_of([True, "b"]), words_of(range(2))
        (['1', '3.5'], ['true', 'b'], ['0', '1'])
    """
    together = _spelled(values)
    return [(_spelled([one]) or [str(one)])[0] for one in values] if together is None else together


def word_among(value: Any, categories: Sequence[str]) -> str:
    """The category that a value is: as a table writes it, as Python does, or the number that it is.

    Arguments:
        value: of any type.
        categories: that there are.

    Example:
        >>> word_among(2, ["1.0", "2.0"]), word_among(True, ["True"]), word_among("c", ["a"])
        ('2.0', 'True', 'c')
    """
    found = words_of([value])
    value = value.item() if isinstance(value, np.generic) else value
    found.append(str(value))
    if isinstance(value, bool | int | float):
        found += [*words_of([float(value)]), str(float(value))]
    return next((word for word in found if word in categories), found[0])


def _spelled(values: Any) -> list[str] | None:
    import pyarrow as pa

    try:
        array: Any = pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None
    if pa.types.is_decimal(array.type):
        array = array.cast(pa.float64())  # as they are fitted
    return words(array).to_pylist() if is_fittable(array.type) else None
