"""What a wide terminal costs: 1,000 symbols and 2,000 positions, watched whole and with the default cap.

A genuine worker reads a scripted MetaTrader5 module, whose own part is in the poll's time; every symbol ticks
before each poll. The sizes take turns, poll by poll. `blocked` is the longest that the event loop stood still
during a poll, or while the exposition was rendered in its thread after it.
"""

import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness import Options, main, median, progress, quantile, ratio, say, show, table
from mt5_exporter.app import calm_collector
from tests.scripted.desk import Desk, command, configuration, desk
from tests.scripted.wide import POSITIONS, SYMBOLS, move, pulse, widen
from tests.scripted.world import World
from tests.session.stage import FakeClock

POLL_TARGET, BLOCK_TARGET = 1.0, 0.020
INTERVAL = 15.0
SIZES = ((10, 20, 200), (SYMBOLS, POSITIONS, 200), (SYMBOLS, POSITIONS, SYMBOLS))
"""Symbols, positions, and `max_symbols`."""


@dataclass(slots=True)
class Wide:
    """One size; a value for each poll, in seconds."""

    symbols: int
    positions: int
    cap: int
    world: World
    desk: Desk
    polls: list[float] = field(default_factory=list)
    poll_blocked: list[float] = field(default_factory=list)
    renders: list[float] = field(default_factory=list)
    render_blocked: list[float] = field(default_factory=list)
    series: int = 0

    async def measure(self, clock: FakeClock) -> None:
        """Let every symbol tick, poll, and render."""
        with self.world.change():
            move(self.world, now=clock.wall(), symbols=self.symbols)
        async with pulse() as watch:
            self.polls.append(await self.desk.timed_poll())
        self.poll_blocked.append(watch.longest)
        async with pulse() as watch:
            started = time.perf_counter()
            bodies = await self.desk.bodies()
            self.renders.append(time.perf_counter() - started)
        self.render_blocked.append(watch.longest)
        text = min(bodies.values(), key=len)
        self.series = sum(not line.startswith(b"#") for line in text.splitlines())


def run(options: Options) -> None:
    """Measure and print."""
    asyncio.run(_run(options.seconds or (8.0 if options.quick else 60.0)))


async def _run(seconds: float) -> None:
    clock = FakeClock(wall=time.time() // 60 * 60)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sizes = [await _wide(stack, folder, clock, *size) for size in SIZES]
        for wide in sizes:
            # The first poll of all has imports and caches to fill.
            await wide.desk.timed_poll()
        # As the exporter does when it starts.
        calm_collector()
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            progress(f"round {len(sizes[0].polls) + 1}")
            clock.advance(INTERVAL)
            for wide in sizes:
                await wide.measure(clock)
    report(sizes)


async def _wide(  # noqa: PLR0917 - a size is three numbers
    stack: AsyncExitStack, folder: Path, clock: FakeClock, symbols: int, positions: int, cap: int
) -> Wide:
    world = World(folder / f"{symbols}-{cap}.db")
    stack.callback(world.close)
    widen(world, now=clock.wall(), symbols=symbols, positions=positions)
    keys = ("symbols: ['*']", f"max_symbols: {cap}", "strategies: {trend: [1001], grid: [1002]}")
    config = configuration({"desk": command(world)}, *keys)
    return Wide(
        symbols=symbols,
        positions=positions,
        cap=cap,
        world=world,
        desk=await stack.enter_async_context(desk(config, clock=clock, folder=folder)),
    )


def report(sizes: list[Wide]) -> None:
    """Print the table."""
    small = sizes[0]
    say(
        f"{len(small.polls)} rounds; targets: a poll {POLL_TARGET:g} s, blocked {BLOCK_TARGET * 1000:g} ms.\n"
    )
    table(
        [
            "symbols / positions / max_symbols",
            "poll p50 / target",
            "poll p50 / small",
            "poll p50 ms",
            "poll p99 ms",
            "blocked p50 / target",
            "blocked p50 ms",
            "blocked p99 ms",
            "rendering p50 ms",
            "blocked then, p50 ms",
            "series",
        ],
        [
            [
                f"{wide.symbols:,} / {wide.positions:,} / {wide.cap:,}",
                ratio(median(wide.polls) / POLL_TARGET),
                ratio(median(wide.polls) / median(small.polls)),
                show(median(wide.polls) * 1000),
                show(quantile(wide.polls, 0.99) * 1000),
                ratio(median(wide.poll_blocked) / BLOCK_TARGET),
                show(median(wide.poll_blocked) * 1000),
                show(quantile(wide.poll_blocked, 0.99) * 1000),
                show(median(wide.renders) * 1000),
                show(median(wide.render_blocked) * 1000),
                f"{wide.series:,}",
            ]
            for wide in sizes
        ],
    )


if __name__ == "__main__":
    sys.exit(main(run, __doc__))
