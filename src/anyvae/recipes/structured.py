"""The named models with more than one latent vector: conditions, labels, clusters, layers."""

from __future__ import annotations

from anyvae.objectives import ELBO, KL, LinearRamp, LogLikelihood, Objective
from anyvae.recipes.clustered import (
    gmvae,
    infinite_vae,
    start_clusters,
    stick_breaking_elbo,
    vade,
    without_clusters,
)
from anyvae.recipes.conditional import cvae
from anyvae.recipes.hierarchies import dlgm, ladder_vae, topdown_vae, two_level_vae
from anyvae.recipes.labelled import classifying_elbo, features_alone, m1_m2, m2
from anyvae.recipes.multimodal import grouped_vae
from anyvae.recipes.recipe import First, Recipe, alone
from anyvae.training import TensorData

__all__ = ["STRUCTURED", "warmed_elbo"]


def warmed_elbo(data: TensorData) -> Objective:
    """The ELBO whose KL comes in over the first fifth of the run, so that no latent is switched off at the start.

    Source: Ladder Variational Autoencoders (Sonderby et al., 2016). What is reported is the bound at full weight.
    """
    return ELBO(beta=LinearRamp(0.0, 1.0, until=0.2))


def _share(data: TensorData) -> float:
    """Of the rows whose label is known."""
    mask = data.masks.get("y")
    return 1.0 if mask is None else max(float(mask.float().mean()), 1.0 / len(data))


def _clustering(data: TensorData) -> Objective:
    """The bound with clusters summed over, whose KL costs nothing below half a nat: else all rows share one cluster."""
    return LogLikelihood(enumerate=["y"]) - KL({"y": 0.5}, over_batch=True)


_FEATURES = First(without_clusters, alone(lambda data: ELBO(beta=0.1)), start_clusters, share=1.0)

STRUCTURED: tuple[Recipe, ...] = (
    Recipe(
        "cvae",
        "Sohn et al., 2015",
        "rows given some of their columns (--given): prior, encoder and decoder all read them; ELBO with the KL "
        "coming in over the first fifth",
        cvae,
        alone(warmed_elbo),
        given=True,
    ),
    Recipe(
        "grouped_vae",
        "Sutter et al., 2021",
        "columns observed in groups (--group), any of them absent: posterior the mixture, over all subsets of what is "
        "there, of products of one expert a group; ELBO with the KL coming in over the first fifth",
        grouped_vae,
        alone(warmed_elbo),
        taught=True,
        groups=True,
    ),
    Recipe(
        "m2",
        "Kingma et al., 2014",
        "label (--label) and style as two latents, labels summed over where they are not known, a classifier that "
        "counts as much as if every row had a label",
        m2,
        alone(lambda data: classifying_elbo(_share(data))),
        labels=True,
        enumerate=("y",),
    ),
    Recipe(
        "m1_m2",
        "Kingma et al., 2014",
        "m2 of the features of a vae that is fitted first; the last weights are kept",
        m1_m2,
        alone(
            lambda data: classifying_elbo(_share(data), names=["y"]),
            "generative.y",
            "generative.z1",
            "inference.y",
            "inference.z2",
        ),
        # The bound of features that stay as they are says little of the classifier, and ends its fit too soon.
        keep_last=True,
        labels=True,
        enumerate=("y",),
        first=First(features_alone, alone(warmed_elbo), share=1.0),
    ),
    Recipe(
        "gmvae",
        "Dilokthanakul et al., 2016",
        "prior mixed of 10 normals that start as vade's and that a second latent bends, exact p(y | z, w), half a nat "
        "of its KL free",
        gmvae,
        alone(_clustering),
        enumerate=("y",),
        clusters=("y", "clusters"),
        first=_FEATURES,
    ),
    Recipe(
        "vade",
        "Jiang et al., 2017",
        "prior mixed of 10 normals of full covariance, started at a mixture fitted to the features of an autoencoder, "
        "ELBO",
        vade,
        alone(lambda data: ELBO(enumerate=["y"])),
        enumerate=("y",),
        clusters=("y", "clusters"),
        first=_FEATURES,
    ),
    Recipe(
        "infinite_vae",
        "Abbasnejad et al., 2017",
        "mixture of up to 10 vaes with the weights of a Dirichlet process, each with a classifier where there are "
        "labels (--label)",
        infinite_vae,
        alone(
            lambda data: stick_breaking_elbo(len(data), share=_share(data) if "y" in data.values else None)
        ),
        labels=True,
        enumerate=("k",),
        clusters=("k", "experts"),
    ),
    Recipe(
        "dlgm",
        "Rezende et al., 2014",
        "three layers of independent noise on one deterministic path, ELBO with the KL coming in over the first "
        "fifth",
        dlgm,
        alone(warmed_elbo),
        taught=True,
    ),
    Recipe(
        "two_level_vae",
        "Burda et al., 2016",
        "z2, z1 given z2, x given z1, inferred from the bottom up, ELBO with the KL coming in over the first fifth",
        two_level_vae,
        alone(warmed_elbo),
        taught=True,
    ),
    Recipe(
        "ladder_vae",
        "Sonderby et al., 2016",
        "three layers, posteriors of the lower ones the product of prior and encoder, ELBO with the KL coming in "
        "over the first fifth",
        ladder_vae,
        alone(warmed_elbo),
        taught=True,
    ),
    Recipe(
        "topdown_vae",
        "Vahdat and Kautz, 2020",
        "three layers on a shared path from the top, posteriors as differences to the priors, ELBO with the KL "
        "coming in over the first fifth",
        topdown_vae,
        alone(warmed_elbo),
        taught=True,
    ),
)
