"""SUAVE at its defaults, unsupervised, with the schema that it infers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from door import Job, serve


def _fit(job: Job) -> tuple[Any, pd.DataFrame]:
    from suave import SUAVE

    frame = job.table("train")
    model = SUAVE(behaviour="unsupervised", random_state=job.seed)
    with job.clock("fit"):
        model.fit(frame)
    job.notes["schema"] = {name: spec["type"] for name, spec in model.schema.to_dict().items()}
    return model, frame


def sample(job: Job) -> Mapping[str, pd.DataFrame]:
    model, frame = _fit(job)
    answers = {}
    for draw in job.options["draws"]:
        if "given" not in draw:
            with job.clock(f"draw {draw['name']}"):
                answers[draw["name"]] = _plain(model.sample(draw["rows"]), frame)
    if job.options.get("impute"):
        with job.clock("impute"):
            answers["imputed"] = _plain(model.impute(frame), frame)
    return answers


def impute(job: Job) -> Mapping[str, pd.DataFrame]:
    model, frame = _fit(job)
    with job.clock("impute"):
        return {"imputed": _plain(model.impute(frame), frame)}


def _plain(rows: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Its categories of numbers as numbers, all else as strings."""
    for name in rows.columns:
        if pd.api.types.is_numeric_dtype(like[name].dtype):
            rows[name] = pd.to_numeric(rows[name].astype(object)).astype(float)
        else:
            rows[name] = rows[name].astype(object)
    return rows


if __name__ == "__main__":
    serve({"sample": sample, "impute": impute}, "suave-ml", "torch")
