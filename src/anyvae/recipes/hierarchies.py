"""Models with several stochastic layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict, Unpack

from torch import Tensor

from anyvae.conditionals import (
    Conditional,
    Deterministic,
    DiagonalNormal,
    Family,
    Parent,
    ProductOfExperts,
    Residual,
    StandardNormal,
    observed,
    prior,
)
from anyvae.distributions import LogUnit
from anyvae.model import LatentVariableModel
from anyvae.networks import MLP, Linear, Network, Shortcut
from anyvae.recipes.flat import default_networks

__all__ = ["HierarchyOptions", "dlgm", "ladder_vae", "topdown_vae", "two_level_vae"]

_LAYERS = 3


class HierarchyOptions(TypedDict, total=False):
    """The keywords that all hierarchies take.

    Arguments:
        encoder: network that reads x; `default_networks` of the event shape where None.
        decoder: network that makes the parameters of x; likewise.
        hidden: width of the layers between.
        start, log_unit, missing: as in `vae`.
    """

    encoder: Network | None
    decoder: Network | None
    hidden: int | None
    start: Mapping[str, Tensor | float] | None
    log_unit: Tensor | LogUnit | None
    missing: bool


class _Ends:
    """What every hierarchy has at its ends: how x is read, and how it is made."""

    def __init__(self, likelihood: Family, options: HierarchyOptions) -> None:
        reads, paints = default_networks(likelihood)
        self.likelihood = likelihood
        self.encoder = options.get("encoder") or reads
        self.decoder = options.get("decoder") or paints
        self.hidden = options.get("hidden") or (128 if likelihood.event_shape.numel() < 32 else 256)
        self.start, self.log_unit = options.get("start"), options.get("log_unit")
        self.parents: list[str | Parent] = ["x", observed("x")] if options.get("missing") else ["x"]

    def x(self, parent: str) -> Conditional:
        return self.likelihood.given(parent, net=self.decoder, start=self.start, log_unit=self.log_unit)

    def read(self, family: Family) -> Conditional:
        return family.given(*self.parents, net=self.encoder)

    @property
    def between(self) -> MLP:
        return MLP([self.hidden, self.hidden])


def dlgm(
    likelihood: Family, latent_features: int, *, layers: int = _LAYERS, **options: Unpack[HierarchyOptions]
) -> LatentVariableModel:
    r"""A deep latent Gaussian model: independent normal noise enters at every layer of one deterministic path.

    .. math::

        p(z_l) = N(0, I), \quad h_L = G_L z_L, \quad h_l = T_l(h_{l+1}) + G_l z_l, \quad p(x \mid h_1), \quad
        q(z_1, \dots \mid x) = \prod_l q(z_l \mid x)

    Latents are z1, next to x, to zL; h is computed and counts in no bound.
    Source: Stochastic Backpropagation and Approximate Inference in Deep Generative Models (Rezende et al., 2014).

    Arguments:
        likelihood: family of x.
        latent_features: size of every z.
        layers: L.
        options: see `HierarchyOptions`.

    >>> from anyvae.conditionals import Bernoulli
    >>> dlgm(Bernoulli(6), 2, layers=2).latents
    ('z1', 'z2')
    """
    ends = _Ends(likelihood, options)
    names = _names("z", layers, "dlgm")
    generative: dict[str, Conditional | Family] = {name: StandardNormal(latent_features) for name in names}
    top = f"h{layers}"
    generative[top] = Deterministic(ends.hidden).given(names[-1], net=Linear())
    for level in range(layers - 1, 0, -1):
        above = f"h{level + 1}"
        generative[f"h{level}"] = Deterministic(ends.hidden).given(
            above, f"z{level}", net=Shortcut(MLP([ends.hidden]))
        )
    generative["x"] = ends.x("h1")
    # One pass over x for all layers: what it finds is computed once and read by each.
    inference: dict[str, Conditional] = {"d": ends.read(Deterministic(ends.hidden))}
    inference |= {name: DiagonalNormal(latent_features).given("d", net=MLP([ends.hidden])) for name in names}
    return LatentVariableModel(generative, inference)


def two_level_vae(
    likelihood: Family, latent_features: int, *, above: int | None = None, **options: Unpack[HierarchyOptions]
) -> LatentVariableModel:
    r"""Two stochastic layers, inferred from the bottom up.

    .. math:: p(z_2) \, p(z_1 \mid z_2) \, p(x \mid z_1), \quad q(z_1 \mid x) \, q(z_2 \mid z_1)

    Source: Importance Weighted Autoencoders (Burda et al., 2016), the model with two stochastic layers.

    Arguments:
        likelihood: family of x.
        latent_features: size of z1.
        above: size of z2; half of z1 where None.
        options: see `HierarchyOptions`.

    >>> from anyvae.conditionals import Bernoulli
    >>> two_level_vae(Bernoulli(6), 4).shapes["z2"]
    torch.Size([2])
    """
    ends = _Ends(likelihood, options)
    above = above or max(1, latent_features // 2)
    return LatentVariableModel(
        generative={
            "z2": StandardNormal(above),
            "z1": DiagonalNormal(latent_features).given("z2", net=ends.between),
            "x": ends.x("z1"),
        },
        inference={
            "z1": ends.read(DiagonalNormal(latent_features)),
            "z2": DiagonalNormal(above).given("z1", net=ends.between),
        },
    )


def ladder_vae(
    likelihood: Family,
    latent_features: int,
    *,
    layers: int = _LAYERS,
    sizes: Sequence[int] | None = None,
    **options: Unpack[HierarchyOptions],
) -> LatentVariableModel:
    r"""A deterministic way up, and on the way down posteriors that weigh it against the prior by precision.

    .. math::

        d_1 = f(x), \; d_{l+1} = f(d_l), \quad q(z_L \mid d_L), \quad
        q(z_l \mid x, z_{l+1}) \propto N(z_l; \mu(d_l), \sigma^2(d_l)) \, p(z_l \mid z_{l+1})

    Source: Ladder Variational Autoencoders (Sonderby et al., 2016).

    Arguments:
        likelihood: family of x.
        latent_features: size of z1; each layer above has half as many as the one below, but two at least.
        layers: L.
        sizes: of z1 to zL, in place of the two.
        options: see `HierarchyOptions`.

    >>> from anyvae.conditionals import Bernoulli
    >>> ladder_vae(Bernoulli(6), 4, layers=2).latents
    ('z2', 'z1')
    """
    ends = _Ends(likelihood, options)
    least = min(2, latent_features)
    sizes = tuple(sizes or (max(least, latent_features >> level) for level in range(layers)))
    names = _names("z", len(sizes), "ladder_vae")
    generative: dict[str, Conditional | Family] = {names[-1]: StandardNormal(sizes[-1])}
    inference: dict[str, Conditional] = {"d1": ends.read(Deterministic(ends.hidden))}
    for level in range(2, len(sizes) + 1):
        inference[f"d{level}"] = Deterministic(ends.hidden).given(f"d{level - 1}", net=MLP([ends.hidden]))
    inference[names[-1]] = DiagonalNormal(sizes[-1]).given(f"d{len(sizes)}", net=MLP([ends.hidden]))
    for level in range(len(sizes) - 1, 0, -1):
        name, size = f"z{level}", sizes[level - 1]
        generative[name] = DiagonalNormal(size).given(f"z{level + 1}", net=ends.between)
        from_below = DiagonalNormal(size).given(f"d{level}", net=MLP([ends.hidden]))
        inference[name] = ProductOfExperts([from_below], prior=prior(name))
    generative["x"] = ends.x("z1")
    return LatentVariableModel(generative, inference)


def topdown_vae(
    likelihood: Family,
    latent_features: int,
    *,
    layers: int = _LAYERS,
    sizes: Sequence[int] | None = None,
    **options: Unpack[HierarchyOptions],
) -> LatentVariableModel:
    r"""A path from the top that prior, posterior and decoder share; posteriors are differences to the priors.

    .. math::

        h_L = g(z_L), \; h_l = h_{l+1} + g(h_{l+1}, z_l), \quad p(z_l \mid h_{l+1}), \quad p(x \mid h_1), \quad
        q(z_l \mid x, h_{l+1}) = p(z_l \mid h_{l+1}) \text{ shifted and scaled by } f(d_l, h_{l+1})

    Nothing that a layer has found is lost on the way down, so many layers stay in use.
    Source: NVAE: A Deep Hierarchical Variational Autoencoder (Vahdat and Kautz, 2020); Very Deep VAEs Generalize
    Autoregressive Models and Can Outperform Them on Images (Child, 2021).

    Arguments:
        likelihood: family of x.
        latent_features: size of every z.
        layers: L.
        sizes: of z1 to zL, in place of the two.
        options: see `HierarchyOptions`.

    >>> from anyvae.conditionals import Bernoulli
    >>> topdown_vae(Bernoulli(6), 4, layers=2).latents
    ('z2', 'z1')
    """
    ends = _Ends(likelihood, options)
    sizes = tuple(sizes or (latent_features for _ in range(layers)))
    names = _names("z", len(sizes), "topdown_vae")
    top = len(sizes)
    generative: dict[str, Conditional | Family] = {
        names[-1]: StandardNormal(sizes[-1]),
        f"h{top}": Deterministic(ends.hidden).given(names[-1], net=MLP([ends.hidden])),
    }
    inference: dict[str, Conditional] = {"d1": ends.read(Deterministic(ends.hidden))}
    for level in range(2, top + 1):
        inference[f"d{level}"] = Deterministic(ends.hidden).given(
            f"d{level - 1}", net=Shortcut(MLP([ends.hidden]))
        )
    inference[names[-1]] = DiagonalNormal(sizes[-1]).given(f"d{top}", net=Linear())
    for level in range(top - 1, 0, -1):
        name, above, size = f"z{level}", f"h{level + 1}", sizes[level - 1]
        generative[name] = DiagonalNormal(size).given(above, net=MLP([ends.hidden]))
        generative[f"h{level}"] = Deterministic(ends.hidden).given(
            above, name, net=Shortcut(MLP([ends.hidden]))
        )
        inference[name] = Residual(DiagonalNormal(size).given(f"d{level}", above, net=MLP([ends.hidden])))
    generative["x"] = ends.x("h1")
    return LatentVariableModel(generative, inference)


def _names(letter: str, layers: int, who: str) -> list[str]:
    if layers < 1:
        raise ValueError(f"{who} got {layers} layers; wanted at least 1.")
    return [f"{letter}{level}" for level in range(1, layers + 1)]
