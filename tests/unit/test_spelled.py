"""A running configuration spelled out: what it says is what runs, and no secret is in it."""

import dataclasses
from pathlib import Path

from mt5_exporter import config_file
from mt5_exporter.config import Config
from mt5_exporter.spelled import fingerprint, spell
from mt5_exporter.strict_yaml import parse

ROOT = Path(__file__).resolve().parents[2]
CANARY = "hunter2 canary"
ENVIRONMENT = {"MT5_DESK2_PASSWORD": CANARY}

EVERYTHING = r"""
connect_rate: 2.5
connect_burst: 9
calendars:
  night:
    timezone: Asia/Tokyo
    sessions: ['Sun 22:00-Mon 06:00', 'Fri 12:00-Fri 24:00']
    holidays: [2026-12-24]
  whole: {timezone: UTC, sessions: ['Mon 00:00-Sun 24:00']}
defaults:
  timeout: 1500ms
  max_worker_memory: 1GiB
  breaker: {consecutive_failures: 5, failure_ratio: 0.25, slow_call: 800ms, window: 30}
  backoff: {initial: 200ms, maximum: 1m30s}
terminals:
  - name: plain
    path: 'C:\it''s #1: "here"\terminal64.exe'
    symbols: ['no', '1e3', '12:30', '0123', 'XAU*', '#ok', 'EUR USD', 'ä€']
    aliases: {'no': 'on', '0o7': '~'}
    strategies: {scalper: [0, 7], 'null': [9]}
    market: night
    symbol_markets: {'*': crypto, 'y': whole}
    limits: {symbol_spread_points: {EURUSD: 0.00001, '*': 100000000}, terminal_ping_seconds: 0.25}
    account: {server: 'yes'}
  - name: daily
    driver: simulated
    risk:
      initial_balance: 100000
      day: {reset: '17:00', timezone: America/New_York}
      daily_loss: {limit: 4.5%, basis: higher}
      drawdown: {kind: end_of_day, limit: 10%, of: initial, high_water: 104000, lock: 100, flows: counted}
    simulation: {seed: 3, deposit: 1234.5, currency: EUR, opened: 2026-01-05T08:00:00Z}
  - name: static
    driver: simulated
    max_worker_memory: 1000B
    interval: 1h
    stale_after: 7d
    risk: {initial_balance: 5000, drawdown: {kind: static, limit: 2500}}
"""


def comparable(config: Config) -> Config:
    """Return what a file can say of it again."""
    return dataclasses.replace(config, source="", warnings=(), files={}, secrets=())


def loads(text: str) -> Config:
    return comparable(config_file.loads(text, "x.yml", {}, Path()))


def test_what_is_spelled_means_what_runs() -> None:
    running = loads(EVERYTHING)

    again = loads(spell(running))

    # The login of a simulation is nobody's, so everything of these can be shown.
    assert again == running


def test_the_demo_is_spelled_and_read_again() -> None:
    demo = config_file.demo()
    # A derived deadline has more digits than a file, and an account's number is not shown.
    without = tuple(
        dataclasses.replace(terminal, account=None, poll_timeout=3.0) for terminal in demo.terminals
    )
    running = comparable(dataclasses.replace(demo, terminals=without))

    assert loads(spell(running)) == running


def test_the_example_is_spelled_without_its_secrets() -> None:
    config = config_file.load(ROOT / "exporter" / "mt5-exporter.example.yml", ENVIRONMENT)

    spelled = spell(config)

    for hidden in (CANARY, "hunter2", "7654321", "1234567", "wine", "Python311"):
        assert hidden not in spelled
    assert "server: Broker-Live2" in spelled
    assert spelled.count("password: '<secret>'") == 1
    assert parse(spelled, "spelled.yml").is_mapping


def test_a_hash_is_that_of_the_configuration_and_not_of_its_secrets() -> None:
    file = ROOT / "exporter" / "mt5-exporter.example.yml"
    one = fingerprint(spell(config_file.load(file, ENVIRONMENT)))
    other_password = fingerprint(spell(config_file.load(file, {"MT5_DESK2_PASSWORD": "another"})))
    other_limit = fingerprint(spell(loads(EVERYTHING)))

    assert one == other_password != other_limit
    assert len(one) == 16
