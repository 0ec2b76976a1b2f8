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
            the posterior has no correlations, and less than it where it has. Of a flow's posterior it is the KL of
            the normal with its moments: the least that these moments allow.
    """

    mean: Tensor
    scale: Tensor
    kl: Tensor


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


@torch.no_grad()
def latent_use(model: LatentVariableModel, batch: Batch) -> LatentUse:
    """Posterior moments and the KL of each latent feature.

    Arguments:
        model: with posteriors that are normal or flows, and priors N(0, I) or learned normal ones.
        batch: tensors or `Partial` values by name.
    """
    means: list[Tensor] = []
    scales: list[Tensor] = []
    divergences: list[Tensor] = []
    rows = len(next(iter(model.admit(batch).values())).value)
    for start in range(0, rows, _ROWS):
        part = take_rows(batch, slice(start, start + _ROWS))
        found = posterior(model, part)
        kls: list[Tensor] = []
        for name, q in found.items():
            if not isinstance(q, distributions.Normal | distributions.FullNormal | distributions.Flowed):
                raise NotImplementedError(
                    f"latent_use knows posteriors that are normal or flows only, q({name}) is {type(q).__name__}."
                )
            prior = model.generative_parts[name]()
            if not isinstance(prior, distributions.StandardNormal | distributions.Normal):
                raise NotImplementedError(
                    f"latent_use knows normal priors only, p({name}) is {type(prior).__name__}."
                )
            # With a full covariance this is the marginal of each latent; of a flow, the normal with its moments,
            # and no density with these moments has a smaller KL from a normal one.
            cells = distributions.Normal(q.mean, q.stddev, event_dims=0)
            scalar = (
                distributions.StandardNormal((), cells.batch_shape, cells.loc.dtype, cells.loc.device)
                if isinstance(prior, distributions.StandardNormal)
                else distributions.Normal(
                    prior.mean.expand_as(cells.loc), prior.stddev.expand_as(cells.loc), event_dims=0
                )
            )
            kls.append(analytic_kl(cells, scalar).flatten(1))
        means.append(torch.cat([q.mean.flatten(1) for q in found.values()], 1))
        scales.append(torch.cat([q.stddev.flatten(1) for q in found.values()], 1))
        divergences.append(torch.cat(kls, 1).detach())
    return LatentUse(torch.cat(means), torch.cat(scales), torch.cat(divergences).mean(0))
