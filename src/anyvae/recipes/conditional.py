"""Models of rows given conditions."""

from __future__ import annotations

from typing import Unpack

from anyvae.conditionals import DiagonalNormal, Family
from anyvae.model import LatentVariableModel
from anyvae.networks import MLP, Network
from anyvae.recipes.ends import EndOptions, Ends

__all__ = ["cvae"]


def cvae(
    likelihood: Family,
    latent_features: int,
    condition: int | tuple[int, ...],
    *,
    prior: Network | None = None,
    **options: Unpack[EndOptions],
) -> LatentVariableModel:
    r"""A VAE of x given c: prior, encoder and decoder all read the condition.

    .. math:: p(x \mid c) = \int p(z \mid c) \, p(x \mid z, c) \, dz, \quad q(z \mid x, c)

    In the batch the condition is "c"; it is always given, never scored.
    Source: Learning Structured Output Representation using Deep Conditional Generative Models (Sohn et al., 2015).

    Arguments:
        likelihood: family of x.
        latent_features: size of z.
        condition: number of features of c, or its shape, such as that of a picture.
        prior: network of p(z | c); two layers of 128 where None, the encoder's where c is a picture.
        options: how x is read and made, see `EndOptions`.

    >>> from anyvae.conditionals import Bernoulli
    >>> model = cvae(Bernoulli(6), 2, condition=3)
    >>> model.conditions, model.observed
    ({'c': torch.Size([3])}, ('x',))
    """
    ends = Ends(likelihood, **options)
    whole = isinstance(condition, int) or len(condition) == 1
    return LatentVariableModel(
        generative={
            "z": DiagonalNormal(latent_features).given(
                "c", net=prior or (MLP([128, 128]) if whole else ends.encoder)
            ),
            "x": ends.make("z", "c"),
        },
        inference={"z": ends.read(DiagonalNormal(latent_features), "c")},
        conditions={"c": condition},
    )
