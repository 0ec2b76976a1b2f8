"""How the rows of a source are read: the recipe, and the schema that it wants of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from anyvae.data import DataError, Schema, Source, aside_of, infer_beside, infer_schema
from anyvae.recipes import Recipe, default_recipe, find_recipe

__all__ = ["recipe_of", "schema_of"]


class _Chosen(Protocol):
    """What `FitOptions` and `RunConfig` both say of how the rows are read."""

    @property
    def recipe(self) -> str | None: ...
    @property
    def likelihood(self) -> str | None: ...
    @property
    def kinds(self) -> Mapping[str, str | Sequence[str]]: ...
    @property
    def label(self) -> str | None: ...
    @property
    def given(self) -> Sequence[str]: ...


def recipe_of(chosen: _Chosen, *, table: bool) -> Recipe:
    """The recipe that was asked for, or what such data are fitted by."""
    return find_recipe(chosen.recipe or default_recipe(table=table))


def schema_of(source: Source, chosen: _Chosen) -> Schema:
    """The schema of the rows of a source, and of what is set aside from them and modelled.

    Arguments:
        source: the rows.
        chosen: options or configuration.

    Raises:
        DataError: when the recipe wants labels or columns to be given that were not named, or has no use for them, or
            for a column that it cannot model.
    """
    recipe = recipe_of(chosen, table=source.table is not None)
    if recipe.given and not chosen.given:
        raise DataError(f"the recipe {recipe.name} is of rows given some columns: name them with --given")
    if chosen.given and not recipe.given:
        raise DataError(
            f"the recipe {recipe.name} is not conditioned on columns: leave --given out, or take --recipe cvae"
        )
    label = chosen.label if recipe.labels else None
    if recipe.labels and label is None and not recipe.optional("classes"):
        if source.table is None:
            raise DataError(
                f"the recipe {recipe.name} models labels, and {source.name} has none: give a .npz file with rows 'x' "
                "and a label 'y' for each, or a folder with a sub-folder of images for each label"
            )
        raise DataError(f"the recipe {recipe.name} models labels: name their column with --label")
    aside = aside_of(source).column_names
    modelled = [label, *chosen.given]
    if idle := [name for name in chosen.kinds if name in aside and name not in modelled]:
        raise DataError(
            f"column {idle[0]!r} of {source.name} is left out of the rows, and the recipe {recipe.name} does not model "
            "it: leave its kind out"
        )
    kinds = {name: kind for name, kind in chosen.kinds.items() if name not in aside}
    schema = infer_schema(source, chosen.likelihood, kinds or None, plain=recipe.pathwise)
    if recipe.pathwise:
        _refuse_unreal(schema, source.name, recipe.name)
    beside = infer_beside(source, label=label, given=chosen.given, kinds=chosen.kinds)
    return msgspec.structs.replace(schema, beside=beside)


def _refuse_unreal(schema: Schema, source: str, recipe: str) -> None:
    """Refuse a table with a column whose values are no real numbers, naming the first."""
    for feature in schema.features if schema.kind == "table" else ():
        real = feature.kind in ("real", "positive") or (feature.kind == "date" and not feature.step)
        if real or feature.constant is not None:
            continue
        number = not feature.categories and feature.kind != "date" and feature.dtype != "bool"
        advice = (
            f"give it the kind real (--kind {feature.name}=real, or kinds=), leave it out"
            if number
            else "turn it into numbers, leave it out"
        )
        raise DataError(
            f"the recipe {recipe} is of real numbers, and column {feature.name!r} of {source} is {feature.kind} "
            f"({feature.detail()}): {advice}, or take another recipe"
        )
