"""The estimator that does every job: embed, sample, condition, impute, score, explain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, final

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array
from torch.nn.functional import one_hot

from anyvae.data import decode
from anyvae.data.errors import listing
from anyvae.estimators.base import TableEstimator, whole_number
from anyvae.estimators.saving import Saved
from anyvae.inference import mean
from anyvae.wants import wants

__all__ = ["TabularVAE"]


@final
class TabularVAE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Saved, TableEstimator):
    """A variational autoencoder of a table with mixed types and missing cells, and everything it can be asked.

    Data frames of pandas and polars, arrow tables, and arrays of numbers; what comes back has the columns and types
    that went in. Missing cells are left out of the likelihood, wherever they are.

    Arguments:
        recipe: name of the model, see `anyvae recipes`.
        latent_features: size of the latent space; chosen from the number of columns where None.
        given: columns that rows are given and never scored on, for recipe="cvae"; places where rows are an array.
        groups: columns that are observed together, by name of the group, for recipe="grouped_vae".
        kinds: kind of a column by name, where the one chosen from its values is not meant.
        likelihood: of all numbers, "normal" or "discretised" (on an even lattice); chosen for each column where None.
        max_epochs: passes over the rows at most.
        max_minutes: of training at most.
        batch_size: rows a step.
        learning_rate: its peak.
        unseen: "missing" to read a category, or another value of a column, that could not be fitted as a missing cell,
            with a warning; "refuse" to refuse it.
        samples: S of the importance-weighted scores; more change a score by hundredths of a nat, and take their time.
            Where None, 16; of 100,000 rows and more, 1: a fifteenth of the time.
        random_state: of the first weights, the row order and every draw.
        verbose: 1 prints what is decided and done.

    >>> rng = np.random.default_rng(0)
    >>> rows = rng.normal(size=(60, 1)) @ np.array([[1.0, 2.0]]) + 0.1 * rng.normal(size=(60, 2))
    >>> vae = TabularVAE(max_epochs=2, random_state=0).fit(rows)
    >>> vae.transform(rows).shape, vae.sample(3).shape, vae.score_samples(rows).shape
    ((60, 2), (3, 2), (60,))
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit rows; `y` is not looked at.

        Raises:
            ValueError: for rows that cannot be fitted, naming column and reason.
        """
        return self._fit_source(self._source(X, reset=True))

    def transform(self, X: Any) -> np.ndarray[Any, Any]:
        """Posterior means, (rows, latent features); deterministic."""
        fitted = self._model()
        return fitted.embed(self._source(X))

    @property
    def _n_features_out(self) -> int:
        return sum(self.fitted_.latents.values())

    def inverse_transform(self, Z: Any) -> Any:
        """E[x | z] of every row of latents, (rows, latent features), as a table; categories the most probable.

        The latents are those of `transform`, side by side where the recipe has several; of a class the most probable
        value counts.
        """
        fitted, model = self._model(), self._model().model
        if self.given:
            raise ValueError(
                f"rows are given {listing(self._given())}, which latents do not tell: use sample(given=...)."
            )
        whole = torch.tensor(
            check_array(Z, dtype=np.float64)
        )  # a copy: an array of a data frame is not writable
        if whole.shape[1] != self._n_features_out:
            raise ValueError(
                f"Z has {whole.shape[1]} features, but {type(self).__name__} has {self._n_features_out} latents."
            )
        sizes = fitted.latents
        parts = whole.split(list(sizes.values()), 1)
        latents = {
            name: part.view(len(part), *model.shapes[name]) for name, part in zip(sizes, parts, strict=True)
        }
        for name in fitted.recipe.enumerate:
            latents[name] = one_hot(latents[name].argmax(1), latents[name].shape[1]).to(whole)
        return self._restore(decode(fitted.schema, mean(model, latents)["x"], rounded=False))

    def sample(
        self, n_samples: int = 1, given: Mapping[str, Any] | None = None, random_state: Any = None
    ) -> Any:
        """Draws x ~ p(x), or of the other columns given some; never means, and no row is thrown away.

        Arguments:
            n_samples: rows.
            given: column to value, such as {"income": ">50K"}. How well the model covers such rows is told by
                `effective_samples_` afterwards: below about 50, take them with care.
            random_state: of the draws; that of the estimator where None, so that two calls give the same rows.

        Raises:
            TypeError: for what is no mapping.
            ValueError: for a column that there is not, a value that it cannot have, or a number of rows below 0.
        """
        fitted, seed = self._model(), self._seed(random_state)
        n_samples = whole_number("n_samples", n_samples, 0)
        if given is None:
            given = {}
        wants(
            Mapping, given, "given of sample", 'values by column, as in {"income": ">50K"} or row.to_dict()'
        )
        given = {self._named(column): value for column, value in given.items()}
        if absent := [name for name in self._given() if name not in given]:
            raise ValueError(
                f"rows are given {absent[0]!r}: say which value, as in "
                f"sample({n_samples}, given={{{absent[0]!r}: ...}})."
            )
        if not given:
            return self._restore(fitted.sample(n_samples, seed))
        table, self.effective_samples_ = fitted.sample_given(n_samples, given, seed)
        return self._restore(table)

    def impute(self, X: Any, draws: int | None = None, random_state: Any = None) -> Any:
        """The rows with their holes filled.

        Arguments:
            X: rows with missing cells.
            draws: None for one table of means (whole numbers rounded) and most probable categories, deterministic; a
                number for a list of so many tables, each a joint draw of all holes of a row given the rest of it.
            random_state: of the draws.

        Raises:
            ValueError: for draws that are no number from 1 on.
        """
        if draws is not None:
            draws = whole_number("draws", draws, 1, "or None for means")
        fitted, source = self._model(), self._source(X)
        if draws is None:
            return self._restore(fitted.impute(source), X, source.beside)
        tables = fitted.impute(source, draws, self._seed(random_state))
        return [self._restore(table, X, source.beside) for table in tables]

    def score_samples(self, X: Any) -> np.ndarray[Any, Any]:
        """Log-density of each row, nats, in the units of the input; of the cells that are there."""
        fitted = self._model()
        return fitted.score(self._source(X), self._draws())

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`: higher is better."""
        return float(self.score_samples(X).mean())

    def explain(self, X: Any) -> Any:
        """log p(cell | the other cells of its row), nats, as a table of the columns of X; NaN where a cell is missing.

        The lowest cells are those to blame for a low `score_samples`.
        """
        fitted, source = self._model(), self._source(X)
        return self._numbers(fitted.explain(source, max(64, self._draws())), X)
