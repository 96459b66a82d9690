"""When a market is open, as pure functions of an instant: weekly sessions in a time zone, less holidays."""

import datetime as dt
import functools
import math
import re
import types
import zoneinfo
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from mt5_exporter.scalars import list_of, text
from mt5_exporter.strict_yaml import Value

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES
HORIZON = 60
"""Weeks that are searched for a change; a calendar without one in a year has none."""

_MOMENT = rf"({'|'.join(DAYS)}) ([01][0-9]|2[0-4]):([0-5][0-9])"
_SESSION = re.compile(f"{_MOMENT}-{_MOMENT}")

Span = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A weekly span in minutes since Monday 00:00; it may end in the next week."""

    start: int
    end: int

    @classmethod
    def of(cls, spelled: str) -> "Session":
        """Return the session that a text such as `Sun 17:00-Mon 17:00` stands for.

        Raises:
            ValueError: It is spelled otherwise, or ends where it starts.
        """
        found = _SESSION.fullmatch(spelled)
        if found is None:
            raise ValueError("a session such as 'Sun 17:00-Mon 17:00'")
        start, end = (
            DAYS.index(day) * DAY_MINUTES + int(hour) * 60 + int(minute)
            for day, hour, minute in (found.groups()[:3], found.groups()[3:])
        )
        if found[2] == "24" or (found[5] == "24" and found[6] != "00"):
            raise ValueError("a session with times from 00:00 to 23:59, or 24:00 as its end")
        if start == end:
            raise ValueError("a session that ends after it starts; a whole week is 'Mon 00:00-Sun 24:00'")
        return cls(start=start, end=end if end > start else end + WEEK_MINUTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """A market's week. It is open in the union of its sessions, and never on a holiday.

    Attributes:
        name: What the configuration calls it.
        timezone: The IANA zone in which sessions and holidays are meant.
        sessions: The weekly spans.
        holidays: Local days that are closed from midnight to midnight.
    """

    name: str
    timezone: str = "UTC"
    sessions: tuple[Session, ...] = (Session(start=0, end=WEEK_MINUTES),)
    holidays: frozenset[dt.date] = frozenset()

    def is_open(self, at: float) -> bool:
        """Return whether the market is open at the Unix time `at`."""
        return self._around(at) is not None

    def opened_at(self, at: float) -> float | None:
        """Return when the session at `at` began, None while closed or where it never began."""
        span = self._around(at)
        return None if span is None else _beginning(self, span)

    def next_change(self, at: float) -> float:
        """Return when the market next opens or closes, infinity where it never does."""
        span = self._around(at)
        if span is not None:
            return _ending(self, span)
        week = self.week(at)
        spans = (span for ahead in range(HORIZON) for span in _spans(self, week + ahead))
        return next((start for start, _ in spans if start > at), math.inf)

    def require_zone(self) -> None:
        """Check that the time zone is known here.

        Raises:
            ValueError: It is not; the message says what to do.
        """
        for zone in ("UTC", self.timezone):
            try:
                zoneinfo.ZoneInfo(zone)
            except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
                if zone == "UTC":
                    raise ValueError("no time zone data on this machine: pip install tzdata") from None
                raise ValueError("unknown time zone; expected one such as America/New_York") from None

    def week(self, at: float) -> int:
        """Return the number of the local week, from Monday on, that `at` is in."""
        day = dt.datetime.fromtimestamp(at, zoneinfo.ZoneInfo(self.timezone)).date()
        return (day.toordinal() - 1) // 7

    def _around(self, at: float) -> Span | None:
        return next((span for span in _spans(self, self.week(at)) if span[0] <= at < span[1]), None)


@functools.lru_cache(maxsize=512)
def _spans(calendar: Calendar, week: int) -> tuple[Span, ...]:
    """Return what is open around a week, its neighbours included, in order and merged.

    Local times become instants one by one, so that a week with a change of the clocks is as long as it is.
    """
    zone = zoneinfo.ZoneInfo(calendar.timezone)

    def instant(monday: int, minutes: int) -> float:
        day = dt.date.fromordinal(monday * 7 + 1 + minutes // DAY_MINUTES)
        clock = dt.time(minutes % DAY_MINUTES // 60, minutes % 60)
        return dt.datetime.combine(day, clock, zone).timestamp()

    spans = sorted(
        (instant(monday, session.start), instant(monday, session.end))
        for monday in (week - 1, week, week + 1)
        for session in calendar.sessions
    )
    merged: list[Span] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    for holiday in sorted(calendar.holidays):
        monday, weekday = divmod(holiday.toordinal() - 1, 7)
        if abs(monday - week) > 2:
            continue
        midnight = instant(monday, weekday * DAY_MINUTES)
        next_midnight = instant(monday, (weekday + 1) * DAY_MINUTES)
        merged = [part for span in merged for part in _without(span, midnight, next_midnight)]
    return tuple(merged)


def _without(span: Span, start: float, end: float) -> list[Span]:
    """Return what is left of `span` outside of start to end."""
    parts = [(span[0], min(span[1], start)), (max(span[0], end), span[1])]
    return [part for part in parts if part[0] < part[1]]


@functools.lru_cache(maxsize=512)
def _beginning(calendar: Calendar, span: Span) -> float | None:
    """Return when the session that `span` is the end of began, looking back beyond its weeks."""
    start = span[0]
    for _ in range(HORIZON):
        spans = _spans(calendar, calendar.week(start - 1))
        found = next((before for before in spans if before[0] < start <= before[1]), None)
        if found is None:
            return start
        start = found[0]
    return None


@functools.lru_cache(maxsize=512)
def _ending(calendar: Calendar, span: Span) -> float:
    """Return when the session that `span` is the start of ends, looking ahead beyond its weeks."""
    end = span[1]
    for _ in range(HORIZON):
        spans = _spans(calendar, calendar.week(end))
        found = next((after for after in spans if after[0] <= end < after[1]), None)
        if found is None:
            return end
        end = found[1]
    return math.inf


ALWAYS = Calendar(name="always")
FX = Calendar(name="fx", timezone="America/New_York", sessions=(Session.of("Sun 17:00-Fri 17:00"),))
BUILT_IN: Mapping[str, Calendar] = types.MappingProxyType({"always": ALWAYS, "crypto": ALWAYS, "fx": FX})


def decode_calendars(value: Value) -> dict[str, Calendar]:
    """Return the calendars that a file defines, by name."""
    found: dict[str, Calendar] = {}
    for name, entry in value.table().items():
        if name in BUILT_IN:
            raise entry.error("this name is built in, choose another")
        section = entry.section(("timezone", "sessions", "holidays"))
        calendar = Calendar(
            name=name,
            timezone=section.need("timezone", text("an IANA time zone such as America/New_York")),
            sessions=tuple(Session.of(span) for span in section.need("sessions", _SESSIONS)),
            holidays=frozenset(map(dt.date.fromisoformat, section.take("holidays", _HOLIDAYS, _NO_HOLIDAYS))),
        )
        try:
            calendar.require_zone()
        except ValueError as error:
            raise section.where("timezone").error(str(error)) from None
        found[name] = calendar
    return found


def _session(value: Value) -> str:
    spelled = text("a session such as 'Sun 17:00-Mon 17:00'")(value)
    try:
        Session.of(spelled)
    except ValueError as error:
        raise value.error(f"expected {error}") from None
    return spelled


def _holiday(value: Value) -> str:
    """Return a day; YAML reads it as a date, which is what is meant here, so it needs no quotes."""
    spelled = value.scalar()
    if re.fullmatch(r"(19[7-9]|20[0-9])[0-9]-[0-9]{2}-[0-9]{2}", spelled):
        with suppress(ValueError):
            dt.date.fromisoformat(spelled)
            return spelled
    raise value.expected("a day such as 2026-12-25")


_SESSIONS = list_of(_session, empty=False)
_HOLIDAYS = list_of(_holiday)
_NO_HOLIDAYS: tuple[str, ...] = ()
