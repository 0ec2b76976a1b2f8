"""Whole numbers as they stand among standardised values."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

from anyvae.distributions.cells import Cellwise

__all__ = ["Placed"]


@final
class Placed(Cellwise):
    r"""Independent features v = low + step k, where k is a whole number with a distribution of its own.

    .. math:: P(v_i) = P_{base}(k_i), \quad k_i = (v_i - low_i) / step_i

    Counts are standardised before a network reads them and yet scored as counts. A value between two points has
    no mass.

    Arguments:
        base: distribution of k.
        low: where k = 0 stands, broadcasts to the event.
        step: distance of neighbours, positive, broadcasts to the event.

    >>> from anyvae.distributions import Poisson
    >>> p = Placed(Poisson(torch.zeros(1)), torch.tensor(-0.5), torch.tensor(0.1))
    >>> p.log_prob(torch.tensor([[-0.5], [-0.4], [-0.45]]))
    tensor([-1., -1., -inf])
    """

    def __init__(self, base: Cellwise, low: Tensor, step: Tensor) -> None:
        super().__init__(base.batch_shape, base.event_shape)
        self.base = base
        self.low = low
        self.step = step

    @property
    def noise_shape(self) -> torch.Size:
        """As the base has."""
        return self.base.noise_shape

    @property
    def mean(self) -> Tensor:
        """low + step * the mean of k."""
        return self.low + self.step * self.base.mean

    @property
    def variance(self) -> Tensor:
        """step^2 * the variance of k."""
        return self.step.square() * self.base.variance

    def cells(self, value: Tensor) -> Tensor:
        """Log-mass of each feature, nats; -inf between the points."""
        return self.base.cells(self.number(value))

    def number(self, value: Tensor) -> Tensor:
        """k of each value, in the dtype of the value; no whole number where the value is no point."""
        point = (value.double() - self.low.double()) / self.step.double()
        # A hundredth of a step, or what the number type cannot tell apart so many steps from zero.
        reach = torch.maximum(value.abs(), self.low.abs()) / self.step
        # Rows are encoded in single precision, whatever a model asks in.
        slack = 0.01 + 4.0 * torch.finfo(torch.float32).eps * reach
        whole = point.round()
        return torch.where((point - whole).abs() <= slack, whole, whole + 0.5).to(value.dtype)

    def from_noise(self, noise: Tensor) -> Tensor:
        """low + step * the draw of k."""
        return self.low + self.step * self.base.from_noise(noise)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Placed:
        """The same distribution with other batch axes."""
        return Placed(self.base.expand(batch_shape), self.low, self.step)

    def _like(self) -> Tensor:
        return self.base._like()
