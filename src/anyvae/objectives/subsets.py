"""An objective over the whole batch and over some of its variables alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from torch import Tensor

from anyvae.model import Trace
from anyvae.objectives.objective import Objective

__all__ = ["Subsets"]


@final
class Subsets(Objective):
    r"""The mean of an objective over views of a batch: all its variables, and some of them only.

    .. math:: \frac{1}{1 + n} \Big( objective(x_1, x_2, \dots) + \sum_{i=1}^{n} objective(subset_i) \Big)

    A posterior that is a product of experts is so taught to serve any subset; otherwise only the product is fitted
    and single experts stay uncalibrated. Each view is scored on what it holds.
    Source: Multimodal Generative Models for Scalable Weakly-Supervised Learning (Wu and Goodman, 2018).

    Arguments:
        objective: what is maximised.
        subsets: names of the variables of each view.

    Raises:
        ValueError: when there is no subset, or an empty one.

    >>> from anyvae.objectives import ELBO
    >>> objective = Subsets(ELBO(), [["x1"], ["x2"]])
    """

    def __init__(self, objective: Objective, subsets: Sequence[Sequence[str]]) -> None:
        super().__init__(objective.samples, enumerate=objective.enumerate, draws=objective.draws)
        if not subsets or any(isinstance(names, str) or not names for names in subsets):
            raise ValueError(f"Subsets got {subsets!r}; wanted lists of names, such as [['x1'], ['x2']].")
        self.objective = objective
        self.subsets = tuple(tuple(names) for names in subsets)
        self.pathwise = objective.pathwise

    def of(self, trace: Trace, progress: float = 1.0) -> Tensor:
        """See `Objective.of`.

        Raises:
            ValueError: for a name that the batch does not hold, or a latent that is drawn without a gradient where a
                view lacks it.
        """
        total = self.objective.of(trace, progress)
        conditions = trace.model.conditions
        # A view may lack a class that the whole batch holds, and that is summed over where it is hidden.
        summed = dict.fromkeys([*(draw.name for draw in trace.enumerated), *self.enumerate])
        for names in self.subsets:
            absent = [name for name in names if name not in trace.evidence]
            if absent:
                raise ValueError(
                    f"Subsets has a view with {absent[0]!r}, which the batch lacks; it holds {sorted(trace.evidence)}."
                )
            part = {
                name: item.given()
                for name, item in trace.evidence.items()
                if name in names or name in conditions
            }
            view = trace.model.trace(
                part,
                trace.samples,
                trace.noise,
                enumerate=list(summed),
                draws=trace.drawings,
            )
            # What the whole batch holds, such as a label, may be drawn in a view.
            self._refuse_wrong_draws(view)
            total = total + self.objective.of(view, progress)
        return total / (1 + len(self.subsets))
