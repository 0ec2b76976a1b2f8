"""Families over vectors whose features depend on each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.family import Family
from anyvae.conditionals.scales import bounded_scale

__all__ = ["FullNormal", "NormalMixture"]


@final
class FullNormal(Family):
    r"""A normal vector with full covariance, through its Cholesky factor.

    .. math:: v = loc + L \epsilon, \quad L = \operatorname{diag}(scale) \, (I + lower)

    Source: An Introduction to Variational Autoencoders, section 2.5.1 (Kingma and Welling, 2019).

    Arguments:
        features: n, length of the vector, at least 2.

    Raises:
        ValueError: for fewer than two features.

    >>> FullNormal(3).params["lower"]
    torch.Size([3])
    """

    def __init__(self, features: int) -> None:
        if features < 2:
            raise ValueError(
                f"FullNormal got {features} feature(s); wanted at least 2. One feature has no covariance: "
                "use DiagonalNormal(1)."
            )
        super().__init__(features)

    @property
    def params(self) -> dict[str, Size]:
        """`loc` and `raw_scale`, one a feature; `lower`, one a pair of features."""
        n = self.event_shape[0]
        return {"loc": self.event_shape, "raw_scale": self.event_shape, "lower": Size((n * (n - 1) // 2,))}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.FullNormal:
        """See `Family.__call__`."""
        n, lower = self.event_shape[0], params["lower"]
        scale = bounded_scale(params["raw_scale"])
        row, column = torch.tril_indices(n, n, -1, device=lower.device)
        flat = torch.eye(n, dtype=lower.dtype, device=lower.device).flatten().expand(*lower.shape[:-1], n * n)
        unit = flat.index_add(-1, row * n + column, lower).unflatten(-1, (n, n))
        factor = scale.unsqueeze(-1) * unit
        return distributions.FullNormal(params["loc"], factor)


@final
class NormalMixture(Family):
    r"""A mixture of K diagonal normal vectors; without parents a learned prior.

    .. math:: p(v) = \sum_k \operatorname{softmax}(logits)_k \, N(v; loc_k, \operatorname{diag} scale_k^2)

    The components start narrow and at different places, drawn from torch's generator when parts are joined, together
    as wide as N(0, I): equal ones would have equal gradients for ever, and wide ones stay one cloud for long.

    Arguments:
        features: n, length of the vector.
        components: K.

    Raises:
        ValueError: for fewer than two components.
    """

    def __init__(self, features: int, components: int) -> None:
        if components < 2:
            raise ValueError(f"NormalMixture got components={components}; wanted at least 2.")
        super().__init__(features)
        self.components = components

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, {self.components})"

    @property
    def params(self) -> dict[str, Size]:
        """`logits` (K), `loc` and `raw_scale` (K, n)."""
        shape = Size((self.components, *self.event_shape))
        return {"logits": Size((self.components,)), "loc": shape, "raw_scale": shape}

    def start(self) -> dict[str, Tensor]:
        """Components at different places, half as wide as all of them together."""
        scale = torch.tensor(-0.75)
        places = torch.randn(self.components, *self.event_shape)
        return {"loc": (1.0 - bounded_scale(scale).square()).sqrt() * places, "raw_scale": scale}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.NormalMixture:
        """See `Family.__call__`."""
        return distributions.NormalMixture(
            params["logits"], params["loc"], bounded_scale(params["raw_scale"])
        )
