"""scikit-learn's tools: column means, nearest neighbours, iterative regressions, isolation forest, PCA.

Imputers take numbers: categories go in as one indicator a level and come back as the largest one; ordered levels
go in as their rank and come back rounded; whole numbers come back rounded. Regressions foretell an indicator from the
other columns and not from the other indicators of its own, which sum to one with it where they are known: a line
through them fits that sum, and a missing level would stay the most frequent one for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from door import Job, serve


class Numbers:
    """A table as numbers, and back.

    Arguments:
        frame: the table with holes.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self.blocks: list[tuple[str, list[Any] | None, np.ndarray]] = []
        for name in frame.columns:
            column = frame[name]
            if isinstance(column.dtype, pd.CategoricalDtype):
                levels: list[Any] = list(column.cat.categories)
                codes = column.cat.codes.to_numpy(float)
                self.blocks.append((name, levels, np.where(codes < 0, np.nan, codes)[:, None]))
            elif pd.api.types.is_numeric_dtype(column.dtype):
                self.blocks.append((name, None, column.to_numpy(float)[:, None]))
            else:
                codes, uniques = pd.factorize(column, sort=True)
                levels = list(uniques)
                hot = np.eye(len(levels))[codes]
                hot[codes < 0] = np.nan
                # Two levels need one indicator.
                self.blocks.append((name, levels, hot[:, 1:] if len(levels) == 2 else hot))

    def matrix(self) -> np.ndarray:
        """All blocks side by side."""
        return np.concatenate([block for _, _, block in self.blocks], axis=1)

    def owners(self) -> np.ndarray:
        """Which column each number of a row belongs to."""
        return np.repeat(np.arange(len(self.blocks)), [block.shape[1] for _, _, block in self.blocks])

    def restore(self, filled: np.ndarray, whole: set[str]) -> pd.DataFrame:
        """The table from filled numbers.

        Arguments:
            filled: of `matrix`'s shape.
            whole: columns of whole numbers.
        """
        built: dict[str, Any] = {}
        start = 0
        for name, levels, block in self.blocks:
            part = filled[:, start : start + block.shape[1]]
            start += block.shape[1]
            if levels is None:
                built[name] = np.rint(part[:, 0]) if name in whole else part[:, 0]
            elif isinstance(self.frame[name].dtype, pd.CategoricalDtype):
                codes = np.clip(np.rint(part[:, 0]), 0, len(levels) - 1).astype(int)
                built[name] = pd.Categorical.from_codes(codes, dtype=self.frame[name].dtype)
            else:
                if len(levels) == 1:
                    codes = np.zeros(len(part), dtype=int)
                else:
                    codes = (part[:, 0] > 0.5).astype(int) if part.shape[1] == 1 else part.argmax(1)
                built[name] = np.array(levels, dtype=object)[codes]
        return pd.DataFrame(built)


def impute(job: Job) -> Mapping[str, pd.DataFrame]:
    frame = job.table("train")
    numbers = Numbers(frame)
    matrix = numbers.matrix()
    whole = set(job.options.get("whole", []))
    with job.clock("fit"):
        if job.method == "mean":
            # The mean of indicators picks the most frequent level; that of ranks is replaced by the mode.
            filled = np.where(np.isnan(matrix), np.nanmean(matrix, 0), matrix)
            start = 0
            for name, _, block in numbers.blocks:
                if isinstance(frame[name].dtype, pd.CategoricalDtype):
                    filled[:, start] = np.where(
                        np.isnan(matrix[:, start]),
                        frame[name].cat.codes[lambda c: c >= 0].mode()[0],
                        matrix[:, start],
                    )
                start += block.shape[1]
        elif job.method == "knn":
            from sklearn.impute import KNNImputer
            from sklearn.preprocessing import StandardScaler

            scale = StandardScaler().fit(matrix)
            filled = scale.inverse_transform(
                KNNImputer(keep_empty_features=True).fit_transform(scale.transform(matrix))
            )
        else:
            from sklearn.ensemble import RandomForestRegressor
            from sklearn.experimental import enable_iterative_imputer  # noqa: F401
            from sklearn.impute import IterativeImputer
            from sklearn.linear_model import BayesianRidge

            owner = numbers.owners()

            class Apart(IterativeImputer):  # type: ignore[misc]
                """Every number foretold from those of other columns."""

                def _get_neighbor_feat_idx(
                    self, n_features: int, feat_idx: int, abs_corr_mat: Any
                ) -> np.ndarray:
                    return np.flatnonzero(owner != owner[feat_idx])

            # missForest's own choice: 100 trees, sqrt(p) columns a split.
            estimator = (
                BayesianRidge()
                if job.method == "ridge"
                else RandomForestRegressor(n_estimators=100, max_features="sqrt", random_state=job.seed)
            )
            filled = Apart(estimator, random_state=job.seed, keep_empty_features=True).fit_transform(matrix)
    return {"imputed": numbers.restore(filled, whole)}


def outliers(job: Job) -> Mapping[str, pd.DataFrame]:
    from sklearn.ensemble import IsolationForest

    values = job.table("train").to_numpy(float)
    with job.clock("fit"):
        model = IsolationForest(random_state=job.seed).fit(values)
    with job.clock("score"):
        scores = -model.score_samples(values)
    return {"scores": pd.DataFrame({"outlier": scores})}


def embed(job: Job) -> Mapping[str, pd.DataFrame]:
    from sklearn.decomposition import PCA

    train, rest = job.table("train").to_numpy(float), job.table("rest").to_numpy(float)
    if job.method == "pca of log":
        train, rest = (np.log1p(1e4 * x / x.sum(1, keepdims=True)) for x in (train, rest))
    with job.clock("fit"):
        model = PCA(job.options.get("latent", 10), random_state=job.seed).fit(train)
    with job.clock("embed"):
        both = {"train": pd.DataFrame(model.transform(train)), "rest": pd.DataFrame(model.transform(rest))}
    return both


if __name__ == "__main__":
    serve({"impute": impute, "outliers": outliers, "embed": embed}, "scikit-learn")
