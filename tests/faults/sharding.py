"""Faults of weights that are spread over processes, and of those that stay whole beside them."""

from __future__ import annotations

from faults import Mutation

_TWO = ("training/test_fit_distributed.py",)

FAULTS = [
    Mutation(
        "each process its own gradient of what stays whole",
        "training/run.py",
        "if self.sharded and not is_spread(weight)]",
        "if False]",
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
