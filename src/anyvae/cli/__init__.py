"""The command line: what a user types, turned into calls of `anyvae.runs`."""

from anyvae.cli.entry import command, main

__all__ = ["command", "main"]
