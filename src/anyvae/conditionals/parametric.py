"""p(child | parents) from a family and a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from torch import Size, Tensor, nn
from torch.distributions import Distribution

from anyvae.conditionals.conditional import Conditional
from anyvae.conditionals.family import Family
from anyvae.conditionals.parents import Parent, as_parents
from anyvae.distributions import Cellwise, InUnits, LogUnit
from anyvae.networks import Network
from anyvae.networks.base import as_network
from anyvae.wants import wants

__all__ = ["FamilyConditional"]


@final
class FamilyConditional(Conditional):
    r"""Family + network + head: what `Family.given` makes.

    .. math:: p(child \mid parents) = family(net(parents))

    Prior, encoder, decoder and classifier are all of this one type.

    Arguments:
        family: which distribution.
        parents: names of the parents, or references such as `observed("x")`.
        net: a network's description, or any `nn.Module`; needed when there are parents.
        start: where a parameter starts: its free value, or the bias of its projection.
        log_unit: log of one unit of the child's value in input units, shape event_shape; a `LogUnit` where it
            grows with the value.

    Raises:
        ValueError: when there are parents and no network, a network and no parents, or an unknown `start`.

    >>> from anyvae.conditionals import DiagonalNormal
    >>> from anyvae.networks import MLP
    >>> encoder = DiagonalNormal(2).given("x", net=MLP([8])).build("z", {"x": Size((3,))})
    >>> encoder(torch.zeros(5, 3)).event_shape
    torch.Size([2])
    """

    def __init__(
        self,
        family: Family,
        parents: Sequence[str | Parent] = (),
        *,
        net: Network | nn.Module | None = None,
        start: Mapping[str, Tensor | float] | None = None,
        log_unit: Tensor | LogUnit | None = None,
    ) -> None:
        super().__init__()
        wants(Family, family, "family of a conditional", "one such as Normal(3)")
        self.family = family
        self.deterministic = family.deterministic
        self.parents = as_parents(parents)
        needs_network = set(family.params) - family.free
        if self.parents and net is None and needs_network:
            raise ValueError(
                f"{family!r} given {', '.join(map(str, self.parents))} has no network for its parameters "
                f"{sorted(needs_network)}; pass net=MLP([...]), net=Linear() or any nn.Module."
            )
        if net is not None and not self.parents:
            raise ValueError(
                f"{family!r} has a network but no parents to feed it; name them: .given('x', net=...)."
            )
        unknown = {*family.start(), *(start or {})} - set(family.params)
        if unknown:
            raise ValueError(
                f"{family!r} has no parameter {sorted(unknown)} to start; it has {sorted(family.params)}."
            )
        self._spec = None if net is None else as_network(net, f"net of {family!r}")
        self._start = dict(start or {})
        self.net: nn.Module | None = None
        self.free = nn.ParameterDict()
        self.constants = {name: f"constant_{name}" for name in family.constants}
        for name, constant in family.constants.items():
            self.register_buffer(f"constant_{name}", constant.clone())
        self.log_unit: Tensor | None
        self.total_log_unit: Tensor | None
        self.log_slope: Tensor | None
        whole = log_unit if isinstance(log_unit, LogUnit | None) else LogUnit(log_unit)
        base = None if whole is None else whole.constant
        slope = None if whole is None else whole.slope
        unit = None if base is None else base.expand(family.event_shape).clone()
        self.register_buffer("log_unit", None if unit is None else unit.to(torch.get_default_dtype()))
        # Summed in double precision: a thousand columns must not cost digits of the constant.
        total = None if unit is None else unit.double().sum().to(torch.get_default_dtype())
        self.register_buffer("total_log_unit", total)
        if slope is not None:
            slope = slope.expand(family.event_shape).to(torch.get_default_dtype(), copy=True)
        self.register_buffer("log_slope", slope)
        self._input_shapes: tuple[Size, ...] | None = None
        self._from_net: tuple[str, ...] = ()
        self._has_free = False
        self._in_units = unit is not None

    @property
    def event_shape(self) -> Size:
        """Shape of one row of the child."""
        return self.family.event_shape

    @property
    def built(self) -> bool:
        """Whether the weights exist."""
        return self._input_shapes is not None

    def extra_repr(self) -> str:
        """The family and its parents."""
        given = ", ".join(map(str, self.parents))
        return f"{self.family!r}" + (f" given {given}, {self._spec!r}" if given else "")

    def build(self, name: str, shapes: Mapping[str, Size]) -> FamilyConditional:
        """See `Conditional.build`."""
        inputs = self.input_shapes(name, shapes)
        if self._input_shapes is not None:
            if inputs != self._input_shapes:
                raise ValueError(
                    f"{name!r} was built for parents of shapes {[tuple(s) for s in self._input_shapes]} and "
                    f"is now joined to {[tuple(s) for s in inputs]}; make a new part with .given(...)."
                )
            return self
        params = self.family.params
        self._from_net = tuple(key for key in params if self.parents and key not in self.family.free)
        start = self.family.start() | self._start
        for key, size in params.items():
            if key not in self._from_net:
                value = torch.as_tensor(start.get(key, 0.0), dtype=torch.get_default_dtype())
                self.free[key] = nn.Parameter(value.expand(size).clone())
        if self._from_net:
            assert self._spec is not None
            try:
                self.net = self._spec.build(inputs, {key: params[key] for key in self._from_net})
            except ValueError as error:
                raise ValueError(f"{name!r}: {error}") from error
            with torch.no_grad():
                for key in self._from_net:
                    if key in start:
                        bias = self.net.bias(key)  # type: ignore[operator]
                        bias.copy_(torch.as_tensor(start[key], dtype=bias.dtype).expand_as(bias))
        self._has_free = len(self.free) > 0
        self._input_shapes = inputs
        return self

    def with_family(self, family: Family) -> FamilyConditional:
        """A new part without weights: another family, with these parents, this network and these starts."""
        unit = None if self.log_unit is None else LogUnit(self.log_unit, self.log_slope)
        return FamilyConditional(family, self.parents, net=self._spec, start=self._start, log_unit=unit)

    @property
    def support(self) -> Any:
        """See `Conditional.support`."""
        return self.family.support

    def check(self, name: str, value: Tensor) -> None:
        """See `Conditional.check`."""
        self.family.check(name, value)

    def params(self, *parents: Tensor) -> dict[str, Tensor]:
        """The parameters for given parents; free ones come without leading axes.

        Arguments:
            parents: one tensor per parent, shape (..., *event_shape of the parent); leading axes broadcast.
        """
        if self._input_shapes is None:
            raise RuntimeError(
                f"{self!r} has no weights yet; join it to a model, or call build(name, shapes)."
            )
        found: dict[str, Tensor] = dict(self.free.items()) if self._has_free else {}
        if self._from_net:
            for key, value in zip(self._from_net, self.net(*parents), strict=True):  # type: ignore[misc]
                # Products may run in bfloat16; densities never do.
                found[key] = value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
        return found

    def forward(self, *parents: Tensor) -> Distribution:
        """p(child | parents).

        Arguments:
            parents: one tensor per parent, shape (..., *event_shape of the parent); leading axes broadcast.
        """
        return self.distribution(self.params(*parents))

    def distribution(self, params: dict[str, Tensor]) -> Distribution:
        """The distribution with the parameters that `params` gave."""
        # Straight from the registry: attribute look-up on a module is slow, and this runs at every step.
        constants = {name: self._buffers[key] for name, key in self.constants.items()}
        learning = self.training and torch.is_grad_enabled()
        distribution = self.family(params, constants, learning=learning)  # type: ignore[arg-type]
        if not self._in_units:
            return distribution
        if not isinstance(distribution, Cellwise):
            raise ValueError(
                f"{self.family!r} got log_unit, but its features depend on each other, and only densities of single "
                "features have units here; leave log_unit out and add its sum to the scores."
            )
        assert self.log_unit is not None
        assert self.total_log_unit is not None
        return InUnits(distribution, self.log_unit, self.total_log_unit, self.log_slope)
