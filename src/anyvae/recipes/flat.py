"""Models with one latent vector: the named constructors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

import torch

from anyvae.conditionals import (
    IAF,
    Bernoulli,
    Columns,
    Conditional,
    DiagonalNormal,
    DiscretisedLogistic,
    Family,
    FamilyConditional,
    Flow,
    FullNormal,
    Normal,
    NormalMixture,
    OptimalScale,
    Refined,
    StandardNormal,
    UniformSphere,
    VampPrior,
    VectorQuantised,
    VonMisesFisher,
)
from anyvae.model import VAE, LatentVariableModel
from anyvae.networks import Linear
from anyvae.recipes.ends import DataOptions, EndOptions, Ends

__all__ = [
    "freeform_vae",
    "full_covariance_vae",
    "linear_vae",
    "mixture_vae",
    "semi_amortised_vae",
    "sigma_vae",
    "spherical_vae",
    "vae",
    "vamp_vae",
]


def vae(
    likelihood: Family,
    latent_features: int,
    *,
    posterior: Family | VectorQuantised | None = None,
    prior: Family | Conditional | None = None,
    around: Callable[..., Conditional] | None = None,
    **options: Unpack[EndOptions],
) -> LatentVariableModel:
    r"""p(z) = N(0, I), p(x | z) of any family, q(z | x) a diagonal normal.

    Arguments:
        likelihood: family of x.
        latent_features: size of z.
        posterior: family of q(z | x), or a codebook; `DiagonalNormal` where None.
        prior: p(z), a family or a conditional without parents; `StandardNormal` where None.
        around: makes the encoder from the conditional of `posterior`, such as a flow after it.
        options: how x is read and made, see `EndOptions`.

    Source: Auto-Encoding Variational Bayes (Kingma and Welling, 2013).

    >>> from anyvae.conditionals import Bernoulli
    >>> vae(Bernoulli(6), 2).latents
    ('z',)
    """
    ends = Ends(likelihood, **options)
    plain = ends.read(posterior or DiagonalNormal(latent_features))
    return VAE(
        prior=StandardNormal(latent_features) if prior is None else prior,
        encoder=plain if around is None else around(plain),
        decoder=ends.make("z"),
    )


def linear_vae(likelihood: Family, latent_features: int, **data: Unpack[DataOptions]) -> LatentVariableModel:
    r"""A VAE without hidden layers; with normal noise of one scale its optimum is probabilistic PCA.

    Arguments are those of `vae`. Source: Don't Blame the ELBO! (Lucas et al., 2019).
    """
    return vae(likelihood, latent_features, encoder=Linear(), decoder=Linear(), **data)


def full_covariance_vae(
    likelihood: Family, latent_features: int, **options: Unpack[EndOptions]
) -> LatentVariableModel:
    r"""A VAE whose posterior has a full covariance: latents may depend on each other given x.

    .. math:: q(z \mid x) = N(loc, L L')

    Arguments are those of `vae`. Source: An Introduction to Variational Autoencoders, section 2.5.1 (Kingma and
    Welling, 2019).

    >>> from anyvae.conditionals import Bernoulli
    >>> full_covariance_vae(Bernoulli(6), 2).inference_parts["z"].family
    FullNormal(2)
    """
    return vae(likelihood, latent_features, posterior=FullNormal(latent_features), **options)


def iaf_vae(
    likelihood: Family,
    latent_features: int,
    *,
    flows: int = 2,
    context: int = 32,
    **options: Unpack[EndOptions],
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

    return vae(likelihood, latent_features, around=carried, **options)


def spherical_vae(
    likelihood: Family, latent_features: int, **options: Unpack[EndOptions]
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
        **options,
    )


def semi_amortised_vae(
    likelihood: Family, latent_features: int, *, steps: int = 4, **options: Unpack[EndOptions]
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

    return vae(likelihood, latent_features, around=refined, **options)


def freeform_vae(
    likelihood: Family, latent_features: int, *, steps: int = 20, **options: Unpack[EndOptions]
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

    return vae(likelihood, latent_features, around=without_encoder, **options)


def sigma_vae(likelihood: Family, latent_features: int, **options: Unpack[EndOptions]) -> LatentVariableModel:
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
    return vae(calibrated, latent_features, **options)


def mixture_vae(
    likelihood: Family,
    latent_features: int,
    *,
    components: int = 30,
    **options: Unpack[EndOptions],
) -> LatentVariableModel:
    r"""A VAE whose prior is a mixture of diagonal normals, learned with the rest.

    .. math:: p(z) = \sum_k \pi_k N(z; \mu_k, \operatorname{diag} \sigma_k^2)

    Rows of several sorts need not be drawn together to one place, and draws of the prior are then of one sort or
    another, in the shares that they have. Other arguments are those of `vae`.

    Source: the mixture of Gaussians of VAE with a VampPrior (Tomczak and Welling, 2018).

    Arguments:
        components: K.

    >>> from anyvae.conditionals import Bernoulli
    >>> mixture_vae(Bernoulli(6), 2).generative_parts["z"].family
    NormalMixture(2, 30)
    """
    return vae(likelihood, latent_features, prior=NormalMixture(latent_features, components), **options)


def vamp_vae(
    likelihood: Family,
    latent_features: int,
    *,
    components: int = 100,
    **options: Unpack[EndOptions],
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
        mean = torch.as_tensor((options.get("start") or {}).get("logits", 0.0)).sigmoid()
        bounds, spread = (0.0, 1.0), (mean * (1.0 - mean)).sqrt()
    elif (
        isinstance(likelihood, DiscretisedLogistic)
        and likelihood.low.numel() == likelihood.high.numel() == 1
        and bool(torch.isfinite(likelihood.high - likelihood.low))
    ):
        bounds = (float(likelihood.low), float(likelihood.high))
    prior = VampPrior(latent_features, components, mean=mean, spread=spread, bounds=bounds)
    return vae(likelihood, latent_features, prior=prior, **options)


def _with_optimal_scale(family: Family) -> Family:
    if isinstance(family, Normal):
        return Normal(tuple(family.event_shape), scale=OptimalScale())
    if isinstance(family, Columns) and any(isinstance(part, Normal) for part in family.parts):
        return Columns([_with_optimal_scale(part) for part in family.parts], family.order)
    return family
