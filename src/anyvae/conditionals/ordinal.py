"""Families of ordered levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.door import refuse
from anyvae.conditionals.family import Family
from anyvae.conditionals.scales import bounded_scale, raw_scale_of

__all__ = ["Ordinal"]


@final
class Ordinal(Family):
    r"""Independent features on K ordered levels 0, ..., K - 1: grades, stars, stages.

    .. math:: P(v_i \le k) = \sigma(cut_{i,k} - loc_i), \quad cut_{i,k} = first_i + \sum_{j \le k} gap_{i,j}, \;
              gap = \exp(6 \tanh(raw\_gaps / 6))

    The network gives one location a feature; the cuts are learned, the same for all rows. They start where
    all levels are equally likely at location 0.
    Source: Regression models for ordinal data (McCullagh, 1980).

    Arguments:
        event_shape: number of features, or the shape of one row.
        levels: K, the same for all features.

    Raises:
        ValueError: for fewer than three levels.

    >>> Ordinal(2, levels=4).params
    {'loc': torch.Size([2]), 'first_cut': torch.Size([2]), 'raw_gaps': torch.Size([2, 2])}
    """

    def __init__(self, event_shape: int | tuple[int, ...], levels: int) -> None:
        if levels < 3:
            raise ValueError(
                f"Ordinal got levels={levels}; wanted at least 3. Two levels have no order: use Bernoulli."
            )
        super().__init__(event_shape)
        self.levels = levels

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, levels={self.levels})"

    @property
    def params(self) -> dict[str, Size]:
        """`loc` and `first_cut` of the event shape, `raw_gaps` with K - 2 a feature."""
        gaps = Size((*self.event_shape, self.levels - 2))
        return {"loc": self.event_shape, "first_cut": self.event_shape, "raw_gaps": gaps}

    @property
    def free(self) -> frozenset[str]:
        """The cuts."""
        return frozenset({"first_cut", "raw_gaps"})

    def start(self) -> dict[str, Tensor]:
        """Equally likely levels."""
        cuts = torch.logit(torch.arange(1, self.levels, dtype=torch.get_default_dtype()) / self.levels)
        return {"first_cut": cuts[0], "raw_gaps": raw_scale_of(cuts.diff())}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.Ordinal:
        """See `Family.__call__`."""
        first = params["first_cut"].unsqueeze(-1)
        later = first + bounded_scale(params["raw_gaps"]).cumsum(-1)
        return distributions.Ordinal(params["loc"], torch.cat([first, later], -1), len(self.event_shape))

    def check(self, name: str, value: Tensor) -> None:
        """Refuse what is no level."""
        last = self.levels - 1
        wrong = ~((value >= 0) & (value <= last) & (value == value.round()))
        instead = "DiscretisedLogistic for evenly spaced values, Categorical for classes without order"
        refuse(self, name, value, wrong, f"whole levels 0, ..., {last}", instead)
