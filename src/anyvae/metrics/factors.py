"""What measures of disentanglement are given: codes of rows, and the factors that the rows were made from."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias, final

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "Array",
    "FactorGap",
    "Factored",
    "as_array",
    "discrete_information",
    "factored",
    "gap",
    "standardised",
    "value_numbers",
]

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


@final
class FactorGap(NamedTuple):
    """How far the best latent of each factor is ahead of the next.

    Arguments:
        score: mean of the gaps over the factors.
        gaps: of each factor, best latent less second best, shape (F,).
        table: what is compared, of each latent and factor, shape (K, F).
    """

    score: float
    gaps: Array
    table: Array


@final
class Factored(NamedTuple):
    """Rows at the door, checked.

    Arguments:
        codes: float64, shape (n, K).
        factors: values as they were given, int64, shape (n, F).
        numbers: of the values of each factor, in rising order from 0, shape (n, F).
        levels: how many values each factor has among the rows.
    """

    codes: Array
    factors: Array
    numbers: Array
    levels: tuple[int, ...]

    def entropies(self) -> Array:
        """Of each factor among the rows, nats, shape (F,)."""
        return np.array([entropy(np.bincount(column)) for column in self.numbers.T])


def factored(
    measure: str, codes: Tensor | Array, factors: Tensor | Array, *, latents: int = 1, at_least: int = 1
) -> Factored:
    """Codes and factors, or the reason why a measure cannot take them.

    A factor with one value among the rows is refused: nothing can be known of it, and every measure that divides by
    its entropy or compares its values would have to leave it out in silence.

    Arguments:
        measure: its name, for messages.
        codes: a number for each row and latent, shape (n, K).
        factors: whole numbers, shape (n, F).
        latents, at_least: how many latents and factors the measure wants.

    Raises:
        ValueError: for other shapes, codes that are not finite, factors that are not whole numbers, a factor with one
            value, and fewer latents or factors than are wanted.
    """
    x, v = as_array(codes), as_array(factors)
    if x.ndim != 2 or v.ndim != 2 or len(x) != len(v) or len(x) < 2:
        raise ValueError(
            f"{measure} got codes of shape {x.shape} and factors of shape {v.shape}; wanted (n, K) and (n, F) of the "
            "same two rows or more."
        )
    if x.shape[1] < latents:
        raise ValueError(
            f"{measure} got codes with {x.shape[1]} latent{'s' * (x.shape[1] != 1)}; it compares latents with each "
            f"other and wants {latents} or more."
        )
    if v.shape[1] < at_least:
        raise ValueError(
            f"{measure} got {v.shape[1]} factor{'s' * (v.shape[1] != 1)}; it compares factors with each other and "
            f"wants {at_least} or more."
        )
    # Row by row in memory: in another layout sums over rows are rounded in another way.
    x = np.ascontiguousarray(x, dtype=np.float64)
    if not np.isfinite(x).all():
        raise ValueError(f"{measure} got codes that are not finite; leave those rows out.")
    whole = v.astype(np.int64) if v.dtype.kind in "iubf" else None
    if whole is None or not (whole == v).all():
        raise ValueError(f"{measure} got factors that are not whole numbers; number the values of each.")
    numbers = np.empty_like(whole)
    levels = []
    for k, column in enumerate(whole.T):
        values, numbers[:, k] = np.unique(column, return_inverse=True)
        levels.append(len(values))
        if len(values) < 2:
            raise ValueError(f"{measure}: factor {k} is {values[0]} in all rows; leave its column out.")
    return Factored(x, whole, numbers, tuple(levels))


def as_array(values: Tensor | Array) -> Array:
    """A tensor or an array as an array; of bfloat16, which arrays have not, as float32."""
    if not isinstance(values, Tensor):
        return np.asarray(values)
    values = values.detach().cpu()
    return np.asarray((values.float() if values.dtype == torch.bfloat16 else values).numpy())


def value_numbers(measure: str, what: str, values: Array) -> Array:
    """The number of each row's value among all of them, in rising order.

    Arguments:
        measure, what: its name and that of the values, for messages.
        values: of one type, shape (n,).

    Raises:
        ValueError: for a value that is missing: rows without a label share none; or for values of several types.
    """
    import pyarrow as pa

    try:
        missing = pa.array(values, from_pandas=True).null_count if values.dtype.kind in "fOmM" else 0
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ValueError(f"{measure} got {what} of several types; write them as text.") from error
    if missing:
        raise ValueError(f"{measure} got {missing:,} {what} that are missing; leave those rows out.")
    return np.unique(values, return_inverse=True)[1]


def standardised(codes: Array) -> tuple[Array, Array]:
    """Codes with mean 0 and deviation 1, and their columns put in an order of their own.

    Learners break ties by the order of the columns: in an order that is that of the content, how the latents are
    numbered changes nothing. A latent that does not vary becomes 0.

    Arguments:
        codes: shape (n, K).

    Returns:
        The new codes, and which column of the old ones each of them is.
    """
    # Not by the deviation: of a constant, rounding in the mean leaves one of the last digit.
    varies = np.ptp(codes, axis=0) > 0
    found = np.where(varies, codes - codes.mean(0), 0.0) / np.where(varies, codes.std(0), 1.0)
    order = np.lexsort(found[::-1])
    return np.ascontiguousarray(found[:, order]), order


def discrete_information(first: Array, second: Array) -> float:
    r"""Mutual information of two columns of whole numbers from 0 among the rows, nats.

    .. math:: I = \sum_{a, b} f_{ab} \log \frac{f_{ab}}{f_a f_b}
    """
    width = int(second.max()) + 1
    joint = np.bincount(first * width + second, minlength=(int(first.max()) + 1) * width).reshape(-1, width)
    # Shares of rows: H(a) + H(b) - H(a, b), which rounding may leave a little below 0.
    return max(0.0, entropy(joint.sum(1)) + entropy(joint.sum(0)) - entropy(joint.ravel()))


def entropy(counts: Array) -> float:
    """Entropy of shares that are given as counts, nats."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def gap(table: Array) -> FactorGap:
    """The gap between the two largest entries of each column, and their mean.

    >>> gap(np.array([[0.9, 0.2], [0.1, 0.3], [0.4, 0.0]])).gaps.round(9)
    array([0.5, 0.1])
    """
    ordered = np.sort(table, axis=0)
    gaps = ordered[-1] - ordered[-2]
    return FactorGap(float(gaps.mean()), gaps, table)
