"""Models with one latent vector: the named constructors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict, Unpack

import torch
from torch import Tensor, nn

from anyvae.conditionals import (
    IAF,
    Bernoulli,
    CellMixture,
    Columns,
    Conditional,
    DiagonalNormal,
    DiscretisedLogistic,
    DiscretisedLogisticMixture,
    Family,
    FamilyConditional,
    Flow,
    FullNormal,
    Normal,
    OptimalScale,
    Parent,
    Placed,
    Refined,
    StandardNormal,
    StudentT,
    UniformSphere,
    VampPrior,
    VectorQuantised,
    VonMisesFisher,
    observed,
)
from anyvae.distributions import LogUnit
from anyvae.model import VAE, LatentVariableModel
from anyvae.networks import MLP, Compressed, ConvNet, Linear, Network

__all__ = [
    "DataOptions",
    "default_networks",
    "freeform_vae",
    "full_covariance_vae",
    "linear_vae",
    "semi_amortised_vae",
    "sigma_vae",
    "spherical_vae",
    "vae",
    "vamp_vae",
]


class DataOptions(TypedDict, total=False):
    """The keywords of `vae` that follow from the data; every constructor hands them on."""

    start: Mapping[str, Tensor | float] | None
    log_unit: Tensor | LogUnit | None
    missing: bool


def vae(
    likelihood: Family,
    latent_features: int,
    *,
    encoder: Network | None = None,
    decoder: Network | None = None,
    start: Mapping[str, Tensor | float] | None = None,
    log_unit: Tensor | LogUnit | None = None,
    missing: bool = False,
    posterior: Family | VectorQuantised | None = None,
    prior: Family | Conditional | None = None,
    around: Callable[..., Conditional] | None = None,
) -> LatentVariableModel:
    r"""p(z) = N(0, I), p(x | z) of any family, q(z | x) a diagonal normal.

    Arguments:
        likelihood: family of x.
        latent_features: size of z.
        encoder, decoder: networks; `default_networks` of the event shape where None.
        start: where the decoder's parameters start.
        log_unit: log of one unit of x in input units.
        missing: whether x may have holes; the encoder then reads the mask too.
        posterior: family of q(z | x), or a codebook; `DiagonalNormal` where None.
        prior: p(z), a family or a conditional without parents; `StandardNormal` where None.
        around: makes the encoder from the conditional of `posterior`, such as a flow after it.

    Source: Auto-Encoding Variational Bayes (Kingma and Welling, 2013).

    >>> from anyvae.conditionals import Bernoulli
    >>> vae(Bernoulli(6), 2).latents
    ('z',)
    """
    reads, paints = default_networks(likelihood)
    parents: list[str | Parent] = ["x", observed("x")] if missing else ["x"]
    plain = (posterior or DiagonalNormal(latent_features)).given(*parents, net=encoder or reads)
    return VAE(
        prior=StandardNormal(latent_features) if prior is None else prior,
        encoder=plain if around is None else around(plain),
        decoder=likelihood.given("z", net=decoder or paints, start=start, log_unit=log_unit),
    )


def linear_vae(likelihood: Family, latent_features: int, **data: Unpack[DataOptions]) -> LatentVariableModel:
    r"""A VAE without hidden layers; with normal noise of one scale its optimum is probabilistic PCA.

    Arguments are those of `vae`. Source: Don't Blame the ELBO! (Lucas et al., 2019).
    """
    return vae(likelihood, latent_features, encoder=Linear(), decoder=Linear(), **data)


def full_covariance_vae(
    likelihood: Family, latent_features: int, **data: Unpack[DataOptions]
) -> LatentVariableModel:
    r"""A VAE whose posterior has a full covariance: latents may depend on each other given x.

    .. math:: q(z \mid x) = N(loc, L L')

    Arguments are those of `vae`. Source: An Introduction to Variational Autoencoders, section 2.5.1 (Kingma and
    Welling, 2019).

    >>> from anyvae.conditionals import Bernoulli
    >>> full_covariance_vae(Bernoulli(6), 2).inference_parts["z"].family
    FullNormal(2)
    """
    return vae(likelihood, latent_features, posterior=FullNormal(latent_features), **data)


def iaf_vae(
    likelihood: Family,
    latent_features: int,
    *,
    flows: int = 2,
    context: int = 32,
    **data: Unpack[DataOptions],
) -> LatentVariableModel:
    r"""A VAE whose posterior is a diagonal normal carried along by inverse autoregressive flows.

    .. math:: q(z \mid x): \quad z = T_K(... T_1(u; h)), \quad u \sim N(loc, scale^2)

    The encoder gives loc, scale and the context h. The flows start near the identity, so it starts as `vae`.

    Arguments are those of `vae`, besides

        flows: K, how many.
        context: length of h.

    Source: Improving Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016).

    >>> from anyvae.conditionals import Bernoulli
    >>> iaf_vae(Bernoulli(6), 2).inference_parts["z"].transforms
    (IAF(), IAF())
    """

    def carried(base: FamilyConditional) -> Conditional:
        return Flow(base, *[IAF()] * flows, context=context)

    return vae(likelihood, latent_features, around=carried, **data)


def spherical_vae(
    likelihood: Family, latent_features: int, **data: Unpack[DataOptions]
) -> LatentVariableModel:
    r"""A VAE whose latents are directions: points of the unit sphere in R^n, uniform under the prior.

    .. math:: p(z) = \text{uniform}, \quad q(z \mid x) \propto e^{concentration \, (loc \cdot z)}

    `latent_features` is n, the number of coordinates that the decoder reads, at least 2; the sphere has n - 1
    dimensions, so for as many degrees of freedom as a `vae` take one more. The other arguments are those of `vae`.
    Source: Hyperspherical Variational Auto-Encoders (Davidson et al., 2018).

    >>> from anyvae.conditionals import Bernoulli
    >>> spherical_vae(Bernoulli(6), 3).generative_parts["z"].family
    UniformSphere(3)
    """
    return vae(
        likelihood,
        latent_features,
        posterior=VonMisesFisher(latent_features),
        prior=UniformSphere(latent_features),
        **data,
    )


def semi_amortised_vae(
    likelihood: Family, latent_features: int, *, steps: int = 4, **data: Unpack[DataOptions]
) -> LatentVariableModel:
    r"""A VAE whose encoder only starts the search for the posterior of a row.

    .. math:: \lambda_{k + 1} = \lambda_k + rate \cdot \mathrm{Adam}(\nabla_\lambda ELBO(x; \lambda_k))

    The encoder learns through the steps. Arguments are those of `vae`, besides

        steps: K; each costs about two passes of the decoder.

    Source: Semi-Amortized Variational Autoencoders (Kim et al., 2018).

    >>> from anyvae.conditionals import Bernoulli
    >>> semi_amortised_vae(Bernoulli(6), 2).inference_parts["z"].steps
    4
    """

    def refined(base: FamilyConditional) -> Conditional:
        return Refined(base, steps=steps, unroll=True)

    return vae(likelihood, latent_features, around=refined, **data)


def freeform_vae(
    likelihood: Family, latent_features: int, *, steps: int = 20, **data: Unpack[DataOptions]
) -> LatentVariableModel:
    r"""A VAE without an encoder: the posterior of every row is found by climbing its own bound.

    Every search starts from one posterior, the same for all rows, which is learned. Nothing is amortised, for training
    rows and new rows alike, so it is slow and has next to no amortisation gap. Arguments are those of `vae`, besides

        steps: how many, of length .3 in the units of the parameters.

    Source: Stochastic Variational Inference (Hoffman et al., 2013), with the local search of each step.

    >>> from anyvae.conditionals import Bernoulli
    >>> list(freeform_vae(Bernoulli(6), 2).inference_parts["z"].part.free)
    ['loc', 'raw_scale']
    """

    def without_encoder(base: FamilyConditional) -> Conditional:
        return Refined(DiagonalNormal(latent_features).given(), steps=steps, rate=0.3)

    return vae(likelihood, latent_features, around=without_encoder, **data)


def sigma_vae(likelihood: Family, latent_features: int, **data: Unpack[DataOptions]) -> LatentVariableModel:
    r"""A VAE whose normal columns share one scale, in closed form from the residuals of each batch.

    .. math:: \sigma^2 = \operatorname{mean}_{rows, i} (x_i - loc_i)^2

    Columns of other kinds, such as categories, are scored as in `vae`.
    Arguments are those of `vae`. Source: Simple and Effective VAE Training with Calibrated Decoders (Rybkin et al.,
    2021).

    Raises:
        ValueError: when no column is normal, as for binary data, whose likelihood has no scale.

    >>> from anyvae.conditionals import Normal
    >>> sigma_vae(Normal(6), 2).generative_parts["x"].family.scale
    OptimalScale()
    """
    calibrated = _with_optimal_scale(likelihood)
    if calibrated is likelihood:
        raise ValueError(
            f"sigma_vae sets the scale of normal values and got {likelihood!r}, which has none; choose the recipe vae, "
            "or score numbers as normal ones (--likelihood normal)."
        )
    return vae(calibrated, latent_features, **data)


def vamp_vae(
    likelihood: Family,
    latent_features: int,
    *,
    components: int = 100,
    **data: Unpack[DataOptions],
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
        mean = torch.as_tensor((data.get("start") or {}).get("logits", 0.0)).sigmoid()
        bounds, spread = (0.0, 1.0), (mean * (1.0 - mean)).sqrt()
    elif (
        isinstance(likelihood, DiscretisedLogistic)
        and likelihood.low.numel() == likelihood.high.numel() == 1
        and bool(torch.isfinite(likelihood.high - likelihood.low))
    ):
        bounds = (float(likelihood.low), float(likelihood.high))
    prior = VampPrior(latent_features, components, mean=mean, spread=spread, bounds=bounds)
    return vae(likelihood, latent_features, prior=prior, **data)


def _with_optimal_scale(family: Family) -> Family:
    if isinstance(family, Normal):
        return Normal(tuple(family.event_shape), scale=OptimalScale())
    if isinstance(family, Columns) and any(isinstance(part, Normal) for part in family.parts):
        return Columns([_with_optimal_scale(part) for part in family.parts], family.order)
    return family


def default_networks(likelihood: Family) -> tuple[Network, Network]:
    """Encoder and decoder that suit an event shape.

    Pictures of at least 16 x 16 get a convolutional decoder, which over-fits less than a dense one of equal
    size; a dense encoder reads small ones as well as a convolutional one and much faster. Where a column may hold
    values far from its others (counts, whole numbers, heavy tails, several modes) the encoder reads them drawn in.
    """
    shape = likelihood.event_shape
    if len(shape) == 3 and min(shape[1:]) >= 16:
        large = shape.numel() > 1024
        channels = [16, 32, 64] if large and min(shape[1:]) >= 48 else [16, 16]
        reads: Network = ConvNet([32, 64], 512) if large else MLP([512, 512], nn.GELU)
        return reads, ConvNet(channels, 512)
    width = 128 if len(shape) == 1 and shape[0] < 32 else 256
    dense = MLP([width, width])
    parts = likelihood.parts if isinstance(likelihood, Columns) else (likelihood,)
    return Compressed(dense) if any(map(_far_reaching, parts)) else dense, MLP([width, width])


def _far_reaching(family: Family) -> bool:
    """Whether values of a vector may lie far from the others: not so where both ends of their range are known."""
    if isinstance(family, DiscretisedLogistic | DiscretisedLogisticMixture):
        return bool(torch.isinf(family.high).any() | torch.isinf(family.low).any())
    return isinstance(family, StudentT | CellMixture | Placed)
