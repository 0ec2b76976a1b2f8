"""A normal conditional with less spread, for sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from torch.distributions import Distribution

from anyvae import distributions
from anyvae.conditionals.combinator import Combinator, trial
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.family import Family

__all__ = ["Tempered"]


@final
class Tempered(Combinator):
    r"""A normal conditional whose scale is multiplied by a temperature.

    .. math:: v \sim N(loc, (temperature \cdot scale)^2)

    For a copy of a fitted model that draws less far out, with the same weights. It is another model: a score of it
    is no score of the fitted one.

    Source: Glow: Generative Flow with Invertible 1x1 Convolutions (Kingma and Dhariwal, 2018).

    Arguments:
        conditional: normal, or a family without parents.
        temperature: positive; below 1 for less spread.

    Raises:
        ValueError: for a temperature that is not positive or a conditional that is not normal.

    >>> from anyvae.conditionals import StandardNormal
    >>> Tempered(StandardNormal(2), 0.7)
    Tempered(StandardNormal(2), temperature=0.7)
    """

    def __init__(self, conditional: Conditional | Family, temperature: float) -> None:
        if not temperature > 0.0:
            raise ValueError(f"Tempered got temperature={temperature}; wanted a positive number.")
        super().__init__([conditional])
        self.temperature = temperature

    def __repr__(self) -> str:
        return f"Tempered({self.extra_repr()})"

    def extra_repr(self) -> str:
        """The part and its temperature."""
        return f"{super().extra_repr()}, temperature={self.temperature:g}"

    def join(
        self, name: str, generative: Mapping[str, Conditional], inference: Mapping[str, Conditional]
    ) -> None:
        """See `Conditional.join`."""
        super().join(name, generative, inference)
        self._cool(trial(self._parts()[0], self._shapes, generative))

    def forward(self, *parents: Any) -> distributions.Normal | distributions.FullNormal:
        """The distribution for given parents, with its scale multiplied."""
        [found] = self.distributions_of_parts(parents)
        return self._cool(found)

    def _cool(self, found: Distribution) -> distributions.Normal | distributions.FullNormal:
        if isinstance(found, distributions.Normal):
            return distributions.Normal(found.loc, self.temperature * found.stddev, found.event_dims)
        if isinstance(found, distributions.StandardNormal):
            spread = self.temperature * found.variance
            return distributions.Normal(found.mean, spread, found.event_dims)
        if isinstance(found, distributions.FullNormal):
            return distributions.FullNormal(found.loc, self.temperature * found.factor)
        raise ValueError(
            f"Tempered got {type(found).__name__}; wanted a normal distribution, whose scale can be multiplied. "
            "Sample this variable as it is."
        )
