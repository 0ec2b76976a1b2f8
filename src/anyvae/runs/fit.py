"""From a source to a run folder: the whole of `anyvae fit`."""

from __future__ import annotations

import csv
import io
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import msgspec
import numpy as np
import torch

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
    infer_schema,
    is_wide,
    load_source,
)
from anyvae.inference import seeded
from anyvae.model import Batch, LatentVariableModel, Partial
from anyvae.recipes import RECIPES, default_latent_features, find_recipe
from anyvae.runs.config import RunConfig, RunFiles, write_file
from anyvae.runs.fitted import FittedModel, build, load
from anyvae.training import (
    Callback,
    CheckpointError,
    FitResult,
    TensorData,
    default_batch_size,
    default_steps,
    fit,
)

__all__ = ["FitOptions", "fit_run"]

_VALIDATION_ROWS = 2000
_TRAIN_ROWS_EVALUATED = 1000
_TRAIN_SAMPLES = 200


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
        recipe, likelihood, label: see `anyvae fit --help`.
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
    recipe: str = "vae"
    likelihood: str | None = None
    label: str | None = None
    threads: int | None = None
    shard: bool = False
    samples: int | None = None


@final
@dataclass(frozen=True)
class _Prepared:
    """Data split and encoded."""

    schema: Schema
    training: TensorData
    validation: TensorData | None
    encoded: Encoded | Compact
    held_out: Source
    notes: list[str]


def fit_run(
    options: FitOptions,
    out: str | Path,
    *,
    resume: bool = False,
    say: Callable[[str], None] = lambda _: None,
    callbacks: Sequence[Callback] = (),
) -> FittedModel:
    """Fit a source and write its run folder: config, schema, weights, history, metrics and report.

    Arguments:
        options: see `FitOptions`.
        out: folder of the run; made if it does not exist.
        resume: go on with the run in `out`, or start it where nothing was saved yet.
        say: told what is decided and done, a sentence at a time.
        callbacks: of the fit loop.

    Raises:
        DataError: for data, options or folders that cannot be used, before anything is changed.
        Interrupted: after Ctrl-C, when the checkpoint is written.
        NonFiniteError: when a loss is not finite.
    """
    files = RunFiles(out)
    # Until a run is whole it lives in a folder of its own: one that fails leaves an earlier one untouched.
    work = files.unfinished
    first = int(os.environ.get("RANK", 0)) == 0
    if options.recipe not in RECIPES:
        raise DataError(f"there is no recipe {options.recipe!r}: choose one of {', '.join(RECIPES)}")
    prepared = _prepare(options)
    config = _configure(options, prepared)
    if resume and work.config.is_file():
        _same_run(work, config, prepared.schema)
    elif resume and files.config.is_file():
        _same_run(files, config, prepared.schema)
        say(f"{files.folder} is already finished")
        return load(files.folder)
    for note in prepared.notes:
        say(note)
    try:
        with seeded(options.seed):
            model = build(config, prepared.schema, prepared.encoded)
    except ValueError as error:
        raise DataError(f"the recipe {config.recipe} does not suit these data: {error}") from None
    if first:
        _open_folder(files, work, config, prepared.schema, fresh=not resume)
    result = _train(model, prepared, config, work, resume, callbacks, say)
    fitted = FittedModel(model.cpu(), prepared.schema, config)
    if first:
        _finish(fitted, prepared, result, work, options, say)
        _publish(work, files)
    return fitted


def _prepare(options: FitOptions) -> _Prepared:
    source = load_source(options.source, label=options.label)
    schema = infer_schema(source, options.likelihood)
    notes = [*source.notes, *schema.sentences()]
    if source.test is not None:
        fitted, held_out = source, source.test
        notes.append(f"held out: the source's own test part, {len(held_out):,} rows")
    else:
        rows, held = held_out_split(len(source), options.seed)
        fitted, held_out = source.take(rows), source.take(held)
        notes.append(f"held out: {len(held_out):,} of {len(source):,} rows, chosen by the seed")
    encoded = (encode_compact if is_wide(schema, len(fitted)) else encode)(schema, fitted)
    data = _tensor_data(schema, encoded)
    validation = None
    if len(data) >= 20:
        # Early stopping needs rows of its own: chosen by the held-out rows, their bound would flatter.
        fraction = min(0.05, _VALIDATION_ROWS / len(data))
        train_rows, validation_rows = held_out_split(len(data), options.seed + 1, fraction)
        validation = data.take(torch.from_numpy(validation_rows))
        data = data.take(torch.from_numpy(train_rows))
        watched = f"{len(validation):,} of the {len(fitted):,} rows to fit"
        if find_recipe(options.recipe).keep_last:
            notes.append(f"the bound of {watched} is watched; the weights kept are those of the last step")
        else:
            notes.append(f"early stopping watches {watched}")
    return _Prepared(schema, data, validation, encoded, held_out, notes)


def _tensor_data(schema: Schema, encoded: Encoded | Compact) -> TensorData:
    columns = [feature.name for feature in schema.features for _ in range(feature.width)]
    if isinstance(encoded, Compact):
        codes = encoded.codes if encoded.mask is None else Partial(encoded.codes, encoded.mask)
        return TensorData({"x": codes}, (), {"x": columns}, {"x": encoded.expand})
    tensors: Batch = {"x": encoded.x if encoded.mask is None else Partial(encoded.x, encoded.mask)}
    names = {} if schema.kind == "array" else {"x": columns}
    return TensorData(tensors, ("x",) if encoded.binarise else (), names)


def _configure(options: FitOptions, prepared: _Prepared) -> RunConfig:
    schema, rows = prepared.schema, len(prepared.training)
    varying = sum(feature.width > 0 for feature in schema.features)
    features = varying if schema.kind == "table" else int(np.prod(schema.event_shape))
    batch_size = min(rows, options.batch_size or default_batch_size(rows))
    per_epoch = -(-rows // batch_size)
    steps = options.max_epochs * per_epoch if options.max_epochs else default_steps(rows)
    # Pictures in tens of thousands bear, and need, a higher rate than a small table does.
    rate = options.learning_rate or (3e-3 if schema.image and rows >= 10_000 else 1e-3)
    return RunConfig(
        source=options.source,
        recipe=options.recipe,
        latent_features=options.latent_features or default_latent_features(features),
        missing=prepared.encoded.mask is not None,
        seed=options.seed,
        steps=steps,
        batch_size=batch_size,
        learning_rate=rate,
        likelihood=options.likelihood,
        label=options.label,
        max_epochs=options.max_epochs,
        max_minutes=options.max_minutes,
        precision=options.precision,
        threads=options.threads,
        shard=options.shard,
        notes=prepared.notes,
        version=anyvae.__version__,
    )


def _same_run(files: RunFiles, config: RunConfig, schema: Schema) -> None:
    """Refuse to resume a run of other data or settings, naming the first difference."""
    before = files.read_config()
    for name in config.__struct_fields__:
        if name not in ("notes", "version", "source") and getattr(before, name) != getattr(config, name):
            raise DataError(
                f"{files.folder} was started with {name} = {getattr(before, name)!r}, now it is "
                f"{getattr(config, name)!r}: resume with the same command, or choose another --out"
            )
    if files.schema.is_file() and Schema.from_json(files.schema.read_bytes()) != schema:
        raise DataError(
            f"{files.folder} was started on other data: resume with the same file, or choose another --out"
        )


def _open_folder(files: RunFiles, work: RunFiles, config: RunConfig, schema: Schema, *, fresh: bool) -> None:
    if files.config.is_file():
        files.read_config()  # a config.json of somebody else is never overwritten
    try:
        work.folder.mkdir(parents=True, exist_ok=True)
        if fresh:
            work.checkpoint.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"{files.folder} cannot be written ({error.strerror or error}): choose another --out"
        ) from None
    write_file(work.config, config.to_json())
    write_file(work.schema, schema.to_json())


def _publish(work: RunFiles, files: RunFiles) -> None:
    """Move a whole run to its place; where that is cut short, the next --resume does it again."""
    try:
        files.config.unlink(
            missing_ok=True
        )  # without it a folder is no run: never new weights beside an old config
        for name in ("model", "schema", "history", "metrics", "report", "config"):
            os.replace(getattr(work, name), getattr(files, name))
        work.checkpoint.unlink(missing_ok=True)
        work.folder.rmdir()
    except OSError as error:
        raise DataError(
            f"{files.folder} cannot be written ({error.strerror or error}): go on with --resume"
        ) from None


def _train(
    model: LatentVariableModel,
    prepared: _Prepared,
    config: RunConfig,
    files: RunFiles,
    resume: bool,
    callbacks: Sequence[Callback],
    say: Callable[[str], None],
) -> FitResult:
    weights = sum(parameter.numel() for parameter in model.parameters())
    say(
        f"{config.recipe}: {config.latent_features} latents, {weights:,} weights, "
        f"{len(prepared.training):,} rows, up to {config.steps:,} steps of {config.batch_size} rows "
        f"in {config.precision}"
    )
    recipe = find_recipe(config.recipe)
    with seeded(config.seed):
        players = recipe.players(model, len(prepared.training), config.learning_rate)
    try:
        return fit(
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
            checkpoint=files.checkpoint,
            resume=resume,
            shard=config.shard,
            callbacks=callbacks,
        )
    except CheckpointError as error:
        raise DataError(f"{error} Start anew without --resume.") from None
    except OSError as error:
        raise DataError(
            f"{files.checkpoint} cannot be written ({error.strerror or error}): free space"
        ) from None


def _finish(
    fitted: FittedModel,
    prepared: _Prepared,
    result: FitResult,
    files: RunFiles,
    options: FitOptions,
    say: Callable[[str], None],
) -> None:
    from anyvae.report import render
    from anyvae.runs.gather import findings_of

    fitted.save(files.folder)
    write_file(files.history, history_csv(result))
    say(
        f"trained {result.steps:,} steps in {result.seconds:.0f} s; weights of step {result.best_step:,} kept"
    )
    held_batch = fitted.batch(prepared.held_out)
    held = fitted.evaluate_batch(held_batch, options.samples)
    rows = torch.arange(min(len(prepared.training), _TRAIN_ROWS_EVALUATED))
    train = fitted.evaluate_batch(prepared.training.fixed(rows), min(held["samples"], _TRAIN_SAMPLES))
    metrics: dict[str, Any] = {
        "unit": "nats per row",
        "held_out": held,
        "train": train,
        "training": {
            "steps": result.steps,
            "best_step": result.best_step,
            "seconds": round(result.seconds, 2),
            "ended": result.ended,
            "rows": len(prepared.training),
            "batch_size": fitted.config.batch_size,
        },
        "machine": {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "threads": torch.get_num_threads(),
            "processes": int(os.environ.get("WORLD_SIZE", 1)),
        },
    }
    write_file(files.metrics, msgspec.json.format(msgspec.json.encode(metrics), indent=2) + b"\n")
    findings = findings_of(fitted, prepared.held_out, metrics, history_columns(result))
    write_file(files.report, render(findings).encode())
    say(
        f"held-out log-likelihood {held['log_likelihood']:.2f} ± "
        f"{held['log_likelihood_standard_error']:.2f} nats per row ({held['samples']:,} samples), "
        f"ELBO {held['elbo']:.2f}, {held['active_units']} of {len(held['kl_per_latent'])} latents active"
    )


def history_csv(result: FitResult) -> bytes:
    """The evaluations of a fit as CSV."""
    text = io.StringIO()
    columns = history_columns(result)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
    return text.getvalue().encode()


def history_columns(result: FitResult) -> dict[str, np.ndarray[Any, Any]]:
    """The evaluations of a fit, column by column."""
    rows = [evaluation.as_dict() for evaluation in result.history]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
