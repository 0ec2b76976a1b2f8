"""What the report shows of classes, clusters, given values and layers of latents."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from anyvae.data import Feature, Source, aside_of, some_rows
from anyvae.inference import at_means, class_mean, mean, posterior, sample
from anyvae.metrics import LatentUse
from anyvae.report import GroupFindings, LayerFindings
from anyvae.runs.fitted import FittedModel

__all__ = ["groups_of", "layers_of"]

_EXEMPLARS = 5
_DRAWS_OF_TABLES = 500
_PICTURED_LAYERS = 10
_MOST_VALUES = 20
_CATEGORIES = ("binary", "categorical", "ordinal")
_ACTIVE_KL = 0.01


def groups_of(fitted: FittedModel, held_out: Source, columns: Any) -> list[GroupFindings]:
    """Classes, clusters and experts of the model, and values that its rows are given; empty where it has none.

    Arguments:
        fitted: the model.
        held_out: rows that it never saw.
        columns: makes rows to show of decoded ones.
    """
    recipe, schema = fitted.recipe, fitted.schema
    found = []
    if "y" in schema.beside:
        [feature] = schema.beside["y"].features
        names = [f"{feature.name} = {each}" for each in feature.categories]
        found.append(_inferred(fitted, held_out, columns, "y", "class", names))
    if recipe.clusters is not None:
        name, keyword = recipe.clusters
        kind: Literal["cluster", "expert"] = "expert" if keyword == "experts" else "cluster"
        names = [f"{kind} {k}" for k in range(fitted.model.shapes[name].numel())]
        found.append(_inferred(fitted, held_out, columns, name, kind, names))
    if "c" in schema.beside:
        given = [feature for feature in schema.beside["c"].features if feature.kind in _CATEGORIES]
        found += [
            _given_values(fitted, held_out, columns, feature) for feature in given if feature.constant is None
        ]
    return found


def _inferred(
    fitted: FittedModel,
    held_out: Source,
    columns: Any,
    name: str,
    kind: Literal["class", "cluster", "expert"],
    names: list[str],
) -> GroupFindings:
    """The groups that a variable of the model puts rows into."""
    shares = class_mean(fitted.model, fitted.batch(held_out), name, enumerate=fitted.recipe.enumerate)
    best = shares.argmax(1)
    exemplars, draws = [], []
    count = _EXEMPLARS if fitted.schema.image else _DRAWS_OF_TABLES
    for k in range(shares.shape[1]):
        own = shares[:, k] * (best == k)
        surest = own.argsort(descending=True)[:_EXEMPLARS]
        surest = surest[own[surest] > 0]
        exemplars.append(columns(_as_given(held_out, surest.numpy())))
        draws.append(columns(_draws(fitted, name, k, count, held_out)))
    labels = kind == "class"
    return GroupFindings(
        kind=kind,
        names=names,
        shares=(torch.bincount(best, minlength=len(names)) / len(best)).tolist(),
        exemplars=exemplars,
        draws=draws,
        accuracy=_accuracy(fitted, held_out, best) if labels else float("nan"),
        analogies=_analogies(fitted, held_out, best) if labels and fitted.schema.image else None,
    )


def _given_values(fitted: FittedModel, held_out: Source, columns: Any, feature: Feature) -> GroupFindings:
    """The most frequent values of a column of categories that rows are given, and rows drawn given each.

    Of other columns draws are given what held-out rows of the value are.
    """
    cells = aside_of(held_out)[feature.name].to_pylist()
    frequent = Counter(cell for cell in cells if cell is not None).most_common(_MOST_VALUES)
    count = _EXEMPLARS if fitted.schema.image else _DRAWS_OF_TABLES
    exemplars, draws = [], []
    for k, (value, _) in enumerate(frequent):
        own = np.array([place for place, cell in enumerate(cells) if cell == value])
        exemplars.append(columns(_as_given(held_out, own[some_rows(len(own), _EXEMPLARS)])))
        given = fitted.conditions_of(held_out.take(own).some(count), count)
        draws.append(columns(fitted.decode(sample(fitted.model, count, ["x"], seed=k, given=given)["x"])))
    return GroupFindings(
        kind="value",
        names=[f"{feature.name} = {_plain(value)}" for value, _ in frequent],
        shares=[times / len(cells) for _, times in frequent],
        exemplars=exemplars,
        draws=draws,
    )


def _analogies(fitted: FittedModel, held_out: Source, best: Tensor) -> Any:
    """Some rows, each followed by the mean of every class in its style; None where the class is no latent."""
    model = fitted.model
    if "y" not in model.inference_parts:
        return None
    shown = some_rows(len(held_out), _EXEMPLARS)
    rows = held_out.take(shown)
    classes = torch.eye(model.shapes["y"].numel())
    batch = {**fitted.batch(rows), "y": classes[best[shown]]}
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


def _plain(value: object) -> str:
    """A value as categories are written."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_given(rows: Source, places: np.ndarray[Any, Any]) -> Any:
    """Some rows as they were given."""
    some = rows.take(places)
    return some.array if some.array is not None else some.table


def _accuracy(fitted: FittedModel, rows: Source, best: Tensor) -> float:
    """Share of the rows with a known label that are put in their class."""
    [feature] = fitted.schema.beside["y"].features
    told = aside_of(rows)[feature.name].to_pylist()
    known = [
        str(label) == feature.categories[k]
        for label, k in zip(told, best.tolist(), strict=True)
        if label is not None
    ]
    return float(np.mean(known)) if known else float("nan")
