"""The variables that are modelled beside the rows."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from anyvae.data import Schema, Source, encode_given, encode_labels
from anyvae.data.encode import Unseen
from anyvae.model import Partial

__all__ = ["beside_of"]


def beside_of(
    schema: Schema, source: Source, unseen: Unseen = "refuse", names: Sequence[str] = ("y", "c")
) -> dict[str, Tensor | Partial]:
    """The variables that are modelled beside the rows: labels "y", and "c", what rows are given.

    Arguments:
        schema: of the rows, with those of the columns set aside.
        source: the rows.
        unseen: as in `anyvae.data.encode`.
        names: which of the two.
    """
    found: dict[str, Tensor | Partial] = {}
    if "y" in schema.beside and "y" in names:
        found["y"] = Partial(*encode_labels(schema.beside["y"], source, unseen))
    if "c" in schema.beside and "c" in names:
        found["c"] = encode_given(schema.beside["c"], source, unseen)
    return found
