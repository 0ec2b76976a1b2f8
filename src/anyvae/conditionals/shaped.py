"""Families whose spread is a shape: Student's t for outliers, gamma for positive values, beta for fractions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.door import refuse
from anyvae.conditionals.located import Located
from anyvae.conditionals.scales import bounded_concentration, bounded_log_mean, bounded_scale

__all__ = ["Beta", "Gamma", "StudentT"]


@final
class StudentT(Located):
    r"""Independent features with learned tails: a few outliers do not widen the scale.

    .. math:: v_i \sim t(loc_i, scale_i, df_i), \quad df = 1 + \exp(6 \tanh(raw\_df / 6)) \in (1.0025, 404)

    The degrees of freedom are learned, one a feature. They stay above 1, so that the mean exists; the
    variance is infinite up to 2. They start near 8.

    Arguments:
        event_shape: number of features, or the shape of one row.
        scale: where the scale comes from; one learned scale per feature unless said.

    Raises:
        ValueError: when the scale is not learned.

    >>> sorted(StudentT(3).free)
    ['raw_df', 'raw_scale']
    """

    @property
    def params(self) -> dict[str, Size]:
        """`loc`, `raw_scale`, and `raw_df` of the event shape."""
        return super().params | {"raw_df": self.event_shape}

    @property
    def free(self) -> frozenset[str]:
        """`raw_df`, and `raw_scale` unless the network gives it."""
        return super().free | {"raw_df"}

    def start(self) -> dict[str, Tensor]:
        """Tails near the normal's, from which a gradient still moves them."""
        return {"raw_df": torch.tensor(2.0)}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.StudentT:
        """See `Family.__call__`."""
        scale, df = bounded_scale(params["raw_scale"]), 1.0 + bounded_scale(params["raw_df"])
        return distributions.StudentT(params["loc"], scale, df, len(self.event_shape))

    def check(self, name: str, value: Tensor) -> None:
        """Refuse values that are not finite."""
        refuse(self, name, value, ~torch.isfinite(value), "finite numbers", "to drop infinities")


@final
class Gamma(Located):
    r"""Independent positive features whose spread grows with their mean.

    .. math:: v_i \sim \mathrm{Gamma}(c_i, c_i / mean_i), \quad mean = \exp(30 \tanh(raw\_log\_mean / 30)), \;
              c = \exp(9 \tanh(raw\_concentration / 9))

    The standard deviation is mean / sqrt(c).

    Arguments:
        event_shape: number of features, or the shape of one row.
        scale: where the concentration comes from; one learned number per feature unless said.

    Raises:
        ValueError: when the concentration is not learned.
    """

    location = "raw_log_mean"
    spread = "raw_concentration"

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.Gamma:
        """See `Family.__call__`."""
        log_mean = bounded_log_mean(params["raw_log_mean"])
        concentration = bounded_concentration(params["raw_concentration"])
        return distributions.Gamma(log_mean, concentration, len(self.event_shape))

    def check(self, name: str, value: Tensor) -> None:
        """Refuse values that are not positive and finite."""
        wrong = ~((value > 0) & torch.isfinite(value))
        instead = "Normal for real values, Poisson or NegativeBinomial for counts"
        refuse(self, name, value, wrong, "positive finite numbers", instead)


@final
class Beta(Located):
    r"""Independent fractions strictly between 0 and 1.

    .. math:: v_i \sim \mathrm{Beta}(c_i m_i, c_i (1 - m_i)), \quad m = \sigma(logits), \;
              c = \exp(9 \tanh(raw\_concentration / 9))

    Arguments:
        event_shape: number of features, or the shape of one row.
        scale: where the concentration comes from; one learned number per feature unless said.

    Raises:
        ValueError: when the concentration is not learned.
    """

    location = "logits"
    spread = "raw_concentration"

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.Beta:
        """See `Family.__call__`."""
        concentration = bounded_concentration(params["raw_concentration"])
        return distributions.Beta(params["logits"], concentration, len(self.event_shape))

    def check(self, name: str, value: Tensor) -> None:
        """Refuse values outside (0, 1), and its ends, where the density is 0 or infinite."""
        instead = "ContinuousBernoulli where 0 and 1 occur, DiscretisedLogistic for grey levels, Bernoulli for 0 and 1"
        refuse(self, name, value, ~((value > 0) & (value < 1)), "numbers strictly between 0 and 1", instead)
