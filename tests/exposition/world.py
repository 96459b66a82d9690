"""A small world to expose: two terminals, a clock moved by hand, and results as a poll makes them."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import TypeVar

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Metric, Sample
from mt5_exporter.config import Config, TerminalConfig
from mt5_exporter.counters import Counters
from mt5_exporter.events import AttemptFinished, CallFinished, Event
from mt5_exporter.exposition.collect import Frozen, Histogram, collect, freeze
from mt5_exporter.exposition.publish import MAX_VALID
from mt5_exporter.exposition.render import Rendering, block, join
from mt5_exporter.market import Calendar, Session
from mt5_exporter.probes import PROBES
from mt5_exporter.readings import READINGS
from mt5_exporter.snapshot import (
    PollResult,
    ProbeResult,
    ProbeStatus,
    ReadingResult,
    SessionView,
    Snapshot,
)
from mt5_exporter.tally import Tally

T = TypeVar("T")

THURSDAY = 1_764_849_600.0
"""2025-12-04 12:00 UTC."""

MINUTE = 60.0
HOUR = 3600.0

DESK = TerminalConfig(
    name="desk-1",
    interval=10,
    poll_timeout=4,
    stale_after=25,
    symbols=("EURUSD", "BTCUSD"),
    market="fx",
    symbol_markets={"BTCUSD": "crypto"},
)
BARE = TerminalConfig(name="bare", interval=5, poll_timeout=5, stale_after=60, market="lunch")

LUNCH = Calendar(
    name="lunch", sessions=tuple(Session.of(f"{day} 12:00-{day} 13:00") for day in ("Thu", "Fri"))
)
CONFIG = Config(terminals=(DESK, BARE), calendars={**Config(terminals=()).calendars, "lunch": LUNCH})

Key = tuple[str, tuple[str, ...]]
"""A metric's name and its label values, in the catalogue's order."""


class ManualClock:
    """Both clocks, moved by the test; `jump` moves the wall alone."""

    def __init__(self, wall: float = THURSDAY) -> None:
        self.now = 1000.0
        self._apart = wall - self.now
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now + self._apart

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sleeper = (self.now + seconds, future)
        self.sleepers.append(sleeper)
        try:
            await future
        finally:
            self.sleepers.remove(sleeper)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for due, future in self.sleepers:
            if due <= self.now and not future.done():
                future.set_result(None)

    def jump(self, seconds: float) -> None:
        self._apart += seconds


def run(main: Callable[[], Coroutine[object, object, T]]) -> T:
    """Run a test's coroutine to its end."""
    return asyncio.run(main())


async def until(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    """Let the event loop and its threads work until `condition` holds; fail after `seconds`."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.001)


LABELS = {
    "symbol": "EURUSD",
    "side": "buy",
    "strategy": "scalper",
    "kind": "buy_limit",
    "expert": "trend",
    "version": "500",
    "released": "17 Oct 2026",
    "entry": "out",
    "state": "filled",
    "reason": "expert",
    "rule": "drawdown",
    "source": "observed",
    "driver": "metatrader5",
    "build": "5430",
    "name": "MetaTrader 5",
    "company": 'Northwind "Markets" Ltd',
    "server": "Northwind-Live",
    "currency": "USD",
    "trade_mode": "real",
    "margin_mode": "hedging",
}


def _value(metric: Metric, label: str) -> str:
    return metric.states[0] if metric.kind == "stateset" and label == metric.labels[-1] else LABELS[label]


def values(metrics: tuple[Metric, ...], terminal: str, base: float = 1.0) -> tuple[Sample, ...]:
    """Return one sample of each metric."""
    return tuple(
        Sample(
            metric,
            (terminal, *(_value(metric, label) for label in metric.labels[1:])),
            1 if metric.kind == "info" else base + index / 8,
        )
        for index, metric in enumerate(metrics)
    )


class World:
    """The state of an exporter, without one."""

    def __init__(self, config: Config = CONFIG, *, wall: float = THURSDAY) -> None:
        self.config = config
        self.clock = ManualClock(wall)
        self.snapshot = Snapshot(terminal.name for terminal in config.terminals)
        self.counters = Counters()
        self.tally = Tally(config, self.counters)
        for terminal in config.terminals:
            view = SessionView(state="starting", since=self.clock.wall(), breaker="closed")
            self.snapshot.observe(terminal.name, view)

    def poll(
        self, terminal: str, *, lost: bool = False, failing: tuple[str, ...] = (), base: float = 1.0
    ) -> None:
        """Publish a finished poll, in which some readings fail, or the terminal does not answer."""
        at, instant = self.clock.wall(), self.clock.monotonic()
        result = PollResult(
            terminal=terminal,
            at=at,
            instant=instant,
            seconds=0.25,
            probes=tuple(self._probe(probe.name, at, lost=lost) for probe in PROBES),
            readings=tuple(
                ReadingResult(
                    reading=reading.name,
                    success=not lost and reading.name not in failing,
                    at=at,
                    instant=instant,
                    seconds=0.125,
                    samples=values(reading.metrics, terminal, base),
                    skipped=lost,
                )
                for reading in READINGS
            ),
        )
        self.tally.polled(result)
        self.snapshot.publish(result)

    def hear(self, *events: Event) -> None:
        """Count events."""
        for event in events:
            self.tally.hear(event)

    def connect(self, terminal: str) -> None:
        """Count an attempt that went well, and a call."""
        self.hear(
            AttemptFinished(terminal=terminal, seconds=0.5),
            CallFinished(terminal=terminal, operation="account_info", outcome="success", seconds=0.004),
        )
        view = SessionView(
            state="ready",
            since=self.clock.wall(),
            breaker="closed",
            running=True,
            worker_up=True,
            worker_memory=48_000_000,
            failure_ratio=0.0,
            slow_call_ratio=0.0,
        )
        self.snapshot.worker_started(terminal, 0.5)
        self.snapshot.observe(terminal, view)

    def freeze(self) -> list[Frozen]:
        """Copy the state of the moment, terminal by terminal."""
        instant, wall = self.clock.monotonic(), self.clock.wall()
        return [
            freeze(terminal, self.snapshot, self.counters, instant=instant, wall=wall)
            for terminal in self.config.terminals
        ]

    def samples(self) -> list[Sample]:
        """Return every sample of now."""
        return [sample for frozen in self.freeze() for sample in collect(self.config, frozen)[0]]

    def histograms(self) -> list[Histogram]:
        """Return every histogram of now."""
        return [row for terminal in self.config.terminals for row in self.counters.histograms(terminal.name)]

    def scrape(self) -> dict[Key, float]:
        """Return what would be served now."""
        samples = self.samples()
        found = {(sample.metric.name, sample.labels): float(sample.value) for sample in samples}
        assert len(found) == len(samples), "a series is there twice"
        return found

    def valid_until(self) -> float:
        """Return until when what would be served now holds."""
        expiries = [collect(self.config, frozen)[1] for frozen in self.freeze()]
        return min(self.clock.monotonic() + MAX_VALID, *expiries)

    def render(self) -> Rendering:
        """Return what would be served now, as bytes."""
        parts = [block(collect(self.config, part)[0], part.histograms) for part in self.freeze()]
        return join(parts)

    @staticmethod
    def _probe(name: str, at: float, *, lost: bool) -> ProbeResult:
        if not lost:
            return ProbeResult(probe=name, status=ProbeStatus.PASSED, at=at, seconds=0.03125)
        if name == "connection":
            text = "terminal_info: No IPC connection"
            return ProbeResult(probe=name, status=ProbeStatus.FAILED, at=at, reason="no_ipc", message=text)
        return ProbeResult(probe=name, status=ProbeStatus.SKIPPED, at=at, reason="connection_failed")


def group_of(name: str) -> str:
    """Return the group of a served metric."""
    return catalogue.METRICS[name].group


def of_group(scrape: Mapping[Key, float], group: str) -> set[Key]:
    """Return the series of a group."""
    return {key for key in scrape if group_of(key[0]) == group}
