"""Families of cells that have a probability of their own at some values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.family import Family
from anyvae.distributions import (
    Cellwise,
    DiscretisedLogistic,
    DiscretisedLogisticMixture,
    DiscretisedNormal,
)
from anyvae.distributions.point_masses import touching

__all__ = ["PointMasses"]

_LATTICES = DiscretisedLogistic, DiscretisedLogisticMixture, DiscretisedNormal


@final
class PointMasses(Family):
    r"""Independent features, each with a probability at every one of its points and a density at all other values.

    .. math:: p(v_i) = \pi_{ik} \text{ where } v_i = point_{ik}, \quad \pi_{i0} \, p_{rest}(v_i) \text{ else}, \qquad
        \pi_i = \operatorname{softmax}(point\_logits_i)

    The network gives the probabilities, that of the rest first. What is on a point is told by equality, to a few units
    in the last place of single precision. Source: the hurdle model (Cragg, 1971).

    Arguments:
        rest: a family with a density, or a discretised one, whose mass adds to that of the points; its features are
            independent.
        points: the points of each feature, different ones; as many sequences as features.

    Raises:
        ValueError: where there are not as many sequences as features, a feature has no point, a point is not finite,
            or two are one in single precision.

    >>> from anyvae.conditionals import Normal
    >>> PointMasses(Normal(2), [[0.0], [-1.0, 1.0]]).params["point_logits"]
    torch.Size([2, 3])
    """

    def __init__(self, rest: Family, points: Sequence[Sequence[float]]) -> None:
        super().__init__(tuple(rest.event_shape))
        count = self.event_shape.numel()
        if len(points) != count:
            raise ValueError(
                f"PointMasses got points of {len(points)} features; wanted one sequence for each of the {count} of "
                f"{rest!r}."
            )
        for index, own in enumerate(points):
            if not own or not all(map(math.isfinite, own)) or len(set(own)) < len(own):
                raise ValueError(
                    f"PointMasses got the points {list(own)} of feature {index}; wanted one or more different finite "
                    "numbers. A feature without points is the family itself."
                )
            places = torch.tensor(sorted(map(float, own)), dtype=torch.float64)
            if bool((near := touching(places)).any()):
                one = int(near.nonzero()[0])
                raise ValueError(
                    f"PointMasses got the points {float(places[one])} and {float(places[one + 1])} of feature {index}, "
                    "which single precision does not tell apart; wanted points further from each other. Leave one out, "
                    "or scale the feature otherwise."
                )
        self.rest = rest
        self.points = tuple(tuple(map(float, own)) for own in points)

    def __repr__(self) -> str:
        return f"PointMasses({self.rest!r}, {sum(map(len, self.points))} points)"

    @property
    def _most(self) -> int:
        return max(map(len, self.points))

    @property
    def params(self) -> dict[str, Size]:
        """`point_logits`, of the rest and then of the points, and the parameters of the rest."""
        return {"point_logits": Size((*self.event_shape, 1 + self._most))} | self.rest.params

    @property
    def free(self) -> frozenset[str]:
        """As of the rest."""
        return self.rest.free

    @property
    def constants(self) -> dict[str, Tensor]:
        """`points`, NaN where a feature has fewer, and the constants of the rest."""
        rows = [[*own, *[math.nan] * (self._most - len(own))] for own in self.points]
        points = torch.tensor(rows, dtype=torch.get_default_dtype())
        return {"points": points.reshape(*self.event_shape, self._most)} | self.rest.constants

    def start(self) -> dict[str, Tensor]:
        """As the rest starts."""
        return self.rest.start()

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.PointMasses:
        """See `Family.__call__`."""
        fixed = dict(constants)
        points = fixed.pop("points")
        rest = self.rest(params, fixed, learning=learning)
        assert isinstance(rest, Cellwise)
        on_lattice = isinstance(rest, _LATTICES)
        return distributions.PointMasses(params["point_logits"], points, rest, adds=on_lattice)

    def check(self, name: str, value: Tensor) -> None:
        """Check the values against the rest."""
        self.rest.check(name, value)
