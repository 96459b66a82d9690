"""What another configuration means for the terminals that run."""

import dataclasses
from pathlib import Path

import pytest

from mt5_exporter.backoff import Backoff
from mt5_exporter.breaker import BreakerSettings
from mt5_exporter.config import AccountConfig, Config, SimulationConfig, TerminalConfig
from mt5_exporter.difference import LIVE, Difference, compare
from mt5_exporter.limits import Limits
from mt5_exporter.market import Calendar
from mt5_exporter.risk.rules import RiskConfig
from mt5_exporter.secret import Secret

ONE = TerminalConfig(name="one", driver="simulated")
TWO = TerminalConfig(name="two", driver="simulated")
RUNNING = Config(terminals=(ONE, TWO))

OTHER: dict[str, object] = {
    "driver": "metatrader5",
    "path": "C:\\MT5\\terminal64.exe",
    "portable": True,
    "command": ("wine", "python.exe"),
    "environment": ("WINEPREFIX",),
    "launch": True,
    "select": True,
    "preflight": False,
    "login": True,
    "account": AccountConfig(login=7),
    "interval": 20.0,
    "account_interval": 5.0,
    "timeout": 4.0,
    "poll_timeout": 9.0,
    "connect_timeout": 21.0,
    "start_timeout": 31.0,
    "stale_after": 60.0,
    "symbols": ("EURUSD",),
    "aliases": {"EURUSD": "EURUSD.m"},
    "max_symbols": 7,
    "strategies": {1: "scalper"},
    "heartbeat_files": {"trend": Path("beat")},
    "history_lookback": 7200.0,
    "risk": RiskConfig(),
    "limits": Limits(configured={"terminal_ping_seconds": {"*": 0.2}}),
    "market": "crypto",
    "symbol_markets": {"BTCUSD": "crypto"},
    "max_worker_memory": 1 << 30,
    "breaker": BreakerSettings(window=20),
    "backoff": Backoff(initial=2),
    "login_retry": 60.0,
    "simulation": SimulationConfig(seed=9),
}
"""Another value for each key but the name."""


def changed(key: str) -> TerminalConfig:
    return dataclasses.replace(ONE, **{key: OTHER[key]})  # type: ignore[arg-type]


def test_every_key_of_a_terminal_is_tried_here_but_those_that_are_new() -> None:
    keys = {field.name for field in dataclasses.fields(TerminalConfig)} - {"name"}

    assert set(OTHER) <= keys
    assert keys >= LIVE


@pytest.mark.parametrize("key", sorted(OTHER))
def test_a_key_is_live_or_restarts_its_terminal_and_no_other(key: str) -> None:
    found = compare(RUNNING, dataclasses.replace(RUNNING, terminals=(changed(key), TWO)))

    if key in LIVE:
        assert found == Difference(adjusted={"one": (key,)})
    else:
        assert found == Difference(restarted={"one": (key,)})


def test_one_key_that_is_not_live_restarts_whatever_else_changes() -> None:
    both = dataclasses.replace(ONE, stale_after=99.0, portable=True)

    found = compare(RUNNING, Config(terminals=(both, TWO)))

    assert found == Difference(restarted={"one": ("portable", "stale_after")})


def test_the_same_is_no_difference_whatever_its_order_and_its_source() -> None:
    again = Config(terminals=(TWO, dataclasses.replace(ONE)), source="elsewhere.yml", warnings=("careful",))

    assert compare(RUNNING, again) == Difference()
    assert str(compare(RUNNING, again)) == "no difference"


def test_terminals_come_and_go_by_name() -> None:
    three = dataclasses.replace(ONE, name="three")

    found = compare(RUNNING, Config(terminals=(three, TWO)))

    assert found == Difference(added=("three",), removed=("one",))


def test_a_password_that_differs_is_a_restart_and_is_not_shown() -> None:
    old = dataclasses.replace(ONE, account=AccountConfig(login=7, password=Secret("hunter2")))
    new = dataclasses.replace(ONE, account=AccountConfig(login=7, password=Secret("hunter3")))

    found = compare(Config(terminals=(old,)), Config(terminals=(new,)))

    assert found.restarted == {"one": ("account",)}
    assert "hunter" not in f"{found}{found!r}"


def test_what_holds_for_the_fleet_is_told_and_a_state_file_is_refused() -> None:
    lunch = Calendar(name="lunch")
    new = dataclasses.replace(
        RUNNING, connect_rate=1.0, connect_burst=9, calendars={"lunch": lunch}, state_file=Path("other.db")
    )

    found = compare(RUNNING, new)

    assert found.fleet == ("connect_rate", "connect_burst", "calendars", "state_file")
    assert found.refused == ("state_file",)


def test_a_difference_is_one_line() -> None:
    new = Config(
        terminals=(
            dataclasses.replace(ONE, stale_after=99.0),
            dataclasses.replace(TWO, portable=True),
            dataclasses.replace(ONE, name="three"),
        ),
        connect_rate=2,
    )

    text = str(compare(Config(terminals=(*RUNNING.terminals, dataclasses.replace(ONE, name="four"))), new))

    assert text.split("; ") == [
        "added three",
        "removed four",
        "restarted two (portable)",
        "adjusted one (stale_after)",
        "changed connect_rate",
    ]
