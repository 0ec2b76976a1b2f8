"""Real cells with heavy tails: Student's t."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import Cellwise
from anyvae.distributions.quantiles import log_gamma_quantile

__all__ = ["StudentT"]

_LOG_PI = math.log(math.pi)


@final
class StudentT(Cellwise):
    r"""Independent features under Student's t: a normal whose variance is itself drawn.

    .. math:: \log p(v) = \sum_i \log \frac{\Gamma((df_i + 1) / 2)}{\Gamma(df_i / 2) \sqrt{\pi \, df_i} \, scale_i}
              - \frac{df_i + 1}{2} \log\left(1 + \frac{1}{df_i} \left(\frac{v_i - loc_i}{scale_i}\right)^2\right)

    Arguments:
        loc: centres, shape (*batch, *event).
        scale: anything that broadcasts to `loc`; the standard deviation is larger.
        df: degrees of freedom, above 1 so that the mean exists; broadcasts to `loc`. The variance is infinite
            up to 2.
        event_dims: how many of the last axes are the event.

    >>> StudentT(torch.zeros(1), torch.ones(1), torch.tensor(3.0)).variance
    tensor([3.])
    """

    support = constraints.real
    has_rsample = True

    def __init__(self, loc: Tensor, scale: Tensor, df: Tensor, event_dims: int = 1) -> None:
        cut = loc.dim() - event_dims
        super().__init__(loc.shape[:cut], loc.shape[cut:])
        self.loc = loc
        self.scale = scale
        self.df = df

    @property
    def noise_shape(self) -> torch.Size:
        """Two numbers a feature: of the normal and of its variance."""
        return torch.Size((*self._event_shape, 2))

    @property
    def mean(self) -> Tensor:
        """`loc`."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """scale^2 df / (df - 2), infinite up to df = 2."""
        finite = self.df > 2.0
        ratio = self.df / torch.where(finite, self.df - 2.0, torch.ones_like(self.df))
        ratio = torch.where(finite, ratio, torch.inf)
        return (self.scale.square() * ratio).expand_as(self.loc)

    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each feature, nats."""
        far = (value - self.loc) / (self.scale * self.df.sqrt())
        # log(1 + far^2), without squaring a number whose square overflows.
        wide = far.abs() > 1.0
        near = torch.where(wide, torch.zeros_like(far), far)
        distant = torch.where(wide, far, torch.ones_like(far)).abs()
        inner = torch.where(
            wide, 2.0 * distant.log() + distant.reciprocal().square().log1p(), near.square().log1p()
        )
        # Differences of large numbers, one a feature: cheap in double precision, and wrong in single.
        df = self.df.double()
        constant = torch.lgamma(0.5 * (df + 1.0)) - torch.lgamma(0.5 * df) - 0.5 * (df.log() + _LOG_PI)
        return constant.to(far.dtype) - self.scale.log() - 0.5 * (self.df + 1.0) * inner

    def from_noise(self, noise: Tensor) -> Tensor:
        """loc + scale * noise[0] / sqrt(gamma / (df / 2)), the gamma number at quantile Phi(noise[1])."""
        half = 0.5 * self.df
        log_ratio = half.log() - log_gamma_quantile(half, noise[..., 1])
        return torch.addcmul(self.loc, self.scale, noise[..., 0] * (0.5 * log_ratio).exp())

    def expand(self, batch_shape: Any, _instance: Any = None) -> StudentT:
        """The same distribution with other batch axes."""
        loc = self.loc.expand(torch.Size(batch_shape) + self._event_shape)
        return StudentT(loc, self.scale, self.df, self.event_dims)

    def _like(self) -> Tensor:
        return self.loc
