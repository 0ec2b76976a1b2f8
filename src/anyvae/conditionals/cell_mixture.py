"""Families of cells with several likely values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.family import Family
from anyvae.conditionals.located import Located
from anyvae.conditionals.scales import raw_scale_of
from anyvae.distributions import Cellwise

__all__ = ["CellMixture"]

_REACH = 1.5


@final
class CellMixture(Family):
    r"""Independent features, each a mixture of K components of one family.

    .. math:: p(v) = \prod_i \sum_k \operatorname{softmax}(logits_i)_k \, p_{ik}(v_i)

    The network gives the weights and the locations of every cell; other parameters are those of the components'
    family. Components of a family with a `loc` start side by side from -1.5 to 1.5; others need a start each, for
    equal ones would have equal gradients for ever.

    Arguments:
        components: a family over (*event, K), K at least 2.

    Raises:
        ValueError: for fewer than two components.

    >>> from anyvae.conditionals import Normal
    >>> CellMixture(Normal((4, 5))).params
    {'logits': torch.Size([4, 5]), 'loc': torch.Size([4, 5]), 'raw_scale': torch.Size([4, 5])}
    """

    def __init__(self, components: Family) -> None:
        shape = tuple(components.event_shape)
        if len(shape) < 2 or shape[-1] < 2:
            raise ValueError(
                f"CellMixture got components over {shape}; wanted (*event, K) with K at least 2. "
                f"One component is {type(components).__name__} itself."
            )
        super().__init__(shape[:-1])
        self.components = components

    def __repr__(self) -> str:
        return f"CellMixture({self.components!r})"

    @property
    def params(self) -> dict[str, Size]:
        """`logits`, K a feature, and the parameters of the components."""
        return {"logits": self.components.event_shape} | self.components.params

    @property
    def free(self) -> frozenset[str]:
        """As of the components."""
        return self.components.free

    @property
    def constants(self) -> dict[str, Tensor]:
        """Those of the components."""
        return self.components.constants

    def start(self) -> dict[str, Tensor]:
        """Components side by side, as wide as they lie apart."""
        found, params = dict(self.components.start()), self.components.params
        count = self.components.event_shape[-1]
        if "loc" in params:
            found["loc"] = torch.linspace(-_REACH, _REACH, count).expand(params["loc"]).clone()
        if "raw_scale" in params and isinstance(self.components, Located):
            found["raw_scale"] = raw_scale_of(torch.tensor(2.0 * _REACH / count)).expand(params["raw_scale"])
        return found

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.CellMixture:
        """See `Family.__call__`."""
        components = self.components(params, constants, learning=learning)
        assert isinstance(components, Cellwise)
        return distributions.CellMixture(params["logits"], components)

    def check(self, name: str, value: Tensor) -> None:
        """Check the values against one component."""
        self.components.check(name, value.unsqueeze(-1).expand(*value.shape, self.components.event_shape[-1]))
