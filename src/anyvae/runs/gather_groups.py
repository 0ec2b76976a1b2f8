"""What the report shows of classes, clusters and layers of latents."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from anyvae.data import Source, aside_of
from anyvae.inference import at_means, class_mean, mean, posterior, sample
from anyvae.metrics import LatentUse
from anyvae.report import GroupFindings, LayerFindings
from anyvae.runs.fitted import FittedModel

__all__ = ["groups_of", "layers_of"]

_EXEMPLARS = 5
_DRAWS_OF_TABLES = 500
_PICTURED_LAYERS = 10
_ACTIVE_KL = 0.01


def groups_of(fitted: FittedModel, held_out: Source, columns: Any) -> GroupFindings | None:
    """Classes or clusters of the model; None where it has none.

    Arguments:
        fitted: the model.
        held_out: rows that it never saw.
        columns: makes rows to show of decoded ones.
    """
    recipe, schema = fitted.recipe, fitted.schema
    if "y" in schema.beside:
        name, labels = "y", True
        [feature] = schema.beside["y"].features
        names = list(feature.categories)
    elif recipe.clusters is not None:
        name, labels = recipe.clusters[0], False
        names = [str(k) for k in range(fitted.model.shapes[name].numel())]
    else:
        return None
    shares = class_mean(fitted.model, fitted.batch(held_out), name, enumerate=recipe.enumerate)
    best = shares.argmax(1)
    exemplars, draws = [], []
    count = _EXEMPLARS if schema.image else _DRAWS_OF_TABLES
    for k in range(shares.shape[1]):
        own = shares[:, k] * (best == k)
        surest = own.argsort(descending=True)[:_EXEMPLARS]
        surest = surest[own[surest] > 0]
        exemplars.append(columns(_given(fitted, held_out, surest)))
        draws.append(columns(_draws(fitted, name, k, count, held_out)))
    return GroupFindings(
        labels=labels,
        names=[f"{feature.name} = {each}" for each in names]
        if labels
        else [f"cluster {each}" for each in names],
        shares=(torch.bincount(best, minlength=len(names)) / len(best)).tolist(),
        exemplars=exemplars,
        draws=draws,
        accuracy=_accuracy(fitted, held_out, names, best) if labels else float("nan"),
        analogies=_analogies(fitted, held_out, best) if labels and schema.image else None,
    )


def _analogies(fitted: FittedModel, held_out: Source, best: Tensor) -> Any:
    """Some rows, each followed by the mean of every class in its style; None where the class is no latent."""
    model = fitted.model
    if "y" not in model.inference_parts:
        return None
    rows = held_out.take(np.arange(min(len(held_out), _EXEMPLARS)))
    classes = torch.eye(model.shapes["y"].numel())
    batch = {**fitted.batch(rows), "y": classes[best[: len(rows)]]}
    # The style is what does not hang on the class: a latent that does is made anew for each of them.
    style = {
        name: q.mean.expand(len(rows), *q.event_shape)
        for name, q in posterior(model, batch).items()
        if "y" not in [parent.name for parent in model.generative_parts[name].parents]
    }
    given = {name: value.repeat_interleave(len(classes), 0) for name, value in style.items()}
    made = mean(model, {**given, "y": classes.repeat(len(rows), 1)})["x"]
    pictures = np.asarray(fitted.decode(made, means=True), dtype=float)
    assert rows.array is not None
    shape = rows.array.shape[1:]
    whole = [rows.array[:, None].astype(float), pictures.reshape(len(rows), len(classes), *shape)]
    return np.concatenate(whole, 1).reshape(-1, *shape)


def layers_of(fitted: FittedModel, use: LatentUse) -> list[LayerFindings]:
    """The layers of a hierarchy from the top; empty where there is one latent, or none above another.

    Arguments:
        fitted: the model.
        use: of its latents by held-out rows.
    """
    model = fitted.model
    order = [name for name in model.generative_parts if name in use.names]
    if len(order) < 2 or fitted.schema.beside or fitted.recipe.clusters is not None:
        return []
    found = []
    for place, name in enumerate(order):
        kept = [index for index, other in enumerate(use.names) if other == name]
        found.append(
            LayerFindings(
                name=name,
                size=len(kept),
                # Where the prior of a layer moves with those above, its posterior means move too and tell nothing new.
                active=int((use.kl[kept] > _ACTIVE_KL).sum()),
                kl=float(use.kl[kept].sum()),
                draws=_layer(fitted, order[:place]) if fitted.schema.image else None,
            )
        )
    return found


def _layer(fitted: FittedModel, held: list[str]) -> Any:
    """Means of rows that share one draw of the layers in `held`."""
    model, seed = fitted.model, fitted.config.seed
    one = sample(model, 1, held, seed=seed) if held else {}
    given = {name: value.expand(_PICTURED_LAYERS, *value.shape[1:]) for name, value in one.items()}
    latents = [name for name in model.latents if name in model.generative_parts]
    drawn = sample(model, _PICTURED_LAYERS, latents, seed=seed + 1, given=given)
    values, _ = at_means(model, _PICTURED_LAYERS, drawn)
    return np.asarray(fitted.decode(values["x"], means=True))


def _draws(fitted: FittedModel, name: str, k: int, count: int, like: Source) -> Any:
    """Rows drawn of one class or cluster, in the units of the input."""
    model = fitted.model
    if name in model.inference_parts:
        given = fitted.conditions_of(like, count)
        label = torch.zeros(count, model.shapes[name].numel())
        label[:, k] = 1.0
        return fitted.decode(sample(model, count, ["x"], seed=k, given={name: label, **given})["x"])
    # The class hangs on latents: rows are drawn with theirs, and those of it kept.
    drawn: list[Tensor] = []
    for attempt in range(20):
        values = sample(model, 20 * count, ["x", name], seed=1000 * attempt + k)
        drawn.append(values["x"][values[name][:, k] > 0])
        if sum(map(len, drawn)) >= count:
            break
    return fitted.decode(torch.cat(drawn)[:count])


def _given(fitted: FittedModel, rows: Source, places: Tensor) -> Any:
    """Some rows as they were given."""
    some = rows.take(places.numpy())
    return some.array if some.array is not None else some.table


def _accuracy(fitted: FittedModel, rows: Source, names: list[str], best: Tensor) -> float:
    """Share of the rows with a known label that are put in their class."""
    told = aside_of(rows)[fitted.label].to_pylist()
    known = [
        (str(label), names[k]) for label, k in zip(told, best.tolist(), strict=True) if label is not None
    ]
    return float(np.mean([label == name for label, name in known])) if known else float("nan")
