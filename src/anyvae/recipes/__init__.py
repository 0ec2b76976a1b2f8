"""The named models of the literature: one constructor each, no forward of their own."""

from anyvae.recipes.flat import (
    default_networks,
    freeform_vae,
    full_covariance_vae,
    iaf_vae,
    linear_vae,
    semi_amortised_vae,
    sigma_vae,
    spherical_vae,
    vae,
    vamp_vae,
)
from anyvae.recipes.likelihood import Likelihood, likelihood_of
from anyvae.recipes.listed import RECIPES, default_latent_features, find_recipe
from anyvae.recipes.missingness import not_miwae
from anyvae.recipes.quantised import fsq_vae, vq_vae
from anyvae.recipes.recipe import Recipe

__all__ = [
    "RECIPES",
    "Likelihood",
    "Recipe",
    "default_latent_features",
    "default_networks",
    "find_recipe",
    "freeform_vae",
    "fsq_vae",
    "full_covariance_vae",
    "iaf_vae",
    "likelihood_of",
    "linear_vae",
    "not_miwae",
    "semi_amortised_vae",
    "sigma_vae",
    "spherical_vae",
    "vae",
    "vamp_vae",
    "vq_vae",
]
