"""What every estimator shares: parameters, the way from a data frame to a fitted model and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from anyvae.data import DataError, Schema, Source
from anyvae.data.tables import set_aside
from anyvae.data.words import words_of
from anyvae.estimators.frames import check_names, is_frame, read_frame
from anyvae.recipes import find_recipe
from anyvae.runs import FitOptions, FittedModel, fit_source
from anyvae.runs.schema import schema_of
from anyvae.wants import wants

__all__ = ["TableEstimator", "settled", "whole_number"]

# A model of so many rows is asked for as many, and is asked fast: one draw of a row and single precision.
_MANY_ROWS = 100_000
_DRAWS = 16


def whole_number(name: str, value: Any, least: int, otherwise: str = "") -> int:
    """An argument that counts something, as a Python integer.

    Arguments:
        name: of the argument, for a message.
        value: of the argument.
        least: that it may be.
        otherwise: what else may be given.

    Raises:
        ValueError: for what is no whole number, a truth value among it, or less than that.

    >>> whole_number("draws", 1.5, 1, "or None for means")
    Traceback (most recent call last):
        ...
    ValueError: draws is 1.5; give a whole number from 1 on, or None for means.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        also = f", {otherwise}" if otherwise else ""
        raise ValueError(f"{name} is {value!r}; give a whole number from {least} on{also}.")
    return int(value)


def settled(fitted: FittedModel, unseen: str) -> FittedModel:
    """The same model, in the precision in which an estimator asks it, and told what to do with unseen values.

    In double precision a row's answer does not depend on the rows beside it, to the last digits shown; in single, which
    models of very many rows stay in, it does by some millionths, and takes half the time.
    """
    fitted.unseen = "refuse" if unseen == "refuse" else "missing"
    if not _of_many_rows(fitted):
        fitted.model.double()
    return fitted


def _of_many_rows(fitted: FittedModel) -> bool:
    return fitted.schema.rows >= _MANY_ROWS


class TableEstimator(BaseEstimator):
    """The base of the estimators: a VAE of a table's columns, fitted once.

    A subclass adds verbs.
    """

    _unseen: tuple[str, ...] = ("refuse", "missing")

    def __init__(
        self,
        *,
        recipe: str = "mixture_vae",
        latent_features: int | None = None,
        given: Sequence[Any] | None = None,
        groups: Mapping[str, Sequence[Any]] | None = None,
        kinds: Mapping[str, str | Sequence[Any]] | None = None,
        likelihood: str | None = None,
        max_epochs: int | None = None,
        max_minutes: float | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        unseen: str = "missing",
        samples: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.recipe = recipe
        self.latent_features = latent_features
        self.given = given
        self.groups = groups
        self.kinds = kinds
        self.likelihood = likelihood
        self.max_epochs = max_epochs
        self.max_minutes = max_minutes
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.unseen = unseen
        self.samples = samples
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        """Missing cells are welcome; results are the same for the same random_state."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _fit_source(self, source: Source, *, label: str | None = None, clusters: int | None = None) -> Self:
        if self.unseen not in self._unseen:
            raise ValueError(f"unseen is {self.unseen!r}; give {' or '.join(map(repr, self._unseen))}.")
        self._samples()
        kind = type(self).__name__
        wants(Mapping, self.kinds or {}, f"kinds of {kind}", 'kinds by column, as in {"age": "count"}')
        wants(
            Mapping,
            self.groups or {},
            f"groups of {kind}",
            'columns by name of the group, as in {"face": ["px*"]}',
        )
        if len(source) < 2:
            raise DataError(f"a fit wants two rows or more, and got n_samples = {len(source)}")
        self.seed_ = _drawn_seed(self.random_state)
        recipe = find_recipe(self.recipe)
        if recipe.given and not self.given:
            giving = kind if "given" in self.get_params() else "TabularVAE"
            raise ValueError(
                f"{self.recipe} is of rows given some columns: name them, as in {giving}(recipe={self.recipe!r}, "
                "given=[...])."
            )
        if recipe.groups and not self.groups:
            raise ValueError(
                f"{self.recipe} has an expert for each group of columns: name them, as in "
                f"TabularVAE(recipe={self.recipe!r}, groups={{'face': ['px*'], 'voice': ['pitch', 'volume']}})."
            )
        if self.groups and not recipe.groups:
            raise ValueError(
                f"{self.recipe} has no experts for groups of columns, and got {list(self.groups)}: leave groups out, "
                "or take recipe='grouped_vae'."
            )
        if recipe.labels and label is None and not recipe.optional("classes"):
            raise ValueError(f"{kind} has no word for labels, which {self.recipe} wants: use VAEClassifier.")
        if self.given and not recipe.given:
            raise ValueError(
                f"{self.recipe} is not conditioned on columns, and got given={list(self.given)!r}: leave them out, or "
                "take recipe='cvae'."
            )
        options = FitOptions(
            source=source.name,
            seed=self.seed_,
            recipe=self.recipe,
            kinds={
                self._named(column): kind if isinstance(kind, str) else words_of(kind)
                for column, kind in (self.kinds or {}).items()
            },
            likelihood=self.likelihood,
            label=label,
            given=self._given(),
            groups={
                name: [self._named(column) for column in columns]
                for name, columns in (self.groups or {}).items()
            },
            clusters=clusters,
            latent_features=self.latent_features,
            max_epochs=self.max_epochs,
            max_minutes=self.max_minutes,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
        )
        schema, options = self._schema(source, options)
        say = print if self.verbose else _nothing
        for sentence in schema.sentences():
            say(sentence)
        fitted, self.watched_, result = fit_source(source, schema, options, say=say)
        self.fitted_: FittedModel = settled(fitted, self.unseen)
        self.schema_ = fitted.schema
        self.history_ = [evaluation.as_dict() for evaluation in result.history]
        self.n_iter_ = max(1, result.steps)
        return self

    def _source(self, rows: Any, *, reset: bool = False) -> Source:
        """Rows as the model reads them; remembers what they were at fit."""
        if is_frame(rows):
            check_names(rows)
            validate_data(self, rows, reset=reset, skip_check_array=True)
        else:
            if isinstance(rows, np.ma.MaskedArray):
                # What a mask hides is missing; an array without one is what it holds.
                hidden = np.ma.is_masked(rows)
                rows = np.ma.filled(rows.astype(np.float64), np.nan) if hidden else rows.data
            rows = validate_data(self, rows, reset=reset, dtype="numeric", ensure_all_finite="allow-nan")
        table, frame = read_frame(rows)
        if reset:
            self.frame_ = frame
        elif not is_frame(rows) or self.frame_.package == "numpy":
            # By place, where one of the two has no names of its own; sklearn has warned of it.
            table = table.rename_columns([str(name) for name in self.frame_.names])
        table, beside = set_aside(table, self._given(), "X")
        return Source("X", array=None, table=table, beside=beside)

    def _given(self) -> list[str]:
        """Names of the columns that rows are given; of an array, which has none, they are named by place."""
        if isinstance(self.given, str):
            raise ValueError(f"given is {self.given!r}; give a list of columns, as in [{self.given!r}].")
        return list(dict.fromkeys(self._named(one) for one in self.given or ()))

    def _named(self, column: Any) -> str:
        """The name of a column that may be told by its place where it is one of an array."""
        if self.frame_.package != "numpy" or not isinstance(column, int | np.integer):
            return str(column)
        names = self.frame_.names
        if not -len(names) <= column < len(names):
            raise ValueError(
                f"there is no column at place {column}: X has {len(names)}, so give a place from 0 to {len(names) - 1}."
            )
        return str(names[column])

    def _model(self) -> FittedModel:
        check_is_fitted(self, "fitted_")
        return self.fitted_

    def _restore(self, table: Any, like: Any = None, beside: Any = None) -> Any:
        """A table as the library of the rows has it, what was set aside in its place again."""
        for name in self._given():
            if name not in table.column_names:
                table = table.append_column(name, beside[name])
        table = table.select([str(name) for name in self.frame_.names])
        if like is not None and not is_frame(like):
            return self.frame_.as_array().restore(table)
        return self.frame_.restore(table, getattr(like, "index", None))

    def _numbers(self, values: np.ndarray[Any, Any], like: Any) -> Any:
        """An array (rows, columns) as a table of the columns and the library of the rows; NaN of those set aside."""
        names = [str(name) for name in self.frame_.names]
        given = self._given()
        own = [place for place, name in enumerate(names) if name not in given]
        whole = np.full((len(values), len(names)), np.nan)
        whole[:, own] = values
        if not is_frame(like):
            return whole
        import pyarrow as pa

        table = pa.table({name: whole[:, place] for place, name in enumerate(names)})
        return self.frame_.of_floats().restore(table, getattr(like, "index", None))

    def _schema(self, source: Source, options: FitOptions) -> tuple[Schema, FitOptions]:
        """What the columns are, and the options that they are fitted with."""
        return schema_of(source, options), options

    def _draws(self) -> int:
        """How many draws of its latents a row is scored by."""
        asked = self._samples()
        if asked is not None:
            return asked
        return 1 if _of_many_rows(self.fitted_) else _DRAWS

    def _samples(self) -> int | None:
        """As many as were asked for."""
        if self.samples is None:
            return None
        return whole_number("samples", self.samples, 1, f"or None for {_DRAWS}")

    def _seed(self, random_state: Any) -> int:
        return self.seed_ if random_state is None else _drawn_seed(random_state)


def _drawn_seed(random_state: Any) -> int:
    return int(check_random_state(random_state).randint(2**31 - 1))


def _nothing(message: str) -> None:
    """Says nothing."""
