"""A fitted run, and the rows that it is asked about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from anyvae.cli.console import note
from anyvae.cli.options import Unseen

if TYPE_CHECKING:
    from anyvae.data import Source
    from anyvae.runs import FittedModel

__all__ = ["run_and_rows", "tell_if_long"]

LONG = 5.0
"""Minutes that are told of before they begin."""


def run_and_rows(run: Path, source: str, unseen: Unseen, *, test: bool = False) -> tuple[FittedModel, Source]:
    """The model of a run and rows of a source for it; the column of labels that it was fitted without is left out.

    Arguments:
        run: folder of the run.
        source: file, folder or name.
        unseen: what becomes of values that no row of the fit held.
        test: take the source's own test part, where it has one.

    Raises:
        DataError: when the run or the source cannot be read.
    """
    from anyvae.runs import load, source_for

    fitted = load(run, unseen)
    rows = source_for(fitted.config, fitted.schema, source)
    for sentence in rows.notes:
        note(sentence)
    if test and rows.test is not None:
        note(f"the {len(rows.test):,} rows of {rows.test.name}")
        return fitted, rows.test
    return fitted, rows


def tell_if_long(rows: int, minutes: float) -> None:
    """Say before it begins that an answer about so many rows may take minutes, where it may."""
    if minutes >= LONG:
        note(f"{rows:,} rows may take some {minutes:,.0f} minutes of a core; fewer --samples take fewer")
