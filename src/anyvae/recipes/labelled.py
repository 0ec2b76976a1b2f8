"""Models of rows and their labels, of which most may be unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from torch import nn

from anyvae.conditionals import (
    Categorical,
    DiagonalNormal,
    Family,
    StandardNormal,
    UniformCategorical,
)
from anyvae.model import LatentVariableModel
from anyvae.networks import MLP, Network
from anyvae.objectives import KL, Classify, LogLikelihood, Objective
from anyvae.recipes.ends import EndOptions, Ends
from anyvae.recipes.recipe import under_normal_prior

__all__ = ["classifying_elbo", "features_alone", "m1_m2", "m2"]


def m2(
    likelihood: Family,
    latent_features: int,
    classes: int,
    *,
    classifier: Network | None = None,
    frequencies: bool = True,
    **options: Unpack[EndOptions],
) -> LatentVariableModel:
    r"""Label and style are two latents of a row; the label is given where it is known.

    .. math:: p(y) \, p(z) \, p(x \mid z, y), \quad q(y \mid x) \, q(z \mid x, y)

    In the batch "y" is one-hot, `Partial` by rows where some are not labelled; train it with
    `classifying_elbo`. Source: Semi-supervised Learning with Deep Generative Models (Kingma et al., 2014), M2.

    Arguments:
        likelihood: family of x.
        latent_features: size of z.
        classes: number of labels.
        classifier: network of q(y | x); the encoder's where None.
        frequencies: whether p(y) has learned frequencies; else it is uniform.
        options: how x is read and made, see `EndOptions`.

    >>> from anyvae.conditionals import Bernoulli
    >>> m2(Bernoulli(6), 2, classes=3).latents
    ('y', 'z')
    """
    ends = Ends(likelihood, **options)
    return LatentVariableModel(
        generative={
            "y": Categorical(classes) if frequencies else UniformCategorical(classes),
            "z": StandardNormal(latent_features),
            "x": ends.make("z", "y"),
        },
        inference={
            "y": ends.read(Categorical(classes), net=classifier),
            "z": ends.read(DiagonalNormal(latent_features), "y"),
        },
    )


def m1_m2(
    likelihood: Family,
    latent_features: int,
    classes: int,
    *,
    style: int | None = None,
    hidden: int = 300,
    frequencies: bool = True,
    **options: Unpack[EndOptions],
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
        frequencies: whether p(y) has learned frequencies; else it is uniform.
        options: how x is read and made, see `EndOptions`.

    >>> from anyvae.conditionals import Bernoulli
    >>> m1_m2(Bernoulli(6), 2, classes=3).latents
    ('z1', 'y', 'z2')
    """
    ends = Ends(likelihood, **options)
    style = style or latent_features
    between = MLP([hidden], nn.Softplus)
    return LatentVariableModel(
        generative={
            "y": Categorical(classes) if frequencies else UniformCategorical(classes),
            "z2": StandardNormal(style),
            "z1": DiagonalNormal(latent_features).given("z2", "y", net=between),
            "x": ends.make("z1"),
        },
        inference={
            "z1": ends.read(DiagonalNormal(latent_features)),
            "y": Categorical(classes).given("z1", net=between),
            "z2": DiagonalNormal(style).given("z1", "y", net=between),
        },
    )


def features_alone(model: LatentVariableModel) -> LatentVariableModel:
    """M1: encoder and decoder of `m1_m2` with N(0, I) as the prior of z1, sharing their weights."""
    return under_normal_prior(model, "z1")


def classifying_elbo(
    share: float, *, weight: float = 1.0, name: str = "y", names: Sequence[str] | None = None
) -> Objective:
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
        names: which of the given variables count in the bound; all where None. With that of the label alone, p(x | z1)
            of an `m1_m2` whose features stay as they are is left out, and with it most of a step's work.

    Raises:
        ValueError: for a share outside (0, 1].
    """
    if not 0.0 < share <= 1.0:
        raise ValueError(
            f"classifying_elbo got share={share}; wanted the share of rows with a label, in (0, 1]."
        )
    bound = LogLikelihood(names=names, enumerate=[name]) - KL(enumerate=[name])
    return bound + (weight / share) * Classify(name)
