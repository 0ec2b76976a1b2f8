"""hyperimpute's plugins at their defaults: categories go in as codes and come back rounded."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from door import Job, serve


def impute(job: Job) -> Mapping[str, pd.DataFrame]:
    from hyperimpute.plugins.imputers import Imputers

    frame = job.table("train")
    coded = pd.DataFrame(index=frame.index)
    levels: dict[str, list[str]] = {}
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column.dtype):
            coded[name] = column.astype(float)
            continue
        named = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
        levels[name] = list(named.cat.categories)
        coded[name] = named.cat.codes.astype(float).where(named.notna(), np.nan)
    with job.clock("fit"):
        plugin = Imputers().get(job.method, random_state=job.seed)
        filled = pd.DataFrame(np.asarray(plugin.fit_transform(coded.copy())), columns=frame.columns).astype(
            float
        )
    built = {}
    for name in frame.columns:
        if name in levels:
            codes = np.clip(np.rint(np.nan_to_num(filled[name])), 0, len(levels[name]) - 1).astype(int)
            built[name] = np.array(levels[name], dtype=object)[codes]
        else:
            values = filled[name].to_numpy()
            built[name] = np.rint(values) if name in job.options.get("whole", []) else values
    return {"imputed": pd.DataFrame(built)}


if __name__ == "__main__":
    serve({"impute": impute}, "hyperimpute", "torch")
