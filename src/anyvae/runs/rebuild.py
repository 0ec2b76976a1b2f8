"""The model that a configuration or a run folder describes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from anyvae.data import Compact, DataError, Encoded, Schema, given_width
from anyvae.data.encode import Unseen
from anyvae.model import LatentVariableModel
from anyvae.recipes import RECIPES, find_recipe, likelihood_of
from anyvae.runs.config import RunConfig, RunFiles
from anyvae.runs.fitted import FittedModel
from anyvae.runs.groups import cells_of
from anyvae.training import CheckpointError, load_tensors

__all__ = ["build", "load"]


def load(folder: str | Path, unseen: Unseen = "refuse") -> FittedModel:
    """The fitted model of a run folder; nothing in it is executed.

    Arguments:
        folder: what `anyvae fit --out` wrote.
        unseen: whether values that no row of the fit held are refused or read as missing, see `FittedModel`.

    Raises:
        DataError: when the folder is no run, a file of it is missing or damaged, or its recipe is not known.
    """
    files = RunFiles(folder)
    config = files.read_config()
    if not files.schema.is_file():
        raise DataError(f"{files.folder} holds no schema.json: fit anew")
    if not files.model.is_file():
        raise DataError(f"{files.folder} holds no model.safetensors: fit anew")
    if config.recipe not in RECIPES:
        raise DataError(
            f"{files.folder} was fitted by the recipe {config.recipe!r}, which is none of those known here: put it "
            "into anyvae.recipes.RECIPES before the run is read, as the program that fitted it did, or fit anew"
        )
    try:
        schema = Schema.from_json(files.schema.read_bytes())
        model = build(config, schema)
    except (ValueError, LookupError, RuntimeError, TypeError, OverflowError) as error:
        # Both files are well-formed, so it is their values that no model can have.
        raise DataError(f"{files.folder} is damaged: its model cannot be built ({error}): fit anew") from None
    try:
        tensors, _ = load_tensors(files.model)
        model.load_state_dict(tensors)
    except (CheckpointError, RuntimeError) as error:
        first = str(error).splitlines()[-1].strip()
        raise DataError(f"{files.model} cannot be loaded ({first}): fit anew") from None
    model.eval()
    return FittedModel(model, schema, config, unseen)


def build(config: RunConfig, schema: Schema, encoded: Encoded | Compact | None = None) -> LatentVariableModel:
    """The model that a configuration describes, with fresh weights; `encoded` rows start its biases."""
    if encoded is None:
        encoded = Encoded(torch.zeros((1, *schema.event_shape)), None, schema.binarise)
    likelihood = likelihood_of(schema, encoded)
    if likelihood.missing != config.missing:
        likelihood = replace(likelihood, missing=config.missing)
    beside = schema.beside
    return find_recipe(config.recipe).build(
        likelihood,
        config.latent_features,
        classes=sum(beside["y"].widths) if "y" in beside else None,
        condition=given_width(beside["c"]) if "c" in beside else None,
        groups=cells_of(schema, config.groups) if config.groups else None,
        clusters=config.clusters,
        rows=schema.rows,
    )
