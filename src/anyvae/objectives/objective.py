"""What is maximised: one number per row, which the caller reduces."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import final

import torch
from torch import Tensor

from anyvae.distributions import OneHotCategorical
from anyvae.model import Batch, LatentVariableModel, Trace
from anyvae.objectives.drawing import BiasedDraw
from anyvae.objectives.schedule import Schedule, as_schedule
from anyvae.wants import wants

__all__ = ["ELBO", "IWAE", "Objective", "WeightedSum", "elbo", "iwae"]


def elbo(trace: Trace) -> Tensor:
    r"""The evidence lower bound, nats, shape (B,).

    .. math:: E_q[\log p(x \mid z)] - KL(q(z \mid x) \,\|\, p(z)) \le \log p(x)

    KLs are exact where torch registers a formula and the graph allows it, sampled elsewhere; `trace.kl(name)`
    tells which. Source: Auto-Encoding Variational Bayes (Kingma and Welling, 2013).
    """
    return trace.elbo()


def iwae(trace: Trace) -> Tensor:
    r"""The importance-weighted bound over the trace's S draws, nats, shape (B,).

    .. math:: \log \tfrac1S \sum_s p(x, z_s) / q(z_s \mid x)

    Source: Importance Weighted Autoencoders (Burda et al., 2016).
    """
    return trace.log_mean_exp(trace.log_weight())


class Objective(ABC):
    """A function of a model and a batch that is maximised, one number per row.

    Arguments:
        samples: S, draws of the latents per row.
        enumerate: discrete latents of which every value is taken, weighed by its probability.
        draws: how discrete latents are drawn with a gradient, by name.

    Raises:
        ValueError: when there are fewer samples than one, or a name stands in both.
    """

    pathwise = True
    """Whether every latent must be drawn with a gradient."""

    def __init__(
        self,
        samples: int = 1,
        *,
        enumerate: Sequence[str] = (),
        draws: Mapping[str, BiasedDraw] | None = None,
    ) -> None:
        wants(Integral, samples, f"samples of {type(self).__name__}", "a whole number")
        if samples < 1:
            raise ValueError(f"{type(self).__name__} got samples={samples}; wanted at least 1.")
        if isinstance(enumerate, str):
            raise ValueError(
                f"{type(self).__name__} got enumerate={enumerate!r}; wanted a list, [{enumerate!r}]."
            )
        self.samples = samples
        self.enumerate = tuple(enumerate)
        self.draws = dict(draws or {})
        for how in self.draws.values():
            wants(BiasedDraw, how, f"draws of {type(self).__name__}", "such as {'y': Gumbel(0.5)}, by name")
        both = sorted(set(self.enumerate) & set(self.draws))
        if both:
            raise ValueError(
                f"{type(self).__name__} got {both[0]!r} in enumerate and in draws; take one of them."
            )

    def __call__(self, model: LatentVariableModel, batch: Batch, progress: float = 1.0) -> Tensor:
        """The objective of each row, nats, shape (B,).

        Arguments:
            model: the model.
            batch: tensors or `Partial` values by name.
            progress: fraction of training done, for schedules.

        Raises:
            ValueError: when a latent is drawn without a gradient, which this estimator needs, or an objective does not
                give one number per row.
        """
        draws = {name: how.at(progress) for name, how in self.draws.items()}
        trace = model(batch, self.samples, self.enumerate, draws)
        self._refuse_wrong_draws(trace)
        return _per_row(self, trace, progress)

    def _refuse_wrong_draws(self, trace: Trace) -> None:
        if torch.is_grad_enabled() and self.pathwise:
            _refuse_score_only(trace)
        for name in self.draws:
            _refuse_sampled_kl(trace, name)

    @abstractmethod
    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """The objective of each row of a finished trace, nats, shape (B,)."""

    def __add__(self, other: Objective) -> WeightedSum:
        """Both, over the draws of one trace."""
        wants(Objective, other, f"{type(self).__name__}() +", "another objective or term, such as KL()")
        return WeightedSum(self._weighted() + other._weighted())

    def __sub__(self, other: Objective) -> WeightedSum:
        """This one, less the other as a cost."""
        wants(Objective, other, f"{type(self).__name__}() -", "another objective or term, such as KL()")
        return self + (-1.0) * other

    def __mul__(self, weight: float | Schedule) -> WeightedSum:
        """Weighted, by a number or a schedule."""
        schedule = as_schedule(weight)
        return WeightedSum(tuple(((schedule, *before), part) for before, part in self._weighted()))

    __rmul__ = __mul__

    def _weighted(self) -> tuple[tuple[tuple[Schedule, ...], Objective], ...]:
        return (((), self),)


@final
class WeightedSum(Objective):
    r"""A sum of weighted objectives over the draws of one trace; made by `+`, `-` and `*`.

    .. math:: \sum_i weight_i \, objective_i

    As many samples are drawn as the part that wants most has.

    Arguments:
        parts: (weights, objective); the weights of a part are multiplied.

    >>> from anyvae.objectives import Classify
    >>> (ELBO() + 46.0 * Classify("y")).samples
    1
    """

    def __init__(self, parts: tuple[tuple[tuple[Schedule, ...], Objective], ...]) -> None:
        names = [name for _, part in parts for name in part.enumerate]
        draws = {name: how for _, part in parts for name, how in part.draws.items()}
        super().__init__(
            max(part.samples for _, part in parts), enumerate=tuple(dict.fromkeys(names)), draws=draws
        )
        self.parts = parts
        self.pathwise = all(part.pathwise for _, part in parts)

    def _refuse_wrong_draws(self, trace: Trace) -> None:
        # Each part by itself: a score that one of them adds is of that one's own value.
        for _, part in self.parts:
            part._refuse_wrong_draws(trace)

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`."""
        total: Tensor | None = None
        for weights, part in self.parts:
            term = math.prod(weight(progress) for weight in weights) * _per_row(part, trace, progress)
            total = term if total is None else total + term
        assert total is not None
        return total

    def _weighted(self) -> tuple[tuple[tuple[Schedule, ...], Objective], ...]:
        return self.parts


@final
class ELBO(Objective):
    r"""The evidence lower bound, with a weight on the KL.

    .. math:: E_q[\log p(x \mid z)] - \beta \, KL(q(z \mid x) \,\|\, p(z))

    A bound on log p(x) only for beta >= 1, and the tightest at beta = 1; what is reported is always the
    bound at 1. Source: beta-VAE (Higgins et al., 2017).

    Arguments:
        beta: weight of the KL, a number or a `Schedule`.
        samples: S, draws per row.
        enumerate: discrete latents that are summed over instead of drawn.
        draws: how discrete latents are drawn with a gradient, by name, such as `{"y": Gumbel(0.5)}`.

    Raises:
        ValueError: for a negative beta.
    """

    def __init__(
        self,
        beta: float | Schedule = 1.0,
        samples: int = 1,
        *,
        enumerate: Sequence[str] = (),
        draws: Mapping[str, BiasedDraw] | None = None,
    ) -> None:
        super().__init__(samples, enumerate=enumerate, draws=draws)
        self.beta = as_schedule(beta)
        if not isinstance(beta, Schedule) and not beta >= 0.0:
            raise ValueError(f"ELBO got beta={beta}; wanted a weight >= 0.")

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`."""
        beta = self.beta(progress)
        kl = trace.kl_total()
        return trace.log_likelihood() - (kl if beta == 1.0 else beta * kl)


@final
class IWAE(Objective):
    r"""The importance-weighted bound: tighter with every sample, log p(x) in the limit.

    .. math:: \log \tfrac1S \sum_s p(x, z_s) / q(z_s \mid x)

    It has no beta: a weight on a KL would end the bound, and no KL is computed.
    Source: Importance Weighted Autoencoders (Burda et al., 2016).

    Arguments:
        samples: S, draws per row.
        enumerate: discrete latents that are summed over instead of drawn. Their q then has no effect and so no
            gradient; give it one, as with `+ 46.0 * Classify("y")`.
    """

    def __init__(self, samples: int = 8, *, enumerate: Sequence[str] = ()) -> None:
        super().__init__(samples, enumerate=enumerate)

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`."""
        return iwae(trace)


def _per_row(objective: Objective, trace: Trace, progress: float) -> Tensor:
    value = objective.of(trace, progress)
    if value.shape != (trace.rows,):
        raise ValueError(
            f"{type(objective).__name__} gave numbers of shape {tuple(value.shape)}; wanted one per row, "
            f"({trace.rows},). trace.expect(...) is the mean over draws, .expand(trace.rows) gives all rows one number."
        )
    return value


def _refuse_score_only(trace: Trace) -> None:
    for item in trace.plan.draws:
        distribution = trace.q(item.name) if item.from_q else trace.p(item.name)
        if distribution.has_rsample or item in trace.enumerated or item.name in trace.drawings:
            continue
        kind = type(distribution).__name__
        advice = (
            f"sum over it with enumerate=[{item.name!r}], draw it with draws={{{item.name!r}: Gumbel(0.5)}}, use "
            "ScoreFunction(), or give its labels in every row"
            if isinstance(distribution, OneHotCategorical)
            else f"use ScoreFunction() or VIMCO(), or has_rsample = True if {kind} is yours and its draw differentiable"
        )
        raise ValueError(
            f"the pathwise estimator cannot differentiate through {item.name!r}, drawn from {kind}; {advice}."
        )


def _refuse_sampled_kl(trace: Trace, name: str) -> None:
    if (name, True) in trace.plan.draws and trace.kl(name) is None:
        raise ValueError(
            f"draws={{{name!r}: ...}} passes on a value that is no class, so {name!r} needs a KL in closed form, and "
            "has none here (its prior depends on it, or some rows are labelled); use enumerate or ScoreFunction()."
        )
