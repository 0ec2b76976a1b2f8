"""Gathers what the report shows of a fitted model."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Size, Tensor
from torch.distributions import constraints

import anyvae
from anyvae.conditionals.combinator import words
from anyvae.conditionals.supports import support_of, within
from anyvae.data import LABEL, DataError, Source, aside_of
from anyvae.distributions import Flowed, StandardNormal
from anyvae.inference import at_means, evaluating, mean, reconstruct, seeded
from anyvae.metrics import LatentUse, code_use, latent_use
from anyvae.model import Batch, LatentVariableModel, Partial, Trace
from anyvae.report import Findings
from anyvae.runs.fitted import FittedModel
from anyvae.runs.gather_groups import groups_of, layers_of
from anyvae.runs.gather_table import rows_fitted, table_findings
from anyvae.runs.named import how_drawn, kl_of_variables, latent_names

__all__ = ["findings_of"]

_PICTURED = 10
_TABULATED = 500
_PLOTTED = 5000
_PRIOR_DRAWS = 20_000


def findings_of(
    fitted: FittedModel,
    held_out: Source,
    metrics: Mapping[str, Any],
    history: dict[str, np.ndarray[Any, Any]],
    fitted_rows: Source | None = None,
) -> Findings:
    """Everything the report shows: draws, means, traversals, posteriors, settings.

    Arguments:
        fitted: the model.
        held_out: rows to show and to place in the latent plane.
        metrics: contents of metrics.json.
        history: evaluations of the fit, by column; empty where unknown.
        fitted_rows: what the model was fitted to; None reads a table again where the fit found it.
    """
    schema, config, model = fitted.schema, fitted.config, fitted.model
    shown = held_out.some(_PICTURED if schema.image else _TABULATED)
    plotted = held_out.some(_PLOTTED)
    drawn = fitted.draw(2 * len(shown) if schema.image else len(shown), seed=config.seed, like=shown)
    recipe = fitted.recipe
    use = latent_use(model, fitted.batch(plotted)).without(recipe.enumerate)
    order = use.kl.argsort(descending=True)
    notes = list(config.notes)
    table = None
    if schema.kind == "table":
        try:
            table = table_findings(fitted, held_out, fitted_rows or rows_fitted(fitted), notes)
        except DataError as error:
            notes.append(
                f"the rows fitted cannot be read again, so draws are not compared with them: {error}"
            )
    shares = not bool(use.kl.isnan().any())
    if not shares:
        notes.append(
            "the latents have a KL only together and none can be moved alone: there are no bars and traversals of "
            "single latents, and they are shown in standard deviations of the prior"
        )
    beside = aside_of(shown)
    conditions = {
        column: np.asarray(beside[column].to_numpy(zero_copy_only=False)) for column in _given_columns(fitted)
    }
    likelihood, ancestry = how_drawn(model, {"c": ", ".join(conditions)})
    name = Path(config.source).name
    return Findings(
        title=f"{config.recipe} on {name}",
        source=name,
        recipe=config.recipe,
        notes=notes,
        settings=_settings(fitted, metrics, model.trace(fitted.batch(shown.take(np.arange(1)))))
        | _codes(model, fitted.batch(plotted)),
        features=_features(fitted),
        history=history,
        metrics=dict(metrics),
        kl_per_latent=use.kl.cpu().numpy(),
        latent_mean=use.relative_mean.cpu().numpy(),
        latent_scale=(use.scale / use.prior_scale).cpu().numpy(),
        labels=plotted.labels,
        label_use=_label_use(fitted),
        image_shape=tuple(schema.input_shape) if schema.image else None,
        # As it was given: encoded, a hole would be the mean or the first category. Means of 0 or 1 are drawn.
        observed=_rows(fitted, _observed(fitted.batch(shown)))
        if schema.binarise
        else _columns(shown.table if shown.array is None else shown.array),
        reconstructed_mean=_columns(fitted.reconstruct(shown)),
        reconstructed_draw=_columns(fitted.reconstruct(shown, draw=True, seed=config.seed)),
        sampled=_rows(fitted, drawn.x),
        sampled_mean=_rows(fitted, drawn.mean, means=True),
        traversals=[(int(index), _traverse(fitted, int(index), use.names, shown)) for index in order[:8]]
        if shares
        else [],
        noise=_noise(fitted, held_out),
        standard_prior=_standard_prior(fitted, use.names),
        prior_draws=_prior_draws(fitted, use),
        table=table,
        latent_names=latent_names(use.names),
        groups=groups_of(fitted, plotted, _columns),
        layers=layers_of(fitted, use),
        likelihood=likelihood,
        ancestry=ancestry,
        conditions=conditions,
        class_kl={
            name: nats
            for name, nats in kl_of_variables(fitted.bound(fitted.batch(plotted))).items()
            if name in recipe.enumerate
        }
        if recipe.enumerate
        else {},
    )


def _label_use(fitted: FittedModel) -> Literal["unfitted", "fitted", "given"]:
    """What the model had of the labels that colour the latent plane."""
    if "y" in fitted.schema.beside:
        return "fitted"
    name = fitted.config.label or (LABEL if fitted.schema.kind == "array" else None)
    return "given" if name in _given_columns(fitted) else "unfitted"


def _given_columns(fitted: FittedModel) -> list[str]:
    """Columns that rows are given."""
    return [feature.name for feature in fitted.schema.beside["c"].features] if fitted.recipe.given else []


def _observed(batch: Batch) -> Tensor:
    x = batch["x"]
    return x.value if isinstance(x, Partial) else x


def _rows(fitted: FittedModel, x: Tensor, *, means: bool = False) -> Any:
    return _columns(fitted.decode(x, means=means))


def _columns(decoded: Any) -> Any:
    if isinstance(decoded, np.ndarray):
        return decoded
    return {name: np.asarray(decoded[name].to_numpy(zero_copy_only=False)) for name in decoded.column_names}


def _traverse(fitted: FittedModel, index: int, names: Sequence[str], shown: Source) -> Any:
    """Means of rows while one latent feature goes from -3 to 3 standard deviations of its prior, all else at its mean.

    What hangs on the latent follows it; what it hangs on is at its mean, and conditions are those of the first row.
    """
    given = fitted.conditions_of(shown.take(np.arange(1)), 9)
    values, priors = at_means(fitted.model, 9, given)
    name = names[index]
    index -= names.index(name)
    try:
        spread = priors[name].stddev.expand_as(values[name])
    except NotImplementedError:  # of an autoregressive prior, for one
        spread = torch.ones_like(values[name])
    z = values[name].flatten(1).clone()
    z[:, index] += torch.linspace(-3.0, 3.0, 9) * spread.flatten(1)[:, index]
    moved = mean(fitted.model, {name: z.view_as(values[name]), **given})
    return _rows(fitted, moved["x"], means=True)


def _standard_prior(fitted: FittedModel, names: Sequence[str]) -> bool:
    """Whether each of these latents has the prior N(0, I)."""
    parts = [fitted.model.generative_parts[name] for name in dict.fromkeys(names)]
    return all(not part.parents and isinstance(part(), StandardNormal) for part in parts)


def _prior_draws(fitted: FittedModel, use: LatentUse) -> np.ndarray[Any, Any] | None:
    """Draws of a prior of real numbers without parents, in its standard deviations; None of others and of N(0, I)."""
    names = list(dict.fromkeys(use.names))
    parts = [fitted.model.generative_parts[name] for name in names]
    if _standard_prior(fitted, names) or any(part.parents for part in parts):
        return None
    with seeded(fitted.config.seed), evaluating(fitted.model):
        priors = [part() for part in parts]
        if not all(within(support_of(prior), constraints.real) for prior in priors):
            return None
        drawn = torch.cat([prior.sample(Size((_PRIOR_DRAWS,))).flatten(1) for prior in priors], 1)
    return np.asarray(((drawn - use.prior_mean) / use.prior_scale).cpu().numpy())


def _noise(fitted: FittedModel, rows: Source) -> dict[str, float]:
    """What reconstructions of an array leave over, and how rows spread around their mean, in input units."""
    if fitted.schema.kind != "array" or fitted.schema.features[0].kind == "binary":
        return {}
    batch = fitted.batch(rows.some(_TABULATED))
    centre = reconstruct(fitted.model, batch)["x"]
    observed = _observed(batch)
    given = torch.ones_like(observed) if not isinstance(batch["x"], Partial) else batch["x"].mask.to(observed)
    left = ((observed - centre).square() * given).sum() / given.sum()
    counts = given.sum(0)
    middle = (observed * given).sum(0) / counts.clamp(min=1)
    # Of each element around its own mean: what differs between elements, no latent has to tell.
    spread = ((observed - middle).square() * given).sum() / (counts - 1).clamp(min=0).sum().clamp(min=1)
    scale = fitted.schema.features[0].scale
    return {"noise_scale": float(left.sqrt()) * scale, "data_scale": float(spread.sqrt()) * scale}


def _codes(model: LatentVariableModel, batch: Batch) -> dict[str, str | int | float]:
    """How many codes of each quantised latent are in use."""
    found: dict[str, str | int | float] = {}
    for name in model.latents:
        try:
            use = code_use(model, batch, name)
        except ValueError:
            continue
        found[f"codes of {name} in use"] = ", ".join(map(str, use.used.tolist()))
        found[f"perplexity of the codes of {name}"] = ", ".join(
            f"{value:.1f}" for value in use.perplexity.tolist()
        )
    return found


def _features(fitted: FittedModel) -> list[dict[str, Any]]:
    return [
        {
            "name": feature.name,
            "kind": "constant" if feature.constant is not None else feature.kind,
            "likelihood": feature.likelihood,
            "detail": feature.detail(),
        }
        for feature in fitted.schema.features
    ]


def _settings(fitted: FittedModel, metrics: Mapping[str, Any], trace: Trace) -> dict[str, str | int | float]:
    config, model = fitted.config, fitted.model
    exact_kls = {name: trace.kl(name) is not None for name in model.latents}
    training, machine = metrics.get("training", {}), metrics.get("machine", {})
    found: dict[str, str | int | float | None] = {
        "rows": training.get("rows"),
        "latent features": config.latent_features,
        "weights": sum(parameter.numel() for parameter in model.parameters()),
        **{f"q({name})": words(part) for name, part in model.inference_parts.items()},
        **{f"p({name})": words(part) for name, part in model.generative_parts.items()},
        **{
            f"moments of q({name})": "averages over fixed noise; KLs and curves per latent are of normals with them"
            for name in model.latents
            if isinstance(trace.q(name), Flowed)
        },
        **{f"KL of {name}": "exact" if exact else "sampled" for name, exact in exact_kls.items()},
        "steps": training.get("steps"),
        "epochs": None
        if not training
        else round(training["steps"] / -(-training["rows"] // config.batch_size), 1),
        "weights kept from step": training.get("best_step"),
        "ended by": training.get("ended"),
        "seconds": training.get("seconds"),
        "batch size": config.batch_size,
        "learning rate, peak": config.learning_rate,
        "precision": config.precision,
        "seed": config.seed,
        "threads": machine.get("threads", torch.get_num_threads()),
        "anyvae": anyvae.__version__,
        "torch": machine.get("torch", torch.__version__),
        "Python": machine.get("python", platform.python_version()),
    }
    return {name: value for name, value in found.items() if value is not None}
