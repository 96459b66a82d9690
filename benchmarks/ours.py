"""Our own server without terminals: the real snapshot, publisher, renderer and web stack.

python -m benchmarks.ours TERMINALS SYMBOLS idle|polls
"""

import asyncio
import random
import signal
import sys
import time
from typing import NoReturn

from benchmarks import world
from mt5_exporter.clock import SystemClock
from mt5_exporter.config import Config
from mt5_exporter.counters import Counters
from mt5_exporter.exposition.internal import Internals
from mt5_exporter.exposition.publish import Publisher
from mt5_exporter.snapshot import Snapshot
from mt5_exporter.tally import Tally
from mt5_exporter.web.routes import Routes, Surface
from mt5_exporter.web.server import Address, Server, listen

HOUR = 3600.0


class Ours:
    """The near half of the exporter, from the snapshot on."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.clock = SystemClock()
        self.dice = random.Random(7)  # noqa: S311 - numbers to serve, no secrets
        self.counters = Counters()
        self.tally = Tally(config, self.counters)
        self.snapshot = Snapshot(terminal.name for terminal in config.terminals)
        self.publisher = Publisher(
            config,
            snapshot=self.snapshot,
            counters=self.counters,
            internals=Internals(),
            with_internals=True,
            clock=self.clock,
        )
        self.snapshot.on_change(self.publisher.changed)

    def poll(self, number: int) -> None:
        """Take one terminal's poll, as the exporter does when one has finished."""
        terminal = self.config.terminals[number % len(self.config.terminals)]
        at, instant = self.clock.wall(), self.clock.monotonic()
        result = world.poll(terminal, at=at, instant=instant, dice=self.dice)
        self.tally.polled(result)
        self.snapshot.observe(terminal.name, world.session(at))
        self.snapshot.publish(result)

    async def poll_for_ever(self) -> None:
        """Poll every terminal every 15 s in turn, and some terminal twice a second at least."""
        terminals, number = len(self.config.terminals), 0
        started = time.monotonic()
        pause = min(0.5, world.INTERVAL / terminals)
        while True:
            number += 1
            self.poll(number)
            await asyncio.sleep(max(0.0, started + number * pause - time.monotonic()))


def not_measured() -> NoReturn:
    """Stand where a page is that nobody asks for here."""
    raise NotImplementedError


async def serve(terminals: int, symbols: int, *, polls: bool) -> None:
    """Serve on a free port until SIGTERM."""
    # What is not polled again must not become stale while it is measured.
    ours = Ours(world.config(terminals, symbols, interval=world.INTERVAL if polls else HOUR))
    for number in range(terminals):
        ours.poll(number)
    surface = Surface(
        telemetry_path="/metrics",
        max_requests=40,
        current=ours.publisher.current,
        healthy=str,
        ready=str,
        names=list,
        overview=not_measured,
        spelled=str,
        reload=not_measured,
    )
    server = Server(Routes(surface).application())
    sockets = listen(Address(host="127.0.0.1", port=0))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, server.finish)
    tasks = [asyncio.ensure_future(ours.publisher.run())]
    if polls:
        tasks.append(asyncio.ensure_future(ours.poll_for_ever()))
    sys.stdout.write(f"http://127.0.0.1:{sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.run_on(sockets)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def main() -> int:
    """Serve as the command line says."""
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), polls=sys.argv[3] == "polls"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
