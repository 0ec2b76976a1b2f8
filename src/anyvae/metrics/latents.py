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
from anyvae.inference.likelihood import row_blocks
from anyvae.inference.noise import Pools, RowNoise, row_keys
from anyvae.model import Batch, LatentVariableModel, Trace

__all__ = ["LatentUse", "active_units", "latent_use"]

_ACTIVE_VARIANCE = 0.01
_SAMPLES = 4


@final
class LatentUse(NamedTuple):
    """Posteriors of many rows.

    Arguments:
        mean, scale: of q(z | x), shape (n, K).
        kl: KL(q || p) of the marginal of each latent, mean over rows, nats, shape (K,); their sum is the KL where
            posterior and prior have no correlations, and another number where they have. NaN where a latent vector
            has one KL and its features have none, as that of a code or a direction.
        prior_mean, prior_scale: of each latent under the prior, shape (K,); 0 and 1 where the prior knows none.
        exact: whether every KL is in closed form; else some are means over draws, or of normals with the moments.
        names: the latent that each of the K belongs to.
    """

    mean: Tensor
    scale: Tensor
    kl: Tensor
    prior_mean: Tensor
    prior_scale: Tensor
    exact: bool = True
    names: tuple[str, ...] = ()

    def without(self, names: Sequence[str]) -> LatentUse:
        """The same of all latents but some, such as classes, of which a scale says little."""
        kept = [index for index, name in enumerate(self.names) if name not in names]
        if len(kept) == len(self.names):
            return self
        columns = (self.mean[:, kept], self.scale[:, kept], self.kl[kept])
        prior = (self.prior_mean[kept], self.prior_scale[kept])
        return LatentUse(*columns, *prior, self.exact, tuple(self.names[index] for index in kept))

    @property
    def relative_mean(self) -> Tensor:
        """`mean` in standard deviations of the prior from its mean, shape (n, K)."""
        return (self.mean - self.prior_mean) / self.prior_scale


def active_units(mean: Tensor) -> int:
    r"""How many latents vary with the data.

    .. math:: \#\{k : Var_x(E_q[z_k \mid x]) > 0.01\}

    Arguments:
        mean: posterior means in standard deviations of the prior, shape (n, K).

    Source: Importance Weighted Autoencoders (Burda et al., 2016).

    >>> active_units(torch.tensor([[0.0, 1.0], [0.0, -1.0]]))
    1
    """
    return int((mean.var(0, unbiased=False) > _ACTIVE_VARIANCE).sum())


def latent_use(model: LatentVariableModel, batch: Batch, *, seed: int = 0) -> LatentUse:
    r"""Posterior moments and the KL of each latent feature.

    .. math:: KL_k = E_q[\log q(z_k) - \log p(z_k)]

    In closed form where q and p are normal, with or without correlations; else, or where p reads what is inferred from
    z itself, the mean over a few draws a row, whose noise belongs to the row; NaN where single features have no
    density. Of a flow it is that of the normal with its moments, than which no density with these moments has a
    smaller KL from a normal one.

    Arguments:
        model: whose posteriors have means and variances.
        batch: tensors or `Partial` values by name.
        seed: of the draws.

    Raises:
        ValueError: for a posterior without a mean or a variance.
    """
    parts: list[tuple[Tensor, ...]] = []
    exact = True
    widths: dict[str, int] = {}
    keys = row_keys(model.admit(batch))
    pools: Pools = {}
    for block in row_blocks(model, len(keys), _SAMPLES):
        some = take_rows(batch, block)
        with evaluating(model):
            noise = RowNoise(seed, keys[block], 0, pools)
            trace = model.trace(some, 1, noise)
            # Where what p reads is inferred from the draw, q and p are compared at that draw and at no other.
            together = {name for name, from_q in trace.plan.draws if from_q} - trace.plan.exact
            several = model.trace(some, _SAMPLES, noise) if together else trace
            lead = Size((trace.rows,))
            found: list[tuple[Tensor, ...]] = []
            for name, from_q in trace.plan.draws:
                if not from_q:
                    continue
                q, p = trace.q(name), trace.p(name)
                try:
                    mean, scale = q.mean.expand(lead + q.event_shape), q.stddev
                except NotImplementedError as error:
                    raise ValueError(
                        f"latent_use: q({name}) is a {type(q).__name__}, which tells no variance; ask of a latent "
                        "with mean and variance."
                    ) from error
                kl = None if name in together else _normal_kl(q, p)
                exact = exact and kl is not None and not isinstance(q, distributions.Flowed)
                if kl is None and name in together:
                    kl = _kl_of_draws(several, name, mean)
                elif kl is None:
                    kl = _sampled_kl(name, q, p, noise, lead, model)
                centre, spread = _moments(p)
                columns = (mean, scale, kl, centre, spread)
                found.append(tuple(column.expand_as(mean).flatten(1) for column in columns))
                widths[name] = q.event_shape.numel()
            parts.append(_joined(found, 1))
    mean, scale, kl, centre, spread = _joined(parts, 0)
    # Of a prior with parents, the moments over rows.
    deviation = (spread.square().mean(0) + centre.var(0, unbiased=False)).sqrt()
    # A latent that never varies under the prior has no unit of its own.
    deviation = torch.where(deviation > 0, deviation, 1.0)
    names = tuple(name for name, width in widths.items() for _ in range(width))
    return LatentUse(mean, scale, kl.mean(0), centre.mean(0), deviation, exact, names)


def _joined(parts: Sequence[tuple[Tensor, ...]], axis: int) -> tuple[Tensor, ...]:
    return tuple(torch.cat(items, axis) for items in zip(*parts, strict=True))


def _moments(p: Distribution) -> tuple[Tensor, Tensor]:
    try:
        return p.mean, p.stddev
    except NotImplementedError:  # of an autoregressive prior, for one
        return torch.zeros(p.event_shape), torch.ones(p.event_shape)


def _normal_kl(q: Distribution, p: Distribution) -> Tensor | None:
    """KL of the marginal of each feature where both are normal, shape (..., *event)."""
    normal = (
        distributions.Normal
        | distributions.FullNormal
        | distributions.LowRankNormal
        | distributions.SparseNormal
    )
    if not isinstance(q, normal | distributions.Flowed):
        return None
    if not isinstance(p, normal | distributions.StandardNormal):
        return None
    cells = distributions.Normal(q.mean, q.stddev, event_dims=0)
    if isinstance(p, distributions.StandardNormal):
        scalar = distributions.StandardNormal((), cells.batch_shape, q.mean.dtype, q.mean.device)
        return analytic_kl(cells, scalar)
    return analytic_kl(
        cells, distributions.Normal(p.mean.expand_as(q.mean), p.stddev.expand_as(q.mean), event_dims=0)
    )


def _kl_of_draws(trace: Trace, name: str, like: Tensor) -> Tensor:
    """Mean over the draws of a trace of log q - log p of each feature, of the shape of `like`."""
    q, p, z = trace.q(name), trace.p(name), trace.values[name]
    try:
        found = q.marginals(z) - p.marginals(z)  # type: ignore[attr-defined]
    except NotImplementedError:
        return torch.full_like(like, torch.nan)
    return found.expand(trace.samples, *like.shape).mean(0)


def _sampled_kl(
    name: str, q: Distribution, p: Distribution, noise: RowNoise, lead: Size, model: LatentVariableModel
) -> Tensor:
    total = model.zeros((*lead, *q.event_shape))
    try:
        assert isinstance(q, FromNoise)
        assert isinstance(p, FromNoise)
        for one in noise(name, Size((_SAMPLES, *lead, *q.noise_shape)), model.dtype):
            z = q.from_noise(one)
            total = total + (q.marginals(z) - p.marginals(z)) / _SAMPLES
    except NotImplementedError:
        return torch.full_like(total, torch.nan)
    return total
