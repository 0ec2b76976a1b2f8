"""Posteriors that are products of normal experts, of which any may be absent, row by row."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from itertools import combinations
from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import Distribution

from anyvae import distributions
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.experts import Experts
from anyvae.conditionals.family import Family
from anyvae.conditionals.parents import Parent

__all__ = ["MixtureOfProducts", "ProductOfExperts"]

_MOST_EXPERTS = 6
"""Of a mixture of products: 63 of them."""


class NormalExperts(Experts, ABC):
    """Experts whose densities are multiplied: normal ones, and the prior as one more.

    Arguments:
        experts: normal conditionals.
        prior: True makes N(0, I) an expert, `prior("z")` the generative distribution of the child; False neither.
    """

    def __init__(self, experts: Sequence[Conditional | Family], prior: bool | Parent) -> None:
        super().__init__(experts, prior if isinstance(prior, Parent) else None)
        self._standard = prior is True

    def _suits(self, name: str, what: str, distribution: Distribution) -> None:
        if not isinstance(distribution, distributions.Normal | distributions.StandardNormal):
            raise ValueError(
                f"{name!r}: {what} of a {type(self).__name__} follows {type(distribution).__name__}; wanted "
                "DiagonalNormal, Normal or StandardNormal, whose product is normal."
            )

    def _terms(self, parents: Sequence[Any]) -> tuple[list[tuple[Tensor, Tensor]], list[Tensor | None]]:
        """Precision of every expert and its mean times that, none where it is absent; the prior's last, if it is one.

        Also in which rows each expert counts.
        """
        dims = len(self.event_shape)
        presence = self._presence(parents)
        pairs: list[tuple[Distribution, Tensor | None]] = list(
            zip(self.distributions_of_parts(parents), presence, strict=True)
        )
        if self._prior is not None:
            pairs.append((parents[self._prior], None))
        found: list[tuple[Tensor, Tensor]] = []
        for expert, present in pairs:
            if isinstance(expert, distributions.Normal):
                own = (-2.0 * expert.log_scale).exp().expand_as(expert.loc)
                pull = own * expert.loc
            else:
                own, pull = torch.ones_like(expert.mean), expert.mean
            if present is not None:
                # Chosen rather than multiplied: an absent expert costs no bit, whatever it says of zeros.
                present = present.view(*present.shape, *(1,) * dims)
                own, pull = own.where(present, own.new_zeros(())), pull.where(present, pull.new_zeros(()))
            found.append((own, pull))
        if self._standard:
            found.append((torch.ones_like(found[0][0]), torch.zeros_like(found[0][1])))
        return found, presence

    def _normal(self, precision: Tensor, weighted: Tensor) -> distributions.Normal:
        log_scale = -0.5 * precision.log()
        return distributions.Normal(weighted / precision, log_scale.exp(), len(self.event_shape), log_scale)


@final
class ProductOfExperts(NormalExperts):
    r"""The normalised product of normal densities: precisions add up, means weigh by them.

    .. math::

        q(z) \propto p(z) \prod_{i \text{ present}} N(z; loc_i, scale_i^2), \quad
        \frac{1}{scale^2} = \frac{1}{scale_p^2} + \sum_i \frac{1}{scale_i^2}

    An expert counts in the rows that hold a cell of each of its optional parents, and for exactly nothing in the
    others. With linear experts it can be the exact posterior of linear normal models, for any subset of the data.

    Source: Multimodal Generative Models for Scalable Weakly-Supervised Learning (Wu and Goodman, 2018).

    Arguments:
        experts: normal conditionals; `given(optional("x1"), net=...)` where x1 may be absent.
        prior: True makes N(0, I) an expert, `prior("z")` the generative distribution of the child, which then has
            to be normal; False neither.

    Raises:
        ValueError: when a row may be left without an expert, or one is not normal.

    >>> from anyvae.conditionals import DiagonalNormal, optional
    >>> from anyvae.networks import MLP
    >>> q = ProductOfExperts([DiagonalNormal(2).given(optional(name), net=MLP([8])) for name in ("x1", "x2")])
    >>> [str(parent) for parent in q.parents]
    ['optional(x1)', 'optional(x2)', 'observed(x1)', 'observed(x2)']
    """

    def __init__(self, experts: Sequence[Conditional | Family], prior: bool | Parent = True) -> None:
        super().__init__(experts, prior)
        if prior is False and self._all_may_be_absent:
            raise ValueError(
                "ProductOfExperts: a row that lacks everything would have no expert; pass prior=True for N(0, I), "
                "prior=prior('z') for the generative distribution, or an expert without optional parents."
            )

    def forward(self, *parents: Any) -> distributions.Normal:
        """The product for given parents."""
        terms, _ = self._terms(parents)
        precision, weighted = terms[-1]
        for own, pull in terms[:-1]:
            precision, weighted = precision + own, weighted + pull
        return self._normal(precision, weighted)


@final
class MixtureOfProducts(NormalExperts):
    r"""The mixture, with equal weights, of the products of every subset of the experts that are present.

    .. math:: q(z) = \frac{1}{2^n - 1} \sum_{\emptyset \ne s \subseteq present} q_s(z), \quad
        q_s(z) \propto p(z) \prod_{i \in s} N(z; loc_i, scale_i^2)

    Each expert is worked out once, whatever the number of products that it has a part in. A row that lacks everything
    follows p. As with `MixtureOfExperts`, the weights are constants and draws carry an exact gradient in the mean.

    Source: Generalized Multimodal ELBO (Sutter et al., 2021).

    Arguments:
        experts: normal conditionals, up to six; `given(optional("x1"), net=...)` where x1 may be absent.
        prior: True makes N(0, I) an expert of every product, `prior("z")` the generative distribution of the child,
            which then has to be normal.

    Raises:
        ValueError: for more experts, or one that is not normal.

    >>> from anyvae.conditionals import DiagonalNormal, optional
    >>> from anyvae.networks import MLP
    >>> parts = [DiagonalNormal(2).given(optional(name), net=MLP([8])) for name in ("x1", "x2")]
    >>> q = MixtureOfProducts(parts).build("z", {"x1": torch.Size([3]), "x2": torch.Size([4])})
    >>> x1, x2, there = torch.zeros(5, 3), torch.zeros(5, 4), torch.ones(5, 1)
    >>> q(x1, x2, there.expand(5, 3), there.expand(5, 4)).logits.exp()[0]
    tensor([0.3333, 0.3333, 0.3333, 0.0000])
    """

    def __init__(self, experts: Sequence[Conditional | Family], prior: bool | Parent = True) -> None:
        if not prior:
            raise ValueError(
                "MixtureOfProducts got prior=False; wanted True or prior('z'): a row that lacks everything follows it."
            )
        super().__init__(experts, prior)
        count = len(self.parts)
        if count > _MOST_EXPERTS:
            raise ValueError(
                f"MixtureOfProducts got {count} experts; it has a product for every subset, and takes up to "
                f"{_MOST_EXPERTS}: join some of them, or use MixtureOfExperts."
            )
        subsets = [some for size in range(1, count + 1) for some in combinations(range(count), size)]
        # One row a product, with the prior in every one; the last has nothing else.
        member = torch.zeros(len(subsets) + 1, count + 1)
        member[:, -1] = 1.0
        for row, some in enumerate(subsets):
            member[row, list(some)] = 1.0
        self.member: Tensor
        self.register_buffer("member", member, persistent=False)

    def forward(self, *parents: Any) -> distributions.Mixture:
        """The mixture for given parents."""
        terms, presence = self._terms(parents)
        dims = len(self.event_shape)
        precision, weighted = (self._summed([term[place] for term in terms], dims) for place in (0, 1))
        present = self._together(presence, precision.device)
        # A product counts where none of its experts is absent, and the prior by itself where all are.
        absent = (~present).to(self.member)
        counts = torch.cat([absent @ self.member[:-1, :-1].T == 0, (~present).all(-1, keepdim=True)], -1)
        logits = precision.new_zeros(()).where(counts, -torch.inf)
        return distributions.Mixture(logits, self._normal(precision, weighted), fixed=True)

    def _summed(self, terms: Sequence[Tensor], dims: int) -> Tensor:
        """Of every product the sum over its experts, shape (..., products, *event)."""
        stacked = torch.stack(torch.broadcast_tensors(*terms), -1 - dims)
        # Not a matrix product, which autocast would run in half precision.
        member = self.member.view(*self.member.shape, *(1,) * dims)
        return (member * stacked.unsqueeze(-2 - dims)).sum(-1 - dims)
