"""A vector whose cells are given one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch
from torch import Size, Tensor
from torch.distributions import constraints

from anyvae.distributions.cells import Cellwise, FromNoise, sum_event

__all__ = ["Autoregressive"]


@final
class Autoregressive(FromNoise):
    r"""A product of conditionals, each cell given those before it.

    .. math:: p(v) = \prod_i p(v_i \mid v_{<i})

    The density takes one pass, a draw one for each place of the order. Moments have no closed form, and no part of
    a row has a density by itself, so rows with single holes are refused.

    Arguments:
        given: from a whole value (..., *event) to the distribution of its cells, where that of a cell must not
            depend on its own value or later ones.
        places: of each cell in which place of the order it stands, counted from 0; shape of the event.
        batch_shape: axes over independent rows.
        like: a tensor whose dtype and device the draws take.
    """

    def __init__(
        self, given: Callable[[Tensor], Cellwise], places: Tensor, batch_shape: Size, like: Tensor
    ) -> None:
        super().__init__(Size(batch_shape), places.shape)
        self.given = given
        self.places = places
        self._order = int(places.max()) + 1
        self._zero = like.new_zeros(())
        self._first: Cellwise | None = None

    @property
    def support(self) -> constraints.Constraint | None:
        """That of the cells."""
        found: constraints.Constraint | None = self._at_zeros().support
        return found

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """Whether the draw of a cell is differentiable; then the chain of them is."""
        return bool(self._at_zeros().has_rsample)

    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each cell given those before it, shape (..., *event), nats."""
        wide = torch.broadcast_shapes(value.shape, self._batch_shape + self._event_shape)
        return self.given(value.expand(wide)).cells(value)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of each row, nats; one pass."""
        return sum_event(self.cells(value), self.event_dims)

    def given_log_prob(self, value: Tensor, mask: Tensor) -> Tensor:
        """Log-density of rows that are given whole, 0 for rows that are missing whole, nats.

        Raises:
            ValueError: when a row misses single cells: the sum over the others is no density of theirs.
        """
        given = mask.flatten(mask.dim() - self.event_dims) > 0
        if not bool((given.all(-1) | ~given.any(-1)).all()):
            raise ValueError(
                "Autoregressive: a row misses single cells, and the cells after a hole have no density without it; "
                "give or withhold whole rows, or use a family of independent features."
            )
        return torch.where(given.all(-1), self.log_prob(value), self._zero)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The cells one after the other, each from its own noise."""
        value = self._zero.expand(torch.broadcast_shapes(noise.shape, self._batch_shape + self._event_shape))
        for place in range(self._order):
            drawn = self.given(value).from_noise(noise)
            value = torch.where(self.places == place, drawn, value)
        return value

    def expand(self, batch_shape: Any, _instance: Any = None) -> Autoregressive:
        """The same distribution with other batch axes."""
        return Autoregressive(self.given, self.places, Size(batch_shape), self._zero)

    def _at_zeros(self) -> Cellwise:
        if self._first is None:
            with torch.no_grad():
                self._first = self.given(self._zero.expand(self._batch_shape + self._event_shape))
        return self._first

    def _like(self) -> Tensor:
        return self._zero
