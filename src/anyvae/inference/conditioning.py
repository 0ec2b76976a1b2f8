"""Draws of everything that is not given, given what is: of any cells, from a model of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, final

import torch
from torch import Tensor

from anyvae.inference.generate import check_names, generate
from anyvae.inference.likelihood import evaluating, take_rows
from anyvae.inference.noise import count_rows, seeded
from anyvae.inference.rounds import weigh_in_rounds
from anyvae.inference.weigh import Weighed, effective_samples
from anyvae.model import Batch, LatentVariableModel, Partial

__all__ = ["Conditioned", "condition"]


@final
class Conditioned(NamedTuple):
    """Draws given a part of the variables or cells.

    Arguments:
        values: of every variable, what was given in its place, shape (draws, B, *event).
        effective: effective number of the weighed draws that a row's draws were chosen from, shape (B,).
        acceptance: share of the steps that were taken, shape (B,); NaN where there were none.
    """

    values: dict[str, Tensor]
    effective: Tensor
    acceptance: Tensor


def condition(
    model: LatentVariableModel,
    batch: Batch,
    draws: int = 1,
    *,
    samples: int = 256,
    steps: int = 8,
    seed: int = 0,
    names: Sequence[str] | None = None,
) -> Conditioned:
    r"""Draws of p(everything else | given).

    .. math:: x_{missing}, z \sim p(x_{missing}, z \mid x_{given})

    No draw is thrown away for not fitting: latents are drawn from the encoder and the prior and chosen by their
    weights, then moved by `steps` of a chain that has the posterior as its law. A step draws the holes from
    p(x | z) and offers a new z from q(z | x), the row now whole, which is taken by Metropolis's rule. So a few
    effective samples are enough to start from, and more steps come nearer. Rows of which the S draws are worth few,
    see `anyvae.inference.rounds`, are given eight times as many.
    Source: Stochastic Backpropagation (Rezende et al., 2014), appendix F, the chain without the rule; Leveraging the
    Exact Likelihood of Deep Latent Variable Models (Mattei and Frellsen, 2018), with it.

    Arguments:
        model: the model.
        batch: tensors or `Partial` values by name; what is not there at all is drawn too.
        draws: how many for each row.
        samples: S, weighed draws of the latents that those of a row are chosen from.
        steps: of the chain; none are made where something given depends on a hole, as which cells are missing may.
        seed: of the draws.
        names: variables that are returned; all where None.

    Raises:
        ValueError: for numbers below one draw or sample, or below no step, and for names that the model has not.

    >>> from anyvae.conditionals import DiagonalNormal, Normal, StandardNormal, observed
    >>> from anyvae.model import VAE
    >>> from anyvae.networks import Linear
    >>> encoder = DiagonalNormal(1).given("x", observed("x"), net=Linear())
    >>> vae = VAE(StandardNormal(1), encoder, Normal(2).given("z", net=Linear()))
    >>> half = Partial(torch.tensor([[0.5, 0.0]]), torch.tensor([[True, False]]))
    >>> condition(vae, {"x": half}, draws=3).values["x"][:, 0, 0]
    tensor([0.5000, 0.5000, 0.5000])
    """
    for name, value, least in (("draws", draws, 1), ("samples", samples, 1), ("steps", steps, 0)):
        if value < least:
            raise ValueError(f"condition got {name}={value}; wanted at least {least}.")
    check_names(model, names, "condition")
    parts: list[tuple[Tensor, Conditioned]] = []
    with seeded(seed), evaluating(model):
        rows = count_rows(model.admit(batch))
        for places, found, settled in weigh_in_rounds(model, batch, rows, samples, together=draws):
            if settled.any():
                part = take_rows(batch, places[settled])
                done = _some(model, part, found, settled, draws, steps, names)
                parts.append((places[settled], done))
    # Rows of which the draws were worth few came last.
    order = torch.cat([places for places, _ in parts]).argsort()
    return Conditioned(
        {
            name: torch.cat([part.values[name] for _, part in parts], 1)[:, order]
            for name in parts[0][1].values
        },
        torch.cat([part.effective for _, part in parts])[order],
        torch.cat([part.acceptance for _, part in parts])[order],
    )


def _some(
    model: LatentVariableModel,
    batch: Batch,
    weighed: Weighed,
    which: Tensor,
    draws: int,
    steps: int,
    names: Sequence[str] | None,
) -> Conditioned:
    """Draws for some of the rows of a weighed block: those of a batch, which are `which` of the block."""
    trace, log_weight = weighed.trace, weighed.log_weight[:, which]
    samples, rows = log_weight.shape
    chosen = choose(log_weight, draws)
    latents: dict[str, Tensor] = {}
    others: dict[str, Tensor] = {}
    for name, from_q in trace.plan.draws:
        value = trace.values[name].expand(samples, trace.rows, *model.shapes[name])[:, which]
        (latents if from_q else others)[name] = value[chosen, torch.arange(rows)].flatten(0, 1)
    given = {name: _repeated(item, draws) for name, item in batch.items()} | others
    # A hole on which something given hangs does not follow p(x | z) alone, so a step could not draw it.
    values, moved = _walk(model, given, latents, rows * draws, 0 if others else steps)
    wanted = [name for name in values if names is None or name in names]
    return Conditioned(
        {name: values[name].unflatten(0, (draws, rows)) for name in wanted},
        effective_samples(log_weight),
        moved.unflatten(0, (draws, rows)).mean(0),
    )


def _walk(
    model: LatentVariableModel,
    given: dict[str, Tensor | Partial],
    latents: dict[str, Tensor],
    rows: int,
    steps: int,
) -> tuple[dict[str, Tensor], Tensor]:
    """`steps` of Metropolis within Gibbs on (holes, latents), and the share of offers that each row took."""
    # A latent that is given in some rows is offered, and so scored, in the other rows only.
    labels = {name: item for name, item in given.items() if name in latents}
    values, _ = generate(model, rows, given={**given, **latents})
    taken = torch.zeros(rows)
    for _ in range(steps):
        whole = {name: values[name] for name in values if name not in latents and name not in model.computed}
        offer = model.trace({**whole, **labels})
        now = offer.reread(latents, keep_q=False)
        better = (offer.log_weight() - now.log_weight()).squeeze(0)
        take = torch.rand_like(better).log() < better
        taken += take.to(taken)
        for name, value in latents.items():
            latents[name] = torch.where(take.view(-1, *(1,) * (value.dim() - 1)), offer.values[name], value)
        values, _ = generate(model, rows, given={**given, **latents})
    return values, taken / steps if steps else taken + torch.nan


def choose(log_weight: Tensor, draws: int) -> Tensor:
    """Numbers of draws chosen in proportion to their weights, in random order, shape (draws, B).

    By one uniform number a row (systematic resampling): a weight of w of the total is chosen w * draws times, up to
    one more or less.

    Arguments:
        log_weight: shape (S, B).
        draws: how many are chosen.
    """
    samples, rows = log_weight.shape
    share = torch.softmax(log_weight.double(), 0).cumsum(0).T.contiguous()
    comb = (torch.arange(draws).double() + torch.rand(rows, 1).double()) / draws
    found = torch.searchsorted(share, comb.contiguous()).clamp_max(samples - 1)
    return found.gather(1, torch.rand(rows, draws).argsort(1)).T


def _repeated(item: Tensor | Partial, draws: int) -> Tensor | Partial:
    """All rows once for each draw, draw by draw."""
    if isinstance(item, Partial):
        return Partial(_again(item.value, draws), _again(item.mask, draws))
    return _again(item, draws)


def _again(tensor: Tensor, draws: int) -> Tensor:
    return tensor.repeat(draws, *(1,) * (tensor.dim() - 1))
