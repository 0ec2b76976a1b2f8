"""The list of named models: what `anyvae recipes` prints and `--recipe` chooses from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

from anyvae.model import LatentVariableModel
from anyvae.objectives import ELBO, IWAE, DReG, LinearRamp, Objective
from anyvae.recipes.flat import full_covariance_vae, linear_vae, vae
from anyvae.recipes.likelihood import Likelihood
from anyvae.recipes.quantised import committed_elbo, fsq_vae, vq_vae

__all__ = ["RECIPES", "Recipe", "default_latent_features", "find_recipe"]


@final
@dataclass(frozen=True)
class Recipe:
    """A named model: one constructor and one objective, nothing of its own.

    Arguments:
        name: as on the command line.
        paper: where it comes from.
        parts: what it is made of, in a line.
        constructor: called with the family, the number of latent features and keywords of `vae`.
        objective: makes what is maximised.
    """

    name: str
    paper: str
    parts: str
    constructor: Callable[..., LatentVariableModel]
    objective: Callable[[], Objective] = field(default=ELBO)

    def build(self, likelihood: Likelihood, latent_features: int) -> LatentVariableModel:
        """The model for data of this likelihood."""
        return self.constructor(
            likelihood.family,
            latent_features,
            start=likelihood.start,
            log_unit=likelihood.log_unit,
            missing=likelihood.missing,
        )


def _warmed_elbo() -> Objective:
    """The ELBO whose KL comes in over the first fifth of the run, so that no latent is switched off at the start.

    Source: Ladder Variational Autoencoders (Sonderby et al., 2016). What is reported is the bound at full weight.
    """
    return ELBO(beta=LinearRamp(0.0, 1.0, until=0.2))


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "vae",
            "Kingma and Welling, 2013",
            "N(0, I) prior, diagonal normal posterior, ELBO with the KL coming in over the first fifth",
            vae,
            _warmed_elbo,
        ),
        Recipe(
            "linear_vae",
            "Lucas et al., 2019",
            "vae without hidden layers, plain ELBO: probabilistic PCA where the noise has one scale",
            linear_vae,
        ),
        Recipe(
            "beta_vae", "Higgins et al., 2017", "vae with the KL weighted by 4", vae, lambda: ELBO(beta=4.0)
        ),
        Recipe(
            "iwae", "Burda et al., 2016", "vae trained by the importance-weighted bound, 8 samples", vae, IWAE
        ),
        Recipe(
            "dreg_iwae",
            "Tucker et al., 2019",
            "iwae with the doubly reparameterised gradient of the encoder, 8 samples",
            vae,
            DReG,
        ),
        Recipe(
            "full_covariance_vae",
            "Kingma and Welling, 2019",
            "N(0, I) prior, normal posterior with full covariance, ELBO with the KL coming in over the first fifth",
            full_covariance_vae,
            _warmed_elbo,
        ),
        Recipe(
            "vq_vae",
            "van den Oord et al., 2017",
            "each latent the nearest of 8 code vectors, prior with learned frequencies, ELBO with commitment",
            vq_vae,
            committed_elbo,
        ),
        Recipe(
            "fsq_vae",
            "Mentzer et al., 2023",
            "each latent rounded to one of 8, 5, 5, 5, ... levels, uniform prior, plain ELBO",
            fsq_vae,
        ),
    )
}


def find_recipe(name: str) -> Recipe:
    """A recipe by name.

    Raises:
        ValueError: naming the recipes that there are.
    """
    if name not in RECIPES:
        raise ValueError(f"there is no recipe {name!r}; choose one of {', '.join(RECIPES)}.")
    return RECIPES[name]


def default_latent_features(features: int) -> int:
    """Latents for rows of so many features: all of them up to 10, then their 0.55th power.

    Unused latents cost little and switch themselves off; missing ones cannot be made up for.

    >>> [default_latent_features(d) for d in (1, 4, 14, 64, 784)]
    [2, 4, 10, 10, 39]
    """
    return max(2, min(features, 10), round(features**0.55))
