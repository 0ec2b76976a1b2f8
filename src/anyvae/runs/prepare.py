"""From a source to what a fit needs: schema, encoded rows, the rows that are watched, and every number chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, final

import msgspec
import numpy as np
import torch
from torch import Tensor

import anyvae
from anyvae.data import (
    Compact,
    DataError,
    Encoded,
    Schema,
    Source,
    aside_of,
    encode,
    encode_compact,
    held_out_split,
    infer_beside,
    infer_schema,
    is_wide,
)
from anyvae.data.encode import cell_mask
from anyvae.model import Partial
from anyvae.recipes import Recipe, default_latent_features, default_recipe, find_recipe
from anyvae.runs.beside import beside_of
from anyvae.runs.config import RunConfig
from anyvae.runs.groups import named_groups
from anyvae.training import TensorData, default_batch_size, default_steps

__all__ = ["FitOptions", "Prepared", "configure", "prepare", "recipe_of", "schema_of"]

_VALIDATION_ROWS = 2000


@final
@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """What a user may say; None means chosen from the data.

    Arguments:
        source: file, folder or name.
        seed: of split, initial weights, row order and draws.
        latent_features: size of the latent space.
        max_epochs, max_minutes, batch_size, learning_rate: of the training.
        precision: "float32", or "bf16" for bfloat16 products.
        recipe, likelihood, kinds, label, given, drop, groups, clusters, keep_labels: see `anyvae fit --help`.
        missing_words: that stand for a missing cell, besides the usual ones.
        threads: of torch.
        shard: spread the weights over the processes of torchrun.
        samples: S of the final log-likelihood.
    """

    source: str
    seed: int = 0
    latent_features: int | None = None
    max_epochs: int | None = None
    max_minutes: float | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    precision: str = "float32"
    recipe: str | None = None
    likelihood: str | None = None
    kinds: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    label: str | None = None
    given: Sequence[str] = ()
    drop: Sequence[str] = ()
    missing_words: Sequence[str] = ()
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    clusters: int | None = None
    keep_labels: int | None = None
    threads: int | None = None
    shard: bool = False
    samples: int | None = None

    def __post_init__(self) -> None:
        # In Python's own types, which numbers of numpy are not: those are neither counted nor written alike.
        for name in ("latent_features", "max_epochs", "batch_size", "clusters", "keep_labels"):
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise DataError(f"{name} is {value!r}: give a whole number from 1 on, or leave it out")
            object.__setattr__(self, name, int(value))
        for name in ("max_minutes", "learning_rate"):
            value = getattr(self, name)
            if value is None:
                continue
            if not isinstance(value, int | float | np.integer | np.floating) or not 0.0 < value < math.inf:
                raise DataError(f"{name} is {value!r}: give a number above 0, or leave it out")
            object.__setattr__(self, name, float(value))


@final
@dataclass(frozen=True)
class Prepared:
    """Rows to fit, encoded, and those of them that are watched.

    Arguments:
        schema: of the rows.
        training: rows that the weights are fitted to.
        validation: rows whose bound ends the run and chooses its weights; None where there are fewer than 20.
        watched: the same rows as they were given.
        encoded: all rows to fit, whose frequencies start the decoder's biases.
        notes: what was decided, a sentence each.
    """

    schema: Schema
    training: TensorData
    validation: TensorData | None
    watched: Source | None
    encoded: Encoded | Compact
    notes: list[str]


class _Chosen(Protocol):
    """What `FitOptions` and `RunConfig` both say of how the rows are read."""

    @property
    def recipe(self) -> str | None: ...
    @property
    def likelihood(self) -> str | None: ...
    @property
    def kinds(self) -> Mapping[str, str | Sequence[str]]: ...
    @property
    def label(self) -> str | None: ...
    @property
    def given(self) -> Sequence[str]: ...


def recipe_of(chosen: _Chosen, *, table: bool) -> Recipe:
    """The recipe that was asked for, or what such data are fitted by."""
    return find_recipe(chosen.recipe or default_recipe(table=table))


def schema_of(source: Source, chosen: _Chosen) -> Schema:
    """The schema of the rows of a source, and of what is set aside from them and modelled.

    Arguments:
        source: the rows.
        chosen: options or configuration.

    Raises:
        DataError: when the recipe wants labels or columns to be given that were not named, or has no use for them, or
            for a column that it cannot model.
    """
    recipe = recipe_of(chosen, table=source.table is not None)
    if recipe.given and not chosen.given:
        raise DataError(f"the recipe {recipe.name} is of rows given some columns: name them with --given")
    if chosen.given and not recipe.given:
        raise DataError(
            f"the recipe {recipe.name} is not conditioned on columns: leave --given out, or take --recipe cvae"
        )
    label = chosen.label if recipe.labels else None
    if recipe.labels and label is None and not recipe.optional("classes"):
        if source.table is None:
            raise DataError(
                f"the recipe {recipe.name} models labels, and {source.name} has none: give a .npz file with rows 'x' "
                "and labels 'y', or a folder with a sub-folder of images for each label"
            )
        raise DataError(f"the recipe {recipe.name} models labels: name their column with --label")
    aside = aside_of(source).column_names
    modelled = [label, *chosen.given]
    if idle := [name for name in chosen.kinds if name in aside and name not in modelled]:
        raise DataError(
            f"column {idle[0]!r} of {source.name} is left out of the rows, and the recipe {recipe.name} does not model "
            "it: leave its kind out"
        )
    kinds = {name: kind for name, kind in chosen.kinds.items() if name not in aside}
    schema = infer_schema(source, chosen.likelihood, kinds or None, plain=recipe.pathwise)
    if recipe.pathwise:
        _refuse_unreal(schema, source.name, recipe.name)
    beside = infer_beside(source, label=label, given=chosen.given, kinds=chosen.kinds)
    return msgspec.structs.replace(schema, beside=beside)


def _refuse_unreal(schema: Schema, source: str, recipe: str) -> None:
    """Refuse a table with a column whose values are no real numbers, naming the first."""
    for feature in schema.features if schema.kind == "table" else ():
        real = feature.kind in ("real", "positive") or (feature.kind == "date" and not feature.step)
        if real or feature.constant is not None:
            continue
        number = not feature.categories and feature.kind != "date" and feature.dtype != "bool"
        advice = (
            f"give it the kind real (--kind {feature.name}=real, or kinds=), leave it out"
            if number
            else "turn it into numbers, leave it out"
        )
        raise DataError(
            f"the recipe {recipe} is of real numbers, and column {feature.name!r} of {source} is {feature.kind} "
            f"({feature.detail()}): {advice}, or take another recipe"
        )


def prepare(source: Source, schema: Schema, seed: int, recipe: Recipe) -> Prepared:
    """Encode rows and set some of them aside to watch.

    Arguments:
        source: rows to fit.
        schema: theirs.
        seed: chooses the rows that are watched.
        recipe: of the model.
    """
    encoded = (encode_compact if is_wide(schema, len(source)) else encode)(schema, source)
    data, notes = _tensor_data(schema, encoded, source, masks=recipe.masks), []
    if recipe.masks:
        notes.append("which cells are there is modelled too, each by its own value")
    validation = watched = None
    if len(data) >= 20:
        # Early stopping needs rows of its own: chosen by the held-out rows, their bound would flatter.
        fraction = min(0.05, _VALIDATION_ROWS / len(data))
        train_rows, validation_rows = held_out_split(len(data), seed + 1, fraction)
        validation, watched = data.take(torch.from_numpy(validation_rows)), source.take(validation_rows)
        data = data.take(torch.from_numpy(train_rows))
        several = f"{len(validation):,} of the {len(source):,} rows to fit"
        if recipe.keep_last:
            notes.append(f"the bound of {several} is watched; the weights kept are those of the last step")
        else:
            notes.append(f"early stopping watches {several}")
    return Prepared(schema, data, validation, watched, encoded, notes)


def _tensor_data(schema: Schema, encoded: Encoded | Compact, source: Source, *, masks: bool) -> TensorData:
    names = [feature.name for feature in schema.features for _ in range(feature.width)]
    columns = {} if schema.kind == "array" else {"x": names}
    stored = encoded.codes if isinstance(encoded, Compact) else encoded.x
    mask = encoded.mask
    if mask is None and schema.kind == "table":
        mask = torch.ones_like(stored, dtype=torch.bool)
    tensors: dict[str, Tensor | Partial] = {"x": stored if mask is None else Partial(stored, mask)}
    if masks:
        if mask is None:
            raise DataError(
                "the recipe models which cells of a table are missing, and was given an array: give a table"
            )
        # Codes have one number a column already.
        tensors["m"] = mask.float() if isinstance(encoded, Compact) else cell_mask(mask, schema)
    tensors |= beside_of(schema, source)
    if isinstance(encoded, Compact):
        return TensorData(tensors, (), columns, expand={"x": encoded.expand})
    return TensorData(tensors, ("x",) if encoded.binarise else (), columns)


def configure(options: FitOptions, prepared: Prepared) -> RunConfig:
    """Every number of a fit, chosen from the data where the options leave it open.

    Raises:
        DataError: for clusters that the recipe has not, or more than there are rows, or groups that it cannot have.
    """
    schema, rows = prepared.schema, len(prepared.training)
    recipe = recipe_of(options, table=schema.kind == "table")
    if options.clusters is not None and recipe.clusters is None:
        raise DataError(
            f"{options.clusters} clusters are asked for, and the recipe {recipe.name} has none: leave them out, or "
            "take a recipe that has, such as gmvae"
        )
    if options.clusters is not None and options.clusters > rows:
        raise DataError(
            f"{options.clusters:,} clusters of {rows:,} rows are asked for: give no more than rows"
        )
    if options.groups and not recipe.groups:
        raise DataError(
            f"the recipe {recipe.name} has no experts for groups of columns: leave --group out, or take --recipe "
            "grouped_vae"
        )
    groups, notes = {}, list(prepared.notes)
    if recipe.groups:
        groups = named_groups(schema, options.groups)
        told = "; ".join(f"{group} ({', '.join(names)})" for group, names in groups.items())
        notes.append(f"columns are observed in groups: {told}")
    varying = sum(feature.width > 0 for feature in schema.features)
    features = varying if schema.kind == "table" else int(np.prod(schema.event_shape))
    batch_size = min(rows, options.batch_size or default_batch_size(rows))
    per_epoch = -(-rows // batch_size)
    steps = options.max_epochs * per_epoch if options.max_epochs else default_steps(rows)
    # Tables, and pictures in tens of thousands, bear and need a higher rate than few pictures do.
    fast = schema.kind == "table" or (schema.image and rows >= 10_000)
    rate = options.learning_rate or (3e-3 if fast else 1e-3)
    return RunConfig(
        source=options.source,
        recipe=recipe.name,
        latent_features=options.latent_features or default_latent_features(features),
        # Any cell of a table may be asked for or missing later, so its encoder always reads which are there.
        missing=schema.kind == "table" or prepared.encoded.mask is not None,
        seed=options.seed,
        steps=steps,
        batch_size=batch_size,
        learning_rate=rate,
        likelihood=options.likelihood,
        kinds={name: kind if isinstance(kind, str) else list(kind) for name, kind in options.kinds.items()},
        label=options.label,
        given=list(options.given),
        drop=list(options.drop),
        missing_words=list(options.missing_words),
        groups=groups,
        clusters=options.clusters,
        keep_labels=options.keep_labels,
        max_epochs=options.max_epochs,
        max_minutes=options.max_minutes,
        precision=options.precision,
        threads=options.threads,
        shard=options.shard,
        notes=notes,
        version=anyvae.__version__,
    )
