"""Whether a market is open is told from start-up on, by label, of the calendar that is meant."""

import math
from collections.abc import Mapping, Sequence

import pytest

from mt5_exporter.config import Config, TerminalConfig
from mt5_exporter.counters import Counters
from mt5_exporter.exposition.collect import collect, freeze
from mt5_exporter.limits import Limits
from mt5_exporter.market import BUILT_IN, Calendar, Session
from mt5_exporter.snapshot import PollResult, Snapshot

MINUTE, HOUR = 60.0, 3600.0
SATURDAY = 1_765_022_400.0
"""2025-12-06 12:00 UTC: 34 hours before fx opens."""

FX_OPENS = 34 * HOUR

LUNCH = Calendar(name="lunch", sessions=(Session.of("Sat 13:00-Sat 14:00"),))
CALENDARS = {**BUILT_IN, "lunch": LUNCH}
MARKETS = {"BTC*": "crypto", "XAU*": "lunch", "XAUBTC": "fx"}


def served(
    symbols: Sequence[str], resolved: Sequence[str] | None = None, *, wall: float = SATURDAY, most: int = 200
) -> tuple[Mapping[tuple[str, ...], float], float]:
    """Return the market series and the symbols' limits by name and labels, and how long they hold."""
    terminal = TerminalConfig(
        name="desk",
        symbols=tuple(symbols),
        aliases={"EURUSD": "EURUSD.m"},
        max_symbols=most,
        symbol_markets=MARKETS,
        limits=Limits(configured={"symbol_spread_points": {"BTC*": 2000.0}}),
    )
    snapshot = Snapshot(["desk"])
    if resolved is not None:
        result = PollResult(
            terminal="desk", at=0, instant=0, seconds=0, probes=(), readings=(), symbols=tuple(resolved)
        )
        snapshot.publish(result)
    frozen = freeze(terminal, snapshot, Counters(), instant=50.0, wall=wall)
    samples, until = collect(Config(terminals=(terminal,), calendars=CALENDARS), frozen)
    names = {"mt5_symbol_market_open", "mt5_terminal_market_open", "mt5_limit_symbol_spread_points"}
    found = {(s.metric.name, *s.labels[1:]): s.value for s in samples if s.metric.name in names}
    return found, until - 50.0


def markets(found: Mapping[tuple[str, ...], float]) -> dict[str, float]:
    return {key[1]: value for key, value in found.items() if key[0] == "mt5_symbol_market_open"}


def test_what_the_file_names_is_told_before_there_was_a_poll() -> None:
    found, _ = served(["EURUSD", "BTCUSD", "GBP*"])

    assert markets(found) == {"EURUSD": 0, "BTCUSD": 1}
    assert found["mt5_terminal_market_open",] == 1


def test_a_symbol_is_told_of_by_its_label_even_if_the_file_has_the_brokers_name() -> None:
    assert markets(served(["EURUSD.m"])[0]) == {"EURUSD": 0}


def test_what_a_pattern_found_is_told_with_its_limits_once_a_poll_has_resolved_it() -> None:
    found, _ = served(["EURUSD", "*"], ["EURUSD", "BTCUSD"])

    assert markets(found) == {"EURUSD": 0, "BTCUSD": 1}
    assert found["mt5_limit_symbol_spread_points", "BTCUSD"] == 2000
    assert found["mt5_limit_symbol_spread_points", "EURUSD"] == 100


@pytest.mark.parametrize("resolved", [None, []])
def test_without_any_symbol_the_terminal_has_its_own_market(resolved: Sequence[str] | None) -> None:
    found, _ = served(["*"], resolved)

    assert markets(found) == {}
    assert found["mt5_terminal_market_open",] == 0


def test_a_name_comes_before_a_pattern_and_that_before_the_terminals_market() -> None:
    found, _ = served(["XAUBTC", "XAUUSD", "BTCUSD", "EURUSD"], wall=SATURDAY + HOUR)

    assert markets(found) == {"XAUBTC": 0, "XAUUSD": 1, "BTCUSD": 1, "EURUSD": 0}


def test_named_symbols_over_the_cap_have_no_series_from_the_start() -> None:
    assert markets(served(["EURUSD", "BTCUSD", "XAUUSD"], most=2)[0]) == {"EURUSD": 0, "BTCUSD": 1}


@pytest.mark.parametrize(
    ("symbols", "seconds"),
    [
        (["EURUSD"], FX_OPENS),
        (["BTCUSD"], math.inf),
        (["BTCUSD", "EURUSD"], FX_OPENS),
        # The first of a thousand symbols' markets to change is the one that counts.
        ([f"S{index:04d}" for index in range(199)] + ["XAUUSD"], HOUR),
    ],
)
def test_what_is_told_holds_until_the_first_market_changes(symbols: list[str], seconds: float) -> None:
    assert served(symbols)[1] == seconds
