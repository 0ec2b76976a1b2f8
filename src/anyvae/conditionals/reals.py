"""Families of real and positive values and counts beside the normal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.door import refuse
from anyvae.conditionals.family import Family
from anyvae.conditionals.located import Located
from anyvae.conditionals.scales import bounded_log_mean, bounded_scale

__all__ = ["ContinuousBernoulli", "Laplace", "LogNormal", "Poisson"]


@final
class Laplace(Located):
    r"""Independent features with a sharp peak and longer tails than the normal's.

    .. math:: \log p(v) = -\sum_i |v_i - loc_i| / scale_i + \log 2 scale_i

    Arguments:
        event_shape: number of features, or the shape of one row.
        scale: where the scale comes from; one learned scale per feature unless said, `NetworkScale()` in an
            encoder.

    Raises:
        ValueError: when the scale is not learned.
    """

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.Laplace:
        """See `Family.__call__`."""
        scale = bounded_scale(params["raw_scale"])
        return distributions.Laplace(params["loc"], scale, len(self.event_shape))

    def check(self, name: str, value: Tensor) -> None:
        """Refuse values that are not finite."""
        refuse(self, name, value, ~torch.isfinite(value), "finite numbers")


@final
class LogNormal(Located):
    r"""Independent positive features whose logarithm is normal.

    .. math:: \log v_i \sim N(loc_i, scale_i^2)

    Arguments:
        event_shape: number of features, or the shape of one row.
        scale: where the scale of log v comes from; one learned scale per feature unless said.

    Raises:
        ValueError: when the scale is not learned.
    """

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.LogNormal:
        """See `Family.__call__`."""
        scale = bounded_scale(params["raw_scale"])
        return distributions.LogNormal(params["loc"], scale, len(self.event_shape))

    def check(self, name: str, value: Tensor) -> None:
        """Refuse values that are not positive and finite."""
        refuse(self, name, value, ~((value > 0) & torch.isfinite(value)), "positive finite numbers")


@final
class ContinuousBernoulli(Family):
    r"""Independent features in [0, 1]: the normalised form of a Bernoulli on grey values.

    .. math:: \log p(v) = \sum_i v_i \, logits_i - \log \int_0^1 e^{u \, logits_i} du

    Source: The continuous Bernoulli (Loaiza-Ganem and Cunningham, 2019).

    Arguments:
        event_shape: number of features, or the shape of one row.
    """

    @property
    def params(self) -> dict[str, Size]:
        """`logits`, of the event shape."""
        return {"logits": self.event_shape}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.ContinuousBernoulli:
        """See `Family.__call__`."""
        return distributions.ContinuousBernoulli(params["logits"], len(self.event_shape))

    def check(self, name: str, value: Tensor) -> None:
        """Refuse values outside [0, 1]."""
        refuse(self, name, value, ~((value >= 0) & (value <= 1)), "values in [0, 1]; divide by the largest")


@final
class Poisson(Family):
    r"""Independent counts.

    .. math:: \log p(v) = \sum_i v_i \log rate_i - rate_i - \log v_i!, \quad \log rate = 30 \tanh(raw\_log\_rate / 30)

    Arguments:
        event_shape: number of features, or the shape of one row.
    """

    @property
    def params(self) -> dict[str, Size]:
        """`raw_log_rate`, of the event shape."""
        return {"raw_log_rate": self.event_shape}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.Poisson:
        """See `Family.__call__`."""
        return distributions.Poisson(bounded_log_mean(params["raw_log_rate"]), len(self.event_shape))

    def check(self, name: str, value: Tensor) -> None:
        """Refuse what is no count."""
        wrong = ~((value >= 0) & (value == value.round()) & torch.isfinite(value))
        refuse(self, name, value, wrong, "counts 0, 1, 2, ...")
