"""Arguments that several commands share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, Token
from cyclopts.validators import Number

__all__ = [
    "Columns",
    "Dropped",
    "Given",
    "Groups",
    "Kinds",
    "Positive",
    "PositiveReal",
    "Rows",
    "Run",
    "Samples",
    "Seed",
    "SomeSamples",
    "SourceName",
    "Target",
    "Unseen",
    "Words",
    "grouped",
    "pairs",
]


def whole(kind: object, tokens: Sequence[Token]) -> int:
    """An integer as it is written: 1.5 is refused and not cut to 1."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f"{tokens[0].value!r} is no whole number") from None


Positive = Annotated[int | None, Parameter(validator=Number(gte=1), converter=whole)]
PositiveReal = Annotated[float | None, Parameter(validator=Number(gt=0, lt=1e9))]
Seed = Annotated[int, Parameter(validator=Number(gte=0, lt=2**32), converter=whole)]
_SAMPLES = Parameter(
    validator=Number(gte=1),
    converter=whole,
    help="S of the importance-weighted estimates; more are closer to log p(x), and slower.",
)
Samples = Annotated[int | None, _SAMPLES]
SomeSamples = Annotated[int, _SAMPLES]
Run = Annotated[Path, Parameter(help="Run folder that `anyvae fit --out` wrote.")]
SourceName = Annotated[
    str,
    Parameter(
        help="File (.csv, .csv.gz, .parquet, .npy, .npz), folder of images, or digits, mnist, fashion-mnist, dsprites."
    ),
]
Rows = Annotated[
    int, Parameter(name=["-n", "--rows"], validator=Number(gte=1), converter=whole, help="How many rows.")
]
Target = Annotated[
    Path | None,
    Parameter(
        name=["-o", "--output"], help="File to write, .csv, .parquet or .npy; without it, csv is printed."
    ),
]
Unseen = Annotated[
    Literal["refuse", "missing"],
    Parameter(
        name="--unseen",
        help="Whether a category, or another value of a column, that no row of the fit held is refused, or read as "
        "missing and told of.",
    ),
]
Given = Annotated[list[str] | None, Parameter(name="--given", allow_leading_hyphen=False)]
Columns = Annotated[list[str] | None, Parameter(name="--given", allow_leading_hyphen=False)]
Dropped = Annotated[list[str] | None, Parameter(name="--drop", allow_leading_hyphen=False)]
# -999 and - are such words.
Words = Annotated[list[str] | None, Parameter(name="--missing", allow_leading_hyphen=True)]
Groups = Annotated[list[str] | None, Parameter(name="--group", allow_leading_hyphen=False)]
Kinds = Annotated[list[str] | None, Parameter(name="--kind", allow_leading_hyphen=False)]


def pairs(words: Sequence[str] | None, option: str, columns: Collection[str] | None = None) -> dict[str, str]:
    """Columns and what is said of each from words such as income=>50K; either may hold further signs of equality.

    Arguments:
        words: as they were typed.
        option: that they belong to, for a message.
        columns: that there are, of which the longest that a word starts with is meant; where None all up to the last
            sign is the column.

    Raises:
        DataError: for a word without a sign of equality, or a column that is named twice.

    >>> pairs(["income=>=50K", "sex=male=Yes"], "--given", ["income", "sex", "sex=male"])
    {'income': '>=50K', 'sex=male': 'Yes'}
    >>> pairs(["sex=male=binary"], "--kind")
    {'sex=male': 'binary'}
    """
    from anyvae.data import DataError

    found: dict[str, str] = {}
    for word in words or ():
        cuts = [(word[:place], word[place + 1 :]) for place, sign in enumerate(word) if sign == "="]
        known = [cut for cut in cuts if columns is None or cut[0] in columns]
        name, value = known[-1] if known else cuts[0] if cuts else ("", "")
        if not name or not value:
            raise DataError(f"{option} {word} is no column with a value: write it as {option} column=value")
        if name in found:
            raise DataError(f"{option} names the column {name!r} twice: give it one value")
        found[name] = value
    return found


def grouped(words: Sequence[str] | None) -> dict[str, list[str]]:
    """Columns by group from words such as voice=pitch,volume; a group that is named again gets more columns.

    Raises:
        DataError: for a word without a name or without columns.

    >>> grouped(["voice=pitch,volume", "face=px*", "voice=accent"])
    {'voice': ['pitch', 'volume', 'accent'], 'face': ['px*']}
    """
    from anyvae.data import DataError

    found: dict[str, list[str]] = {}
    for word in words or ():
        name, _, columns = word.partition("=")
        if not name or not columns:
            raise DataError(f"--group {word} is no group of columns: write it as --group name=column,column")
        found.setdefault(name, []).extend(columns.split(","))
    return found
