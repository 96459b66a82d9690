"""The simulated market: its quotes, its hours and its clock."""

import calendar
import functools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt5_exporter.far.drivers.simulated.catalogue import CATALOGUE, IN_DOLLARS
from mt5_exporter.far.drivers.simulated.clock import offset, server_time, utc_time
from mt5_exporter.far.drivers.simulated.hours import CRYPTO, FOREX, INDEX
from mt5_exporter.far.drivers.simulated.market import Market, rate, tick_value
from tests.far.simulation import DAY, HOUR, SUNDAY, THURSDAY

HOUR_MS = 3_600_000
NAMES = sorted(CATALOGUE)
INSTANTS = st.integers(
    calendar.timegm((2024, 1, 1, 0, 0, 0)) * 1000, calendar.timegm((2029, 1, 1, 0, 0, 0)) * 1000
)
SYMBOLS = st.sampled_from(NAMES)


@functools.cache
def market(seed: int = 7) -> Market:
    return Market(seed)


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@given(INSTANTS)
@settings(max_examples=300, deadline=None)
def test_the_server_keeps_new_york_summer_time(instant: int) -> None:
    new_york = datetime.fromtimestamp(instant / 1000, ZoneInfo("America/New_York"))

    hours = offset(instant) // HOUR_MS

    assert hours == (3 if new_york.dst() else 2)


@pytest.mark.parametrize(
    ("instant", "hours"),
    [
        ("2026-03-08T06:59:59", 2),
        ("2026-03-08T07:00:00", 3),
        ("2026-03-20T12:00:00", 3),  # Europe still has winter time
        ("2026-10-28T12:00:00", 3),  # Europe has winter time again
        ("2026-11-01T05:59:59", 3),
        ("2026-11-01T06:00:00", 2),
        ("2026-12-31T23:59:59", 2),
        ("2027-01-01T00:00:00", 2),
    ],
)
def test_the_server_changes_its_clock_with_america_and_not_with_europe(instant: str, hours: int) -> None:
    when = utc(instant)

    ahead = offset(when)

    assert ahead == hours * HOUR_MS


@given(INSTANTS)
@settings(deadline=None)
def test_server_time_leads_back_to_the_instant(instant: int) -> None:
    server = server_time(instant)

    back = utc_time(server)

    # The one repeated hour of autumn is read as its second run.
    assert back in {instant, instant + HOUR_MS}


@pytest.mark.parametrize("week", ["2026-03-02", "2026-03-09", "2026-03-30", "2026-10-26", "2026-11-02"])
def test_forex_opens_on_monday_five_past_midnight_server_time_in_every_week(week: str) -> None:
    summer = "2026-03-08" < week < "2026-11-01"
    midnight = utc(week) - (3 if summer else 2) * HOUR_MS

    opens = FOREX.next_open(midnight)

    assert opens == midnight + 5 * 60_000
    assert not FOREX.is_open(opens - 1)
    assert FOREX.is_open(opens)


def test_forex_rests_for_ten_minutes_each_night_and_over_the_weekend() -> None:
    friday_end = utc("2025-12-05T21:55:00")
    monday_start = utc("2025-12-07T22:05:00")

    night = [
        FOREX.is_open(utc(f"2025-12-04T{time}")) for time in ("21:54:59", "21:55:00", "22:04:59", "22:05:00")
    ]
    weekend = [FOREX.is_open(instant) for instant in range(friday_end, monday_start, HOUR_MS)]

    assert night == [True, False, False, True]
    assert not any(weekend)
    assert FOREX.is_open(monday_start)


def test_the_index_has_hours_of_its_own_and_crypto_never_rests() -> None:
    rollover = utc("2025-12-04T22:30:00")
    saturday = utc("2025-12-06T12:00:00")

    index = [INDEX.is_open(rollover), FOREX.is_open(rollover)]

    assert index == [False, True]
    assert CRYPTO.is_open(saturday)
    assert CRYPTO.next_open(saturday) == saturday


def test_wednesday_night_counts_three_times_where_the_market_rests_at_the_weekend() -> None:
    monday, next_monday = utc("2025-12-01T12:00:00"), utc("2025-12-08T12:00:00")

    nights = FOREX.nights(monday, next_monday), CRYPTO.nights(monday, next_monday)

    assert nights == (7, 7)
    assert FOREX.nights(utc("2025-12-03T12:00:00"), utc("2025-12-04T12:00:00")) == 3
    assert FOREX.nights(utc("2025-12-06T12:00:00"), utc("2025-12-07T12:00:00")) == 0


@given(SYMBOLS, INSTANTS)
@settings(deadline=None)
def test_a_quote_depends_on_seed_and_time_alone(name: str, instant: int) -> None:
    Market(7).quote(name, instant + 86_400_000)
    fresh = Market(7)

    quotes = [market().quote(name, instant), fresh.quote(name, instant)]

    assert quotes[0] == quotes[1]


@given(SYMBOLS, INSTANTS)
@settings(deadline=None)
def test_the_bid_is_below_the_ask_and_both_lie_on_the_symbols_grid(name: str, instant: int) -> None:
    symbol = CATALOGUE[name]

    quote = market().quote(name, instant)

    assert 0.0 < quote.bid < quote.ask
    assert quote.bid == symbol.rounded(quote.bid)
    assert quote.ask == symbol.rounded(quote.ask)


@given(SYMBOLS, INSTANTS, st.integers(0, 10 * 86_400_000))
@settings(deadline=None)
def test_a_later_look_never_shows_an_older_tick(name: str, instant: int, later: int) -> None:
    earlier = market().quote(name, instant)

    quote = market().quote(name, instant + later)

    assert earlier.instant <= quote.instant <= instant + later


@given(SYMBOLS, INSTANTS)
@settings(deadline=None)
def test_a_tick_comes_only_while_the_symbols_market_is_open(name: str, instant: int) -> None:
    hours = CATALOGUE[name].hours

    quote = market().quote(name, instant)

    assert hours.is_open(quote.instant)


@given(SYMBOLS, INSTANTS)
@settings(deadline=None)
def test_a_tick_is_younger_than_two_seconds_while_the_market_is_open(name: str, instant: int) -> None:
    hours = CATALOGUE[name].hours
    start, end = hours.session(instant)
    within = start + 2000 + (instant - start) % max(1, min(end, start + 10 * HOUR_MS) - start - 2000)

    quote = market().quote(name, within)

    assert within - quote.instant < 2000


@pytest.mark.parametrize("name", ["EURUSD", "XAUUSD", "US500"])
def test_a_closed_market_shows_its_last_tick_all_weekend(name: str) -> None:
    saturday = int((SUNDAY - DAY) * 1000)

    shown = {market().quote(name, saturday + hours * HOUR_MS) for hours in range(24)}

    [last] = shown
    assert CATALOGUE[name].hours.session(saturday)[1] - last.instant < 2000


def test_just_after_the_opening_the_evening_before_still_shows() -> None:
    opening = utc("2025-12-04T22:05:00")

    quote = market().quote("EURUSD", opening)

    assert utc("2025-12-04T21:54:00") < quote.instant < utc("2025-12-04T21:55:00")


def test_two_seeds_make_two_markets() -> None:
    instant = int(THURSDAY * 1000)

    bids = {market(seed).quote("EURUSD", instant).bid for seed in range(20)}

    assert len(bids) > 15


def test_a_price_moves_like_its_volatility_says() -> None:
    days = [int((THURSDAY - day * DAY) * 1000) for day in range(0, 700, 7)]

    moves = [
        abs(market().quote("EURUSD", day).bid / market().quote("EURUSD", day - 86_400_000).bid - 1.0)
        for day in days
    ]

    assert 0.2 < sum(moves) / len(moves) / CATALOGUE["EURUSD"].volatility < 2.0


def test_a_cross_agrees_with_its_legs() -> None:
    instant = int(THURSDAY * 1000)
    over, under = (market().quote(name, instant).bid for name in ("EURUSD", "GBPUSD"))

    cross = market().quote("EURGBP", instant).bid

    assert cross == pytest.approx(over / under, rel=1e-3)


def test_the_spread_widens_around_the_brokers_midnight() -> None:
    noon = [market().quote("EURUSD", int((THURSDAY + minute * 60) * 1000)) for minute in range(60)]
    midnight = [
        market().quote("EURUSD", utc("2025-12-04T22:05:05") + minute * 10_000) for minute in range(12)
    ]

    day, night = (sum(quote.ask - quote.bid for quote in quotes) / len(quotes) for quotes in (noon, midnight))

    assert night > 2.5 * day
    assert len({round(quote.ask - quote.bid, 5) for quote in noon}) > 3


def test_news_widens_a_spread_now_and_then() -> None:
    hours = [
        int((THURSDAY - 3 * DAY + hour * HOUR + 700 * part) * 1000) for hour in range(70) for part in range(5)
    ]

    spreads = [market().quote("BTCUSD", hour) for hour in hours]

    assert max(quote.ask - quote.bid for quote in spreads) > 1.6 * 15.0


@pytest.mark.parametrize("currency", sorted(IN_DOLLARS))
def test_a_currency_converts_there_and_back(currency: str) -> None:
    quotes = market().quotes(int(THURSDAY * 1000))

    there, back = rate(quotes, currency, "EUR"), rate(quotes, "EUR", currency)

    assert there * back == pytest.approx(1.0)


def test_a_tick_value_is_in_the_deposit_currency() -> None:
    quotes = market().quotes(int(THURSDAY * 1000))
    yen = quotes("USDJPY")

    values = [tick_value(CATALOGUE[name], quotes, "USD") for name in ("EURUSD", "USDJPY", "US500")]

    assert values == pytest.approx([1.0, 100.0 / ((yen.bid + yen.ask) / 2), 0.1])


@given(SYMBOLS, INSTANTS)
@settings(deadline=None)
def test_a_days_extremes_enclose_its_prices(name: str, instant: int) -> None:
    quote = market().quote(name, instant)

    day = market().day(name, instant)

    assert day.bid_low <= quote.bid <= day.bid_high
    assert day.bid_low <= day.open <= day.bid_high
    assert day.previous_close > 0.0


def test_the_weekend_still_shows_fridays_extremes() -> None:
    friday_night = utc("2025-12-05T21:59:00")

    days = [market().day("EURUSD", friday_night + hours * HOUR_MS) for hours in range(0, 40, 8)]

    assert len(set(days)) == 1
    assert days[0].bid_low < days[0].bid_high


def test_time_msc_goes_back_an_hour_for_crypto_alone_when_summer_ends() -> None:
    change = datetime(2026, 11, 1, 6, tzinfo=UTC)
    before, after = (int((change + timedelta(minutes=minutes)).timestamp() * 1000) for minutes in (-1, 1))

    crypto, forex = (
        [server_time(market().quote(name, at).instant) for at in (before, after)]
        for name in ("BTCUSD", "EURUSD")
    )

    assert crypto[1] < crypto[0]
    assert forex[1] == forex[0]
