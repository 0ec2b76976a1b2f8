"""What the latents of a fitted model are used for."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor

from anyvae import distributions
from anyvae.distributions import analytic_kl
from anyvae.inference import posterior, take_rows
from anyvae.model import Batch, LatentVariableModel

__all__ = ["LatentUse", "active_units", "latent_use"]

_ACTIVE_VARIANCE = 0.01
_ROWS = 4096


@final
class LatentUse(NamedTuple):
    """Posteriors of many rows.

    Arguments:
        mean, scale: of q(z | x), shape (n, K).
        kl: KL(q || p) of the marginal of each latent, mean over rows, nats, shape (K,); their sum is the KL where
            the posterior has no correlations, and less than it where it has. NaN where a latent vector has one KL
            and its coordinates have none, as on a sphere.
        prior_scale: standard deviation of each latent under the prior, shape (K,).
    """

    mean: Tensor
    scale: Tensor
    kl: Tensor
    prior_scale: Tensor

    @property
    def relative_mean(self) -> Tensor:
        """`mean` in standard deviations of the prior, shape (n, K)."""
        return self.mean / self.prior_scale


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


def latent_use(model: LatentVariableModel, batch: Batch) -> LatentUse:
    """Posterior moments and the KL of each latent feature.

    Arguments:
        model: with normal posteriors and priors N(0, I) or learned normal ones, or with directions under the
            uniform density on the sphere.
        batch: tensors or `Partial` values by name.
    """
    means: list[Tensor] = []
    scales: list[Tensor] = []
    divergences: list[Tensor] = []
    spreads: list[Tensor] = []
    rows = len(next(iter(model.admit(batch).values())).value)
    for start in range(0, rows, _ROWS):
        part = take_rows(batch, slice(start, start + _ROWS))
        found = posterior(model, part)
        kls: list[Tensor] = []
        spreads = []
        for name, q in found.items():
            prior = model.generative_parts[name]()
            if isinstance(q, distributions.Directional) and isinstance(prior, distributions.UniformSphere):
                kls.append(torch.full_like(q.mean, torch.nan))
                spreads.append(prior.stddev)
                continue
            if not isinstance(q, distributions.Normal | distributions.FullNormal):
                raise NotImplementedError(
                    f"latent_use knows normal posteriors only, q({name}) is {type(q).__name__}."
                )
            if not isinstance(prior, distributions.StandardNormal | distributions.Normal):
                raise NotImplementedError(
                    f"latent_use knows normal priors only, p({name}) is {type(prior).__name__}."
                )
            # With a full covariance this is the marginal of each latent.
            cells = distributions.Normal(q.loc, q.stddev, event_dims=0)
            scalar = (
                distributions.StandardNormal((), cells.batch_shape, q.loc.dtype, q.loc.device)
                if isinstance(prior, distributions.StandardNormal)
                else distributions.Normal(
                    prior.mean.expand_as(q.loc), prior.stddev.expand_as(q.loc), event_dims=0
                )
            )
            kls.append(analytic_kl(cells, scalar).flatten(1))
            spreads.append(prior.stddev.flatten())
        means.append(torch.cat([q.mean.flatten(1) for q in found.values()], 1))
        scales.append(torch.cat([q.stddev.flatten(1) for q in found.values()], 1))
        divergences.append(torch.cat(kls, 1).detach())
    spread = torch.cat(spreads).detach()
    return LatentUse(torch.cat(means), torch.cat(scales), torch.cat(divergences).mean(0), spread)
