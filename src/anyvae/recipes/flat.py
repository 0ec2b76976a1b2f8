"""Models with one latent vector: the named constructors."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from anyvae.conditionals import (
    Bernoulli,
    Conditional,
    DiagonalNormal,
    DiscretisedLogistic,
    Family,
    FullNormal,
    Parent,
    StandardNormal,
    VampPrior,
    observed,
)
from anyvae.model import VAE, LatentVariableModel
from anyvae.networks import MLP, ConvNet, Linear, Network

__all__ = ["default_networks", "full_covariance_vae", "linear_vae", "vae", "vamp_vae"]


def vae(
    likelihood: Family,
    latent_features: int,
    *,
    encoder: Network | None = None,
    decoder: Network | None = None,
    start: Mapping[str, Tensor | float] | None = None,
    log_unit: Tensor | None = None,
    missing: bool = False,
    posterior: Family | None = None,
    prior: Family | Conditional | None = None,
) -> LatentVariableModel:
    r"""p(z) = N(0, I), p(x | z) of any family, q(z | x) a diagonal normal.

    Arguments:
        likelihood: family of x.
        latent_features: size of z.
        encoder, decoder: networks; `default_networks` of the event shape where None.
        start: where the decoder's parameters start.
        log_unit: log of one unit of x in input units.
        missing: whether x may have holes; the encoder then reads the mask too.
        posterior: family of q(z | x); `DiagonalNormal` where None.
        prior: p(z); `StandardNormal` where None.

    Source: Auto-Encoding Variational Bayes (Kingma and Welling, 2013).

    >>> from anyvae.conditionals import Bernoulli
    >>> vae(Bernoulli(6), 2).latents
    ('z',)
    """
    reads, paints = default_networks(likelihood)
    parents: list[str | Parent] = ["x", observed("x")] if missing else ["x"]
    return VAE(
        prior=prior or StandardNormal(latent_features),
        encoder=(posterior or DiagonalNormal(latent_features)).given(*parents, net=encoder or reads),
        decoder=likelihood.given("z", net=decoder or paints, start=start, log_unit=log_unit),
    )


def linear_vae(
    likelihood: Family,
    latent_features: int,
    *,
    start: Mapping[str, Tensor | float] | None = None,
    log_unit: Tensor | None = None,
    missing: bool = False,
) -> LatentVariableModel:
    r"""A VAE without hidden layers; with normal noise of one scale its optimum is probabilistic PCA.

    Arguments are those of `vae`. Source: Don't Blame the ELBO! (Lucas et al., 2019).
    """
    return vae(
        likelihood,
        latent_features,
        encoder=Linear(),
        decoder=Linear(),
        start=start,
        log_unit=log_unit,
        missing=missing,
    )


def full_covariance_vae(
    likelihood: Family,
    latent_features: int,
    *,
    start: Mapping[str, Tensor | float] | None = None,
    log_unit: Tensor | None = None,
    missing: bool = False,
) -> LatentVariableModel:
    r"""A VAE whose posterior has a full covariance: latents may depend on each other given x.

    .. math:: q(z \mid x) = N(loc, L L')

    Arguments are those of `vae`. Source: An Introduction to Variational Autoencoders, section 2.5.1 (Kingma and
    Welling, 2019).

    >>> from anyvae.conditionals import Bernoulli
    >>> full_covariance_vae(Bernoulli(6), 2).inference_parts["z"].family
    FullNormal(2)
    """
    return vae(
        likelihood,
        latent_features,
        start=start,
        log_unit=log_unit,
        missing=missing,
        posterior=FullNormal(latent_features),
    )


def vamp_vae(
    likelihood: Family,
    latent_features: int,
    *,
    components: int = 100,
    start: Mapping[str, Tensor | float] | None = None,
    log_unit: Tensor | None = None,
    missing: bool = False,
) -> LatentVariableModel:
    r"""A VAE whose prior is the mixture of its encoder's posteriors at learned pseudo-inputs.

    .. math:: p(z) = \frac1K \sum_k q(z \mid u_k)

    Pseudo-inputs start at noise with the mean and spread of the data, and stay within the values that a Bernoulli
    or a lattice of one range has. Other arguments are those of `vae`.

    Source: VAE with a VampPrior (Tomczak and Welling, 2018).

    Arguments:
        components: K.

    >>> from anyvae.conditionals import Bernoulli
    >>> vamp_vae(Bernoulli(6), 2).generative_parts["z"]
    VampPrior(2, components=100)
    """
    bounds, mean, spread = None, torch.zeros(()), torch.ones(())
    if isinstance(likelihood, Bernoulli):
        mean = torch.as_tensor((start or {}).get("logits", 0.0)).sigmoid()
        bounds, spread = (0.0, 1.0), (mean * (1.0 - mean)).sqrt()
    elif (
        isinstance(likelihood, DiscretisedLogistic) and likelihood.low.numel() == likelihood.high.numel() == 1
    ):
        bounds = (float(likelihood.low), float(likelihood.high))
    prior = VampPrior(latent_features, components, mean=mean, spread=spread, bounds=bounds)
    return vae(likelihood, latent_features, start=start, log_unit=log_unit, missing=missing, prior=prior)


def default_networks(likelihood: Family) -> tuple[Network, Network]:
    """Encoder and decoder that suit an event shape.

    Pictures of at least 16 x 16 get a convolutional decoder, which over-fits less than a dense one of equal
    size; a dense encoder reads small ones as well as a convolutional one and much faster.
    """
    shape = likelihood.event_shape
    if len(shape) == 3 and min(shape[1:]) >= 16:
        large = shape.numel() > 1024
        channels = [16, 32, 64] if large and min(shape[1:]) >= 48 else [16, 16]
        reads: Network = ConvNet([32, 64], 512) if large else MLP([512, 512], nn.GELU)
        return reads, ConvNet(channels, 512)
    width = 128 if len(shape) == 1 and shape[0] < 32 else 256
    return MLP([width, width]), MLP([width, width])
