"""The command line: what a user types, turned into calls of `anyvae.runs`."""

from anyvae.cli.entry import main

__all__ = ["main"]
