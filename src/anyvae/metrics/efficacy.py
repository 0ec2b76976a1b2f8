"""Whether synthetic rows teach a classifier or a regression what real rows teach it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, NamedTuple, final

import numpy as np

from anyvae.metrics.columns import (
    Array,
    Column,
    Table,
    row_count,
    rows_of,
    some_rows,
    spread_of,
    typed_columns,
    varies,
)

__all__ = ["Efficacy", "efficacy"]

_LEVELS = 50
_TREES = 400


@final
class Efficacy(NamedTuple):
    """Scores on real test rows, by learner and score; 1 is perfect.

    Arguments:
        target: the column foretold.
        task: what it is.
        real: scores of learners fitted to real rows, such as `real["trees"]["AUROC"]`.
        synthetic: of the same learners fitted to synthetic rows.
        rows: real, synthetic and test rows that were used.
    """

    target: str
    task: Literal["classes", "numbers"]
    real: dict[str, dict[str, float]]
    synthetic: dict[str, dict[str, float]]
    rows: tuple[int, int, int]


def efficacy(
    real_train: Table,
    synthetic: Table,
    real_test: Table,
    target: str,
    *,
    categories: Collection[str] = (),
    rows: int = 20_000,
    seed: int = 0,
) -> Efficacy:
    r"""Learners fitted to synthetic rows against the same learners fitted to real rows, both tested on real rows.

    The learners are `trees`, histogram gradient boosting, and `linear`, logistic or ridge regression on standardised
    numbers and one column a category. Classes are scored by `accuracy` and `AUROC` (of more than two classes the mean
    over one against the rest), numbers by `R2`:

    .. math:: R^2 = 1 - \frac{\sum_i (y_i - \hat y_i)^2}{\sum_i (y_i - \bar y)^2}

    A target is made of classes when it is a category. Rows without a target are left out. Of a category's levels the
    50 most frequent among the real rows are read. Boosting takes 100 rounds, fewer where classes make more than 400
    trees of them. Classes that the rows to learn from lack have probability 0. AUROC is NaN where the test rows hold
    one class.

    Arguments:
        real_train, synthetic: rows to learn from.
        real_test: rows to be tested on, seen by no model.
        target: the column to foretell from the others.
        categories: columns of numbers to read as categories.
        rows: at most so many of each table are used, drawn with the seed; equally many real and synthetic ones
            where there are as many.
        seed: of the draw, and of the learners.

    Raises:
        ValueError: for a target that is no column, that has no cells in one of the tables, or that stands alone.
    """
    train, made, test = typed_columns(real_train, synthetic, real_test, categories=categories)
    if target not in train:
        raise ValueError(
            f"efficacy got target {target!r}, which is no column; the columns are {list(train)!r}."
        )
    if len(train) < 2:
        raise ValueError(f"efficacy got no column but the target {target!r}; give one to foretell it from.")
    random = np.random.default_rng(seed)
    parts = []
    for name, columns in (("real_train", train), ("synthetic", made), ("real_test", test)):
        known = np.flatnonzero(columns[target].known)
        if not len(known):
            raise ValueError(
                f"efficacy: the target {target!r} has no cells in {name}; give rows that have it."
            )
        parts.append(some_rows(rows_of(columns, known), rows, random))
    encoding = _Encoding(parts[0], target)
    classes = not train[target].numeric
    scores = [(_classes if classes else _numbers)(encoding, part, parts[2], seed) for part in parts[:2]]
    used = (row_count(parts[0]), row_count(parts[1]), row_count(parts[2]))
    return Efficacy(target, "classes" if classes else "numbers", scores[0], scores[1], used)


@final
class _Encoding:
    """How cells become features, decided by the real rows to learn from."""

    def __init__(self, train: dict[str, Column], target: str) -> None:
        self.target = target
        self.names = [name for name in train if name != target]
        self.frequent: dict[str, Array] = {}
        self.moments: dict[str, tuple[float, float]] = {}
        for name in self.names:
            column = train[name]
            cells = column.values[column.known]
            if column.levels is None:
                self.moments[name] = float(cells.mean()) if len(cells) else 0.0, spread_of(cells)
            else:
                counts = np.bincount(cells, minlength=len(column.levels))
                self.frequent[name] = np.argsort(-counts, kind="stable")[:_LEVELS]

    def for_trees(self, columns: dict[str, Column]) -> Array:
        """One feature a column, NaN for holes and rare levels."""
        found = []
        for name in self.names:
            values = columns[name].values
            found.append(self._place(columns[name], name) if name in self.frequent else values)
        return np.stack(found, axis=1).astype(np.float64)

    def categorical(self) -> list[bool]:
        """Which features of `for_trees` are categories."""
        return [name in self.frequent for name in self.names]

    def for_lines(self, columns: dict[str, Column]) -> Array:
        """Standardised numbers, holes at 0 with a feature of their own, and one feature a level."""
        found = []
        for name in self.names:
            column = columns[name]
            if name in self.frequent:
                place = self._place(column, name)
                found.append((place[:, None] == np.arange(len(self.frequent[name]))).astype(np.float64))
            else:
                mean, scale = self.moments[name]
                # Far beyond the rows to learn from, a line says nothing: it would only sink the score.
                numbers = np.clip((column.values - mean) / scale, -20.0, 20.0)
                found.append(np.stack([np.where(column.known, numbers, 0.0), ~column.known], axis=1))
        return np.concatenate(found, axis=1)

    def _place(self, column: Column, name: str) -> Array:
        assert column.levels is not None
        place = np.full(len(column.levels) + 1, np.nan)
        place[self.frequent[name]] = np.arange(len(self.frequent[name]))
        return place[column.values]


def _classes(
    encoding: _Encoding, train: dict[str, Column], test: dict[str, Column], seed: int
) -> dict[str, dict[str, float]]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    y, truth = train[encoding.target].values, test[encoding.target].values
    present = np.unique(y)
    levels = len(train[encoding.target].levels or ())
    trees = len(present) if len(present) > 2 else 1
    learners: dict[str, tuple[Any, Any]] = {
        "trees": (
            HistGradientBoostingClassifier(
                categorical_features=encoding.categorical(),
                max_iter=int(np.clip(_TREES // trees, 10, 100)),
                early_stopping=False,
                random_state=seed,
            ),
            encoding.for_trees,
        ),
        "linear": (LogisticRegression(max_iter=1000), encoding.for_lines),
    }
    found = {}
    for name, (learner, features) in learners.items():
        shares = np.zeros((len(truth), levels))
        if len(present) == 1:
            shares[:, present[0]] = 1.0
        else:
            shares[:, present] = learner.fit(_taught(features(train)), y).predict_proba(features(test))
        found[name] = {"accuracy": float((shares.argmax(1) == truth).mean()), "AUROC": _auroc(truth, shares)}
    return found


def _taught(features: Array) -> Array:
    """Features to learn from; one without a cell, which the trees refuse, is 0, and teaches nothing."""
    return np.where(np.isnan(features).all(0), 0.0, features)


def _auroc(truth: Array, shares: Array) -> float:
    """Mean over the classes of the test rows, each against the rest; of two classes both are the same."""
    from sklearn.metrics import roc_auc_score

    present = np.unique(truth)
    if len(present) < 2:
        return float("nan")
    return float(np.mean([roc_auc_score(truth == level, shares[:, level]) for level in present]))


def _numbers(
    encoding: _Encoding, train: dict[str, Column], test: dict[str, Column], seed: int
) -> dict[str, dict[str, float]]:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import Ridge

    y, truth = train[encoding.target].values, test[encoding.target].values
    centre, scale = float(y.mean()), spread_of(y)
    learners: dict[str, tuple[Any, Any]] = {
        "trees": (
            HistGradientBoostingRegressor(
                categorical_features=encoding.categorical(), early_stopping=False, random_state=seed
            ),
            encoding.for_trees,
        ),
        "linear": (Ridge(), encoding.for_lines),
    }
    total = float(((truth - truth.mean()) ** 2).sum())
    found = {}
    for name, (learner, features) in learners.items():
        foretold = (
            learner.fit(_taught(features(train)), (y - centre) / scale).predict(features(test)) * scale
            + centre
        )
        left = float(((truth - foretold) ** 2).sum())
        found[name] = {"R2": 1.0 - left / total if varies(truth) else float("nan")}
    return found
