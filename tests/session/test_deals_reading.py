"""Deals and finished orders of a terminal behind a genuine worker: counted once, restarts or not."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from mt5_exporter.snapshot import ReadingResult
from tests.scripted.desk import Desk, command, configuration, desk
from tests.scripted.world import World
from tests.session.polling import WEDNESDAY, reading_of
from tests.session.stage import FakeClock, in_loop

NOW = int(WEDNESDAY)
HOUR = 3600
INTERVAL = 15.0

LOST_LINK = {"connected": False}

Values = Mapping[tuple[str, tuple[str, ...]], float]


def settings(*worlds: World, keys: tuple[str, ...] = ()) -> str:
    """Return a configuration of a terminal for each world, `desk-1` and so on."""
    commands = {f"desk-{number}": command(world) for number, world in enumerate(worlds, 1)}
    return configuration(commands, "interval: 15s", "timeout: 10s", *keys)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world.db")


async def read(
    stage: Desk, clock: FakeClock, reading: str = "deals", terminal: str = "desk-1"
) -> ReadingResult:
    """Let an interval pass, poll, and return what a reading gave."""
    clock.advance(INTERVAL)
    return reading_of(await stage.poll(terminal), reading)


async def values(stage: Desk, clock: FakeClock, reading: str = "deals", terminal: str = "desk-1") -> Values:
    """Return a reading's values by metric and its labels but for the terminal."""
    found = await read(stage, clock, reading, terminal)
    assert found.success, found.message
    return {(sample.metric.name, sample.labels[1:]): sample.value for sample in found.samples}


@in_loop
async def test_deals_are_counted_from_the_baseline_on_and_over_restarts(tmp_path: Path, world: World) -> None:
    clock = FakeClock(wall=WEDNESDAY)
    world.deal(1, time=NOW - HOUR, type=2, profit=10_000.0)
    world.deal(2, time=NOW - HOUR, symbol="EURUSD", volume=0.1)
    config = settings(world, keys=("strategies: {scalper: [1001]}",))
    closing = ("EURUSD", "buy", "out", "so", "scalper")
    async with desk(config, clock=clock, folder=tmp_path, state="state.db") as stage:
        assert await values(stage, clock) == {}
        first = await values(stage, clock)
        since = clock.wall()
        world.deal(
            3, time=NOW, symbol="EURUSD", type=1, entry=1, reason=6, magic=1001, volume=0.1,
            profit=-25.5, commission=-0.7, swap=-0.1,
        )  # fmt: skip
        second = await values(stage, clock)
        seen = clock.wall()

    assert first["mt5_history_since_timestamp_seconds", ()] == since
    assert first["mt5_account_stop_outs_total", ()] == 0
    assert first["mt5_deals_total", ("EURUSD", "buy", "in", "client", "manual")] == 0
    assert first["mt5_account_operations_total", ("balance",)] == 0
    assert second["mt5_deals_total", closing] == 1
    assert second["mt5_deals_loss_total", closing] == 25.5
    assert second["mt5_deals_commission_paid_total", closing] == 0.7
    assert second["mt5_deals_swap_paid_total", closing] == 0.1
    assert second["mt5_account_last_stop_out_timestamp_seconds", ()] == seen

    # Down for two days, in which the desk goes on and withdraws money.
    clock.advance(48 * HOUR)
    world.deal(4, time=NOW + 24 * HOUR, type=2, profit=-1000.0)
    world.terminal(**LOST_LINK)
    async with desk(config, clock=clock, folder=tmp_path, state="state.db") as stage:
        third = await values(stage, clock)

    assert third["mt5_account_operations_paid_total", ("balance",)] == 1000
    assert third["mt5_history_since_timestamp_seconds", ()] == since
    assert third["mt5_account_last_stop_out_timestamp_seconds", ()] == seen
    assert {key: value for key, value in third.items() if key in second and "operations" not in key[0]} == {
        key: value for key, value in second.items() if "operations" not in key[0] and "today" not in key[0]
    }


@in_loop
async def test_orders_are_counted_by_how_they_ended(tmp_path: Path, world: World) -> None:
    clock = FakeClock(wall=WEDNESDAY)
    world.past_order(1, time_done=NOW - HOUR, symbol="EURUSD", state=4)
    async with desk(settings(world), clock=clock, folder=tmp_path) as stage:
        for _ in range(2):
            await values(stage, clock, "history_orders")
        world.past_order(2, time_done=NOW, symbol="EURUSD", state=5)
        world.past_order(3, time_done=NOW, symbol="XAUUSD", state=9)
        found = await values(stage, clock, "history_orders")

    assert found == {
        ("mt5_history_orders_total", ("EURUSD", "filled", "manual")): 0,
        ("mt5_history_orders_total", ("EURUSD", "rejected", "manual")): 1,
    }


@in_loop
async def test_two_terminals_of_one_account_tell_the_same(tmp_path: Path, world: World) -> None:
    clock = FakeClock(wall=WEDNESDAY)
    async with desk(settings(world, world), clock=clock, folder=tmp_path) as stage:
        for _ in range(2):
            await values(stage, clock)
        world.deal(1, time=NOW, symbol="EURUSD", volume=0.1, profit=5.0)

        found = [await values(stage, clock, terminal=name) for name in ("desk-1", "desk-2", "desk-1")]

    assert found[0] == found[1] == found[2]
    assert found[0]["mt5_deals_profit_total", ("EURUSD", "buy", "in", "client", "manual")] == 5


@pytest.mark.parametrize("function", ["history_deals_total", "history_deals_get"])
@in_loop
async def test_a_history_that_cannot_be_had_fails_its_reading_alone(
    tmp_path: Path, world: World, function: str
) -> None:
    clock = FakeClock(wall=WEDNESDAY)
    async with desk(settings(world), clock=clock, folder=tmp_path) as stage:
        for _ in range(2):
            await values(stage, clock)
        world.deal(1, time=NOW, symbol="EURUSD", volume=0.1)
        world.fail(function)
        clock.advance(INTERVAL)
        poll = await stage.poll()
        world.mend(function)
        after = await values(stage, clock)

    assert not reading_of(poll, "deals").success
    assert reading_of(poll, "history_orders").success
    assert reading_of(poll, "account").success
    assert after["mt5_deals_total", ("EURUSD", "buy", "in", "client", "manual")] == 1


@in_loop
async def test_a_long_history_is_read_in_slices_and_leaves_the_event_loop_free(
    tmp_path: Path, world: World
) -> None:
    clock = FakeClock(wall=WEDNESDAY)
    with world.change():
        for number in range(1, 9001):
            world.deal(number, time=NOW - number, symbol="EURUSD", volume=0.1, profit=0.01, comment="x" * 31)
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.001)

    async with desk(settings(world), clock=clock, folder=tmp_path, state="state.db") as stage:
        await values(stage, clock)
        turning = asyncio.ensure_future(turn())
        first = await values(stage, clock)
        with world.change():
            for number in range(10_001, 19_001):
                world.deal(number, time=NOW + 1, symbol="EURUSD", volume=0.1, profit=0.01)
        second = await values(stage, clock)
        turning.cancel()

    labels = ("EURUSD", "buy", "in", "client", "manual")
    assert first["mt5_deals_total", labels] == 0
    assert second["mt5_deals_total", labels] == 9000
    assert second["mt5_deals_profit_total", labels] == 90.0
    assert turns > 50
