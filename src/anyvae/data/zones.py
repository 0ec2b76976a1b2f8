"""Moments that are given by hand, on the clock of the column that they are given for."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from anyvae.data.arrow import is_moment, zone_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["moment_for"]

_UNITS = ("s", "ms", "us", "ns")


def moment_for(value: Any, kind: pa.DataType) -> pa.Scalar[Any]:
    """A date, or a date with a time of day, as a column of dates reads it.

    A moment that names no time zone is one on the clock of the column's zone. What is no moment stays as it is.

    Arguments:
        value: a date of Python, pandas or numpy, or text such as 2020-01-31 or 2020-01-31T12:00+01:00.
        kind: type of the column.

    Raises:
        ValueError: for text that is no date, a moment with a zone where the column has none, or a time that the clock
            of the zone skips or shows twice.

    Example:
        >>> import pyarrow as pa
        >>> str(moment_for("2020-01-31T12:00", pa.timestamp("us", "Asia/Tokyo")).cast(pa.timestamp("us", "UTC")))
        '2020-01-31 03:00:00+00:00'
        >>> moment_for("2020-01-31T12:00+09:00", pa.timestamp("us"))
        Traceback (most recent call last):
            ...
        ValueError: it is of the time zone +09:00, and the column has none
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, np.datetime64) and np.datetime_data(value)[0] not in _UNITS:
        value = value.astype("datetime64[s]")
    scalar: Any = pa.scalar(value)
    if not is_moment(scalar.type):
        return scalar
    if beyond := getattr(value, "nanosecond", 0):  # of pandas, which arrow cuts off
        finest = pa.timestamp("ns", scalar.type.tz)
        scalar = pa.scalar(scalar.cast(finest).value + beyond, finest)
    zone, given = zone_of(kind), zone_of(scalar.type)
    if given is not None and zone is None:
        raise ValueError(f"it is of the time zone {given}, and the column has none")
    if zone is None or given is not None:
        return scalar
    if not pa.types.is_timestamp(scalar.type):
        scalar = scalar.cast(pa.timestamp("s"))
    found: Any = pc.assume_timezone(scalar, zone)
    return found
