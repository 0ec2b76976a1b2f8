"""Models whose evidence is known in closed form, and the judge of estimators."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from anyvae.conditionals import Conditional, DiagonalNormal, FeatureScale, Normal, OneScale, StandardNormal
from anyvae.model import VAE, LatentVariableModel
from anyvae.networks import Linear


def z_score(draws: Tensor, exact: Tensor | float) -> Tensor:
    """How many standard errors the mean of `draws`, shape (N, ...), lies from `exact`."""
    return (draws.mean(0) - exact) / (draws.std(0) / math.sqrt(len(draws)))


def raw_scale(scale: Tensor | float) -> Tensor:
    """The raw number that `bounded_scale` maps to `scale`."""
    return 6.0 * torch.atanh(torch.as_tensor(scale).log() / 6.0)


def set_linear(part: Conditional, **outputs: tuple[Tensor, ...]) -> None:
    """Give a conditional over `Linear()` its weights: parameter = (bias, one matrix per parent)."""
    assert part.net is not None
    layers = part.net.entry.layers
    start = 0
    with torch.no_grad():
        for name in part._from_net:
            bias, *weights = outputs[name]
            stop = start + bias.numel()
            layers[0].bias[start:stop] = bias.flatten()
            for layer, weight in zip(layers, weights, strict=True):
                layer.weight[start:stop] = weight
            start = stop


def set_scale(part: Conditional, scale: Tensor | float) -> None:
    """Give a conditional with a free scale this one."""
    with torch.no_grad():
        part.free["raw_scale"].copy_(raw_scale(scale).expand_as(part.free["raw_scale"]))


class LinearGaussian:
    """p(z) = N(0, I), p(x | z) = N(W z + b, diag(noise^2)), and q(z | x) its exact posterior or a wrong one.

    W is rotated so that W' N^-1 W is diagonal: the evidence is that of any W, and the exact posterior of a
    full covariance is diagonal in the rotated latents.
    """

    def __init__(
        self,
        features: int,
        latents: int,
        *,
        per_feature: bool = False,
        stretch: float = 1.0,
        shift: float = 0.0,
        seed: int = 0,
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        noise = torch.full((features,), 0.7)
        if per_feature:
            noise = 0.4 + torch.rand(features, generator=generator)
        weight = torch.randn(features, latents, generator=generator)
        _, _, rotation = torch.linalg.svd(weight / noise[:, None], full_matrices=False)
        self.loadings = weight @ rotation.T
        self.offset = torch.randn(features, generator=generator)
        self.noise = noise
        self.covariance = weight @ weight.T + torch.diag(noise**2)
        self.model: LatentVariableModel = VAE(
            StandardNormal(latents),
            DiagonalNormal(latents).given("x", net=Linear()),
            Normal(features, scale=FeatureScale() if per_feature else OneScale()).given("z", net=Linear()),
        ).double()
        decoder, encoder = self.model.generative_parts["x"], self.model.inference_parts["z"]
        set_linear(decoder, loc=(self.offset, self.loadings))
        set_scale(decoder, noise if per_feature else 0.7)
        self.posterior_precision = (self.loadings**2 / noise[:, None] ** 2).sum(0) + 1.0
        gain = (self.loadings / noise[:, None] ** 2).T / self.posterior_precision[:, None]
        self.posterior_scale = self.posterior_precision.rsqrt()
        set_linear(
            encoder,
            loc=(shift - gain @ self.offset, gain),
            raw_scale=(raw_scale(stretch * self.posterior_scale), torch.zeros(latents, features)),
        )

    def evidence_distribution(self) -> MultivariateNormal:
        """p(x)."""
        return MultivariateNormal(self.offset, self.covariance)

    def rows(self, count: int, seed: int = 1) -> Tensor:
        """Draws of x, spread wider than the model so that the tails are tried too."""
        generator = torch.Generator().manual_seed(seed)
        return self.offset + 2.0 * torch.randn(count, len(self.offset), generator=generator)

    def evidence(self, x: Tensor) -> Tensor:
        """log p(x), nats, shape (B,)."""
        return self.evidence_distribution().log_prob(x)


def encoded(loc: Tensor, scale: float) -> LatentVariableModel:
    """A model whose q(z | x) has mean x @ loc and one scale: for normal rows its aggregate is normal."""
    model = VAE(
        StandardNormal(loc.shape[1]),
        DiagonalNormal(loc.shape[1]).given("x", net=Linear()),
        Normal(loc.shape[0]).given("z", net=Linear()),
    )
    features = loc.shape[1]
    set_linear(
        model.inference_parts["z"],
        loc=(torch.zeros(features), loc.T),
        raw_scale=(raw_scale(scale).expand(features), torch.zeros(features, loc.shape[0])),
    )
    return model


def aggregate_covariance(loc: Tensor, scale: float) -> Tensor:
    """Covariance of the aggregate posterior of `encoded(loc, scale)` for rows of N(0, I)."""
    return loc.T @ loc + scale**2 * torch.eye(loc.shape[1])


def total_correlation(covariance: Tensor) -> float:
    """Of a normal vector, nats."""
    return float(0.5 * (covariance.diagonal().log().sum() - torch.logdet(covariance)))


def probabilistic_pca(x: Tensor, latents: int) -> float:
    """The largest mean log-likelihood, nats per row, that a linear model with one noise scale can have.

    Tipping and Bishop, 1999: with eigenvalues l of the covariance, noise^2 is the mean of the discarded ones.
    """
    features = x.shape[1]
    covariance = torch.cov(x.T, correction=0).reshape(features, features)
    eigenvalues = torch.linalg.eigvalsh(covariance).flip(0)
    kept, noise = eigenvalues[:latents], eigenvalues[latents:].mean()
    logs = kept.log().sum() + (features - latents) * noise.log()
    return float(-0.5 * (features * math.log(2.0 * math.pi) + logs + features))
