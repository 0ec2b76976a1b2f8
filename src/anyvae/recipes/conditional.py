"""Models of rows given conditions."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from anyvae.conditionals import DiagonalNormal, Family, Parent, observed
from anyvae.distributions import LogUnit
from anyvae.model import LatentVariableModel
from anyvae.networks import MLP, Network
from anyvae.recipes.flat import default_networks

__all__ = ["cvae"]


def cvae(
    likelihood: Family,
    latent_features: int,
    condition: int | tuple[int, ...],
    *,
    encoder: Network | None = None,
    decoder: Network | None = None,
    prior: Network | None = None,
    start: Mapping[str, Tensor | float] | None = None,
    log_unit: Tensor | LogUnit | None = None,
    missing: bool = False,
) -> LatentVariableModel:
    r"""A VAE of x given c: prior, encoder and decoder all read the condition.

    .. math:: p(x \mid c) = \int p(z \mid c) \, p(x \mid z, c) \, dz, \quad q(z \mid x, c)

    In the batch the condition is "c"; it is always given, never scored.
    Source: Learning Structured Output Representation using Deep Conditional Generative Models (Sohn et al., 2015).

    Arguments:
        likelihood: family of x.
        latent_features: size of z.
        condition: number of features of c, or its shape, such as that of a picture.
        encoder, decoder: networks; `default_networks` of the event shape of x where None.
        prior: network of p(z | c); two layers of 128 where None, the encoder's where c is a picture.
        start, log_unit, missing: as in `vae`.

    >>> from anyvae.conditionals import Bernoulli
    >>> model = cvae(Bernoulli(6), 2, condition=3)
    >>> model.conditions, model.observed
    ({'c': torch.Size([3])}, ('x',))
    """
    reads, paints = default_networks(likelihood)
    parents: list[str | Parent] = ["x", observed("x")] if missing else ["x"]
    whole = isinstance(condition, int) or len(condition) == 1
    return LatentVariableModel(
        generative={
            "z": DiagonalNormal(latent_features).given(
                "c", net=prior or (MLP([128, 128]) if whole else encoder or reads)
            ),
            "x": likelihood.given("z", "c", net=decoder or paints, start=start, log_unit=log_unit),
        },
        inference={"z": DiagonalNormal(latent_features).given(*parents, "c", net=encoder or reads)},
        conditions={"c": condition},
    )
