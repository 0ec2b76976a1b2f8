"""Costs of quantised latents: what holds the encoder to the codes, and the codes to the encoder."""

from __future__ import annotations

from typing import final

from torch import Tensor

from anyvae.conditionals import QuantisedConditional
from anyvae.distributions import Quantised
from anyvae.model import Trace
from anyvae.objectives.objective import Objective

__all__ = ["CodebookCost", "Commitment"]


@final
class Commitment(Objective):
    r"""Squared distance of the encoder's vectors from their codes, which stand still; a cost.

    .. math:: \sum_n |net(x)_n - stop(code_n)|^2

    Summed over positions, features and depth. Its weight is usually 0.25; without it the vectors may grow without end.
    Source: Neural Discrete Representation Learning (van den Oord et al., 2017).

    Arguments:
        name: of the latent.

    >>> from anyvae.objectives import ELBO
    >>> objective = ELBO() - 0.25 * Commitment("z")
    """

    def __init__(self, name: str = "z") -> None:
        super().__init__()
        self.name = name

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: when the latent has no codebook.
        """
        residual, codes = _compared(self, trace, self.name)
        return _distance(trace, residual, codes.detach(), self.name)


@final
class CodebookCost(Objective):
    r"""Squared distance of the codes from the encoder's vectors, which stand still; a cost.

    .. math:: \sum_n |stop(net(x)_n) - code_n|^2

    What moves codes that are parameters; codes that follow running means do without.
    Source: Neural Discrete Representation Learning (van den Oord et al., 2017).

    Arguments:
        name: of the latent.
    """

    def __init__(self, name: str = "z") -> None:
        super().__init__()
        self.name = name

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: when the latent has no codebook, or one that no gradient moves.
        """
        residual, codes = _compared(self, trace, self.name)
        posterior = trace.model.inference_parts[self.name]
        if isinstance(posterior, QuantisedConditional) and posterior.codebook.decay is not None:
            raise ValueError(
                f"CodebookCost({self.name!r}): the codes follow running means, which no gradient moves; leave the "
                "term out, or make them parameters with VectorQuantised(..., decay=None)."
            )
        return _distance(trace, residual.detach(), codes, self.name)


def _compared(term: Objective, trace: Trace, name: str) -> tuple[Tensor, Tensor]:
    q = trace.q(name) if name in trace.model.inference_parts else None
    if not isinstance(q, Quantised) or q.residual is None or q.codes is None:
        raise ValueError(
            f"{type(term).__name__}({name!r}): wanted a latent inferred by VectorQuantised, q({name}) is "
            f"{'missing' if q is None else type(q).__name__ + ' without a codebook'}."
        )
    return q.residual, q.codes


def _distance(trace: Trace, vectors: Tensor, codes: Tensor, name: str) -> Tensor:
    event = len(trace.model.shapes[name])
    return trace.expect((vectors - codes).square().flatten(-event).sum(-1))
