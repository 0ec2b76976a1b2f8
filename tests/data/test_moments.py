"""Dates and moments at the ends of the calendar."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch

from anyvae.data import Schema, Source, decode, encode, infer_schema, load_source, write
from anyvae.data.arrow import is_moment, moments_of
from anyvae.data.clock import round_moments, unit_of

FAR = np.array([-1e12, -719_163.0, -1e6, 0.25, 2_932_896.5, 2_932_897.0, 3_002_000.0, 1e12])


@pytest.mark.parametrize(
    "dtype",
    [
        "date32[day]",
        "date64[ms]",
        *(f"timestamp[{unit}]" for unit in ("s", "ms", "us", "ns")),
        *(f"timestamp[{unit}, tz=Asia/Tokyo]" for unit in ("s", "us", "ns")),
        "timestamp[us, tz=America/New_York]",
    ],
)
def test_drawn_moments_stay_in_the_calendar(dtype: str, tmp_path: Path) -> None:
    drawn = moments_of(FAR, dtype)
    ticks = drawn.cast(pa.int32() if pa.types.is_date32(drawn.type) else pa.int64()).to_numpy()
    assert (np.diff(ticks) >= 0).all()
    assert ticks[0] == ticks[1] or "ns" in dtype
    if "ns" not in dtype:  # whose own range is narrower than the calendar, and than Python can show
        years = [moment.year for moment in drawn.to_pylist()]
        assert (years[0], years[3], years[-1]) == (1, 1970, 9999)
    if dtype in ("date32[day]", "date64[ms]", "timestamp[s]"):
        path = tmp_path / "drawn.csv"
        write(path, pa.table({"d": drawn}))
        read = load_source(path).table
        assert read is not None
        assert is_moment(read["d"].type)


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC")], ids=str)
def test_a_last_day_that_stands_for_never_comes_back(kind: pa.DataType) -> None:
    days = [dt.datetime(9999, 12, 31) if k % 4 else dt.datetime(2020, 1, 1 + k) for k in range(28)]
    column = pa.array(days, pa.timestamp("us")).cast(kind)
    source = Source("t", None, pa.table({"d": column, "x": np.arange(28) / 7.0}))
    schema = infer_schema(source)
    back = decode(schema, encode(schema, source).x)
    assert isinstance(back, pa.Table)
    assert back["d"].to_pylist() == column.to_pylist()


EVERY = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1, "millisecond": 0.001}


@pytest.mark.parametrize("zone", [None, "Europe/Berlin", "Asia/Kolkata"])
@pytest.mark.parametrize("unit", EVERY)
def test_moments_are_drawn_as_whole_as_they_are(unit: str, zone: str | None) -> None:
    rng = np.random.default_rng(0)
    ticks = np.rint(rng.normal(size=60) * 200) * EVERY[unit] * 1e6
    moments = pa.array(ticks.astype(np.int64)).cast(pa.timestamp("us"))
    if zone is not None:
        moments = pc.assume_timezone(moments, zone, ambiguous="earliest", nonexistent="earliest")
    source = Source("t", None, pa.table({"when": moments, "x": rng.normal(size=60)}))
    schema = infer_schema(source)
    codes = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    drawn = decode(schema, codes)["when"].combine_chunks()
    clock = drawn if zone is None else pc.local_timestamp(drawn)
    assert pc.all(pc.equal(pc.floor_temporal(clock, unit=unit), clock)).as_py()
    assert len(pc.unique(drawn)) > 50
    assert Schema.from_json(schema.to_json()) == schema
    assert decode(schema, encode(schema, source).x)["when"].combine_chunks().equals(moments)
    means = decode(schema, codes, means=True)["when"].combine_chunks()
    assert pc.all(
        pc.less_equal(pc.abs(pc.cast(pc.subtract(drawn, means), pa.int64())), 43_200_000_000)
    ).as_py()
    assert not means.equals(drawn)


def test_few_moments_are_whole_by_chance_and_no_draw_leaves_the_calendar() -> None:
    midnights = pa.array([0, 86_400, 2 * 86_400], pa.timestamp("s", "Etc/GMT+1"))
    assert unit_of(pa.chunked_array([midnights])) is None
    last = pa.array([253_402_300_799], pa.timestamp("s"))
    assert str(round_moments(last, "day")[0]) == "9999-12-31 00:00:00"
    # In São Paulo that day began at 1 o'clock.
    skipped = pa.array([dt.datetime(2017, 10, 15, 3, 30)], pa.timestamp("s", "UTC"))
    skipped = skipped.cast(pa.timestamp("s", "America/Sao_Paulo"))
    assert str(round_moments(skipped, "day")[0].as_py()) == "2017-10-15 01:00:00-02:00"
