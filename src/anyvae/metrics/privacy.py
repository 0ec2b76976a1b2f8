"""Whether synthetic rows give away the rows that a model was fitted to."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, final

import numpy as np

from anyvae.metrics.columns import (
    Array,
    Column,
    Table,
    mid_ranks,
    row_count,
    some_rows,
    spread_of,
    typed_columns,
)

__all__ = ["Closeness", "Privacy", "privacy"]

_BLOCK = 2**21


@final
class Closeness(NamedTuple):
    """Distances of rows to the closest training row, in mean steps a column; see `privacy`.

    Arguments:
        median: of the distances.
        low: their 5 % quantile.
    """

    median: float
    low: float


@final
class Privacy(NamedTuple):
    """What synthetic rows give away, each figure with what held-out rows would give away in their place.

    Arguments:
        duplicates: share of synthetic rows that equal a training row in every cell.
        held_out_duplicates: share of held-out rows that do: what chance explains.
        synthetic: distances of synthetic rows to the closest training row.
        held_out: of held-out rows: synthetic rows that are closer have been copied from.
        ratio: median of the synthetic rows' distances over that of the held-out rows'; NaN where both are 0.
        low_ratio: the same of the 5 % quantiles.
        membership: AUROC of telling training from held-out rows by their distance to the closest synthetic row;
            0.5 gives nothing away, 1 everything.
        membership_error: standard error of `membership` where nothing is given away.
        rows: training, held-out and synthetic rows that distances were taken to.
        asked: training, held-out and synthetic rows whose distances were taken.
    """

    duplicates: float
    held_out_duplicates: float
    synthetic: Closeness
    held_out: Closeness
    ratio: float
    low_ratio: float
    membership: float
    membership_error: float
    rows: tuple[int, int, int]
    asked: tuple[int, int, int]


def privacy(
    train: Table,
    held_out: Table,
    synthetic: Table,
    *,
    categories: Collection[str] = (),
    rows: int = 20_000,
    asked: int = 1000,
    seed: int = 0,
) -> Privacy:
    r"""Exact copies, the distance to the closest record and a membership attack.

    The distance between two rows is the mean over columns of

    .. math:: |a - b| / \operatorname{sd}_{train} \text{ for numbers}, \qquad 1[a \ne b] \text{ for categories},

    with 1 where one of two cells is missing and 0 where both are. Copies are sought among all rows; distances cost
    `rows` times `asked`. Source: CTAB-GAN (Zhao et al., 2021) for the closest record; GAN-Leaks (Chen et al., 2020)
    for the attack.

    Arguments:
        train: the rows that a model was fitted to.
        held_out: rows of the same population that it never saw.
        synthetic: rows drawn from it.
        categories: columns of numbers to read as categories.
        rows: distances are taken to at most so many training and synthetic rows.
        asked: distances are taken of at most so many rows of each table.
        seed: of the choice of both.

    Raises:
        ValueError: see `typed_columns`.
    """
    first, other, made = typed_columns(train, held_out, synthetic, categories=categories)
    random = np.random.default_rng(seed)
    keys = [_keys(columns) for columns in (first, other, made)]
    seen = set(keys[0])
    copies = [sum(key in seen for key in part) / len(part) for part in (keys[2], keys[1])]
    steps = {name: _step(column) for name, column in first.items()}
    near_train, near_made = (some_rows(columns, rows, random) for columns in (first, made))
    few = [some_rows(columns, asked, random) for columns in (first, other, made)]
    to_train = [_closest(columns, near_train, steps) for columns in (few[2], few[1])]
    to_made = [_closest(columns, near_made, steps) for columns in (few[0], few[1])]
    distances = [Closeness(float(np.median(d)), float(np.quantile(d, 0.05))) for d in to_train]
    n, m = len(to_made[0]), len(to_made[1])
    return Privacy(
        copies[0],
        copies[1],
        distances[0],
        distances[1],
        _over(distances[0].median, distances[1].median),
        _over(distances[0].low, distances[1].low),
        _auroc(-to_made[0], -to_made[1]),
        float(np.sqrt((n + m + 1) / (12 * n * m))),
        (row_count(near_train), row_count(other), row_count(near_made)),
        (n, m, row_count(few[2])),
    )


def _keys(columns: dict[str, Column]) -> list[bytes]:
    """Rows as bytes: equal where every cell is."""
    # Adding 0 makes -0 into 0; all NaNs are made one.
    cells = [np.where(c.known, c.values, np.nan if c.numeric else -1) + 0 for c in columns.values()]
    table = np.ascontiguousarray(np.stack([cell.astype(np.float64) for cell in cells], axis=1))
    width = table.shape[1] * table.itemsize
    whole = table.tobytes()
    return [whole[start : start + width] for start in range(0, len(whole), width)]


def _step(column: Column) -> float:
    return spread_of(column.values[column.known]) if column.numeric else 1.0


def _closest(rows: dict[str, Column], others: dict[str, Column], steps: dict[str, float]) -> Array:
    """Of each row the least distance to any of the others, in blocks of bounded memory."""
    count, block = row_count(rows), max(1, _BLOCK // row_count(others))
    found = np.empty(count)
    for start in range(0, count, block):
        part = slice(start, start + block)
        total = np.zeros((len(range(*part.indices(count))), row_count(others)), dtype=np.float32)
        for name, column in rows.items():
            total += _apart(column, others[name], part, steps[name])
        found[part] = total.min(1) / len(rows)
    return found


def _apart(column: Column, other: Column, part: slice, step: float) -> Array:
    if not column.numeric:
        return column.values[part, None] != other.values
    centre = float(np.nanmean(other.values)) if other.known.any() else 0.0
    a, b = (((c.values - centre) / step).astype(np.float32) for c in (column, other))
    distance = np.abs(a[part, None] - b)
    if column.known[part].all() and other.known.all():
        return distance
    holes = column.known[part, None] != other.known
    return np.where(np.isnan(distance), holes, distance).astype(np.float32)


def _auroc(members: Array, others: Array) -> float:
    """How often a member's score is above another's, ties counting half."""
    n, m = len(members), len(others)
    ranks = mid_ranks(np.concatenate([members, others]))
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def _over(a: float, b: float) -> float:
    return a / b if b > 0 else (float("inf") if a > 0 else float("nan"))
