"""What is read of symbols, found by name, alias or pattern, and what a feed of them owes."""

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Metric
from mt5_exporter.clock import Clock
from mt5_exporter.labels import MAX_LABEL
from mt5_exporter.server_clock import AGREE
from mt5_exporter.snapshot import PollResult
from mt5_exporter.symbol_table import PAUSE, RELIST
from mt5_exporter.threads import MANY
from tests.scripted.desk import Desk, command, configuration, desk
from tests.scripted.world import World
from tests.session.polling import HOUR, SATURDAY, WEDNESDAY, polling, probe_of, reading_of
from tests.session.stage import FakeClock, in_loop

NOON = int((WEDNESDAY + 2 * HOUR) * 1000)
"""The same instant in milliseconds of a server's clock that is two hours ahead."""

Values = Mapping[tuple[str, tuple[str, ...]], float]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "world.db")
    yield world
    world.close()


def fill(world: World, *names: str, **fields: object) -> None:
    """Let the broker have these symbols, each with a tick."""
    with world.change():
        for name in names:
            world.symbol(name, **fields)
            world.tick(name, time_msc=NOON)


@asynccontextmanager
async def watching(world: World, folder: Path, *keys: str, clock: Clock | None = None) -> AsyncIterator[Desk]:
    text = configuration({"desk": command(world)}, "preflight: false", *keys)
    async with desk(text, clock=clock or FakeClock(wall=WEDNESDAY), folder=folder) as stage:
        yield stage


def values(result: PollResult) -> Values:
    found = reading_of(result, "symbols")
    assert found.success, found.message
    assert len({(s.metric, s.labels) for s in found.samples}) == len(found.samples)
    return {(sample.metric.name, sample.labels): sample.value for sample in found.samples}


def by_symbol(found: Values, metric: Metric) -> dict[str, float]:
    return {labels[1]: value for (name, labels), value in found.items() if name == metric.name}


def states(found: Values, metric: Metric = catalogue.SYMBOL_STATE) -> dict[str, str]:
    """Return the state of each symbol that has one; exactly one is on."""
    on = [labels for (name, labels), value in found.items() if name == metric.name and value]
    assert len({label for _, label, _ in on}) == len(on)
    return {label: state for _, label, state in on}


def totals(found: Values) -> tuple[float, float]:
    """Return how many are watched, and how many left out."""
    watched, left_out = catalogue.SYMBOLS_WATCHED.name, catalogue.SYMBOLS_LEFT_OUT.name
    return found[watched, ("desk",)], found[left_out, ("desk",)]


def told(result: PollResult) -> tuple[str, str, str]:
    found = probe_of(result, "data_feed")
    return found.status.value, found.reason, found.message


# One symbol


@in_loop
async def test_a_symbols_values_are_its_last_tick_and_when_it_was_new(tmp_path: Path) -> None:
    clock = FakeClock(wall=WEDNESDAY)
    async with polling(tmp_path, clock) as stage:
        await stage.poll()
        clock.advance(5.0)
        found = await stage.values("symbols")

    labels = ("desk", "EURUSD")
    expected: dict[tuple[str, tuple[str, ...]], float] = {
        ("mt5_symbol_bid", labels): 1.25,
        ("mt5_symbol_ask", labels): 1.5,
        ("mt5_symbol_spread_points", labels): 25_000.0,
        ("mt5_symbol_tick_last_change_timestamp_seconds", labels): WEDNESDAY,
        ("mt5_symbol_tick_server_timestamp_seconds", labels): 1_700_000_000.25,
        ("mt5_symbols_watched", ("desk",)): 1,
        ("mt5_symbols_left_out", ("desk",)): 0,
    }
    expected |= {
        ("mt5_symbol_state", (*labels, state)): state == "ticking" for state in catalogue.SYMBOL_STATES
    }
    expected |= {("mt5_symbol_trade_mode", (*labels, mode)): mode == "full" for mode in catalogue.TRADE_MODES}
    assert found == expected


@pytest.mark.parametrize(
    ("bid", "ask", "point", "points"),
    [
        (1.08505, 1.08512, 0.00001, 7.0),
        (149.501, 149.51, 0.001, 9.0),
        (95_000.01, 95_015.02, 0.01, 1501.0),
        # Prices that cross, and prices below zero.
        (1.0002, 1.0001, 0.0001, -1.0),
        (-37.64, -37.63, 0.01, 1.0),
        (0.0, 1.5, 0.01, None),
        (1.25, 0.0, 0.01, None),
        (1.25, 1.5, 0.0, None),
        (1.25, float("nan"), 0.01, None),
        (1.25, 1.5, float("nan"), None),
    ],
)
def test_a_spread_is_in_points_and_needs_both_prices_and_the_point(
    tmp_path: Path, bid: float, ask: float, point: float, points: float | None
) -> None:
    @in_loop
    async def run() -> None:
        async with polling(tmp_path) as stage:
            stage.answers.tick(bid=bid, ask=ask)
            stage.answers.symbol(point=point)
            found = await stage.values("symbols")

        prices = [by_symbol(found, metric) for metric in (catalogue.SYMBOL_BID, catalogue.SYMBOL_ASK)]
        # A price of 0 is none, and so is one that is no number.
        assert prices == [{"EURUSD": price} if price and price == price else {} for price in (bid, ask)]  # noqa: PLR0124
        assert by_symbol(found, catalogue.SYMBOL_SPREAD).get("EURUSD") == points

    run()


@pytest.mark.parametrize(("code", "mode"), [*enumerate(catalogue.TRADE_MODES), (-1, "other"), (99, "other")])
def test_the_trade_mode_is_the_brokers_and_one_to_come_is_other(tmp_path: Path, code: int, mode: str) -> None:
    @in_loop
    async def run() -> None:
        async with polling(tmp_path) as stage:
            stage.answers.symbol(trade_mode=code)

            assert states(await stage.values("symbols"), catalogue.SYMBOL_TRADE_MODE) == {"EURUSD": mode}

    run()


# States


def looking(
    test: Callable[[World, Path], Coroutine[object, object, None]],
) -> Callable[[World, Path], None]:
    """Run a test of a scripted world on an event loop of its own."""

    @functools.wraps(test)
    def run(world: World, tmp_path: Path) -> None:
        in_loop(test)(world, tmp_path)

    return run


@looking
async def test_each_symbol_has_the_state_that_market_watch_gives_it(world: World, tmp_path: Path) -> None:
    fill(world, "EURUSD")
    fill(world, "GBPUSD", select=False)
    world.symbol("NEW")
    world.symbol("EMPTY")
    world.tick("EMPTY", time_msc=0)
    async with watching(world, tmp_path, "symbols: [EURUSD, GBPUSD, NEW, EMPTY, NOPE]") as stage:
        found = values(await stage.poll())

    assert states(found) == {
        "EURUSD": "ticking",
        "GBPUSD": "unselected",
        "NEW": "no_tick",
        "EMPTY": "no_tick",
        "NOPE": "unknown",
    }
    assert set(by_symbol(found, catalogue.SYMBOL_TICK_CHANGED)) == {"EURUSD"}
    assert set(states(found, catalogue.SYMBOL_TRADE_MODE)) == {"EURUSD", "GBPUSD", "NEW", "EMPTY"}


@in_loop
async def test_the_last_tick_of_a_symbol_outside_of_market_watch_is_not_served(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.symbol(select=False)

        found = await stage.values("symbols")

    assert states(found) == {"EURUSD": "unselected"}
    served = {name for name, labels in found if len(labels) == 2}
    assert served == set()


@in_loop
async def test_a_symbol_of_another_shape_disturbs_no_other(tmp_path: Path) -> None:
    async with polling(tmp_path, symbols=("ODDTICK", "EURUSD", "ODD")) as stage:
        stage.answers.tick("ODDTICK", bid="1.25")
        stage.answers.symbol("ODD", point="0.1")
        found = await stage.values("symbols")

    # What the terminal did not tell has no state; a price needs no specification.
    assert states(found) == {"EURUSD": "ticking"}
    assert set(by_symbol(found, catalogue.SYMBOL_BID)) == {"EURUSD", "ODD"}
    assert set(by_symbol(found, catalogue.SYMBOL_SPREAD)) == {"EURUSD"}


@in_loop
async def test_not_one_tick_is_a_reading_all_the_same_and_the_states_say_why(tmp_path: Path) -> None:
    async with polling(tmp_path, symbols=("NOPE", "NEW")) as stage:
        stage.answers.fail("symbol_info_tick", -1, "Terminal: Call failed")
        stage.answers.fail("symbol_info NOPE", -4, "Terminal: Not found")

        assert states(await stage.values("symbols")) == {"NOPE": "unknown", "NEW": "no_tick"}


@pytest.mark.parametrize("function", ["symbol_info_tick", "symbol_info"])
def test_a_terminal_that_fails_every_call_fails_the_reading(tmp_path: Path, function: str) -> None:
    @in_loop
    async def run() -> None:
        async with polling(tmp_path, symbols=("EURUSD", "GBPUSD")) as stage:
            stage.answers.tick(time=0, time_msc=0)
            stage.answers.fail(function, 12345, "Something new")
            found = await stage.reading("symbols")

        assert (found.success, found.skipped, found.samples) == (False, False, ())
        assert found.message == f"terminal 'desk': {function}: Something new (MT5 error 12345)"

    run()


@in_loop
async def test_a_terminal_that_is_lost_on_the_way_fails_the_reading_for_that_reason(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.fail("symbol_info_tick", -10002, "IPC recv failed")

        found = await stage.reading("symbols")

    assert found.message == "terminal 'desk': symbol_info_tick: IPC recv failed (MT5 error -10002)"


@in_loop
async def test_without_symbols_none_is_watched_and_that_is_well(tmp_path: Path) -> None:
    async with polling(tmp_path, symbols=()) as stage:
        found = await stage.values("symbols")

    assert found == {("mt5_symbols_watched", ("desk",)): 0, ("mt5_symbols_left_out", ("desk",)): 0}


# Names, aliases and patterns


@looking
async def test_symbols_carry_our_names_however_they_were_found(world: World, tmp_path: Path) -> None:
    fill(world, "EURUSD.m", "GBPUSD.m", "XAUUSD.m")
    keys = ("symbols: ['GBP*', EURUSD]", "aliases: {EURUSD: EURUSD.m, GBPUSD: GBPUSD.m}")
    async with watching(world, tmp_path, *keys) as stage:
        result = await stage.poll()

    assert states(values(result)) == {"EURUSD": "ticking", "GBPUSD": "ticking"}
    assert result.symbols == ("EURUSD", "GBPUSD")


@looking
async def test_a_pattern_also_finds_what_is_not_selected_and_a_star_alone_does_not(
    world: World, tmp_path: Path
) -> None:
    fill(world, "EURUSD", "BTCUSD")
    fill(world, "EURGBP", "GBPUSD", select=False)
    async with watching(world, tmp_path, "symbols: ['EUR*', '*']") as stage:
        found = values(await stage.poll())

    assert states(found) == {"EURUSD": "ticking", "BTCUSD": "ticking", "EURGBP": "unselected"}


@looking
async def test_what_is_over_the_cap_is_left_out_and_counted(world: World, tmp_path: Path) -> None:
    names = [f"S{index:03d}" for index in range(50)]
    fill(world, *reversed(names))
    async with watching(world, tmp_path, "symbols: ['S*', S049]", "max_symbols: 10") as stage:
        first, second = values(await stage.poll()), values(await stage.poll())

    assert list(states(first)) == ["S049", *names[:9]]
    assert states(second) == states(first)
    assert totals(first) == (10, 40)


@looking
async def test_a_thousand_symbols_are_read_as_few_are(world: World, tmp_path: Path) -> None:
    names = [f"S{index:04d}" for index in range(2 * MANY)]
    fill(world, *names)
    async with watching(world, tmp_path, "symbols: ['*']", "max_symbols: 2000") as stage:
        found = values(await stage.poll())

    assert states(found) == dict.fromkeys(names, "ticking")
    assert totals(found) == (2 * MANY, 0)


@looking
async def test_only_what_is_named_is_selected_never_what_a_pattern_finds(
    world: World, tmp_path: Path
) -> None:
    fill(world, "EURUSD.m", "GBPUSD", "EURGBP", select=False)
    keys = ("select: true", "symbols: [EURUSD, 'EUR*', GBPUSD]", "aliases: {EURUSD: EURUSD.m}")
    async with watching(world, tmp_path, *keys) as stage:
        found = values(await stage.poll())

    assert states(found) == {"EURUSD": "ticking", "GBPUSD": "ticking", "EURGBP": "unselected"}


@looking
async def test_names_that_no_broker_should_have_leave_the_others_alone(world: World, tmp_path: Path) -> None:
    fill(world, "EURUSD", "X" * 10_000, "X" * 9_999, "A\ud800", "A\x00\n")
    async with watching(world, tmp_path, "symbols: ['*']") as stage:
        found = values(await stage.poll())

    # Two of them would be cut to labels that are there already.
    assert states(found) == {"EURUSD": "ticking", "X" * MAX_LABEL: "ticking", "A": "ticking"}
    assert totals(found) == (3, 2)


@looking
async def test_a_symbol_that_appears_is_found_after_a_while_and_one_that_goes_is_forgotten(
    world: World, tmp_path: Path
) -> None:
    clock = FakeClock(wall=WEDNESDAY)
    fill(world, "EURUSD", "EURGBP")
    async with watching(world, tmp_path, "symbols: ['EUR*']", clock=clock) as stage:
        seen = [(await stage.poll()).symbols]
        clock.advance(PAUSE)
        seen.append((await stage.poll()).symbols)
        fill(world, "EURJPY")
        world.drop_symbol("EURGBP")
        for seconds in (RELIST - 1.0, 1.0):
            clock.advance(seconds)
            seen.append((await stage.poll()).symbols)
        remembered = set(stage.manager.memory("desk").feed.changes)

    before = ("EURGBP", "EURUSD")
    assert seen == [before, before, before, ("EURJPY", "EURUSD")]
    assert remembered == {"EURJPY", "EURUSD"}


@looking
async def test_without_the_brokers_list_a_pattern_is_a_failed_reading(world: World, tmp_path: Path) -> None:
    fill(world, "EURUSD")
    world.fail("symbols_get", -1, "Terminal: Call failed")
    async with watching(world, tmp_path, "symbols: [EURUSD, 'GBP*']") as stage:
        result = await stage.poll()
        world.mend("symbols_get")
        again = await stage.poll()

    message = "terminal 'desk': symbols_get: Terminal: Call failed (MT5 error -1)"
    assert reading_of(result, "symbols").message == message
    # What the file names has its status series from the start.
    assert result.symbols == ("EURUSD",)
    assert states(values(again)) == {"EURUSD": "ticking"}


@looking
async def test_a_list_outlives_a_later_failure_to_get_it(world: World, tmp_path: Path) -> None:
    clock = FakeClock(wall=WEDNESDAY)
    fill(world, "EURUSD")
    async with watching(world, tmp_path, "symbols: ['EUR*']", clock=clock) as stage:
        await stage.poll()
        world.fail("symbols_get", -4, "Terminal: Not found")
        clock.advance(RELIST)

        assert states(values(await stage.poll())) == {"EURUSD": "ticking"}


@looking
async def test_an_empty_list_is_asked_for_again(world: World, tmp_path: Path) -> None:
    async with watching(world, tmp_path, "symbols: ['EUR*']") as stage:
        empty = await stage.poll()
        fill(world, "EURUSD")
        full = await stage.poll()

    assert totals(values(empty)) == (0, 0)
    assert told(empty) == ("unknown", "no_symbols", "the terminal has no symbol that the configuration means")
    assert states(values(full)) == {"EURUSD": "ticking"}


@in_loop
async def test_a_list_of_another_shape_is_a_failed_reading(tmp_path: Path) -> None:
    async with polling(tmp_path, symbols=("EUR*",)) as stage:
        stage.answers.give("symbols_get", [{"name": 7, "select": True}])
        odd = await stage.reading("symbols")
        stage.answers.give("symbols_get", "all")
        none = await stage.reading("symbols")

    assert odd.message == "terminal 'desk': symbols_get: Listed.name is a int"
    assert none.message == "terminal 'desk': symbols_get: Listed: expected 2 values"


# The server's clock


@looking
async def test_ticks_that_move_show_the_servers_clock(world: World, tmp_path: Path) -> None:
    clock = FakeClock(wall=WEDNESDAY + 3.0)
    fill(world, "EURUSD", "GBPUSD")
    offset, skew = catalogue.SERVER_CLOCK_OFFSET.name, catalogue.SERVER_CLOCK_SKEW.name
    found: list[Values] = []
    async with watching(world, tmp_path, "symbols: [EURUSD, GBPUSD]", clock=clock) as stage:
        for seconds in range(0, 60, 5):
            with world.change():
                for name in ("EURUSD", "GBPUSD"):
                    world.tick(name, time_msc=NOON + seconds * 1000)
            found.append(values(await stage.poll()))
            clock.advance(5.0)
        known = stage.manager.memory("desk").server_clock.offset

    offsets = [each.get((offset, ("desk",))) for each in found]
    assert offsets == [None] * (AGREE + 1) + [2 * HOUR] * (len(found) - AGREE - 1)
    assert found[-1][skew, ("desk",)] == pytest.approx(-3.0)
    assert known == 2 * HOUR


# What a feed owes


@looking
async def test_each_symbol_has_a_limit_of_its_own(world: World, tmp_path: Path) -> None:
    clock = FakeClock(wall=WEDNESDAY)
    fill(world, "EURUSD.m", "XAUUSD")
    keys = (
        "symbols: [EURUSD, XAUUSD]",
        "aliases: {EURUSD: EURUSD.m}",
        "limits: {symbol_tick_age_seconds: {EURUSD: 30, 'XAU*': 60}}",
    )
    async with watching(world, tmp_path, *keys, clock=clock) as stage:
        seen = []
        for seconds in (0.0, 30.0, 1.0, 29.0, 1.0):
            clock.advance(seconds)
            seen.append(told(await stage.poll())[2])

    one, both = "no new tick for 30 s: EURUSD", "no new tick for 30 s: EURUSD, XAUUSD"
    assert seen == ["", "", one, one, both]


@looking
async def test_what_only_a_pattern_finds_need_not_tick_while_something_does(
    world: World, tmp_path: Path
) -> None:
    fill(world, "EURUSD")
    fill(world, "EURGBP", "EURJPY", select=False)
    async with watching(world, tmp_path, "symbols: ['EUR*']") as stage:
        some = told(await stage.poll())
        world.symbol("EURUSD", select=False)
        none = told(await stage.poll())

    assert some == ("passed", "", "")
    text = "no tick for EURGBP, EURJPY, EURUSD: Terminal: Call failed"
    assert none == ("failed", "no_tick", text)


@looking
async def test_the_market_of_a_symbol_found_by_a_pattern_is_that_of_its_label(
    world: World, tmp_path: Path
) -> None:
    clock = FakeClock(wall=SATURDAY)
    fill(world, "EURUSD", "BTCUSD.m")
    keys = ("symbols: ['*']", "aliases: {BTCUSD: BTCUSD.m}", "symbol_markets: {'BTC*': crypto}")
    async with watching(world, tmp_path, *keys, clock=clock) as stage:
        await stage.poll()
        clock.advance(121.0)

        assert told(await stage.poll()) == ("failed", "stale", "no new tick for 120 s: BTCUSD")


@looking
async def test_of_many_symbols_a_message_names_a_few(world: World, tmp_path: Path) -> None:
    clock = FakeClock(wall=WEDNESDAY)
    fill(world, *(f"S{index:02d}" for index in range(25)))
    async with watching(world, tmp_path, "symbols: ['*']", clock=clock) as stage:
        await stage.poll()
        clock.advance(121.0)
        message = told(await stage.poll())[2]

    assert message.startswith("no new tick for 120 s: S00, S01")
    assert message.endswith("S09 and 15 more")
