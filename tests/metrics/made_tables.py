"""Tables of mixed columns whose law is known."""

from __future__ import annotations

import numpy as np

Columns = dict[str, np.ndarray]


def mixed_table(rows: int, seed: int, *, holes: float = 0.0) -> Columns:
    """Two correlated numbers, a whole number, a category and a truth value, all led by one hidden number."""
    random = np.random.default_rng(seed)
    z = random.standard_normal(rows)
    table: Columns = {
        "x": 10.0 + 3.0 * (z + 0.3 * random.standard_normal(rows)),
        "y": -z + 0.5 * random.standard_normal(rows),
        "count": random.poisson(np.exp(1.0 + 0.5 * z)),
        "city": np.array(["Accra", "Bern", "Cairo"], dtype=object)[
            np.clip(np.round(z + 0.4 * random.standard_normal(rows)) + 1, 0, 2).astype(int)
        ],
        "owner": z + 0.5 * random.standard_normal(rows) > 0.5,
    }
    if holes:
        lost = random.random((2, rows)) < holes
        table["y"] = np.where(lost[0], np.nan, table["y"])
        table["city"] = np.where(lost[1], None, table["city"])
    return table


def shuffled(table: Columns, seed: int = 9) -> Columns:
    """Every column in an order of its own: the same marginals, no associations."""
    random = np.random.default_rng(seed)
    return {name: random.permutation(values) for name, values in table.items()}
