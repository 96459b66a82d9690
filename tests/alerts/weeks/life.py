"""Plays days to real sessions, workers, probes and readings, and writes down each minute's scrape."""

import asyncio
import mmap
import struct
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from mt5_exporter import config_file
from mt5_exporter.counters import Counters
from mt5_exporter.events import Event, Events, SessionChanged
from mt5_exporter.exposition.collect import collect, freeze
from mt5_exporter.manager import MT5SessionManager
from mt5_exporter.poll import Poller
from mt5_exporter.session import ATTACHED
from mt5_exporter.snapshot import Snapshot
from mt5_exporter.tally import Tally
from tests.alerts.weeks.series import Minute, Series
from tests.session.stage import FakeClock, until

INTERPRETER = Path(__file__).with_name("interpreter.py")
MINUTE = 60.0


class Clock(FakeClock):
    """A clock that the workers share, by a file."""

    def __init__(self, path: Path, wall: float) -> None:
        super().__init__(wall=wall)
        path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 8)
        self.advance(0.0)

    def advance(self, seconds: float) -> None:
        struct.pack_into("d", self._shared, 0, self.wall() + seconds)
        super().advance(seconds)


class Life:
    """The exporter's insides without its schedule and its web server: a scrape a minute, a poll every other.

    Args:
        folder: Where its files go.
        terminals: The configuration; {command} stands for a worker in the test's time, {scenario} for
            the file of faults.
        scenario: The faults of the simulated terminals, `at` counting from the start.
        start: Unix seconds.
        metrics: Which are written down.
    """

    def __init__(
        self, folder: Path, *, terminals: str, scenario: str, start: float, metrics: Collection[str]
    ) -> None:
        (folder / "scenario.yml").write_text(scenario)
        self.clock = Clock(folder / "clock", start)
        command = f"[{sys.executable}, {INTERPRETER}, {folder / 'clock'}]"
        content = terminals.replace("{command}", command).replace("{scenario}", str(folder / "scenario.yml"))
        self.config = config_file.loads(content, "weeks.yml", {}, folder)
        self._metrics = metrics
        names = [terminal.name for terminal in self.config.terminals]
        self.snapshot, self.counters = Snapshot(names), Counters()
        self._events = Events()
        self._events.subscribe(Tally(self.config, self.counters).hear)
        self._events.subscribe(self._lost)
        self.manager = MT5SessionManager(
            self.config, events=self._events, clock=self.clock, fraction=lambda: 0.5
        )
        self._pollers = [Poller(self.manager, terminal) for terminal in self.config.terminals]

    async def spend(self, minutes: int) -> Series:
        """Let some minutes pass; return the samples of each."""
        series = Series(start=self.clock.wall())
        async with self.manager:
            await self._settled()
            for minute in range(minutes):
                if minute % 2 == 0:
                    await self._poll()
                series.add(self._scrape())
                self.clock.advance(MINUTE)
                await self._settled()
        return series

    async def _poll(self) -> None:
        for result in await asyncio.gather(*(poller.poll() for poller in self._pollers)):
            self.snapshot.publish(result)
        for name, session in self.manager.sessions().items():
            self.snapshot.observe(name, session.view())

    def _scrape(self) -> Minute:
        instant, wall = self.clock.monotonic(), self.clock.wall()
        found: Minute = {}
        for terminal in self.config.terminals:
            frozen = freeze(terminal, self.snapshot, self.counters, instant=instant, wall=wall)
            for sample in collect(self.config, frozen)[0]:
                metric = sample.metric
                if metric.name in self._metrics:
                    found[metric.name, tuple(zip(metric.labels, sample.labels, strict=True))] = sample.value
        return found

    async def _settled(self) -> None:
        """Wait until each session has what it can have now: a terminal, or a time of the next attempt."""
        await asyncio.sleep(0)
        sessions = self.manager.sessions().values()
        await until(
            lambda: all(session.attached or session.view().state == "backoff" for session in sessions),
            what="every session attached or waiting",
        )

    def _lost(self, event: Event) -> None:
        if isinstance(event, SessionChanged) and event.before in ATTACHED and event.error is not None:
            lost = event.error
            self.snapshot.lost(event.terminal, at=event.at, reason=lost.reason, message=str(lost))


def scenario(faults: Sequence[str]) -> str:
    """Return a scenario file of these faults, each an entry's keys."""
    return "faults:\n" + "".join(f"  - {{{fault}}}\n" for fault in faults)
