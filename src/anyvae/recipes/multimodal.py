"""Models of several observations of one thing, any of which may be absent."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Literal

from anyvae.conditionals import (
    Conditional,
    DiagonalNormal,
    Family,
    MixtureOfExperts,
    ProductOfExperts,
    StandardNormal,
    optional,
    prior,
)
from anyvae.model import LatentVariableModel
from anyvae.networks import Network
from anyvae.objectives import ELBO, Objective, Subsets
from anyvae.recipes.ends import default_networks

__all__ = ["multimodal_elbo", "multimodal_vae"]

Combination = Literal["product", "mixture", "mixture of products"]


def multimodal_vae(
    likelihoods: Mapping[str, Family],
    latent_features: int,
    *,
    combination: Combination = "mixture of products",
    encoders: Mapping[str, Network] | None = None,
    decoders: Mapping[str, Network] | None = None,
) -> LatentVariableModel:
    r"""One latent for several observations, inferred from whichever are there.

    .. math:: p(z) \prod_i p(x_i \mid z), \quad q(z \mid \{x_i\}_{i \in present})

    with q the product of the experts q(z | x_i) and the prior ("product", PoE), their mixture ("mixture", MoE), or the
    mixture over all subsets of what is there of the products ("mixture of products", MoPoE).
    Source: Multimodal Generative Models for Scalable Weakly-Supervised Learning (Wu and Goodman, 2018); Variational
    Mixture-of-Experts Autoencoders (Shi et al., 2019); Generalized Multimodal ELBO (Sutter et al., 2021).

    Arguments:
        likelihoods: family of each observation, by name.
        latent_features: size of z.
        combination: of the experts.
        encoders, decoders: networks by name; `default_networks` of the event shape for those not named.

    Raises:
        ValueError: for fewer than two observations, or a combination that there is not.

    >>> from anyvae.conditionals import Bernoulli, Normal
    >>> multimodal_vae({"picture": Bernoulli(6), "sound": Normal(4)}, 2).observed
    ('picture', 'sound')
    """
    if len(likelihoods) < 2:
        raise ValueError(f"multimodal_vae got {list(likelihoods)}; wanted at least two observations.")
    generative: dict[str, Conditional | Family] = {"z": StandardNormal(latent_features)}
    experts: dict[str, Conditional] = {}
    for name, likelihood in likelihoods.items():
        reads, paints = default_networks(likelihood)
        generative[name] = likelihood.given("z", net=(decoders or {}).get(name, paints))
        experts[name] = DiagonalNormal(latent_features).given(
            optional(name), net=(encoders or {}).get(name, reads)
        )
    every = list(experts.values())
    if combination == "product":
        posterior: Conditional = ProductOfExperts(every)
    elif combination == "mixture":
        posterior = MixtureOfExperts(every, prior=prior("z"))
    elif combination == "mixture of products":
        products = [
            ProductOfExperts(some) for size in range(1, len(every) + 1) for some in combinations(every, size)
        ]
        posterior = MixtureOfExperts(products, prior=prior("z"))
    else:
        raise ValueError(
            f"multimodal_vae got combination={combination!r}; wanted 'product', 'mixture' or 'mixture of products'."
        )
    return LatentVariableModel(generative, {"z": posterior})


def multimodal_elbo(names: list[str]) -> Objective:
    """The bound of all observations and of each one alone, which teaches every expert of a product."""
    return Subsets(ELBO(), [[name] for name in names])
