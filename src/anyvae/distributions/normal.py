"""Normal distributions with independent features: the hot path of most models."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import constraints, register_kl

from anyvae.distributions.cells import Cellwise, sum_event

__all__ = ["Normal", "OptimalNormal", "StandardNormal"]

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


@final
class StandardNormal(Cellwise):
    r"""N(0, I), without parameters.

    Arguments:
        event_shape: shape of one row.
        batch_shape: axes over rows.
        dtype, device: of its draws.

    >>> StandardNormal((2,)).log_prob(torch.zeros(2)) + math.log(2 * math.pi)
    tensor(0.)
    """

    support = constraints.real
    has_rsample = True

    def __init__(
        self,
        event_shape: tuple[int, ...],
        batch_shape: tuple[int, ...] = (),
        dtype: torch.dtype | None = None,
        device: torch.device | None = None,
    ) -> None:
        super().__init__(torch.Size(batch_shape), torch.Size(event_shape))
        self._zero = torch.zeros((), dtype=dtype, device=device)

    @property
    def mean(self) -> Tensor:
        """Zeros of shape (*batch_shape, *event_shape)."""
        return self._zero.expand(self._batch_shape + self._event_shape)

    @property
    def variance(self) -> Tensor:
        """Ones of shape (*batch_shape, *event_shape)."""
        return self.mean + 1.0

    def cells(self, value: Tensor) -> Tensor:
        """-value^2 / 2 - log(2 pi) / 2."""
        return -0.5 * value.square() - _HALF_LOG_2PI

    def from_noise(self, noise: Tensor) -> Tensor:
        """The noise itself."""
        return noise

    def expand(self, batch_shape: Any, _instance: Any = None) -> StandardNormal:
        """The same distribution with other batch axes."""
        return StandardNormal(
            tuple(self._event_shape), tuple(batch_shape), self._zero.dtype, self._zero.device
        )

    def _like(self) -> Tensor:
        return self._zero


@final
class Normal(Cellwise):
    r"""Independent normal features.

    .. math:: \log p(v) = -\sum_i \tfrac12 ((v_i - loc_i) / scale_i)^2 + \log scale_i + \tfrac12 \log 2\pi

    Arguments:
        loc: means, shape (*batch, *event).
        scale: standard deviations, anything that broadcasts to `loc`.
        event_dims: how many of the last axes are the event.
        log_scale: log of `scale` where it is at hand, so that it is not taken again.

    >>> Normal(torch.zeros(4, 3), torch.ones(3)).log_prob(torch.zeros(4, 3)).shape
    torch.Size([4])
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}  # noqa: RUF012
    support = constraints.real
    has_rsample = True

    def __init__(
        self, loc: Tensor, scale: Tensor, event_dims: int = 1, log_scale: Tensor | None = None
    ) -> None:
        cut = loc.dim() - event_dims
        super().__init__(loc.shape[:cut], loc.shape[cut:])
        self.loc = loc
        self.scale = scale
        self._log_scale = log_scale

    @property
    def log_scale(self) -> Tensor:
        """log of `scale`, of its shape."""
        if self._log_scale is None:
            self._log_scale = self.scale.log()
        return self._log_scale

    @property
    def mean(self) -> Tensor:
        """`loc`."""
        return self.loc

    @property
    def stddev(self) -> Tensor:
        """`scale`, of the shape of `loc`."""
        return self.scale.expand_as(self.loc)

    @property
    def variance(self) -> Tensor:
        """`scale` squared, of the shape of `loc`."""
        return self.stddev.square()

    def entropy(self) -> Tensor:
        """Entropy of each row, nats."""
        total = self._sum_log_scale() + self._event_shape.numel() * (0.5 + _HALF_LOG_2PI)
        return total.expand(self._batch_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of each row, nats; the sum of `cells` with the constants summed once."""
        # The reciprocal is taken of few numbers, mostly, and its gradient is half the work of a quotient's.
        square = sum_event(((value - self.loc) * self.scale.reciprocal()).square(), len(self._event_shape))
        return -0.5 * square - (self._sum_log_scale() + self._event_shape.numel() * _HALF_LOG_2PI)

    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each feature, nats."""
        return -0.5 * ((value - self.loc) / self.scale).square() - (self.log_scale + _HALF_LOG_2PI)

    def log_moment(self, a: Tensor) -> Tensor:
        """a loc + a^2 scale^2 / 2."""
        return a * self.loc + 0.5 * (a * self.scale).square()

    def from_noise(self, noise: Tensor) -> Tensor:
        """loc + scale * noise."""
        return torch.addcmul(self.loc, self.scale, noise)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Normal:
        """The same distribution with other batch axes."""
        loc = self.loc.expand(torch.Size(batch_shape) + self._event_shape)
        return Normal(loc, self.stddev.expand_as(loc), self.event_dims)

    def _sum_log_scale(self) -> Tensor:
        """Sum of log scale over the event, whatever of it the scale spans; broadcasts to the rows."""
        dims = len(self._event_shape)
        if self.scale.dim() >= dims and self.scale.shape[self.scale.dim() - dims :] == self._event_shape:
            return sum_event(self.log_scale, dims)
        return sum_event(self.log_scale.expand(self.loc.shape), dims)

    def _like(self) -> Tensor:
        return self.loc


@final
class OptimalNormal(Cellwise):
    r"""Normal features with one scale, set in closed form from the rows that are scored.

    .. math:: scale^2 = \operatorname{mean}_{rows, i} (v_i - loc_i)^2

    While `learning`, `cells` takes this maximum-likelihood scale of the very batch and moves `running`,
    the stored mean square, towards it; else the stored one is used, so that a score never depends on the
    other rows. By the envelope theorem the gradient with respect to `loc` is that of a fixed scale.

    Source: Simple and Effective VAE Training with Calibrated Decoders (Rybkin et al., 2021).

    Arguments:
        loc: means, shape (*batch, *event).
        running: mean square of the residuals, shape (), changed in place while learning.
        learning: whether scored rows set the scale.
        floor: smallest scale.
        momentum: weight of the new batch in `running`.
        event_dims: how many of the last axes are the event.
    """

    support = constraints.real
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        running: Tensor,
        *,
        learning: bool,
        floor: float = 1e-3,
        momentum: float = 0.05,
        event_dims: int = 1,
    ) -> None:
        cut = loc.dim() - event_dims
        super().__init__(loc.shape[:cut], loc.shape[cut:])
        self.loc = loc
        self.running = running
        self.learning = learning
        self.floor = floor
        self.momentum = momentum

    @property
    def mean(self) -> Tensor:
        """`loc`."""
        return self.loc

    @property
    def scale(self) -> Tensor:
        """The stored scale, shape ()."""
        return (self.running + self.floor**2).sqrt()

    @property
    def variance(self) -> Tensor:
        """Stored scale squared, of the shape of `loc`."""
        return self.scale.square().expand_as(self.loc)

    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each feature under the batch's own (learning) or the stored scale, nats."""
        return self._cells(value, None)

    def given_log_prob(self, value: Tensor, mask: Tensor) -> Tensor:
        """Log-density of the given cells of each row, nats; the holes have no say in the scale."""
        return sum_event(self._cells(value, mask) * mask, len(self._event_shape))

    def _cells(self, value: Tensor, mask: Tensor | None) -> Tensor:
        error = (value - self.loc).square()
        variance = self.running + self.floor**2
        if self.learning:
            batch = error.mean() if mask is None else _mean_of_given(error, mask, self.running)
            variance = batch + self.floor**2
            with torch.no_grad():
                self.running.lerp_(batch.to(self.running.dtype), self.momentum)
        return -0.5 * (error / variance + variance.log()) - _HALF_LOG_2PI

    def log_moment(self, a: Tensor) -> Tensor:
        """a loc + a^2 scale^2 / 2, of the stored scale."""
        return a * self.loc + 0.5 * a.square() * self.scale.square()

    def from_noise(self, noise: Tensor) -> Tensor:
        """loc + scale * noise."""
        return self.loc + self.scale * noise

    def settled(self) -> Cellwise:
        """See `Cellwise.settled`: the stored scale is the scale."""
        return self._like_this(self.loc, learning=False) if self.learning else self

    def expand(self, batch_shape: Any, _instance: Any = None) -> OptimalNormal:
        """The same distribution with other batch axes."""
        loc = self.loc.expand(torch.Size(batch_shape) + self._event_shape)
        return self._like_this(loc, learning=self.learning)

    def _like_this(self, loc: Tensor, *, learning: bool) -> OptimalNormal:
        return OptimalNormal(
            loc,
            self.running,
            learning=learning,
            floor=self.floor,
            momentum=self.momentum,
            event_dims=self.event_dims,
        )

    def _like(self) -> Tensor:
        return self.loc


def _mean_of_given(error: Tensor, mask: Tensor, otherwise: Tensor) -> Tensor:
    """Of the given cells; where there is none, what was known before."""
    cells = mask.expand_as(error).sum()
    return torch.where(cells > 0, (error * mask).sum() / cells.clamp_min(1.0), otherwise)


@register_kl(Normal, StandardNormal)
def _kl_normal_standard(q: Normal, p: StandardNormal) -> Tensor:
    inner = (q.loc.square() + q.scale.square()).sub(q.log_scale, alpha=2)
    # The sum first: the row has one number where the event has many.
    return 0.5 * (sum_event(inner, q.event_dims) - q.event_shape.numel())


@register_kl(Normal, Normal)
def _kl_normal_normal(q: Normal, p: Normal) -> Tensor:
    ratio = q.scale / p.scale
    shift = (q.loc - p.loc) / p.scale
    return sum_event(0.5 * (ratio.square() + shift.square() - 1.0) - ratio.log(), q.event_dims)


@register_kl(StandardNormal, Normal)
def _kl_standard_normal(q: StandardNormal, p: Normal) -> Tensor:
    inner = 0.5 * ((1.0 + p.loc.square()) / p.scale.square() - 1.0) + p.scale.log()
    return sum_event(inner, p.event_dims)


@register_kl(StandardNormal, StandardNormal)
def _kl_standard_standard(q: StandardNormal, p: StandardNormal) -> Tensor:
    return sum_event(torch.zeros_like(q.mean), q.event_dims)
