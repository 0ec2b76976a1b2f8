"""Variables that are a function of their parents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.family import Family

__all__ = ["Deterministic"]


@final
class Deterministic(Family):
    """A function of the parents, computed once a pass: shared features, the state of a top-down path.

    In one of the two graphs it is a node that both may read and that no bound counts. As the posterior of a
    latent it is an encoder without noise, as in a Wasserstein autoencoder; such a model has no bound.

    Arguments:
        event_shape: number of features, or the shape of one row.

    >>> from anyvae.networks import MLP
    >>> Deterministic(16).given("x", net=MLP([32])).deterministic
    True
    """

    deterministic = True

    @property
    def params(self) -> dict[str, Size]:
        """`value`, of the event shape."""
        return {"value": self.event_shape}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.Delta:
        """See `Family.__call__`."""
        return distributions.Delta(params["value"], len(self.event_shape))
