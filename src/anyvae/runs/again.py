"""A run and its data, met again after the fit."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from anyvae.data import DataError, Schema, Source, held_out_split, load_source
from anyvae.data.arrow import arrow_type, is_ordered, is_text
from anyvae.runs.config import RunConfig, RunFiles, write_file
from anyvae.runs.rebuild import load
from anyvae.runs.schema import schema_of

__all__ = ["source_for", "write_report"]


def source_for(config: RunConfig, schema: Schema, source: str) -> Source:
    """Rows for a model fitted by `config`: its column of labels, and those that rows are given, are set aside.

    Arguments:
        config: of the run.
        schema: of the rows that were fitted: what was text is text again, though these rows spell numbers only.
        source: file, folder or name.

    Raises:
        DataError: when the source cannot be read.
    """
    if config.label is not None:
        try:
            return _read(config, schema, source, config.label, config.given)
        except DataError:
            pass  # most likely it has no such column, which is fine; anything else is told by the next line
    return _read(config, schema, source, None, [name for name in config.given if name != config.label])


def _read(config: RunConfig, schema: Schema, source: str, label: str | None, given: list[str]) -> Source:
    """As the fit read its rows; columns that it did not read need not be there."""
    return load_source(
        source,
        label=label,
        given=given,
        drop=config.drop,
        missing=config.missing_words,
        again=True,
        text=_text_of(schema),
    )


def _text_of(schema: Schema) -> list[str]:
    """Columns whose cells are text, of the rows and of what is set aside from them."""
    features = [feature for part in (schema, *schema.beside.values()) for feature in part.features]
    types = {feature.name: arrow_type(feature.dtype) for feature in features}
    return [name for name, kind in types.items() if is_text(kind) or is_ordered(kind)]


def write_report(folder: str | Path, source: str | None = None) -> Path:
    """Write report.html of a run anew, from its folder and the rows that its fit held out.

    Arguments:
        folder: of the run.
        source: where the data are; where the fit found them if None.

    Raises:
        DataError: when the run is damaged, or its data are gone or have changed.
    """
    from anyvae.report import render
    from anyvae.runs.gather import findings_of

    files, fitted = RunFiles(folder), load(folder)
    config = fitted.config
    given = config.source if source is None else source
    try:
        rows = source_for(config, fitted.schema, given)
    except DataError as error:
        raise DataError(
            f"the report shows rows of the data, and they cannot be read: {error}; "
            "go to the folder where the fit was run, or say where they are with --source"
        ) from None
    if schema_of(rows, config) != fitted.schema:
        raise DataError(
            f"{given} is not what {files.folder} was fitted on: give that file with --source, or fit anew"
        )
    if rows.test is not None:
        fitted_rows, held_out = rows, rows.test
    else:
        fitted_rows, held_out = (rows.take(part) for part in held_out_split(len(rows), config.seed))
    findings = findings_of(
        fitted, held_out, files.read_metrics(), read_history(files.history), fitted_rows=fitted_rows
    )
    write_file(files.report, render(findings).encode())
    return files.report


def read_history(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The evaluations of a fit, column by column; empty where the file is missing.

    Raises:
        DataError: when it is damaged.
    """
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            names, *rows = csv.reader(file)
        values = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
    except (ValueError, csv.Error) as error:
        raise DataError(
            f"{path} cannot be read ({error}): remove it, and the report goes without curves"
        ) from None
    return {name: values[:, index] for index, name in enumerate(names)}
