"""One list of every family, for one battery: each module here holds `CASES`."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import Any

from anyvae.distributions import FromNoise

__all__ = ["all_cases"]

Case = tuple[Callable[[], FromNoise], dict[str, Any]]


def all_cases() -> dict[str, Case]:
    """Every case by name: what makes the distribution, and the options of `check_distribution`."""
    found: dict[str, Case] = {}
    for module in pkgutil.iter_modules(__path__):
        cases = import_module(f"{__name__}.{module.name}").CASES
        assert not found.keys() & cases.keys(), f"two cases share a name: {found.keys() & cases.keys()}"
        found |= cases
    return found
