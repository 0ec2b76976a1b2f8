"""What the latents of a fitted model are used for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, final

import torch
from torch import Size, Tensor
from torch.distributions import Distribution

from anyvae import distributions
from anyvae.distributions import FromNoise, analytic_kl
from anyvae.inference import evaluating, take_rows
from anyvae.inference.noise import RowNoise, row_keys
from anyvae.model import Batch, LatentVariableModel

__all__ = ["LatentUse", "active_units", "latent_use"]

_ACTIVE_VARIANCE = 0.01
_ROWS = 4096
_SAMPLES = 4


@final
class LatentUse(NamedTuple):
    """Posteriors of many rows.

    Arguments:
        mean, scale: of q(z | x), shape (n, K).
        kl: KL(q || p) of the marginal of each latent, mean over rows, nats, shape (K,); their sum is the KL where
            posterior and prior have no correlations, and another number where they have.
        exact: whether every KL is in closed form; else some are means over draws.
    """

    mean: Tensor
    scale: Tensor
    kl: Tensor
    exact: bool = True


def active_units(mean: Tensor) -> int:
    r"""How many latents vary with the data.

    .. math:: \#\{k : Var_x(E_q[z_k \mid x]) > 0.01\}

    Arguments:
        mean: posterior means, shape (n, K).

    Source: Importance Weighted Autoencoders (Burda et al., 2016).

    >>> active_units(torch.tensor([[0.0, 1.0], [0.0, -1.0]]))
    1
    """
    return int((mean.var(0, unbiased=False) > _ACTIVE_VARIANCE).sum())


def latent_use(model: LatentVariableModel, batch: Batch, *, seed: int = 0) -> LatentUse:
    r"""Posterior moments and the KL of each latent feature.

    .. math:: KL_k = E_q[\log q(z_k) - \log p(z_k)]

    In closed form where q and p are normal, with or without correlations; else the mean over a few draws a row,
    whose noise belongs to the row.

    Arguments:
        model: whose q and p have a density for each feature by itself: of normal vectors, independent features,
            and mixtures of such.
        batch: tensors or `Partial` values by name.
        seed: of the draws.

    Raises:
        NotImplementedError: naming the latent whose features have no density by themselves.
    """
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    exact = True
    rows = len(next(iter(model.admit(batch).values())).value)
    for start in range(0, rows, _ROWS):
        some = take_rows(batch, slice(start, start + _ROWS))
        with evaluating(model):
            keys = row_keys(model.admit(some))
            noise = RowNoise(seed, keys)
            trace = model.trace(some, 1, noise)
            lead = Size((trace.rows,))
            found: list[tuple[Tensor, Tensor, Tensor]] = []
            for name, from_q in trace.plan.draws:
                if not from_q:
                    continue
                q, p = trace.q(name), trace.p(name)
                mean = q.mean.expand(lead + q.event_shape)
                kl = _marginal_kl(q, p)
                if kl is None:
                    exact = False
                    kl = _sampled_marginal_kl(name, q, p, noise, lead, model)
                found.append((mean, q.stddev.expand_as(mean), kl.expand_as(mean)))
            parts.append(_joined([tuple(item.flatten(1) for item in latent) for latent in found], 1))
    mean, scale, kl = _joined(parts, 0)
    return LatentUse(mean, scale, kl.mean(0), exact)


def _joined(parts: Sequence[tuple[Tensor, ...]], axis: int) -> tuple[Tensor, Tensor, Tensor]:
    mean, scale, kl = (torch.cat(items, axis) for items in zip(*parts, strict=True))
    return mean, scale, kl


def _marginal_kl(q: Distribution, p: Distribution) -> Tensor | None:
    """KL of the marginal of each feature where both are normal, shape (..., *event)."""
    normal = distributions.Normal | distributions.FullNormal
    if not isinstance(q, normal) or not isinstance(p, normal | distributions.StandardNormal):
        return None
    cells = distributions.Normal(q.mean, q.stddev, event_dims=0)
    if isinstance(p, distributions.StandardNormal):
        return analytic_kl(
            cells, distributions.StandardNormal((), cells.batch_shape, q.mean.dtype, q.mean.device)
        )
    return analytic_kl(
        cells, distributions.Normal(p.mean.expand_as(q.mean), p.stddev.expand_as(q.mean), event_dims=0)
    )


def _sampled_marginal_kl(
    name: str, q: Distribution, p: Distribution, noise: RowNoise, lead: Size, model: LatentVariableModel
) -> Tensor:
    for side, distribution in (("q", q), ("p", p)):
        if not isinstance(distribution, FromNoise):
            raise _unknown(side, name, distribution)
    assert isinstance(q, FromNoise)
    assert isinstance(p, FromNoise)
    total = model.zeros((*lead, *q.event_shape))
    for one in noise(name, Size((_SAMPLES, *lead, *q.noise_shape)), model.dtype):
        z = q.from_noise(one)
        for side, distribution, sign in (("q", q, 1.0), ("p", p, -1.0)):
            try:
                total = total + sign / _SAMPLES * distribution.marginals(z)
            except NotImplementedError as error:
                raise _unknown(side, name, distribution) from error
    return total


def _unknown(side: str, name: str, distribution: Distribution) -> NotImplementedError:
    return NotImplementedError(
        f"latent_use wants the density of each latent feature by itself; {side}({name}) is "
        f"{type(distribution).__name__}, which has none."
    )
