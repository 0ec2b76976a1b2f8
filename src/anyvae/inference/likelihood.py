"""Bounds and likelihoods of rows, without gradient and the same whatever the batch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, final

import torch
from torch import Tensor

from anyvae.inference.noise import Pools, RowNoise, row_keys
from anyvae.inference.weigh import weigh
from anyvae.model import Batch, LatentVariableModel, Partial, Trace
from anyvae.networks.precision import products_in

__all__ = [
    "Bound",
    "evaluate_bound",
    "evaluating",
    "log_likelihood",
    "row_blocks",
    "rows_at_once",
    "take_rows",
    "traces",
]

# Draws at once, and the most numbers that a variable of them may hold: beyond that, memory is asked of the system
# anew at every layer, which takes longer than the arithmetic of a small model does.
_DRAWS, _NUMBERS = 8192, 800_000


@final
class Bound(NamedTuple):
    """The parts of the evidence lower bound, one number per row.

    Arguments:
        elbo: log_likelihood - the sum of kl, nats, shape (B,).
        log_likelihood: E_q log p(given | latents), nats, shape (B,).
        kl: KL(q || p) of each latent variable, nats, shape (B,) each.
    """

    elbo: Tensor
    log_likelihood: Tensor
    kl: dict[str, Tensor]


@contextmanager
def evaluating(model: LatentVariableModel) -> Iterator[None]:
    """No gradient, no dropout, and every module as it was afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def rows_at_once(model: LatentVariableModel, draws: int) -> int:
    """Of how many rows draws are made together, so that memory is bounded and the caches serve.

    Arguments:
        model: that draws.
        draws: of a row.
    """
    widest = max(shape.numel() for shape in model.shapes.values())
    together = _DRAWS if model.device.type != "cpu" else min(_DRAWS, _NUMBERS // widest)
    return max(1, together // draws)


def row_blocks(model: LatentVariableModel, rows: int, draws: int = 1) -> Iterator[slice]:
    """Rows from the first to the last, so many at a time that memory is bounded.

    Arguments:
        model: that is asked about them.
        rows: how many there are.
        draws: of a row; fewer than 8 count as 8.
    """
    step = rows_at_once(model, max(draws, 8))
    for start in range(0, rows, step):
        yield slice(start, start + step)


def traces(
    model: LatentVariableModel,
    batch: Batch,
    samples: int,
    *,
    seed: int = 0,
    enumerate: Sequence[str] = (),
) -> Iterator[Trace]:
    """Passes over a batch, some rows at a time and in their order, whose draws do not depend on how they are cut.

    Arguments:
        model: the model; the caller is `evaluating` it.
        batch: tensors or `Partial` values by name.
        samples: S, draws per row.
        seed: of the draws.
        enumerate: discrete latents that are summed over instead of drawn.
    """
    keys = row_keys(model.admit(batch))
    pools: Pools = {}
    for some in row_blocks(model, len(keys), samples):
        noise = RowNoise(seed, keys[some], 0, pools)
        yield model.trace(take_rows(batch, some), samples, noise, enumerate=enumerate)


def take_rows(batch: Batch, rows: slice | Tensor) -> dict[str, Tensor | Partial]:
    """Some rows of every variable of a batch."""
    return {
        name: Partial(item.value[rows], item.mask[rows]) if isinstance(item, Partial) else item[rows]
        for name, item in batch.items()
    }


def log_likelihood(
    model: LatentVariableModel,
    batch: Batch,
    samples: int = 5000,
    *,
    seed: int = 0,
    precision: torch.dtype | None = None,
    enumerate: Sequence[str] = (),
    prior: float = 0.0,
    pools: Pools | None = None,
) -> Tensor:
    r"""Importance-sampled estimate of log p(given), nats, shape (B,).

    .. math:: \log \tfrac1S \sum_s p(x, z_s) / q(z_s \mid x), \quad z_s \sim q(z \mid x)

    In expectation a lower bound that grows with S; always report S. Deterministic: the draws of a row
    depend on its content and the seed, not on the other rows.

    Arguments:
        model: the model.
        batch: tensors or `Partial` values by name.
        samples: S.
        seed: of the draws.
        precision: `torch.bfloat16` runs the networks' products in that type; densities stay in the model's.
        enumerate: discrete latents that are summed over instead of drawn.
        prior: share of the draws that p(z) makes in place of q, see `weigh`: half of them where the encoder sees little
            of a row, whose posterior may be of another form than q.
        pools: an empty dictionary at first, in which noise is kept from one call to the next, of one model and seed.

    Raises:
        ValueError: for fewer samples than one, or latents summed over and drawn from the prior at once.

    Source: Importance Weighted Autoencoders (Burda et al., 2016).

    >>> from anyvae.conditionals import DiagonalNormal, Normal, StandardNormal
    >>> from anyvae.networks import Linear
    >>> from anyvae.model import VAE
    >>> encoder = DiagonalNormal(1).given("x", net=Linear())
    >>> vae = VAE(StandardNormal(1), encoder, Normal(2).given("z", net=Linear()))
    >>> log_likelihood(vae, {"x": torch.zeros(3, 2)}, samples=10).shape
    torch.Size([3])
    """
    if samples < 1:
        raise ValueError(f"log_likelihood got samples={samples}; wanted at least 1.")
    if prior and enumerate:
        raise ValueError(
            f"log_likelihood got prior={prior} and enumerate={list(enumerate)}; latents are drawn or summed over."
        )
    estimates: list[Tensor] = []
    pools = {} if pools is None else pools
    with evaluating(model), products_in(precision, model.device):
        evidence = model.admit(batch)
        keys = row_keys(evidence)
        draws = min(samples, 512)
        step = rows_at_once(model, draws)
        for start in range(0, len(keys), step):
            part = take_rows(batch, slice(start, start + step))
            total: Tensor | None = None
            for done in range(0, samples, draws):
                count = min(draws, samples - done)
                noise = RowNoise(seed, keys[start : start + step], done, pools)
                if prior:
                    weight = weigh(model, part, count, noise, prior=prior).log_weight
                else:
                    weight = model.trace(part, count, noise, enumerate=enumerate).log_weight()
                chunk = weight.logsumexp(0)
                total = chunk if total is None else torch.logaddexp(total, chunk)
            assert total is not None
            estimates.append(total - math.log(samples))
    return torch.cat(estimates)


def evaluate_bound(
    model: LatentVariableModel,
    batch: Batch,
    samples: int = 1,
    *,
    seed: int = 0,
    precision: torch.dtype | None = None,
    enumerate: Sequence[str] = (),
) -> Bound:
    """The evidence lower bound at beta = 1 and its parts, per row; deterministic as `log_likelihood` is.

    Arguments:
        model: the model.
        batch: tensors or `Partial` values by name.
        samples: S, draws per row.
        seed: of the draws.
        precision, enumerate: as in `log_likelihood`.
    """
    parts: list[Bound] = []
    with evaluating(model), products_in(precision, model.device):
        for trace in traces(model, batch, samples, seed=seed, enumerate=enumerate):
            fit = trace.log_likelihood()
            kl = {name: trace.kl_of(name) for name, from_q in trace.plan.draws if from_q}
            parts.append(Bound(fit - sum(kl.values(), torch.zeros_like(fit)), fit, kl))
    return Bound(
        torch.cat([part.elbo for part in parts]),
        torch.cat([part.log_likelihood for part in parts]),
        {name: torch.cat([part.kl[name] for part in parts]) for name in parts[0].kl},
    )
