"""Terms of an objective: each a number per row, weighed and added with `*`, `+` and `-`."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Size, Tensor

from anyvae.model import Trace
from anyvae.objectives.objective import Objective
from anyvae.objectives.schedule import Schedule, as_schedule

__all__ = ["KL", "MMD", "CapacityGap", "Classify", "LogLikelihood"]


@final
class LogLikelihood(Objective):
    r"""E_q of the log-densities of everything that was given, nats.

    .. math:: E_q[\log p(x \mid z)]

    Arguments:
        samples: S, draws per row.

    >>> objective = LogLikelihood() - 4.0 * KL()      # that of a beta-VAE
    """

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`."""
        return trace.log_likelihood()


@final
class KL(Objective):
    r"""KL(q || p), summed over the latent variables, each at least `free_bits`.

    .. math:: \sum_v \max(free\_bits, KL(q(v \mid x) \,\|\, p(v)))

    A row's latent variable below the floor gets no gradient, so nothing drives it to collapse further.
    Source: Improving Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016), there for
    the mean of a batch.

    Arguments:
        free_bits: floor of each latent variable and row, nats.
        samples: S, draws per row.

    Raises:
        ValueError: for a negative floor.
    """

    def __init__(self, free_bits: float = 0.0, samples: int = 1) -> None:
        super().__init__(samples)
        if not free_bits >= 0.0:
            raise ValueError(f"KL got free_bits={free_bits}; wanted nats >= 0.")
        self.free_bits = free_bits

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`."""
        if not self.free_bits:
            return trace.kl_total()
        total = trace.model.zeros((trace.rows,))
        for name, from_q in trace.plan.draws:
            if from_q:
                total = total + trace.kl_of(name).clamp_min(self.free_bits)
        return total


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


@final
class MMD(Objective):
    r"""Squared maximum mean discrepancy between a latent's draws of the batch and of its prior; a cost.

    .. math:: E\,k(z, z') + E\,k(u, u') - 2 E\,k(z, u), \quad k(a, b) = e^{-|a - b|^2 / (2\, bandwidth^2)}

    Unbiased over the batch, so it may be negative; a row has its own share of the sums. A batch of one row has
    no pair and gives 0. It compares aggregates, is no bound, and is in no unit.
    Source: A Kernel Two-Sample Test (Gretton et al., 2012); InfoVAE (Zhao et al., 2017).

    Arguments:
        name: of the latent.
        bandwidth: of the kernel; the square root of the number of features where None.
        samples: S, draws per row; the first is compared.

    Raises:
        ValueError: for a bandwidth that is not positive.
    """

    def __init__(self, name: str = "z", bandwidth: float | None = None, samples: int = 1) -> None:
        super().__init__(samples)
        if bandwidth is not None and not bandwidth > 0.0:
            raise ValueError(f"MMD got bandwidth={bandwidth}; wanted a positive number.")
        self.name = name
        self.bandwidth = bandwidth

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: when the model has no such latent.
        """
        if (self.name, True) not in trace.plan.draws:
            raise ValueError(
                f"MMD({self.name!r}): no latent of that name is inferred; the trace drew "
                f"{[name for name, from_q in trace.plan.draws if from_q]}."
            )
        rows = trace.rows
        if rows < 2:
            return trace.model.zeros((rows,))
        value = trace.values[self.name]
        event = len(trace.model.shapes[self.name])
        z = (value[0] if value.dim() > event + 1 else value).flatten(1)
        prior = trace.p(self.name)
        lead = Size((rows,))
        missing = len(prior.batch_shape) == 0
        drawn = prior.expand(lead).sample() if missing else prior.sample()
        u = (drawn[0] if drawn.dim() > event + 1 else drawn).flatten(1)
        width = math.sqrt(z.shape[1]) if self.bandwidth is None else self.bandwidth

        def others(kernel: Tensor) -> Tensor:
            return (kernel.sum(1) - kernel.diagonal()) / (rows - 1)

        cross = _gaussian_kernel(z, u, width)
        same = others(_gaussian_kernel(z, z, width)) + others(_gaussian_kernel(u, u, width))
        return same - cross.mean(1) - cross.mean(0)


def _gaussian_kernel(a: Tensor, b: Tensor, width: float) -> Tensor:
    square = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1)
    return (-0.5 * square / width**2).exp()
