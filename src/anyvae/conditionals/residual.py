"""A posterior that starts from the prior of its variable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, final

from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.continuous import DiagonalNormal
from anyvae.conditionals.parametric import FamilyConditional
from anyvae.conditionals.parents import Parent

__all__ = ["Residual"]


@final
class Residual(Conditional):
    r"""A normal posterior relative to the prior of the same variable, at the drawn parents of that prior.

    .. math::

        q(z \mid x) = N(loc_p + scale_p \, \delta, \; (scale_p \, \rho)^2), \quad
        N(\delta, \rho^2) = \text{part}(x), \; N(loc_p, scale_p^2) = p(z \mid parents)

    Where the data say nothing, delta = 0 and rho = 1, it is the prior. The top-down posterior of deep hierarchies.
    Source: NVAE: A Deep Hierarchical Variational Autoencoder (Vahdat and Kautz, 2020).

    Arguments:
        part: a diagonal normal, the difference in units of the prior's scale.

    Raises:
        ValueError: for a part of another family, and, when joined, for a prior that has no mean and deviation.

    >>> from anyvae.networks import MLP
    >>> posterior = Residual(DiagonalNormal(2).given("x", net=MLP([8])))
    >>> [str(parent) for parent in posterior.build("z", {"x": Size((3,)), "z": Size((2,))}).parents]
    ['x', 'prior(z)']
    """

    def __init__(self, part: FamilyConditional) -> None:
        super().__init__()
        if not isinstance(part, FamilyConditional) or not isinstance(part.family, DiagonalNormal):
            got = getattr(part, "family", part)
            raise ValueError(f"Residual got {got!r}; wanted DiagonalNormal(...).given(..., net=...).")
        self.part = part
        self.parents = part.parents

    @property
    def event_shape(self) -> Size:
        """That of the part."""
        return self.part.event_shape

    def extra_repr(self) -> str:
        """The part, on top of the prior."""
        return f"prior + {self.part.extra_repr()}"

    def build(self, name: str, shapes: Mapping[str, Size]) -> Self:
        """See `Conditional.build`."""
        self.part.build(name, shapes)
        self.parents = (*self.part.parents, Parent(name, prior=True))
        return self

    def join(
        self, name: str, generative: Mapping[str, Conditional], inference: Mapping[str, Conditional]
    ) -> None:
        """See `Conditional.join`; an inference part alone may start from a prior."""
        if generative.get(name) is self:
            raise ValueError(
                f"p({name}) cannot be a Residual: it would start from itself; use it as q({name})."
            )

    def forward(self, *parents: Any) -> distributions.Normal:
        """See `Conditional.forward`; the last parent is the prior."""
        *values, prior = parents
        difference = self.part(*values)
        spread: Tensor = prior.stddev
        return distributions.Normal(
            prior.mean + spread * difference.loc, spread * difference.stddev, len(self.event_shape)
        )
