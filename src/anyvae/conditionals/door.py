"""How a family turns away values off its support."""

from __future__ import annotations

from torch import Tensor

from anyvae.conditionals.family import Family

__all__ = ["refuse"]


def refuse(
    family: Family, name: str, value: Tensor, wrong: Tensor, wanted: str, instead: str = "another family"
) -> None:
    """Raise a ValueError that shows the first wrong value, if there is one.

    Arguments:
        family: which was to score the values.
        name: of the variable.
        value: the values.
        wrong: where they lie off the support, of the same shape.
        wanted: the support, in words.
        instead: families or steps that suit other values.
    """
    if bool(wrong.any()):
        raise ValueError(
            f"{name!r} holds {value[wrong][0].item():g}; {type(family).__name__} wants {wanted}. "
            f"Mark holes with Partial(value, mask), or choose {instead}."
        )
