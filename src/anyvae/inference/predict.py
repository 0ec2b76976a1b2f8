"""Means and densities of cells given the other cells of their row; deterministic, as evaluations are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from anyvae.distributions import Cellwise
from anyvae.inference.likelihood import evaluating, traces
from anyvae.inference.noise import Pools, RowNoise, count_rows, row_keys
from anyvae.inference.rounds import weigh_in_rounds
from anyvae.inference.weigh import Weighed
from anyvae.model import Batch, LatentVariableModel, Partial, Trace
from anyvae.wants import wants

__all__ = ["cell_log_density", "class_mean", "conditional_mean"]


def conditional_mean(
    model: LatentVariableModel,
    batch: Batch,
    name: str = "x",
    samples: int = 256,
    *,
    logarithms: Tensor | None = None,
    seed: int = 0,
) -> Tensor:
    r"""E[x | what is given], cells that are given in their place, shape (B, *event).

    .. math:: E[x \mid given] \approx \sum_s w_s \, E[x \mid z_s] / \sum_s w_s

    Of a cell that is a logarithm, normal given z, it is the logarithm of the mean that counts, not the mean of it:

    .. math:: \tfrac1a \log E[e^{a x} \mid given], \quad E[e^{a x} \mid z] = e^{a \, loc + a^2 scale^2 / 2}

    Of a latent it is the mean of its draws. Means of one-hot cells are probabilities. The draws z_s come from encoder
    and prior, see `weigh`; they depend on the content of the row and the seed alone.

    Arguments:
        model: the model.
        batch: tensors or `Partial` values by name.
        name: of the variable; it may be absent from the batch.
        samples: S.
        logarithms: a of every cell, 0 of those that are no logarithms, shape (*event); none is where None.
        seed: of the draws.
    """
    wants(str, name, "conditional_mean", "the name of one variable")
    if name not in model.shapes:
        raise ValueError(
            f"conditional_mean: the model has no variable {name!r}; it has {sorted(model.shapes)}."
        )
    with evaluating(model):
        evidence = model.admit(batch)
        found = model.zeros((count_rows(evidence), *model.shapes[name]))
        for rows, (trace, log_weight) in _weighed(model, batch, samples, seed):
            share = torch.softmax(log_weight, 0)
            # A latent, or what was drawn with them because something given hangs on it, has its weight with them.
            drawn = any(name == other for other, _ in trace.plan.draws)
            shape = (len(share), trace.rows, *model.shapes[name])
            mean = (trace.values[name] if drawn else trace.p(name).mean).expand(shape)
            found[rows] = torch.einsum("sb,sb...->b...", share, mean)
            if logarithms is not None and bool(logarithms.any()):
                found[rows] = torch.where(
                    logarithms != 0,
                    _log_of_mean(trace, name, mean if drawn else None, logarithms.to(mean), share),
                    found[rows],
                )
        item = evidence.get(name)
        return found if item is None else torch.where(item.cell_mask() > 0, item.value, found)


def _log_of_mean(trace: Trace, name: str, drawn: Tensor | None, a: Tensor, share: Tensor) -> Tensor:
    """log E[exp(a x)] / a of each cell, shape (B, *event); whatever where a is 0."""
    distribution = trace.p(name)
    assert isinstance(distribution, Cellwise)
    moment = a * drawn if drawn is not None else distribution.log_moment(a)
    weight = share.log().view(*share.shape, *(1,) * a.dim())
    return (moment + weight).logsumexp(0) / torch.where(a != 0, a, 1.0)


def class_mean(
    model: LatentVariableModel,
    batch: Batch,
    name: str,
    samples: int = 16,
    *,
    enumerate: Sequence[str] = (),
    seed: int = 0,
) -> Tensor:
    r"""Probabilities of the classes of a variable given a batch that does not hold it, shape (B, classes).

    .. math:: E_q[q(y \mid x, \dots)], \text{ or } E_q[p(y \mid z, \dots)] \text{ of a class that is generated only}

    Arguments:
        model: the model.
        batch: tensors or `Partial` values by name.
        name: of the variable.
        samples: S, draws a row of what it is told from.
        enumerate: discrete latents that are summed over instead of drawn.
        seed: of the draws.
    """
    if name not in model.generative_parts and name not in model.inference_parts:
        raise ValueError(f"class_mean: the model has no variable {name!r}; it has {sorted(model.shapes)}.")
    found: list[Tensor] = []
    others = [other for other in enumerate if other != name]
    with evaluating(model):
        for trace in traces(model, batch, samples, seed=seed, enumerate=others):
            part = trace.q(name) if name in model.inference_parts else trace.p(name)
            # A class at a time: expectations are of one number a row.
            found.append(torch.stack([trace.expect(share) for share in part.mean.unbind(-1)], -1))
    return torch.cat(found)


def cell_log_density(
    model: LatentVariableModel,
    batch: Batch,
    cells: Sequence[slice],
    name: str = "x",
    samples: int = 256,
    *,
    seed: int = 0,
) -> Tensor:
    r"""Log-density of each cell given the others that are given, nats, shape (B, number of cells).

    .. math:: \log p(x_j \mid x_{-j}) \approx \log \sum_s w_s \, p(x_j \mid z_s) - \log \sum_s w_s

    The draws and weights of a cell know nothing of it: it is hidden from the encoder and from the weights. So a
    surprising cell cannot explain itself. One pass over the model for each cell.

    Arguments:
        model: the model; p(name | ...) has independent features.
        batch: tensors or `Partial` values by name.
        cells: the elements of the event, a vector, that belong to each cell: several for a one-hot category.
        name: of the variable.
        samples: S.
        seed: of the draws.

    Returns:
        NaN where the cell is not given.

    Raises:
        TypeError: when a cell is no slice.
        ValueError: when the variable is not in the batch, has no density a cell, or none of the elements of a cell.
    """
    wants(Sequence, cells, "cells of cell_log_density", "a list of slices, as [slice(0, 1), slice(1, 4)]")
    with evaluating(model):
        item = model.admit(batch).get(name)
        if item is None:
            raise ValueError(f"cell_log_density wants {name!r} in the batch, which holds {sorted(batch)}.")
        given = item.cell_mask() > 0
        columns = model.zeros((len(given), len(cells)))
        for place, cell in enumerate(cells):
            wants(slice, cell, "a cell of cell_log_density", "a slice of the elements of the event")
            if not range(given.shape[1])[cell]:
                raise ValueError(
                    f"cell_log_density: {cell} holds no element of {name!r}, which has {given.shape[1]}."
                )
            hidden = given.clone()
            hidden[:, cell] = False
            without = {**batch, name: Partial(item.value, hidden)}
            found = model.zeros((len(hidden),))
            for rows, (trace, log_weight) in _weighed(model, without, samples, seed):
                density = _cells(trace, name, item.value[rows])[..., cell].sum(-1)
                # Weights first: what an outlier among the others costs every draw is more than single precision bears.
                found[rows] = (log_weight.log_softmax(0) + density).logsumexp(0)
            columns[:, place] = torch.where(given[:, cell].all(1), found, torch.nan)
    return columns


def _cells(trace: Trace, name: str, value: Tensor) -> Tensor:
    distribution = trace.p(name)
    if not isinstance(distribution, Cellwise):
        raise ValueError(
            f"{name!r} follows {type(distribution).__name__}, which has no density per cell; use a family of "
            "independent features."
        )
    return distribution.cells(value)


def _weighed(
    model: LatentVariableModel, batch: Batch, samples: int, seed: int
) -> Iterator[tuple[Tensor, Weighed]]:
    """Places of rows, some at a time, and draws for them that do not depend on how they are cut.

    What a place has from a later round stands for what it had before.
    """
    keys = row_keys(model.admit(batch))
    pools: Pools = {}
    rounds = weigh_in_rounds(
        model, batch, len(keys), samples, noise=lambda places: RowNoise(seed, keys[places], 0, pools)
    )
    for places, found, _ in rounds:
        yield places, found
