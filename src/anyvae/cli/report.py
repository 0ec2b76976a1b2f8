"""`anyvae report` and `anyvae recipes`."""

from __future__ import annotations

from anyvae.cli.console import say
from anyvae.cli.options import Run

__all__ = ["recipes", "report"]


def report(
    run: Run,
    /,
    *,
    source: str | None = None,
) -> None:
    """Write report.html of a run anew.

    The page shows rows of the data, so the source that was fitted must still be there.

    Parameters
    ----------
    source
        Where the data are now, if they were moved since the fit.
    """
    from anyvae.runs import write_report

    say(f"report: {write_report(run, source)}")


def recipes() -> None:
    """List the models that `fit --recipe` knows."""
    from anyvae.recipes import RECIPES

    width = max(map(len, RECIPES))
    for recipe in RECIPES.values():
        say(f"{recipe.name:<{width}}  {recipe.parts}  ({recipe.paper})")
