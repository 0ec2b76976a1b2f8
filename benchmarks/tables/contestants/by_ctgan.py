"""TVAE of the package ctgan at its defaults.

It takes no holes: rows with a hole in a number are left out, a hole in a category is a level of its own and
becomes a hole again on the way out. It takes no conditions: rows are drawn until enough of them meet the condition.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from door import Job, serve

_HOLE = "(missing)"


def sample(job: Job) -> Mapping[str, pd.DataFrame]:
    import torch
    from ctgan import TVAE

    frame = job.table("train")
    discrete = [name for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name].dtype)]
    for name in discrete:
        frame[name] = frame[name].astype(object).where(frame[name].notna(), _HOLE)
    frame = frame.dropna(ignore_index=True)
    job.notes["rows"] = len(frame)
    np.random.seed(job.seed)  # noqa: NPY002
    torch.manual_seed(job.seed)
    model = TVAE(enable_gpu=False)
    with job.clock("fit"):
        model.fit(frame, discrete_columns=discrete)
    answers = {}
    for draw in job.options["draws"]:
        with job.clock(f"draw {draw['name']}"):
            rows = model.sample(draw["rows"])
            if "given" in draw:
                kept, drawn = [], len(rows)
                while True:
                    kept.append(
                        rows[np.all([rows[key] == value for key, value in draw["given"].items()], axis=0)]
                    )
                    if sum(map(len, kept)) >= draw["rows"] or drawn >= 1000 * draw["rows"]:
                        break
                    rows = model.sample(10 * draw["rows"])
                    drawn += len(rows)
                job.notes[f"drawn for {draw['name']}"] = drawn
                rows = pd.concat(kept, ignore_index=True).head(draw["rows"])
        answers[draw["name"]] = rows.replace({name: {_HOLE: None} for name in discrete})
    return answers


if __name__ == "__main__":
    serve({"sample": sample}, "ctgan", "torch")
