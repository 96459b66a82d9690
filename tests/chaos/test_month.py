"""The month of trading in a minute, and an exporter that is killed over and over on its one state file."""

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.running import RunningExporter, Scrape
from tests.scripted import month
from tests.scripted.audit import Account, Keeper, check_counters
from tests.scripted.desk import command, configuration
from tests.scripted.month import Broker, server_offset
from tests.scripted.world import World

SEED = 4
KILLS = 24
PACE = 0.12
"""Seconds of ours in which an hour of the month goes by."""

NOTICED = 20.0
"""Seconds within which the last deal must be in a scrape, a start of the exporter included."""

KEYS = (
    "symbols: [EURUSD, XAUUSD, USDJPY, DE40]",
    "strategies: {trend: [1001], grid: [1002]}",
    "market: crypto",
    "interval: 1s",
    "timeout: 1s",
    "backoff: {initial: 200ms, maximum: 1s}",
    "risk: {drawdown: {kind: trailing, limit: 2500}}",
)


def stamp(at: float, now: float) -> float:
    """Return a server's time: a minute of ours goes by for an hour of the month, and now is now."""
    return time.time() + server_offset(now) - (now - at) / 60


class Month:
    """Both accounts and their terminals, as time goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.accounts = [
            Account(
                broker=Broker(
                    seed=SEED + number, login=42 + number, netting=netting, cancels=False, stamp=stamp
                ),
                world=World(folder / f"{name}.db"),
                terminals=(name,),
            )
            for number, (name, netting) in enumerate({"hedging": False, "netting": True}.items())
        ]
        for account in self.accounts:
            account.begin()
        commands = {account.terminals[0]: command(account.world) for account in self.accounts}
        (folder / "config.yml").write_text(configuration(commands, *KEYS, head="state_file: state.db\n"))
        self._hours = month.hours()

    def go_on(self) -> bool:
        """Let an hour go by; return whether there was one left."""
        at = next(self._hours, None)
        for account in self.accounts if at is not None else ():
            account.live(at or 0.0)
        return at is not None

    def start(self) -> RunningExporter:
        return RunningExporter(["--config.file=config.yml"], directory=self.folder)

    def agrees(self, now: Scrape) -> bool:
        try:
            self.check(now, "meanwhile")
        except AssertionError:
            return False
        return True

    def check(self, now: Scrape, when: str) -> None:
        """Hold every counter of both accounts against the ledgers."""
        for account in self.accounts:
            check_counters(now, account, when)

    def taken_over(self, now: Scrape) -> bool:
        return all(
            now.get("mt5_history_since_timestamp_seconds", terminal=account.terminals[0])
            for account in self.accounts
        )


@pytest.fixture
def going_on(tmp_path: Path) -> Iterator[Month]:
    going_on = Month(tmp_path)
    yield going_on
    for account in going_on.accounts:
        account.world.close()


@pytest.mark.timeout(300)
def test_nothing_is_lost_or_counted_twice_over_kills_at_any_moment(going_on: Month) -> None:
    chance, keeper = random.Random(SEED), Keeper()
    with going_on.start() as exporter:
        exporter.wait_for(going_on.taken_over, seconds=60, what="the history is taken over")
    for _ in range(KILLS):
        with going_on.start() as exporter:
            # Sometimes while it starts and takes up its totals, sometimes some polls later.
            for _ in range(chance.choice((chance.randint(0, 4), chance.randint(5, 25)))):
                going_on.go_on()
                keeper.look(exporter.scrape(), polled=False)
                time.sleep(PACE)
            time.sleep(chance.uniform(0, PACE))
            exporter.stop(signal.SIGKILL)
        # Nobody looks for a while, and the month goes on.
        for _ in range(chance.randint(0, 4)):
            going_on.go_on()
    with going_on.start() as exporter:
        while going_on.go_on():
            keeper.look(exporter.scrape(), polled=False)
            time.sleep(PACE)
        give_up = time.monotonic() + NOTICED
        while not going_on.agrees(exporter.scrape()) and time.monotonic() < give_up:
            time.sleep(PACE)
        for _ in range(5):
            time.sleep(1.0)
            now = exporter.scrape()
            keeper.look(now)
            going_on.check(now, "at the end")
        assert exporter.stop() == 0
