"""Maps whose every feature is moved as the features before it say: IAF, MAF and neural splines."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from anyvae.conditionals.bijections import FlowTransform
from anyvae.conditionals.scales import bounded_log_scale

__all__ = ["IAF", "MAF", "NSF", "load_zuko"]

_GATE = 2.0
_MINUS_LOG_START = math.log1p(math.exp(-_GATE))


def load_zuko() -> ModuleType:
    """The package zuko, loaded when first needed, with torch's check of arguments as it was before.

    Its import turns that check off for the whole process.
    """
    switch = Distribution._validate_args
    try:
        import zuko
    finally:
        Distribution.set_default_validate_args(switch)
    return zuko


class _Masked(FlowTransform):
    """What the descriptions share: sizes of the network, and how many features are moved at a time.

    Arguments:
        sizes: width of each hidden layer; two layers of 64, or twice the features, where None.
        activation: makes the activation module; bounded ones keep far points finite.
        passes: in how many groups the features are moved, each group as those before it say; 2 is a coupling, None
            moves them one by one. The slow direction takes as many passes of the network.
    """

    def __init__(
        self,
        sizes: Sequence[int] | None = None,
        activation: Callable[[], nn.Module] = nn.Tanh,
        passes: int | None = None,
    ) -> None:
        if sizes is not None and any(size < 1 for size in sizes):
            raise ValueError(
                f"{type(self).__name__} got sizes {list(sizes)}; every layer needs at least one unit."
            )
        if passes is not None and passes < 1:
            raise ValueError(f"{type(self).__name__} got passes={passes}; wanted at least 1.")
        self.sizes = None if sizes is None else tuple(sizes)
        self.activation = activation
        self.passes = passes

    def __repr__(self) -> str:
        sizes = "" if self.sizes is None else f"{list(self.sizes)}"
        passes = "" if self.passes is None else f"passes={self.passes}"
        return f"{type(self).__name__}({', '.join(part for part in (sizes, passes) if part)})"

    def network(self, features: int, context: int, outputs: int, place: int) -> _MaskedNetwork:
        """The network of one map; every second one reads the features backwards.

        Raises:
            ValueError: when a hidden layer has fewer units than there are groups of features.
        """
        passes = features if self.passes is None else min(self.passes, features)
        sizes = (max(64, 2 * features),) * 2 if self.sizes is None else self.sizes
        if sizes and min(sizes) < passes:
            raise ValueError(
                f"{self!r} moves {features} features in {passes} groups; wanted hidden layers of at least {passes} "
                f"units, so that every group has one, got {list(sizes)}."
            )
        return _MaskedNetwork(features, context, outputs, place, passes, sizes, self.activation)


@final
class IAF(_Masked):
    r"""Inverse autoregressive flow: quick to draw from and to score its own draws, slow to invert.

    .. math:: v_i = g_i u_i / g_0 + (1 - g_i) m_i, \quad (m_i, g_i) = f(u_{<i}, context)

    The gate g lies between 0 and 1 and starts at g_0 = sigmoid(2), as in the paper; divided by its start, so that
    the map starts at the identity. It stays above 0.018. For posteriors.
    Source: Improving Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016).

    Arguments:
        sizes: width of each hidden layer of f; two layers of 64, or twice the features, where None.
        activation: makes the activation module; a bounded one keeps far points finite.
        passes: in how many groups the features are moved; one by one where None, 2 for a coupling.

    Raises:
        ValueError: for sizes or passes below 1, or, when parts are joined, layers narrower than the groups.

    >>> v, log_det = IAF().build(3, 2, 0)(torch.zeros(5, 3), torch.zeros(5, 2))
    >>> v.shape, log_det.shape
    (torch.Size([5, 3]), torch.Size([5]))
    """

    def build(self, features: int, context: int, place: int) -> nn.Module:
        """See `FlowTransform.build`."""
        return _Gated(self.network(features, context, 2, place))


@final
class MAF(_Masked):
    r"""Masked autoregressive flow: quick to score any value, slow to draw from.

    .. math:: u_i = e^{a_i} v_i + m_i, \quad (m_i, a_i) = f(v_{<i}, context)

    For priors, whose density every row needs and whose draws are few; a is bounded by 6.
    Source: Masked Autoregressive Flow for Density Estimation (Papamakarios et al., 2017).

    Arguments:
        sizes: width of each hidden layer of f; two layers of 64, or twice the features, where None.
        activation: makes the activation module; a bounded one keeps far points finite.
        passes: in how many groups the features are moved; one by one where None, 2 for a coupling.

    Raises:
        ValueError: for sizes or passes below 1, or, when parts are joined, layers narrower than the groups.
    """

    def build(self, features: int, context: int, place: int) -> nn.Module:
        """See `FlowTransform.build`."""
        return _Backwards(_Affine(self.network(features, context, 2, place)))


@final
class NSF(_Masked):
    r"""Neural spline flow: every feature bent by a monotone spline of rational pieces within [-bound, bound].

    .. math:: v_i = spline_i(u_i), \quad spline_i = f(u_{<i}, context)

    Outside the bounds it is the identity. A coupling unless said otherwise: quick both ways.
    Source: Neural Spline Flows (Durkan et al., 2019).

    Arguments:
        sizes: width of each hidden layer of f; two layers of 64, or twice the features, where None.
        bins: pieces of each spline, at least 2.
        bound: half the width of the bent interval.
        activation: makes the activation module.
        passes: in how many groups the features are moved; 2 for a coupling, one by one where None.

    Raises:
        ValueError: for sizes or passes below 1, fewer than 2 bins, a bound that is not positive, or, when parts are
            joined, layers narrower than the groups.
    """

    def __init__(
        self,
        sizes: Sequence[int] | None = None,
        bins: int = 8,
        bound: float = 5.0,
        activation: Callable[[], nn.Module] = nn.Tanh,
        passes: int | None = 2,
    ) -> None:
        super().__init__(sizes, activation, passes)
        if bins < 2 or not bound > 0.0:
            raise ValueError(
                f"NSF got bins={bins}, bound={bound}; wanted at least 2 bins and a positive bound."
            )
        self.bins = bins
        self.bound = bound

    def build(self, features: int, context: int, place: int) -> nn.Module:
        """See `FlowTransform.build`."""
        return _Spline(self.network(features, context, 3 * self.bins - 1, place), self.bins, self.bound)


class _MaskedNetwork(nn.Module):
    """Numbers for every feature from the features before it and the context, near 0 at the start."""

    def __init__(
        self,
        features: int,
        context: int,
        outputs: int,
        place: int,
        passes: int,
        sizes: Sequence[int],
        activation: Callable[[], nn.Module],
    ) -> None:
        super().__init__()
        self.outputs, self.passes = outputs, passes
        order = torch.arange(features) if place % 2 == 0 else torch.arange(features).flip(0)
        group = order // -(-features // passes)
        reads = group.unsqueeze(1) > group
        reads = torch.cat([reads, torch.ones(features, context, dtype=torch.bool)], 1)
        self.free = None if bool(reads.any()) else nn.Parameter(0.01 * torch.randn(features * outputs))
        self.masked: nn.Module | None = None
        if self.free is None:
            masked = load_zuko().nn.MaskedMLP(
                reads.repeat_interleave(outputs, 0), hidden_features=sizes, activation=activation
            )
            with torch.no_grad():
                masked[-1].weight.mul_(0.01)
                masked[-1].bias.zero_()
            self.masked = masked

    def forward(self, value: Tensor, context: Tensor | None) -> Tensor:
        """Shape (..., n, outputs)."""
        if self.masked is None:
            assert self.free is not None
            return self.free.unflatten(-1, (-1, self.outputs)).expand(*value.shape, self.outputs)
        if context is not None:
            lead = torch.broadcast_shapes(value.shape[:-1], context.shape[:-1])
            parts = (value.expand(*lead, value.shape[-1]), context.expand(*lead, context.shape[-1]))
            value = torch.cat(parts, -1)
        found: Tensor = self.masked(value)
        # Products may run in bfloat16; densities never do.
        return found.to(value.dtype).unflatten(-1, (-1, self.outputs))


class _Autoregressive(nn.Module):
    """One pass forward; backwards as many passes as there are groups of features."""

    def __init__(self, network: _MaskedNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, value: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        moved, log_slope = self.there(self.network(value, context), value)
        return moved, log_slope.sum(-1)

    def inverse(self, value: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        # Every pass makes one more group of features right; what the network says of it reads only earlier ones.
        found = torch.zeros_like(value)
        for _ in range(self.network.passes):
            numbers = self.network(found, context)
            found = self.back(numbers, value)
        return found, self.there(numbers, found)[1].sum(-1)

    @abstractmethod
    def there(self, numbers: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Every feature moved, and the log of its slope, shape (..., n) each."""

    @abstractmethod
    def back(self, numbers: Tensor, value: Tensor) -> Tensor:
        """The features that `there` moves to `value`."""


class _Gated(_Autoregressive):
    def there(self, numbers: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        shift, log_scale = self._affine(numbers)
        return torch.addcmul(shift, log_scale.exp(), value), log_scale.expand_as(value)

    def back(self, numbers: Tensor, value: Tensor) -> Tensor:
        shift, log_scale = self._affine(numbers)
        return (value - shift) * (-log_scale).exp()

    def _affine(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        aim, raw = numbers.unbind(-1)
        gate = bounded_log_scale(raw) + _GATE
        return torch.sigmoid(-gate) * aim, nn.functional.logsigmoid(gate) + _MINUS_LOG_START


class _Affine(_Autoregressive):
    def there(self, numbers: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        shift, raw = numbers.unbind(-1)
        log_scale = bounded_log_scale(raw)
        return torch.addcmul(shift, log_scale.exp(), value), log_scale.expand_as(value)

    def back(self, numbers: Tensor, value: Tensor) -> Tensor:
        shift, raw = numbers.unbind(-1)
        return (value - shift) * (-bounded_log_scale(raw)).exp()


class _Spline(_Autoregressive):
    def __init__(self, network: _MaskedNetwork, bins: int, bound: float) -> None:
        super().__init__(network)
        self.bins, self.bound = bins, bound

    def there(self, numbers: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        moved: tuple[Tensor, Tensor] = self._spline(numbers).call_and_ladj(value)
        return moved

    def back(self, numbers: Tensor, value: Tensor) -> Tensor:
        # In double precision: where the spline is flat, rounding would take the root of a negative number.
        found: Tensor = self._spline(numbers.double()).inv(value.double())
        return found.to(value.dtype)

    def _spline(self, numbers: Tensor) -> Any:
        sizes = [self.bins, self.bins, self.bins - 1]
        return load_zuko().transforms.MonotonicRQSTransform(*numbers.split(sizes, -1), bound=self.bound)


class _Backwards(nn.Module):
    """A map the other way round."""

    def __init__(self, step: _Autoregressive) -> None:
        super().__init__()
        self.step = step

    def forward(self, value: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        found, log_det = self.step.inverse(value, context)
        return found, -log_det

    def inverse(self, value: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        found, log_det = self.step(value, context)
        return found, -log_det
