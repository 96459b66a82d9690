"""The configuration file: what is taken, and one line for each way to be wrong."""

import dataclasses
import os
import pickle
import stat
import sys
import traceback
import zoneinfo
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt5_exporter import config_file, market
from mt5_exporter.backoff import Backoff
from mt5_exporter.breaker import BreakerSettings
from mt5_exporter.config import (
    AccountConfig,
    BridgeConfig,
    Config,
    ConfigError,
    SimulationConfig,
    TerminalConfig,
    TlsConfig,
)
from mt5_exporter.credentials import readable_by_others
from mt5_exporter.limits import Limits
from mt5_exporter.secret import Redactor, Secret

DATA = Path(__file__).parents[1] / "testdata" / "config"
EXAMPLE = Path(__file__).parents[2] / "exporter" / "mt5-exporter.example.yml"
ENVIRON = {"MT5_PASSWORD": "from the environment"}
CANARY = "hunter2"

# File `invalid-KEY.yml`, and what follows its name in the message.
EXPECTED = {
    "account-empty": "4: terminals[0].account: expected login, server or both",
    "account-in-defaults": "2: defaults.account: belongs to each terminal, it has no default",
    "account-text": "4: terminals[0].account: expected a mapping",
    "alias": "2: anchors and aliases are not allowed",
    "anchor": "2: anchors and aliases are not allowed",
    "backoff": "4: terminals[0].backoff.initial: initial 2m is over maximum 1m",
    "bad-default-that-is-overridden": "2: defaults.interval: expected a duration from 1s to 1h, was '0s'",
    "billion-laughs": "1: anchors and aliases are not allowed",
    "bool-key": "1: expected a text as key, which YAML takes for true or false without quotes: quote it",
    "breaker-key": "4: terminals[0].breaker.max_half_open: unknown key",
    "breaker-ratio": (
        "4: terminals[0].breaker.failure_ratio: expected a number above 0 and at most 1, was '1.5'"
    ),
    "breaker-window": (
        "4: terminals[0].breaker.window: minimum_calls 5 is over window 3: no ratio would count"
    ),
    "bridge-host-elsewhere": (
        "5: terminals[0].bridge.host: is another machine, where a bridge runs whatever"
        " it is sent: take a tunnel to 127.0.0.1, or say 'allow_remote: true'"
    ),
    "bridge-host-port": (
        "5: terminals[0].bridge.host: expected a host's name or address, without a port,"
        " was the text 'localhost:18812'"
    ),
    "bridge-host-url": (
        "5: terminals[0].bridge.host: expected a host's name or address, without a port,"
        " was the text 'http://localhost'"
    ),
    "bridge-port": "5: terminals[0].bridge.port: expected a whole number from 1 to 65535, was '65536'",
    "bridge-key": "5: terminals[0].bridge.hots: unknown key, did you mean 'host'?",
    "bridge-allow-remote": "5: terminals[0].bridge.allow_remote: expected true or false, was 'yes'",
    "bridge-tls-ca": "5: terminals[0].bridge.tls.ca_file: is missing",
    "bridge-tls-key": "5: terminals[0].bridge.tls.cert_file: needs key_file beside it",
    "bridge-tls-cert": "5: terminals[0].bridge.tls.key_file: needs cert_file beside it",
    "bridge-of-a-genuine-one": "5: terminals[0].bridge: belongs to driver rpyc only",
    "bridge-in-defaults": "2: defaults.bridge: belongs to each terminal, it has no default",
    "bridge-launch": "5: terminals[0].launch: 'launch: true' does not go over a bridge of driver rpyc",
    "bridge-login": "5: terminals[0].login: 'login: true' does not go over a bridge of driver rpyc",
    "bridge-path-missing": "2: terminals[0].path: is missing",
    "bridge-twice": (
        "6: terminals[1].driver: is the bridge of terminal 'desk' already, and a bridge has one terminal"
    ),
    "burst-fraction": "1: connect_burst: expected a whole number from 1 to 1000, was '1.5'",
    "burst-zero": "1: connect_burst: expected a whole number from 1 to 1000, was '0'",
    "calendar-built-in": "3: calendars.fx: this name is built in, choose another",
    "calendar-holiday": "5: calendars.pit.holidays[0]: expected a day such as 2026-12-25, was '2026-02-30'",
    "calendar-holiday-form": (
        "5: calendars.pit.holidays[0]: expected a day such as 2026-12-25, was '24.12.2026'"
    ),
    "calendar-key": "5: calendars.pit.breaks: unknown key",
    "calendar-no-sessions": "4: calendars.pit.sessions: expected at least one entry",
    "calendar-session": "4: calendars.pit.sessions[0]: expected a session such as 'Sun 17:00-Mon 17:00'",
    "calendar-session-empty": (
        "4: calendars.pit.sessions[0]: expected a session that ends after it starts; a whole "
        "week is 'Mon 00:00-Sun 24:00'"
    ),
    "calendar-session-hour": (
        "4: calendars.pit.sessions[0]: expected a session with times from 00:00 to 23:59, or 24:00 as its end"
    ),
    "calendar-session-starts-late": (
        "4: calendars.pit.sessions[0]: expected a session with times from 00:00 to 23:59, or 24:00 as its end"
    ),
    "calendar-session-twice": "4: calendars.pit.sessions[1]: is in the list already",
    "calendar-zone": "3: calendars.pit.timezone: unknown time zone; expected one such as America/New_York",
    "calendar-zone-missing": "3: calendars.pit.timezone: is missing",
    "calendar-zone-path": (
        "3: calendars.pit.timezone: unknown time zone; expected one such as America/New_York"
    ),
    "calendars-list": "1: calendars: expected a mapping, was a list",
    "command-empty": "4: terminals[0].command: expected at least the interpreter",
    "command-number": (
        "4: terminals[0].command[1]: expected a text, which YAML takes for a number without quotes: quote it"
    ),
    "command-text": "4: terminals[0].command: expected a list",
    "complex-key": "1: expected a text as key, was a list",
    "control-character": "2: not valid YAML: the character U+0007 is not allowed",
    "currency": (
        "4: terminals[0].simulation.currency: expected one of AUD, CHF, EUR, GBP, JPY, USD, was 'XXX'"
    ),
    "custom-tag": "2: tags are not allowed",
    "deep-nesting": "17: nested too deeply",
    "defaults-list": "1: defaults: expected a mapping, was a list",
    "deposit": (
        "4: terminals[0].simulation.deposit: expected a number above 0 and at most 1000000000000, was '-100'"
    ),
    "driver": "3: terminals[0].driver: expected one of metatrader5, rpyc, simulated, was 'mt4'",
    "duplicate-key": "6: terminals[0].interval: key is already set in line 4",
    "duplicate-top-key": "4: terminals: key is already set in line 1",
    "duration-mapping": "4: terminals[0].interval: expected a duration such as 15s, was a mapping",
    "duration-nothing": "4: terminals[0].interval: expected a duration such as 15s, was nothing",
    "duration-number": "4: terminals[0].interval: expected a duration such as 15s, was '15'",
    "duration-order": "4: terminals[0].interval: expected a duration such as 15s, was '30s1m'",
    "duration-sexagesimal": "4: terminals[0].interval: expected a duration such as 15s, was '0:15'",
    "duration-text": "4: terminals[0].interval: expected a duration such as 15s, was the text '15'",
    "duration-then-secret": "4: terminals[0].interval: expected a duration such as 15s",
    "duration-unit": "4: terminals[0].interval: expected a duration such as 15s, was '15sec'",
    "empty": "is empty",
    "environment-mapping": "4: terminals[0].environment: expected a list, was a mapping",
    "environment-value": (
        "4: terminals[0].environment[0]: expected the name of an environment variable, without its value"
    ),
    "escape-beyond-unicode": "2: not valid YAML: there is no such character or version",
    "flag-number": "4: terminals[0].select: expected true or false, was '1'",
    "flag-text": "4: terminals[0].select: expected true or false, was the text 'true'",
    "flag-yes": "4: terminals[0].select: expected true or false, was 'yes'",
    "interval-long": "4: terminals[0].interval: expected a duration from 1s to 1h, was '61m'",
    "interval-short": "4: terminals[0].interval: expected a duration from 1s to 1h, was '500ms'",
    "latin1": "4: is not UTF-8",
    "login-by-default": (
        "2: defaults.login: 'login: true' of terminal 'desk' needs login, server and password"
    ),
    "login-hex": "4: terminals[0].account.login: expected a whole number from 1 to 9223372036854775807",
    "login-huge": "4: terminals[0].account.login: expected a whole number from 1 to 9223372036854775807",
    "login-octal": "4: terminals[0].account.login: expected a whole number from 1 to 9223372036854775807",
    "login-text": "4: terminals[0].account.login: expected a whole number from 1 to 9223372036854775807",
    "login-underscore": (
        "4: terminals[0].account.login: expected a whole number from 1 to 9223372036854775807"
    ),
    "login-without-account": (
        "4: terminals[0].login: 'login: true' of terminal 'desk' needs login, server and password"
    ),
    "login-without-password": (
        "6: terminals[0].account: 'login: true' of terminal 'desk' needs login, server and password"
    ),
    "login-without-server": (
        "5: terminals[0].account: 'login: true' of terminal 'desk' needs login, server and password"
    ),
    "login-word": "4: terminals[0].account.login: expected a whole number from 1 to 9223372036854775807",
    "market-unknown": "4: terminals[0].market: expected one of always, crypto, fx, was 'xetra'",
    "merge-key": "3: terminals[0]: merge keys are not allowed",
    "name-control": (
        "2: terminals[0].name: expected a name of letters, digits, '_', '.' and '-' without "
        "control characters (single quotes keep a backslash)"
    ),
    "name-date": (
        "2: terminals[0].name: expected a name of letters, digits, '_', '.' and '-', which "
        "YAML takes for a date without quotes: quote it"
    ),
    "name-empty": "2: terminals[0].name: expected a name of letters, digits, '_', '.' and '-'",
    "name-exponent": (
        "2: terminals[0].name: expected a name of letters, digits, '_', '.' and '-', which "
        "YAML takes for a number without quotes: quote it"
    ),
    "name-form": "2: terminals[0].name: expected a name of letters, digits, '_', '.' and '-', was 'desk/1'",
    "name-hex": (
        "2: terminals[0].name: expected a name of letters, digits, '_', '.' and '-', which "
        "YAML takes for a number without quotes: quote it"
    ),
    "name-in-defaults": "2: defaults.name: belongs to each terminal, it has no default",
    "name-list": "2: terminals[0].name: expected a name of letters, digits, '_', '.' and '-', was a list",
    "name-long": "2: terminals[0].name: expected a name of letters, digits, '_', '.' and '-'",
    "name-missing": "2: terminals[0].name: is missing",
    "name-no": (
        "2: terminals[0].name: expected a name of letters, digits, '_', '.' and '-', which "
        "YAML takes for true or false without quotes: quote it"
    ),
    "name-nothing": "2: terminals[0].name: expected a name of letters, digits, '_', '.' and '-', was nothing",
    "name-octal": (
        "2: terminals[0].name: expected a name of letters, digits, '_', '.' and '-', which "
        "YAML takes for a number without quotes: quote it"
    ),
    "name-sexagesimal": (
        "2: terminals[0].name: expected a name of letters, digits, '_', '.' and '-', which "
        "YAML takes for a number without quotes: quote it"
    ),
    "name-twice": "4: terminals[1].name: there is a terminal 'desk' already",
    "name-y": (
        "2: terminals[0].name: expected a name of letters, digits, '_', '.' and '-', which "
        "YAML takes for true or false without quotes: quote it"
    ),
    "no-mapping": "1: expected a mapping, was a list",
    "no-terminals": "1: terminals: expected at least one terminal",
    "no-terminals-key": "1: terminals: is missing",
    "only-comments": "is empty",
    "opened": (
        "4: terminals[0].simulation.opened: expected a UTC time such as 2026-01-05T08:00:00Z, "
        "was '2026-01-05'"
    ),
    "opened-no-day": (
        "4: terminals[0].simulation.opened: expected a UTC time such as 2026-01-05T08:00:00Z, "
        "was '2026-02-30T00:00:00Z'"
    ),
    "opened-offset": (
        "4: terminals[0].simulation.opened: expected a UTC time such as 2026-01-05T08:00:00Z, "
        "was the text '2026-01-05T00:00:00+02:00'"
    ),
    "password-and-file": "9: terminals[0].account.password_file: stands beside password; keep one of them",
    "password-comment": "8: terminals[0].account.password: '#' begins a comment here: quote the password",
    "password-control": (
        "8: terminals[0].account.password: expected a password in quotes or as ${VARIABLE} "
        "without control characters (single quotes keep a backslash)"
    ),
    "password-empty": "8: terminals[0].account.password: expected a password in quotes or as ${VARIABLE}",
    "password-file-directory": "8: terminals[0].account.password_file: cannot be read: Is a directory",
    "password-file-missing": (
        "8: terminals[0].account.password_file: cannot be read: No such file or directory"
    ),
    "password-list": (
        "8: terminals[0].account.password: expected a password in quotes or as ${VARIABLE}, was a list"
    ),
    "password-nothing": (
        "8: terminals[0].account.password: expected a password in quotes or as ${VARIABLE}, was nothing"
    ),
    "password-number": (
        "8: terminals[0].account.password: expected a password in quotes or as ${VARIABLE}, "
        "which YAML takes for a number without quotes: quote it"
    ),
    "password-reference": (
        "8: terminals[0].account.password: '${' begins no ${VARIABLE}; write '$${' where it "
        "is meant literally"
    ),
    "password-reference-name": (
        "8: terminals[0].account.password: '${' begins no ${VARIABLE}; write '$${' where it "
        "is meant literally"
    ),
    "password-twice": "9: terminals[0].account.password: key is already set in line 8",
    "password-undefined": "8: terminals[0].account.password: the environment variable MT5_UNSET is not set",
    "password-without-login": (
        "5: terminals[0].account: has a password, which is used with 'login: true' only"
    ),
    "path-control": (
        "3: terminals[0].path: expected an absolute Windows path in single quotes without "
        "control characters (single quotes keep a backslash)"
    ),
    "path-missing": "2: terminals[0].path: is missing",
    "path-newline": (
        "3: terminals[0].path: expected an absolute Windows path in single quotes without "
        "control characters (single quotes keep a backslash)"
    ),
    "path-posix": (
        "3: terminals[0].path: expected an absolute Windows path such as 'C:\\Desk\\terminal64.exe'"
    ),
    "path-relative": (
        "3: terminals[0].path: expected an absolute Windows path such as 'C:\\Desk\\terminal64.exe'"
    ),
    "path-simulated": "4: terminals[0].path: belongs to drivers metatrader5 and rpyc only",
    "path-twice": "5: terminals[1].path: is the path of terminal 'desk' already",
    "poll-timeout-of-defaults": (
        "2: defaults.poll_timeout: poll_timeout 10s of terminal 'desk' is over its interval 8s"
    ),
    "poll-timeout-over-interval": (
        "4: terminals[0].poll_timeout: poll_timeout 20s of terminal 'desk' is over its interval 15s"
    ),
    "rate-exponent": "1: connect_rate: expected a number above 0 and at most 1000, was '1e3'",
    "rate-text": "1: connect_rate: expected a number above 0 and at most 1000, was the text '4'",
    "rate-zero": "1: connect_rate: expected a number above 0 and at most 1000, was '0'",
    "root-scalar": "1: expected a mapping",
    "seed": "4: terminals[0].simulation.seed: expected a whole number from 0 to 4294967295, was '-1'",
    "server-list": "4: terminals[0].account.server: expected a server's name, was a list",
    "server-no": (
        "4: terminals[0].account.server: expected a server's name, which YAML takes for true "
        "or false without quotes: quote it"
    ),
    "simulation-key": "4: terminals[0].simulation.sede: unknown key, did you mean 'seed'?",
    "simulation-of-a-real-one": "4: terminals[0].simulation: belongs to driver simulated only",
    "size": "4: terminals[0].max_worker_memory: expected a size such as 512MiB, was '512'",
    "size-decimal": "4: terminals[0].max_worker_memory: expected a size such as 512MiB, was '512MB'",
    "stale-after": "4: terminals[0].stale_after: interval 15s of terminal 'desk' is over its stale_after 10s",
    "symbol-long": "4: terminals[0].symbols[0]: expected a symbol's exact name of at most 64 characters",
    "symbol-market-no": (
        "4: terminals[0].symbol_markets: expected a text as key, which YAML takes for true or "
        "false without quotes: quote it"
    ),
    "symbol-market-twice": "6: terminals[0].symbol_markets.DE40: key is already set in line 5",
    "symbol-market-unknown": (
        "4: terminals[0].symbol_markets.DE40: expected one of always, crypto, fx, was 'xetra'"
    ),
    "symbols-hash": "5: terminals[0].symbols[0]: expected a symbol's exact name, was nothing",
    "symbols-no": (
        "4: terminals[0].symbols[0]: expected a symbol's exact name, which YAML takes for "
        "true or false without quotes: quote it"
    ),
    "symbols-text": "4: terminals[0].symbols: expected a list",
    "symbols-twice": "4: terminals[0].symbols[2]: is in the list already",
    "syntax": "3: not valid YAML: mapping values are not allowed here",
    "tab": "2: not valid YAML: a tab cannot indent or begin a value, use spaces",
    "tag": "2: tags are not allowed",
    "tag-handle": "2: tags are not allowed",
    "terminal-text": "2: terminals[0]: expected a mapping",
    "terminals-mapping": "2: terminals: expected a list, was a mapping",
    "timeout-over-interval": (
        "4: terminals[0].interval: timeout 5s of terminal 'desk' is over its interval 2s"
    ),
    "timeout-over-poll-timeout": (
        "4: terminals[0].poll_timeout: timeout 5s of terminal 'desk' is over its poll_timeout 3s"
    ),
    "two-documents": "4: expected one document, found another",
    "unclosed-list": "2: not valid YAML: expected the node content, but found '<stream end>'",
    "unclosed-quote": "3: not valid YAML: found unexpected end of stream",
    "unknown-escape": "3: not valid YAML: unknown escape in double quotes (single quotes keep a backslash)",
    "unknown-key": "4: terminals[0].intervall: unknown key, did you mean 'interval'?",
    "unknown-key-of-odd-shape": "5: terminals[0].account.(a key): unknown key, did you mean 'password'?",
    "unknown-key-with-a-secret": "6: terminals[0].account.pasword: unknown key, did you mean 'password'?",
    "unknown-top-key": "4: listen: unknown key",
    "utf16": "is UTF-16, save it as UTF-8",
    "utf16-without-mark": "is UTF-16, save it as UTF-8",
}

DESK = """\
terminals:
  - name: desk
    path: 'C:\\Desk\\terminal64.exe'
    login: true
    account:
      login: 1234567
      server: Broker-Live
"""


def loads(content: str, environ: dict[str, str] | None = None, directory: Path = DATA) -> Config:
    return config_file.loads(content, "mt5-exporter.yml", environ or {}, directory)


def problem(content: str, environ: dict[str, str] | None = None, directory: Path = DATA) -> str:
    with pytest.raises(ConfigError) as caught:
        loads(content, environ, directory)
    return str(caught.value)


def only(content: str, environ: dict[str, str] | None = None, directory: Path = DATA) -> TerminalConfig:
    (terminal,) = loads(content, environ, directory).terminals
    return terminal


def simulated(line: str) -> TerminalConfig:
    return only(f"terminals:\n  - name: desk\n    driver: simulated\n    {line}\n")


@pytest.mark.parametrize("path", sorted(DATA.glob("invalid-*.yml")), ids=lambda path: path.stem)
def test_each_way_to_be_wrong_is_one_line_that_names_its_place(path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config_file.load(path, ENVIRON)

    expected = EXPECTED[path.stem.removeprefix("invalid-")]
    separator = ":" if expected[0].isdigit() else ": "
    assert str(caught.value) == f"{path}{separator}{expected}"
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_every_expected_message_has_its_file() -> None:
    assert {path.stem.removeprefix("invalid-") for path in DATA.glob("invalid-*.yml")} == set(EXPECTED)


@pytest.mark.parametrize("path", sorted(DATA.glob("valid-*.yml")), ids=lambda path: path.stem)
def test_a_valid_file_is_taken_without_a_warning(path: Path) -> None:
    loaded = config_file.load(path, ENVIRON)

    assert loaded.terminals
    assert loaded.warnings == ()
    assert loaded.source == str(path)


def test_a_limit_may_be_as_large_as_the_message_for_a_larger_one_says() -> None:
    line = "limits: {{symbol_spread_points: {}}}"

    assert simulated(line.format("1000000000000000")).limits.of("symbol_spread_points", "EURUSD") == 1e15
    with pytest.raises(ConfigError, match="at most 1000000000000000, was '1000000000000001'"):
        simulated(line.format("1000000000000001"))


def test_the_example_holds_every_key_and_the_defaults_that_it_claims() -> None:
    content = EXAMPLE.read_text(encoding="utf-8")
    environ = {"MT5_DESK2_PASSWORD": "x"}

    loaded = config_file.loads(content, "example.yml", environ, Path())

    desk = loaded.terminals[0]
    plain = TerminalConfig(name="desk-1")
    shown = {"path", "command", "environment", "symbols", "symbol_markets", "account"}
    for field in dataclasses.fields(TerminalConfig):
        assert f" {field.name}:" in content
        if field.name not in shown:
            assert getattr(desk, field.name) == getattr(plain, field.name), field.name
    for parts in (SimulationConfig, BridgeConfig, TlsConfig):
        assert all(f" {field.name}:" in content for field in dataclasses.fields(parts))
    assert (loaded.connect_rate, loaded.connect_burst) == (4.0, 4)


def test_the_demo_is_three_simulated_terminals_of_different_lives() -> None:
    demo = config_file.demo()

    assert [terminal.name for terminal in demo.terminals] == ["demo-1", "demo-2", "demo-3"]
    lives = [terminal.simulation for terminal in demo.terminals]
    assert len({life.seed for life in lives if life}) == 3
    assert len({life.server for life in lives if life}) == 3
    assert {life.scenario for life in lives if life} == {Path("mt5-demo-scenario.yml")}
    assert all(terminal.driver == "simulated" for terminal in demo.terminals)
    assert demo.calendar_of(demo.terminals[0], "BTCUSD") is market.ALWAYS
    assert demo.calendar_of(demo.terminals[0], "EURUSD").timezone == "America/New_York"
    assert demo.secrets == ()


def test_a_terminal_takes_from_the_defaults_only_what_it_does_not_set() -> None:
    one, two = config_file.load(DATA / "valid-defaults.yml", {}).terminals

    assert (one.interval, one.symbols, one.breaker) == (30, ("EURUSD", "GBPUSD"), BreakerSettings(window=20))
    assert (two.interval, two.symbols, two.breaker) == (60, ("XAUUSD",), BreakerSettings(minimum_calls=2))
    assert (one.timeout, two.timeout) == (3, 3)


def test_every_key_reaches_its_field() -> None:
    terminal = only(
        """
terminals:
  - name: desk
    path: 'C:\\Desk\\terminal64.exe'
    portable: true
    command: [wine, 'C:\\Python311\\python.exe']
    environment: [WINEPREFIX, ProgramFiles(x86)]
    launch: true
    select: true
    preflight: false
    interval: 20s
    timeout: 500ms
    poll_timeout: 19s
    connect_timeout: 21s
    start_timeout: 31s
    stale_after: 1h1m1s
    symbols: [EURUSD, XAUUSD]
    market: crypto
    symbol_markets: {EURUSD: fx}
    limits: {terminal_ping_seconds: 0.3}
    max_worker_memory: 1GiB
    login_retry: 1d
    backoff: {initial: 2s, maximum: 30s}
    account: {login: 9223372036854775807}
    breaker:
      consecutive_failures: 4
      failure_ratio: 0.25
      slow_call_ratio: 0.75
      slow_call: 3s
      minimum_calls: 6
      window: 12
      permitted_calls: 2
"""
    )

    assert terminal == TerminalConfig(
        name="desk",
        path="C:\\Desk\\terminal64.exe",
        portable=True,
        command=("wine", "C:\\Python311\\python.exe"),
        environment=("WINEPREFIX", "ProgramFiles(x86)"),
        launch=True,
        select=True,
        preflight=False,
        interval=20,
        timeout=0.5,
        poll_timeout=19,
        connect_timeout=21,
        start_timeout=31,
        stale_after=3661,
        symbols=("EURUSD", "XAUUSD"),
        market="crypto",
        symbol_markets={"EURUSD": "fx"},
        limits=Limits(configured={"terminal_ping_seconds": {"*": 0.3}}),
        max_worker_memory=1 << 30,
        login_retry=86400,
        backoff=Backoff(initial=2, maximum=30),
        account=AccountConfig(login=2**63 - 1),
        breaker=BreakerSettings(
            consecutive_failures=4,
            failure_ratio=0.25,
            slow_call_ratio=0.75,
            slow_call_seconds=3,
            minimum_calls=6,
            window=12,
            permitted_calls=2,
        ),
    )


def test_a_simulation_is_read_relative_to_its_file() -> None:
    line = (
        "simulation: {seed: 7, scenario: s.yml, deposit: 0.5, currency: JPY, login: 8, server: X, opened: T}"
    )

    terminal = simulated(line.replace("opened: T", "opened: 2026-01-05T00:00:00Z"))

    assert terminal.simulation == SimulationConfig(
        seed=7,
        scenario=DATA / "s.yml",
        deposit=0.5,
        currency="JPY",
        login=8,
        server="X",
        opened=1767571200.0,
    )


def test_a_calendar_of_the_file_holds_for_its_terminals() -> None:
    loaded = config_file.load(DATA / "valid-calendars.yml", {})

    (terminal,) = loaded.terminals
    assert loaded.calendar_of(terminal).name == "pit"
    assert loaded.calendar_of(terminal, "DE40").name == "pit"
    assert loaded.calendar_of(terminal, "BTCUSD") is market.ALWAYS
    assert loaded.calendar_of(terminal, "EURUSD") is market.FX


def test_a_bridge_is_read_relative_to_its_file_and_on_this_machine_unless_told_otherwise() -> None:
    one, two, three = config_file.load(DATA / "valid-bridge.yml", {}).terminals

    assert one.bridge == BridgeConfig(host="127.0.0.1", port=18812)
    assert two.bridge == BridgeConfig(host="::1", port=18813)
    assert three.bridge == BridgeConfig(
        host="desk.example",
        allow_remote=True,
        tls=TlsConfig(
            ca_file=DATA / "ca.pem", cert_file=DATA / "a.pem", key_file=DATA / "a.key", server_name="bridge"
        ),
    )


def test_a_bridge_elsewhere_without_tls_is_a_warning() -> None:
    loaded = loads(
        "terminals:\n"
        "  - name: desk\n"
        "    driver: rpyc\n"
        "    path: 'C:\\Desk\\terminal64.exe'\n"
        "    bridge: {host: 10.0.0.7, allow_remote: true}\n"
    )

    assert loaded.warnings == (
        (
            "mt5-exporter.yml:5: terminals[0].bridge: has no tls: whoever is on the way can run programs"
            " beside the terminal"
        ),
    )


def test_without_time_zone_data_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    # A test before this one may have loaded a part of it, which would be found without its parent.
    for module in ("tzdata", *(name for name in sys.modules if name.startswith("tzdata."))):
        monkeypatch.setitem(sys.modules, module, None)
    kept = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[])
    zoneinfo.ZoneInfo.clear_cache()
    try:
        message = problem("terminals: [{name: desk, driver: simulated}]")
    finally:
        zoneinfo.reset_tzpath(to=kept)

    assert message == "mt5-exporter.yml: no time zone data on this machine: pip install tzdata"


@pytest.mark.parametrize(
    ("spelled", "password"),
    [
        ("'plain'", "plain"),
        ("plain", "plain"),
        ("'pa$$word'", "pa$$word"),
        ("'${MT5_PASSWORD}'", "from the environment"),
        ("'<${MT5_PASSWORD}>'", "<from the environment>"),
        ("'$${MT5_PASSWORD}'", "${MT5_PASSWORD}"),
        ("'p#w'", "p#w"),
        ("'p w' # a comment", "p w"),
    ],
)
def test_a_password_may_come_from_the_environment(spelled: str, password: str) -> None:
    loaded = loads(f"{DESK}      password: {spelled}\n", ENVIRON)

    account = loaded.terminals[0].account
    assert account == AccountConfig(login=1234567, server="Broker-Live", password=Secret(password))
    assert loaded.secrets == (Secret(password),)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "the password is empty"),
        ("a\nb", "the password has characters that no password has"),
        ("a\udc80b", "the password has characters that no password has"),
    ],
)
def test_an_unusable_variable_is_refused_without_its_value(value: str, message: str) -> None:
    text = problem(f'{DESK}      password: "${{PW}}"\n', {"PW": value})

    assert text == f"mt5-exporter.yml:8: terminals[0].account.password: {message}"


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n"])
def test_a_password_file_may_end_its_line(tmp_path: Path, end: bytes) -> None:
    file = tmp_path / "desk.password"
    file.write_bytes(b"\xef\xbb\xbf p\xc3\xa4ss " + end)
    file.chmod(0o600)

    loaded = loads(f"{DESK}      password_file: desk.password\n", directory=tmp_path)

    assert loaded.secrets == (Secret(" p\u00e4ss "),)
    assert loaded.warnings == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the password is empty"),
        (b"\n", "the password is empty"),
        (b"hunter2\xff", "the file is not UTF-8"),
        (b"hunter2\nhunter2\n", "the password has characters that no password has"),
        (b"hunter2" * 1000, "the file is over 4096 bytes, which no password is"),
    ],
)
def test_an_unusable_password_file_is_refused_without_its_content(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "desk.password").write_bytes(content)

    text = problem(f"{DESK}      password_file: desk.password\n", directory=tmp_path)

    assert text == f"mt5-exporter.yml:8: terminals[0].account.password_file: {message}"


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps rights elsewhere")
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_password_that_others_may_read_is_a_warning(tmp_path: Path, mode: int) -> None:
    password = tmp_path / "desk.password"
    password.write_text("hunter2")
    password.chmod(mode)
    file = tmp_path / "mt5-exporter.yml"
    other = DESK.removeprefix("terminals:\n").replace("desk", "other").replace("Desk", "Other")
    file.write_text(f"{DESK}      password_file: desk.password\n{other}      password: hunter2\n")
    file.chmod(mode)

    loaded = config_file.load(file, {})

    ours, theirs = loaded.warnings
    assert ours == (
        f"{file}:8: terminals[0].account.password_file: the file may be read by others; chmod 600"
    )
    assert theirs == (
        f"{file}:15: terminals[1].account.password: is in a file that others may read;"
        " chmod 600, or use ${VARIABLE}"
    )


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps rights elsewhere")
def test_a_file_without_a_password_of_its_own_may_be_read_by_all(tmp_path: Path) -> None:
    file = tmp_path / "mt5-exporter.yml"
    file.write_text(f'{DESK}      password: "${{MT5_PASSWORD}}"\n')
    file.chmod(0o644)
    assert file.stat().st_mode & stat.S_IROTH

    assert config_file.load(file, ENVIRON).warnings == ()


def test_a_file_that_vanishes_after_it_was_read_is_no_secret_shared(tmp_path: Path) -> None:
    assert not readable_by_others(tmp_path / "gone")


def test_a_terminal_of_one_path_in_another_world_is_another_terminal() -> None:
    one, two = config_file.load(DATA / "valid-two-wine-prefixes.yml", {}).terminals

    assert one.path == two.path
    assert problem(
        "terminals:\n"
        "  - {name: one, path: 'C:\\T\\t.exe', command: [wine, python]}\n"
        "  - {name: two, path: 'C:\\T\\t.exe'}\n"
    ).endswith("terminals[1].path: is the path of terminal 'one' already")


def test_a_loaded_configuration_shows_no_secret() -> None:
    loaded = loads(f"{DESK}      password: {CANARY}\n")
    redactor = Redactor()
    for secret in loaded.secrets:
        redactor.learn(secret)

    assert CANARY not in f"{loaded!r} {loaded!s} {loaded.terminals[0]!r} {loaded.terminals[0].account}"
    assert redactor.redact(f"a {CANARY} b") == "a <secret> b"
    with pytest.raises(TypeError):
        pickle.dumps(loaded.terminals[0].account)


@pytest.mark.parametrize(
    "content",
    [
        CANARY,
        f"- {CANARY}",
        f"{CANARY} {CANARY}: x",
        f"terminals: {CANARY}",
        f"terminals: [{CANARY}]",
        f"defaults: {CANARY}",
        f"calendars: {CANARY}",
        f"password: {CANARY}",
        f"defaults: {{password: {CANARY}}}",
        f"defaults: {{breaker: {CANARY}}}",
        f"{DESK}      passwd: {CANARY}",
        f"{DESK}      password {CANARY}",
        f"{DESK}      password:{CANARY}",
        f"{DESK}      password:{CANARY}: x",
        f"{DESK}      password= {CANARY}\n      x: y",
        f"{DESK}      password: [{CANARY}]",
        f"{DESK}      password: {{{CANARY}: {CANARY}}}",
        f"{DESK}      password: &{CANARY} x",
        f"{DESK}      password: *{CANARY}",
        f"{DESK}      password: !{CANARY} x",
        f"{DESK}      password: !{CANARY}!x x",
        f"{DESK}      password: '{CANARY}",
        f'{DESK}      password: "{CANARY}\\q"',
        f'{DESK}      password: "{CANARY}\\0"',
        f"{DESK}      password: @{CANARY}",
        f"{DESK}      password: %{CANARY}",
        f"{DESK}      password: {CANARY}: {CANARY}",
        f"{DESK}      password: x #{CANARY}",
        f"{DESK}      password: |\n{CANARY}",
        f"{DESK}      password: |\n       {CANARY}\n",
        f"{DESK}      password: '{CANARY}${{'",
        f"{DESK}      password_file: {CANARY}",
        f"{DESK}      password: {CANARY}\n      password: {CANARY}",
        f"{DESK}      password: {CANARY}\n      login: {CANARY}",
        f"{DESK}      password: {CANARY}\n      server: {CANARY}",
        f"{DESK}      password: {CANARY}\n    interval: 1",
        f"{DESK}      password: {CANARY}\n    login: {{password: {CANARY}}}",
        f"{DESK.replace('1234567', CANARY)}",
        f"{DESK}    password: {CANARY}",
        f"{DESK}    environment: [PASSWORD={CANARY}]",
        f"{DESK}    command: [python, {CANARY}, 7]",
        f"{DESK}    command: python --password={CANARY}",
        f"{DESK.replace('login: 1234567', CANARY + ':')}",
        f"terminals: [{{name: desk, account: {{login: 1, {CANARY}}}}}]",
        f"{DESK}    interval: password={CANARY}",
        f"{DESK}    interval: 15s password={CANARY}",
        f"{DESK}    interval: 15s\n      password={CANARY}",
        f"{DESK}    simulation: {CANARY}",
        DESK.replace("C:\\Desk", f"/{CANARY}"),
    ],
)
def test_no_message_shows_what_may_be_a_secret(content: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(content)

    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert CANARY not in shown
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.yml", "cannot be read: No such file or directory"),
        ("", "cannot be read: Is a directory"),
        ("a\0b", "cannot be read: not a file name"),
        ("x" * 5000, "cannot be read: File name too long"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_file.load(tmp_path / name, {})

    assert str(caught.value) == f"{str(tmp_path / name).replace(chr(0), '?')}: {reason}"


def test_an_unreadable_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)

    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        config_file.load(tmp_path / "mt5-exporter.yml", {})


def test_a_symbolic_link_is_followed_and_swapped_between_two_loads(tmp_path: Path) -> None:
    # Kubernetes swaps a link to a directory under the file.
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "c.yml").write_text(f"terminals: [{{name: {name}, driver: simulated}}]")
    link = tmp_path / "data"
    link.symlink_to(tmp_path / "one")
    before = config_file.load(link / "c.yml", {})
    link.unlink()
    link.symlink_to(tmp_path / "two")

    after = config_file.load(link / "c.yml", {})

    assert (before.terminals[0].name, after.terminals[0].name) == ("one", "two")


KEYS = [field.name for field in dataclasses.fields(TerminalConfig)]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def complaint(content: str) -> str:
    try:
        loads(content)
    except ConfigError as error:
        return str(error)
    return "mt5-exporter.yml"


def check(content: str) -> None:
    text = complaint(content)
    assert text.startswith("mt5-exporter.yml")
    assert text.isprintable()


@given(st.text())
def test_no_text_is_more_than_a_configuration_error(content: str) -> None:
    check(content)


@settings(max_examples=300)
@given(st.text(alphabet="-:?,[]{}#&*!|>'\"%@`\\ \n\t\r\ufeffabx0<=~.Uu", max_size=60))
def test_no_punctuation_is_more_than_a_configuration_error(content: str) -> None:
    check(content)
    check(f"{DESK}    environment: {content}\n")


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4))
def test_no_value_is_more_than_a_configuration_error(values: dict[str, object]) -> None:
    lines = "".join(f"    {key}: {value!r}\n" for key, value in values.items() if key != "name")
    check(f"terminals:\n  - name: desk\n{lines}")
