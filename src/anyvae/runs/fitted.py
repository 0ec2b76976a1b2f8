"""A fitted model with its schema: every question is asked, and answered, in the units of the input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from anyvae.data import DataError, Schema, Source, decode, encode
from anyvae.data.compact import encode_compact, unseen_rows
from anyvae.data.encode import Unseen, cell_mask
from anyvae.data.errors import listing
from anyvae.inference import (
    Bound,
    class_mean,
    embed,
    evaluate_bound,
    log_likelihood,
    reconstruct,
    standing,
    take_rows,
)
from anyvae.inference.noise import Pools
from anyvae.metrics import active_units, latent_use
from anyvae.model import Batch, Evidence, LatentVariableModel, Partial
from anyvae.recipes import Recipe, find_recipe
from anyvae.runs.beside import beside_of, with_label
from anyvae.runs.conditional import (
    class_probabilities,
    explain,
    fill,
    fill_by_draws,
    label_probabilities,
)
from anyvae.runs.config import RunConfig, RunFiles, write_file
from anyvae.runs.draw import Drawn, draw_rows
from anyvae.runs.effort import evaluation_samples
from anyvae.runs.given import sample_given
from anyvae.runs.named import kl_of_variables, latent_names
from anyvae.training import save_tensors

__all__ = ["SCORE_SAMPLES", "FittedModel"]

SCORE_SAMPLES = 128
"""S of scores unless it is told, and of those of held-out rows that a run keeps to compare others with."""

_BLOCK, _CELLS = 1 << 15, 1 << 25  # rows of a table, and cells of them
_BESIDE = {False: ("c",), True: ("y", "c")}
"""What is given beside rows, without labels and with them."""


@final
class FittedModel:
    """A latent-variable model of rows of one schema.

    Arguments:
        model: over encoded rows "x".
        schema: of the rows.
        config: how it was fitted.
        unseen: whether values that no row of the fit held, such as a new category, are refused or read as missing;
            see `anyvae.data.encode`.
    """

    def __init__(
        self, model: LatentVariableModel, schema: Schema, config: RunConfig, unseen: Unseen = "refuse"
    ) -> None:
        self.model = model
        self.schema = schema
        self.config = config
        self.unseen: Unseen = unseen

    @property
    def recipe(self) -> Recipe:
        """Of which the model was made."""
        return find_recipe(self.config.recipe)

    @property
    def latents(self) -> dict[str, int]:
        """Size of each latent that is inferred from rows, in the order of drawing, which is that of `embed`."""
        model = self.model
        rows = {
            name: Evidence(model.zeros((1, *model.shapes[name])), None) for name in ("x", *model.conditions)
        }
        names = [name for name, from_q in model.plan(rows).draws if from_q]
        return {name: model.shapes[name].numel() for name in names}

    def batch(
        self,
        source: Source,
        unseen: Unseen | None = None,
        *,
        pattern: bool = True,
        labels: bool = False,
    ) -> Batch:
        """Rows as the model sees them; grey values of binarised sources are drawn once, with seed 0.

        Arguments:
            source: the rows.
            unseen: as of the class where None.
            pattern: whether which cells are seen is given too, where the model has a word on it.
            labels: whether labels are given too, where the model has a variable for them and the source has some.
        """
        encoded = encode(self.schema, source, unseen or self.unseen)
        if encoded.mask is not None and not self.config.missing:
            raise DataError(
                f"{source.name} has missing cells, but the model was fitted on complete rows: "
                "fill or drop them, or fit on rows with holes"
            )
        beside = beside_of(self.schema, source, unseen or self.unseen, _BESIDE[labels])
        x = encoded.x
        if encoded.binarise:
            x = torch.bernoulli(x, generator=torch.Generator().manual_seed(0))
        return self._batch(x, encoded.mask, beside, pattern)

    def _batch(
        self, x: Tensor, mask: Tensor | None, beside: Mapping[str, Tensor | Partial], pattern: bool = True
    ) -> Batch:
        seen: dict[str, Tensor] = {}
        if self.config.missing and pattern and self.recipe.masks:
            seen["m"] = cell_mask(torch.ones_like(x, dtype=torch.bool) if mask is None else mask, self.schema)
        return {"x": x if mask is None else Partial(x, mask), **seen, **beside}

    def blocks(self, source: Source, *, pattern: bool = True, labels: bool = False) -> Iterator[Batch]:
        """`batch` of some rows at a time: one-hot cells of all of them may be a thousand times as large as the table.

        Arguments:
            source, pattern, labels: as in `batch`.
        """
        step = max(1, min(_BLOCK, _CELLS // max(1, self.schema.event_shape[0])))
        if len(source) <= step or self.schema.kind != "table" or not self.config.missing:
            yield self.batch(source, pattern=pattern, labels=labels)
            return
        compact = encode_compact(self.schema, source, self.unseen)
        beside = beside_of(self.schema, source, self.unseen, _BESIDE[labels])
        for rows in (slice(start, start + step) for start in range(0, len(source), step)):
            x, mask = compact.expand(
                compact.codes[rows], None if compact.mask is None else compact.mask[rows]
            )
            yield self._batch(x, mask, take_rows(beside, rows), pattern)

    def embed(self, source: Source) -> np.ndarray[Any, Any]:
        """Posterior means of the latents, (rows, latent features); deterministic."""
        summed = self.recipe.enumerate
        found = [embed(self.model, batch, enumerate=summed) for batch in self.blocks(source)]
        return np.asarray(torch.cat(found).cpu().numpy())

    def sample(self, rows: int, seed: int = 0, *, means: bool = False, like: Source | None = None) -> Any:
        """Draws x ~ p(x) in input units, array or pyarrow table; with `means` E[x | z] at the drawn z.

        Arguments:
            rows: how many.
            seed: of the draws.
            means: whether means are wanted.
            like: rows whose conditions the draws are given, one after the other and over again, where there are some.

        Raises:
            DataError: when rows are given columns and nothing says which values.
        """
        found = self.draw(rows, seed, like)
        decoded = self.decode(found.mean if means else found.x, means=means)
        return self.beside_label(decoded, found)

    def draw(self, rows: int, seed: int = 0, like: Source | None = None) -> Drawn:
        """Encoded draws and the means of the distributions they were drawn from; see `sample`."""
        return draw_rows(self.model, rows, seed, self.conditions_of(like, rows))

    def beside_label(self, decoded: Any, drawn: Drawn) -> Any:
        """Decoded rows with the label they were drawn with, where there is a column of labels."""
        if drawn.label is None or "y" not in self.schema.beside:
            return decoded
        return with_label(self.schema, decoded, drawn.label)

    def conditions_of(self, like: Source | None, rows: int) -> dict[str, Tensor]:
        """What so many rows are given: that of other rows over and over again; empty where rows are given nothing.

        Raises:
            DataError: when there are no such rows, and some are wanted.
        """
        if "c" not in self.schema.beside:
            return {}
        if like is None:
            names = [feature.name for feature in self.schema.beside["c"].features]
            raise DataError(
                f"rows are given {listing(names)}: say of which values, with --given column=value"
            )
        found = beside_of(self.schema, like, self.unseen, ("c",))["c"]
        assert isinstance(found, Tensor)
        return {"c": found[torch.arange(rows) % len(found)]}

    def reconstruct(self, source: Source, *, draw: bool = False, seed: int = 0) -> Any:
        """E[x | z] at the posterior means, or a draw x ~ p(x | z ~ q), in input units."""
        found = reconstruct(self.model, self.batch(source), draw=draw, seed=seed)
        return self.decode(found["x"], means=not draw)

    def score(self, source: Source, samples: int = SCORE_SAMPLES) -> np.ndarray[Any, Any]:
        """Importance-weighted log-density of each row, nats, in input units; deterministic.

        Of a row with holes half the draws are the prior's: of what is not seen it may know more than the encoder.
        """
        found = [self._log_density(batch, samples) for batch in self.blocks(source)]
        return np.asarray(torch.cat(found).cpu().double().numpy())

    def standing(self, source: Source, samples: int = 16) -> np.ndarray[Any, Any]:
        """See `anyvae.inference.standing`, of each row: nats without units, low for outliers; deterministic."""
        summed = self.recipe.enumerate
        found = [standing(self.model, batch, samples, enumerate=summed) for batch in self.blocks(source)]
        return np.asarray(torch.cat(found).cpu().double().numpy())

    def holds_unseen(self, source: Source) -> np.ndarray[Any, Any]:
        """Which rows of a table hold a value that no row of the fit held, bool, (rows,)."""
        return unseen_rows(self.schema, source)

    def _log_density(
        self,
        batch: Batch,
        samples: int,
        *,
        precision: torch.dtype | None = None,
        pools: Pools | None = None,
    ) -> Tensor:
        """The estimate that every score and every evaluation is made of, shape (rows,)."""
        x, summed = batch["x"], self.recipe.enumerate
        of = partial(log_likelihood, self.model, samples=samples, precision=precision, pools=pools)
        if not isinstance(x, Partial) or summed:
            return of(batch, enumerate=summed)
        whole = x.mask.flatten(1).all(1)
        found = self.model.zeros((len(whole),))
        for rows, prior in ((whole, 0.0), (~whole, 0.5)):
            if not rows.any():
                continue
            part = take_rows(batch, rows)
            if not prior:
                part["x"] = x.value[rows]
            found[rows] = of(part, prior=prior)
        return found

    def sample_given(
        self, rows: int, given: Mapping[str, Any], seed: int = 0, *, means: bool = False
    ) -> tuple[Any, float]:
        """See `anyvae.runs.given.sample_given`."""
        return sample_given(self, rows, given, seed=seed, means=means)

    def impute(self, source: Source, draws: int | None = None, seed: int = 0) -> Any:
        """Rows with their holes filled by means and most probable values; with `draws`, a list of joint draws."""
        return (
            fill(self, source, seed=seed) if draws is None else fill_by_draws(self, source, draws, seed=seed)
        )

    def explain(self, source: Source, samples: int = 256) -> np.ndarray[Any, Any]:
        """log p(x_j | the other cells), (rows, columns), nats; see `anyvae.runs.conditional.explain`."""
        return np.asarray(explain(self, source, samples=samples))

    def predict(self, source: Source, column: str) -> tuple[list[Any], np.ndarray[Any, Any]]:
        """Classes of a column and their probabilities given the other cells of each row, (rows, classes)."""
        if column == self.label:
            return label_probabilities(self, source)
        return class_probabilities(self, source, column)

    def clusters(self, source: Source) -> np.ndarray[Any, Any]:
        """Probabilities of the clusters of each row, (rows, clusters); deterministic.

        Raises:
            DataError: when the model has no clusters.
        """
        recipe = self.recipe
        if recipe.clusters is None:
            raise DataError(
                f"the recipe {recipe.name} has no clusters: say how many to look for, or fit gmvae"
            )
        name, summed = recipe.clusters[0], recipe.enumerate
        found = [class_mean(self.model, batch, name, enumerate=summed) for batch in self.blocks(source)]
        return np.asarray(torch.cat(found).cpu().double().numpy())

    @property
    def label(self) -> str | None:
        """The column that is modelled as the label of a row; None where there is none."""
        return self.schema.beside["y"].features[0].name if "y" in self.schema.beside else None

    def decode(self, x: Tensor, *, means: bool = False) -> Any:
        """Encoded rows in input units."""
        return decode(self.schema, x.cpu(), means=means)

    def evaluate(self, source: Source, samples: int | None = None) -> dict[str, Any]:
        """Bounds, importance-weighted log-likelihood, active units and KL per latent, in nats per row."""
        return self.evaluate_batch(self.batch(source), samples)

    def evaluate_batch(self, batch: Batch, samples: int | None = None) -> dict[str, Any]:
        """As `evaluate`, of encoded rows; "latents" are the names of the features of "kl_per_latent"."""
        x = batch["x"]
        rows = len(x.value if isinstance(x, Partial) else x)
        recipe = self.recipe
        if samples is None:
            samples = evaluation_samples(self.model, batch, recipe.enumerate)
        use = latent_use(self.model, batch).without(recipe.enumerate)
        if not use.scale.any() and not (isinstance(x, Partial) and not x.mask.all()):
            samples = 1  # a certain posterior draws the same value every time
        precision = torch.bfloat16 if self.config.precision == "bf16" else None
        bound = self.bound(batch)
        estimate = self._log_density(batch, samples, precision=precision)
        kl = kl_of_variables(bound)
        return {
            "rows": rows,
            "elbo": float(bound.elbo.double().mean()),
            "elbo_standard_error": _standard_error(bound.elbo),
            "reconstruction": float(bound.log_likelihood.double().mean()),
            "kl": sum(kl.values()),
            "kl_per_variable": kl,
            "log_likelihood": float(estimate.double().mean()),
            "log_likelihood_standard_error": _standard_error(estimate),
            "samples": samples,
            "active_units": active_units(use.relative_mean),
            "latents": latent_names(use.names),
            "kl_per_latent": [round(value, 6) if value == value else None for value in use.kl.tolist()],
        }

    def bound(self, batch: Batch) -> Bound:
        """The bound of encoded rows, over as many draws as so many rows leave time for."""
        x = batch["x"]
        rows = len(x.value if isinstance(x, Partial) else x)
        draws = max(1, min(16, 20_000 // rows))
        return evaluate_bound(self.model, batch, draws, enumerate=self.recipe.enumerate)

    def save(self, folder: str | Path) -> None:
        """Write config.json, schema.json and model.safetensors.

        Raises:
            DataError: when the folder cannot be written.
        """
        files = RunFiles(folder)
        write_file(files.config, self.config.to_json())
        write_file(files.schema, self.schema.to_json())
        try:
            save_tensors(files.model, _single(self.model.state_dict()), {"version": self.config.version})
        except OSError as error:
            raise DataError(
                f"{files.model} cannot be written ({error.strerror or error}): free space"
            ) from None


def _single(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights in the precision in which they were fitted, whatever they are asked in."""
    return {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}


def _standard_error(values: Tensor) -> float:
    return float(values.double().std() / len(values) ** 0.5) if len(values) > 1 else float("nan")
