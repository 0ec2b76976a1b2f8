"""What many rows, columns and pixels take: counted, not timed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from anyvae.data import Source, encode, infer_schema


class Asked:
    """A table that counts how often it is asked for the names of its columns, which arrow lists anew every time."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.times = 0

    @property
    def column_names(self) -> list[str]:
        self.times += 1
        return self.table.column_names

    def __getitem__(self, name: str) -> Any:
        return self.table[name]

    def __len__(self) -> int:
        return len(self.table)


def test_names_of_columns_are_not_asked_for_at_every_column() -> None:
    table = pa.table({f"c{i}": np.array([0.1, 0.7, 0.3]) + i for i in range(40)})
    schema = infer_schema(Source("wide", None, table))
    asked: Any = Asked(table)
    assert encode(schema, Source("wide", None, asked)).x.shape == (3, 40)
    assert asked.times < 10
