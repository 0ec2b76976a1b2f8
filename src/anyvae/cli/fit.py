"""`anyvae fit`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from anyvae.cli.console import first_process, progress_bar, say
from anyvae.cli.options import (
    Columns,
    Dropped,
    Groups,
    Kinds,
    Positive,
    PositiveReal,
    Samples,
    Seed,
    SourceName,
    Words,
    grouped,
    pairs,
)

if TYPE_CHECKING:
    from anyvae.training import Callback

__all__ = ["fit"]


def fit(
    source: SourceName,
    /,
    *,
    out: Path | None = None,
    seed: Seed = 0,
    latent: Positive = None,
    max_epochs: Positive = None,
    max_minutes: PositiveReal = None,
    batch_size: Positive = None,
    learning_rate: PositiveReal = None,
    precision: Literal["float32", "bf16"] = "float32",
    recipe: str | None = None,
    likelihood: Literal["normal", "discretised", "bernoulli"] | None = None,
    kind: Kinds = None,
    label: str | None = None,
    keep_labels: Positive = None,
    given: Columns = None,
    drop: Dropped = None,
    missing: Words = None,
    group: Groups = None,
    clusters: Positive = None,
    samples: Samples = None,
    threads: Positive = None,
    shard: bool = False,
    tensorboard: bool = False,
    quiet: bool = False,
    resume: bool = False,
) -> None:
    """Fit a model to data; write its folder and a report.

    Parameters
    ----------
    out
        Folder of the run; runs/<name of the source> without it.
    seed
        Chooses the rows held out, the first weights and every draw.
    latent
        Latent variables; chosen from the data without it.
    max_epochs
        Passes over the rows at most.
    max_minutes
        Minutes of training at most.
    batch_size
        Rows a step.
    learning_rate
        Its peak; it warms up, then decays over the run.
    precision
        bf16 runs matrix products in bfloat16.
    recipe
        Name of the model; `anyvae recipes` lists them. Tables are fitted by mixture_vae and arrays by vae without it.
    likelihood
        How values are scored; chosen from the data without it.
    kind
        A column and its kind, such as age=count, once or more: real, positive, integer, count, levels, binary,
        categorical, ordinal or date. Chosen from the values without it.
    label
        Column of labels: left out of the rows, it colours the report. Recipes of rows and labels (m2, m1_m2,
        infinite_vae) model it; empty cells are rows without one. Data sets that have labels need no name for them.
    keep_labels
        Forget the labels of the rows to fit but for so many, as many of each class.
    given
        A column that rows are given and that is never scored, once or more; for recipe cvae.
    drop
        A column that is not read, then and later, once or more: what only names the rows, for one.
    missing
        A word that stands for a missing cell, such as '?' or -999, once or more; numbers that it spells, such as
        -999.0, are missing too. Empty cells, NA, NaN and null are without it.
    group
        A name and the columns that are observed together, such as face='px*' or voice=pitch,volume, once or more; for
        recipe grouped_vae. Columns in none make one more group.
    clusters
        How many at most, for recipes with clusters or experts.
    threads
        CPU threads of torch.
    shard
        Spread the weights over the processes of torchrun.
    tensorboard
        Log to OUT/tensorboard as well.
    quiet
        Print nothing.
    resume
        Go on with the run in OUT, or start it where nothing was saved yet.
    """
    import torch

    from anyvae.runs import FitOptions, RunFiles, fit_run

    if threads is not None:
        torch.set_num_threads(threads)
    folder = Path("runs", _stem(source)) if out is None else out
    options = FitOptions(
        source=source,
        seed=seed,
        latent_features=latent,
        max_epochs=max_epochs,
        max_minutes=max_minutes,
        batch_size=batch_size,
        learning_rate=learning_rate,
        precision=precision,
        recipe=recipe,
        likelihood=likelihood,
        kinds=pairs(kind, "--kind"),
        label=label,
        given=tuple(given or ()),
        drop=tuple(drop or ()),
        missing_words=tuple(missing or ()),
        groups=grouped(group),
        clusters=clusters,
        keep_labels=keep_labels,
        threads=threads,
        shard=shard,
        samples=samples,
    )
    tell = _nothing if quiet else say
    callbacks: list[Callback] = []
    if not quiet and (bar := progress_bar()) is not None:
        callbacks.append(bar)
    if tensorboard and first_process():
        callbacks.append(_tensorboard(folder))
    fit_run(options, folder, resume=resume, say=tell, callbacks=callbacks)
    tell(f"report: {RunFiles(folder).report}")


def _stem(source: str) -> str:
    """A folder's name for a source: `data/wine.csv.gz` gives `wine`."""
    name = Path(source).resolve().name if source.strip("./") == "" else Path(source).name
    for ending in (".gz", ".csv", ".parquet", ".npy", ".npz"):
        name = name.removesuffix(ending)
    return name or "run"


def _tensorboard(folder: Path) -> Callback:
    from anyvae.data import DataError
    from anyvae.training import Callback, Evaluation, TensorBoard

    if find_spec("tensorboard") is None:
        raise DataError("--tensorboard needs the package tensorboard: pip install 'anyvae[tensorboard]'")

    class Late(Callback):
        """Opens its file with the first evaluation, so that data that cannot be fitted leave no folder."""

        def __init__(self) -> None:
            self._writer: TensorBoard | None = None

        def on_evaluation(self, evaluation: Evaluation) -> None:
            self._writer = self._writer or TensorBoard(folder / "tensorboard")
            self._writer.on_evaluation(evaluation)

        def close(self) -> None:
            if self._writer is not None:
                self._writer.close()

    return Late()


def _nothing(message: str) -> None:
    """Says nothing."""
