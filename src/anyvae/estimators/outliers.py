"""The outlier detector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self, final

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from anyvae.data import Schema, Source
from anyvae.data.errors import NoNumbersError
from anyvae.estimators.base import TableEstimator
from anyvae.estimators.saving import Saved
from anyvae.runs import FitOptions

__all__ = ["VAEOutlierDetector"]

_FALSE_ALARMS = 0.05
# So many rows held out make a quantile of their own; of fewer, chance would make most of it.
_ENOUGH = 100


@final
class VAEOutlierDetector(OutlierMixin, Saved, TableEstimator):
    r"""Calls rows that stand low outliers, in scikit-learn's signs: 1 for rows like the others, -1 for outliers.

    .. math:: predict(x) = sign(standing(x) - offset)

    A row stands as high as its bound is above what its latents let expect of a row, see `anyvae.inference.standing`:
    a density by itself is high for whatever is simple. The rows fitted may have outliers among them, which the model of
    `TabularVAE` would learn as a group of their own, or as values that come again. So the latents follow one normal
    distribution here, and every number is read as a point on a line with normal noise, unless `recipe`, `likelihood`
    and `kinds` say otherwise. Chosen on 21 tables with a rare class or made-up outliers, apart from those that it is
    compared on.

    Arguments are those of `TabularVAE`, besides

    Arguments:
        contamination: share of the rows fitted that are outliers, in (0, 0.5]; "auto" calls outliers what has a
            p-value of 5 % or less, and so raises about one false alarm in twenty on rows like those fitted. P-values
            are told by the rows that were held out of the fit; where they are fewer than 100, by the rows fitted,
            as much lower as the median row held out stands.
        unseen: a row with a value that no row of the fit held, such as a new category or a whole number beyond the
            levels, stands below all that were held out ("outlier"), is refused, or is judged by its other cells
            ("missing").

    >>> rng = np.random.default_rng(0)
    >>> rows = rng.normal(size=(80, 2))
    >>> detector = VAEOutlierDetector(max_epochs=20, random_state=0).fit(rows)
    >>> detector.predict([[0.0, 0.0], [30.0, -30.0]]).tolist()
    [1, -1]
    """

    _kept = ("offset_", "held_out_scores_")
    _unseen = ("outlier", "refuse", "missing")

    def __init__(
        self,
        *,
        contamination: float | str = "auto",
        recipe: str = "vae",
        latent_features: int | None = None,
        kinds: Mapping[str, str] | None = None,
        likelihood: str | None = "normal",
        max_epochs: int | None = None,
        max_minutes: float | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        unseen: str = "outlier",
        samples: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            recipe=recipe,
            latent_features=latent_features,
            kinds=kinds,
            likelihood=likelihood,
            max_epochs=max_epochs,
            max_minutes=max_minutes,
            batch_size=batch_size,
            learning_rate=learning_rate,
            unseen=unseen,
            samples=samples,
            random_state=random_state,
            verbose=verbose,
        )
        self.contamination = contamination

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit rows, outliers among them or not; `y` is not looked at.

        Raises:
            ValueError: for a contamination that is no share in (0, 0.5] and not "auto".
        """
        share = self.contamination
        if share != "auto" and not (isinstance(share, int | float | np.floating) and 0.0 < share <= 0.5):
            raise ValueError(f"contamination is {share!r}; give 'auto' or a share in (0, 0.5].")
        source = self._source(X, reset=True)
        self._fit_source(source)
        held: Any = None if self.watched_ is None else self.fitted_.standing(self.watched_, self._draws())
        few = held is None or len(held) < _ENOUGH
        fitted: Any = None
        if few or not isinstance(share, str):
            fitted = self.fitted_.standing(source, self._draws())
        self.held_out_scores_ = np.sort(_like_new(held, fitted) if few else held)
        if isinstance(share, str):
            # What is below the k-th of n has a p-value of k / (n + 1) at most.
            rank = max(1, int(_FALSE_ALARMS * (len(self.held_out_scores_) + 1)))
            self.offset_ = float(self.held_out_scores_[rank - 1])
        else:
            self.offset_ = float(np.quantile(fitted, share))
        return self

    def score_samples(self, X: Any) -> np.ndarray[Any, Any]:
        """How high each row stands, nats, whatever the units: low for outliers."""
        fitted, source = self._model(), self._source(X)
        found = fitted.standing(source, self._draws())
        if self.unseen == "outlier":
            # No density tells of such a value: whatever else the row holds, it is as unlike the others as any.
            strange = fitted.holds_unseen(source)
            found[strange] = np.minimum(found[strange], self.held_out_scores_[0]) - 1.0
        return found

    def decision_function(self, X: Any) -> np.ndarray[Any, Any]:
        """`score_samples` less the threshold: negative for outliers."""
        check_is_fitted(self, "fitted_")
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray[Any, Any]:
        """1 for rows like those fitted, -1 for outliers."""
        return np.where(self.decision_function(X) >= 0.0, 1, -1)

    def p_values(self, X: Any) -> np.ndarray[Any, Any]:
        r"""How likely a row that stands as low as this one is among rows like those fitted, in (0, 1].

        .. math:: \frac{1 + |\{i : score_i \le score(x)\}|}{1 + n}
        """
        scores = self.score_samples(X)
        below = np.searchsorted(self.held_out_scores_, scores, side="right")
        return (1.0 + below) / (1.0 + len(self.held_out_scores_))

    def _schema(self, source: Source, options: FitOptions) -> tuple[Schema, FitOptions]:
        """As asked for, where there is a number at all: the likelihood has a default, which nobody gave."""
        try:
            return super()._schema(source, options)
        except NoNumbersError:
            return super()._schema(source, replace(options, likelihood=None))

    def explain(self, X: Any) -> Any:
        """See `TabularVAE.explain`."""
        fitted, source = self._model(), self._source(X)
        return self._numbers(fitted.explain(source, max(64, self._draws())), X)


def _like_new(held: Any, fitted: Any) -> Any:
    """Scores of fitted rows, as much lower as those of the few rows held out are, where there are any."""
    return fitted if held is None else fitted + min(0.0, float(np.median(held) - np.median(fitted)))
