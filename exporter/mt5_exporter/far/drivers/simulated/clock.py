"""The broker's clock: GMT+2, and GMT+3 while New York keeps summer time."""

import calendar
import functools
from collections.abc import Callable

from mt5_exporter.far.drivers.simulated.noise import DAY

HOUR_MS = 3_600_000
DAY_MS = 86_400_000
SUNDAY = 6

ServerClock = Callable[[int], int]
"""Turns an instant in epoch milliseconds into the broker's time, written as epoch milliseconds."""


def weekday(day: int) -> int:
    """Return the weekday of a day counted from the epoch, Monday = 0."""
    return (day + 3) % 7


@functools.cache
def summer(year: int) -> tuple[int, int]:
    """Return the first and the last instant (exclusive) of New York's summer time, in epoch milliseconds.

    From the second Sunday of March, 2:00 standard time, to the first Sunday of November, 2:00 summer time.
    """
    return _sunday(year, 3, 8) + 7 * HOUR_MS, _sunday(year, 11, 1) + 6 * HOUR_MS


def _sunday(year: int, month: int, earliest: int) -> int:
    """Return midnight UTC of the first Sunday on or after a date."""
    day = int(calendar.timegm((year, month, earliest, 0, 0, 0)) // DAY)
    return (day + (SUNDAY - weekday(day)) % 7) * DAY_MS


@functools.lru_cache(maxsize=512)
def _offset_in_hour(hour: int) -> int:
    """Return the offset of one hour counted from the epoch; the clock changes at full hours only."""
    instant = hour * HOUR_MS
    year = 1970 + int(instant // (365.2425 * DAY_MS))
    # The estimate is a day off around New Year, which lies in winter either way.
    start, end = summer(year)
    return 3 * HOUR_MS if start <= instant < end else 2 * HOUR_MS


def offset(instant: int) -> int:
    """Return the milliseconds by which the broker's clock is ahead of UTC."""
    return _offset_in_hour(instant // HOUR_MS)


def server_time(instant: int) -> int:
    """Return an instant in epoch milliseconds as the broker's clock writes it."""
    return instant + offset(instant)


def utc_time(server: int) -> int:
    """Return the instant at which the broker's clock shows `server`; the later where it does so twice."""
    winter = server - 2 * HOUR_MS
    return winter if offset(winter) == 2 * HOUR_MS else server - 3 * HOUR_MS
