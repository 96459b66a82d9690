"""A thousand symbols and two thousand positions on one terminal: all counted, few shown, always the same."""

import gc
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.running import Scrape
from tests.scripted.desk import command, configuration, desk, failures
from tests.scripted.wide import POSITIONS, SYMBOLS, move, name, pulse, widen
from tests.scripted.world import World
from tests.session.polling import WEDNESDAY
from tests.session.stage import FakeClock, in_loop

CAP = 50
NAMED = [name(999), name(3), "NOT.THERE"]
INTERVAL = 15.0
STRATEGIES = "strategies: {trend: [1001], grid: [1002]}"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "world.db")
    widen(world, now=WEDNESDAY)
    yield world
    world.close()


def symbols_of(now: Scrape, metric: str) -> set[str]:
    """Return the symbols that have series of a metric."""
    return {dict(labels)["symbol"] for found, labels in now.samples if found == metric}


@pytest.mark.timeout(120)
def test_the_same_symbols_are_kept_whatever_order_the_broker_lists_them_in(
    world: World, tmp_path: Path
) -> None:
    @in_loop
    async def run() -> None:
        keys = (f"symbols: {[*NAMED, 'S*', '*']}", f"max_symbols: {CAP}", STRATEGIES)
        clock = FakeClock(wall=WEDNESDAY)
        watched = [*NAMED, *sorted(name(number) for number in range(SYMBOLS) if name(number) not in NAMED)][
            :CAP
        ]
        held = {symbol for symbol in watched if symbol != "NOT.THERE"}
        for seed in range(1, 5):
            widen(world, now=clock.wall(), seed=seed)
            async with desk(
                configuration({"desk": command(world)}, *keys), clock=clock, folder=tmp_path
            ) as stage:
                for _ in range(2):
                    clock.advance(400)
                    with world.change():
                        move(world, now=clock.wall())
                    await stage.poll()
                now = await stage.scrape()
            assert symbols_of(now, "mt5_symbol_state") == set(watched)
            assert symbols_of(now, "mt5_symbol_bid") == held
            assert (
                held <= symbols_of(now, "mt5_positions") < held | {name(number) for number in range(SYMBOLS)}
            )
            assert len(symbols_of(now, "mt5_positions")) == CAP
            assert now.get("mt5_symbols_watched", terminal="desk") == CAP
            assert now.get("mt5_symbols_left_out", terminal="desk") == SYMBOLS + 1 - CAP
            assert now.get("mt5_positions_symbols_left_out", terminal="desk") == SYMBOLS - CAP

    run()


def test_everything_is_counted_and_no_metric_has_more_series_than_the_cap_allows(
    world: World, tmp_path: Path
) -> None:
    @in_loop
    async def run() -> None:
        keys = ("symbols: ['*']", f"max_symbols: {CAP}", STRATEGIES)
        clock = FakeClock(wall=WEDNESDAY)
        async with desk(
            configuration({"desk": command(world)}, *keys), clock=clock, folder=tmp_path
        ) as stage:
            assert failures(await stage.poll()) == []
            now = await stage.scrape()
        assert now.get("mt5_account_positions", terminal="desk") == POSITIONS
        counts = Counter(metric for metric, labels in now.samples if "symbol" in dict(labels))
        sides, strategies, states = 2, 4, 6
        assert max(counts.values()) <= CAP * max(sides * strategies, states)
        assert all(len(symbols_of(now, metric)) <= CAP for metric in counts)

    run()


@pytest.fixture
def alone() -> Iterator[None]:
    """Leave what the tests before have made, and what looks on, out of what stops the loop."""
    gc.collect()
    gc.freeze()
    # What measures coverage takes longer than what it measures.
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)
    gc.unfreeze()


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("cap", [200, SYMBOLS])
def test_a_poll_of_all_of_it_takes_less_than_a_second_and_blocks_the_loop_for_less_than_20_ms(
    world: World, tmp_path: Path, cap: int
) -> None:
    @in_loop
    async def run() -> None:
        keys = ("symbols: ['*']", f"max_symbols: {cap}", STRATEGIES)
        clock = FakeClock(wall=WEDNESDAY)
        took: list[float] = []
        blocked: list[float] = []
        async with desk(
            configuration({"desk": command(world)}, *keys), clock=clock, folder=tmp_path
        ) as stage:
            for _ in range(12):
                clock.advance(INTERVAL)
                with world.change():
                    move(world, now=clock.wall())
                async with pulse() as watch:
                    seconds = await stage.timed_poll()
                took.append(seconds)
                blocked.append(watch.worked)
        # Its own work, and not of the best poll: another program on these cores stops any process for longer,
        # now and then. By the clock it is measured in `benchmarks.width`.
        assert sorted(took)[2] < 1.0
        assert sorted(blocked)[2] < 0.020

    run()
