"""Models of several observations of one thing, any of which may be absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Unpack

from anyvae.conditionals import (
    Conditional,
    DiagonalNormal,
    Family,
    MixtureOfExperts,
    MixtureOfProducts,
    ProductOfExperts,
    StandardNormal,
    observed,
    optional,
    prior,
)
from anyvae.model import LatentVariableModel
from anyvae.networks import Network
from anyvae.objectives import ELBO, Objective, Subsets
from anyvae.recipes.ends import EndOptions, Ends, default_networks

__all__ = ["grouped_vae", "multimodal_elbo", "multimodal_vae"]

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
    return LatentVariableModel(
        generative, {"z": _combined(list(experts.values()), combination, "multimodal_vae")}
    )


def grouped_vae(
    likelihood: Family,
    latent_features: int,
    *,
    groups: Mapping[str, Sequence[int]],
    combination: Combination = "mixture of products",
    **options: Unpack[EndOptions],
) -> LatentVariableModel:
    r"""A multimodal VAE of one vector, whose observations are groups of its features.

    .. math:: p(z) \, p(x \mid z), \quad q(z \mid \{x_g\}_{g \in present})

    with q as in `multimodal_vae`. A group is present in the rows that hold a cell of it; its expert reads which.
    Source: Generalized Multimodal ELBO (Sutter et al., 2021), and the papers of `multimodal_vae`.

    Arguments:
        likelihood: family of x, of vectors.
        latent_features: size of z.
        groups: places of the features of each group, by name.
        combination: of the experts.
        options: see `EndOptions`; every expert has an encoder of its own.

    Raises:
        ValueError: for fewer than two groups, more than six in a mixture of products, features in two groups or in
            none, or a combination that there is not.

    >>> from anyvae.conditionals import Normal
    >>> model = grouped_vae(Normal(5), 2, groups={"face": [0, 1], "voice": [2, 3, 4]})
    >>> [str(parent) for parent in model.inference_parts["z"].parents[:2]]
    ['optional(x[0-1])', 'observed(x[0-1])']
    """
    features = likelihood.event_shape
    places = sorted(place for group in groups.values() for place in group)
    if len(groups) < 2:
        raise ValueError(f"grouped_vae got groups {list(groups)}; wanted at least two.")
    if len(features) != 1 or places != list(range(features[0])):
        raise ValueError(
            f"grouped_vae got an x of shape {tuple(features)} and groups of the places {places}; wanted a vector, "
            "each of whose features is in one group."
        )
    ends = Ends(likelihood, **options)
    experts = [
        DiagonalNormal(latent_features).given(optional("x", group), observed("x", group), net=ends.encoder)
        for group in groups.values()
    ]
    return LatentVariableModel(
        {"z": StandardNormal(latent_features), "x": ends.make("z")},
        {"z": _combined(experts, combination, "grouped_vae")},
    )


def _combined(experts: Sequence[Conditional], combination: str, user: str) -> Conditional:
    """The posterior made of experts, each of which may be absent."""
    if combination == "product":
        return ProductOfExperts(experts)
    if combination == "mixture":
        return MixtureOfExperts(experts, prior=prior("z"))
    if combination == "mixture of products":
        return MixtureOfProducts(experts)
    raise ValueError(
        f"{user} got combination={combination!r}; wanted 'product', 'mixture' or 'mixture of products'."
    )


def multimodal_elbo(names: list[str]) -> Objective:
    """The bound of all observations and of each one alone, which teaches every expert of a product."""
    return Subsets(ELBO(), [[name] for name in names])
