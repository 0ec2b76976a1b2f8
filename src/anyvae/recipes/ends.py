"""Where a model meets the data: how it reads x and how it makes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, final

import torch
from torch import Tensor, nn

from anyvae.conditionals import (
    CellMixture,
    Columns,
    Conditional,
    DiscretisedLogistic,
    DiscretisedLogisticMixture,
    Family,
    Parent,
    Placed,
    PointMasses,
    StudentT,
    VectorQuantised,
    observed,
)
from anyvae.distributions import LogUnit
from anyvae.networks import MLP, Compressed, ConvNet, Network
from anyvae.networks.base import as_network
from anyvae.wants import wants

__all__ = ["DataOptions", "EndOptions", "Ends", "default_networks"]

_FAR = 30.0  # standard deviations


class DataOptions(TypedDict, total=False):
    """The keywords of a model that follow from the data.

    Arguments:
        start: where the parameters of p(x | ...) start.
        log_unit: log of one unit of x in input units.
        missing: whether x may have holes; what reads it then reads the mask too.
    """

    start: Mapping[str, Tensor | float] | None
    log_unit: Tensor | LogUnit | None
    missing: bool


class EndOptions(DataOptions, total=False):
    """The keywords of every model that reads an x and makes one, besides those that follow from the data.

    Arguments:
        encoder, decoder: networks that read x and make its parameters; `default_networks` of the family where None.
        start, log_unit, missing: see `DataOptions`.
    """

    encoder: Network | None
    decoder: Network | None


@final
class Ends:
    """The two ends of a model of x: what reads it, and what makes it.

    Arguments:
        likelihood: family of x.
        encoder, decoder, start, log_unit, missing: see `EndOptions`.
    """

    def __init__(
        self,
        likelihood: Family,
        *,
        encoder: Network | None = None,
        decoder: Network | None = None,
        start: Mapping[str, Tensor | float] | None = None,
        log_unit: Tensor | LogUnit | None = None,
        missing: bool = False,
    ) -> None:
        wants(Family, likelihood, "likelihood", "a family such as Normal(3) or Bernoulli((1, 28, 28))")
        reads, paints = default_networks(likelihood)
        self.likelihood, self.start, self.log_unit = likelihood, start, log_unit
        self.encoder = reads if encoder is None else as_network(encoder, "encoder")
        self.decoder = paints if decoder is None else as_network(decoder, "decoder")
        self.x: list[str | Parent] = ["x", observed("x", likelihood.tellers)] if missing else ["x"]

    def read(
        self, family: Family | VectorQuantised, *parents: str, net: Network | None = None
    ) -> Conditional:
        """q(family | x, parents).

        Arguments:
            family: of what is read from x.
            parents: what else is read.
            net: in place of the encoder's network.
        """
        wants(
            (Family, VectorQuantised),
            family,
            "posterior",
            "a family such as DiagonalNormal(2), or a codebook",
        )
        return family.given(*self.x, *parents, net=self.encoder if net is None else net)

    def make(self, *parents: str, net: Network | None = None) -> Conditional:
        """p(x | parents).

        Arguments:
            parents: what x is made of.
            net: in place of the decoder's network.
        """
        return self.likelihood.given(
            *parents, net=self.decoder if net is None else net, start=self.start, log_unit=self.log_unit
        )


def default_networks(likelihood: Family) -> tuple[Network, Network]:
    """Encoder and decoder that suit an event shape.

    Pictures of at least 16 x 16 get a convolutional decoder, which over-fits less than a dense one of equal
    size; a dense encoder reads small ones as well as a convolutional one and much faster. Where a column may hold
    values far from its others (counts, whole numbers, heavy tails, several modes) the encoder reads them drawn in.
    """
    shape = likelihood.event_shape
    if len(shape) == 3 and min(shape[1:]) >= 16:
        large = shape.numel() > 1024
        channels = [16, 32, 64] if large and min(shape[1:]) >= 48 else [16, 16]
        reads: Network = ConvNet([32, 64], 512) if large else MLP([512, 512], nn.GELU)
        return reads, ConvNet(channels, 512)
    width = 128 if len(shape) == 1 and shape[0] < 32 else 256
    dense = MLP([width, width])
    parts = likelihood.parts if isinstance(likelihood, Columns) else (likelihood,)
    return Compressed(dense) if any(map(_far_reaching, parts)) else dense, MLP([width, width])


def _far_reaching(family: Family) -> bool:
    """Whether values of a vector may lie far from the others: not so where both ends of their range are known."""
    if isinstance(family, DiscretisedLogistic | DiscretisedLogisticMixture):
        return bool(torch.isinf(family.high).any() | torch.isinf(family.low).any())
    if isinstance(family, PointMasses):
        return _far_reaching(family.rest) or any(abs(point) > _FAR for own in family.points for point in own)
    return isinstance(family, StudentT | CellMixture | Placed)
