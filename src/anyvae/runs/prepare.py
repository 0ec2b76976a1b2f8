"""From a source to what a fit needs: encoded rows, the rows that are watched, and every number chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

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
    encode,
    encode_compact,
    held_out_split,
    is_wide,
)
from anyvae.data.encode import cell_mask
from anyvae.model import Partial
from anyvae.recipes import Recipe, default_latent_features
from anyvae.runs.beside import beside_of
from anyvae.runs.config import RunConfig
from anyvae.runs.groups import named_groups
from anyvae.runs.options import FitOptions
from anyvae.runs.schema import recipe_of
from anyvae.training import TensorData, default_batch_size, default_steps

__all__ = ["Prepared", "configure", "prepare"]

_VALIDATION_ROWS = 2000


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
