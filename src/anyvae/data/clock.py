"""Moments of a column that all are whole days, hours, minutes or seconds, as what is drawn for it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Unit", "round_moments", "unit_of"]

Unit = Literal["day", "hour", "minute", "second", "millisecond", "microsecond"]

_COARSER: dict[str, tuple[Unit, ...]] = {
    "s": ("day", "hour", "minute"),
    "ms": ("day", "hour", "minute", "second"),
    "us": ("day", "hour", "minute", "second", "millisecond"),
    "ns": ("day", "hour", "minute", "second", "millisecond", "microsecond"),
}
_ROWS = 10
_LAST_YEAR = 9999


def unit_of(column: pa.ChunkedArray) -> Unit | None:
    """The coarsest unit that all of at least ten moments are whole in, by the clock of their zone; None where in none.

    Arguments:
        column: of dates or moments.

    Example:
        >>> import pyarrow as pa
        >>> [unit_of(pa.chunked_array([[t * k for k in range(12)]], pa.timestamp("s"))) for t in (1, 60, 86_400)]
        [None, 'minute', 'day']
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_timestamp(column.type) or len(column) - column.null_count < _ROWS:
        return None
    clock = _clock(column)
    units = _COARSER[clock.type.unit]
    return next((unit for unit in units if pc.all(pc.equal(_floor(clock, unit), clock)).as_py()), None)


def round_moments(moments: pa.Array, unit: Unit) -> pa.Array:
    """Moments rounded to a unit by the clock of their zone.

    An hour that the clock skips ends where it goes on, and one that it shows twice is the first of the two.

    Arguments:
        moments: of years up to 9999.
        unit: from `unit_of`.

    Example:
        >>> import pyarrow as pa
        >>> str(round_moments(pa.array([86_399], pa.timestamp("s", "Europe/Rome")), "day")[0].as_py())
        '1970-01-02 00:00:00+01:00'
    """
    import pyarrow.compute as pc

    clock = _clock(moments)
    near = pc.round_temporal(clock, unit=unit)
    found: Any = pc.if_else(pc.greater(pc.year(near), _LAST_YEAR), _floor(clock, unit), near)
    if moments.type.tz is None:
        return found
    return pc.assume_timezone(found, moments.type.tz, ambiguous="earliest", nonexistent="latest")


def _clock(moments: Any) -> Any:
    import pyarrow.compute as pc

    return moments if moments.type.tz is None else pc.local_timestamp(moments)


def _floor(clock: Any, unit: Unit) -> Any:
    import pyarrow.compute as pc

    return pc.floor_temporal(clock, unit=unit)
