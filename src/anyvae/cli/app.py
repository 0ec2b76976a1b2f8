"""The commands, in the order in which they are used."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

from cyclopts import App, Parameter

from anyvae import __version__
from anyvae.cli.columns import classify, cluster, impute
from anyvae.cli.evaluate import evaluate
from anyvae.cli.fit import fit
from anyvae.cli.questions import embed, reconstruct, sample, score
from anyvae.cli.report import recipes, report

__all__ = ["app"]

app = App(
    name="anyvae",
    help="Variational autoencoders: fit data, then embed, sample, impute, score, classify and cluster.",
    version=__version__,
    help_format="plaintext",
    default_parameter=Parameter(negative=()),
    suppress_keyboard_interrupt=False,
)
_COMMANDS: tuple[Callable[..., None], ...] = (
    fit,
    sample,
    embed,
    reconstruct,
    impute,
    score,
    classify,
    cluster,
    evaluate,
    report,
    recipes,
)


def _unwrapped(doc: str) -> str:
    """A docstring with every text on one line: plain text is broken where the terminal ends, and only there."""
    head, listed, parameters = inspect.cleandoc(doc).partition("\nParameters\n")
    # A text is a run of lines at the margin above the list, and of lines set in within it.
    texts = re.sub(r"(?m)^(?: .*\n?)+", lambda text: f"    {' '.join(text[0].split())}\n", parameters)
    return re.sub(r"(?<=\S)\n(?=\S)", " ", head) + listed + texts


for _place, _command in enumerate(_COMMANDS):
    _command.__doc__ = _unwrapped(_command.__doc__ or "")
    app.command(_command, name=None, sort_key=_place)
