"""A mixture of conditionals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from anyvae import distributions
from anyvae.conditionals.combinator import Combinator, as_conditional, as_list, trial
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.discrete import Categorical
from anyvae.conditionals.family import Family

__all__ = ["Mixture"]


@final
class Mixture(Combinator):
    r"""One of K conditionals of the same variable, each with a family, network and parents of its own.

    .. math:: p(v \mid parents) = \sum_k w_k \, p_k(v \mid parents_k), \quad w = \operatorname{softmax}(logits)

    Components that start equal and read the same stay equal: give them different starts or families. A value has
    to lie in the support of each.

    Arguments:
        components: conditionals or, without parents, families.
        weights: `Categorical(K)`, learned, where None; `UniformCategorical(K)` keeps them equal, and
            `Categorical(K).given("x", net=...)` lets them depend on parents.

    Raises:
        ValueError: when components differ in event shape, or the weights are no Categorical over them.

    >>> from anyvae.conditionals import DiagonalNormal, Laplace
    >>> Mixture([DiagonalNormal(2), Laplace(2)]).event_shape
    torch.Size([2])
    """

    def __init__(
        self, components: Sequence[Conditional | Family], weights: Conditional | Family | None = None
    ) -> None:
        components = as_list(components, "Mixture")
        count = len(components)
        if count < 2:
            raise ValueError(f"Mixture got {count} component(s); wanted at least 2.")
        choice = as_conditional(Categorical(count) if weights is None else weights)
        if tuple(choice.event_shape) != (count,):
            raise ValueError(
                f"Mixture got weights over {tuple(choice.event_shape)} for {count} components; "
                f"wanted Categorical({count})."
            )
        super().__init__([*components, choice])

    def join(
        self, name: str, generative: Mapping[str, Conditional], inference: Mapping[str, Conditional]
    ) -> None:
        """See `Conditional.join`."""
        super().join(name, generative, inference)
        found = trial(self._parts()[-1], self._shapes, generative)
        if not isinstance(found, distributions.OneHotCategorical):
            raise ValueError(
                f"{name!r}: the weights of a Mixture follow {type(found).__name__}; wanted a Categorical."
            )
        for part in self._components():
            kind = trial(part, self._shapes, generative)
            if not isinstance(kind, distributions.FromNoise):
                raise ValueError(
                    f"{name!r}: a component of a Mixture follows {type(kind).__name__}, which "
                    "cannot be drawn from noise."
                )

    def forward(self, *parents: Any) -> distributions.Mixture:
        """The mixture for given parents."""
        *components, choice = self.distributions_of_parts(parents)
        assert isinstance(choice, distributions.OneHotCategorical)
        return distributions.Mixture(choice.logits, components)  # type: ignore[arg-type]

    def _components(self) -> list[Conditional]:
        return self._parts()[:-1]

    def _same_variable(self) -> list[Conditional]:
        return self._components()
