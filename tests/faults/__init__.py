"""Faults to plant, by topic: each module here holds `FAULTS`."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from importlib import import_module

__all__ = ["Mutation", "all_faults"]


@dataclass(frozen=True)
class Mutation:
    """One fault: `before` stands exactly once in `file` and becomes `after`; one of `tests` must fail."""

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


def all_faults() -> list[Mutation]:
    """The faults of every module."""
    return [
        fault
        for module in pkgutil.iter_modules(__path__)
        for fault in import_module(f"{__name__}.{module.name}").FAULTS
    ]
