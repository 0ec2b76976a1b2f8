"""What a report shows: plain numbers, nothing of torch, so that a page can be drawn anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from anyvae.report.table_findings import TableFindings

Array = NDArray[Any]
Rows = Array | Mapping[str, Array]
"""Rows in the units of the input: images or vectors in one array, or a table as named columns."""

Level = Literal["good", "note", "problem"]


@dataclass(frozen=True)
class Diagnosis:
    """One finding in words: how serious it is, its name, and a sentence or two with the numbers."""

    level: Level
    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class GroupFindings:
    """Classes, clusters or experts that a model has of its own, or values that rows are given; G of them.

    Arguments:
        kind: what they are: classes are labels that are modelled, values are of a column that rows are given.
        names: of each.
        shares: of held-out rows that are most probably in it, or have the value.
        exemplars: rows of each that the model is surest of, or that have the value, in the units of the input.
        draws: rows drawn of each.
        accuracy: share of the held-out rows with a label that are put in their class; NaN where there are none.
        analogies: where rows are pictures and the label a latent of its own, for some held-out rows the row itself and
            then the mean of each of the G classes in the style of the row, all in one array.
    """

    kind: Literal["class", "cluster", "expert", "value"]
    names: Sequence[str]
    shares: Sequence[float]
    exemplars: Sequence[Rows]
    draws: Sequence[Rows]
    accuracy: float = float("nan")
    analogies: Array | None = None


@dataclass(frozen=True, kw_only=True)
class LayerFindings:
    """One layer of latents of a hierarchy.

    Arguments:
        name: of the latent variable.
        size: how many features it has.
        active: how many of them have a KL above .01 nats.
        kl: of held-out rows, nats.
        draws: means of rows that share all layers above this one, where they were made.
    """

    name: str
    size: int
    active: int
    kl: float
    draws: Rows | None = None


@dataclass(frozen=True, kw_only=True)
class Findings:
    r"""Everything one page shows about one fitted model.

    n is the number of held-out rows, K the number of latents, m the number of rows pictured. Bounds and
    divergences are in nats per row, in the units of the input, with the KL at its full weight.

    Arguments:
        title: the headline.
        source: name of the data.
        recipe: name of the model.
        latent_mean: :math:`(n, K)` means of the posteriors of held-out rows, in standard deviations of the prior.
        latent_scale: :math:`(n, K)` their standard deviations.
        kl_per_latent: :math:`(K,)` nats; NaN where only the KL of the whole vector is known, which `metrics` holds.
        observed: :math:`(m, ...)` rows as they were given. A table's marginals are drawn from all m rows, so
            a few hundred are better than ten; its first five are printed.
        reconstructed_mean: the decoder's mean of those rows.
        reconstructed_draw: one draw from the decoder for those rows.
        sampled: rows drawn from the model, noise and all.
        sampled_mean: the decoder's means for the latents of `sampled`.
        image_shape: `(H, W)` or `(H, W, C)` where rows are pictures.
        traversals: pairs of a latent's index and the decoder's means `(steps, ...)`, or columns of them,
            while that latent moves evenly from -3 to 3 and the others rest at 0.
        labels: :math:`(n,)` labels of the held-out rows, which no posterior here has seen unless they are given.
        label_use: whether labels of other rows were fitted, these ones given, or neither.
        history: columns of equal length, NaN where nothing was measured: `step`, `epoch`, `seconds`,
            `train_elbo`, `validation_elbo`, `validation_log_likelihood`, `validation_kl`, `learning_rate`.
        metrics: the contents of `metrics.json`.
        settings: what was fitted and how.
        features: one dictionary a column: `name`, `kind`, `likelihood`, `detail`.
        notes: sentences that were said aloud while fitting.
        standard_prior: whether the prior is N(0, I): else traversals run through three standard deviations of the prior
            around its mean.
        prior_draws: :math:`(r, K)` draws of another prior in the unit of `latent_mean`, to hold the posteriors
            against; None where it is N(0, I), hangs on other variables, or is of no real numbers.
        table: what is measured of a table only.
        latent_names: K names; z0, z1, ... where empty.
        groups: classes, clusters and experts that the model has, and values that rows are given.
        layers: of latents, from the top, where there are several.
        likelihood: p(x | ...) in symbols.
        ancestry: how a row is drawn, in symbols.
        conditions: what each row in `observed` is given, by column; those in `sampled` are given the same, row by row
            and over again.
        class_kl: nats of latents that are classes, which `kl_per_latent` has no bars for, by name.
        noise: of an array, in the units of the input: `noise_scale`, the root mean square of what reconstructions leave
            over, and `data_scale`, that of the rows around the mean of each element.

    Raises:
        ValueError: when the shapes of the latents disagree, or the columns of the history differ in length.
    """

    title: str
    source: str
    recipe: str
    latent_mean: Array
    latent_scale: Array
    kl_per_latent: Array
    observed: Rows
    reconstructed_mean: Rows
    reconstructed_draw: Rows
    sampled: Rows
    sampled_mean: Rows
    image_shape: tuple[int, ...] | None = None
    traversals: Sequence[tuple[int, Rows]] = ()
    labels: Array | None = None
    label_use: Literal["unfitted", "fitted", "given"] = "unfitted"
    history: Mapping[str, Array] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, str | int | float] = field(default_factory=dict)
    features: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = ()
    noise: Mapping[str, float] = field(default_factory=dict)
    standard_prior: bool = True
    prior_draws: Array | None = None
    table: TableFindings | None = None
    latent_names: Sequence[str] = ()
    groups: Sequence[GroupFindings] = ()
    layers: Sequence[LayerFindings] = ()
    likelihood: str = "p(x | z)"
    ancestry: str = "x ~ p(x | z), z ~ p(z)"
    conditions: Mapping[str, Array] = field(default_factory=dict)
    class_kl: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.latent_mean.ndim != 2 or self.latent_mean.shape != self.latent_scale.shape:
            raise ValueError(
                f"findings: latent_mean has shape {self.latent_mean.shape} and latent_scale "
                f"{self.latent_scale.shape}; both must be (rows, latents)."
            )
        if self.kl_per_latent.shape != self.latent_mean.shape[1:]:
            raise ValueError(
                f"findings: kl_per_latent has shape {self.kl_per_latent.shape}, but latent_mean has "
                f"{self.latent_mean.shape[1]} latents. Give the average over rows, one number a latent."
            )
        if self.labels is not None and len(self.labels) != len(self.latent_mean):
            raise ValueError(
                f"findings: {len(self.labels)} labels for {len(self.latent_mean)} held-out rows; "
                "give one label a row of latent_mean."
            )
        lengths = {name: len(values) for name, values in self.history.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"findings: columns of the history differ in length: {lengths}.")

    def latent(self, k: int) -> str:
        """What a latent is called."""
        return self.latent_names[k] if self.latent_names else f"z{k}"

    def metric(self, name: str, part: str = "held_out") -> float:
        """One number of `metrics`, NaN where it was not measured."""
        value = self.metrics.get(part, {}).get(name)
        return float("nan") if value is None else float(value)

    def measured(self, column: str) -> tuple[Array, Array]:
        """The steps at which a column of the history was measured, and its values there."""
        if column not in self.history:
            return np.empty(0), np.empty(0)
        values = np.asarray(self.history[column], dtype=float)
        steps = np.asarray(self.history.get("step", np.arange(len(values))), dtype=float)
        known = np.isfinite(values) & np.isfinite(steps)
        return steps[known], values[known]
