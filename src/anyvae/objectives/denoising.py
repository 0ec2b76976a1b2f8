"""The encoder reads a corrupted row, the likelihood scores the clean one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from anyvae.model import Evidence, Partial, Trace
from anyvae.objectives.objective import Objective

__all__ = ["AddNormal", "Corruption", "Denoising", "DropCells"]


class Corruption(ABC):
    """What happens to a value before the encoder reads it."""

    @abstractmethod
    def __call__(self, item: Evidence) -> Tensor | Partial:
        """The corrupted value of one variable, drawn afresh."""


@final
@dataclass(frozen=True)
class AddNormal(Corruption):
    """Normal noise on every cell that is given.

    Arguments:
        scale: standard deviation, in the unit in which the model sees the value.

    Raises:
        ValueError: for a scale that is not positive.
    """

    scale: float

    def __post_init__(self) -> None:
        if not self.scale > 0.0:
            raise ValueError(f"AddNormal got scale={self.scale}; wanted a positive number.")

    def __call__(self, item: Evidence) -> Tensor | Partial:
        """See `Corruption`."""
        noisy = item.value + self.scale * torch.randn_like(item.value)
        return noisy if item.mask is None else Partial(noisy, item.mask)


@final
@dataclass(frozen=True)
class DropCells(Corruption):
    """Cells go missing: they read 0, and an encoder given `observed(...)` sees that they are gone.

    Arguments:
        fraction: of the cells, each by itself.

    Raises:
        ValueError: for a fraction outside (0, 1).
    """

    fraction: float

    def __post_init__(self) -> None:
        if not 0.0 < self.fraction < 1.0:
            raise ValueError(f"DropCells got fraction={self.fraction}; wanted one in (0, 1).")

    def __call__(self, item: Evidence) -> Tensor | Partial:
        """See `Corruption`."""
        kept = torch.rand_like(item.value) >= self.fraction
        return Partial(item.value, kept & (item.cell_mask() > 0))


@final
class Denoising(Objective):
    r"""Another objective, with latents inferred from a corrupted value and densities of the clean one.

    .. math:: z \sim q(z \mid \tilde x), \quad \tilde x \sim corruption(x), \quad \log p(x, z) - \log q(z \mid \tilde x)

    A lower bound stays one: q may be any distribution, that of a corrupted row too. The corruption belongs to the
    objective and not to the model, which reads clean rows when it is asked. It makes a second pass over the encoder.
    Source: Denoising Criterion for Variational Auto-Encoding Framework (Im et al., 2017).

    Arguments:
        objective: what is maximised.
        corruption: of the value.
        name: of the observed variable.
    """

    def __init__(self, objective: Objective, corruption: Corruption, name: str = "x") -> None:
        super().__init__(objective.samples, enumerate=objective.enumerate, draws=objective.draws)
        self.objective = objective
        self.corruption = corruption
        self.name = name
        self.pathwise = objective.pathwise

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: when the batch does not hold the variable, or the model infers it.
        """
        item = trace.evidence.get(self.name)
        if item is None or self.name in trace.model.inference_parts:
            raise ValueError(
                f"Denoising corrupts {self.name!r}, which has to be given and not inferred; the batch holds "
                f"{sorted(trace.evidence)}."
            )
        batch = {name: other.given() for name, other in trace.evidence.items()}
        seen = trace.model.trace(
            {**batch, self.name: self.corruption(item)},
            trace.samples,
            trace.noise,
            enumerate=[draw.name for draw in trace.enumerated],
            draws=trace.drawings,
        )
        clean = seen.reread({self.name: trace.values[self.name]})
        clean.evidence, clean.plan = trace.evidence, trace.plan
        return self.objective.of(clean, progress)
