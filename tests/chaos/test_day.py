"""A day of polls and scrapes in minutes: in the end the exporter holds what it held in the beginning."""

import asyncio
import gc
import itertools
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from mt5_exporter.catalogue import POLLS as POLLS_TOTAL
from mt5_exporter.config import Config, SimulationConfig, TerminalConfig
from tests.app.living import LivingApp, living

TERMINALS = 48
POLLS = 24 * 60 * 4
"""Of one terminal in a day, every 15 s; a scrape belongs to each."""

KILL_EVERY = 180
"""Polls between two deaths of a worker."""

GROWTH = 8 << 20
"""Bytes of resident memory that two thirds of a day may add: an allocator's noise, and not a byte a poll."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What this process holds at one moment: the exporter, and the test that scrapes it."""

    resident: int
    descriptors: int
    threads: int
    tasks: int
    workers: int

    @classmethod
    def now(cls) -> "Held":
        process = psutil.Process()
        gc.collect()
        return cls(
            resident=process.memory_info().rss,
            descriptors=process.num_fds(),
            threads=process.num_threads(),
            tasks=len(asyncio.all_tasks()),
            workers=len(process.children(recursive=True)),
        )


def desk(number: int) -> TerminalConfig:
    return TerminalConfig(
        name=f"desk-{number:02}",
        driver="simulated",
        interval=1.0,
        timeout=3.0,
        poll_timeout=3.0,
        symbols=("BTCUSD", "EURUSD"),
        market="crypto",
        simulation=SimulationConfig(seed=number, login=number),
    )


class Day:
    """The exporter's day, and who scrapes it."""

    def __init__(self, app: LivingApp) -> None:
        self._app = app
        self._names = [terminal.name for terminal in app.app.manager.config.terminals]
        self._victims = itertools.cycle(self._names)
        self._next_kill = KILL_EVERY
        self.failed = 0

    @property
    def polls(self) -> int:
        return int(sum(self._app.app.counters.value(POLLS_TOTAL, name) for name in self._names))

    async def spend(self, until: int) -> Held:
        """Scrape as often as is polled, kill a worker now and then; return what is held in the end."""
        while self.polls < until:
            status, _ = await self._app.get()
            self.failed += status != 200
            if self.polls >= self._next_kill:
                self._next_kill += KILL_EVERY
                os.kill(self._app.worker(next(self._victims)), signal.SIGKILL)
            await asyncio.sleep(1 / TERMINALS)
        await self._app.wait_for(
            lambda now: all(now.get("mt5_up", terminal=name) == 1 for name in self._names)
        )
        return Held.now()


@pytest.mark.timeout(420)
def test_a_day_of_polls_and_scrapes_and_dying_workers_leaves_nothing_behind(tmp_path: Path) -> None:
    async def main() -> None:
        config = Config(
            terminals=tuple(map(desk, range(1, TERMINALS + 1))),
            state_file=tmp_path / "state.db",
            connect_rate=100,
            connect_burst=100,
        )
        async with living(config) as app:
            day = Day(app)

            morning = await day.spend(POLLS // 3)
            evening = await day.spend(POLLS)

            assert day.failed == 0
            assert evening.workers == morning.workers == TERMINALS
            assert evening.threads <= morning.threads + 1
            # Some polls are under way at any moment, and a connection may be closing.
            assert evening.tasks <= morning.tasks + TERMINALS // 4
            assert evening.descriptors <= morning.descriptors + 4
            assert evening.resident <= morning.resident + GROWTH
            print(f"{day.polls} polls: {morning} {evening}")  # noqa: T201 - for whoever reads the run

    asyncio.run(main())
