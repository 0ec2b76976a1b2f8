"""The list of named models: what `anyvae recipes` prints and `--recipe` chooses from."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from anyvae.model import LatentVariableModel
from anyvae.networks import MLP
from anyvae.objectives import (
    ELBO,
    IWAE,
    MIWAE,
    MMD,
    CapacityGap,
    Constant,
    CovarianceMatching,
    Critic,
    CriticTC,
    DReG,
    LinearRamp,
    LogLikelihood,
    StratifiedTC,
    TellApart,
)
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
from anyvae.recipes.missingness import not_miwae
from anyvae.recipes.quantised import committed_elbo, fsq_vae, vq_vae
from anyvae.recipes.recipe import Recipe, alone
from anyvae.recipes.structured import STRUCTURED, warmed_elbo
from anyvae.training import Player, TensorData

__all__ = ["RECIPES", "default_latent_features", "default_recipe", "find_recipe"]


def _factorising(model: LatentVariableModel, data: TensorData) -> list[Player]:
    """The model, and a critic that tells it how far its latents are from independent."""
    critic = Critic(tuple(model.shapes["z"]), net=MLP([256, 256, 256], nn.LeakyReLU))
    return [
        Player("model", ELBO() - 10.0 * CriticTC(critic)),
        Player("critic", TellApart(critic), [critic], critic_adam, Constant(1e-3)),
    ]


def critic_adam(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Adam with a short memory, as the papers have it for critics: what they judge moves."""
    return torch.optim.Adam(parameters, betas=(0.5, 0.9), fused=True)


def _components_of(rows: int) -> dict[str, int]:
    """Of few rows many components would learn each one by heart."""
    return {"components": min(30, max(5, rows // 50))}


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "vae",
            "Kingma and Welling, 2013",
            "N(0, I) prior, diagonal normal posterior, ELBO with the KL coming in over the first fifth",
            vae,
            alone(warmed_elbo),
            taught=True,
        ),
        Recipe(
            "linear_vae",
            "Lucas et al., 2019",
            "vae without hidden layers, plain ELBO: probabilistic PCA where the noise has one scale",
            linear_vae,
            taught=True,
        ),
        Recipe(
            "beta_vae",
            "Higgins et al., 2017",
            "vae with the KL weighted by 4",
            vae,
            alone(lambda data: ELBO(beta=4.0)),
        ),
        Recipe(
            "iwae",
            "Burda et al., 2016",
            "vae trained by the importance-weighted bound, 8 samples",
            vae,
            alone(lambda data: IWAE()),
            taught=True,
        ),
        Recipe(
            "dreg_iwae",
            "Tucker et al., 2019",
            "iwae with the doubly reparameterised gradient of the encoder, 8 samples",
            vae,
            alone(lambda data: DReG()),
            taught=True,
        ),
        Recipe(
            "full_covariance_vae",
            "Kingma and Welling, 2019",
            "N(0, I) prior, normal posterior with full covariance, ELBO with the KL coming in over the first fifth",
            full_covariance_vae,
            alone(warmed_elbo),
            taught=True,
        ),
        Recipe(
            "mixture_vae",
            "Tomczak and Welling, 2018",
            "prior a learned mixture of up to 30 normals, one for every 50 rows, ELBO with the KL coming in over the "
            "first fifth; what tables are fitted by",
            mixture_vae,
            alone(warmed_elbo),
            taught=True,
            by_rows=_components_of,
        ),
        Recipe(
            "vamp_vae",
            "Tomczak and Welling, 2018",
            "prior mixed from the encoder at 100 pseudo-inputs, ELBO with the KL coming in over the first fifth",
            vamp_vae,
            alone(warmed_elbo),
        ),
        Recipe(
            "iaf_vae",
            "Kingma et al., 2016",
            "N(0, I) prior, normal posterior carried along by two inverse autoregressive flows, ELBO with the KL "
            "coming in over the first fifth",
            iaf_vae,
            alone(warmed_elbo),
            taught=True,
        ),
        Recipe(
            "spherical_vae",
            "Davidson et al., 2018",
            "uniform prior on the unit sphere, von Mises-Fisher posterior, ELBO with the KL coming in over the first "
            "fifth",
            spherical_vae,
            alone(warmed_elbo),
            taught=True,
        ),
        Recipe(
            "miwae",
            "Rainforth et al., 2018",
            "vae trained by the mean of 4 importance-weighted bounds of 4 samples each",
            vae,
            alone(lambda data: MIWAE(4, 4)),
            taught=True,
        ),
        Recipe(
            "not_miwae",
            "Ipsen et al., 2021",
            "vae of numbers together with which cells are missing, each by its own value; importance-weighted bound, "
            "20 samples",
            not_miwae,
            alone(lambda data: IWAE(20)),
            masks=True,
            pathwise=True,
        ),
        Recipe(
            "annealed_vae",
            "Burgess et al., 2018",
            "vae held to a KL that rises to 25 nats by four fifths of the run, weight 100; the last weights are kept",
            vae,
            alone(lambda data: LogLikelihood() - 100.0 * CapacityGap(LinearRamp(0.0, 25.0, until=0.8))),
            keep_last=True,
        ),
        Recipe(
            "beta_tc_vae",
            "Chen et al., 2018",
            "vae with the total correlation weighted by 6, by minibatch stratified sampling",
            vae,
            alone(lambda data: ELBO() - 5.0 * StratifiedTC(max(2, len(data)))),
        ),
        Recipe(
            "factor_vae",
            "Kim and Mnih, 2018",
            "vae with the total correlation weighted by 11, judged by a critic that plays against it",
            vae,
            _factorising,
        ),
        Recipe(
            "dip_vae",
            "Kumar et al., 2018",
            "vae with the covariance of the aggregate posterior held to the identity, weight 10 (DIP-VAE-II)",
            vae,
            alone(lambda data: ELBO() - CovarianceMatching(10.0, 10.0)),
        ),
        Recipe(
            "info_vae",
            "Zhao et al., 2017",
            "vae with the aggregate posterior drawn to the prior by a kernel discrepancy, weight 100",
            vae,
            alone(lambda data: ELBO() - 100.0 * MMD()),
        ),
        Recipe(
            "wae",
            "Tolstikhin et al., 2018",
            "info_vae without the KL of each row, so no bound; the last weights are kept",
            vae,
            alone(lambda data: LogLikelihood() - 100.0 * MMD()),
            keep_last=True,
        ),
        Recipe(
            "sigma_vae",
            "Rybkin et al., 2021",
            "vae whose normal columns share one scale in closed form, ELBO with the KL coming in over the first fifth",
            sigma_vae,
            alone(warmed_elbo),
            taught=True,
        ),
        Recipe(
            "vq_vae",
            "van den Oord et al., 2017",
            "each latent the nearest of 8 code vectors, prior with learned frequencies, ELBO with commitment",
            vq_vae,
            alone(lambda data: committed_elbo()),
        ),
        Recipe(
            "fsq_vae",
            "Mentzer et al., 2023",
            "each latent rounded to one of 8, 5, 5, 5, ... levels, uniform prior, plain ELBO",
            fsq_vae,
        ),
        Recipe(
            "semi_amortised_vae",
            "Kim et al., 2018",
            "posterior refined from the encoder's by 4 steps up the bound of its row, ELBO through the steps",
            semi_amortised_vae,
            alone(warmed_elbo),
        ),
        Recipe(
            "freeform_vae",
            "Hoffman et al., 2013",
            "no encoder: the posterior of each row found by 20 steps up its own bound, from one start for all",
            freeform_vae,
            alone(warmed_elbo),
        ),
        *STRUCTURED,
    )
}


def default_recipe(*, table: bool) -> str:
    """What data are fitted by where nothing is said: tables by a mixture, for they hold several sorts of rows."""
    return "mixture_vae" if table else "vae"


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
