"""From a source to a run folder: the whole of `anyvae fit`."""

from __future__ import annotations

import csv
import io
import math
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from anyvae.data import (
    LABEL,
    DataError,
    Schema,
    Source,
    aside_of,
    held_out_split,
    keep_labels,
    load_source,
    some_rows,
)
from anyvae.data.noticed import noticed
from anyvae.recipes import RECIPES
from anyvae.runs.config import RunConfig, RunFiles, write_file
from anyvae.runs.effort import evaluation_samples
from anyvae.runs.fitted import FittedModel
from anyvae.runs.options import FitOptions
from anyvae.runs.prepare import Prepared, configure, prepare
from anyvae.runs.rebuild import load
from anyvae.runs.schema import recipe_of, schema_of
from anyvae.runs.train import fresh_model, train
from anyvae.training import Callback, FitResult

__all__ = ["fit_run"]

_TRAIN_ROWS_EVALUATED = 1000
_TRAIN_SAMPLES = 200
_SCORED = 1000


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
    if options.recipe is not None and options.recipe not in RECIPES:
        raise DataError(f"there is no recipe {options.recipe!r}: choose one of {', '.join(RECIPES)}")
    source = load_source(
        options.source,
        label=options.label,
        given=options.given,
        drop=options.drop,
        missing=options.missing_words,
    )
    options = replace(options, label=_label_of(source, options))
    prepared, rows, held_out = _read(source, options)
    config = configure(options, prepared)
    if resume and work.config.is_file():
        _same_run(work, config, prepared.schema)
    elif resume and files.config.is_file():
        _same_run(files, config, prepared.schema)
        say(f"{files.folder} is already finished")
        return load(files.folder)
    if files.config.is_file():
        before = files.read_config()
        say(
            f"{files.folder} holds a finished run of {before.source}, which this one will replace when it is done"
        )
    for note in config.notes:
        say(note)
    model = fresh_model(config, prepared)
    if first:
        _open_folder(files, work, config, prepared.schema, fresh=not resume)
    result = train(
        model, prepared, config, checkpoint=work.checkpoint, resume=resume, say=say, callbacks=callbacks
    )
    fitted = FittedModel(model.cpu(), prepared.schema, config)
    if first:
        metrics = _finish(fitted, prepared, held_out, result, work, options, say)
        try:
            _report(fitted, rows, held_out, metrics, result, work)
        except Exception:  # costs the page, and no fit
            work.report.unlink(missing_ok=True)
            _publish(work, files)
            say(f"{files.folder} holds the run without its report, which anyvae report {files.folder} writes")
            raise
        _publish(work, files)
    return fitted


def _label_of(source: Source, options: FitOptions) -> str | None:
    """The column of labels, which has a name of its own only in tables."""
    named = source.table is not None or source.labels is None
    recipe = recipe_of(options, table=source.table is not None)
    if options.label is None and recipe.labels and not named:
        return LABEL
    return options.label


def _read(source: Source, options: FitOptions) -> tuple[Prepared, Source, Source]:
    """Rows to fit, prepared and as they were given, and rows held out."""
    schema, recipe = schema_of(source, options), recipe_of(options, table=source.table is not None)
    pointed_out = [] if source.table is None else noticed(source.table, source.name)
    notes = [*source.notes, *pointed_out, *schema.sentences(), *_said_of_beside(schema)]
    if source.test is not None:
        fitted, held_out = source, source.test
        notes.append(f"held out: the source's own test part, {len(held_out):,} rows")
    else:
        rows, held = held_out_split(len(source), options.seed)
        fitted, held_out = source.take(rows), source.take(held)
        notes.append(f"held out: {len(held_out):,} of {len(source):,} rows, chosen by the seed")
    if options.keep_labels is not None:
        if "y" not in schema.beside or options.label is None:
            raise DataError(f"--keep-labels {options.keep_labels}: the recipe {recipe.name} models no labels")
        fitted = keep_labels(fitted, options.label, options.keep_labels, options.seed)
        notes.append(_said_of_labels(fitted, options.label, options.keep_labels))
    prepared = prepare(fitted, schema, options.seed, recipe)
    return replace(prepared, notes=notes + prepared.notes), fitted, held_out


def _said_of_labels(fitted: Source, label: str, asked: int) -> str:
    """How many labels are kept, which may be fewer than were asked for."""
    column = aside_of(fitted)[label].drop_null()
    kept, each = len(column), asked // len(column.unique())
    said = f"{kept:,} labels of the rows to fit are kept"
    if kept == asked:
        return f"{said}, as many of each class"
    return f"{said} of {asked:,} asked for, at most {each:,} of each class"


def _said_of_beside(schema: Schema) -> list[str]:
    """What was decided about the columns that are set aside and modelled."""
    said = []
    if "y" in schema.beside:
        [feature] = schema.beside["y"].features
        said.append(f"{feature.name} is modelled as the label of a row: {feature.detail()}")
    if "c" in schema.beside:
        features = schema.beside["c"].features
        said.append(
            "rows are given, and never scored on: "
            + "; ".join(f"{feature.name} ({feature.kind}, {feature.detail()})" for feature in features)
        )
    return said


def _same_run(files: RunFiles, config: RunConfig, schema: Schema) -> None:
    """Refuse to resume a run of other data or settings, naming the first difference."""
    before = files.read_config()
    other = DataError(
        f"{files.folder} was started on other data: resume with the same file, or choose another --out"
    )
    then = Schema.from_json(files.schema.read_bytes()) if files.schema.is_file() else schema
    # First, for other columns change many of the numbers below.
    if [feature.name for feature in then.features] != [feature.name for feature in schema.features]:
        raise other
    for name in config.__struct_fields__:
        if name not in ("notes", "version", "source") and getattr(before, name) != getattr(config, name):
            raise DataError(
                f"{files.folder} was started with {name} = {getattr(before, name)!r}, now it is "
                f"{getattr(config, name)!r}: resume with the same command, or choose another --out"
            )
    if then != schema:
        raise other


def _open_folder(files: RunFiles, work: RunFiles, config: RunConfig, schema: Schema, *, fresh: bool) -> None:
    if files.config.is_file():
        files.read_config()  # a config.json of somebody else is never overwritten
    try:
        work.folder.mkdir(parents=True, exist_ok=True)
        if fresh:
            for checkpoint in work.folder.glob("checkpoint*"):
                checkpoint.unlink()
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
        files.report.unlink(missing_ok=True)
        page = ["report"] if work.report.is_file() else []
        for name in ("model", "schema", "history", "metrics", *page, "config"):
            os.replace(getattr(work, name), getattr(files, name))
        for checkpoint in work.folder.glob("checkpoint*"):
            checkpoint.unlink()
        work.folder.rmdir()
    except OSError as error:
        raise DataError(
            f"{files.folder} cannot be written ({error.strerror or error}): go on with --resume"
        ) from None


def _finish(
    fitted: FittedModel,
    prepared: Prepared,
    held_out: Source,
    result: FitResult,
    files: RunFiles,
    options: FitOptions,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Write all but the report, and return the metrics."""
    fitted.save(files.folder)
    write_file(files.history, history_csv(result))
    say(
        f"trained {result.steps:,} steps in {result.seconds:.0f} s; weights of step {result.best_step:,} kept"
    )
    held_batch = fitted.batch(held_out)
    say(f"now {len(held_out):,} rows held out are evaluated, and the report is made")
    held = fitted.evaluate_batch(held_batch, options.samples)
    rows = torch.from_numpy(some_rows(len(prepared.training), _TRAIN_ROWS_EVALUATED))
    # Of what held-out rows are asked: with labels beside the rows it would be another density.
    asked = prepared.training.only([*held_batch]).fixed(rows)
    # There may be many more of them, so that as many draws of each would take longer.
    affordable = evaluation_samples(fitted.model, asked, fitted.recipe.enumerate)
    train = fitted.evaluate_batch(asked, min(held["samples"], affordable, _TRAIN_SAMPLES))
    metrics: dict[str, Any] = {
        "unit": "nats per row",
        "held_out": {**held, "scores": _scores(fitted, held_out)},
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
    error = held["log_likelihood_standard_error"]
    told = "" if math.isnan(error) else f" ± {error:.2f}"
    say(
        f"held-out log-likelihood {held['log_likelihood']:.2f}{told} nats per row "
        f"({held['samples']:,} sample{'s' * (held['samples'] != 1)}), "
        f"ELBO {held['elbo']:.2f}, {held['active_units']} of {len(held['kl_per_latent'])} latents active"
    )
    return metrics


def _report(
    fitted: FittedModel,
    rows_fitted: Source,
    held_out: Source,
    metrics: dict[str, Any],
    result: FitResult,
    files: RunFiles,
) -> None:
    from anyvae.report import render
    from anyvae.runs.gather import findings_of

    findings = findings_of(fitted, held_out, metrics, history_columns(result), rows_fitted)
    write_file(files.report, render(findings).encode())


def _scores(fitted: FittedModel, held_out: Source) -> list[float]:
    """Log-densities of held-out rows in rising order, with which those of other rows are compared."""
    return [round(float(value), 4) for value in np.sort(fitted.score(held_out.some(_SCORED)))]


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
