"""How many codes of a quantised latent are in use."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor

from anyvae.distributions import Quantised
from anyvae.inference import evaluating
from anyvae.inference.likelihood import traces
from anyvae.model import Batch, LatentVariableModel

__all__ = ["CodeUse", "code_use"]


@final
class CodeUse(NamedTuple):
    """Codes that rows choose, one number for each codebook of the depth.

    Arguments:
        used: how many codes at least one position of one row chooses, shape (depth,).
        perplexity: as many equally frequent codes would have the same entropy, shape (depth,).
    """

    used: Tensor
    perplexity: Tensor


def code_use(model: LatentVariableModel, batch: Batch, name: str = "z") -> CodeUse:
    r"""How many codes a latent uses, over all rows and positions.

    .. math:: perplexity = \exp(-\sum_k f_k \log f_k)

    Arguments:
        model: with a quantised latent.
        batch: tensors or `Partial` values by name.
        name: of the latent.

    Raises:
        ValueError: when the latent is not quantised, or its codes are too many to be numbered.
    """
    found: list[Tensor] = []
    with evaluating(model):
        for trace in traces(model, batch, 1):
            q = trace.q(name) if (name, True) in trace.plan.draws else None
            if not isinstance(q, Quantised) or q.indices is None:
                raise ValueError(
                    f"code_use({name!r}) wants a latent with numbered codes, such as VectorQuantised or FSQ; q({name}) "
                    f"is {'missing' if q is None else type(q).__name__}."
                )
            found.append(q.indices)
    by_depth = torch.cat(found).movedim(-2, 0).flatten(1)
    counts = [codes.unique(return_counts=True)[1].double() for codes in by_depth]
    entropy = torch.stack([torch.special.entr(count / count.sum()).sum() for count in counts])
    return CodeUse(torch.tensor([len(count) for count in counts]), entropy.exp())
