"""Words that stand for a missing cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from anyvae.data.arrow import is_moment, is_ordered, is_text
from anyvae.data.spelled import is_number
from anyvae.data.zones import moment_for

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["blank", "spellings"]


def spellings(table: pa.Table, words: Sequence[str]) -> set[str]:
    """The cells of a table of text that are one of some words, with the blanks that they have about them.

    Arguments:
        table: as read, before anything is missing.
        words: such as ``?`` or ``-999``.

    Example:
        >>> import pyarrow as pa
        >>> spellings(pa.table({"a": ["x", " ?"], "b": ["-999.0", "1.5"]}), ["?", "-999"])
        {' ?'}
    """
    import pyarrow.compute as pc

    found: set[str] = set()
    for column in table.columns:
        found.update(pc.unique(column.filter(_are_words(column, words))).to_pylist())
    return found


def blank(table: pa.Table, words: Sequence[str]) -> tuple[pa.Table, set[str]]:
    """The table with cells missing that hold one of some words, and the words that some cell held.

    Text holds a word that it is, but for blanks about it; a number or a date holds a word that spells it.

    Arguments:
        table: plain.
        words: such as ``?`` or ``-999``.

    Example:
        >>> import pyarrow as pa
        >>> table, met = blank(pa.table({"a": ["x", "?"], "b": [-999.0, 1.5]}), ["?", "-999", "none"])
        >>> table.to_pydict(), sorted(met)
        ({'a': ['x', None], 'b': [None, 1.5]}, ['-999', '?'])
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    met: set[str] = set()
    for place, name in enumerate(table.column_names):
        for word in words:
            column = table[name]
            gone = _holds(column, word)
            if gone is None:
                continue
            if pc.any(gone).as_py():
                met.add(word)
            if is_ordered(column.type):
                column = _without_level(column, word)
            else:
                column = pc.if_else(gone, pa.scalar(None, column.type), column)
            table = table.set_column(place, name, column)
    return table, met


def _are_words(column: pa.ChunkedArray, words: Sequence[str]) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    bare = pa.array([word.strip() for word in words], column.type)
    return pc.is_in(pc.utf8_trim_whitespace(column), value_set=bare)


def _holds(column: pa.ChunkedArray, word: str) -> Any:
    """Which cells hold a word; None where no cell of such a type can."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if is_text(kind):
        return _are_words(column, [word])
    if is_ordered(kind):
        return _are_words(column.cast(kind.value_type), [word])
    if is_moment(kind):
        try:
            return pc.equal(column, moment_for(word, kind).cast(kind))
        except (ValueError, pa.ArrowException):
            return None
    if is_number(word) and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return pc.equal(pc.cast(column, pa.float64(), safe=False), float(word))
    return None


def _without_level(column: pa.ChunkedArray, word: str) -> Any:
    """A column of categories in an order, of which a word is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    levels = column.combine_chunks().dictionary.to_pylist()
    levels = [level for level in levels if level and level.strip() != word.strip()]
    values = pa.array(levels, kind.value_type)
    k = pc.index_in(column.cast(kind.value_type).combine_chunks(), value_set=values)
    return pa.DictionaryArray.from_arrays(k.cast(kind.index_type), values, ordered=True)
