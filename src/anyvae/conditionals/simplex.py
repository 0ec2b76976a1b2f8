"""Families of shares that sum to one, and of relaxed bits and classes."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import final

import torch
from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.family import Family
from anyvae.conditionals.scales import bounded_scale

__all__ = ["Dirichlet", "LogisticNormal", "RelaxedBernoulli", "RelaxedCategorical"]


class _OnSimplex(Family, ABC):
    """A family of shares of n classes, n >= 2."""

    def __init__(self, classes: int) -> None:
        if classes < 2:
            raise ValueError(f"{type(self).__name__} got {classes} classes; wanted at least 2.")
        super().__init__(classes)

    def check(self, name: str, value: Tensor) -> None:
        """Refuse shares that are not positive or do not sum to one: at a share of 0 there is no finite density."""
        wrong = ~((value > 0).all(-1) & ((value.sum(-1) - 1.0).abs() < 1e-3))
        if bool(wrong.any()):
            row = value[wrong][0]
            raise ValueError(
                f"{name!r} holds shares that sum to {row.sum().item():g}, the smallest {row.min().item():g}; "
                f"{type(self).__name__} wants positive shares with the sum 1. Divide each row by its sum; for counts "
                "or one-hot rows choose another family."
            )


@final
class Dirichlet(_OnSimplex):
    r"""Shares of n classes: the prior of mixtures of topics, or a posterior over them.

    .. math:: \log p(v) = \sum_i (concentration_i - 1) \log v_i
        + \log \Gamma(\sum_i concentration_i) - \sum_i \log \Gamma(concentration_i)

    The KL of two is exact, and draws are reparameterised through the quantile of the gamma distribution.

    Arguments:
        classes: n.
        concentration: a fixed number for every class, below 1 for few large shares; learned (one a class, between
            0.0025 and 403) where None.

    Raises:
        ValueError: for fewer than two classes, or a fixed concentration that is not positive.

    >>> Dirichlet(3).params, Dirichlet(3, concentration=0.1).params
    ({'raw_concentration': torch.Size([3])}, {})
    """

    def __init__(self, classes: int, concentration: float | None = None) -> None:
        super().__init__(classes)
        if concentration is not None and not concentration > 0.0:
            raise ValueError(f"Dirichlet got concentration={concentration}; wanted a positive number.")
        self.concentration = concentration

    @property
    def params(self) -> dict[str, Size]:
        """`raw_concentration`, one a class, unless it is fixed."""
        return {"raw_concentration": self.event_shape} if self.concentration is None else {}

    @property
    def constants(self) -> dict[str, Tensor]:
        """The fixed concentration."""
        if self.concentration is None:
            return {}
        return {"concentration": torch.full(self.event_shape, self.concentration)}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.Dirichlet:
        """See `Family.__call__`."""
        if self.concentration is None:
            return distributions.Dirichlet(bounded_scale(params["raw_concentration"]))
        return distributions.Dirichlet(constants["concentration"])


@final
class LogisticNormal(_OnSimplex):
    r"""Shares of n classes whose log-ratios to the last class are independent normal numbers.

    .. math:: v = \operatorname{softmax}(y_1, ..., y_{n-1}, 0), \quad y \sim N(loc, scale^2)

    The KL of two is that of the normals. Source: Autoencoding Variational Inference for Topic Models (Srivastava
    and Sutton, 2017).

    Arguments:
        classes: n.

    Raises:
        ValueError: for fewer than two classes.

    >>> LogisticNormal(3).params
    {'loc': torch.Size([2]), 'raw_scale': torch.Size([2])}
    """

    @property
    def params(self) -> dict[str, Size]:
        """`loc` and `raw_scale`, one a class but the last."""
        size = Size((self.event_shape[0] - 1,))
        return {"loc": size, "raw_scale": size}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.LogisticNormal:
        """See `Family.__call__`."""
        return distributions.LogisticNormal(params["loc"], bounded_scale(params["raw_scale"]))


class _Relaxed(Family, ABC):
    """A family with a fixed temperature."""

    def __init__(self, event_shape: int | tuple[int, ...], temperature: float) -> None:
        if not temperature > 0.0:
            raise ValueError(
                f"{type(self).__name__} got temperature={temperature}; wanted a positive number."
            )
        super().__init__(event_shape)
        self.temperature = temperature

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, {self.temperature})"

    @property
    def params(self) -> dict[str, Size]:
        """`logits`, of the event shape."""
        return {"logits": self.event_shape}

    @property
    def constants(self) -> dict[str, Tensor]:
        """The temperature."""
        return {"temperature": torch.tensor(self.temperature)}


@final
class RelaxedBernoulli(_Relaxed):
    r"""Independent relaxed bits, as log-odds: a network that reads them takes the sigmoid first.

    .. math:: v_i = (logits_i + g_i) / temperature, \quad g_i \sim \text{Logistic}(0, 1)

    As log-odds, because sigmoid(v) rounds to one and its density is then wrong. The KL of two is sampled; it is
    that of relaxed variables and not of bits. Source: The Concrete Distribution (Maddison et al., 2017).

    Arguments:
        event_shape: number of features, or the shape of one row.
        temperature: positive; towards 0 sigmoid(v) becomes a Bernoulli bit and gradients grow.

    Raises:
        ValueError: when the temperature is not positive.
    """

    def __init__(self, event_shape: int | tuple[int, ...], temperature: float = 0.5) -> None:
        super().__init__(event_shape, temperature)

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.RelaxedBernoulli:
        """See `Family.__call__`."""
        dims = len(self.event_shape)
        return distributions.RelaxedBernoulli(params["logits"], constants["temperature"], dims)


@final
class RelaxedCategorical(_Relaxed):
    r"""A relaxed class, as centred logarithms: a network that reads it takes the softmax first.

    .. math:: v = (x - \bar x) / temperature, \quad x = logits + g, \quad g_k \sim \text{Gumbel}(0, 1)

    As logarithms, because small shares round to zero and their density is then wrong. The KL of two is sampled; it
    is that of relaxed variables and not of classes. Source: The Concrete Distribution (Maddison et al., 2017).

    Arguments:
        classes: K.
        temperature: positive; towards 0 softmax(v) becomes a one-hot draw and gradients grow.

    Raises:
        ValueError: for fewer than two classes, or when the temperature is not positive.

    >>> RelaxedCategorical(4, temperature=0.7)
    RelaxedCategorical(4, 0.7)
    """

    def __init__(self, classes: int, temperature: float = 0.5) -> None:
        if classes < 2:
            raise ValueError(f"RelaxedCategorical got {classes} classes; wanted at least 2.")
        super().__init__(classes, temperature)

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.RelaxedCategorical:
        """See `Family.__call__`."""
        return distributions.RelaxedCategorical(params["logits"], constants["temperature"])
