"""The few pieces of HTML the page is made of; each escapes the text that it is given."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from anyvae.report.words import number

LONGEST, LONGEST_PROSE = 48, 400
"""Characters of a cell, and of one that is read as a sentence is."""


@dataclass(frozen=True)
class Picture:
    """A PNG, the width it is meant to be seen at in CSS pixels, and words for those who do not see it."""

    png: bytes
    width: int
    height: int
    alt: str
    pixelated: bool = False


def image(picture: Picture) -> str:
    """A picture inline; it shrinks with the page and grows to its card."""
    data = base64.b64encode(picture.png).decode()
    kind = ' class="pixels"' if picture.pixelated else ""
    return (
        f'<img{kind} src="data:image/png;base64,{data}" width="{picture.width}" height="{picture.height}" '
        f'alt="{escape(picture.alt)}">'
    )


def card(title: str, body: str, caption: str = "", *, kind: str = "") -> str:
    """A titled panel; title and caption are plain text, the body is HTML."""
    under = f'<p class="caption">{escape(caption)}</p>' if caption else ""
    return f'<div class="card {kind}"><h3>{escape(title)}</h3>{body}{under}</div>'


def grid(cards: Iterable[str], *, kind: str = "") -> str:
    """Cards side by side as far as the page is wide."""
    return f'<div class="grid {kind}">{"".join(cards)}</div>'


def section(anchor: str, title: str, lead: str, body: str) -> str:
    """A part of the page that the contents can point to."""
    return (
        f'<section id="{anchor}"><header><h2>{escape(title)}</h2><p>{escape(lead)}</p></header>'
        f"{body}</section>"
    )


def details(summary: str, body: str) -> str:
    """What opens on request, without a script."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], *, kind: str = "") -> str:
    """A table whose cells are text or numbers; it scrolls sideways within itself on a narrow screen.

    Arguments:
        head: a name for each column.
        rows: cells, the first of which names its row.
        kind: class of the style sheet; the last column of a ``prose`` one is read as a sentence is, and wraps where
            others are cut.
    """
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    most = [LONGEST] * (len(head) - 2) + [LONGEST_PROSE if kind == "prose" else LONGEST]
    body = "".join(
        f'<tr><th scope="row">{cell(first)}</th>{"".join(map(data_cell, rest, most))}</tr>'
        for first, *rest in rows
    )
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def data_cell(value: Any, most: int = LONGEST) -> str:
    """A cell of the body: numbers are set right so that their digits line up."""
    plain = value.item() if hasattr(value, "item") else value
    kind = "" if isinstance(plain, str) else ' class="n"'
    return f"<td{kind}>{cell(plain, most)}</td>"


def cell(value: Any, most: int = LONGEST) -> str:
    """A cell's text; one of more than so many characters is cut, whole in the tip."""
    text = number(value)
    if len(text) <= most:
        return escape(text)
    return f'<span title="{escape(text[:LONGEST_PROSE])}">{escape(text[: most - 1])}…</span>'


def legend(entries: Iterable[tuple[str, str]]) -> str:
    """Names beside the colours they are drawn in."""
    items = "".join(
        f'<li><i style="background:{escape(colour)}"></i>{cell(name)}</li>' for name, colour in entries
    )
    return f'<ul class="legend">{items}</ul>'
