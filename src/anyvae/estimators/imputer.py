"""The imputer."""

from __future__ import annotations

from typing import Any, Self, final

from sklearn.base import OneToOneFeatureMixin, TransformerMixin

from anyvae.estimators.base import TableEstimator
from anyvae.estimators.saving import Saved

__all__ = ["VAEImputer"]


@final
class VAEImputer(OneToOneFeatureMixin, TransformerMixin, Saved, TableEstimator):
    """Fills missing cells by their means, or most probable values, given the rest of their row.

    Arguments are those of `TabularVAE`, which also gives draws instead of means: `TabularVAE.impute(X, draws=5)`.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> rows = rng.normal(size=(60, 1)) @ np.array([[1.0, 2.0]])
    >>> rows[::7, 0] = np.nan
    >>> np.isnan(VAEImputer(max_epochs=2, random_state=0).fit_transform(rows)).any()
    np.False_
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit rows, missing cells among them; `y` is not looked at."""
        return self._fit_source(self._source(X, reset=True))

    def transform(self, X: Any) -> Any:
        """The rows with their holes filled; what is there stays as it is."""
        fitted, source = self._model(), self._source(X)
        return self._restore(fitted.impute(source), X, source.beside)
