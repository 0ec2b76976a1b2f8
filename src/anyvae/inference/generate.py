"""Draws, means and posteriors from a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral

import torch
from torch import Size, Tensor
from torch.distributions import Distribution
from torch.nn.functional import one_hot

from anyvae.conditionals import Conditional
from anyvae.distributions import OneHotCategorical
from anyvae.inference.likelihood import evaluating, row_blocks, take_rows, traces
from anyvae.inference.noise import RowNoise, count_rows, row_keys, seeded
from anyvae.model import Batch, LatentVariableModel, Trace
from anyvae.model.plan import generation_order
from anyvae.wants import wants

__all__ = ["at_means", "check_names", "embed", "generate", "mean", "posterior", "reconstruct", "sample"]


def generate(
    model: LatentVariableModel,
    rows: int,
    *,
    seed: int | None = None,
    given: Batch | None = None,
) -> tuple[dict[str, Tensor], dict[str, Distribution]]:
    """Ancestral draws of every variable, and the distribution that each was drawn from.

    Arguments:
        model: the model.
        rows: how many.
        seed: of the draws; torch's generator as it stands where None.
        given: variables held fixed, shape (rows, *event), of a `Partial` the cells that it gives; their parents are
            drawn without regard to them.
    """
    wants(Integral, rows, "rows of a sample", "how many")
    if rows < 0:
        raise ValueError(f"a sample got rows={rows}; wanted a number from 0.")
    evidence = model.admit({} if given is None else given)
    for name, item in evidence.items():
        if len(item.value) != rows:
            raise ValueError(f"{name!r} has {len(item.value)} rows, but {rows} are to be drawn.")
    values = {name: item.value for name, item in evidence.items() if item.mask is None}
    distributions: dict[str, Distribution] = {}
    with seeded(seed), evaluating(model):
        for name in generation_order(model.generative_parts, frozenset(values)):
            distribution = _condition(model, model.generative_parts[name], values, rows)
            lead = Size((rows,))
            if distribution.batch_shape != lead:
                distribution = distribution.expand(lead)
            distributions[name] = distribution
            drawn, part = distribution.sample(), evidence.get(name)
            values[name] = drawn if part is None else torch.where(part.cell_mask() > 0, part.value, drawn)
    return values, distributions


def sample(
    model: LatentVariableModel,
    rows: int,
    names: Sequence[str] | None = None,
    *,
    seed: int | None = None,
    given: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    r"""Draws from the model: z ~ p(z), then x ~ p(x | z), never its mean.

    Arguments:
        model: the model.
        rows: how many.
        names: which variables; the observed ones where None.
        seed: of the draws; torch's generator as it stands where None.
        given: variables held fixed, shape (rows, *event), such as declared conditions.

    >>> from anyvae.conditionals import Bernoulli, DiagonalNormal, StandardNormal
    >>> from anyvae.model import VAE
    >>> from anyvae.networks import MLP
    >>> encoder = DiagonalNormal(2).given("x", net=MLP([8]))
    >>> vae = VAE(StandardNormal(2), encoder, Bernoulli(6).given("z", net=MLP([8])))
    >>> sample(vae, 4, seed=0)["x"].unique().tolist()
    [0.0, 1.0]
    """
    check_names(model, names, "sample")
    values, _ = generate(model, rows, seed=seed, given=given)
    return {name: values[name] for name in (model.observed if names is None else names)}


def check_names(model: LatentVariableModel, names: Sequence[str] | None, question: str) -> None:
    """Refuse names of what is asked for that are no variables of the model.

    Arguments:
        model: the model.
        names: a list of them, or None.
        question: what was asked, for messages.

    Raises:
        ValueError: for other names, and for one name that is no list.
    """
    if isinstance(names, str):
        raise ValueError(f"{question} got names={names!r}; wanted a list, [{names!r}].")
    if unknown := set(names or ()) - set(model.shapes):
        raise ValueError(f"{question} got names={sorted(unknown)}; the model has {sorted(model.shapes)}.")


def at_means(
    model: LatentVariableModel, rows: int, given: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Distribution]]:
    """Every variable at its mean given its parents, which are at theirs, and the distributions.

    A class is at its most probable value: between two classes there is none. Where a latent has no mean, it is 0.

    Arguments:
        model: the model.
        rows: how many.
        given: variables held fixed, shape (rows, *event).

    Raises:
        ValueError: for a variable that is given in part, or an observed one that tells no mean.
    """
    evidence = model.admit(given)
    if partly := [name for name, item in evidence.items() if item.mask is not None]:
        raise ValueError(
            f"a mean at given values: {partly[0]!r} is given in part; give all of it, or ask "
            "conditional_mean(model, batch, name)."
        )
    values = {name: item.value for name, item in evidence.items()}
    distributions: dict[str, Distribution] = {}
    with evaluating(model):
        for name in generation_order(model.generative_parts, frozenset(values)):
            part = _condition(model, model.generative_parts[name], values, rows)
            try:
                centre = part.mean
            except NotImplementedError as error:
                if name in model.observed:
                    raise ValueError(
                        f"{name!r} follows {type(part).__name__}, which tells no mean; give it one, or draw from it by "
                        "sample(model, rows, given=...)."
                    ) from error
                centre = model.zeros(tuple(model.shapes[name]))
            if isinstance(part, OneHotCategorical) and name not in model.observed:
                centre = one_hot(centre.argmax(-1), centre.shape[-1]).to(centre)
            distributions[name] = part
            values[name] = centre.expand(rows, *model.shapes[name])
    return values, distributions


def mean(model: LatentVariableModel, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """E[v | parents] of every observed variable at given latents: a mean, not a draw.

    Arguments:
        model: the model.
        given: latents and conditions by name, shape (rows, *event); those that are missing are at their own means.
    """
    evidence = model.admit(given)
    if not evidence:
        raise ValueError("mean: nothing is given, and so no number of rows; pass a latent, as {'z': values}.")
    rows = len(next(iter(evidence.values())).value)
    values, found = at_means(model, rows, given)
    return {name: values[name] for name in model.observed if name in found}


def posterior(model: LatentVariableModel, batch: Batch, *, seed: int = 0) -> dict[str, Distribution]:
    """q(latent | ...) of every latent, in drawing order; parents that are drawn use the row's fixed noise.

    Arguments:
        model: the model.
        batch: tensors or `Partial` values by name.
        seed: of the draws.
    """
    with evaluating(model):
        evidence = model.admit(batch)
        trace = model.trace(batch, 1, RowNoise(seed, row_keys(evidence)))
        return {name: trace.q(name) for name, from_q in trace.plan.draws if from_q}


def embed(model: LatentVariableModel, batch: Batch, *, enumerate: Sequence[str] = ()) -> Tensor:
    """Posterior means of all latents side by side, in drawing order, shape (B, total latent features).

    Deterministic.

    Arguments:
        model: the model.
        batch: tensors or `Partial` values by name.
        enumerate: discrete latents of which every value is taken, so that means are over all of them.
    """
    with evaluating(model):
        return torch.cat([_means(trace) for trace in traces(model, batch, 1, enumerate=enumerate)])


def _means(trace: Trace) -> Tensor:
    """Posterior means of the latents of some rows, shape (B, total latent features)."""
    shapes = trace.model.shapes
    found = []
    for name in (name for name, from_q in trace.plan.draws if from_q):
        mean = trace.q(name).mean
        if not trace.enumerated:
            found.append(mean.expand(trace.rows, *shapes[name]).flatten(1))
            continue
        mean = mean.flatten(-max(1, len(shapes[name])))
        # A feature at a time: expectations are of one number a row.
        found.append(torch.stack([trace.expect(column) for column in mean.unbind(-1)], -1))
    if not found:
        raise ValueError(
            "embed: every latent is given, and none is left to infer; leave one out of the batch."
        )
    return torch.cat(found, -1)


def reconstruct(
    model: LatentVariableModel, batch: Batch, *, draw: bool = False, seed: int = 0
) -> dict[str, Tensor]:
    """What the model makes of a batch through its posterior.

    Arguments:
        model: the model.
        batch: tensors or `Partial` values by name.
        draw: x ~ p(x | z) at z ~ q(z | x); else the mean of p(x | z) at the posterior means.
        seed: of the draws.

    Returns:
        The observed variables, shape (B, *event).
    """
    with seeded(seed), evaluating(model):
        if draw:
            blocks = row_blocks(model, count_rows(model.admit(batch)))
            found = [_redrawn(model.trace(take_rows(batch, some))) for some in blocks]
        else:
            found = [_at_posterior_means(trace) for trace in traces(model, batch, 1)]
        return {name: torch.cat([part[name] for part in found]) for name in found[0]}


def _redrawn(trace: Trace) -> dict[str, Tensor]:
    """A draw of the observed variables given those of a trace."""
    wide = {name: trace.p(name).expand(Size((trace.rows,))) for name in trace.model.observed}
    return {name: likelihood.sample() for name, likelihood in wide.items()}


def _at_posterior_means(trace: Trace) -> dict[str, Tensor]:
    """Means of the observed variables at the posterior means of a trace."""
    model, latents = trace.model, {}
    for name in (name for name, from_q in trace.plan.draws if from_q):
        q = trace.q(name)
        centre = q.mean
        if isinstance(q, OneHotCategorical):
            # Between two classes there is none: the most probable one.
            centre = one_hot(centre.argmax(-1), centre.shape[-1]).to(centre)
        latents[name] = centre.expand(trace.rows, *q.event_shape)
    known = {*model.conditions, *model.inference_parts}
    for name in known.intersection(trace.evidence):  # a label, say, of the rows that have it
        item = trace.evidence[name]
        drawn = latents.get(name, item.value)
        latents[name] = torch.where(item.cell_mask() > 0, item.value, drawn)
    return mean(model, latents)


def _condition(
    model: LatentVariableModel, conditional: Conditional, values: Mapping[str, Tensor], rows: int
) -> Distribution:
    arguments: list[Tensor | Distribution] = []
    for parent in conditional.parents:
        if parent.mask:
            arguments.append(model.zeros((rows, *parent.shape(model.shapes))) + 1.0)
        elif parent.prior:
            arguments.append(_condition(model, model.generative_parts[parent.name], values, rows))
        else:
            arguments.append(parent.of(values[parent.name]))
    distribution: Distribution = conditional(*arguments)
    return distribution
