"""Terms of an objective: each a number per row, weighed and added with `*`, `+` and `-`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Tensor

from anyvae.model import Trace
from anyvae.objectives.balance import balanced_kl
from anyvae.objectives.objective import Objective
from anyvae.objectives.schedule import Schedule, as_schedule

__all__ = ["KL", "CapacityGap", "Classify", "LogLikelihood"]


@final
class LogLikelihood(Objective):
    r"""E_q of the log-densities of what was given, nats.

    .. math:: E_q[\log p(x \mid z)]

    Arguments:
        samples: S, draws per row.
        names: which of the given variables count, in the rows that hold them; all where None.
        enumerate: discrete latents that are summed over instead of drawn.

    >>> objective = LogLikelihood() - 4.0 * KL()      # that of a beta-VAE
    """

    def __init__(
        self, samples: int = 1, *, names: Sequence[str] | None = None, enumerate: Sequence[str] = ()
    ) -> None:
        super().__init__(samples, enumerate=enumerate)
        if isinstance(names, str):
            raise ValueError(f"LogLikelihood got names={names!r}; wanted a list, [{names!r}].")
        self.names = None if names is None else tuple(names)

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: for a name that the batch does not hold.
        """
        absent = [name for name in self.names or () if name not in trace.evidence]
        if absent:
            raise ValueError(
                f"LogLikelihood counts {absent[0]!r}, which the batch lacks; it holds {sorted(trace.evidence)}."
            )
        return trace.log_likelihood(self.names)


@final
class KL(Objective):
    r"""KL(q || p), summed over the latent variables, each at least its `free_bits`.

    .. math:: \sum_v \max(free\_bits, KL(q(v \mid x) \,\|\, p(v)))

    Below the floor there is no gradient, so nothing drives a latent variable to collapse further.
    Source: Improving Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016); the shares of the
    gradient from Mastering Atari with Discrete World Models (Hafner et al., 2021).

    Arguments:
        free_bits: floor of each latent variable, nats; by name where only some have one.
        over_batch: whether the floor is one of the mean over the batch, as in the paper, and not of every row.
        prior_share: share of p in the gradient, 1 - prior_share being that of q; p and q have the whole of theirs
            where None. The value is the same.
        names: of which latents; all where None. Two terms so give two latents weights or schedules of their own.
        samples: S, draws per row.
        enumerate: discrete latents that are summed over instead of drawn.

    Raises:
        ValueError: for a negative floor, a share outside [0, 1], or the floor of a latent that is left out.

    >>> label, style = KL(names=["y"], enumerate=["y"]), KL(names=["z"], enumerate=["y"])
    >>> objective = LogLikelihood(enumerate=["y"]) - label - 2.0 * style
    """

    def __init__(
        self,
        free_bits: float | Mapping[str, float] = 0.0,
        samples: int = 1,
        *,
        over_batch: bool = False,
        prior_share: float | None = None,
        names: Sequence[str] | None = None,
        enumerate: Sequence[str] = (),
    ) -> None:
        super().__init__(samples, enumerate=enumerate)
        floors = free_bits.values() if isinstance(free_bits, Mapping) else [free_bits]
        if not all(floor >= 0.0 for floor in floors):
            raise ValueError(f"KL got free_bits={free_bits}; wanted nats >= 0.")
        if prior_share is not None and not 0.0 <= prior_share <= 1.0:
            raise ValueError(f"KL got prior_share={prior_share}; wanted a share in [0, 1].")
        self.free_bits = dict(free_bits) if isinstance(free_bits, Mapping) else free_bits
        self.over_batch = over_batch
        self.prior_share = prior_share
        if isinstance(names, str):
            raise ValueError(f"KL got names={names!r}; wanted a list, [{names!r}].")
        self.names = None if names is None else tuple(names)
        if self.names is not None and isinstance(self.free_bits, dict):
            left_out = sorted(set(self.free_bits) - set(self.names))
            if left_out:
                raise ValueError(
                    f"KL got free_bits of {left_out[0]!r} and is that of {self.names} alone; name it in both."
                )

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: for a latent, or the floor of one, that is not inferred.
        """
        if not self.free_bits and self.prior_share is None and self.names is None:
            return trace.kl_total()
        floors = self.free_bits if isinstance(self.free_bits, dict) else {}
        strange = sorted({*floors, *(self.names or ())} - set(trace.model.inference_parts))
        if strange:
            raise ValueError(
                f"KL got {strange[0]!r}, which is no latent that is inferred; there are {trace.model.latents}."
            )
        total = trace.model.zeros((trace.rows,))
        for name, from_q in trace.plan.draws:
            if from_q and (self.names is None or name in self.names):
                total = total + self._floored(self._kl(trace, name), self._floor(name))
        return total

    def _floor(self, name: str) -> float:
        return self.free_bits.get(name, 0.0) if isinstance(self.free_bits, dict) else self.free_bits

    def _kl(self, trace: Trace, name: str) -> Tensor:
        if self.prior_share is None:
            return trace.kl_of(name)
        return balanced_kl(trace, name, self.prior_share)

    def _floored(self, kl: Tensor, floor: float) -> Tensor:
        if not floor:
            return kl
        if self.over_batch:
            return torch.where(kl.mean() > floor, kl, floor)
        return kl.clamp_min(floor)


@final
class CapacityGap(Objective):
    r"""How far the KL is from a capacity, nats; a cost, to be subtracted.

    .. math:: |KL(q(z \mid x) \,\|\, p(z)) - capacity|

    Source: Understanding disentangling in beta-VAE (Burgess et al., 2018).

    Arguments:
        capacity: C in nats, a number or a `Schedule`.
        samples: S, draws per row.

    Raises:
        ValueError: for a negative capacity.

    >>> from anyvae.objectives import LinearRamp
    >>> objective = LogLikelihood() - 100.0 * CapacityGap(LinearRamp(0.0, 25.0))
    """

    def __init__(self, capacity: float | Schedule, samples: int = 1) -> None:
        super().__init__(samples)
        if not isinstance(capacity, Schedule) and not capacity >= 0.0:
            raise ValueError(f"CapacityGap got capacity={capacity}; wanted nats >= 0.")
        self.capacity = as_schedule(capacity)

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`."""
        return (trace.kl_total() - self.capacity(progress)).abs()


@final
class Classify(Objective):
    r"""log q(label | x) where the label is given, 0 in rows where it is not, nats.

    .. math:: \log q(y \mid x)

    The term that trains a classifier whose q would else never be asked where labels are known.
    Source: Semi-supervised Learning with Deep Generative Models (Kingma et al., 2014).

    Arguments:
        name: of the label.
        samples: S, draws per row.
    """

    def __init__(self, name: str, samples: int = 1) -> None:
        super().__init__(samples)
        self.name = name

    def _refuse_wrong_draws(self, trace: Trace) -> None:
        # A classifier of what is given has no use for the draws, and stands beside any estimator.
        if self.name not in trace.model.inference_parts or trace.drawn_parents(self.name):
            super()._refuse_wrong_draws(trace)

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: when the model does not infer the label, or the batch does not hold it.
        """
        if self.name not in trace.model.inference_parts:
            raise ValueError(
                f"Classify({self.name!r}): the model has no q({self.name}); it infers "
                f"{sorted(trace.model.inference_parts)}. Add it to `inference`."
            )
        item = trace.evidence.get(self.name)
        if item is None:
            raise ValueError(
                f"Classify({self.name!r}): the batch holds no {self.name!r}; pass labels, with "
                "Partial(value, mask) where only some rows have one."
            )
        value = trace.expect(trace.q(self.name).log_prob(item.value))
        if item.mask is None:
            return value
        return torch.where(item.mask, value, torch.zeros_like(value))
