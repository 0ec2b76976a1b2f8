"""Faults to plant, by topic: each module here holds `FAULTS`."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

__all__ = ["Mutation", "all_faults", "numbered"]


@dataclass(frozen=True)
class Mutation:
    """One fault: `before` stands exactly once in `file` and becomes `after`; one of `tests` must fail."""

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


def numbered(topic: str, planted: Sequence[tuple[str, str, str, str]]) -> list[Mutation]:
    """Faults that are called by their file and place: file, what stands there, what is planted, the test that looks."""
    return [
        Mutation(f"{topic}: {file.removesuffix('.py')} {place}", file, before, after, (test,))
        for place, (file, before, after, test) in enumerate(planted)
    ]


def all_faults() -> list[Mutation]:
    """The faults of every module."""
    return [
        fault
        for module in pkgutil.iter_modules(__path__)
        for fault in import_module(f"{__name__}.{module.name}").FAULTS
    ]
