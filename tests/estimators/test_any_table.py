"""2,000 small tables at random, most of them odd: every one is served, or refused by column and reason."""

from __future__ import annotations

import datetime
import math
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anyvae.estimators import TabularVAE

PARTS, EACH = 8, 250

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
        st.sampled_from(["float", "int", "bool", "text", "category", "date", "constant", "nothing", "odd"])
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
    if kind == "date":
        return pd.Series(draw(st.lists(st.one_of(days, st.just(pd.NaT)), **many)), dtype="datetime64[us]")
    if kind == "constant":
        return pd.Series([draw(st.one_of(numbers, words, st.booleans()))] * rows)
    if kind == "nothing":
        return pd.Series([None] * rows, dtype=draw(st.sampled_from(["object", "float64"])))
    return pd.Series(draw(st.lists(odd, **many)), dtype="object")


@st.composite
def tables(draw: Any) -> pd.DataFrame:
    rows = draw(st.integers(0, 9))
    names = draw(st.lists(st.sampled_from(["a", "b b", "c,c", "y", "draw", "é"]), min_size=0, max_size=4))
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


def refusal(frame: pd.DataFrame, error: Exception) -> bool:
    """Whether a message says where and what."""
    text = str(error)
    named = any(repr(str(name)) in text or str(name) in text for name in frame.columns)
    general = any(
        word in text for word in ("two rows", "no rows", "0 sample", "constant", "feature", "column")
    )
    return isinstance(error, ValueError | TypeError) and (named or general) and len(text) > 20


def check(right: bool, error: Exception) -> None:
    """An assertion about an error, which it then shows."""
    if not right:
        raise AssertionError(f"{type(error).__name__}: {error}") from error


@pytest.mark.parametrize("part", range(PARTS))
def test_every_table_is_served_or_refused(part: int) -> None:
    served = [0]

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
    )
    def one(frame: pd.DataFrame, change: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings(
                "ignore",
                "Feature names only support|X has feature names|X does not have valid|.* read as missing",
            )
            try:
                vae = TabularVAE(max_epochs=1, samples=4, random_state=0).fit(frame)
            except (ValueError, TypeError) as error:
                check(refusal(frame, error), error)
                return
            served[0] += 1
            drawn = vae.sample(3)
            assert list(drawn.columns) == list(frame.columns)
            assert len(drawn) == 3
            try:
                rows = changed(frame, change)
                scores, latents, filled = vae.score_samples(rows), vae.transform(rows), vae.impute(rows)
            except (ValueError, TypeError) as error:
                check(change != "as it was", error)
                check(refusal(frame, error) or "'z'" in str(error), error)
                return
            assert np.isfinite(scores).all()
            assert np.isfinite(latents).all()
            assert list(filled.columns) == list(frame.columns)
            empty = [name for name in frame.columns if frame[name].isna().all()]
            assert not filled.drop(columns=empty).isna().any().any()

    one()
    assert served[0] > EACH // 12
