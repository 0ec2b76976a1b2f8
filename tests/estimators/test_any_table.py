"""2,000 small tables at random, most of them odd: every one is served, or refused by column and reason.

The same tables every time; ANYVAE_TABLES=1, 2, ... asks others.
"""

from __future__ import annotations

import datetime
import decimal
import math
import os
import re
import warnings
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from anyvae.data import DataError
from anyvae.estimators import TabularVAE

PARTS, EACH = 8, 250
ASKED = int(os.environ.get("ANYVAE_TABLES", "0"))

numbers = st.one_of(
    st.floats(-1e3, 1e3),
    st.floats(allow_nan=True, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1.0, 1e-300, 1e300, 0.1, 99999.0]),
)
whole = st.one_of(st.integers(-5, 5), st.integers(0, 10**6), st.sampled_from([0, 1, 2**62, -(2**62)]))
words = st.text("ab ,;\"'\n\té€", max_size=4)
days = st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1)).map(pd.Timestamp)
odd = st.one_of(
    st.none(), st.booleans(), whole, numbers, words, st.just(math.inf), st.just({}), st.just(b"x")
)


@st.composite
def columns(draw: Any, rows: int) -> Any:
    """One column: of one kind, with holes, constant, empty, or of whatever."""
    many = {"min_size": rows, "max_size": rows}
    kind = draw(
        st.sampled_from(
            ["float", "int", "bool", "text", "category", "order", "date", "constant", "nothing", "odd"]
        )
    )
    if kind == "float":
        return pd.Series(draw(st.lists(numbers, **many)), dtype="float64")
    if kind == "int":
        return pd.Series(draw(st.lists(whole, **many)), dtype="int64")
    if kind == "bool":
        return pd.Series(draw(st.lists(st.booleans(), **many)), dtype="bool")
    if kind == "text":
        return pd.Series(draw(st.lists(st.one_of(words, st.none()), **many)), dtype="object")
    if kind == "category":
        return pd.Series(draw(st.lists(st.sampled_from(["u", "v", "w", None]), **many)), dtype="category")
    if kind == "order":
        levels = pd.CategoricalDtype(["low", "middle", "high"], ordered=True)
        return pd.Series(draw(st.lists(st.sampled_from([*levels.categories, None]), **many)), dtype=levels)
    if kind == "date":
        dates = pd.Series(draw(st.lists(st.one_of(days, st.just(pd.NaT)), **many)), dtype="datetime64[us]")
        zone = draw(st.sampled_from([None, "UTC", "Asia/Tokyo"]))
        # Read as a time of the zone itself, a day whose clocks are changed at midnight has none or two.
        return dates if zone is None else dates.dt.tz_localize("UTC").dt.tz_convert(zone)
    if kind == "constant":
        return pd.Series([draw(st.one_of(numbers, words, st.booleans()))] * rows)
    if kind == "nothing":
        return pd.Series([None] * rows, dtype=draw(st.sampled_from(["object", "float64"])))
    return pd.Series(draw(st.lists(odd, **many)), dtype="object")


@st.composite
def tables(draw: Any) -> pd.DataFrame:
    rows = draw(st.integers(0, 9))
    unique = draw(st.integers(0, 9)) > 0
    names = draw(st.lists(st.sampled_from(["a", "b b", "c,c", "y", "draw", "é"]), max_size=4, unique=unique))
    parts = [draw(columns(rows)) for _ in names]
    frame = pd.concat(parts, axis=1) if parts else pd.DataFrame(index=range(rows))
    frame.columns = names
    return frame


def changed(frame: pd.DataFrame, change: str) -> pd.DataFrame:
    """The same rows as they may come later."""
    other = frame.copy()
    name = other.columns[0]
    if change == "fewer columns":
        return other.drop(columns=name)
    if change == "another name":
        return other.rename(columns={name: "z"})
    if change == "another type":
        other[name] = "q"
    if change == "nothing there":
        other[name] = None
    if change == "infinite":
        other[name] = math.inf
    if change == "far away":
        other[name] = 12345.678
    return other


WHERE = r"(?s)^(row \d+ of )?column {} of X .{{8,}}: .{{6,}}"  # which, why, and what to do
# What is wrong with no column in particular, and whether it is so; the last one ends where a column varies.
OF_ALL = {
    "X has no columns to fit": lambda frame: not len(frame.columns),
    "X has no rows": lambda frame: not len(frame),
    "two rows or more, and got n_samples = 1": lambda frame: len(frame) == 1,
    "every column of X is constant": lambda frame: "constant" not in str(refused(varying(frame))),
}


def fit(frame: pd.DataFrame) -> TabularVAE:
    return TabularVAE(max_epochs=1, samples=4, random_state=0).fit(frame)


class Begun(Exception):
    """A fit was not refused."""


def refused(frame: pd.DataFrame) -> Exception | None:
    """The error of a fit, if there is one; it ends where training would begin."""
    with mock.patch("anyvae.runs.train.train", side_effect=Begun):
        try:
            fit(frame)
        except ValueError as error:
            return error
        except Begun:
            return None
    raise AssertionError("the fit ended without training")


def varying(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with a column beside the others that nothing is wrong with."""
    return frame.assign(right=np.arange(len(frame)) ** 0.5)


def each(text: str) -> list[str]:
    """What a message says of each column, where it is of several; else all that it says."""
    head = re.match(r"(\d+) columns of X cannot be fitted: ", text)
    if head is None:
        return [text]
    parts = re.split(r"(?:; )?\(\d\) ", text[head.end() :])[1:]
    assert len(parts) == int(head[1]) >= 2, text
    return parts


def named(frame: pd.DataFrame, error: Exception | str | None) -> str | None:
    """The column that a message starts with, with a reason and a way out."""
    found = [name for name in frame.columns if re.match(WHERE.format(re.escape(repr(name))), str(error))]
    return found[0] if found else None


def judge(frame: pd.DataFrame, error: Exception) -> None:
    """A refused fit names what is wrong: a column alone is refused as well, and the others are not for its sake."""
    text = str(error)
    twice = [name for name in dict.fromkeys(frame.columns) if list(frame.columns).count(name) > 1]
    if twice:
        names = ", ".join(map(repr, twice))
        check(text == f"X has more than one column named {names}: give each its own name", error)
        return
    names = [named(frame, one) for one in each(text)]
    if names == [None]:
        check(any(said in text and true(frame) for said, true in OF_ALL.items()), error)
        return
    check(None not in names and len(set(names)) == len(names), error)
    for name in names:
        check(named(frame, refused(varying(frame[[name]]))) == name, error)
    others = refused(varying(frame.drop(columns=names)))
    check(not {named(frame, one) for one in each(str(others))} & set(names), error)


def judge_change(frame: pd.DataFrame, change: str, error: Exception) -> None:
    """Refused rows name the one column in which they differ from those fitted."""
    name, text = frame.columns[0], str(error)
    if change == "fewer columns" and len(frame.columns) == 1:
        check("X has 0 features, but TabularVAE is expecting 1" in text, error)
    elif change in ("fewer columns", "another name"):
        check(f"yet now missing:\n- {name}\n" in text, error)
        check(change == "fewer columns" or "unseen at fit time:\n- z\n" in text, error)
    else:
        check(change in ("another type", "infinite", "far away") and named(frame, error) == name, error)


NOTHING: list[Any] = ["", math.nan, pd.NaT, pd.NA, np.datetime64("NaT")]
GIVEN: list[Any] = [
    *(
        "u",
        "low",
        "never there",
        "true",
        "1.5",
        "2020-01-01",
        "nan",
        True,
        -1.5,
        0.5,
        2,
        1e300,
        10**30,
        math.inf,
    ),
    *({}, [1], (1, 2), b"x", 1j, object, np.float32(1.5), np.array([1.0]), decimal.Decimal("1.5")),
    *(datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1, 3), datetime.time(3), datetime.timedelta(1)),
    *(np.datetime64("2020-01-01", "ns"), pd.Timestamp("2020-01-01")),
    pd.Timestamp("2020-01-01", tz="Europe/Berlin"),
]


def same(cell: Any, value: Any) -> bool:
    """Whether a cell is the value that was given, as its column writes it."""
    if isinstance(cell, str):
        return cell == str(value)
    if isinstance(cell, pd.Timestamp):
        moment = pd.Timestamp(value)
        return cell == (moment.tz_localize(cell.tz) if moment.tz is None else moment)
    truth = {"true": 1.0}.get(value) if isinstance(value, str) else None
    return float(cell) == (float(value) if truth is None else truth)


def judge_given(vae: TabularVAE, name: str, value: Any) -> None:
    """What is given is met, or refused by column and reason; a column that there is not is refused in any case."""
    try:
        drawn = vae.sample(2, given={name: value})
    except ValueError as error:
        reason = r"(of what is given (has|holds|is)|(is|cannot be) given) .{3,}: .{6,}"
        check(bool(re.match(rf"(?s)^column {re.escape(repr(name))} {reason}", str(error))), error)
    else:
        assert not any(value is nothing for nothing in NOTHING), (name, value, drawn)
        assert all(same(cell, value) for cell in drawn[name]), (name, value, drawn)
    with pytest.raises(DataError) as told:
        vae.sample(2, given={name: value, "z": 1.0})
    columns = ", ".join(map(repr, vae.feature_names_in_))
    check(f"there is no column 'z' to be given: the columns are {columns}" in str(told.value), told.value)


def check(right: bool, error: Exception) -> None:
    """An assertion about an error, which it then shows."""
    if not right:
        raise AssertionError(f"{type(error).__name__}: {error}") from error


@pytest.mark.parametrize("part", range(PARTS))
def test_every_table_is_served_or_refused(part: int) -> None:
    served = [0]

    @seed(PARTS * ASKED + part)
    @settings(
        max_examples=EACH,
        deadline=None,
        derandomize=False,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(
        tables(),
        st.sampled_from(
            [
                "as it was",
                "fewer columns",
                "another name",
                "another type",
                "nothing there",
                "infinite",
                "far away",
            ]
        ),
        st.sampled_from([*GIVEN, *NOTHING]),
        st.integers(0, 3),
    )
    def one(frame: pd.DataFrame, change: str, value: Any, place: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings(
                "ignore",
                "Feature names only support|X has feature names|X does not have valid|.* read as missing",
            )
            try:
                vae = fit(frame)
            except ValueError as error:
                judge(frame, error)
                return
            served[0] += 1
            drawn = vae.sample(3)
            assert list(drawn.columns) == list(frame.columns)
            assert len(drawn) == 3
            judge_given(vae, frame.columns[place % len(frame.columns)], value)
            try:
                rows = changed(frame, change)
                scores, latents, filled = vae.score_samples(rows), vae.transform(rows), vae.impute(rows)
            except ValueError as error:
                judge_change(frame, change, error)
                return
            assert np.isfinite(scores).all()
            assert np.isfinite(latents).all()
            assert list(filled.columns) == list(frame.columns)
            empty = [name for name in frame.columns if frame[name].isna().all()]
            assert not filled.drop(columns=empty).isna().any().any()

    one()
    assert served[0] > EACH // 12
