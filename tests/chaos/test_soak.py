"""Fifty terminals, struck at random by every kind of fault: nothing is lost, leaked or miscounted.

The seed is fixed; CHAOS_SEED and CHAOS_SECONDS ask for another run.
"""

import asyncio
import contextlib
import os
import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.chaos import fleet
from tests.chaos.fleet import HARMLESS, LETHAL, Strike
from tests.process.running import STEP, RunningExporter, Scrape, gone

TERMINALS = [f"desk-{number:02}" for number in range(1, 51)]
SECONDS = float(os.environ.get("CHAOS_SECONDS", "45"))
SEED = int(os.environ.get("CHAOS_SEED", "20261122"))
LEAST = 100
"""Lethal strikes that it takes, for which it may go on for five times as long."""

GROWTH = 64 << 20
"""Bytes by which the exporter may have grown meanwhile: 200 scrapers, their buffers, what is remembered of
fifty accounts, are among them."""

SCRAPERS = 200
SLOW_READERS = 20

AT_ONCE = 16
"""Terminals that are struck at the same time; the others must not notice."""

GENTLY = {"slow": "seconds: 100ms"}
"""Slow enough to be seen, and no deadline passed."""

STARTED = re.compile(r'msg="worker started" terminal=(\S+) pid=(\d+)')


class Injector:
    """Strikes terminals that are well, one fault each, and lets them recover before the next."""

    def __init__(self, running: RunningExporter, folder: Path) -> None:
        self._running = running
        self._folder = folder
        self._random = random.Random(SEED)
        self.ledger: list[Strike] = []
        self.faults: dict[str, str] = {}
        self.resting: dict[str, float] = {}
        self.until: dict[str, float] = {}
        self.struck: set[str] = set()

    def lethal(self) -> int:
        """Return how many strikes so far ended a session."""
        found = [*fleet.strikes(self._folder), *self.ledger]
        return len([strike for strike in found if strike.fault in LETHAL])

    def step(self, now: Scrape) -> None:
        """End the faults that have lasted, and strike anew where there is room."""
        instant = time.monotonic()
        for name in [name for name, until in self.until.items() if until <= instant]:
            del self.until[name]
            self.faults.pop(name, None)
            # A worker that was stopped looks well until the next poll has passed its deadline.
            self.resting[name] = instant + fleet.NOTICED
        self._write()
        well = fleet.up(now, TERMINALS)
        rested = [name for name in well if self.resting.get(name, 0.0) <= instant and name not in self.until]
        if rested and len(self.until) < AT_ONCE:
            self._strike(self._random.choice(rested), instant)

    def finish(self) -> None:
        """End every fault."""
        self.faults.clear()
        self._write()

    def _strike(self, name: str, instant: float) -> None:
        fault = self._random.choice([*LETHAL, *HARMLESS])
        self.until[name] = instant + self._random.uniform(1.0, 4.0)
        self.struck.add(name)
        if fault.startswith("SIG"):
            os.kill(self._worker(name), signal.Signals[fault])
            self.ledger.append(Strike(terminal=name, fault=fault))
        else:
            self.faults[name] = fault
            self._write()

    def _worker(self, name: str) -> int:
        """Return the terminal's worker, as the exporter's log has it."""
        started = [found for line in list(self._running.log) if (found := STARTED.search(line))]
        return int([found[2] for found in started if found[1] == name][-1])

    def _write(self) -> None:
        lines = [
            f"  - {{fault: {fault}, terminal: {name}, {GENTLY.get(fault, 'bytes: 64KiB')}}}\n"
            for name, fault in self.faults.items()
        ]
        new = self._folder / "scenario.new"
        text = "faults:\n" + "".join(lines) if lines else "faults: []\n"
        if (
            not (self._folder / "scenario.yml").exists()
            or (self._folder / "scenario.yml").read_text() != text
        ):
            new.write_text(text)
            new.replace(self._folder / "scenario.yml")


@dataclass(slots=True)
class Traffic:
    """What the scrapers saw."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


@contextlib.contextmanager
def traffic(url: str) -> Iterator[Traffic]:
    """Scrape from many connections, some of which read very slowly, until the block ends."""
    seen, stop = Traffic(), threading.Event()
    crowd = threading.Thread(target=lambda: asyncio.run(_crowd(url, seen, stop)))
    crowd.start()
    try:
        yield seen
    finally:
        stop.set()
        crowd.join(timeout=30)


async def _crowd(url: str, seen: Traffic, stop: threading.Event) -> None:
    port = urlsplit(url).port
    assert port is not None
    chance = random.Random(SEED)
    readers = [_scraper(port, seen, stop, chance.uniform(1.0, 3.0)) for _ in range(SCRAPERS)]
    await asyncio.gather(*readers, *(_slow_reader(port, stop) for _ in range(SLOW_READERS)))


async def _scraper(port: int, seen: Traffic, stop: threading.Event, pause: float) -> None:
    while not stop.is_set():
        started = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
        )
        answer = await reader.read()
        seen.seconds.append(time.monotonic() - started)
        seen.statuses[answer[:12].decode()] += 1
        writer.close()
        await asyncio.sleep(pause)


async def _slow_reader(port: int, stop: threading.Event) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=64)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    while not stop.is_set():
        await reader.read(10)
        await asyncio.sleep(0.5)
    writer.close()


@pytest.mark.timeout(420)
def test_a_fleet_survives_every_fault_and_counts_each_once(tmp_path: Path) -> None:
    fleet.write(tmp_path, TERMINALS)
    with fleet.start(tmp_path) as running:
        healthy = running.wait_for(
            lambda now: len(fleet.up(now, TERMINALS)) == len(TERMINALS), seconds=90, what="all up"
        )
        exporter = psutil.Process(running.process.pid)
        injector = Injector(running, tmp_path)
        before = exporter.num_fds(), exporter.num_threads()
        resident = exporter.memory_info().rss

        started = time.monotonic()
        with traffic(running.url) as seen:
            while (spent := time.monotonic() - started) < SECONDS or (
                spent < 5 * SECONDS and injector.lethal() < LEAST
            ):
                injector.step(running.scrape())
                time.sleep(STEP)
            injector.finish()

        def settled(now: Scrape) -> bool:
            # A worker that was stopped last is found out only when it is next asked.
            counted = fleet.counted_errors(now) - fleet.counted_errors(healthy)
            expected = fleet.expected_errors([*fleet.strikes(tmp_path), *injector.ledger])
            return len(fleet.up(now, TERMINALS)) == len(TERMINALS) and counted == expected

        with contextlib.suppress(AssertionError):
            running.wait_for(settled, seconds=60)
        after = running.scrape()
        found = [*fleet.strikes(tmp_path), *injector.ledger]
        assert fleet.up(after, TERMINALS) == TERMINALS
        assert injector.lethal() >= LEAST
        counted = fleet.counted_errors(after) - fleet.counted_errors(healthy)
        expected = fleet.expected_errors(found)
        assert counted == expected, history(
            running, tmp_path, injector, {*(counted - expected), *(expected - counted)}
        )
        for name in set(TERMINALS) - injector.struck:
            assert after.get("mt5_session_losses_total", terminal=name) == healthy.get(
                "mt5_session_losses_total", terminal=name
            )
            assert after.get("mt5_reading_stale", terminal=name, reading="account") == 0
        assert set(seen.statuses) == {"HTTP/1.1 200"}
        assert len(running.workers()) == len(TERMINALS)
        # Connections may still be closing.
        running.wait_for(
            lambda _: exporter.num_fds() <= before[0] + 2, seconds=20, what="a descriptor leaked"
        )
        assert exporter.num_threads() <= before[1] + 2
        grown = exporter.memory_info().rss - resident
        assert grown <= GROWTH
        workers = running.workers()
        assert running.stop() == 0
        assert gone(workers, seconds=5)
    report(found, seen, grown)


def history(
    running: RunningExporter, folder: Path, injector: Injector, causes: set[tuple[str, str, str]]
) -> str:
    """Return all that is known of the terminals whose counts differ."""
    names = {name for name, _, _ in causes}
    lines = [line for line in (folder / "ledger").read_text().splitlines() if line.split()[1] in names]
    lines += [str(strike) for strike in injector.ledger if strike.terminal in names]
    lines += [line.rstrip() for line in running.log if any(f"terminal={name} " in line for name in names)]
    return "\n".join([str(causes), *lines])


def report(found: list[Strike], seen: Traffic, grown: int) -> None:
    """Say what was done, for whoever reads the run."""
    seconds = sorted(seen.seconds)
    p99 = seconds[int(len(seconds) * 0.99)]
    faults = ", ".join(f"{fault} {count}" for fault, count in sorted(Counter(s.fault for s in found).items()))
    print(f"seed {SEED}: {len(seconds)} scrapes, p99 {p99 * 1000:.0f} ms; grown {grown >> 20} MiB; {faults}")  # noqa: T201
