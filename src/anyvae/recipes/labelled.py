"""Models of rows and their labels, of which most may be unknown."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from anyvae.conditionals import (
    Categorical,
    DiagonalNormal,
    Family,
    Parent,
    StandardNormal,
    UniformCategorical,
    observed,
)
from anyvae.distributions import LogUnit
from anyvae.model import LatentVariableModel
from anyvae.networks import MLP, Network
from anyvae.objectives import ELBO, Classify, Objective
from anyvae.recipes.flat import default_networks
from anyvae.recipes.recipe import under_normal_prior

__all__ = ["classifying_elbo", "features_alone", "m1_m2", "m2"]


def m2(
    likelihood: Family,
    latent_features: int,
    classes: int,
    *,
    encoder: Network | None = None,
    classifier: Network | None = None,
    decoder: Network | None = None,
    frequencies: bool = True,
    start: Mapping[str, Tensor | float] | None = None,
    log_unit: Tensor | LogUnit | None = None,
    missing: bool = False,
) -> LatentVariableModel:
    r"""Label and style are two latents of a row; the label is given where it is known.

    .. math:: p(y) \, p(z) \, p(x \mid z, y), \quad q(y \mid x) \, q(z \mid x, y)

    In the batch "y" is one-hot, `Partial` by rows where some are not labelled; train it with
    `classifying_elbo`. Source: Semi-supervised Learning with Deep Generative Models (Kingma et al., 2014), M2.

    Arguments:
        likelihood: family of x.
        latent_features: size of z.
        classes: number of labels.
        encoder, classifier, decoder: networks of q(z | x, y), q(y | x) and p(x | z, y); `default_networks` where None.
        frequencies: whether p(y) has learned frequencies; else it is uniform.
        start, log_unit, missing: as in `vae`.

    >>> from anyvae.conditionals import Bernoulli
    >>> m2(Bernoulli(6), 2, classes=3).latents
    ('y', 'z')
    """
    reads, paints = default_networks(likelihood)
    parents: list[str | Parent] = ["x", observed("x")] if missing else ["x"]
    return LatentVariableModel(
        generative={
            "y": Categorical(classes) if frequencies else UniformCategorical(classes),
            "z": StandardNormal(latent_features),
            "x": likelihood.given("z", "y", net=decoder or paints, start=start, log_unit=log_unit),
        },
        inference={
            "y": Categorical(classes).given(*parents, net=classifier or reads),
            "z": DiagonalNormal(latent_features).given(*parents, "y", net=encoder or reads),
        },
    )


def m1_m2(
    likelihood: Family,
    latent_features: int,
    classes: int,
    *,
    style: int | None = None,
    hidden: int = 300,
    encoder: Network | None = None,
    decoder: Network | None = None,
    frequencies: bool = True,
    start: Mapping[str, Tensor | float] | None = None,
    log_unit: Tensor | LogUnit | None = None,
    missing: bool = False,
) -> LatentVariableModel:
    r"""Label and style of the features that a VAE has found, rather than of the row itself.

    .. math::

        p(y) \, p(z_2) \, p(z_1 \mid z_2, y) \, p(x \mid z_1), \quad
        q(z_1 \mid x) \, q(y \mid z_1) \, q(z_2 \mid z_1, y)

    Fit `features_alone` of it first, then the rest with `classifying_elbo`, while q(z1 | x) and p(x | z1) stay as they
    are. Source: Semi-supervised Learning with Deep Generative Models (Kingma et al., 2014), M1+M2.

    Arguments:
        likelihood: family of x.
        latent_features: size of z1.
        classes: number of labels.
        style: size of z2; that of z1 where None.
        hidden: width of the networks between z1 and what is above it.
        encoder, decoder: networks of q(z1 | x) and p(x | z1); `default_networks` where None.
        frequencies: whether p(y) has learned frequencies; else it is uniform.
        start, log_unit, missing: as in `vae`.

    >>> from anyvae.conditionals import Bernoulli
    >>> m1_m2(Bernoulli(6), 2, classes=3).latents
    ('z1', 'y', 'z2')
    """
    reads, paints = default_networks(likelihood)
    parents: list[str | Parent] = ["x", observed("x")] if missing else ["x"]
    style = style or latent_features
    between = MLP([hidden], nn.Softplus)
    return LatentVariableModel(
        generative={
            "y": Categorical(classes) if frequencies else UniformCategorical(classes),
            "z2": StandardNormal(style),
            "z1": DiagonalNormal(latent_features).given("z2", "y", net=between),
            "x": likelihood.given("z1", net=decoder or paints, start=start, log_unit=log_unit),
        },
        inference={
            "z1": DiagonalNormal(latent_features).given(*parents, net=encoder or reads),
            "y": Categorical(classes).given("z1", net=between),
            "z2": DiagonalNormal(style).given("z1", "y", net=between),
        },
    )


def features_alone(model: LatentVariableModel) -> LatentVariableModel:
    """M1: encoder and decoder of `m1_m2` with N(0, I) as the prior of z1, sharing their weights."""
    return under_normal_prior(model, "z1")


def classifying_elbo(share: float, *, weight: float = 1.0, name: str = "y") -> Objective:
    r"""The bound with labels summed over where they are unknown, and the classifier's own term where they are known.

    .. math:: ELBO(x, y) + \frac{weight}{share} \log q(y \mid x) \text{ with a label}, \quad ELBO(x) \text{ without}

    The classifier's term so counts as if `weight` of the rows had a label, however few of them have one. The paper's
    weight is .1, with which y may become another feature of the rows than their label; at 1 it did not in any set we
    tried, and densities were the same.
    Source: Semi-supervised Learning with Deep Generative Models (Kingma et al., 2014), equation 9.

    Arguments:
        share: of the rows that have a label, in (0, 1].
        weight: of the classifier.
        name: of the label.

    Raises:
        ValueError: for a share outside (0, 1].
    """
    if not 0.0 < share <= 1.0:
        raise ValueError(
            f"classifying_elbo got share={share}; wanted the share of rows with a label, in (0, 1]."
        )
    return ELBO(enumerate=[name]) + (weight / share) * Classify(name)
