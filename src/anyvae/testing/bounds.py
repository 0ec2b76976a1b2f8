"""Laws of models, bounds and gradient estimators."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from anyvae.inference import evaluate_bound, log_likelihood, seeded, take_rows
from anyvae.metrics import kl_parts
from anyvae.model import Batch, LatentVariableModel
from anyvae.objectives import Objective
from anyvae.testing.judge import close, within

__all__ = [
    "enumeration_law",
    "evidence_law",
    "gap_law",
    "kl_parts_law",
    "no_noise_law",
    "rows_law",
    "same_gradient_law",
    "samples_law",
    "signal_to_noise",
    "two_forms_law",
]


def evidence_law(model: LatentVariableModel, batch: Batch, evidence: Tensor, samples: int = 5) -> None:
    r"""With the exact posterior every single weight is the evidence.

    .. math:: \log p(x, z_s) - \log q(z_s \mid x) = \log p(x) \text{ for every } z_s

    Arguments:
        model: whose q is the posterior.
        batch: the rows.
        evidence: log p of each row, nats, shape (B,).
        samples: how many weights of each row are tried.
    """
    with seeded(0):
        weights = model.trace(batch, samples).log_weight()
    close("every weight is the evidence", weights, evidence.expand_as(weights), 1e-9)


def two_forms_law(model: LatentVariableModel, batch: Batch, samples: int = 20_000) -> None:
    r"""Both forms of the bound agree, within standard errors.

    .. math:: E_q[\log p(x, z) - \log q(z \mid x)] = E_q[\log p(x \mid z)] - KL(q \,\|\, p)
    """
    with seeded(0), torch.no_grad():
        trace = model.trace(batch, samples)
        within("two forms of the bound", trace.log_weight(), trace.elbo())


def samples_law(model: LatentVariableModel, batch: Batch, samples: int = 64) -> None:
    r"""The importance-weighted bound grows with the samples, on the very same draws.

    .. math:: \tfrac12 (L_{S/2} + L'_{S/2}) \le L_S

    Concavity makes it an inequality at every draw, without statistics. Its ends: the mean of the log-weights, and
    all draws together.
    """
    with seeded(0), torch.no_grad():
        weights = model.trace(batch, samples).log_weight()
    before: Tensor | None = None
    size = 1
    while size <= samples:
        groups = weights[: samples // size * size].unflatten(0, (-1, size))
        bound = (groups.logsumexp(1) - math.log(size)).mean(0)
        if before is not None:
            worst = (before - bound).max().item()
            assert worst <= 1e-9, (
                f"grows with samples: {size} draws give {worst:.3g} nats less than half of them"
            )
        before, size = bound, 2 * size


def gap_law(model: LatentVariableModel, batch: Batch, evidence: Tensor, repeats: int = 4000) -> None:
    r"""The gap of the importance-weighted bound closes like one over the samples.

    .. math:: \log p(x) - L_S \propto 1 / S

    Arguments:
        model: whose q is near the posterior, so that weights have a moderate variance.
        batch: the rows.
        evidence: log p of each row, nats, shape (B,).
        repeats: how many bounds of 64 draws are averaged.
    """
    with seeded(0), torch.no_grad():
        weights = model.trace(batch, 64 * repeats).log_weight()
    gaps = [
        (evidence - (weights.unflatten(0, (-1, size)).logsumexp(1) - math.log(size)).mean(0)).mean()
        for size in (16, 64)
    ]
    slope = (gaps[1] / gaps[0]).log().item() / math.log(4.0)
    assert abs(slope + 1.0) < 0.25, f"gap like 1 / S: its slope in log S is {slope:.2f}, wanted -1"


def enumeration_law(model: LatentVariableModel, batch: Batch, name: str, samples: int = 3) -> None:
    r"""Enumerating a latent is the sum over its values given one after the other.

    .. math:: \log \sum_y p(x, y, z) / q(z \mid x, y) \text{ and } \sum_y q(y \mid x) (ELBO(x, y) - \log q(y \mid x))
    """
    rows = len(next(iter(model.admit(batch).values())).value)

    def noise(name: str, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        return torch.randn(shape, generator=torch.Generator().manual_seed(len(name)), dtype=dtype)

    with torch.no_grad():
        trace = model.trace(batch, samples, noise, enumerate=[name])
        q = trace.q(name)
        weights, bound = [], torch.zeros(rows, dtype=model.dtype)
        for value in q.enumerate_support(expand=False):
            given = value.expand(rows, *q.event_shape)
            one = model.trace({**batch, name: given}, samples, noise)
            log_q = q.log_prob(given)
            bound = bound + log_q.exp() * (one.elbo() - log_q)
            weights.append(one.log_weight())
        close("enumerated weights", trace.log_weight(), torch.stack(weights).logsumexp(0), 1e-9)
        close("enumerated bound", trace.elbo(), bound, 1e-9)


def same_gradient_law(
    objective: Objective,
    reference: Objective,
    model: LatentVariableModel,
    batch: Batch,
    parameter: Tensor,
    repeats: int = 2000,
) -> None:
    """Two estimators have gradients with one mean, within standard errors of their difference.

    Arguments:
        objective, reference: the estimators; each draws anew at every repeat.
        model, batch: where.
        parameter: whose gradient is compared.
        repeats: how many gradients of each.
    """
    found = _gradients(objective, model, batch, parameter, repeats, seed=0)
    wanted = _gradients(reference, model, batch, parameter, repeats, seed=1)
    within("one mean gradient", found - wanted, torch.zeros_like(found[0]))


def no_noise_law(
    objective: Objective, model: LatentVariableModel, batch: Batch, parameter: Tensor, repeats: int = 5
) -> None:
    """The gradient of q's parameter is zero at every draw, where q is the posterior (sticking the landing, DReG)."""
    found = _gradients(objective, model, batch, parameter, repeats, seed=0)
    close("no noise at the posterior", found, torch.zeros_like(found), 1e-8)


def signal_to_noise(
    objective: Objective, model: LatentVariableModel, batch: Batch, parameter: Tensor, repeats: int = 500
) -> float:
    r"""Mean over the entries of a gradient of its absolute mean over its deviation; grows with the samples, or should.

    Source: Tighter Variational Bounds are Not Necessarily Better (Rainforth et al., 2018).
    """
    found = _gradients(objective, model, batch, parameter, repeats, seed=0)
    return float((found.mean(0).abs() / found.std(0).clamp_min(1e-300)).mean())


def kl_parts_law(model: LatentVariableModel, batch: Batch, name: str = "z") -> None:
    """Mutual information lies in [0, log N], total correlation is not negative, and the parts sum to the KL."""
    rows = len(next(iter(model.admit(batch).values())).value)
    parts = kl_parts(model, batch, name)
    slack = 5.0 / math.sqrt(rows)
    assert -slack <= parts.mutual_information <= math.log(rows) + 1e-9, (
        f"information: {parts.mutual_information:.4g} nats, wanted at most log {rows} = {math.log(rows):.4g}"
    )
    assert parts.total_correlation >= -slack, (
        f"total correlation: {parts.total_correlation:.4g} nats, wanted >= 0"
    )
    sums = torch.tensor([sum(kl_parts(model, batch, name, seed)) for seed in range(50)], dtype=torch.float64)
    with torch.no_grad():
        exact = evaluate_bound(model, batch, samples=256).kl[name].mean()
    within("parts of the KL", sums, exact)


def rows_law(model: LatentVariableModel, batch: Batch, enumerate: Sequence[str] = ()) -> None:
    """A batch gives what a loop over its rows gives, in any order: bounds and likelihoods."""
    rows = len(next(iter(model.admit(batch).values())).value)
    whole = evaluate_bound(model, batch, enumerate=enumerate).elbo
    likelihood = log_likelihood(model, batch, samples=8, enumerate=enumerate)
    for row in range(rows - 1, -1, -1):
        one = take_rows(batch, slice(row, row + 1))
        alone = evaluate_bound(model, one, enumerate=enumerate).elbo[0]
        close("a batch is its rows", alone, whole[row], 1e-8)
        alone = log_likelihood(model, one, samples=8, enumerate=enumerate)[0]
        close("a batch is its rows", alone, likelihood[row], 1e-8)


def _gradients(
    objective: Objective, model: LatentVariableModel, batch: Batch, parameter: Tensor, repeats: int, seed: int
) -> Tensor:
    found: list[Tensor] = []
    with seeded(seed):
        for _ in range(repeats):
            (gradient,) = torch.autograd.grad(objective(model, batch).sum(), parameter)
            found.append(gradient)
    return torch.stack(found)
