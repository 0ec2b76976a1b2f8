"""scvi-tools' SCVI at its defaults, but for the latent size that is asked for; and the reader of h5 files."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from door import Job, serve


def embed(job: Job) -> Mapping[str, pd.DataFrame]:
    import anndata
    import scvi

    scvi.settings.seed = job.seed
    train, rest = (anndata.AnnData(job.table(name).to_numpy(np.float32)) for name in ("train", "rest"))
    scvi.model.SCVI.setup_anndata(train)
    model = scvi.model.SCVI(train, n_latent=job.options["latent"])
    with job.clock("fit"):
        model.train(accelerator="cpu", enable_progress_bar=False)
    with job.clock("embed"):
        answers = {"train": pd.DataFrame(model.get_latent_representation(train))}
        answers["rest"] = pd.DataFrame(model.get_latent_representation(rest))
    with job.clock("score"):
        # Its bounds are losses or gains by version; the figure is made a log-density by its sign alone.
        elbo = float(model.get_elbo(rest))
        answers["density"] = pd.DataFrame({"nats": np.full(rest.n_obs, -abs(elbo))})
    try:
        nll = model.get_marginal_ll(rest, n_mc_samples=100, n_mc_samples_per_pass=10)
        job.notes["marginal"] = -abs(float(nll))
    except Exception as reason:
        job.notes["marginal failed"] = str(reason)[:200]
    job.notes["epochs"] = len(model.history["elbo_train"])
    return answers


def read(job: Job) -> Mapping[str, pd.DataFrame]:
    import h5py

    with h5py.File(job.options["file"]) as file:
        counts, kinds = file["X"][()], file["Y"][()]
    names = [f"g{j}" for j in range(counts.shape[1])]
    return {
        "counts": pd.DataFrame(counts.astype(np.int32), columns=names),
        "kinds": pd.DataFrame({"kind": kinds.astype(str)}),
    }


if __name__ == "__main__":
    serve({"embed": embed, "read": read}, "scvi-tools", "torch")
