"""The training of a fit: the players of its recipe, then the encoder alone, which learns to read parts of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from anyvae.data import DataError, Schema, Source
from anyvae.inference import seeded
from anyvae.model import LatentVariableModel
from anyvae.objectives import IWAE, DReG
from anyvae.recipes import First, find_recipe
from anyvae.recipes.recipe import ready
from anyvae.runs.config import RunConfig
from anyvae.runs.fitted import FittedModel
from anyvae.runs.options import FitOptions
from anyvae.runs.prepare import Prepared, configure, prepare
from anyvae.runs.rebuild import build
from anyvae.runs.schema import recipe_of
from anyvae.training import Callback, CheckpointError, FitResult, Player, fit

__all__ = ["fit_source", "fresh_model", "train"]

_TAUGHT, _DRAWN = 4, 8
"""The encoder is taught for so many times fewer steps than the model was fitted for, by bounds of so many draws."""


def fit_source(
    source: Source,
    schema: Schema,
    options: FitOptions,
    *,
    say: Callable[[str], None] = lambda _: None,
    callbacks: Sequence[Callback] = (),
) -> tuple[FittedModel, Source | None, FitResult]:
    """Fit rows in memory and write nothing.

    Arguments:
        source: all rows to fit.
        schema: theirs.
        options: see `FitOptions`.
        say: told what is decided and done, a sentence at a time.
        callbacks: of the fit loop.

    Returns:
        The fitted model, the rows that were watched and not fitted (None where there were too few), and what the fit
        did.
    """
    prepared = prepare(source, schema, options.seed, recipe_of(options, table=schema.kind == "table"))
    config = configure(options, prepared)
    model = fresh_model(config, prepared)
    result = train(model, prepared, config, say=say, callbacks=callbacks)
    model.eval()
    return FittedModel(model.cpu(), schema, config), prepared.watched, result


def fresh_model(config: RunConfig, prepared: Prepared) -> LatentVariableModel:
    """The model before its fit.

    Raises:
        DataError: when the recipe does not suit the data.
    """
    try:
        with seeded(config.seed):
            return build(config, prepared.schema, prepared.encoded)
    except ValueError as error:
        raise DataError(f"the recipe {config.recipe} does not suit these data: {error}") from None


def train(
    model: LatentVariableModel,
    prepared: Prepared,
    config: RunConfig,
    *,
    checkpoint: Path | None = None,
    resume: bool = False,
    say: Callable[[str], None] = lambda _: None,
    callbacks: Sequence[Callback] = (),
) -> FitResult:
    """Train a model in place.

    Arguments:
        model: from `fresh_model`.
        prepared: its rows.
        config: its numbers.
        checkpoint: file to save in; none where None.
        resume: go on from there.
        say: told what is done.
        callbacks: of the fit loop.

    Raises:
        DataError: when the checkpoint is of another run, or cannot be written.
    """
    weights = sum(parameter.numel() for parameter in model.parameters())
    say(
        f"{config.recipe}: {_latents_of(model)}, {weights:,} weights, "
        f"{len(prepared.training):,} rows, up to {config.steps:,} steps of {config.batch_size} rows "
        f"in {config.precision}"
    )
    recipe = find_recipe(config.recipe)
    try:
        if recipe.first is not None:
            _fit_first(recipe.first, model, prepared, config, checkpoint, resume, say)
        with seeded(config.seed):
            players = recipe.players(model, prepared.training, config.learning_rate)
        result = fit(
            model,
            prepared.training,
            players=players,
            keep_last=recipe.keep_last,
            validation=prepared.validation,
            steps=config.steps,
            minutes=config.max_minutes,
            batch_size=config.batch_size,
            seed=config.seed,
            precision=torch.bfloat16 if config.precision == "bf16" else None,
            checkpoint=checkpoint,
            resume=resume,
            shard=config.shard,
            callbacks=callbacks,
        )
    except CheckpointError as error:
        raise DataError(f"{error} Start anew without --resume.") from None
    except OSError as error:
        raise DataError(f"{checkpoint} cannot be written ({error.strerror or error}): free space") from None
    _teach(model, prepared, config, say)
    return result


def _latents_of(model: LatentVariableModel) -> str:
    """How many latents, by name where there are several variables of them."""
    shapes = {name: model.shapes[name] for name in model.latents}
    if len(shapes) == 1:
        [shape] = shapes.values()
        return f"{shape.numel()} latents"
    return "latents " + ", ".join(f"{name} {' x '.join(map(str, shape))}" for name, shape in shapes.items())


def _fit_first(
    first: First,
    model: LatentVariableModel,
    prepared: Prepared,
    config: RunConfig,
    checkpoint: Path | None,
    resume: bool,
    say: Callable[[str], None],
) -> None:
    """Fit what a recipe fits before its model; a run that is resumed after it takes it from its own checkpoint."""
    steps = max(1, round(first.share * config.steps))
    view = first.view(model)
    say(f"first {' and '.join(view.latents)} alone, {steps:,} steps")
    training, validation = (
        None if data is None else data.only([*view.observed, *view.conditions])
        for data in (prepared.training, prepared.validation)
    )
    assert training is not None
    with seeded(config.seed + 2):
        players = ready(first.plays(view, training), len(training), config.learning_rate)
    fit(
        view,
        training,
        players=players,
        validation=validation,
        steps=steps,
        minutes=None if config.max_minutes is None else first.share * config.max_minutes,
        batch_size=config.batch_size,
        seed=config.seed + 2,
        precision=torch.bfloat16 if config.precision == "bf16" else None,
        checkpoint=None if checkpoint is None else checkpoint.with_stem(f"{checkpoint.stem}-first"),
        resume=resume,
        shard=config.shard,
    )
    if first.then is not None:
        with seeded(config.seed + 2):
            first.then(model, view, training)


def _teach(
    model: LatentVariableModel, prepared: Prepared, config: RunConfig, say: Callable[[str], None]
) -> None:
    r"""Train the encoder alone on rows of which cells are hidden, so that it infers from any part of a row.

    .. math:: \max_q \; E_{part} \, E_{z_s \sim q(z \mid x_{part})}
        \left[\log \tfrac18 \sum_s p(x_{part}, z_s) / q(z_s \mid x_{part})\right]

    By the importance-weighted bound, so that q comes to cover the posterior given a part of a row, which may have
    several modes: the bound of one draw would have it keep to one of them, from which neither weighed draws nor the
    chain that starts there find the rest. The decoder has learned from whole rows and stays as it is: hidden cells
    would only cost it.
    """
    schema = prepared.schema
    if schema.kind != "table" or len(schema.widths) < 2 or not find_recipe(config.recipe).taught:
        return
    steps = max(1, config.steps // _TAUGHT)
    data = prepared.training.hiding({"x": schema.widths})
    # The gradient with less noise has no form for a latent that is inferred given another.
    bound = DReG(_DRAWN) if len(model.latents) == 1 else IWAE(_DRAWN)
    say(f"then the encoder learns to read parts of rows, {steps:,} steps")
    fit(
        model,
        data,
        players=ready([Player("encoder", bound, ["inference"])], len(data), config.learning_rate),
        steps=steps,
        minutes=None if config.max_minutes is None else config.max_minutes / _TAUGHT,
        # So many draws of each row take their time, and as many steps of fewer rows teach as much.
        batch_size=max(1, config.batch_size // 4),
        seed=config.seed + 1,
        precision=torch.bfloat16 if config.precision == "bf16" else None,
        shard=config.shard,
    )
