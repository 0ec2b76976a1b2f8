"""Dates and moments at the ends of the calendar."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from anyvae.data import Source, decode, encode, infer_schema, load_source, write
from anyvae.data.arrow import is_moment, moments_of

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
