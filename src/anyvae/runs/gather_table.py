"""What the report shows of a table: measures of its rows, of draws beside them, and of answers about single cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from anyvae.data import Schema, Source, held_out_split, some_rows
from anyvae.metrics import association_gap, column_shapes, efficacy, pair_trends, privacy
from anyvae.metrics.columns import typed_columns
from anyvae.report import (
    EfficacyFindings,
    MissingFindings,
    PairFindings,
    PrivacyFindings,
    SyntheticFindings,
    TableFindings,
)
from anyvae.runs.again import source_for
from anyvae.runs.fitted import FittedModel
from anyvae.runs.gather_cells import ask_about_cells

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "arrays_of",
    "categories_of",
    "columns_of",
    "missing_of",
    "pairs_of",
    "rows_fitted",
    "some_of",
    "synthesis_of",
    "table_findings",
    "target_of",
]

Array = np.ndarray[Any, np.dtype[Any]]

_CATEGORIES = ("categorical", "binary", "ordinal")
_PAIRED_COLUMNS = 60
_LISTED_PAIRS = 10
_PATTERNS = 20
_MOST_CLASSES = 20
_FEW_ROWS = 20
_CELLS_LEARNED = 150_000
_CELLS_COMPARED = 300_000_000
_ASKED = 1000
_COMPARED = (1000, 10_000)
_COPIED_FROM = 100_000


def table_findings(fitted: FittedModel, held_out: Source, rows: Source, notes: list[str]) -> TableFindings:
    """Everything the report shows of a table only.

    Arguments:
        fitted: the model.
        held_out: rows that it never saw.
        rows: rows that it was fitted to.
        notes: gets a sentence where a part cannot be measured.
    """
    schema, seed = fitted.schema, fitted.config.seed
    categories = categories_of(schema)
    every, unseen = columns_of(schema, rows.table), columns_of(schema, held_out.table)
    every = some_of(every, _COPIED_FROM, seed)
    real = some_of(every, _COMPARED[1], seed + 1)
    draws = int(np.clip(real.num_rows, *_COMPARED))
    synthetic = columns_of(schema, fitted.sample(draws, seed=seed + 1, like=rows.some(draws)))
    try:
        cells = ask_about_cells(fitted, held_out, real, categories)
    except (ValueError, NotImplementedError) as error:
        cells = {}
        notes.append(f"single cells cannot be asked of this model, so the report goes without them: {error}")
    return TableFindings(
        real=arrays_of(real),
        synthetic=arrays_of(synthetic),
        pairs=pairs_of(real, synthetic, categories),
        missing=missing_of(every),
        synthesis=synthesis_of(
            every,
            unseen,
            real,
            synthetic,
            categories,
            target_of(fitted.config.label, real, categories),
            seed,
        ),
        **cells,
    )


def rows_fitted(fitted: FittedModel) -> Source:
    """The rows that were fitted, read again where the fit found them."""
    config = fitted.config
    source = source_for(config, fitted.schema, config.source)
    return source if source.test is not None else source.take(held_out_split(len(source), config.seed)[0])


def categories_of(schema: Schema) -> list[str]:
    """Columns that are categories, whatever they are written as."""
    return [f.name for f in schema.features if f.constant is None and f.kind in _CATEGORIES]


def columns_of(schema: Schema, table: pa.Table) -> pa.Table:
    """The columns of a table that vary, in the order of the schema."""
    return table.select([f.name for f in schema.features if f.constant is None])


def some_of(table: pa.Table, most: int, seed: int) -> pa.Table:
    """All rows, or so many of them in their order."""
    return table if table.num_rows <= most else table.take(some_rows(table.num_rows, most, seed))


def pairs_of(real: pa.Table, synthetic: pa.Table, categories: Sequence[str]) -> PairFindings | None:
    """Associations of the first columns, of as many as a report can bear."""
    names = real.column_names[:_PAIRED_COLUMNS]
    if len(names) < 2:
        return None
    gap = association_gap(
        real.select(names), synthetic.select(names), categories=[name for name in categories if name in names]
    )
    kinds = ["category" if name in categories else "number" for name in names]
    return PairFindings(
        names=names, kinds=kinds, real=gap.real, synthetic=gap.synthetic, columns=real.num_columns
    )


def missing_of(table: pa.Table) -> MissingFindings:
    """Rates of holes, and which columns have them in the same rows."""
    [columns] = typed_columns(table)
    holes = np.stack([~column.known for column in columns.values()], axis=1)
    names = np.array(list(columns), dtype=object)
    kept = holes[:, holes.any(0)]
    found, counts = np.unique(kept, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_PATTERNS]
    holed = names[holes.any(0)]
    return MissingFindings(
        rates={name: float(rate) for name, rate in zip(columns, holes.mean(0), strict=True)},
        patterns=[(tuple(holed[found[k]]), float(counts[k]) / len(holes)) for k in order],
        rows=len(holes),
    )


def target_of(label: str | None, table: pa.Table, categories: Sequence[str]) -> str | None:
    """The column that learners are to foretell: the labels where they were fitted, else the last category."""
    if label is not None and label in table.column_names:
        return label
    for name in reversed(table.column_names):
        if name in categories and 2 <= len(table[name].unique().drop_null()) <= _MOST_CLASSES:
            return name
    return None


def synthesis_of(
    fitted: pa.Table,
    held_out: pa.Table,
    real: pa.Table,
    synthetic: pa.Table,
    categories: Sequence[str],
    target: str | None,
    seed: int,
) -> SyntheticFindings:
    """Likeness of columns and pairs, what is learned, what is given away.

    Arguments:
        fitted: rows that the model was fitted to.
        held_out: rows that it never saw.
        real: those of the fitted rows that draws are compared with.
        synthetic: draws from the model.
        categories: columns to be read as categories.
        target: the column to foretell, or None.
        seed: of the choice of rows.
    """
    names = real.column_names[:_PAIRED_COLUMNS]
    trends = pair_trends(
        real.select(names), synthetic.select(names), categories=[name for name in categories if name in names]
    )
    pairs = [
        (names[i], names[j], float(trends.similarity[i, j]))
        for i in range(len(names))
        for j in range(i + 1, len(names))
        if np.isfinite(trends.similarity[i, j])
    ]
    enough = held_out.num_rows >= _FEW_ROWS and real.num_rows >= _FEW_ROWS
    return SyntheticFindings(
        shapes=column_shapes(real, synthetic, categories=categories),
        trends=trends.mean,
        worst_pairs=sorted(pairs, key=lambda pair: pair[2])[:_LISTED_PAIRS],
        efficacy=_learned(real, synthetic, held_out, categories, target, seed) if enough else None,
        privacy=_given_away(fitted, held_out, synthetic, categories, seed) if enough else None,
        rows=(real.num_rows, synthetic.num_rows),
    )


def _learned(
    real: pa.Table,
    synthetic: pa.Table,
    held_out: pa.Table,
    categories: Sequence[str],
    target: str | None,
    seed: int,
) -> EfficacyFindings | None:
    if target is None or real.num_columns < 2 or held_out[target].null_count == held_out.num_rows:
        return None
    rows = int(np.clip(_CELLS_LEARNED // real.num_columns, 500, 10_000))
    even = synthetic.slice(0, real.num_rows)  # more rows would be an advantage
    found = efficacy(real, even, held_out, target, categories=categories, rows=rows, seed=seed)
    scores = [
        (f"{learner}, {score}", found.real[learner][score], found.synthetic[learner][score])
        for learner in ("trees", "linear")
        for score in sorted(found.real[learner])
    ]
    return EfficacyFindings(target=target, scores=scores, rows=found.rows)


def _given_away(
    fitted: pa.Table, held_out: pa.Table, synthetic: pa.Table, categories: Sequence[str], seed: int
) -> PrivacyFindings:
    rows = int(np.clip(_CELLS_COMPARED // (_ASKED * fitted.num_columns), 1000, 20_000))
    found = privacy(fitted, held_out, synthetic, categories=categories, rows=rows, asked=_ASKED, seed=seed)
    return PrivacyFindings(
        duplicates=found.duplicates,
        held_out_duplicates=found.held_out_duplicates,
        median=(found.synthetic.median, found.held_out.median),
        low=(found.synthetic.low, found.held_out.low),
        membership=found.membership,
        membership_error=found.membership_error,
        rows=found.asked,
    )


def arrays_of(table: pa.Table) -> Mapping[str, Array]:
    """A table as columns of numpy, holes as None or NaN, dates as years with their fractions."""
    return {name: _years(np.asarray(table[name].to_numpy()), table[name].type) for name in table.column_names}


def _years(values: Array, kind: pa.DataType) -> Array:
    import pyarrow as pa

    if not pa.types.is_temporal(kind):
        return values
    days = values.astype("datetime64[s]").astype(np.float64) / 86_400
    return np.where(np.isnat(values.astype("datetime64[s]")), np.nan, 1970 + days / 365.2425)
