"""The KL of a posterior that has draws but no density, as a critic sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from anyvae.model import Trace
from anyvae.objectives.aggregate import draws_of_prior, first_draws
from anyvae.objectives.critic import Critic
from anyvae.objectives.objective import Objective

__all__ = ["CriticKL", "TellPosterior"]


@final
class CriticKL(Objective):
    r"""KL(q(z | x) || p(z)) as a critic of x and z sees it; a cost, nats.

    .. math:: KL = E_{q(z \mid x)} \log \frac{q(z \mid x)}{p(z)} \approx E\,T(x, z)

    Right as far as the critic, trained by `TellPosterior`, has learned the ratio; an objective with it in place of
    the KL is a bound only in that limit, and none is reported. The gradient goes through the draws alone.
    Source: Adversarial Variational Bayes (Mescheder et al., 2017).

    Arguments:
        critic: reads the given variables, then z: `Critic((784,), (2,), net=...)`.
        name: of the latent.
        given: names of the variables that its posterior reads.

    >>> from anyvae.networks import MLP
    >>> from anyvae.objectives import LogLikelihood
    >>> objective = LogLikelihood() - CriticKL(Critic(784, 2, net=MLP([64])))
    """

    def __init__(self, critic: Critic, name: str = "z", given: Sequence[str] = ("x",)) -> None:
        super().__init__()
        self.critic = critic
        self.name = name
        self.given = tuple(given)

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`."""
        return self.critic.judged(*_given(self, trace, self.given), first_draws(self, trace, self.name))


@final
class TellPosterior(Objective):
    r"""How well a critic tells posterior draws from prior draws, beside the rows they belong to; a gain.

    .. math:: E_{q(z \mid x)} \log \sigma(T(x, z)) + E_{p(z)} \log \sigma(-T(x, z))

    At its maximum T = log q(z | x) - log p(z). The gradient reaches the critic alone.
    Source: Adversarial Variational Bayes (Mescheder et al., 2017).

    Arguments are those of `CriticKL`.
    """

    def __init__(self, critic: Critic, name: str = "z", given: Sequence[str] = ("x",)) -> None:
        super().__init__()
        self.critic = critic
        self.name = name
        self.given = tuple(given)

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`."""
        given = [value.detach() for value in _given(self, trace, self.given)]
        z = first_draws(self, trace, self.name).detach()
        u = draws_of_prior(trace, self.name).view_as(z)
        both = [torch.cat([value, value]) for value in given]
        posterior, prior = self.critic(*both, torch.cat([z, u])).chunk(2)
        return F.logsigmoid(posterior) + F.logsigmoid(-prior)


def _given(objective: Objective, trace: Trace, names: Sequence[str]) -> list[Tensor]:
    missing = [name for name in names if name not in trace.evidence]
    if missing:
        raise ValueError(
            f"{type(objective).__name__}: the batch does not hold {missing[0]!r}, which the critic reads; it holds "
            f"{sorted(trace.evidence)}."
        )
    return [trace.evidence[name].value for name in names]
