"""Moments that are given by hand: on whose clock they are."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from anyvae.data import DataError, Source, encode, infer_schema
from anyvae.data.zones import moment_for

NOON = datetime(2020, 7, 5, 12)
NAIVE = [
    NOON,
    "2020-07-05T12:00",
    pd.Timestamp(NOON),
    np.datetime64("2020-07-05T12:00"),
    np.datetime64("2020-07-05T12:00", "ns"),
]
# The same moment, 12:00 by the clock of Berlin in summer.
AWARE = [
    datetime(2020, 7, 5, 10, tzinfo=UTC),
    datetime(2020, 7, 5, 19, tzinfo=timezone(timedelta(hours=9))),
    pd.Timestamp("2020-07-05 12:00", tz="Europe/Berlin"),
    "2020-07-05T10:00+00:00",
]


def moment(value: Any, zone: str | None, unit: str = "us") -> datetime:
    kind = pa.timestamp(unit, zone)
    found = moment_for(value, kind).cast(kind).as_py()
    assert isinstance(found, datetime)
    return found.astimezone(UTC) if zone else found


@pytest.mark.parametrize("value", NAIVE)
def test_without_a_zone_it_is_on_the_clock_of_the_column(value: Any) -> None:
    for unit in ("s", "us", "ns"):
        assert moment(value, None, unit) == NOON
        assert moment(value, "UTC", unit) == NOON.replace(tzinfo=UTC)
        assert moment(value, "Europe/Berlin", unit) == NOON.replace(hour=10, tzinfo=UTC)
        assert moment(value, "+09:00", unit) == NOON.replace(hour=3, tzinfo=UTC)


@pytest.mark.parametrize("value", AWARE)
def test_with_a_zone_it_is_the_same_moment_and_no_time_of_a_column_without(value: Any) -> None:
    for zone in ("UTC", "Europe/Berlin", "Asia/Tokyo"):
        assert moment(value, zone) == NOON.replace(hour=10, tzinfo=UTC)
    with pytest.raises(ValueError, match=r"it is of the time zone .*, and the column has none"):
        moment(value, None)


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_moments_of_pandas_keep_their_nanoseconds(zone: str | None) -> None:
    value = pd.Timestamp("2020-07-05 12:00:00.123456789", tz=zone)
    kind = pa.timestamp("ns", zone)
    assert moment_for(value, kind).cast(kind).value == value.value
    assert moment_for(value.tz_localize(None), kind).cast(kind).value == value.value


def test_days_begin_at_midnight_of_the_zone() -> None:
    for day in (date(2020, 7, 5), "2020-07-05", np.datetime64("2020-07-05")):
        assert moment(day, "Asia/Tokyo") == datetime(2020, 7, 4, 15, tzinfo=UTC)
        assert moment_for(day, pa.date32()).cast(pa.date32()).as_py() == date(2020, 7, 5)


@pytest.mark.parametrize("clock", ["2020-03-29T02:30", "2020-10-25T02:30"])
def test_hours_that_the_clock_skips_or_shows_twice_are_refused(clock: str) -> None:
    with pytest.raises(ValueError, match="2020-"):
        moment_for(clock, pa.timestamp("us", "Europe/Berlin"))
    assert moment_for(clock, pa.timestamp("us")).as_py() == datetime.fromisoformat(clock)


def test_what_is_no_moment_stays() -> None:
    assert moment_for(2, pa.timestamp("us", "UTC")).as_py() == 2


def test_rows_are_of_the_zone_that_was_fitted_or_any_other_but_not_of_none() -> None:
    hours = pd.date_range("2020-01-01 03:30", periods=40, freq="37h")

    def source(zone: str | None) -> Source:
        return Source("rows", None, pa.table({"when": pa.array(hours.tz_localize("UTC").tz_convert(zone))}))

    for fitted in (None, "UTC", "Asia/Tokyo"):
        schema = infer_schema(source(fitted))
        for zone in (None, "UTC", "Europe/Berlin"):
            if (zone is None) == (fitted is None):
                assert encode(schema, source(zone)).x.equal(encode(schema, source(fitted)).x)
                continue
            said = "has no time zone" if zone is None else f"is of the time zone {zone}"
            with pytest.raises(
                DataError, match=f"column 'when' of rows {said}, but the model was fitted on times"
            ):
                encode(schema, source(zone))
        nothing = Source("rows", None, pa.table({"when": pa.array([None, None], pa.timestamp("us"))}))
        assert not encode(schema, nothing).mask.any()
