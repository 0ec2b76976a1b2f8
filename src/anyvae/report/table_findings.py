"""What a report shows of a table besides what it shows of any model: plain numbers, measured elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class PairFindings:
    """Associations of pairs of columns, from 0 to 1, NaN where a pair has none.

    Arguments:
        names: of the columns that were paired.
        kinds: of each, "number" or "category".
        real, synthetic: (d, d), symmetric.
        columns: how many columns the table has; the first d of them were paired.
    """

    names: Sequence[str]
    kinds: Sequence[str]
    real: Array
    synthetic: Array
    columns: int


@dataclass(frozen=True, kw_only=True)
class MissingFindings:
    """Holes of the rows fitted.

    Arguments:
        rates: share of missing cells of every column.
        patterns: pairs of the columns that are missing together, and the share of rows that lack exactly these; the
            most frequent first, whole rows among them as an empty tuple.
        rows: how many rows were counted.
    """

    rates: Mapping[str, float]
    patterns: Sequence[tuple[tuple[str, ...], float]]
    rows: int


@dataclass(frozen=True, kw_only=True)
class DensityFindings:
    """Log-density of each held-out cell given the other cells of its row, nats, in the units of the input.

    Arguments:
        names: of the columns.
        mean, error: (d,) over cells, and its standard error.
        cells: (d,) how many cells there were.
        alone: (d,) how hard a column is to foretell by itself, from the entropy of the rows fitted: of a category the
            number of equally frequent levels that would be, of a number the standard deviation of the normal.
        numeric: (d,) whether it is a number, and not one of a few values.
        mixed: (d,) whether some of its values have a probability and others a density: what is left to guess is neither
            a number of levels nor a standard deviation.
        rows: how many held-out rows were read.
    """

    names: Sequence[str]
    mean: Array
    error: Array
    cells: Array
    alone: Array
    numeric: Array
    mixed: Array
    rows: int


@dataclass(frozen=True, kw_only=True)
class SurprisingRow:
    """A held-out row that the model finds improbable.

    Arguments:
        number: of the row among the held-out rows, from 1.
        log_density: log p(x), nats.
        values: its cells by column.
        excess: by column, how many nats a cell is less probable given the others than the median cell of its column;
            NaN for holes.
    """

    number: int
    log_density: float
    values: Mapping[str, Any]
    excess: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class ImputedColumn:
    """Known cells of held-out rows, hidden and filled in.

    Arguments:
        name: of the column.
        cells: how many were hidden.
        error: NRMSE of numbers, share of wrong ones of categories.
        kind: which of the two.
        coverage: share of true cells within the interval of each level.
        coverage_error: standard error of each share where draws are calibrated.
    """

    name: str
    cells: int
    error: float
    kind: str
    coverage: Sequence[float]
    coverage_error: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class EfficacyFindings:
    """Learners fitted to real and to synthetic rows, tested on held-out rows.

    Arguments:
        target: the column foretold.
        scores: triples of the learner and score, such as "trees, AUROC", of real rows, of synthetic rows.
        rows: real, synthetic and held-out rows used.
    """

    target: str
    scores: Sequence[tuple[str, float, float]]
    rows: tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class PrivacyFindings:
    """What synthetic rows give away of the rows fitted.

    Arguments:
        duplicates, held_out_duplicates: share of synthetic and of held-out rows that equal a fitted row.
        median, low: pairs of synthetic and held-out: median and 5 % quantile of the distance to the closest fitted row.
        membership, membership_error: AUROC of the attack and its standard error where nothing is given away.
        rows: fitted, held-out and synthetic rows whose distances were taken.
    """

    duplicates: float
    held_out_duplicates: float
    median: tuple[float, float]
    low: tuple[float, float]
    membership: float
    membership_error: float
    rows: tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class SyntheticFindings:
    """Synthetic rows against the rows fitted.

    Arguments:
        shapes: 1 - distance of every column.
        trends: mean likeness of pairs of columns, NaN where there is no pair.
        worst_pairs: pairs of columns and their likeness, the least alike first.
        efficacy: None where no column is a target.
        privacy: what they give away; None where it was not measured.
        rows: rows fitted and synthetic rows compared.
    """

    shapes: Mapping[str, float]
    trends: float
    worst_pairs: Sequence[tuple[str, str, float]]
    efficacy: EfficacyFindings | None
    privacy: PrivacyFindings | None
    rows: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class TableFindings:
    """Everything the page shows of a table and of no other data; parts that were not measured are None or empty.

    Arguments:
        real: columns of rows fitted, as they were given.
        synthetic: the same columns of draws from the model.
        pairs, missing, density, surprising, imputation, synthesis: see their classes.
        usual_log_density: median of log p(x) over held-out rows, nats.
        levels: of the intervals in `imputation`.
        draws: how many draws each interval is made of.
    """

    real: Mapping[str, Array]
    synthetic: Mapping[str, Array]
    pairs: PairFindings | None = None
    missing: MissingFindings | None = None
    density: DensityFindings | None = None
    surprising: Sequence[SurprisingRow] = ()
    usual_log_density: float = float("nan")
    imputation: Sequence[ImputedColumn] = ()
    levels: Sequence[float] = (0.5, 0.9)
    draws: int = 0
    synthesis: SyntheticFindings | None = None
