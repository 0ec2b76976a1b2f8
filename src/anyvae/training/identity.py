"""What makes two runs the same run: a description of settings, and a checksum of rows."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from numbers import Integral, Real
from typing import Any

import torch

from anyvae.training.data import TensorData

__all__ = ["describe", "fingerprint"]


def describe(thing: object) -> str:
    """Type and settings of an objective or schedule in one line that is the same in every process.

    >>> from anyvae.objectives import ELBO, LinearRamp
    >>> describe(ELBO(beta=LinearRamp(0.0, 1.0)))
    'ELBO(beta=LinearRamp(end=1.0, start=0.0, until=1.0), samples=1)'
    """
    if thing is None or isinstance(thing, bool | str):
        return repr(thing)
    if isinstance(thing, Real):  # numbers of numpy are written as Python's
        return repr(int(thing) if isinstance(thing, Integral) else float(thing))
    if isinstance(thing, Mapping):
        return "{" + ", ".join(f"{key}: {describe(value)}" for key, value in thing.items()) + "}"
    if isinstance(thing, Sequence):
        return "[" + ", ".join(describe(item) for item in thing) + "]"
    if isinstance(thing, Set):
        return "{" + ", ".join(sorted(describe(item) for item in thing)) + "}"
    if isinstance(thing, torch.nn.Module):
        return " ".join(repr(thing).split())
    # A function has no settings that could be written down: its name must do.
    if callable(thing) and hasattr(thing, "__qualname__"):
        return str(thing.__qualname__)
    if not (is_dataclass(thing) or hasattr(thing, "__dict__")):  # such as a dtype, a path or an array
        return " ".join(repr(thing).split())
    settings = ", ".join(f"{name}={describe(value)}" for name, value in _settings(thing))
    return f"{type(thing).__name__}({settings})"


def fingerprint(data: TensorData | None) -> int:
    """A checksum of every value and mask, and of what is drawn or hidden when they are read; 0 for no data.

    >>> fingerprint(TensorData({"x": torch.zeros(2, 1)})) == fingerprint(TensorData({"x": torch.ones(2, 1)}))
    False
    """
    total = 0
    if data is not None:
        read = {"binarise": data.binarise, "hide": data.hide, "expand": data.expand}
        total = zlib.crc32(describe(read).encode())
        for tensors in (data.values, data.masks):
            for name in sorted(tensors):
                tensor = tensors[name].detach().cpu().contiguous()
                total = zlib.crc32(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode(), total)
                raw: Any = tensor.reshape(-1).view(torch.uint8).numpy()
                total = zlib.crc32(raw, total)
    return total


def _settings(thing: object) -> list[tuple[str, Any]]:
    if is_dataclass(thing):
        return sorted((field.name, getattr(thing, field.name)) for field in fields(thing))
    return sorted(
        (name, value)
        for name, value in vars(thing).items()
        # What is empty is no setting: most objectives have nothing to enumerate.
        if not isinstance(value, torch.Tensor) and not (isinstance(value, Mapping | Sequence) and not value)
    )
