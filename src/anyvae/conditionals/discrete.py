"""Families of binary values and classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import final

import torch
from torch import Size, Tensor

from anyvae import distributions
from anyvae.conditionals.family import Family

__all__ = ["Bernoulli", "Categorical", "Categoricals", "UniformCategorical"]


@final
class Bernoulli(Family):
    r"""Independent binary features.

    .. math:: \log p(v) = \sum_i v_i \, logits_i - \log(1 + e^{logits_i})

    Arguments:
        event_shape: number of features, or the shape of one row.
    """

    @property
    def params(self) -> dict[str, Size]:
        """`logits`, of the event shape."""
        return {"logits": self.event_shape}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.Bernoulli:
        """See `Family.__call__`."""
        return distributions.Bernoulli(params["logits"], len(self.event_shape))

    def check(self, name: str, value: Tensor) -> None:
        """Refuse values other than 0 and 1: on grey values a Bernoulli has no normaliser."""
        wrong = (value != 0) & (value != 1)
        if bool(wrong.any()):
            raise ValueError(
                f"{name!r} holds {value[wrong][0].item():g}; Bernoulli wants 0 or 1. For grey values use "
                "DiscretisedLogistic (levels) or Normal (reals), or binarise them."
            )


@final
class Categorical(Family):
    r"""One of K classes, one-hot inside; without parents it learns the class frequencies.

    Arguments:
        classes: K.

    Raises:
        ValueError: for fewer than two classes.
    """

    def __init__(self, classes: int) -> None:
        if classes < 2:
            raise ValueError(f"Categorical got {classes} classes; wanted at least 2.")
        super().__init__(classes)

    @property
    def params(self) -> dict[str, Size]:
        """`logits`, one per class."""
        return {"logits": self.event_shape}

    @property
    def tellers(self) -> tuple[int, ...]:
        """The first class: all are given, or none."""
        return (0,)

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.OneHotCategorical:
        """See `Family.__call__`."""
        return distributions.OneHotCategorical(params["logits"])

    def check(self, name: str, value: Tensor) -> None:
        """Refuse what is not one-hot."""
        _check_one_hot(name, value)


@final
class UniformCategorical(Family):
    r"""One of K classes, each with probability 1 / K, never learned.

    Arguments:
        classes: K.
    """

    @property
    def params(self) -> dict[str, Size]:
        """None."""
        return {}

    @property
    def constants(self) -> dict[str, Tensor]:
        """Zeros, one per class."""
        return {"logits": torch.zeros(self.event_shape)}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.OneHotCategorical:
        """See `Family.__call__`."""
        return distributions.OneHotCategorical(constants["logits"])

    def check(self, name: str, value: Tensor) -> None:
        """Refuse what is not one-hot."""
        _check_one_hot(name, value)


@final
class Categoricals(Family):
    r"""Several independent columns, each one of its own classes, one-hot side by side.

    .. math:: \log p(v) = \sum_c \sum_k v_{ck} \log \operatorname{softmax}(logits_c)_k

    The same as `Columns` of `Categorical`, and faster: twenty columns cost what one does.

    Arguments:
        sizes: number of classes of each column.

    Raises:
        ValueError: when there is no column, or one has fewer than two classes.

    >>> Categoricals([2, 3]).params
    {'logits': torch.Size([5])}
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        if not sizes or any(size < 2 for size in sizes):
            raise ValueError(f"Categoricals got {list(sizes)} classes; wanted at least 2 in every column.")
        super().__init__(sum(sizes))
        self.sizes = tuple(sizes)

    def __repr__(self) -> str:
        return f"Categoricals({list(self.sizes)})"

    @property
    def params(self) -> dict[str, Size]:
        """`logits`, one per class of every column."""
        return {"logits": self.event_shape}

    @property
    def constants(self) -> dict[str, Tensor]:
        """Where the columns stand."""
        return dict(distributions.OneHotLayout.of(self.sizes)._asdict())

    @property
    def tellers(self) -> tuple[int, ...]:
        """The first class of every column."""
        return tuple(accumulate(self.sizes[:-1], initial=0))

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.OneHotColumns:
        """See `Family.__call__`."""
        return distributions.OneHotColumns(params["logits"], distributions.OneHotLayout(**constants))

    def check(self, name: str, value: Tensor) -> None:
        """Refuse blocks that are not one-hot."""
        for block in value.split(self.sizes, -1):
            _check_one_hot(name, block)


def _check_one_hot(name: str, value: Tensor) -> None:
    if not bool(((value == 0) | (value == 1)).all()) or not bool((value.sum(-1) == 1).all()):
        raise ValueError(
            f"{name!r} holds rows that are not one-hot; a Categorical wants exactly one 1 a row. "
            "Turn class numbers into rows with torch.nn.functional.one_hot(...).float()."
        )
