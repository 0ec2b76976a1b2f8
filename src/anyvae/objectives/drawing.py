"""Draws of discrete latents that carry a gradient, at the price of a bias."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Size, Tensor
from torch.distributions import Distribution

from anyvae.distributions import OneHotCategorical
from anyvae.model import Drawing
from anyvae.objectives.schedule import Schedule, as_schedule

__all__ = ["BiasedDraw", "Gumbel", "StraightThrough"]


class BiasedDraw(ABC):
    """Another way to draw one latent, for an objective's `draws`."""

    @abstractmethod
    def at(self, progress: float) -> Drawing:
        """The draw at this fraction of training."""


@final
@dataclass(frozen=True)
class Gumbel(BiasedDraw):
    r"""A class softened by a temperature: the gradient is that of the softened draw.

    .. math:: y = \operatorname{softmax}((logits + g) / temperature), \quad g \sim \mathrm{Gumbel}(0, 1)

    The KL stays that of the classes, in closed form. At low temperatures the bias is small and the noise large.
    Source: Categorical Reparameterization with Gumbel-Softmax (Jang et al., 2017).

    Arguments:
        temperature: positive number or schedule.
        hard: whether the value passed on is the class itself, and only the gradient the softened one's.

    Raises:
        ValueError: for a temperature that is not positive.
    """

    temperature: float | Schedule = 0.5
    hard: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.temperature, Schedule) and not self.temperature > 0.0:
            raise ValueError(f"Gumbel got temperature={self.temperature}; wanted a positive number.")

    def at(self, progress: float) -> Drawing:
        """See `BiasedDraw.at`."""
        temperature = as_schedule(self.temperature)(progress)

        def draw(distribution: Distribution, lead: Size) -> Tensor:
            logits = _categorical("Gumbel", distribution).logits
            # Never exactly 0, whose logarithm is infinite.
            exponential = torch.empty_like(logits).exponential_().clamp_min(torch.finfo(logits.dtype).tiny)
            soft = ((logits - exponential.log()) / temperature).softmax(-1)
            if not self.hard:
                return soft
            return F.one_hot(soft.argmax(-1), logits.shape[-1]).to(soft) + soft - soft.detach()

        return draw


@final
@dataclass(frozen=True)
class StraightThrough(BiasedDraw):
    r"""A class drawn as it is, with the gradient of its probabilities.

    .. math:: \partial y / \partial \phi := \partial \operatorname{softmax}(logits) / \partial \phi

    Source: Estimating or Propagating Gradients Through Stochastic Neurons (Bengio et al., 2013).
    """

    def at(self, progress: float) -> Drawing:
        """See `BiasedDraw.at`."""

        def draw(distribution: Distribution, lead: Size) -> Tensor:
            mean = _categorical("StraightThrough", distribution).mean
            return distribution.sample() + mean - mean.detach()

        return draw


def _categorical(user: str, distribution: Distribution) -> OneHotCategorical:
    if not isinstance(distribution, OneHotCategorical):
        raise ValueError(
            f"{user} draws a Categorical and got {type(distribution).__name__}; take it out of draws."
        )
    return distribution
