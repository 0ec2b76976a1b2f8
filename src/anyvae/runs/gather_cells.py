"""What the report shows of single cells: their densities given the others, and hidden ones filled in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from anyvae.data import Feature, Source, some_rows
from anyvae.metrics import imputation_error, interval_coverage
from anyvae.metrics.columns import typed_columns
from anyvae.report import DensityFindings, ImputedColumn, SurprisingRow
from anyvae.runs.fitted import FittedModel

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "FOLDS",
    "ask_about_cells",
    "densities_of",
    "entropy",
    "hide",
    "imputed_columns",
    "medians",
    "rows_to_read",
    "surprising_rows",
]

Array = np.ndarray[Any, np.dtype[Any]]

FOLDS = 5
"""Each known cell is hidden in one of so many copies of its row, a fifth of the row at a time."""
_MOST_COLUMNS = 200
_MICROSECONDS_A_DAY = 86_400e6
_SCORED = 5000
_SURPRISING = 8
_DRAWS = 10
_QUICK = 16
_RECURRING = 5
_MASSES = ("levels", "integer", "count")
ENTROPY_OF_UNIT_NORMAL = 0.5 * float(np.log(2 * np.pi * np.e))
_LEVELS = (0.5, 0.9)
_CELLS = 1500
_ROWS = (20, 200)


def ask_about_cells(
    fitted: FittedModel, held_out: Source, real: pa.Table, categories: list[str]
) -> dict[str, Any]:
    """Densities of held-out cells given the others, the least probable rows, and hidden cells filled in.

    Arguments:
        fitted: the model.
        held_out: rows that it never saw.
        real: rows fitted, the columns that vary.
        categories: columns to be read as categories.

    Returns:
        Arguments of `TableFindings`; none for very many columns, or a model that was fitted on whole rows alone.

    Raises:
        ValueError: when the model cannot be asked about single cells.
    """
    seed, schema = fitted.config.seed, fitted.schema
    read = rows_to_read(real.num_columns)
    # A model fitted on whole rows cannot leave a cell out.
    if not read or not fitted.config.missing:
        return {}
    looked = some_rows(len(held_out), _SCORED)
    plotted = held_out.take(looked)
    some = np.sort(np.random.default_rng(seed).permutation(len(plotted))[:read])
    density = fitted.score(plotted, samples=_QUICK)
    suspects = np.argsort(density, kind="stable")[: 4 * _SURPRISING]
    density[suspects] = fitted.score(plotted.take(suspects))
    worst = suspects[np.argsort(density[suspects], kind="stable")[:_SURPRISING]]
    names = real.column_names
    varying = [i for i, feature in enumerate(schema.features) if feature.name in names]
    table: pa.Table = plotted.table
    table = table.select(names)
    cells = fitted.explain(plotted.take(some))[:, varying]
    blamed = fitted.explain(plotted.take(worst))[:, varying]
    copied = plotted.take(some[::2])  # copies of them cost more
    holed, whole, hidden = hide(copied.table, seed)
    again = copied.take(np.tile(np.arange(len(copied)), FOLDS))
    holes = replace(again, table=holed, labels=None)
    imputed = imputed_columns(
        fitted.impute(holes).select(names),
        [draw.select(names) for draw in fitted.impute(holes, draws=_DRAWS, seed=seed)],
        whole.select(names),
        {name: hidden[name] for name in names},
        categories,
        _LEVELS,
        seed,
    )
    return {
        "density": densities_of(
            cells,
            table.take(some),
            real,
            categories,
            [f.name for f in schema.features if f.kind in _MASSES],
            [f for f in schema.features if f.points],
        ),
        "surprising": surprising_rows(
            (looked[worst] + 1).tolist(),
            density[worst].tolist(),
            table.take(worst),
            blamed,
            medians(cells),
        ),
        "usual_log_density": float(np.median(density)),
        "imputation": imputed,
        "levels": _LEVELS,
        "draws": _DRAWS,
    }


def rows_to_read(columns: int) -> int:
    """How many held-out rows to ask about every cell of: each costs a pass over the model; 0 for very many columns.

    >>> rows_to_read(4), rows_to_read(40), rows_to_read(100), rows_to_read(201)
    (200, 37, 20, 0)
    """
    return int(np.clip(_CELLS // columns, *_ROWS)) if columns <= _MOST_COLUMNS else 0


def densities_of(
    log_density: Array,
    held_out: pa.Table,
    real: pa.Table,
    categories: Sequence[str],
    masses: Sequence[str] = (),
    recurrent: Sequence[Feature] = (),
) -> DensityFindings:
    """Means over cells, beside how hard each column is to foretell by itself.

    Arguments:
        log_density: log p(x_j | x_-j) of every cell of the held-out rows, NaN for holes, (rows, columns).
        held_out: the rows.
        real: rows fitted, with the same columns.
        categories: columns to be read as categories.
        masses: columns of numbers whose densities are probabilities, as those of whole numbers are.
        recurrent: columns with values that have a probability of their own.
    """
    import pyarrow as pa

    [columns] = typed_columns(real, categories=categories)
    known = np.isfinite(log_density)
    cells = known.sum(0)
    filled = np.where(known, log_density, 0.0)
    safe = np.maximum(cells, 1)
    mean = np.where(cells > 0, filled.sum(0) / safe, np.nan)
    variance = (np.where(known, log_density - mean, 0.0) ** 2).sum(0) / np.maximum(cells - 1, 1)
    pointed = {feature.name: feature for feature in recurrent}
    alone, few, mixed = [], [], []
    for name, column in columns.items():
        values = column.values[column.known]
        found = pointed.get(name)
        on = np.isin(values, () if found is None else found.points)
        few.append(not column.numeric or bool(on.any() and on.all()))
        mixed.append(column.numeric and bool(on.any() and not on.all()))
        # The densities of dates are per day.
        unit = _MICROSECONDS_A_DAY if pa.types.is_temporal(real[name].type) else 1.0
        if few[-1]:
            alone.append(np.exp(entropy(values, True)))
        elif found is not None and mixed[-1]:
            # Which of the points it is, or none; and then where it lies.
            which = entropy(np.where(on, np.searchsorted(np.unique(values[on]), values), -1), True)
            where = (1.0 - on.mean()) * entropy(values[~on] / found.spread, name in masses)
            alone.append(np.exp(which + where - ENTROPY_OF_UNIT_NORMAL))
        else:
            alone.append(np.exp(entropy(values / unit, name in masses) - ENTROPY_OF_UNIT_NORMAL))
    return DensityFindings(
        names=list(columns),
        mean=mean,
        error=np.where(cells > 1, np.sqrt(variance / safe), np.nan),
        cells=cells,
        alone=np.array(alone),
        numeric=~np.array(few, dtype=bool),
        mixed=np.array(mixed, dtype=bool),
        rows=held_out.num_rows,
    )


def entropy(values: Array, masses: bool) -> float:
    r"""Entropy of a sample, nats; NaN of fewer than two values.

    Where values recur, that of their frequencies, with what few rows hide added, and with the logarithm of the usual
    gap between them where densities and not probabilities are asked for. Else from the spacings of the sorted values:

    .. math:: \frac1n \sum_i \log \frac{n}{c_i m} (x_{(i + m)} - x_{(i - m)})

    Source: Miller, 1955; Vasicek, 1976, with the edges of Ebrahimi et al., 1994.

    Arguments:
        values: the sample.
        masses: whether values are whole numbers or codes, whose entropy is that of probabilities.

    >>> round(entropy(np.array([0.0, 0.0, 1.0, 1.0] * 500), True), 3)
    0.693
    """
    rows = len(values)
    if rows < 2:
        return float("nan")
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= rows / _RECURRING:
        shares = counts / rows
        gap = 1.0 if masses or len(distinct) < 2 else float(np.median(np.diff(distinct)))
        return float(-(shares * np.log(shares)).sum() + (len(distinct) - 1) / (2 * rows) + np.log(gap))
    m = min(round(np.sqrt(rows) / 2) + 1, rows // 2)
    ordered, place = np.sort(values), np.arange(rows)
    spacing = ordered[np.minimum(place + m, rows - 1)] - ordered[np.maximum(place - m, 0)]
    spacing = np.maximum(spacing, np.diff(distinct).min())  # many equal ones have a gap of their own
    edge = 1 + np.minimum(1.0, np.minimum(place, rows - 1 - place) / m)
    return float(np.log(rows * spacing / (edge * m)).mean())


def medians(log_density: Array) -> Array:
    """Of every column over the cells that are there, NaN where none is.

    >>> medians(np.array([[1.0, np.nan], [2.0, np.nan], [9.0, np.nan]]))
    array([ 2., nan])
    """
    found = [column[np.isfinite(column)] for column in log_density.T]
    return np.array([np.median(column) if len(column) else np.nan for column in found])


def surprising_rows(
    numbers: Sequence[int], log_density: Sequence[float], rows: pa.Table, cells: Array, usual: Array
) -> list[SurprisingRow]:
    """Rows with the nats that each of their cells lies below the usual.

    Arguments:
        numbers: of the rows among the held-out ones, from 1.
        log_density: log p(x) of each.
        rows: the rows.
        cells: log p(x_j | x_-j), (rows, columns).
        usual: median of that over other rows, (columns,).
    """
    return [
        SurprisingRow(
            number=number,
            log_density=float(density),
            values=row,
            excess={name: float(usual[j] - cells[i, j]) for j, name in enumerate(rows.column_names)},
        )
        for i, (number, density, row) in enumerate(zip(numbers, log_density, rows.to_pylist(), strict=True))
    ]


def hide(table: pa.Table, seed: int) -> tuple[pa.Table, pa.Table, dict[str, Array]]:
    """Rows several times over, whole and with holes, such that each known cell is hidden exactly once.

    Returns:
        The rows with holes, the same rows whole, and which cells were hidden by column.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = table.num_rows
    fold = np.random.default_rng(seed).integers(0, FOLDS, (rows, table.num_columns))
    whole = pa.concat_tables([table] * FOLDS).combine_chunks()
    hidden, holed = {}, {}
    for j, name in enumerate(table.column_names):
        mask = np.concatenate([fold[:, j] == k for k in range(FOLDS)])
        cells = whole[name].combine_chunks()
        hidden[name] = mask & cells.is_valid().to_numpy(zero_copy_only=False)
        nothing = pa.nulls(len(mask), cells.type)
        holed[name] = pc.if_else(pa.array(mask), nothing, cells)
    return pa.table(holed), whole, hidden


def imputed_columns(
    filled: pa.Table,
    draws: Sequence[pa.Table],
    truth: pa.Table,
    hidden: dict[str, Array],
    categories: Sequence[str],
    levels: Sequence[float],
    seed: int,
) -> list[ImputedColumn]:
    """Errors and coverage of every column.

    Arguments:
        filled: holes filled by means and most probable levels.
        draws: holes filled by draws, several times.
        truth: the rows whole.
        hidden: which cells were hidden.
        categories: columns to be read as categories.
        levels: of the intervals.
        seed: of the ranks among ties.
    """
    errors = imputation_error(truth, filled, hidden, categories=categories)
    coverage = interval_coverage(draws, truth, levels, hidden=hidden, categories=categories, seed=seed)
    return [
        ImputedColumn(
            name=name,
            cells=found.cells,
            error=errors[name].error,
            kind=errors[name].kind,
            coverage=found.shares,
            coverage_error=found.errors,
        )
        for name, found in coverage.items()
        if found.cells
    ]
