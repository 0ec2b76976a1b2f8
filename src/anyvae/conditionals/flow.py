"""The combinator of normalising flows: a conditional carried along by invertible maps."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any, final

import torch
from torch import Size, Tensor, nn
from torch.distributions import constraints

from anyvae.conditionals.bijections import FlowTransform
from anyvae.conditionals.blanket import Blanketed
from anyvae.conditionals.combinator import as_conditional
from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.family import Family
from anyvae.conditionals.parametric import FamilyConditional
from anyvae.distributions import Flowed, FromNoise

__all__ = ["Flow"]


@final
class Flow(Conditional):
    r"""A base conditional whose draws are carried along by invertible maps.

    .. math:: u \sim base(u \mid parents), \quad v = T_K(... T_1(u; context))

    Without parents it is a learned prior. As a posterior its maps may read a context, which the base's network
    gives beside the base's parameters.
    Source: Variational Inference with Normalizing Flows (Rezende and Mohamed, 2015); for the context, Improving
    Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016).

    Arguments:
        base: p(u | parents) over real vectors: a conditional, or a family without parents.
        transforms: descriptions of the maps, in drawing order; one may stand several times.
        context: length of the context; 0 for none.

    Raises:
        ValueError: for a base that has no density over real vectors, no transforms, or a context that no
            network can give.

    >>> from anyvae.conditionals import IAF, DiagonalNormal
    >>> from anyvae.networks import MLP
    >>> encoder = Flow(DiagonalNormal(2).given("x", net=MLP([8])), IAF(), IAF(), context=4)
    >>> encoder.build("z", {"x": Size((3,))})(torch.zeros(5, 3)).rsample().shape
    torch.Size([5, 2])
    """

    def __init__(self, base: Conditional | Family, *transforms: FlowTransform, context: int = 0) -> None:
        super().__init__()
        base = as_conditional(base)
        if not transforms:
            raise ValueError(f"Flow over {base.extra_repr()} got no transforms; add some, such as IAF().")
        for transform in transforms:
            if not isinstance(transform, FlowTransform):
                raise ValueError(
                    f"Flow got the transform {transform!r}; wanted descriptions such as IAF() or NSF()."
                )
        _check_base(base)
        if context < 0:
            raise ValueError(f"Flow got context={context}; wanted a length >= 0.")
        if context:
            if not isinstance(base, FamilyConditional) or not base.parents or base.built:
                raise ValueError(
                    f"Flow got context={context}, but its base has no network that could give one; wanted a base such "
                    "as DiagonalNormal(2).given('x', net=MLP([64])) that was not joined to a model before."
                )
            base = base.with_family(_WithContext(base.family, context))
        self.base = base
        self.parents = base.parents
        self.transforms = transforms
        self.context = context
        self.steps = nn.ModuleList()
        self._sequence: tuple[Any, ...] = ()

    @property
    def event_shape(self) -> Size:
        """Shape of one row of the child."""
        return self.base.event_shape

    def extra_repr(self) -> str:
        """The base and the maps."""
        runs = [(text, len(list(group))) for text, group in groupby(map(repr, self.transforms))]
        maps = ", ".join(f"{count} x {text}" if count > 1 else text for text, count in runs)
        return f"{self.base.extra_repr()}, then {maps}" + (
            f" with a context of {self.context}" if self.context else ""
        )

    def build(self, name: str, shapes: Mapping[str, Size]) -> Flow:
        """See `Conditional.build`."""
        self.base.build(name, shapes)
        if not self._sequence:
            features = self.event_shape[0]
            try:
                steps = [
                    transform.build(features, self.context, place)
                    for place, transform in enumerate(self.transforms)
                ]
            except ValueError as error:
                raise ValueError(f"{name!r}: {error}") from error
            self.steps.extend(steps)
            # Plain beside the registered ones: a ModuleList makes a new iterator of its own at every pass.
            self._sequence = tuple(steps)
        return self

    def join(
        self, name: str, generative: Mapping[str, Conditional], inference: Mapping[str, Conditional]
    ) -> None:
        """See `Conditional.join`."""
        self.base.join(name, generative, inference)

    def check(self, name: str, value: Tensor) -> None:
        """See `Conditional.check`; the base's support is that of all real vectors."""
        self.base.check(name, value)

    def forward(self, *parents: Any) -> Flowed:
        """See `Conditional.forward`."""
        if not self._sequence:
            raise RuntimeError(
                f"{self!r} has no weights yet; join it to a model, or call build(name, shapes)."
            )
        if not self.context:
            return Flowed(self.base(*parents), self._sequence)
        assert isinstance(self.base, FamilyConditional)
        params = self.base.params(*parents)
        base = self.base.distribution(params)
        assert isinstance(base, FromNoise)
        return Flowed(base, self._sequence, params["context"])


class _WithContext(Family):
    """A family with one more output of its network, which it does not read."""

    def __init__(self, family: Family, context: int) -> None:
        super().__init__(tuple(family.event_shape))
        self.family = family
        self.context = context

    def __repr__(self) -> str:
        return repr(self.family)

    @property
    def params(self) -> dict[str, Size]:
        return self.family.params | {"context": Size((self.context,))}

    @property
    def free(self) -> frozenset[str]:
        return self.family.free

    @property
    def constants(self) -> dict[str, Tensor]:
        return self.family.constants

    def start(self) -> dict[str, Tensor]:
        return self.family.start()

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> Any:
        return self.family(params, constants, learning=learning)

    def check(self, name: str, value: Tensor) -> None:
        self.family.check(name, value)


def _check_base(base: Conditional) -> None:
    shape = tuple(base.event_shape)
    wrong = f"its event shape is {shape}" if len(shape) != 1 else "it is deterministic" * base.deterministic
    if isinstance(base, Blanketed):
        wrong = "it evaluates the model around its variable and can only be the whole of q"
    if not wrong and isinstance(base, FamilyConditional):
        zeros = {name: torch.zeros(1, *size) for name, size in base.family.params.items()}
        trial = base.family(zeros, base.family.constants)
        real = trial.support is constraints.real or trial.support is constraints.real_vector
        if not real or not isinstance(trial, FromNoise):
            wrong = f"{type(trial).__name__} is no density of all real vectors"
    if wrong:
        raise ValueError(
            f"Flow over {base.extra_repr()}: {wrong}; wanted a base over real vectors, such as DiagonalNormal(2)."
        )
