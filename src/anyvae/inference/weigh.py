"""Draws of the latents with weights that make them draws of the posterior."""

from __future__ import annotations

import math
from typing import NamedTuple, final

import torch
from torch import Size, Tensor

from anyvae.distributions import FromNoise
from anyvae.model import Batch, LatentVariableModel, Noise, Trace
from anyvae.model.plan import generation_order

__all__ = ["Weighed", "effective_samples", "weigh"]


@final
class Weighed(NamedTuple):
    r"""S draws of the latents and what each counts for.

    .. math:: \log w_s = \log p(given, z_s) - \log m(z_s), \quad z_s \sim m

    Arguments:
        trace: of the draws.
        log_weight: nats, shape (S, B); the log of their mean is an estimate of log p(given).
    """

    trace: Trace
    log_weight: Tensor


def weigh(
    model: LatentVariableModel, batch: Batch, samples: int, noise: Noise | None = None, *, prior: float = 0.5
) -> Weighed:
    r"""Draw latents from a mixture of q and the prior, each draw weighed by the density of the whole mixture.

    .. math:: m(z) = (1 - prior) \, q(z \mid given) + prior \, p(z)

    No weight exceeds p(given | z) / prior: where the encoder is wrong, as it may be about rows of which it sees
    little, the prior's draws keep the estimate right.
    Source: Optimally combining sampling techniques for Monte Carlo rendering (Veach and Guibas, 1995), the balance
    heuristic; Safe and effective importance sampling (Owen and Zhou, 2000), the defensive mixture.

    Arguments:
        model: the model.
        batch: tensors or `Partial` values by name.
        samples: S.
        noise: fixed noise; torch's generator where None.
        prior: share of the draws that the prior makes, in [0, 1).

    Raises:
        ValueError: when fewer samples than one, or a share outside [0, 1), are asked for.
    """
    if samples < 1:
        raise ValueError(f"weigh got samples={samples}; wanted at least 1.")
    if not 0.0 <= prior < 1.0:
        raise ValueError(f"weigh got prior={prior}; wanted a share in [0, 1).")
    trace = model.trace(batch, samples, noise)
    count = round(prior * samples)
    inferred = [name for name, from_q in trace.plan.draws if from_q]
    if not count or not inferred:
        return Weighed(trace, trace.log_weight())
    ancestral = _from_prior(trace, samples, count, noise)
    lead = (samples, trace.rows)
    values = {}
    for name in ancestral:
        event = model.shapes[name]
        own = trace.values[name].expand(*lead, *event)
        values[name] = torch.cat([own[: samples - count], ancestral[name].expand(count, trace.rows, *event)])
    mixed = trace.reread(values, keep_q=False)
    from_q = _density(mixed, inferred, q=True)
    from_p = _density(mixed, inferred, q=False)
    share = count / samples
    mixture = torch.logaddexp(from_q + math.log1p(-share), from_p + math.log(share))
    # Added up without q, whose density at a draw of the prior may be nothing: a code, not a normal, has one place.
    joint = sum((mixed.log_p(name) for name in mixed.plan.scored), model.zeros((1, 1)))
    return Weighed(mixed, (joint - mixture).expand(*lead))


def effective_samples(log_weight: Tensor) -> Tensor:
    r"""How many equally weighed draws are worth as much as these, from 1 to S, shape (B,).

    .. math:: (\sum_s w_s)^2 / \sum_s w_s^2

    Arguments:
        log_weight: shape (S, B).

    >>> effective_samples(torch.zeros(8, 1)).item()
    8.0
    """
    return (2.0 * log_weight.logsumexp(0) - (2.0 * log_weight).logsumexp(0)).exp()


def _from_prior(trace: Trace, samples: int, count: int, noise: Noise | None) -> dict[str, Tensor]:
    """So many draws of p, parents before children, of all that the trace has drawn; what is given stays given."""
    model = trace.model
    names = {name for name, _ in trace.plan.draws}
    given = frozenset(model.shapes) - names - model.computed
    found: dict[str, Tensor] = {}
    lead = Size((count, trace.rows))
    # As many of the trace's own draws in the places that are not drawn yet: what is computed from several latents,
    # as the state of a hierarchy is, is computed from equally many of each.
    own = {
        name: trace.values[name].expand(samples, trace.rows, *model.shapes[name])[:count] for name in names
    }
    for name in generation_order(model.generative_parts, given):
        if name not in names:
            continue
        distribution = trace.reread(own | found, keep_q=False).p(name)
        distribution = distribution.expand(torch.broadcast_shapes(distribution.batch_shape, lead))
        if noise is None:
            drawn = distribution.sample()
        else:
            if not isinstance(distribution, FromNoise):
                raise ValueError(
                    f"{name!r} follows {type(distribution).__name__}, which cannot be drawn from fixed noise; give it "
                    "from_noise(noise), or leave its prior out with prior=0."
                )
            # A name of its own: the same numbers as q's would tie the two halves together.
            numbers = noise(f"{name} of the prior", lead + distribution.noise_shape, model.dtype)
            drawn = distribution.from_noise(numbers)
        item = trace.evidence.get(name)
        found[name] = drawn if item is None else torch.where(item.cell_mask() > 0, item.value, drawn)
    return found


def _density(trace: Trace, names: list[str], *, q: bool) -> Tensor:
    """Log-density under q or p of what was drawn, nats; rows in which a latent was given have no part in it."""
    total = trace.model.zeros((1, 1))
    for name in names:
        total = total + (trace.log_q(name) if q else trace.where_drawn(name, trace.log_p(name)))
    return total
