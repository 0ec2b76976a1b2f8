"""Models whose latents are codes."""

from __future__ import annotations

from typing import Unpack

from anyvae.conditionals import FSQ, CodebookPrior, Family, UniformLattice, VectorQuantised
from anyvae.model import LatentVariableModel
from anyvae.networks import Network
from anyvae.objectives import ELBO, Commitment, Objective
from anyvae.recipes.ends import DataOptions
from anyvae.recipes.flat import vae

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
    **data: Unpack[DataOptions],
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
    shape = (latent_features, code_features)
    return vae(
        likelihood,
        latent_features,
        encoder=encoder,
        decoder=decoder,
        posterior=VectorQuantised(shape, codes),
        prior=CodebookPrior(shape, learned=learned),
        **data,
    )


def fsq_vae(
    likelihood: Family,
    latent_features: int,
    *,
    encoder: Network | None = None,
    decoder: Network | None = None,
    **data: Unpack[DataOptions],
) -> LatentVariableModel:
    r"""So many latent features, each rounded to one of 8, 5, 5, 5, 8, ... levels; p(z) uniform over the lattice.

    Arguments are those of `vae`. Source: Finite Scalar Quantization (Mentzer et al., 2023).

    >>> from anyvae.conditionals import Bernoulli
    >>> fsq_vae(Bernoulli(6), 5).inference_parts["z"].family
    FSQ([8, 5, 5, 5, 8])
    """
    levels = [_LEVELS[index % len(_LEVELS)] for index in range(latent_features)]
    return vae(
        likelihood,
        latent_features,
        encoder=encoder,
        decoder=decoder,
        posterior=FSQ(levels),
        prior=UniformLattice(levels),
        **data,
    )


def committed_elbo() -> Objective:
    """The ELBO with the encoder held to its codes by a quarter of their squared distance."""
    return ELBO() - 0.25 * Commitment("z")
