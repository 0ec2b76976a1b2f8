"""Words that stand for a missing cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["blank", "null_words"]


def null_words(words: Sequence[str]) -> list[str]:
    """What a cell of a text file may hold where it is missing: the usual words, and these, also after a blank.

    Arguments:
        words: such as ``?`` or ``-999``.
    """
    import pyarrow.csv as pc

    return [*pc.ConvertOptions().null_values, *words, *(f" {word}" for word in words)]


def blank(table: pa.Table, words: Sequence[str]) -> pa.Table:
    """The table with cells missing that hold one of some words: text that is one, numbers that one spells.

    Arguments:
        table: with types of its own, as from parquet.
        words: such as ``?`` or ``-999``.

    Example:
        >>> import pyarrow as pa
        >>> blank(pa.table({"a": ["x", "?"], "b": [-999.0, 1.5]}), ["?", "-999"]).to_pydict()
        {'a': ['x', None], 'b': [None, 1.5]}
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from anyvae.data.arrow import is_text
    from anyvae.data.spelled import is_number

    numbers = [float(word) for word in words if is_number(word)]
    for place, (name, kind) in enumerate(zip(table.column_names, table.schema.types, strict=True)):
        column = table[name]
        if is_text(kind):
            gone = pc.is_in(pc.utf8_trim_whitespace(column), value_set=pa.array(words, kind))
        elif numbers and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            gone = pc.is_in(
                pc.cast(column, pa.float64(), safe=False), value_set=pa.array(numbers, pa.float64())
            )
        else:
            continue
        table = table.set_column(place, name, pc.if_else(gone, pa.scalar(None, kind), column))
    return table
