"""How near imputed cells are to the truth, and whether the spread of draws tells how near."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple, final

import numpy as np

from anyvae.metrics.columns import Array, Column, Table, spread_of, typed_columns

__all__ = ["Coverage", "ImputationError", "imputation_error", "interval_coverage"]


@final
class ImputationError(NamedTuple):
    """One column.

    Arguments:
        error: see `imputation_error`; NaN where no cell was judged.
        kind: which error it is.
        cells: how many were judged.
    """

    error: float
    kind: Literal["NRMSE", "error rate"]
    cells: int


@final
class Coverage(NamedTuple):
    """One column.

    Arguments:
        shares: of the judged cells whose truth lies within the interval of each level, in the order of the levels.
        errors: standard error of each share where the draws are calibrated.
        cells: how many were judged.
    """

    shares: tuple[float, ...]
    errors: tuple[float, ...]
    cells: int


def imputation_error(
    truth: Table, imputed: Table, hidden: Mapping[str, Array], *, categories: Collection[str] = ()
) -> dict[str, ImputationError]:
    r"""The error of every column over the cells that were hidden.

    .. math:: NRMSE = \sqrt{\operatorname{mean}_{hidden} (x - \hat x)^2} / \operatorname{sd}(x), \qquad
       rate = \operatorname{mean}_{hidden} 1[x \ne \hat x]

    The standard deviation is that of all known cells of the true column, 1 where they are all the same. Imputing
    means gives an NRMSE near 1. Hidden cells that are missing in the truth are not judged.

    Arguments:
        truth: whole rows.
        imputed: the same rows with hidden cells filled in.
        hidden: for each column to be judged which cells were hidden, True for hidden, shape (rows,).
        categories: columns of numbers to read as categories.

    Raises:
        ValueError: for tables of unequal length, columns that are none, or a judged cell that was not filled in.

    >>> truth, imputed = {"x": np.array([0.0, 1.0, 2.0])}, {"x": np.array([0.0, 1.0, 5.0])}
    >>> found = imputation_error(truth, imputed, {"x": np.array([False, True, True])})["x"]
    >>> round(found.error, 4), found.cells
    (2.5981, 2)
    """
    first, second = typed_columns(truth, imputed, categories=categories)
    found = {}
    for name, judged in _judged(first, [second], hidden).items():
        column, filled = first[name], second[name]
        kind: Literal["NRMSE", "error rate"] = "NRMSE" if column.numeric else "error rate"
        if not judged.any():
            found[name] = ImputationError(float("nan"), kind, 0)
        elif column.numeric:
            off = column.values[judged] - filled.values[judged]
            spread = spread_of(column.values[column.known])
            found[name] = ImputationError(float(np.sqrt(np.mean(off**2))) / spread, kind, int(judged.sum()))
        else:
            wrong = column.values[judged] != filled.values[judged]
            found[name] = ImputationError(float(wrong.mean()), kind, int(judged.sum()))
    return found


def interval_coverage(
    draws: Sequence[Table],
    truth: Table,
    levels: Sequence[float] = (0.5, 0.9),
    *,
    hidden: Mapping[str, Array] | None = None,
    categories: Collection[str] = (),
    seed: int = 0,
) -> dict[str, Coverage]:
    r"""How often the truth lies within the central interval of M draws, column by column.

    Draws from the true conditional and the truth are exchangeable, so the rank of the truth among all M + 1, ties
    and the place within a rank chosen by chance, is uniform, and the coverage of

    .. math:: |u - \tfrac12| \le level / 2, \qquad u = (rank + U) / (M + 1), \quad U \sim U(0, 1)

    is the level exactly, for any M and for whole numbers as for real ones. Of categories, which have no order, values
    rank by how often they occur among the M + 1, the most frequent first, and the set is :math:`u \le level`.
    Shares below a level mean draws too narrow, or in the wrong place; shares above it mean draws too wide.

    Arguments:
        draws: M tables, each with the hidden cells filled in by one draw.
        truth: the same rows, whole.
        levels: of the intervals, between 0 and 1.
        hidden: for each column to be judged which cells were hidden, shape (rows,); None judges all cells.
        categories: columns of numbers to read as categories.
        seed: of the chance.

    Raises:
        ValueError: for no draws, levels outside (0, 1), or what `imputation_error` refuses.
    """
    if not len(draws) or not all(0 < level < 1 for level in levels):
        raise ValueError(
            f"interval_coverage got {len(draws)} draws and levels {tuple(levels)}; it wants at least one draw, and "
            f"levels between 0 and 1."
        )
    first, *drawn = typed_columns(truth, *draws, categories=categories)
    random = np.random.default_rng(seed)
    if hidden is None:
        hidden = {name: np.ones(len(column.values), dtype=bool) for name, column in first.items()}
    found = {}
    for name, judged in _judged(first, drawn, hidden).items():
        value = first[name].values[judged]
        others = np.stack([columns[name].values[judged] for columns in drawn])
        place = _rank(value, others) if first[name].numeric else _rank_by_count(value, others)
        ties = random.integers(0, place[1] + 1)
        u = (place[0] + ties + random.random(len(value))) / (len(drawn) + 1)
        inside = [np.abs(u - 0.5) <= level / 2 if first[name].numeric else u <= level for level in levels]
        cells = int(judged.sum())
        found[name] = Coverage(
            tuple(float(one.mean()) if cells else float("nan") for one in inside),
            tuple(float(np.sqrt(level * (1 - level) / cells)) if cells else float("nan") for level in levels),
            cells,
        )
    return found


def _rank(value: Array, draws: Array) -> tuple[Array, Array]:
    """How many draws lie below the truth, and how many equal it."""
    return (draws < value).sum(0), (draws == value).sum(0)


def _rank_by_count(value: Array, draws: Array) -> tuple[Array, Array]:
    """How many draws are of values more frequent than the truth's, and how many of values as frequent."""
    everyone = np.concatenate([value[None], draws])
    counts = np.stack([(everyone == one).sum(0) for one in everyone])
    return (counts[1:] > counts[0]).sum(0), (counts[1:] == counts[0]).sum(0)


def _judged(
    truth: dict[str, Column], filled: Sequence[dict[str, Column]], hidden: Mapping[str, Array]
) -> dict[str, Array]:
    """Which cells of each column are judged; refuses those that were not filled in."""
    unknown = sorted(set(hidden) - set(truth))
    if unknown:
        raise ValueError(f"hidden names {unknown!r}, which are no columns; the columns are {list(truth)!r}.")
    found = {}
    for name, mask in hidden.items():
        lengths = {len(columns[name].values) for columns in (truth, *filled)} | {len(mask)}
        if len(lengths) > 1:
            raise ValueError(
                f"column {name!r} has unequal lengths {sorted(lengths)} in truth, draws and hidden cells."
            )
        judged = np.asarray(mask, dtype=bool) & truth[name].known
        if any((judged & ~columns[name].known).any() for columns in filled):
            raise ValueError(f"column {name!r} has hidden cells that were not filled in; impute all of them.")
        found[name] = judged
    return found
