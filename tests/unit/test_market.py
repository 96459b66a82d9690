"""Market hours: sessions, holidays, and the weeks in which the clocks change."""

import datetime as dt
import math
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter.market import ALWAYS, BUILT_IN, FX, Calendar, Session

EDGE = 1.0
XETRA = Calendar(
    name="xetra",
    timezone="Europe/Berlin",
    sessions=tuple(Session.of(f"{day} 09:00-{day} 17:30") for day in ("Mon", "Tue", "Wed", "Thu", "Fri")),
    holidays=frozenset({dt.date(2026, 12, 24), dt.date(2026, 12, 25)}),
)
WHOLE_WEEK = (Session.of("Mon 00:00-Sun 24:00"),)


def utc(spelled: str) -> float:
    return dt.datetime.fromisoformat(spelled).replace(tzinfo=dt.UTC).timestamp()


def shown(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        # Winter and summer in New York.
        ("2026-01-04 22:00", "2026-01-09 22:00"),
        ("2026-07-05 21:00", "2026-07-10 21:00"),
        # The weeks in which America's clocks change, before Europe's do.
        ("2026-03-01 22:00", "2026-03-06 22:00"),
        ("2026-03-08 21:00", "2026-03-13 21:00"),
        # The weeks in which Europe's clocks change: nothing happens in New York.
        ("2026-03-29 21:00", "2026-04-03 21:00"),
        ("2026-10-25 21:00", "2026-10-30 21:00"),
        # America's return, a week after Europe's.
        ("2026-11-01 22:00", "2026-11-06 22:00"),
    ],
)
def test_fx_trades_from_sunday_to_friday_by_the_clocks_of_new_york(opens: str, closes: str) -> None:
    start, end = utc(opens), utc(closes)

    assert not FX.is_open(start - EDGE)
    assert FX.is_open(start)
    assert FX.is_open(end - EDGE)
    assert not FX.is_open(end)
    assert shown(FX.next_change(start - EDGE)) == opens
    assert shown(FX.next_change(start)) == closes
    assert FX.opened_at(end - EDGE) == start
    assert FX.opened_at(end) is None


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        ("2026-03-06 08:00", "2026-03-06 16:30"),
        # America has changed, Europe has not.
        ("2026-03-09 08:00", "2026-03-09 16:30"),
        # Europe's own change, between Friday and Monday.
        ("2026-03-27 08:00", "2026-03-27 16:30"),
        ("2026-03-30 07:00", "2026-03-30 15:30"),
        ("2026-10-23 07:00", "2026-10-23 15:30"),
        ("2026-10-26 08:00", "2026-10-26 16:30"),
    ],
)
def test_a_european_session_follows_the_clocks_of_europe(opens: str, closes: str) -> None:
    start, end = utc(opens), utc(closes)

    assert [XETRA.is_open(at) for at in (start - EDGE, start, end - EDGE, end)] == [False, True, True, False]
    assert XETRA.opened_at(end - EDGE) == start
    assert XETRA.next_change(start) == end


def test_a_session_over_the_change_of_the_clocks_is_as_long_as_it_is() -> None:
    night = Calendar(name="night", timezone="America/New_York", sessions=(Session.of("Sat 20:00-Sun 08:00"),))

    spring = utc("2026-03-08 01:00")
    autumn = utc("2026-11-01 00:00")

    assert night.next_change(spring) - spring == 11 * 3600
    assert night.next_change(autumn) - autumn == 13 * 3600


def test_a_time_that_the_clocks_skip_or_repeat_is_one_instant() -> None:
    edge = Calendar(name="edge", timezone="America/New_York", sessions=(Session.of("Sun 01:30-Sun 02:30"),))

    # 02:30 does not exist on the first day; 01:30 comes twice on the other, and its first is meant.
    assert edge.is_open(utc("2026-03-08 06:30"))
    assert shown(edge.next_change(utc("2026-03-08 06:30"))) == "2026-03-08 07:30"
    assert edge.opened_at(utc("2026-11-01 07:00")) == utc("2026-11-01 05:30")
    assert shown(edge.next_change(utc("2026-11-01 07:00"))) == "2026-11-01 07:30"


def test_a_holiday_is_closed_from_midnight_to_midnight() -> None:
    assert shown(XETRA.next_change(utc("2026-12-23 12:00"))) == "2026-12-23 16:30"
    assert shown(XETRA.next_change(utc("2026-12-23 17:00"))) == "2026-12-28 08:00"
    assert not XETRA.is_open(utc("2026-12-24 12:00"))


def test_a_holiday_divides_a_session_that_passes_midnight() -> None:
    calendar = Calendar(
        name="fx",
        timezone="America/New_York",
        sessions=FX.sessions,
        holidays=frozenset({dt.date(2026, 12, 25), dt.date(2026, 12, 23)}),
    )

    assert shown(calendar.next_change(utc("2026-12-22 12:00"))) == "2026-12-23 05:00"
    assert shown(calendar.next_change(utc("2026-12-23 12:00"))) == "2026-12-24 05:00"
    assert shown(calendar.next_change(utc("2026-12-24 12:00"))) == "2026-12-25 05:00"
    assert shown(calendar.next_change(utc("2026-12-25 12:00"))) == "2026-12-27 22:00"
    opened = calendar.opened_at(utc("2026-12-24 12:00"))
    assert opened is not None
    assert shown(opened) == "2026-12-24 05:00"


def test_sessions_that_touch_or_overlap_are_one() -> None:
    calendar = Calendar(
        name="pieces",
        sessions=tuple(
            map(Session.of, ("Mon 00:00-Tue 12:00", "Tue 12:00-Wed 00:00", "Mon 06:00-Tue 00:00"))
        ),
    )

    assert shown(calendar.next_change(utc("2026-01-05 07:00"))) == "2026-01-07 00:00"
    assert calendar.opened_at(utc("2026-01-06 13:00")) == utc("2026-01-05 00:00")


def test_a_session_may_pass_the_end_of_the_week() -> None:
    calendar = Calendar(name="weekend", sessions=(Session.of("Sat 12:00-Mon 06:00"),))

    assert calendar.is_open(utc("2026-01-05 05:59"))
    assert calendar.opened_at(utc("2026-01-05 05:59")) == utc("2026-01-03 12:00")
    assert shown(calendar.next_change(utc("2026-01-04 00:00"))) == "2026-01-05 06:00"


def test_what_never_closes_has_no_beginning_and_no_change() -> None:
    at = utc("2026-03-08 12:00")

    assert BUILT_IN["crypto"] is ALWAYS
    assert ALWAYS.is_open(at)
    assert ALWAYS.opened_at(at) is None
    assert ALWAYS.next_change(at) == math.inf


def test_what_never_opens_has_no_change() -> None:
    days = (dt.date(2020, 1, 1) + dt.timedelta(days=day) for day in range(2000))
    calendar = Calendar(name="shut", sessions=WHOLE_WEEK, holidays=frozenset(days))

    assert calendar.next_change(utc("2022-01-01 00:00")) == math.inf
    assert calendar.opened_at(utc("2022-01-01 00:00")) is None


def test_a_long_session_is_followed_beyond_its_week() -> None:
    holidays = frozenset({dt.date(2026, 1, 1), dt.date(2026, 6, 1)})
    calendar = Calendar(name="long", timezone="Europe/Berlin", sessions=WHOLE_WEEK, holidays=holidays)
    at = utc("2026-03-29 12:00")

    opened = calendar.opened_at(at)

    assert opened is not None
    assert shown(opened) == "2026-01-01 23:00"
    assert shown(calendar.next_change(at)) == "2026-05-31 22:00"


@pytest.mark.parametrize(
    "spelled",
    [
        "",
        "Mon 09:00",
        "Mon 9:00-Mon 17:00",
        "mon 09:00-Mon 17:00",
        "Mon 25:00-Tue 00:00",
        "Mon 09:60-Tue 00:00",
        "Mon 24:00-Tue 12:00",
        "Mon 09:00-Mon 24:30",
        "Mon 09:00-Mon 09:00",
        "Mon 09:00 - Mon 17:00",
        "Mo 1-Tu 2",
    ],
)
def test_another_spelling_is_no_session(spelled: str) -> None:
    with pytest.raises(ValueError, match=r"^a session"):
        Session.of(spelled)


def test_a_zone_has_to_be_known() -> None:
    FX.require_zone()
    for zone in ("Mars/Olympus", "../../etc/passwd", "/etc/passwd", "America", "a\0b", ""):
        with pytest.raises(ValueError, match=r"^unknown time zone"):
            Calendar(name="x", timezone=zone).require_zone()


@given(
    start=st.integers(0, 7 * 1440 - 1),
    length=st.integers(1, 7 * 1440),
    at=st.integers(int(utc("2025-01-01 00:00")), int(utc("2027-12-31 00:00"))),
    zone=st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_open_closed_and_the_next_change_agree(start: int, length: int, at: int, zone: str) -> None:
    calendar = Calendar(name="any", timezone=zone, sessions=(Session(start=start, end=start + length),))
    was = calendar.is_open(at)
    change = calendar.next_change(at)
    opened = calendar.opened_at(at)

    assert change > at
    if change < math.inf:
        assert calendar.is_open(change) is not was
        assert calendar.is_open((at + change) / 2) is was
        assert calendar.is_open(change - EDGE / 2) is was
    if opened is not None:
        assert was
        assert opened <= at
        assert calendar.is_open(opened)
        assert not calendar.is_open(opened - EDGE)
        assert calendar.is_open((at + opened) / 2)


@given(st.integers(int(utc("2025-01-01 00:00")), int(utc("2027-12-31 00:00"))))
def test_fx_agrees_with_the_local_clock(at: int) -> None:
    local = dt.datetime.fromtimestamp(at, zoneinfo.ZoneInfo("America/New_York"))
    minute = local.weekday() * 1440 + local.hour * 60 + local.minute

    assert FX.is_open(at) is (minute < 4 * 1440 + 17 * 60 or minute >= 6 * 1440 + 17 * 60)
