"""The named models of the literature: one constructor each, no forward of their own."""

from anyvae.recipes.flat import (
    default_networks,
    full_covariance_vae,
    iaf_vae,
    linear_vae,
    sigma_vae,
    spherical_vae,
    vae,
    vamp_vae,
)
from anyvae.recipes.likelihood import Likelihood, likelihood_of
from anyvae.recipes.recipe import RECIPES, Recipe, default_latent_features, find_recipe

__all__ = [
    "RECIPES",
    "Likelihood",
    "Recipe",
    "default_latent_features",
    "default_networks",
    "find_recipe",
    "full_covariance_vae",
    "iaf_vae",
    "likelihood_of",
    "linear_vae",
    "sigma_vae",
    "spherical_vae",
    "vae",
    "vamp_vae",
]
