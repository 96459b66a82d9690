"""What one terminal that hangs with the GIL held does to 19 others: their round trips, and the scrapes.

The exporter runs here, in the process that measures: a library caller borrows one of the 19 sessions after
the other and asks `terminal_info`; a client in another process scrapes every 50 ms. Rounds with and without
the fault take turns. A hung round begins with the fault, so it has the deadline, the kill, and every attempt
to start and attach a new worker, which hangs again.
"""

import asyncio
import itertools
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import load
from benchmarks.fleet import SYMBOLS
from benchmarks.harness import Options, main, median, progress, quantile, ratio, ratios, say, show, table
from mt5_exporter.app import App, watch_children_without_threads
from mt5_exporter.config import Config, SimulationConfig, TerminalConfig
from mt5_exporter.web.server import Address, listen

TERMINALS = 20
INTERVAL = 2.0
DEADLINE = 1.0
HUNG = "desk-00"
STEP = 0.005


@dataclass(slots=True)
class Side:
    """What was seen without, or with, the fault: milliseconds, a value for each round."""

    trip_p50: list[float] = field(default_factory=list)
    trip_p99: list[float] = field(default_factory=list)
    scrape_p50: list[float] = field(default_factory=list)
    scrape_p99: list[float] = field(default_factory=list)
    trips: int = 0


def config(scenario: Path) -> Config:
    """Return the terminals."""
    return Config(
        terminals=tuple(
            TerminalConfig(
                name=f"desk-{seed:02}",
                driver="simulated",
                interval=INTERVAL,
                timeout=DEADLINE,
                connect_timeout=DEADLINE,
                symbols=SYMBOLS,
                symbol_markets={"BTCUSD": "crypto", "ETHUSD": "crypto"},
                simulation=SimulationConfig(seed=seed, scenario=scenario),
            )
            for seed in range(TERMINALS)
        ),
        connect_rate=50,
        connect_burst=20,
    )


async def trips(app: App, seconds: float) -> list[float]:
    """Ask the others in turn for a while; return the milliseconds of each round trip."""
    seen: list[float] = []
    others = itertools.cycle([name for name in app.manager.sessions() if name != HUNG])
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        async with app.manager.session(next(others)) as lease:
            started = time.perf_counter()
            await lease.terminal_info()
            seen.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(STEP)
    return seen


async def one_round(app: App, url: str, side: Side, seconds: float) -> None:
    """Measure both at once."""
    with ExitStack() as stack:
        scrapes = await asyncio.to_thread(stack.enter_context, load.paced(url, every=0.05))
        seen = await trips(app, seconds)
        # The scraper is ended, which takes a moment, without holding up the loop.
        await asyncio.to_thread(stack.close)
    side.trips += len(seen)
    side.trip_p50.append(quantile(seen, 0.5))
    side.trip_p99.append(quantile(seen, 0.99))
    side.scrape_p50.append(scrapes.p50)
    side.scrape_p99.append(scrapes.p99)


async def until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Wait for something.

    Raises:
        RuntimeError: It does not come.
    """
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            raise RuntimeError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(0.02)


def play(scenario: Path, faults: str) -> None:
    """Write the faults of from now on."""
    scenario.write_text(f"faults:{faults}")


async def measure(scenario: Path, *, rounds: int, seconds: float) -> tuple[Side, Side, int]:
    """Run the exporter, and the rounds; return both sides, and how often the hung worker was replaced."""
    app = App(config(scenario))
    sockets = listen(Address(host="127.0.0.1", port=0))
    url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    stop = asyncio.Event()
    running = asyncio.ensure_future(app.run(sockets, stop))
    without, hung = Side(), Side()
    bad = app.manager.sessions()[HUNG]
    attempts = 0
    try:
        if not await app.manager.wait_ready(timeout=60):
            raise RuntimeError("the fleet did not come up")
        for turn in range(rounds):
            progress(f"round {turn + 1} of {rounds}, without")
            await until(lambda: bad.attached, seconds=40, what=f"{HUNG} recovers")
            await asyncio.sleep(INTERVAL)
            await one_round(app, url, without, seconds)
            progress(f"round {turn + 1} of {rounds}, hung")
            play(scenario, f"\n  - {{fault: hang_gil, terminal: {HUNG}}}\n")
            await until(
                lambda: (worker := bad.worker) is not None and worker.busy, seconds=10, what=f"{HUNG} hangs"
            )
            await one_round(app, url, hung, seconds)
            attempts += bad.attempt
            play(scenario, " []\n")
    finally:
        stop.set()
        await running
    return without, hung, attempts


def run(options: Options) -> None:
    """Measure and print."""
    watch_children_without_threads()
    # Of the faults that we make ourselves.
    logging.disable(logging.CRITICAL)
    rounds, seconds = (1, 8.0) if options.quick else (6, options.seconds or 12.0)
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "scenario.yml"
        without, hung, attempts = asyncio.run(measure(scenario, rounds=rounds, seconds=seconds))
    say(
        f"{TERMINALS} terminals, interval {INTERVAL:g} s, deadline {DEADLINE:g} s; {rounds} rounds of "
        f"{seconds:g} s each way; {without.trips + hung.trips:,} round trips; the hung one failed "
        f"{attempts} times.\n"
    )
    rows = [
        [
            name,
            ratio(ratios(bad, good)),
            show(median(good)),
            show(median(bad)),
            show(max(good)),
            show(max(bad)),
        ]
        for name, good, bad in (
            ("round trip p50", without.trip_p50, hung.trip_p50),
            ("round trip p99", without.trip_p99, hung.trip_p99),
            ("scrape p50", without.scrape_p50, hung.scrape_p50),
            ("scrape p99", without.scrape_p99, hung.scrape_p99),
        )
    ]
    table(
        [
            "of the 19 others",
            "hung / without",
            "without, ms",
            "hung, ms",
            "worst round without",
            "worst round hung",
        ],
        rows,
    )


if __name__ == "__main__":
    sys.exit(main(run, __doc__))
