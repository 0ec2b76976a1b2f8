"""The rows that a question is asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyvae.cli.console import note

if TYPE_CHECKING:
    from anyvae.data import Source
    from anyvae.runs import FittedModel

__all__ = ["rows_of"]


def rows_of(fitted: FittedModel, source: str, *, test: bool = False) -> Source:
    """Rows of a source for a fitted model; the column of labels that it was fitted without is left out.

    Arguments:
        fitted: the model.
        source: file, folder or name.
        test: take the source's own test part, where it has one.

    Raises:
        DataError: when the source cannot be read.
    """
    from anyvae.runs import source_for

    rows = source_for(fitted.config, source)
    for sentence in rows.notes:
        note(sentence)
    if test and rows.test is not None:
        note(f"the {len(rows.test):,} rows of {rows.test.name}")
        return rows.test
    return rows
