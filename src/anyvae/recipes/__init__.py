"""The named models of the literature: one constructor each, no forward of their own."""

from anyvae.recipes.clustered import (
    gmvae,
    infinite_vae,
    start_clusters,
    stick_breaking_elbo,
    vade,
    without_clusters,
)
from anyvae.recipes.conditional import cvae
from anyvae.recipes.ends import DataOptions, EndOptions, default_networks
from anyvae.recipes.flat import (
    freeform_vae,
    full_covariance_vae,
    iaf_vae,
    linear_vae,
    mixture_vae,
    semi_amortised_vae,
    sigma_vae,
    spherical_vae,
    vae,
    vamp_vae,
)
from anyvae.recipes.hierarchies import HierarchyOptions, dlgm, ladder_vae, topdown_vae, two_level_vae
from anyvae.recipes.labelled import classifying_elbo, features_alone, m1_m2, m2
from anyvae.recipes.likelihood import Likelihood, likelihood_of
from anyvae.recipes.listed import RECIPES, default_latent_features, default_recipe, find_recipe
from anyvae.recipes.missingness import not_miwae
from anyvae.recipes.multimodal import grouped_vae, multimodal_elbo, multimodal_vae
from anyvae.recipes.quantised import fsq_vae, vq_vae
from anyvae.recipes.recipe import First, Recipe

__all__ = [
    "RECIPES",
    "DataOptions",
    "EndOptions",
    "First",
    "HierarchyOptions",
    "Likelihood",
    "Recipe",
    "classifying_elbo",
    "cvae",
    "default_latent_features",
    "default_networks",
    "default_recipe",
    "dlgm",
    "features_alone",
    "find_recipe",
    "freeform_vae",
    "fsq_vae",
    "full_covariance_vae",
    "gmvae",
    "grouped_vae",
    "iaf_vae",
    "infinite_vae",
    "ladder_vae",
    "likelihood_of",
    "linear_vae",
    "m1_m2",
    "m2",
    "mixture_vae",
    "multimodal_elbo",
    "multimodal_vae",
    "not_miwae",
    "semi_amortised_vae",
    "sigma_vae",
    "spherical_vae",
    "start_clusters",
    "stick_breaking_elbo",
    "topdown_vae",
    "two_level_vae",
    "vade",
    "vae",
    "vamp_vae",
    "vq_vae",
    "without_clusters",
]
