"""Posteriors from several sources, of which any may be absent, row by row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import Distribution

from anyvae import distributions
from anyvae.conditionals.combinator import Combinator, as_list, trial
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.family import Family
from anyvae.conditionals.parents import Parent, union
from anyvae.distributions import FromNoise

__all__ = ["Experts", "MixtureOfExperts"]


def _mask_of(parent: Parent) -> Parent:
    return Parent(parent.name, mask=True, cells=parent.cells)


class Experts(Combinator, ABC):
    """Conditionals of one variable, each of which drops out of the rows that lack one of its optional parents.

    Arguments:
        experts: conditionals; `given(optional("x1"), ...)` may drop out, `given("x1", ...)` waits for x1.
        prior: what else they may read, besides their own parents.
    """

    def __init__(self, experts: Sequence[Conditional | Family], prior: Parent | None) -> None:
        experts = as_list(experts, type(self).__name__)
        if prior is not None and not prior.prior:
            raise ValueError(
                f"{type(self).__name__} got prior={str(prior)!r}; wanted prior('z'), the name of the child."
            )
        parts = [part for part in experts if isinstance(part, Conditional)]
        read = [parent for parent in union(*(part.parents for part in parts)) if parent.optional]
        masks = [_mask_of(parent) for parent in read]
        super().__init__(experts, [*masks, *([] if prior is None else [prior])])
        self._prior = None if prior is None else self.parents.index(prior)
        # Of each expert: the places of the masks that it hangs on, with their names.
        self._hangs_on = [
            [
                (self.parents.index(_mask_of(parent)), parent.name)
                for parent in part.parents
                if parent.optional
            ]
            for part in self._parts()
        ]
        self._all_may_be_absent = all(self._hangs_on)

    def join(
        self, name: str, generative: Mapping[str, Conditional], inference: Mapping[str, Conditional]
    ) -> None:
        """See `Conditional.join`.

        Raises:
            ValueError: naming the expert whose distribution does not suit, or the prior.
        """
        super().join(name, generative, inference)
        found = {f"expert {i}": trial(part, self._shapes, generative) for i, part in enumerate(self._parts())}
        if self._prior is not None:
            read = self.parents[self._prior].name
            if read not in generative:
                raise ValueError(f"{name!r} reads prior({read}), but the model generates no {read!r}.")
            found[f"prior({read})"] = trial(generative[read], self._shapes, generative)
        for what, distribution in found.items():
            self._suits(name, what, distribution)
            if distribution.event_shape != self.event_shape:
                raise ValueError(
                    f"{name!r}: {what} has event shape {tuple(distribution.event_shape)}, the child "
                    f"{tuple(self.event_shape)}."
                )

    @abstractmethod
    def _suits(self, name: str, what: str, distribution: Distribution) -> None:
        """Refuse an expert, or the prior, that follows a distribution that cannot be combined."""

    def _presence(self, parents: Sequence[Any]) -> list[Tensor | None]:
        """Of each expert: in which rows it counts, bool, shape (...); None where in all."""
        found: list[Tensor | None] = []
        for masks in self._hangs_on:
            present: Tensor | None = None
            for place, name in masks:
                given = parents[place] > 0
                for _ in self._shapes[name]:
                    given = given.any(-1)
                present = given if present is None else present & given
            found.append(present)
        return found

    @staticmethod
    def _together(presence: Sequence[Tensor | None], device: torch.device) -> Tensor:
        """Which experts count in each row, bool, shape (..., experts)."""
        everywhere = torch.ones((), dtype=torch.bool, device=device)
        every = [everywhere if some is None else some for some in presence]
        return torch.stack(torch.broadcast_tensors(*every), -1)


@final
class MixtureOfExperts(Experts):
    r"""The mixture, with equal weights, of the experts that are present.

    .. math:: q(z) = \frac{1}{n} \sum_{i \text{ present}} q_i(z), \quad n = \#\text{present}

    An expert counts in the rows that hold a cell of each of its optional parents. The weights do not depend on
    what is learned, so draws carry an exact gradient in the mean, where those of the experts do.

    Source: Variational Mixture-of-Experts Autoencoders (Shi et al., 2019).

    Arguments:
        experts: conditionals; `given(optional("x1"), net=...)` where x1 may be absent.
        prior: `prior("z")`, what the child follows in rows that lack everything; needed where there may be such.

    Raises:
        ValueError: when a row may be left without an expert, or one cannot be drawn from noise.

    >>> from anyvae.conditionals import DiagonalNormal, optional
    >>> from anyvae.conditionals import prior as generative
    >>> from anyvae.networks import MLP
    >>> experts = [DiagonalNormal(2).given(optional(name), net=MLP([8])) for name in ("x1", "x2")]
    >>> str(MixtureOfExperts(experts, prior=generative("z")).parents[-1])
    'prior(z)'
    """

    def __init__(self, experts: Sequence[Conditional | Family], prior: Parent | None = None) -> None:
        super().__init__(experts, prior)
        if prior is None and self._all_may_be_absent:
            raise ValueError(
                "MixtureOfExperts: a row that lacks everything would have no expert; pass prior=prior('z'), which "
                "such rows then follow, or an expert without optional parents."
            )

    def _suits(self, name: str, what: str, distribution: Distribution) -> None:
        if not isinstance(distribution, FromNoise):
            raise ValueError(
                f"{name!r}: {what} of a MixtureOfExperts follows {type(distribution).__name__}, which cannot be "
                "drawn from noise."
            )

    def forward(self, *parents: Any) -> distributions.Mixture:
        """The mixture for given parents."""
        experts: list[Any] = list(self.distributions_of_parts(parents))
        like = experts[0]._like()
        present = self._together(self._presence(parents), like.device)
        if self._prior is not None:
            experts.append(parents[self._prior])
            present = torch.cat([present, ~present.any(-1, keepdim=True)], -1)
        logits = like.new_zeros(()).where(present, -torch.inf)
        return distributions.Mixture(logits, experts, fixed=True)
