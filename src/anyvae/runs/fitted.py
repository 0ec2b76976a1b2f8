"""A fitted model with its schema: every question is asked, and answered, in the units of the input."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from anyvae.data import DataError, Schema, Source, decode, encode
from anyvae.data.encode import Unseen
from anyvae.inference import embed, evaluate_bound, log_likelihood, reconstruct
from anyvae.inference.generate import generate
from anyvae.metrics import active_units, latent_use
from anyvae.model import Batch, LatentVariableModel, Partial
from anyvae.recipes import find_recipe
from anyvae.runs.conditional import class_probabilities, explain, fill, fill_by_draws, sample_given
from anyvae.runs.config import RunConfig, RunFiles, write_file
from anyvae.training import save_tensors

__all__ = ["FittedModel", "cell_mask", "evaluation_samples"]

_DECODED = 2_000_000
"""Decoder passes that an evaluation spends unless told otherwise."""


def evaluation_samples(rows: int, samples: int | None = None) -> int:
    """Samples of an importance-weighted estimate: 5,000, or as many as two million decoder passes allow.

    >>> evaluation_samples(200), evaluation_samples(10_000), evaluation_samples(10_000, 5000)
    (5000, 200, 5000)
    """
    return samples if samples is not None else max(50, min(5000, _DECODED // rows))


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

    def batch(self, source: Source, unseen: Unseen | None = None, *, pattern: bool = True) -> Batch:
        """Rows as the model sees them; grey values of binarised sources are drawn once, with seed 0.

        Arguments:
            source: the rows.
            unseen: as of the class where None.
            pattern: whether which cells are seen is given too, where the model has a word on it.
        """
        encoded = encode(self.schema, source, unseen or self.unseen)
        if encoded.mask is not None and not self.config.missing:
            raise DataError(
                f"{source.name} has missing cells, but the model was fitted on complete rows: "
                "fill or drop them, or fit on rows with holes"
            )
        x = encoded.x
        if encoded.binarise:
            x = torch.bernoulli(x, generator=torch.Generator().manual_seed(0))
        if self.config.missing:
            mask = torch.ones_like(x, dtype=torch.bool) if encoded.mask is None else encoded.mask
            seen = (
                {"m": cell_mask(mask, self.schema)}
                if pattern and find_recipe(self.config.recipe).masks
                else {}
            )
            return {"x": Partial(x, mask), **seen}
        return {"x": x}

    def embed(self, source: Source) -> np.ndarray[Any, Any]:
        """Posterior means of the latents, (rows, latent features); deterministic."""
        return np.asarray(embed(self.model, self.batch(source)).cpu().numpy())

    def sample(self, rows: int, seed: int = 0, *, means: bool = False) -> Any:
        """Draws x ~ p(x) in input units, array or pyarrow table; with `means` E[x | z] at the drawn z."""
        return self.decode(self.draw(rows, seed)[1 if means else 0], means=means)

    def draw(self, rows: int, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Encoded draws and the means of the distributions they were drawn from."""
        shape = (rows, *self.schema.event_shape)
        drawn, means = (
            torch.empty(shape),
            torch.empty(shape),
        )  # at once: too many rows fail now, not in an hour
        for block, start in enumerate(range(0, rows, 4096)):
            end = min(rows, start + 4096)
            values, distributions = generate(self.model, end - start, seed=seed + 1_000_003 * block)
            drawn[start:end], means[start:end] = values["x"], distributions["x"].mean
        return drawn, means

    def reconstruct(self, source: Source, *, draw: bool = False, seed: int = 0) -> Any:
        """E[x | z] at the posterior means, or a draw x ~ p(x | z ~ q), in input units."""
        found = reconstruct(self.model, self.batch(source), draw=draw, seed=seed)
        return self.decode(found["x"], means=not draw)

    def score(self, source: Source, samples: int = 128) -> np.ndarray[Any, Any]:
        """Importance-weighted log-density of each row, nats, in input units; deterministic."""
        return np.asarray(log_likelihood(self.model, self.batch(source), samples).cpu().double().numpy())

    def sample_given(self, rows: int, given: Mapping[str, Any], seed: int = 0) -> tuple[Any, float]:
        """See `anyvae.runs.conditional.sample_given`."""
        return sample_given(self, rows, given, seed=seed)

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
        return class_probabilities(self, source, column)

    def decode(self, x: Tensor, *, means: bool = False) -> Any:
        """Encoded rows in input units."""
        return decode(self.schema, x.cpu(), means=means)

    def evaluate(self, source: Source, samples: int | None = None) -> dict[str, Any]:
        """Bounds, importance-weighted log-likelihood, active units and KL per latent, in nats per row."""
        return self.evaluate_batch(self.batch(source), samples)

    def evaluate_batch(self, batch: Batch, samples: int | None = None) -> dict[str, Any]:
        """As `evaluate`, of encoded rows."""
        x = batch["x"]
        rows = len(x.value if isinstance(x, Partial) else x)
        samples = evaluation_samples(rows, samples)
        use = latent_use(self.model, batch)
        if not use.scale.any():
            samples = 1  # a certain posterior draws the same value every time
        precision = torch.bfloat16 if self.config.precision == "bf16" else None
        bound = evaluate_bound(self.model, batch, max(1, min(16, 20_000 // rows)))
        estimate = log_likelihood(self.model, batch, samples, precision=precision)
        kl = float(sum(part.double().mean() for part in bound.kl.values()))
        return {
            "rows": rows,
            "elbo": float(bound.elbo.double().mean()),
            "elbo_standard_error": _standard_error(bound.elbo),
            "reconstruction": float(bound.log_likelihood.double().mean()),
            "kl": kl,
            "log_likelihood": float(estimate.double().mean()),
            "log_likelihood_standard_error": _standard_error(estimate),
            "samples": samples,
            "active_units": active_units(use.relative_mean),
            "kl_per_latent": [round(value, 6) if value == value else None for value in use.kl.tolist()],
        }

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


def cell_mask(mask: Tensor, schema: Schema) -> Tensor:
    """Which cells are seen, one number for each column that is encoded, shape (rows, columns).

    Arguments:
        mask: of elements, shape (rows, width).
        schema: of the table.
    """
    widths = torch.tensor(schema.widths)
    return mask[:, widths.cumsum(0) - widths].float()


def _single(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights in the precision in which they were fitted, whatever they are asked in."""
    return {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}


def _standard_error(values: Tensor) -> float:
    return float(values.double().std() / len(values) ** 0.5) if len(values) > 1 else float("nan")
