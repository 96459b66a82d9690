"""From Friday's close to Monday night, when clocks are set: no minute tells anybody anything."""

import asyncio
import concurrent.futures
import datetime as dt
import multiprocessing
import re
import subprocess
from pathlib import Path

import pytest

from mt5_exporter.market import FX, Calendar
from tests.alerts.shipped import RULES, load
from tests.alerts.weeks.life import Life, scenario
from tests.alerts.weeks.series import Series, write_test

FRIDAYS = {
    "Europe": dt.datetime(2026, 10, 23, 18, tzinfo=dt.UTC),
    "New York": dt.datetime(2026, 10, 30, 18, tzinfo=dt.UTC),
}
"""The evening before the weekend on which clocks are set back, by whose clocks."""

HOUR = 60
SATURDAY, SUNDAY, MONDAY = (6 * HOUR + day * 24 * HOUR for day in range(3))
"""Their midnights in minutes since Friday evening."""

MINUTES = MONDAY + 24 * HOUR

SUMMER = Calendar(name="summer", timezone="Etc/GMT+4", sessions=FX.sessions)
"""The calendar of currencies, had New York not set its clocks back."""

TERMINALS = """\
calendars:
  # The broker stops for ten minutes at its midnight, and the exchange for two hours.
  forex:
    timezone: America/New_York
    sessions:
      - Sun 17:05-Mon 16:55
      - Mon 17:05-Tue 16:55
      - Tue 17:05-Wed 16:55
      - Wed 17:05-Thu 16:55
      - Thu 17:05-Fri 16:55
  index:
    timezone: America/New_York
    sessions:
      - Sun 18:05-Mon 16:15
      - Mon 18:05-Tue 16:15
      - Tue 18:05-Wed 16:15
      - Wed 18:05-Thu 16:15
      - Thu 18:05-Fri 16:15
  # Never closed, but for the broker's maintenance.
  coins:
    timezone: UTC
    sessions: ['Sat 10:00-Sat 08:00']
defaults:
  driver: simulated
  command: {command}
  interval: 2m
  history_lookback: 1h
  timeout: 5s
  limits: {positions_without_stop_loss: 1000}
terminals:
  - name: fx
    symbols: [EURUSD, EURGBP, US500]
    market: forex
    symbol_markets: {US500: index}
    # It may go without a price for minutes.
    limits: {positions_without_stop_loss: 1000, symbol_tick_age_seconds: {EURGBP: 900}}
    simulation: {seed: 11, opened: 2026-10-23T00:00:00Z, scenario: '{scenario}'}
  - name: coins
    symbols: [BTCUSD]
    market: coins
    limits: {positions_without_stop_loss: 1000, symbol_spread_points: 10000}
    simulation: {seed: 12, opened: 2026-10-23T00:00:00Z, scenario: '{scenario}'}
"""

QUIET = tuple(
    f"fault: stale_ticks, terminal: fx, symbols: [EURGBP], at: {MONDAY + 9 * n}m, for: 8m" for n in range(40)
)
"""For six hours of Monday a symbol has a price every nine minutes."""

MAINTENANCE = (
    f"fault: not_running, at: {SATURDAY + 8 * HOUR + 5}m, for: 50m",
    f"fault: disconnected, at: {SATURDAY + 9 * HOUR + 5}m, for: 50m",
)
"""On Saturday from 08:00 to 10:00 terminals are restarted after an update, and trade servers are serviced."""


def told(promtool: str, path: Path, series: Series) -> str:
    """Return what promtool has to say of a test that nothing fires."""
    alerts = load()
    groups = list(dict.fromkeys(alert.group for alert in alerts.alerts))
    write_test(path, series, rules=RULES, groups=groups)
    tested = subprocess.run(
        [promtool, "test", "rules", str(path)], capture_output=True, text=True, check=False, timeout=900
    )
    assert tested.returncode in {0, 1}, tested.stderr
    return (
        "" if tested.returncode == 0 else tested.stdout.partition("got:")[2] or tested.stdout + tested.stderr
    )


def play(clocks: str, folder: Path) -> Series:
    """Return what is seen of the days around a change of the clocks."""
    life = Life(
        folder,
        terminals=TERMINALS,
        scenario=scenario([*QUIET, *MAINTENANCE]),
        start=FRIDAYS[clocks].timestamp(),
        metrics=set(re.findall(r"[a-z0-9_]+", "\n".join(rule.read_text() for rule in RULES))),
    )
    return asyncio.run(life.spend(MINUTES))


def heard(promtool: str, folder: Path, clocks: str) -> tuple[str, str]:
    """Return what is told of these days, and of Sunday evening by a calendar without summer time."""
    folder.mkdir()
    series = play(clocks, folder)
    evening = series.part(SUNDAY + 20 * HOUR, SUNDAY + 24 * HOUR)
    for metric in ("mt5_symbol_market_open", "mt5_terminal_market_open"):
        evening = evening.changed(metric, lambda at: float(SUMMER.is_open(at)))
    return told(promtool, folder / "days.test.yml", series), told(promtool, folder / "deaf.test.yml", evening)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("promtool", ["2.53"], indirect=True)
def test_days_on_which_nothing_is_wrong_tell_nobody_anything(promtool: str, tmp_path: Path) -> None:
    with concurrent.futures.ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as both:
        playing = {
            clocks: both.submit(heard, promtool, tmp_path / clocks.replace(" ", "-"), clocks)
            for clocks in FRIDAYS
        }
        found = {clocks: result.result() for clocks, result in playing.items()}

    assert {clocks: said for clocks, (said, _) in found.items()} == dict.fromkeys(FRIDAYS, "")
    # The silence is no deaf one's.
    assert 'alertname="MT5AllFeedsStale"' in found["New York"][1]
