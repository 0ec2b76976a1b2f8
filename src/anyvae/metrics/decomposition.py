"""What the KL of a model is made of, against the aggregate posterior of all rows."""

from __future__ import annotations

from typing import NamedTuple, final

import torch

from anyvae.distributions import Cellwise
from anyvae.inference import posterior
from anyvae.inference.noise import RowNoise, row_keys
from anyvae.model import Batch, LatentVariableModel

__all__ = ["KLParts", "kl_parts"]

_CELLS = 2**24


@final
class KLParts(NamedTuple):
    """Means over rows, nats.

    Arguments:
        mutual_information: of row and latent under q, at most log of the number of rows.
        total_correlation: of the latents under the aggregate posterior.
        dimension_kl: of the aggregate's marginals from the prior's.
    """

    mutual_information: float
    total_correlation: float
    dimension_kl: float


@torch.no_grad()
def kl_parts(model: LatentVariableModel, batch: Batch, name: str = "z", seed: int = 0) -> KLParts:
    r"""The mean KL in three parts, each against the aggregate posterior of all the rows given.

    .. math::

        E\,\log \tfrac{q(z \mid x)}{p(z)} = E\,\log \tfrac{q(z \mid x)}{q(z)} + E\,\log \tfrac{q(z)}{\prod_k q(z_k)}
        + \sum_k E\,\log \tfrac{q(z_k)}{p(z_k)}, \quad q(z) = \tfrac1N \sum_n q(z \mid x_n)

    One draw per row; the sum is exactly the sampled KL of those draws. Costs rows squared.
    Source: ELBO surgery (Hoffman and Johnson, 2016); Chen et al., 2018.

    Arguments:
        model: with a posterior and a parentless prior of independent features.
        batch: the rows: the larger, the nearer q(z) is to that of the population.
        name: of the latent.
        seed: of the draws.

    Raises:
        ValueError: when posterior or prior has no density per feature.
    """
    q = posterior(model, batch).get(name)
    part = model.generative_parts.get(name)
    prior = None if part is None or part.parents else part()
    if not isinstance(q, Cellwise) or not isinstance(prior, Cellwise) or q.event_dims != 1:
        raise ValueError(
            f"kl_parts({name!r}) wants a latent vector with independent features under q and a parentless prior; got "
            f"q = {q!r}, p = {prior!r}."
        )
    evidence = model.admit(batch)
    rows, width = q.batch_shape[0], q.event_shape[0]
    z = q.from_noise(
        RowNoise(seed, row_keys(evidence))(name, torch.Size((1, rows, *q.noise_shape)), model.dtype)[0]
    )
    log_rows = torch.tensor(float(rows)).log().to(z)
    joints, marginals = [], []
    for part_of_z in z.split(max(1, _CELLS // (rows * width))):
        cells = q.cells(part_of_z.unsqueeze(1))
        joints.append(cells.sum(-1).logsumexp(1) - log_rows)
        marginals.append((cells.logsumexp(1) - log_rows).sum(-1))
    joint, marginal = torch.cat(joints), torch.cat(marginals)
    return KLParts(
        float((q.log_prob(z) - joint).mean()),
        float((joint - marginal).mean()),
        float((marginal - prior.log_prob(z)).mean()),
    )
