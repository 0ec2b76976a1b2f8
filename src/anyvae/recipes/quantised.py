"""Models whose latents are codes."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from anyvae.conditionals import FSQ, CodebookPrior, Family, Parent, UniformLattice, VectorQuantised, observed
from anyvae.model import VAE, LatentVariableModel
from anyvae.networks import Network
from anyvae.objectives import ELBO, Commitment, Objective
from anyvae.recipes.flat import default_networks

__all__ = ["committed_elbo", "fsq_vae", "vq_vae"]

_LEVELS = (8, 5, 5, 5)


def vq_vae(
    likelihood: Family,
    latent_features: int,
    *,
    codes: int = 8,
    code_features: int = 4,
    learned: bool = True,
    encoder: Network | None = None,
    decoder: Network | None = None,
    start: Mapping[str, Tensor | float] | None = None,
    log_unit: Tensor | None = None,
    missing: bool = False,
) -> LatentVariableModel:
    r"""So many latent codes, each the nearest of one codebook; p(z) with a learned frequency of each at each position.

    Arguments are those of `vae`, and:
        latent_features: number of codes of a row.
        codes: K, size of the codebook.
        code_features: size of a code vector.
        learned: whether p(z) has learned frequencies; else it is uniform, and KL = latent_features log K.

    Source: Neural Discrete Representation Learning (van den Oord et al., 2017).

    >>> from anyvae.conditionals import Bernoulli
    >>> vq_vae(Bernoulli(6), 3).shapes["z"]
    torch.Size([3, 4])
    """
    reads, paints = default_networks(likelihood)
    shape = (latent_features, code_features)
    return VAE(
        prior=CodebookPrior(shape, learned=learned),
        encoder=VectorQuantised(shape, codes).given(*_parents(missing), net=encoder or reads),
        decoder=likelihood.given("z", net=decoder or paints, start=start, log_unit=log_unit),
    )


def fsq_vae(
    likelihood: Family,
    latent_features: int,
    *,
    encoder: Network | None = None,
    decoder: Network | None = None,
    start: Mapping[str, Tensor | float] | None = None,
    log_unit: Tensor | None = None,
    missing: bool = False,
) -> LatentVariableModel:
    r"""So many latent features, each rounded to one of 8, 5, 5, 5, 8, ... levels; p(z) uniform over the lattice.

    Arguments are those of `vae`. Source: Finite Scalar Quantization (Mentzer et al., 2023).

    >>> from anyvae.conditionals import Bernoulli
    >>> fsq_vae(Bernoulli(6), 5).inference_parts["z"].family
    FSQ([8, 5, 5, 5, 8])
    """
    reads, paints = default_networks(likelihood)
    levels = [_LEVELS[index % len(_LEVELS)] for index in range(latent_features)]
    return VAE(
        prior=UniformLattice(levels),
        encoder=FSQ(levels).given(*_parents(missing), net=encoder or reads),
        decoder=likelihood.given("z", net=decoder or paints, start=start, log_unit=log_unit),
    )


def committed_elbo() -> Objective:
    """The ELBO with the encoder held to its codes by a quarter of their squared distance."""
    return ELBO() - 0.25 * Commitment("z")


def _parents(missing: bool) -> list[str | Parent]:
    return ["x", observed("x")] if missing else ["x"]
