"""Families of whole numbers that stand among standardised values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.family import Family
from anyvae.distributions import Cellwise

__all__ = ["Placed"]


@final
class Placed(Family):
    r"""A family of whole numbers k, of values v = low + step k.

    .. math:: P(v_i) = P_{family}(k_i), \quad k_i = (v_i - low_i) / step_i

    A network reads standardised counts; the family scores the counts themselves.

    Arguments:
        family: of k; its features are independent.
        low: where k = 0 stands, a number or a tensor that broadcasts to the event.
        step: distance of neighbours.

    Raises:
        ValueError: when step is not positive.

    >>> from anyvae.conditionals import NegativeBinomial
    >>> Placed(NegativeBinomial(2), low=-1.5, step=0.01).params
    {'log_mean': torch.Size([2]), 'raw_dispersion': torch.Size([2])}
    """

    def __init__(self, family: Family, low: float | Tensor, step: float | Tensor) -> None:
        super().__init__(tuple(family.event_shape))
        self.family = family
        dtype = torch.get_default_dtype()
        self.low, self.step = (torch.as_tensor(value, dtype=dtype) for value in (low, step))
        if bool((self.step <= 0).any()):
            raise ValueError(f"Placed got the step {float(self.step.min()):g}; wanted a positive distance.")

    def __repr__(self) -> str:
        return f"Placed({self.family!r})"

    @property
    def params(self) -> dict[str, Size]:
        """Those of the family."""
        return self.family.params

    @property
    def free(self) -> frozenset[str]:
        """As of the family."""
        return self.family.free

    @property
    def constants(self) -> dict[str, Tensor]:
        """Those of the family, and the place of the numbers."""
        return self.family.constants | {"placed_low": self.low, "placed_step": self.step}

    def start(self) -> dict[str, Tensor]:
        """As of the family."""
        return self.family.start()

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.Placed:
        """See `Family.__call__`."""
        base = self.family(params, constants, learning=learning)
        assert isinstance(base, Cellwise)
        return distributions.Placed(base, constants["placed_low"], constants["placed_step"])

    def check(self, name: str, value: Tensor) -> None:
        """Check the whole numbers."""
        low, step = self.low.to(value), self.step.to(value)
        like = distributions.Normal(torch.zeros(tuple(self.event_shape)).to(value), torch.ones_like(step))
        self.family.check(name, distributions.Placed(like, low, step).number(value))
