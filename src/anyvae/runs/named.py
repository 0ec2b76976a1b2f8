"""What the report and the command call a model's variables, and the KL of each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from anyvae.inference import Bound
from anyvae.model import LatentVariableModel

if TYPE_CHECKING:
    from anyvae.runs.fitted import FittedModel

__all__ = ["embedded_names", "how_drawn", "kl_of_variables", "latent_names", "scored_names"]


def latent_names(names: Sequence[str]) -> list[str]:
    """One name for each latent feature: z0, z1, ..., or z2[0] where there are several latents.

    Arguments:
        names: the latent that each feature belongs to.

    >>> latent_names(["z", "z"]), latent_names(["z2", "z1", "z1"])
    (['z0', 'z1'], ['z2[0]', 'z1[0]', 'z1[1]'])
    """
    if len(set(names)) == 1:
        return [f"z{index}" for index in range(len(names))]
    places: dict[str, int] = {}
    found = []
    for name in names:
        found.append(f"{name}[{places.setdefault(name, 0)}]")
        places[name] += 1
    return found


def embedded_names(fitted: FittedModel) -> list[str]:
    """What `FittedModel.embed` writes of a row, column by column: latents, and probabilities of classes by their name.

    Arguments:
        fitted: the model.
    """
    numbers = iter(latent_names(scored_names(fitted)))
    found = []
    for name, width in fitted.latents.items():
        if name == "y" and "y" in fitted.schema.beside:
            [label] = fitted.schema.beside["y"].features
            found += [f"p({label.name} = {one})" for one in label.categories]
        elif fitted.recipe.clusters is not None and name == fitted.recipe.clusters[0]:
            found += [f"p({fitted.recipe.clusters[1].removesuffix('s')} {place})" for place in range(width)]
        else:
            found += [next(numbers) for _ in range(width)]
    return found


def scored_names(fitted: FittedModel) -> list[str]:
    """The latent that each feature with a KL of its own belongs to, in the order of ``kl_per_latent``.

    Arguments:
        fitted: the model.
    """
    widths = fitted.latents
    return [name for name in widths if name not in fitted.recipe.enumerate for _ in range(widths[name])]


def kl_of_variables(bound: Bound) -> dict[str, float]:
    """KL of each latent variable as a whole, nats a row: what the KL of `FittedModel.evaluate` is the sum of.

    Arguments:
        bound: of some rows.
    """
    return {name: float(part.double().mean()) for name, part in bound.kl.items()}


def how_drawn(model: LatentVariableModel, words: Mapping[str, str]) -> tuple[str, str]:
    """The likelihood of x in symbols, and how a row is drawn, from x up; states between are passed over.

    Arguments:
        model: the model.
        words: what to call some of its variables.

    >>> from anyvae.conditionals import Bernoulli
    >>> from anyvae.recipes import cvae, dlgm
    >>> how_drawn(cvae(Bernoulli(6), 2, condition=3), {"c": "town"})
    ('p(x | z, town)', 'x ~ p(x | z, town), z ~ p(z | town)')
    >>> how_drawn(dlgm(Bernoulli(6), 2, layers=2), {})[0]
    'p(x | z2, z1)'
    """
    parts = model.generative_parts

    def parents(name: str) -> list[str]:
        found: list[str] = []
        for parent in parts[name].parents:
            above = parent.name in parts and parts[parent.name].deterministic
            found += parents(parent.name) if above else [parent.name]
        return list(dict.fromkeys(found))

    def density(name: str) -> str:
        given = ", ".join(words.get(parent, parent) for parent in parents(name))
        return f"p({name}{' | ' if given else ''}{given})"

    order = ["x"]
    for name in order:
        order += [parent for parent in parents(name) if parent in parts and parent not in order]
    return density("x"), ", ".join(f"{name} ~ {density(name)}" for name in order)
