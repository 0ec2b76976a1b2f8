"""What answers are worth: computed here for every contestant alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

__all__ = ["distinct_share", "imputation", "kolmogorov", "ranks", "rmse"]


def rmse(truth: pd.DataFrame, imputed: pd.DataFrame, mask: np.ndarray) -> float:
    """Root mean square error over all missing cells of a table of numbers, in its own units.

    Arguments:
        truth: complete table.
        imputed: filled table.
        mask: true where a cell was missing.
    """
    gap = imputed[list(truth.columns)].to_numpy(float) - truth.to_numpy(float)
    return float(np.sqrt(np.mean(gap[mask] ** 2)))


def imputation(truth: pd.DataFrame, imputed: pd.DataFrame, mask: np.ndarray) -> dict[str, float]:
    """Errors on the missing cells of a mixed table.

    "nrmse" is the mean over numbers and ordered levels (their ranks) of RMSE / standard deviation of the true column;
    "error" the mean over nominal columns of the share of wrong levels.

    Arguments:
        truth: complete table; nominal columns hold strings, ordered ones are ordered categories.
        imputed: filled table.
        mask: true where a cell was missing.

    Raises:
        ValueError: a missing cell was not filled, or an ordered one with what is no level.
    """
    numbers: list[float] = []
    names: list[float] = []
    for j, name in enumerate(truth.columns):
        where = mask[:, j]
        if not where.any():
            continue
        right, answer = truth[name], imputed[name]
        if answer.isna().to_numpy()[where].any():
            raise ValueError(
                f"{int(answer.isna().to_numpy()[where].sum())} missing cells of {name!r} were not filled"
            )
        if isinstance(right.dtype, pd.CategoricalDtype):
            levels = [str(level) for level in right.cat.categories]
            place = {level: rank for rank, level in enumerate(levels)}
            unknown = set(answer.astype(str)[where]) - set(levels)
            if unknown:
                raise ValueError(
                    f"{name!r} was filled with {sorted(unknown)[:3]!r}, which are no levels of it"
                )
            ours, wanted = (
                answer.astype(str).map(place).to_numpy(float),
                right.astype(str).map(place).to_numpy(float),
            )
        elif pd.api.types.is_numeric_dtype(right.dtype):
            ours, wanted = answer.to_numpy(float), right.to_numpy(float)
        else:
            names.append(float((answer.astype(str) != right.astype(str)).to_numpy()[where].mean()))
            continue
        # A hole of the table's own has no truth, and says nothing of the spread.
        spread = wanted[~np.isnan(wanted)].std()
        if spread > 0.0:
            numbers.append(float(np.sqrt(np.mean((ours - wanted)[where] ** 2)) / spread))
    figures = {}
    if numbers:
        figures["nrmse"] = float(np.mean(numbers))
    if names:
        figures["error"] = float(np.mean(names))
    return figures


def distinct_share(rows: pd.DataFrame, block: int = 1000) -> float:
    """Mean number of distinct rows in a block of rows, over the whole blocks that there are.

    Arguments:
        rows: at least one block.
        block: its size.
    """
    blocks = len(rows) // block
    return float(
        np.mean([len(rows.iloc[k * block : (k + 1) * block].drop_duplicates()) for k in range(blocks)])
    )


def kolmogorov(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """Largest gap of two empirical distribution functions, and the gap that chance passes once in a hundred.

    Arguments:
        one, other: samples.
    """
    from scipy.stats import ks_2samp

    gap = float(ks_2samp(one, other).statistic)
    return gap, float(1.628 * np.sqrt(1.0 / len(one) + 1.0 / len(other)))


def ranks(figures: Mapping[str, float]) -> dict[str, float]:
    """Rank of each contestant, 1 for the smallest figure, ties share their mean.

    Arguments:
        figures: contestant -> figure.
    """
    ranked = pd.Series(dict(figures)).rank(method="average")
    return {str(name): float(rank) for name, rank in ranked.items()}
