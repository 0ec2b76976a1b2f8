"""Faults of weights that are spread over processes, and of those that stay whole beside them."""

from __future__ import annotations

from faults import Mutation

_TWO = ("training/test_fit_distributed.py",)

FAULTS = [
    Mutation(
        "each process its own gradient of what stays whole",
        "training/run.py",
        "for parameter in seat.owned.values() if not is_spread(parameter)]",
        "for parameter in seat.owned.values() if not self.sharded]",
        _TWO,
    ),
    Mutation(
        "networks that do not hear who plays",
        "training/distributed.py",
        "reshard_after_forward=True",
        "reshard_after_forward=None",
        _TWO,
    ),
]
