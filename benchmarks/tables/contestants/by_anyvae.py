"""anyvae's estimators at their defaults; ordered levels stay ordered, whatever else is inferred."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from door import Job, serve


def _model(job: Job) -> Any:
    from anyvae.estimators import TabularVAE

    options = dict(job.options.get("ours", {}))
    if job.method == "self-masking":
        options["recipe"] = "not_miwae"
    elif job.method == "latents":
        options["latent_features"] = job.options["latent"]
    return TabularVAE(random_state=job.seed, **options)


def sample(job: Job) -> Mapping[str, pd.DataFrame]:
    frame = job.table("train")
    model = _model(job)
    with job.clock("fit"):
        model.fit(frame)
    answers = {}
    for draw in job.options["draws"]:
        with job.clock(f"draw {draw['name']}"):
            # Only the condition where there is one: an unconditional draw is `sample(n)`.
            given = {"given": draw["given"]} if "given" in draw else {}
            answers[draw["name"]] = model.sample(draw["rows"], **given)
    if job.options.get("impute"):
        with job.clock("impute"):
            answers["imputed"] = model.impute(frame)
    return answers


def impute(job: Job) -> Mapping[str, pd.DataFrame]:
    frame = job.table("train")
    model = _model(job)
    with job.clock("fit"):
        model.fit(frame)
    with job.clock("impute"):
        answers = {"imputed": model.impute(frame)}
    for number, table in enumerate(
        model.impute(frame, draws=job.options["draws"]) if "draws" in job.options else []
    ):
        answers[f"draw{number}"] = table
    return answers


def outliers(job: Job) -> Mapping[str, pd.DataFrame]:
    from anyvae.estimators import VAEOutlierDetector

    values = job.table("train")
    model = VAEOutlierDetector(random_state=job.seed, **job.options.get("ours", {}))
    with job.clock("fit"):
        model.fit(values)
    with job.clock("score"):
        scores = -np.asarray(model.score_samples(values), dtype=float)
    return {"scores": pd.DataFrame({"outlier": scores})}


def embed(job: Job) -> Mapping[str, pd.DataFrame]:
    train, rest = job.table("train"), job.table("rest")
    model = _model(job)
    with job.clock("fit"):
        model.fit(train)
    with job.clock("embed"):
        answers = {"train": pd.DataFrame(np.asarray(model.transform(train)))}
        answers["rest"] = pd.DataFrame(np.asarray(model.transform(rest)))
    if job.options.get("density"):
        with job.clock("score"):
            answers["density"] = pd.DataFrame({"nats": np.asarray(model.score_samples(rest), dtype=float)})
    return answers


def score(job: Job) -> Mapping[str, pd.DataFrame]:
    """Fit on many rows, then score them: time and memory are the answer."""
    frame = job.table("train")
    model = _model(job)
    with job.clock("fit"):
        model.fit(frame)
    with job.clock("score"):
        scores = model.score_samples(frame)
    return {"scores": pd.DataFrame({"nats": np.asarray(scores, dtype=float)})}


if __name__ == "__main__":
    serve(
        {"sample": sample, "impute": impute, "outliers": outliers, "embed": embed, "score": score},
        "anyvae",
        "torch",
    )
