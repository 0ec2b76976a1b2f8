"""A model of rows and of which of their cells are seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from anyvae.conditionals import (
    Bernoulli,
    CellMixture,
    Columns,
    Family,
    Normal,
    PointMasses,
    StandardNormal,
    StudentT,
)
from anyvae.model import LatentVariableModel
from anyvae.networks import OwnLinear
from anyvae.recipes.ends import EndOptions
from anyvae.recipes.flat import vae

__all__ = ["not_miwae"]


def not_miwae(
    likelihood: Family,
    latent_features: int,
    *,
    cells: Sequence[int] | None = None,
    **options: Unpack[EndOptions],
) -> LatentVariableModel:
    r"""A VAE of rows whose cells go missing by their own values: high incomes are left out, say.

    .. math:: p(z) \, p(x \mid z) \prod_c p(m_c \mid x_c), \quad p(m_c = 1 \mid x_c) = \sigma(w_c x_c + b_c)

    What is not there is drawn with the latents, so that it can explain why it is not there. In the batch "m" is 1
    where a cell is seen. Without "m" it is the plain model of x.
    Source: not-MIWAE: Deep Generative Modelling with Missing not at Random Data (Ipsen et al., 2021), self-masking.

    Arguments:
        likelihood: family of x; its draws need a gradient, so mixtures become normals, and only real numbers serve.
        latent_features: size of z.
        cells: elements of each cell of x; one each where None.
        options: how x is read and made, see `EndOptions`; x may always have holes.

    Raises:
        ValueError: for columns other than of real numbers.

    >>> not_miwae(Normal(3), 2).observed
    ('x', 'm')
    """
    plain = _reparameterised(likelihood)
    if plain is not likelihood:
        # It is of the parameters of another family.
        options.pop("start", None)
    options["missing"] = True
    base = vae(plain, latent_features, **options)
    widths = list(cells) if cells else [1] * likelihood.event_shape.numel()
    return LatentVariableModel(
        generative={
            "z": StandardNormal(latent_features),
            "x": base.generative_parts["x"],
            "m": Bernoulli(len(widths)).given("x", net=OwnLinear(widths)),
        },
        inference={"z": base.inference_parts["z"]},
    )


def _reparameterised(family: Family) -> Family:
    if isinstance(family, Columns):
        parts = [_reparameterised(part) for part in family.parts]
        return (
            family
            if all(a is b for a, b in zip(parts, family.parts, strict=True))
            else Columns(parts, family.order)
        )
    if isinstance(family, CellMixture | StudentT | PointMasses):
        return Normal(tuple(family.event_shape))
    if not isinstance(family, Normal):
        raise ValueError(
            f"not_miwae got {family!r}, whose draws have no gradient; give columns of real numbers only (kind real or "
            "positive), or another recipe."
        )
    return family
