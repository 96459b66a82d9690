"""A real exporter, as a user starts it, with simulated terminals; and what is read from its metrics."""

import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks.load import Scraper
from benchmarks.processes import Child, cpu
from mt5_exporter.far.drivers.simulated.catalogue import CATALOGUE

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
SYMBOLS = tuple(CATALOGUE)[:10]

Condition = Callable[["Scrape"], bool]


class Scrape:
    """The samples of one scrape by name, with their labels as they were written."""

    def __init__(self, text: str) -> None:
        self.by_name: dict[str, dict[str, float]] = {}
        for name, labels, value in SAMPLE.findall(text):
            self.by_name.setdefault(name, {})[labels] = float(value)

    def __getitem__(self, name: str) -> Mapping[str, float]:
        return self.by_name.get(name, {})

    def total(self, name: str) -> float:
        """Return the sum over all series of a name."""
        return sum(self[name].values())


class Fleet:
    """An exporter with as many terminals; it is gone with its workers when the context is left.

    Args:
        terminals: How many.
        settings: Lines of the configuration's `defaults`, say `interval: 5s`.
        top: Lines beside `defaults`, say `connect_rate: 50`.
    """

    def __init__(self, terminals: int, *, settings: Sequence[str] = (), top: Sequence[str] = ()) -> None:
        self.names = [f"desk-{number:03}" for number in range(terminals)]
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        self._scenario = folder / "scenario.yml"
        lines = [
            *top,
            "defaults:",
            "  driver: simulated",
            "  symbol_markets: {BTCUSD: crypto, ETHUSD: crypto}",
        ]
        lines += [f"  symbols: [{', '.join(SYMBOLS)}]", *(f"  {line}" for line in settings), "terminals:"]
        for seed, name in enumerate(self.names):
            lines += [
                f"  - name: {name}",
                f"    simulation: {{seed: {seed}, login: {seed + 1}, scenario: scenario.yml}}",
            ]
        (folder / "fleet.yml").write_text("\n".join(lines) + "\n")
        self.started = time.monotonic()
        self.child = Child(
            [
                *(sys.executable, "-m", "mt5_exporter", "--config.file=fleet.yml"),
                "--web.listen-address=127.0.0.1:0",
            ],
            directory=folder,
        )
        self.scraper: Scraper | None = None

    def open(self, url: str) -> None:
        """Keep a connection to it."""
        self.url = url
        self.scraper = Scraper(url)

    def text(self) -> str:
        """Return the metrics as text."""
        assert self.scraper is not None
        return self.scraper.text()

    def scrape(self) -> Scrape:
        """Return the metrics."""
        return Scrape(self.text())

    def wait_for(self, condition: Condition, *, seconds: float, step: float = 0.1) -> Scrape:
        """Scrape until a condition holds.

        Raises:
            RuntimeError: It does not in time.
        """
        give_up = time.monotonic() + seconds
        while not condition(found := self.scrape()):
            if time.monotonic() > give_up:
                raise RuntimeError(f"not within {seconds:g} s:\n{''.join(self.child.output[-20:])}")
            time.sleep(step)
        return found

    def wait_up(self, *, seconds: float = 60) -> float:
        """Wait until every terminal is up and has been read; return the seconds since the start."""
        self.wait_for(lambda scrape: scrape.total("mt5_up") == len(self.names), seconds=seconds)
        return time.monotonic() - self.started

    def workers(self) -> list[psutil.Process]:
        """Return the worker processes."""
        return self.child.process.children()

    def workers_cpu(self) -> float:
        """Return the CPU seconds of all workers that run."""
        return sum(cpu(worker) for worker in self.workers())

    def faults(self, entries: Sequence[str]) -> None:
        """Play faults from now on, each in YAML's own words, say `{fault: hang_gil, terminal: desk-000}`."""
        draft = self._scenario.with_suffix(".draft")
        draft.write_text("faults:" + ("".join(f"\n  - {entry}" for entry in entries) or " []") + "\n")
        # In one step: nobody reads a half of it.
        draft.rename(self._scenario)

    def close(self) -> None:
        """End it."""
        if self.scraper is not None:
            self.scraper.close()
        self.child.end()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        try:
            self.open(self.child.url())
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def ticks(*, every: float, seconds: float) -> Iterator[float]:
    """Yield at a steady pace for a while, whatever the body takes; the value is the seconds so far."""
    started = time.monotonic()
    number = 0
    while (due := number * every) < seconds:
        time.sleep(max(0.0, started + due - time.monotonic()))
        yield time.monotonic() - started
        number = max(number + 1, int((time.monotonic() - started) / every))
