"""PyOD's detectors at their defaults; its sign is that of this benchmark: high = outlier."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from door import Job, serve


def outliers(job: Job) -> Mapping[str, pd.DataFrame]:
    values = job.table("train").to_numpy(float)
    if job.method == "IForest":
        from pyod.models.iforest import IForest

        model = IForest(random_state=job.seed)
    elif job.method == "ECOD":
        from pyod.models.ecod import ECOD

        model = ECOD()
    elif job.method == "KNN":
        from pyod.models.knn import KNN

        model = KNN()
    else:
        from pyod.models.vae import VAE

        model = VAE(random_state=job.seed, verbose=0)
    with job.clock("fit"):
        model.fit(values)
    return {"scores": pd.DataFrame({"outlier": np.asarray(model.decision_scores_, dtype=float)})}


if __name__ == "__main__":
    serve({"outliers": outliers}, "pyod")
