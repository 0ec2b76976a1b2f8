"""The classifier."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self, final

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, column_or_1d

from anyvae.data import DataError, Source
from anyvae.data.tables import set_aside
from anyvae.estimators.base import TableEstimator
from anyvae.estimators.saving import Saved
from anyvae.recipes import find_recipe

__all__ = ["VAEClassifier"]


@final
class VAEClassifier(ClassifierMixin, Saved, TableEstimator):
    r"""Tells classes by a model of rows and class together, so rows without a label teach too.

    .. math:: p(y \mid x) = p(x, y) / \sum_{y'} p(x, y')

    The class is one more column of the table, missing where the label is -1; recipes of rows and labels ("m2",
    "m1_m2", "infinite_vae") have a variable and a classifier of their own for it.
    Source: Semi-supervised Learning with Deep Generative Models (Kingma et al., 2014), for the idea.

    Arguments are those of `TabularVAE`.

    >>> rng = np.random.default_rng(0)
    >>> rows = np.concatenate([rng.normal(-2, 1, size=(60, 2)), rng.normal(2, 1, size=(60, 2))])
    >>> labels = np.repeat([0, 1], 60)
    >>> labels[::3] = -1
    >>> VAEClassifier(max_epochs=60, random_state=0).fit(rows, labels).predict([[-2, -2], [2, 2]]).tolist()
    [0, 1]
    """

    _kept = ("classes_", "column_")

    def fit(self, X: Any, y: Any) -> Self:
        """Fit rows with labels, (n,).

        Where the label is not known it is -1, if two other classes are there; among words -1, None or NaN.

        Raises:
            ValueError: for labels that are no classes, or none at all.
        """
        source = self._source(X, reset=True)
        if y is None:
            raise ValueError("VAEClassifier requires y to be passed, but the target y is None.")
        labels = column_or_1d(y, warn=True)
        _refuse_objects(labels)
        check_array(labels.reshape(-1, 1), dtype=None, ensure_all_finite=labels.dtype.kind == "f")
        if len(labels) != len(source):
            raise ValueError(f"X has {len(source)} rows and y {len(labels)} labels: give one label a row.")
        known = _known(labels)
        if not known.any():
            raise ValueError("y holds no label: give at least one row its class.")
        check_classification_targets(labels[known])
        if len(np.unique(labels[known])) < 2:
            # One class alone can teach nothing, so -1 and 1 are two classes.
            known = ~_absent(labels)
        self.classes_ = np.unique(labels[known])
        labelled = self._labelled(source, labels, known)
        recipe, alone = find_recipe(self.recipe), len(self.classes_) == 1
        if alone and recipe.labels and not recipe.optional("classes"):
            raise ValueError(
                f"all labels are of one class, {self.classes_[0]}, and {self.recipe} tells classes apart: give rows of "
                "two classes or more."
            )
        if alone or not recipe.labels:
            return self._fit_source(labelled)
        # A recipe of rows and labels has a variable of its own for them.
        assert labelled.table is not None
        table, beside = set_aside(labelled.table, [self.column_], labelled.name)
        return self._fit_source(replace(labelled, table=table, beside=beside), label=self.column_)

    def predict_proba(self, X: Any) -> np.ndarray[Any, Any]:
        """p(class | row), (rows, classes), in the order of `classes_`; deterministic."""
        fitted = self._model()
        source = self._source(X)
        if len(self.classes_) == 1:
            return np.ones((len(source), 1))
        names, shares = fitted.predict(source, self.column_)
        order = [names.index(str(index)) for index in range(len(self.classes_))]
        return shares[:, order]

    def predict(self, X: Any) -> np.ndarray[Any, Any]:
        """The most probable class of each row."""
        shares = self.predict_proba(X)
        return np.asarray(self.classes_[shares.argmax(1)])

    def _labelled(self, source: Source, labels: Any, known: Any) -> Source:
        import pyarrow as pa

        assert source.table is not None
        names = source.table.column_names
        self.column_ = next(
            name for name in ("y", *(f"y{i}" for i in range(len(names) + 1))) if name not in names
        )
        places = np.searchsorted(self.classes_, labels[known])
        column = np.full(len(labels), None, dtype=object)
        column[known] = [str(place) for place in places]
        if len(source) < 2:
            raise DataError(f"a fit wants two rows or more, and got n_samples = {len(source)}")
        table = source.table.append_column(self.column_, pa.array(column, pa.string()))
        return replace(source, table=table)


def _known(labels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Which labels are known: there, and not -1."""
    if labels.dtype.kind in "if":
        return np.asarray(labels != -1)
    known = ~_absent(labels)
    if labels.dtype.kind == "O":
        known &= np.array([isinstance(one, str) or not bool(one == -1) for one in np.where(known, labels, 0)])
    return known


def _refuse_objects(labels: np.ndarray[Any, Any]) -> None:
    """Refuse labels that are no value among others than words, and objects that are no words."""
    absent = np.isnan(labels) if labels.dtype.kind == "f" else _absent(labels)
    others = [one for one in labels[_known(labels) & ~absent].tolist() if not isinstance(one, str)]
    if absent.any() and others:
        raise ValueError(
            f"Input y contains NaN or None, in row {int(absent.argmax()) + 1}, among labels that are no words, such as "
            f"{others[0]!r}: give -1 where a label is not known."
        )
    if labels.dtype.kind == "O" and others:
        raise ValueError(
            f"Unknown label type: y holds objects that are no words, such as {others[0]!r}: give it their type, as "
            "y.astype(int) does."
        )


def _absent(labels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Which labels are no value at all."""
    if labels.dtype.kind != "O":
        return np.zeros(len(labels), dtype=bool)
    # pandas' NA will not say whether it is itself.
    return np.array([one is None or type(one).__name__ == "NAType" or bool(one != one) for one in labels])
