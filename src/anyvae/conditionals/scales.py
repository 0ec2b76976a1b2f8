"""How the scale of a likelihood is learned, and the one map from a raw number to a scale."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

__all__ = [
    "FeatureScale",
    "FixedScale",
    "NetworkScale",
    "OneScale",
    "OptimalScale",
    "Scale",
    "bounded_concentration",
    "bounded_log_mean",
    "bounded_log_scale",
    "bounded_scale",
    "raw_scale_of",
]

_BOUND = 6.0
_CONCENTRATION_BOUND = 9.0
_LOG_MEAN_BOUND = 30.0


def bounded_scale(raw: Tensor) -> Tensor:
    r"""A scale that no raw number can drive to 0 or infinity.

    .. math:: scale = \exp(6 \tanh(raw / 6)) \in (0.0025, 403)

    Smooth, with derivative one of the log-scale at raw = 0, where the scale is 1.

    Arguments:
        raw: any shape.

    >>> bounded_scale(torch.tensor([-1e30, 0.0, 1e30])).log().round()
    tensor([-6.,  0.,  6.])
    """
    return bounded_log_scale(raw).exp()


def bounded_log_scale(raw: Tensor) -> Tensor:
    """The logarithm of `bounded_scale`."""
    return _BOUND * torch.tanh(raw / _BOUND)


def raw_scale_of(scale: Tensor) -> Tensor:
    """The raw number that `bounded_scale` maps to a scale; the nearest there is for scales beyond the bounds.

    >>> bounded_scale(raw_scale_of(torch.tensor([0.1, 1.0, 20.0])))
    tensor([ 0.1000,  1.0000, 20.0000])
    """
    return _BOUND * torch.atanh((scale.log() / _BOUND).clamp(-0.99, 0.99))


def bounded_concentration(raw: Tensor) -> Tensor:
    r"""A concentration that no raw number can drive to 0 or infinity.

    .. math:: concentration = \exp(9 \tanh(raw / 9)) \in (0.00012, 8100)

    Wider than `bounded_scale`, for a concentration goes with the inverse square of a spread: the relative
    spread of a gamma number, 1 / sqrt(concentration), reaches down to 1 %.

    Arguments:
        raw: any shape.

    >>> bounded_concentration(torch.tensor([-1e30, 0.0, 1e30])).log().round()
    tensor([-9.,  0.,  9.])
    """
    return (_CONCENTRATION_BOUND * torch.tanh(raw / _CONCENTRATION_BOUND)).exp()


def bounded_log_mean(raw: Tensor) -> Tensor:
    r"""The logarithm of a mean that neither vanishes nor overflows, also in single precision.

    .. math:: log\_mean = 30 \tanh(raw / 30)

    Arguments:
        raw: any shape.

    >>> bounded_log_mean(torch.tensor([-1e30, 0.0, 1e30]))
    tensor([-30.,   0.,  30.])
    """
    return _LOG_MEAN_BOUND * torch.tanh(raw / _LOG_MEAN_BOUND)


@dataclass(frozen=True)
class Scale(ABC):  # noqa: B024  (a closed set of value objects, nothing to override)
    """Where the scale of a family comes from."""


@final
@dataclass(frozen=True)
class OneScale(Scale):
    """One learned scale for all features."""


@final
@dataclass(frozen=True)
class FeatureScale(Scale):
    """One learned scale per feature, the same for all rows.

    Arguments:
        least: what is added to the scale, so that a density stays finite on values that recur, as of a mixture; only
            `Normal` has it.

    Raises:
        ValueError: for a negative one.
    """

    least: float = 0.0

    def __post_init__(self) -> None:
        if not self.least >= 0.0:
            raise ValueError(f"FeatureScale got least={self.least}; wanted a number >= 0.")

    def __repr__(self) -> str:
        return f"FeatureScale(least={self.least})" if self.least else "FeatureScale()"


@final
@dataclass(frozen=True)
class NetworkScale(Scale):
    """One scale per feature and row, given by the network."""


@final
@dataclass(frozen=True)
class OptimalScale(Scale):
    """One scale for all features, in closed form from the residuals of each batch (Rybkin et al., 2021)."""


@final
@dataclass(frozen=True)
class FixedScale(Scale):
    """A scale that is not learned; right only where the noise is known.

    Arguments:
        value: the scale.
    """

    value: float

    def __post_init__(self) -> None:
        if not self.value > 0.0:
            raise ValueError(f"FixedScale got {self.value}; wanted a positive scale.")
