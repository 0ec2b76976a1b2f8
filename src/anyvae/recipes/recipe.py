"""What a named model is: a constructor, and who trains it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any, TypeAlias, final

from anyvae.conditionals import StandardNormal
from anyvae.model import LatentVariableModel
from anyvae.objectives import ELBO, Objective, WarmupCosine
from anyvae.recipes.likelihood import Likelihood
from anyvae.training import Player, TensorData, adam_under_prior

__all__ = ["First", "Plays", "Recipe", "alone", "ready", "under_normal_prior"]

Plays: TypeAlias = Callable[[LatentVariableModel, TensorData], list[Player]]
"""Makes the players of a model and its training rows; the first one trains the model."""


def alone(objective: Callable[[TensorData], Objective], *parts: str) -> Plays:
    """One player that owns the whole model, or some parts of it.

    Arguments:
        objective: makes what it maximises, from the training rows.
        parts: prefixes of parameter names, such as "inference"; all of the model where there are none.
    """
    return lambda model, data: [Player("model", objective(data), parts)]


def under_normal_prior(model: LatentVariableModel, name: str) -> LatentVariableModel:
    """Encoder and decoder of one latent of a model with N(0, I) as its prior, sharing their weights.

    Arguments:
        model: whose x is generated from that latent alone.
        name: of the latent.
    """
    part = model.inference_parts[name]
    prior = StandardNormal(tuple(part.event_shape))
    return LatentVariableModel({name: prior, "x": model.generative_parts["x"]}, {name: part})


@final
@dataclass(frozen=True)
class First:
    """What is fitted before the model is: another model of some of its parts.

    Arguments:
        view: the model that is fitted first, sharing parts with the whole.
        plays: makes its players.
        then: called with the whole model, the view and its rows, when the view is fitted; it may set weights that the
            fit of the view tells. Draws from torch's generator.
        share: of the steps of the model's own fit.
    """

    view: Callable[[LatentVariableModel], LatentVariableModel]
    plays: Plays
    then: Callable[[LatentVariableModel, LatentVariableModel, TensorData], None] | None = None
    share: float = 0.5


@final
@dataclass(frozen=True)
class Recipe:
    """A named model: one constructor and its players, nothing of its own.

    Arguments:
        name: as on the command line.
        paper: where it comes from.
        parts: what it is made of, in a line.
        constructor: called with the family, the number of latent features and keywords of `vae`.
        plays: makes the players; one that maximises the ELBO unless said.
        keep_last: whether the objective is meant to leave the bound, so that the last weights are kept and not those
            of the best bound.
        taught: whether the encoder may be trained alone afterwards, to read parts of rows: where it is a network that
            nothing else shares, trained for the bound.
        masks: whether the model has a variable "m" too: which cells of the row are there, one number a cell.
        pathwise: whether holes of a row are drawn with a gradient, so that its columns are of real numbers, one normal
            each.
        labels: whether it has a variable "y" too: the label of the row, one-hot, where it is known.
        given: whether rows are conditioned on "c", columns that are never scored.
        groups: whether it has an expert for each of several groups of columns (--group).
        enumerate: discrete latents of which bounds sum over every value.
        clusters: name of the latent that says which cluster a row belongs to, and of the keyword of how many.
        first: what is fitted before.
        by_rows: keywords of the constructor that hang on how many rows there are.
    """

    name: str
    paper: str
    parts: str
    constructor: Callable[..., LatentVariableModel]
    plays: Plays = field(default=alone(lambda data: ELBO()))
    keep_last: bool = False
    taught: bool = False
    masks: bool = False
    pathwise: bool = False
    labels: bool = False
    given: bool = False
    groups: bool = False
    enumerate: tuple[str, ...] = ()
    clusters: tuple[str, str] | None = None
    first: First | None = None
    by_rows: Callable[[int], dict[str, Any]] | None = None

    def build(
        self,
        likelihood: Likelihood,
        latent_features: int,
        *,
        classes: int | None = None,
        condition: int | None = None,
        groups: Mapping[str, Sequence[int]] | None = None,
        clusters: int | None = None,
        rows: int | None = None,
    ) -> LatentVariableModel:
        """The model for data of this likelihood.

        Arguments:
            likelihood: of the rows.
            latent_features: size of the latent space.
            classes: of the labels, where it models some.
            condition: features of what rows are given, where they are.
            groups: places of the features of each group, where it has experts for some.
            clusters: how many, where it has some; as many as the constructor says where None.
            rows: how many the data have; what hangs on it is as the constructor says where None.

        Raises:
            ValueError: when the model wants something that is not there.
        """
        own: dict[str, Any] = {"cells": likelihood.cells} if self.masks else {}
        for wanted, name, value in (
            (self.labels, "classes", classes),
            (self.given, "condition", condition),
            (self.groups, "groups", groups),
        ):
            if wanted and value is None and not self.optional(name):
                raise ValueError(f"{self.name} wants {name}, and got none.")
            if wanted and value is not None:
                own[name] = value
        if self.by_rows is not None and rows is not None:
            own |= self.by_rows(rows)
        if self.clusters is not None and clusters is not None:
            own[self.clusters[1]] = clusters
        return self.constructor(
            likelihood.family,
            latent_features,
            start=likelihood.start,
            log_unit=likelihood.log_unit,
            missing=likelihood.missing,
            **own,
        )

    def players(
        self, model: LatentVariableModel, data: TensorData, learning_rate: float = 1e-3
    ) -> list[Player]:
        """Who trains the model.

        Arguments:
            model: from `build`.
            data: the training rows, of which estimates of aggregates need to know the number.
            learning_rate: peak of that of the model; others have their own.
        """
        return ready(self.plays(model, data), len(data), learning_rate)

    def optional(self, keyword: str) -> bool:
        """Whether the constructor does without a keyword."""
        item = signature(self.constructor).parameters[keyword]
        return item.default is not item.empty


def ready(players: list[Player], rows: int, learning_rate: float) -> list[Player]:
    """The players, the first of them with a learning rate that warms up and decays, and a prior on its weights.

    Arguments:
        players: the first one trains the model.
        rows: that are fitted.
        learning_rate: its peak.
    """
    first, *others = players
    rate = WarmupCosine(learning_rate)
    return [replace(first, learning_rate=rate, optimizer=adam_under_prior(rows)), *others]
