"""When a trading day begins, on the days on which the clocks change above all."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter.risk.days import Day
from tests.unit.risking import shown, utc

NEW_YORK = Day(reset=17 * 60, timezone="America/New_York")
PRAGUE = Day(reset=0, timezone="Europe/Prague")
ZONES = ("UTC", "Europe/Prague", "America/New_York", "Etc/GMT-3", "Australia/Lord_Howe", "Asia/Kolkata")


@pytest.mark.parametrize(
    ("day", "around", "resets"),
    [
        (NEW_YORK, "2026-03-08 12:00", ("2026-03-07 22:00", "2026-03-08 21:00", "2026-03-09 21:00")),
        (NEW_YORK, "2026-11-01 12:00", ("2026-10-31 21:00", "2026-11-01 22:00", "2026-11-02 22:00")),
        (PRAGUE, "2026-03-29 12:00", ("2026-03-28 23:00", "2026-03-29 22:00", "2026-03-30 22:00")),
        (PRAGUE, "2026-10-25 12:00", ("2026-10-24 22:00", "2026-10-25 23:00", "2026-10-26 23:00")),
        (Day(), "2026-03-29 12:00", ("2026-03-29 00:00", "2026-03-30 00:00", "2026-03-31 00:00")),
    ],
)
def test_a_day_is_as_long_as_its_clocks_make_it(day: Day, around: str, resets: tuple[str, ...]) -> None:
    begun, *later = (utc(reset) for reset in resets)

    assert shown(day.begun(utc(around))) == resets[0]
    assert day.begun(begun) == begun
    assert day.begun(later[0] - 1) == begun
    assert day.begun(later[0]) == later[0]
    assert tuple(map(shown, day.resets(begun - 1, later[1]))) == resets
    assert list(day.resets(begun, later[0] - 1)) == []


def test_a_reset_that_the_clocks_skip_or_repeat_is_one_instant() -> None:
    edge = Day(reset=2 * 60 + 30, timezone="Europe/Prague")

    # 02:30 is 03:30 in summer time on the first day; on the other it comes twice, the first is meant.
    assert shown(edge.begun(utc("2026-03-29 12:00"))) == "2026-03-29 01:30"
    assert shown(edge.begun(utc("2026-10-25 12:00"))) == "2026-10-25 00:30"


def test_a_reset_that_is_skipped_into_the_next_day_is_not_lost() -> None:
    nuuk = Day(reset=23 * 60 + 30, timezone="America/Nuuk")

    # Its clocks go from 23:00 on Saturday to Sunday.
    sunday = utc("2024-03-31 01:10")
    assert [shown(reset) for reset in nuuk.resets(sunday, sunday + 86400)] == [
        "2024-03-31 01:30",
        "2024-04-01 00:30",
    ]


def test_a_day_that_a_zone_skips_has_no_reset_of_its_own() -> None:
    apia = Day(reset=9 * 60, timezone="Pacific/Apia")

    # 30 December 2011 never was.
    assert [shown(reset) for reset in apia.resets(utc("2011-12-29 00:00"), utc("2012-01-01 00:00"))] == [
        "2011-12-29 19:00",
        "2011-12-30 19:00",
        "2011-12-31 19:00",
    ]


@given(
    at=st.integers(int(utc("2020-01-01")), int(utc("2030-12-31"))),
    reset=st.integers(0, 24 * 60 - 1),
    zone=st.sampled_from(ZONES),
)
def test_every_moment_is_in_one_day_that_began_at_the_resets_local_time(
    at: int, reset: int, zone: str
) -> None:
    day = Day(reset=reset, timezone=zone)

    begun = day.begun(at)
    after = next(day.resets(at, at + 3 * 86400))

    assert begun <= at < after
    assert 22 * 3600 <= after - begun <= 26 * 3600
    assert list(day.resets(begun, after)) == [after]
    local = dt.datetime.fromtimestamp(begun, zoneinfo.ZoneInfo(zone))
    skipped = not _exists(local.date(), reset, zone)
    assert skipped or local.hour * 60 + local.minute == reset


def _exists(date: dt.date, minutes: int, zone: str) -> bool:
    clock = dt.datetime.combine(date, dt.time(*divmod(minutes, 60)), zoneinfo.ZoneInfo(zone))
    back = dt.datetime.fromtimestamp(clock.timestamp(), zoneinfo.ZoneInfo(zone))
    return (back.hour, back.minute) == (clock.hour, clock.minute)
