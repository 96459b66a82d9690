"""Market hours from 2020 to 2030, against arithmetic of their own: no time zone database, no calendar module.

Days are counted from 1970-01-01, a Thursday, and the clocks change by each country's rule, written out here.
"""

import bisect
import datetime as dt
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter.market import DAYS, FX, Calendar, Session

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86_400, 7 * 86_400

Span = tuple[int, int]
"""From a Unix time until another, in seconds."""


def day_number(year: int, month: int, day: int) -> int:
    """Return the days since 1970-01-01."""
    lengths = (31, 29 if year % 4 == 0 else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    years = sum(366 if past % 4 == 0 else 365 for past in range(1970, year))
    return years + sum(lengths[: month - 1]) + day - 1


def weekday(day: int) -> int:
    """Return 0 for a Monday; day 0 was a Thursday."""
    return (day + 3) % 7


def sunday(year: int, month: int, first: int) -> int:
    """Return the first Sunday of a month from its day `first` on."""
    start = day_number(year, month, first)
    return start + 6 - weekday(start)


FIRST, LAST = day_number(2020, 1, 1), day_number(2031, 1, 1)
INSTANTS = st.integers(FIRST * DAY + WEEK, LAST * DAY - WEEK)


def new_york(day: int, second: int) -> int:
    """Return the Unix time of a second of a local day: 5 hours behind UTC, 4 in summer.

    Summer is from 2:00 on the second Sunday of March to 2:00 on the first of November.
    """
    year = next(year for year in range(2019, 2032) if day < day_number(year + 1, 1, 1))
    begins = sunday(year, 3, 8) * DAY + 2 * HOUR
    ends = sunday(year, 11, 1) * DAY + 2 * HOUR
    local = day * DAY + second
    return local + (4 if begins <= local < ends else 5) * HOUR


def berlin(day: int, second: int) -> int:
    """Return the Unix time of a second of a local day: an hour ahead of UTC, two in summer.

    Summer is from 1:00 UTC on the last Sunday of March to 1:00 UTC on the last of October.
    """
    year = next(year for year in range(2019, 2032) if day < day_number(year + 1, 1, 1))
    standard = day * DAY + second - HOUR
    begins, ends = sunday(year, 3, 25) * DAY + HOUR, sunday(year, 10, 25) * DAY + HOUR
    return standard - (HOUR if begins <= standard < ends else 0)


def ahead(hours: int) -> Callable[[int, int], int]:
    """Return the same for a zone that is always so many hours ahead of UTC."""
    return lambda day, second: day * DAY + second - hours * HOUR


class Model:
    """What is open, as plain spans of Unix time."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = sorted(spans)
        self.edges = [edge for span in self.spans for edge in span]

    def is_open(self, at: int) -> bool:
        return bisect.bisect_right(self.edges, at) % 2 == 1

    def opened_at(self, at: int) -> int | None:
        return self.edges[bisect.bisect_right(self.edges, at) - 1] if self.is_open(at) else None

    def next_change(self, at: int) -> int:
        return self.edges[bisect.bisect_right(self.edges, at)]


def exchange(
    name: str,
    zone: tuple[str, Callable[[int, int], int]],
    parts: Sequence[tuple[str, str]],
    holidays: Sequence[tuple[int, int]] = (),
) -> tuple[Calendar, Model]:
    """Return an exchange that trades in these parts of each working day, and its model.

    Args:
        name: Of the calendar.
        zone: The zone's name, and when a second of one of its days is.
        parts: From and until, on the local clock.
        holidays: Month and day, closed every year.
    """
    timezone, instant = zone
    closed = {(year, month, day) for year in range(2019, 2032) for month, day in holidays}
    calendar = Calendar(
        name=name,
        timezone=timezone,
        sessions=tuple(Session.of(f"{day} {start}-{day} {end}") for day in DAYS[:5] for start, end in parts),
        holidays=frozenset(dt.date(*day) for day in closed),
    )
    off = {day_number(*day) for day in closed}

    def second(clock: str) -> int:
        hours, minutes = clock.split(":")
        return int(hours) * HOUR + int(minutes) * MINUTE

    spans = [
        (instant(day, second(start)), instant(day, second(end)))
        for day in range(FIRST - 14, LAST + 14)
        if weekday(day) < 5 and day not in off
        for start, end in parts
    ]
    return calendar, Model(spans)


FX_MODEL = Model(
    [
        (new_york(day, 17 * HOUR), new_york(day + 5, 17 * HOUR))
        for day in range(FIRST - 14, LAST + 14)
        if weekday(day) == 6
    ]
)

EXCHANGES = {
    "tokyo": exchange(
        "tokyo",
        ("Asia/Tokyo", ahead(9)),
        (("09:00", "11:30"), ("12:30", "15:30")),
        ((1, 1), (1, 2), (1, 3), (2, 11), (4, 29), (5, 3), (5, 4), (5, 5), (11, 3), (12, 31)),
    ),
    "hong-kong": exchange(
        "hong-kong",
        ("Asia/Hong_Kong", ahead(8)),
        (("09:30", "12:00"), ("13:00", "16:00")),
        ((1, 1), (5, 1), (7, 1), (10, 1), (12, 25), (12, 26)),
    ),
    "xetra": exchange(
        "xetra",
        ("Europe/Berlin", berlin),
        (("09:00", "17:30"),),
        ((1, 1), (5, 1), (12, 24), (12, 25), (12, 26), (12, 31)),
    ),
    "new-york": exchange(
        "new-york", ("America/New_York", new_york), (("09:30", "16:00"),), ((7, 4), (12, 25))
    ),
}


def check(calendar: Calendar, model: Model, at: int) -> None:
    assert calendar.is_open(at) is model.is_open(at)
    assert calendar.opened_at(at) == model.opened_at(at)
    assert calendar.next_change(at) == model.next_change(at)


def test_the_model_counts_days_as_people_do() -> None:
    assert day_number(2000, 1, 1) == 10_957
    assert weekday(day_number(2026, 11, 1)) == 6
    assert sunday(2026, 3, 8) == day_number(2026, 3, 8)
    assert sunday(2026, 10, 25) == day_number(2026, 10, 25)


@given(INSTANTS)
def test_fx_is_as_new_yorks_rule_has_it(at: int) -> None:
    check(FX, FX_MODEL, at)


@pytest.mark.parametrize("name", EXCHANGES)
def test_an_exchange_is_as_its_own_rules_have_it(name: str) -> None:
    calendar, model = EXCHANGES[name]

    @given(INSTANTS)
    def at_any_time(at: int) -> None:
        check(calendar, model, at)

    at_any_time()


@pytest.mark.parametrize("name", ["fx", *EXCHANGES])
def test_every_opening_and_closing_of_the_decade_is_on_its_second(name: str) -> None:
    calendar, model = EXCHANGES.get(name, (FX, FX_MODEL))
    edges = [edge for edge in model.edges if FIRST * DAY + WEEK < edge < LAST * DAY - WEEK]

    assert len(edges) > 1000
    for edge in edges:
        assert calendar.is_open(edge) is model.is_open(edge)
        assert calendar.is_open(edge - 1) is not calendar.is_open(edge)
        assert calendar.next_change(edge - 1) == edge


# The weeks in which the clocks change, by hand


def utc(spelled: str) -> float:
    return dt.datetime.fromisoformat(spelled).replace(tzinfo=dt.UTC).timestamp()


BY_HAND = [
    # 2026, spring: America changes on March 8, Europe on March 29.
    ("fx", "2026-03-01 22:00", "2026-03-06 22:00"),
    ("xetra", "2026-03-06 08:00", "2026-03-06 16:30"),
    ("fx", "2026-03-08 21:00", "2026-03-13 21:00"),
    ("xetra", "2026-03-09 08:00", "2026-03-09 16:30"),
    ("fx", "2026-03-22 21:00", "2026-03-27 21:00"),
    ("xetra", "2026-03-27 08:00", "2026-03-27 16:30"),
    ("fx", "2026-03-29 21:00", "2026-04-03 21:00"),
    ("xetra", "2026-03-30 07:00", "2026-03-30 15:30"),
    # 2026, autumn: Europe changes on October 25, America on November 1.
    ("fx", "2026-10-18 21:00", "2026-10-23 21:00"),
    ("xetra", "2026-10-23 07:00", "2026-10-23 15:30"),
    ("fx", "2026-10-25 21:00", "2026-10-30 21:00"),
    ("xetra", "2026-10-26 08:00", "2026-10-26 16:30"),
    ("fx", "2026-11-01 22:00", "2026-11-06 22:00"),
    ("xetra", "2026-11-02 08:00", "2026-11-02 16:30"),
    # 2024: America on March 10 and November 3, Europe on March 31 and October 27.
    ("fx", "2024-03-03 22:00", "2024-03-08 22:00"),
    ("fx", "2024-03-10 21:00", "2024-03-15 21:00"),
    ("xetra", "2024-03-28 08:00", "2024-03-28 16:30"),
    ("xetra", "2024-04-02 07:00", "2024-04-02 15:30"),
    ("fx", "2024-10-27 21:00", "2024-11-01 21:00"),
    ("xetra", "2024-10-28 08:00", "2024-10-28 16:30"),
    ("fx", "2024-11-03 22:00", "2024-11-08 22:00"),
    # Neither Tokyo nor Hong Kong knows of any of it.
    ("tokyo", "2026-03-09 00:00", "2026-03-09 02:30"),
    ("tokyo", "2026-03-30 03:30", "2026-03-30 06:30"),
    ("tokyo", "2026-10-26 00:00", "2026-10-26 02:30"),
    ("hong-kong", "2026-11-02 01:30", "2026-11-02 04:00"),
    ("hong-kong", "2026-11-02 05:00", "2026-11-02 08:00"),
]


@pytest.mark.parametrize(("name", "opens", "closes"), BY_HAND)
def test_a_session_in_a_week_of_changing_clocks_is_where_it_was_worked_out_to_be(
    name: str, opens: str, closes: str
) -> None:
    calendar, model = EXCHANGES.get(name, (FX, FX_MODEL))
    start, end = utc(opens), utc(closes)

    assert [calendar.is_open(at) for at in (start - 1, start, end - 1, end)] == [False, True, True, False]
    assert calendar.opened_at(end - 1) == start
    assert calendar.next_change(start) == end
    # The model that the decade is held against agrees with the hand.
    assert (start, end) in model.spans


def test_a_lunch_break_is_closed_and_a_holiday_has_no_lunch_to_break() -> None:
    tokyo, _ = EXCHANGES["tokyo"]

    # Friday 2025-12-26 in Tokyo, 9 hours ahead: 11:30 to 12:30.
    assert [tokyo.is_open(utc(f"2025-12-26 {clock}")) for clock in ("02:29", "02:30", "03:29", "03:30")] == [
        True,
        False,
        False,
        True,
    ]
    # From the last session of 2025, on December 30, to the first of 2026, on January 5, a Monday.
    assert tokyo.next_change(utc("2025-12-30 06:30")) == utc("2026-01-05 00:00")
