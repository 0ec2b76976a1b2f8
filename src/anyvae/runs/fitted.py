"""A fitted model with its schema: every question is asked, and answered, in the units of the input."""

from __future__ import annotations

from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from anyvae.data import Compact, DataError, Encoded, Schema, Source, decode, encode
from anyvae.inference import embed, evaluate_bound, log_likelihood, reconstruct
from anyvae.inference.generate import generate
from anyvae.metrics import active_units, latent_use
from anyvae.model import Batch, LatentVariableModel, Partial
from anyvae.recipes import find_recipe, likelihood_of
from anyvae.runs.config import RunConfig, RunFiles, write_file
from anyvae.training import CheckpointError, load_tensors, save_tensors

__all__ = ["FittedModel", "evaluation_samples", "load"]

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
    """

    def __init__(self, model: LatentVariableModel, schema: Schema, config: RunConfig) -> None:
        self.model = model
        self.schema = schema
        self.config = config

    def batch(self, source: Source) -> Batch:
        """Rows as the model sees them; grey values of binarised sources are drawn once, with seed 0."""
        encoded = encode(self.schema, source)
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
            return {"x": Partial(x, mask)}
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
            save_tensors(files.model, dict(self.model.state_dict()), {"version": self.config.version})
        except OSError as error:
            raise DataError(
                f"{files.model} cannot be written ({error.strerror or error}): free space"
            ) from None


def load(folder: str | Path) -> FittedModel:
    """The fitted model of a run folder; nothing in it is executed.

    Arguments:
        folder: what `anyvae fit --out` wrote.

    Raises:
        DataError: when the folder is no run, or a file of it is missing or damaged.
    """
    files = RunFiles(folder)
    config = files.read_config()
    if not files.schema.is_file():
        raise DataError(f"{files.folder} holds no schema.json: fit anew")
    if not files.model.is_file():
        raise DataError(f"{files.folder} holds no model.safetensors: fit anew")
    try:
        schema = Schema.from_json(files.schema.read_bytes())
        model = build(config, schema)
    except (ValueError, LookupError, RuntimeError, TypeError, OverflowError) as error:
        # Both files are well-formed, so it is their values that no model can have.
        raise DataError(f"{files.folder} is damaged: its model cannot be built ({error}): fit anew") from None
    try:
        tensors, _ = load_tensors(files.model)
        model.load_state_dict(tensors)
    except (CheckpointError, RuntimeError) as error:
        first = str(error).splitlines()[-1].strip()
        raise DataError(f"{files.model} cannot be loaded ({first}): fit anew") from None
    model.eval()
    return FittedModel(model, schema, config)


def build(config: RunConfig, schema: Schema, encoded: Encoded | Compact | None = None) -> LatentVariableModel:
    """The model that a configuration describes, with fresh weights; `encoded` rows start its biases."""
    if encoded is None:
        encoded = Encoded(torch.zeros((1, *schema.event_shape)), None, schema.binarise)
    likelihood = likelihood_of(schema, encoded)
    if likelihood.missing != config.missing:
        likelihood = type(likelihood)(
            likelihood.family, likelihood.log_unit, likelihood.start, config.missing
        )
    return find_recipe(config.recipe).build(likelihood, config.latent_features)


def _standard_error(values: Tensor) -> float:
    return float(values.double().std() / len(values) ** 0.5) if len(values) > 1 else float("nan")
