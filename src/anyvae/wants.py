"""Refuses what is of the wrong type where it is handed over, before it breaks something further on."""

from __future__ import annotations

import reprlib
import textwrap
from collections.abc import Sequence
from numbers import Integral
from typing import Any

__all__ = ["maker", "shown", "wants", "whole_numbers"]


def wants(kinds: type | tuple[type, ...], value: Any, part: str, wanted: str) -> None:
    """Refuse a value that is of none of these types.

    Arguments:
        kinds: one type or several, any of which will do.
        value: what was handed over.
        part: what it was handed over as.
        wanted: what should be there, and what to do.

    Raises:
        TypeError: naming all four.

    >>> wants(int, 2.5, "steps of fit", "a whole number")
    Traceback (most recent call last):
        ...
    TypeError: steps of fit: got 2.5, a float; wanted a whole number.
    >>> wants(Sequence, list, "sizes of MLP", "a list of widths")
    Traceback (most recent call last):
        ...
    TypeError: sizes of MLP: got the class list itself; wanted a list of widths. Call it, as in list(...).
    """
    if isinstance(value, kinds):
        return
    told = f"{part}: got {shown(value)}; wanted {wanted}."
    if isinstance(value, type) and issubclass(value, kinds):
        told += f" Call it, as in {value.__name__}(...)."
    raise TypeError(told)


def shown(value: Any) -> str:
    """A value and its type in a few words.

    >>> import numpy as np
    >>> [shown(value) for value in (3, len, np.zeros((2, 3)))]
    ['3, an int', 'the function len', 'an ndarray of shape (2, 3)']
    """
    if isinstance(value, type):
        return f"the class {value.__name__} itself"
    kind = type(value).__name__
    article = "an" if kind[0].lower() in "aeio" or kind == "ndarray" else "a"
    if hasattr(value, "shape"):
        return f"{article} {kind} of shape {tuple(value.shape)}"
    if callable(value) and hasattr(value, "__name__"):
        return f"the function {value.__name__}"
    if value is None:
        return "None"
    return f"{textwrap.shorten(reprlib.repr(value), 60)}, {article} {kind}"


def whole_numbers(value: Sequence[int], part: str) -> tuple[int, ...]:
    """A list of whole numbers as a tuple.

    Raises:
        TypeError: for something else, such as one number.

    >>> whole_numbers(64, "sizes of MLP")
    Traceback (most recent call last):
        ...
    TypeError: sizes of MLP: got 64, an int; wanted a list of whole numbers, as [64].
    """
    one = f", as [{value}]" if isinstance(value, Integral) else ""
    wanted = f"a list of whole numbers{one}"
    wants(Sequence, value, part, wanted)
    for entry in value:  # letters, of a string
        wants(Integral, entry, part, wanted)
    return tuple(int(entry) for entry in value)


def maker(value: Any, part: str, example: str) -> None:
    """Refuse what cannot be called to make something.

    Arguments:
        value: a class or a function of no arguments.
        part: what it was handed over as.
        example: of one.

    Raises:
        TypeError: for a name, or a thing that is made already.

    >>> maker("relu", "activation of MLP", "nn.ReLU")
    Traceback (most recent call last):
        ...
    TypeError: activation of MLP: got 'relu', a str; wanted a class or a function that makes one, such as nn.ReLU.
    """
    # A module can be called too, but that would run it.
    if not callable(value) or (hasattr(value, "forward") and not isinstance(value, type)):
        raise TypeError(
            f"{part}: got {shown(value)}; wanted a class or a function that makes one, such as {example}."
        )
