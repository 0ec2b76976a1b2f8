"""SUAVE at its defaults, unsupervised, with the schema that it infers.

It reads levels such as "1" and "2" as numbers and answers with codes from 0: nominal levels go in with a sign before
them, so that it reads them as names, and ordered ones as their ranks, which come back rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from door import Job, serve

_SIGN = "="


def _fit(job: Job) -> tuple[Any, pd.DataFrame, pd.DataFrame]:
    """The model, the table that the job brings, and the table as the model is told it."""
    from suave import SUAVE

    frame = job.table("train")
    told = frame.copy()
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            codes = column.cat.codes.astype(float)
            told[name] = codes.where(codes >= 0)
        elif not pd.api.types.is_numeric_dtype(column.dtype):
            told[name] = [None if pd.isna(cell) else _SIGN + str(cell) for cell in column]
    model = SUAVE(behaviour="unsupervised", random_state=job.seed)
    with job.clock("fit"):
        model.fit(told)
    job.notes["schema"] = {name: spec["type"] for name, spec in model.schema.to_dict().items()}
    return model, frame, told


def sample(job: Job) -> Mapping[str, pd.DataFrame]:
    model, frame, told = _fit(job)
    answers = {}
    for draw in job.options["draws"]:
        if "given" not in draw:
            with job.clock(f"draw {draw['name']}"):
                answers[draw["name"]] = _plain(model.sample(draw["rows"]), frame)
    if job.options.get("impute"):
        with job.clock("impute"):
            answers["imputed"] = _plain(model.impute(told), frame)
    return answers


def impute(job: Job) -> Mapping[str, pd.DataFrame]:
    model, frame, told = _fit(job)
    with job.clock("impute"):
        return {"imputed": _plain(model.impute(told), frame)}


def _plain(rows: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Numbers as numbers, ranks as levels, names without their sign."""
    built: dict[str, Any] = {}
    for name in rows.columns:
        cells = rows[name].astype(object)
        if isinstance(like[name].dtype, pd.CategoricalDtype):
            levels = np.array([str(level) for level in like[name].cat.categories], dtype=object)
            ranks = np.rint(pd.to_numeric(cells).to_numpy(float))
            built[name] = levels[np.clip(ranks, 0, len(levels) - 1).astype(int)]
        elif pd.api.types.is_numeric_dtype(like[name].dtype):
            built[name] = pd.to_numeric(cells).to_numpy(float)
        else:
            names = [None if pd.isna(cell) else str(cell).removeprefix(_SIGN) for cell in cells]
            built[name] = np.array(names, dtype=object)
    return pd.DataFrame(built)


if __name__ == "__main__":
    serve({"sample": sample, "impute": impute}, "suave-ml", "torch")
