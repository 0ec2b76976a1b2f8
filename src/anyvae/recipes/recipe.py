"""What a named model is: a constructor, and who trains it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias, final

from anyvae.model import LatentVariableModel
from anyvae.objectives import ELBO, Objective, WarmupCosine
from anyvae.recipes.likelihood import Likelihood
from anyvae.training import Player

__all__ = ["Plays", "Recipe", "alone"]

Plays: TypeAlias = Callable[[LatentVariableModel, int], list[Player]]
"""Makes the players of a model and a number of training rows; the first one trains the model."""


def alone(objective: Callable[[int], Objective]) -> Plays:
    """One player that owns the whole model.

    Arguments:
        objective: makes what it maximises, from the number of training rows.
    """
    return lambda model, rows: [Player("model", objective(rows))]


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
    """

    name: str
    paper: str
    parts: str
    constructor: Callable[..., LatentVariableModel]
    plays: Plays = field(default=alone(lambda rows: ELBO()))
    keep_last: bool = False
    taught: bool = False
    masks: bool = False

    def build(self, likelihood: Likelihood, latent_features: int) -> LatentVariableModel:
        """The model for data of this likelihood."""
        own = {"cells": likelihood.cells} if self.masks else {}
        return self.constructor(
            likelihood.family,
            latent_features,
            start=likelihood.start,
            log_unit=likelihood.log_unit,
            missing=likelihood.missing,
            **own,
        )

    def players(self, model: LatentVariableModel, rows: int, learning_rate: float = 1e-3) -> list[Player]:
        """Who trains the model.

        Arguments:
            model: from `build`.
            rows: of the training data, which estimates of aggregates need to know.
            learning_rate: peak of that of the model; others have their own.
        """
        first, *others = self.plays(model, rows)
        return [replace(first, learning_rate=WarmupCosine(learning_rate)), *others]
