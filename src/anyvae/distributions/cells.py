"""The bases of every distribution: draws from fixed noise, and blocks of independent cells."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

__all__ = ["Cellwise", "FromNoise", "log_prob_of_given", "sum_event"]

_ONE_DRAW = torch.Size()


def sum_event(cells: Tensor, event_dims: int) -> Tensor:
    """Sum the last `event_dims` axes, one number per row.

    >>> sum_event(torch.ones(5, 2, 3), 2)
    tensor([6., 6., 6., 6., 6.])
    """
    if event_dims == 1:
        return cells.sum(-1)
    return cells.flatten(-event_dims).sum(-1) if event_dims else cells


class FromNoise(Distribution):
    """A distribution whose draw is a function of standard normal numbers.

    A subclass gives `from_noise(noise)`, for noise of shape `noise_shape` a row, so that an evaluation can
    fix the noise of each row.

    Arguments:
        batch_shape: axes over independent rows.
        event_shape: axes of one row.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012  (torch's own declaration)
    has_rsample = False

    def __init__(self, batch_shape: torch.Size, event_shape: torch.Size) -> None:
        super().__init__(batch_shape, event_shape, validate_args=False)

    @property
    def event_dims(self) -> int:
        """Number of axes of the event."""
        return len(self._event_shape)

    @property
    def support(self) -> Any:
        """Where draws lie, a constraint of `torch.distributions`; None where a subclass does not tell."""
        return None

    @property
    def noise_shape(self) -> torch.Size:
        """Shape of the standard normal numbers that one draw of one row needs."""
        return self._event_shape

    @abstractmethod
    def from_noise(self, noise: Tensor) -> Tensor:
        """The draw that standard normal `noise`, shape (..., *batch_shape, *noise_shape), stands for."""

    def marginals(self, value: Tensor) -> Tensor:
        """Log-density of each cell of `value` by itself, the others unknown, shape (..., *event_shape), in nats.

        Raises:
            NotImplementedError: where it has no closed form.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no closed form of the density of a single cell."
        )

    def rsample(self, sample_shape: Any = _ONE_DRAW) -> Tensor:
        """Draw, differentiably where `has_rsample`, shape (*sample_shape, *batch_shape, *event_shape)."""
        if not self.has_rsample:
            raise NotImplementedError(
                f"{type(self).__name__} has no differentiable draw; use sample(), or a relaxed family."
            )
        return self._draw(sample_shape)

    def sample(self, sample_shape: Any = _ONE_DRAW) -> Tensor:
        """Draw without gradient, shape (*sample_shape, *batch_shape, *event_shape)."""
        with torch.no_grad():
            return self._draw(sample_shape)

    def _draw(self, sample_shape: Any) -> Tensor:
        shape = torch.Size(sample_shape) + self._batch_shape + self.noise_shape
        like = self._like()
        return self.from_noise(torch.randn(shape, dtype=like.dtype, device=like.device))

    @abstractmethod
    def _like(self) -> Tensor:
        """A parameter, whose dtype and device the draws take."""


class Cellwise(FromNoise):
    r"""A distribution whose log-density is a sum over the cells of its event.

    .. math:: \log p(v) = \sum_i \log p_i(v_i)

    A subclass gives `cells(value)`, one log-density per cell (nats), so that a missing cell can be left
    out of the sum exactly, besides `from_noise(noise)`.

    Arguments:
        batch_shape: axes over independent rows.
        event_shape: axes of one row.
    """

    @property
    def has_masses(self) -> bool:
        """Whether some cells may have a probability where others have a density, see `masses`."""
        return False

    @abstractmethod
    def cells(self, value: Tensor) -> Tensor:
        """Log-density of each cell of `value`, shape (..., *event_shape), in nats."""

    def log_moment(self, a: Tensor) -> Tensor:
        r"""log E[exp(a v)] of each cell, nats, where there is one in closed form.

        Arguments:
            a: broadcasts to the event.
        """
        raise NotImplementedError(f"{type(self).__name__} does not tell its exponential moments.")

    def masses(self, value: Tensor) -> Tensor | None:
        """Which cells of `value` have a probability where others have a density, bool, of its shape; None where none.

        Their log-density does not change with the unit of the cell.
        """
        return None

    def marginals(self, value: Tensor) -> Tensor:
        """See `FromNoise.marginals`; the cells, which are independent."""
        return self.cells(value)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of each row of `value`, shape (...), in nats."""
        return sum_event(self.cells(value), len(self._event_shape))

    def settled(self) -> Cellwise:
        """The same distribution, which does not learn from the values that it is shown; itself where it never does."""
        return self

    def given_log_prob(self, value: Tensor, mask: Tensor) -> Tensor:
        """Log-density of the given cells of each row, nats.

        Arguments:
            value: shape (..., *event_shape), finite in the holes too.
            mask: 1 where given and 0 in the holes, of the shape of `value`.
        """
        cells = self.cells(value)
        # Not a product: what stands in a hole may lie off the support, and 0 * -inf is no number.
        return sum_event(torch.where(mask > 0, cells, torch.zeros_like(cells)), len(self._event_shape))


def log_prob_of_given(distribution: Distribution, value: Tensor, mask: Tensor) -> Tensor:
    """Log-density of what is given of each row, nats: of its cells, or of whole rows where cells have none.

    Rows that are not given hold what the first given row holds: a distribution may refuse what is no value of it.

    Arguments:
        distribution: of the rows.
        value: shape (..., *event_shape), finite in the holes too.
        mask: 1 where given and 0 in the holes, of the shape of `value` or of its last axes.

    >>> two = torch.distributions.Dirichlet(torch.ones(2, 3), validate_args=True)
    >>> rows, mask = torch.tensor([[0.2, 0.3, 0.5], [0.0, 0.0, 0.0]]), torch.tensor([[1.0], [0.0]]).expand(2, 3)
    >>> [round(v, 4) for v in log_prob_of_given(two, rows, mask).tolist()]
    [0.6931, 0.0]
    """
    if isinstance(distribution, Cellwise):
        return distribution.given_log_prob(value, mask.expand_as(value))
    lead = value.dim() - len(distribution.event_shape)
    rows = mask.expand_as(value).flatten(lead).amin(-1) > 0
    if rows.numel():
        first = value.flatten(0, lead - 1)[rows.flatten().to(torch.uint8).argmax()]
        value = torch.where(rows.view(*rows.shape, *(1,) * first.dim()), value, first)
    log_prob = distribution.log_prob(value)
    return torch.where(rows, log_prob, torch.zeros_like(log_prob))
