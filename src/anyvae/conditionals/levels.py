"""Latents on a lattice: each feature rounded to one of a few levels, without a codebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, final

import torch
from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.family import Family
from anyvae.distributions import CodeLayout, Quantised, level_value

__all__ = ["FSQ", "UniformLattice"]


class _Lattice(Family):
    """Checked levels, repeated over the positions."""

    def __init__(self, levels: Sequence[int], positions: int | tuple[int, ...] | None = None) -> None:
        if not levels or any(number < 2 for number in levels):
            raise ValueError(
                f"{type(self).__name__} got levels={list(levels)}; wanted at least 2 for every feature."
            )
        if positions is None:
            super().__init__(len(levels))
        elif isinstance(positions, int):
            super().__init__((positions, len(levels)))
        else:
            super().__init__((len(levels), *positions))
        self.levels = tuple(levels)
        self.layout = CodeLayout(self.event_shape)

    def __repr__(self) -> str:
        _, positions, _ = self.layout.sizes
        return f"{type(self).__name__}({list(self.levels)}" + (
            f", {positions} positions)" if positions > 1 else ")"
        )

    @property
    def constants(self) -> dict[str, Tensor]:
        """Number of levels of every feature, of the event shape."""
        _, positions, features = self.layout.sizes
        levels = torch.tensor(self.levels, dtype=torch.get_default_dtype())
        return {"levels": self.layout.values(levels.expand(1, positions, features))}


@final
class FSQ(_Lattice):
    r"""Each feature bounded and rounded to one of its levels, evenly spaced from -1 to 1: a codebook without codes.

    .. math:: v_i = 2 \operatorname{round}(\tfrac12 (\tanh loc_i + 1)(levels_i - 1)) / (levels_i - 1) - 1

    All mass on that value; its gradient is that of tanh, straight through the rounding. No cost has to hold the
    encoder, and nothing dies. Its prior is `UniformLattice` of the same arguments.
    Source: Finite Scalar Quantization (Mentzer et al., 2023), with the lattice symmetric for even numbers too.

    Arguments:
        levels: of each feature of a code; [8, 5, 5, 5] make 1000 codes.
        positions: how many such codes, on an axis before the features; or (height, width), after them; one where None.

    Raises:
        ValueError: for a feature of fewer than two levels.

    >>> FSQ([8, 5, 5, 5], 16).event_shape
    torch.Size([16, 4])
    """

    @property
    def params(self) -> dict[str, Size]:
        """`loc`, of the event shape."""
        return {"loc": self.event_shape}

    @property
    def support(self) -> Any:
        """That of `UniformLattice`, its prior."""
        return distributions.UniformLattice.support

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> Quantised:
        """See `Family.__call__`."""
        levels = constants["levels"]
        bounded = params["loc"].tanh()
        number = (0.5 * (bounded.detach() + 1.0) * (levels - 1.0)).round()
        value = level_value(number, levels) + (bounded - bounded.detach())
        return Quantised(value, len(self.event_shape), indices=self._numbered(number))

    def _numbered(self, number: Tensor) -> Tensor | None:
        """One number for the levels of a position, the first feature's counting least; None beyond 62 bits."""
        if prod(self.levels) > 2**62:
            return None
        rows = self.layout.rows(number).long()
        weights = [prod(self.levels[:index]) for index in range(len(self.levels))]
        return (rows * torch.tensor(weights, device=rows.device)).sum(-1)


@final
class UniformLattice(_Lattice):
    r"""Every value that `FSQ` of the same arguments can give, equally likely.

    .. math:: \log p(v) = -\sum_i \log levels_i

    Arguments:
        levels, positions: as those of `FSQ`.

    Raises:
        ValueError: for a feature of fewer than two levels.
    """

    @property
    def params(self) -> dict[str, Size]:
        """None."""
        return {}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.UniformLattice:
        """See `Family.__call__`."""
        return distributions.UniformLattice(constants["levels"])

    def check(self, name: str, value: Tensor) -> None:
        """Refuse values off the lattice."""
        levels = self.constants["levels"].to(value)
        wrong = distributions.UniformLattice(levels).cells(value).isinf()
        if bool(wrong.any()):
            raise ValueError(
                f"{name!r} holds {value[wrong][0].item():g}, which is no level of {self!r}; its levels are evenly "
                "spaced from -1 to 1."
            )
