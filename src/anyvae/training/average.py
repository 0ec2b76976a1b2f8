"""A running average of the weights that a run learns, which is what a run keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import final

import torch
from torch import Tensor, nn

__all__ = ["Average"]


@final
class Average:
    r"""An average of the weights w over the steps so far, late ones above all.

    .. math:: a_t = a_s + (1 - (s / t)^{1 / lag - 1}) (w_t - a_s)

    where s is the step of the update before. The weights of step u count as u^{1 / lag - 2}, so that they are
    lag * t steps old on average: the memory grows with the run, and where it started is soon forgotten.
    A learning rate that is still high moves the weights about an optimum; their average is nearer to it, and so
    the bound that is watched tells what was learned and not where the last batch has pushed.

    Karras et al. (2024), "Analyzing and Improving the Training Dynamics of Diffusion Models".

    Arguments:
        weights: by name; they are read at every update.
        lag: mean age of the average as a fraction of the steps so far; 0 for the weights themselves.

    Raises:
        ValueError: for a lag outside [0, .5); from a half on, the first steps would count the most.

    >>> weight = nn.Parameter(torch.zeros(()))
    >>> average = Average({"w": weight}, lag=0.25)
    >>> for step in range(1, 1001):
    ...     _ = weight.data.fill_(float(step))
    ...     average.update(step)
    >>> with average.in_place(1000):
    ...     print(round(weight.item()))
    750
    >>> print(round(weight.item()))
    1000
    """

    def __init__(self, weights: Mapping[str, nn.Parameter], lag: float) -> None:
        if not 0.0 <= lag < 0.5:
            raise ValueError(
                f"the average of the weights got lag={lag}; wanted a fraction of the run in [0, .5)."
            )
        self.lag = lag
        self.step = 0
        self._weights = dict(weights) if lag else {}
        self.tensors: dict[str, Tensor] = {name: w.detach().clone() for name, w in self._weights.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights as they are after a step."""
        if self._weights:
            torch._foreach_lerp_(_own(self.tensors), _own(self._weights), self._share(step))
        self.step = step

    @contextmanager
    def in_place(self, step: int) -> Iterator[None]:
        """The average after a step stands in the place of the weights inside; it and they are as before at the end.

        So that how often one looks changes nothing.
        """
        kept = {name: weight.detach().clone() for name, weight in self._weights.items()}
        if kept:
            self._put(list(torch._foreach_lerp(_own(self.tensors), _own(kept), self._share(step))))
        try:
            yield
        finally:
            if kept:
                self._put(_own(kept))

    def load(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Take up the average of an earlier run, of the same names.

        Raises:
            KeyError: for a weight that is missing there.
        """
        for name, tensor in self.tensors.items():
            tensor.copy_(tensors[name])
        self.step = step

    def _share(self, step: int) -> float:
        return 1.0 - (self.step / step) ** (1.0 / self.lag - 1.0)

    @torch.no_grad()
    def _put(self, tensors: list[Tensor]) -> None:
        torch._foreach_copy_(_own(self._weights), tensors)


def _own(tensors: Mapping[str, Tensor]) -> list[Tensor]:
    """The part of each tensor that this process has: all of it, unless the weights are sharded."""
    return [t.to_local() if hasattr(t, "to_local") else t for t in tensors.values()]
