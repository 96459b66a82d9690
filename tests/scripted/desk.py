"""Ways to run an exporter on scripted terminals: poll by poll in this process, or in one of its own."""

import json
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from mt5_exporter.clock import Clock
from mt5_exporter.config import Config
from mt5_exporter.config_file import loads
from mt5_exporter.counters import Counters
from mt5_exporter.exposition.internal import Internals
from mt5_exporter.exposition.negotiate import Format
from mt5_exporter.exposition.publish import Publisher
from mt5_exporter.manager import MT5SessionManager
from mt5_exporter.poll import Poller
from mt5_exporter.snapshot import PollResult, Snapshot
from mt5_exporter.store import StateStore
from tests.exposition.parsing import Families, Series, parse
from tests.process.running import Scrape
from tests.scripted.world import World
from tests.session.stage import until

MODULE = Path(__file__).with_name("module.py")


def command(world: World) -> tuple[str, ...]:
    """Return the interpreter of a worker whose terminal is in this world."""
    return sys.executable, str(MODULE), str(world.path)


def configuration(commands: Mapping[str, Sequence[str]], *keys: str, head: str = "") -> str:
    """Return a configuration file: a terminal for each command, all with the same lines of YAML."""
    text = f"{head}connect_rate: 1000\nconnect_burst: 1000\nterminals:\n"
    for name, words in commands.items():
        lines = (f"path: 'C:\\{name}\\terminal64.exe'", f"command: {json.dumps(words)}", *keys)
        text += f"  - name: {name}\n" + "".join(f"    {line}\n" for line in lines)
    return text


class Reader:
    """Reads expositions: what prometheus_client made of a series once is not parsed again."""

    def __init__(self) -> None:
        self._series: dict[str, Series] = {}

    def read(self, text: str) -> Scrape:
        """Return what was scraped."""
        scrape = Scrape("")
        for line in text.splitlines():
            if not line.startswith("#"):
                key, _, value = line.rpartition(" ")
                if key not in self._series:
                    [self._series[key]] = Scrape(line + "\n").samples
                scrape.samples[self._series[key]] = float(value)
        return scrape


class Desk:
    """A manager and its pollers, polled by hand; what is scraped is rendered from what the polls gave."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self.config = config
        self.store = StateStore(config.state_file, clock)
        self.manager = MT5SessionManager(config, store=self.store, clock=clock, fraction=lambda: 0.0)
        self.snapshot = Snapshot(terminal.name for terminal in config.terminals)
        self._clock = clock
        self._reader = Reader()
        self._pollers = {terminal.name: Poller(self.manager, terminal) for terminal in config.terminals}

    async def poll(self, terminal: str = "") -> PollResult:
        """Poll a terminal, the first one unless it is named, and publish what it gave."""
        name = terminal or self.config.terminals[0].name
        result = await self._pollers[name].poll()
        self.snapshot.publish(result)
        return result

    async def timed_poll(self) -> float:
        """Poll the first terminal, and return the real seconds that it took."""
        started = time.perf_counter()
        result = await self.poll()
        assert failures(result) == []
        return time.perf_counter() - started

    async def poll_account(self, terminal: str = "") -> None:
        """Read a terminal's account as between two polls."""
        name = terminal or self.config.terminals[0].name
        self.snapshot.publish_readings(name, await self._pollers[name].poll_account())

    async def bodies(self) -> Mapping[Format, bytes]:
        """Return the exposition in both formats, of this moment."""
        publisher = Publisher(
            self.config,
            snapshot=self.snapshot,
            counters=Counters(),
            internals=Internals(),
            with_internals=False,
            clock=self._clock,
        )
        return (await publisher.current()).bodies

    async def scrape(self) -> Scrape:
        """Return the metrics of the moment."""
        return self._reader.read((await self.bodies())[Format.TEXT].decode())

    async def parsed(self) -> list[Families]:
        """Return what the parsers of prometheus_client make of both formats."""
        return [parse(kind, body) for kind, body in (await self.bodies()).items()]


@asynccontextmanager
async def desk(
    config: Config | str, *, clock: Clock, folder: Path, state: str | None = None
) -> AsyncIterator[Desk]:
    """Run a configuration's terminals, attached; without a `state` file's name it is kept in memory."""
    if isinstance(config, str):
        config = loads(config, "test.yml", {}, folder)
    config = replace(config, state_file=folder / state if state else None)
    stage = Desk(config, clock)
    async with stage.manager:
        sessions = stage.manager.sessions().values()
        await until(lambda: all(session.attached for session in sessions), what="attached")
        yield stage
    await stage.store.close()


def failures(result: PollResult) -> Sequence[str]:
    """Return what went wrong in a poll, a line each."""
    probes = [f"{probe.probe}: {probe.message}" for probe in result.probes if probe.reason]
    return [*probes, *(f"{r.reading}: {r.message}" for r in result.readings if not r.success)]
