"""A day of polls, scrapes and dying workers in two minutes: in the evening the exporter holds no more.

SOAK_DAYS asks for more than the one.
"""

import datetime as dt
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.chaos import fleet
from tests.chaos.wall_clock import faketime, set_clock
from tests.process.running import RunningExporter, Scrape, gone

TERMINALS = [f"desk-{number:02}" for number in range(1, 49)]
DAYS = int(os.environ.get("SOAK_DAYS", "1"))

POLLS = 24 * 60 * 4
"""Of one terminal in a day, every 15 s. Each of the fleet makes one a second, and a scrape belongs to it."""

HOURS = 24
"""Parts of a day: after each the wall clock is set on by an hour, and passes midnight once in all of them."""

KILL_EVERY = 120
"""Polls between two deaths of a worker."""

LOOKS = 60
"""At what is held, in a day."""

GROWTH = 3 << 20
"""Bytes of resident memory that a third of a day may add: an allocator's noise was up to 1.4 MiB. Polls that
leave 2 KB behind add more."""

CONFIG = """
state_file: state.db
connect_rate: 100
connect_burst: 100
defaults:
  driver: simulated
  environment: [LD_PRELOAD, FAKETIME_TIMESTAMP_FILE, FAKETIME_DONT_FAKE_MONOTONIC, FAKETIME_CACHE_DURATION]
  interval: 1s
  timeout: 1s
  market: crypto
  symbols: [BTCUSD, EURUSD]
  backoff: {initial: 200ms, maximum: 1s}
terminals:
"""

TERMINAL = (
    "  - {{name: {name}, simulation: {{seed: {number}, login: {number}, opened: {opened}T00:00:00Z}}}}\n"
)

TRADING = 4
"""Accounts that trade all day; the others begin in a year. Some thousand series of deals for each of 48 would
make expositions whose coming and going hides a leak."""


@dataclass(slots=True)
class Held:
    """What the exporter was seen to hold over a part of the day."""

    resident: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    tasks: list[int] = field(default_factory=list)
    workers: list[int] = field(default_factory=list)

    def look(self, exporter: psutil.Process, page: str) -> None:
        """Take what the system tells, and what the exporter itself does."""
        self.resident.append(exporter.memory_info().rss)
        self.descriptors.append(exporter.num_fds())
        self.threads.append(exporter.num_threads())
        self.tasks.append(total(page, "mt5_exporter_event_loop_tasks"))
        self.workers.append(len(exporter.children(recursive=True)))

    def __str__(self) -> str:
        """Tell the least and the most of each."""
        mebibytes = [round(resident / 2**20, 1) for resident in self.resident]
        columns: tuple[list[int] | list[float], ...] = (
            mebibytes,
            self.descriptors,
            self.threads,
            self.tasks,
            self.workers,
        )
        return ", ".join(
            f"{min(column)}-{max(column)} {what}"
            for column, what in zip(
                columns, ("MiB", "descriptors", "threads", "tasks", "workers"), strict=True
            )
        )


class Life:
    """The days of an exporter."""

    def __init__(self, running: RunningExporter, folder: Path) -> None:
        self._running = running
        self._folder = folder
        self._exporter = psutil.Process(running.process.pid)
        self._begun = total(running.get(), "mt5_polls_total")
        self.polls = self.scrapes = self.kills = self.hours = 0

    def spend(self, days: float) -> Held:
        """Scrape as often as is polled until so many days have been; return what was held meanwhile."""
        held = Held()
        begun = self.polls
        until = begun + days * POLLS
        while self.polls < until:
            # Raises for any answer but 200.
            page = self._running.get()
            self.scrapes += 1
            self.polls = total(page, "mt5_polls_total") - self._begun
            if self.polls >= (self.kills + 1) * KILL_EVERY:
                victims = sorted(self._exporter.children(), key=lambda child: child.pid)
                victims[self.kills % len(victims)].kill()
                self.kills += 1
            if self.polls >= (self.hours + 1) * POLLS / HOURS:
                self.hours += 1
                set_clock(self._folder, self.hours * 3600)
            if self.polls >= begun + len(held.resident) * POLLS / LOOKS:
                held.look(self._exporter, page)
            # Not more scrapes than polls, or they were what is measured.
            time.sleep(max(0.002, (self.scrapes - self.polls) / len(TERMINALS)))
        return held


def total(page: str, name: str) -> int:
    """Return a metric's sum over all terminals."""
    # A parser of the whole page would take longer than the exporter does for it.
    found = [line for line in page.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in found))


def begun(now: Scrape) -> bool:
    """Tell whether every terminal is up and its account's history has been taken over."""
    since = [now.get("mt5_history_since_timestamp_seconds", terminal=name) for name in TERMINALS]
    return len(fleet.up(now, TERMINALS)) == len(TERMINALS) and all(since)


@pytest.mark.timeout(240 * DAYS + 120)
def test_a_day_of_polls_and_scrapes_and_dying_workers_leaves_nothing_behind(tmp_path: Path) -> None:
    today = dt.datetime.now(dt.UTC).date()
    terminals = [
        TERMINAL.format(
            name=name,
            number=number,
            opened=today + dt.timedelta(days=-10 if number <= TRADING else 365),
        )
        for number, name in enumerate(TERMINALS, start=1)
    ]
    (tmp_path / "config.yml").write_text(CONFIG + "".join(terminals))
    with RunningExporter(
        ["--config.file=config.yml"], directory=tmp_path, environment=faketime(tmp_path)
    ) as running:
        running.wait_for(begun, seconds=90, what="all up, and every history known")
        life = Life(running, tmp_path)

        # In the first third it fills what has a bound.
        _, noon, evening = (life.spend(DAYS / 3) for _ in range(3))

        print(f"{life.polls} polls, {life.scrapes} scrapes, {life.kills} kills: {noon}; {evening}")  # noqa: T201
        assert life.hours >= HOURS * DAYS - 1
        running.wait_for(
            lambda now: begun(now) and clock_of(now) > time.time() + life.hours * 3600 - 60,
            seconds=30,
            what="all up in the end, a day later",
        )
        assert total(running.get(), "mt5_worker_restarts_total") == life.kills
        # The least of either part: connections, polls and whole expositions come and go above it, and some
        # poll is always under way.
        assert min(evening.tasks) <= min(noon.tasks) + 4
        assert min(evening.descriptors) <= min(noon.descriptors) + 4
        assert min(evening.resident) <= min(noon.resident) + GROWTH
        # One may be that of an executor, which comes with the first work for it.
        assert max(evening.threads) <= max(noon.threads) + 1
        assert max(evening.workers) <= len(TERMINALS)
        workers = running.workers()
        assert running.stop() == 0
        assert gone(workers, seconds=5)


def clock_of(now: Scrape) -> float:
    """Return the exporter's wall clock, as its heartbeat tells it."""
    return now.get("mt5_exporter_scheduler_last_run_timestamp_seconds") or 0.0
