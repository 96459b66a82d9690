"""Whatever a broker sends, in a text, a number or a struct of another build: no exposition breaks."""

import itertools
import math
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.exposition.parsing import Series
from tests.scripted.desk import Desk, command, configuration, desk
from tests.scripted.world import LACKING, TEXTS, World, struct
from tests.session.polling import WEDNESDAY
from tests.session.stage import FakeClock, in_loop

TEN_KILOBYTES = "X" * 10_000

HOSTILE = (
    "EUR\ud800USD",
    "EUR\udc00",
    "EUR\x00USD",
    "EUR\nUSD 1\n# EOF\n",
    "EUR\r\nUSD",
    'EUR"USD',
    'EUR\\"USD\\',
    "EUR\\nUSD",
    'x"} 1\nmt5_up{terminal="desk"} 0',
    "\u202eDSUREU",
    "\u2066\u0627\u0644\u064a\u0648\u0631\u0648\u2069",
    "\u2028EUR\u2029USD\x85",
    "\x1b[31mEUR\x7f",
    "EUR{USD}=,#",
    "日経平均\N{SMILING FACE WITH SUNGLASSES}",
    "é́" * 50,
    " ",
    TEN_KILOBYTES,
    "\n" + TEN_KILOBYTES,
)

NUMBERS = (math.nan, math.inf, -math.inf, 1e308, -1e308, 2**63 - 1, 2**64 - 1, -1)

WRITERS: Mapping[str, str] = {
    "TerminalInfo": "terminal",
    "AccountInfo": "account",
    "SymbolInfo": "symbol",
    "Tick": "tick",
    "TradePosition": "position",
    "TradeOrder": "order",
    "TradeDeal": "deal",
    "past TradeOrder": "past_order",
}
"""A struct, and the method of `World` that writes one."""

PAUSE = 20.0
"""Seconds from poll to poll: more than the interval, in which a history must not change to be taken over."""

DESK = frozenset({("terminal", "desk")})
TICKETS = itertools.count(100)

KEYS_OF_THE_WORLD = {
    "SymbolInfo": {"name"},
    "Tick": {"time_msc"},
    "TradePosition": {"ticket"},
    "TradeOrder": {"ticket"},
    "TradeDeal": {"ticket", "time"},
    "past TradeOrder": {"ticket", "time_done"},
}
"""The fields by which `World` itself finds things."""

FUNCTIONS = (
    "terminal_info",
    "account_info",
    "version",
    "symbols_get",
    "symbols_total",
    "symbol_info",
    "symbol_info_tick",
    "positions_get",
    "positions_total",
    "orders_get",
    "orders_total",
    "history_deals_get",
    "history_deals_total",
    "history_orders_get",
    "history_orders_total",
)

KEYS = (
    "symbols: [EURUSD, 'GBP*', '*']",
    "max_symbols: 60",
    "strategies: {trend: [1001]}",
    "risk: {daily_loss: {limit: 5%}, day: {reset: '17:00', timezone: America/New_York}}",
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "world.db")
    with world.change():
        for name in ("EURUSD", "GBPUSD"):
            world.symbol(name)
            world.tick(name, time_msc=int(WEDNESDAY * 1000))
        fill(world)
    yield world
    world.close()


def fill(world: World, **values: object) -> None:
    """Write a position, an order, a deal and an order that ended, all with these fields."""
    for name in ("TradePosition", "TradeOrder", "TradeDeal", "past TradeOrder"):
        write(world, name, values)


def fields(name: str) -> list[str]:
    """Return a struct's fields, but for those by which the world finds it."""
    keys = KEYS_OF_THE_WORLD.get(name, set())
    return [field for field in struct(name.removeprefix("past "), {}) if field not in keys]


def write(world: World, name: str, values: Mapping[str, object]) -> None:
    """Write a struct of one kind, with these fields and otherwise as it should be; history always is new."""
    now, ticket = int(WEDNESDAY), next(TICKETS)
    plain: Mapping[str, Mapping[str, object]] = {
        "TerminalInfo": {},
        "AccountInfo": {},
        "SymbolInfo": {"name": "EURUSD"},
        "Tick": {"symbol": "EURUSD", "time_msc": now * 1000 + ticket},
        "TradePosition": {"ticket": 1, "symbol": "EURUSD"},
        "TradeOrder": {"ticket": 2, "symbol": "EURUSD"},
        "TradeDeal": {"ticket": ticket, "symbol": "EURUSD", "time": now + ticket},
        "past TradeOrder": {"ticket": ticket, "symbol": "EURUSD", "time_done": now + ticket, "state": 4},
    }
    getattr(world, WRITERS[name])(**{**plain[name], **values})


class Watched:
    """A terminal whose history has been taken over."""

    def __init__(self, stage: Desk, clock: FakeClock) -> None:
        self._stage = stage
        self._clock = clock

    async def take_over(self) -> None:
        """Poll until the history has been taken over."""
        for _ in range(4):
            now = await self.poll()
        assert ("mt5_history_since_timestamp_seconds", DESK) in now

    async def poll(self) -> dict[Series, float]:
        """Poll, and hold what is served against both parsers of prometheus_client: alike, and finite."""
        self._clock.advance(PAUSE)
        self.result = await self._stage.poll()
        text, openmetrics = (
            {series: value for _, _, samples in families.values() for series, value in samples.items()}
            for families in await self._stage.parsed()
        )
        assert text == openmetrics
        assert all(map(math.isfinite, text.values()))
        return text


@asynccontextmanager
async def watching(world: World, folder: Path) -> AsyncIterator[Watched]:
    clock = FakeClock(wall=WEDNESDAY)
    async with desk(configuration({"desk": command(world)}, *KEYS), clock=clock, folder=folder) as stage:
        watched = Watched(stage, clock)
        await watched.take_over()
        yield watched


def well(watched: Watched) -> None:
    assert [reading for reading in watched.result.readings if not reading.success] == []


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_no_text_breaks_an_exposition(world: World, tmp_path: Path, hostile: str) -> None:
    @in_loop
    async def run() -> None:
        async with watching(world, tmp_path) as stage:
            world.account(server=hostile, currency=hostile, company=hostile, name=hostile)
            # Another server's account has a history of its own, to be taken over first.
            await stage.take_over()
            with world.change():
                world.terminal(name=hostile, company=hostile, path=hostile, language=hostile)
                world.symbol(hostile, description=hostile, currency_profit=hostile, path=hostile)
                world.symbol("GBP" + hostile)
                world.tick(hostile, time_msc=int(WEDNESDAY * 1000))
                fill(world, symbol=hostile, comment=hostile, external_id=hostile)
            for _ in range(3):
                now = await stage.poll()
                assert now["mt5_up", DESK] == 1
                assert now["mt5_account_positions", DESK] == 1
            well(stage)
            assert sum(value for (metric, _), value in now.items() if metric == "mt5_deals_total") == 1

    run()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", WRITERS)
def test_a_field_that_a_build_lacks_breaks_no_exposition(world: World, tmp_path: Path, name: str) -> None:
    @in_loop
    async def run() -> None:
        async with watching(world, tmp_path) as stage:
            for field in fields(name):
                world.forget()
                write(world, name, {field: LACKING})
                await stage.poll()
            world.forget()
            write(world, name, {"a_new_one": 1, "another": "x", "a_third": None})
            await stage.poll()
            well(stage)

    run()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", WRITERS)
def test_no_number_breaks_an_exposition(world: World, tmp_path: Path, name: str) -> None:
    @in_loop
    async def run() -> None:
        async with watching(world, tmp_path) as stage:
            numeric = [field for field in fields(name) if field not in TEXTS]
            for number in NUMBERS:
                world.forget()
                write(world, name, dict.fromkeys(numeric, number))
                await stage.poll()
            for field in numeric:
                for number in (math.nan, math.inf, 1e308):
                    world.forget()
                    write(world, name, {field: number})
                    await stage.poll()
            world.forget()
            write(world, name, {})
            await stage.poll()
            well(stage)

    run()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_that_answers_nothing_breaks_no_exposition(
    world: World, tmp_path: Path, function: str
) -> None:
    @in_loop
    async def run() -> None:
        async with watching(world, tmp_path) as stage:
            for code in (-1, -2, -4, -7, 1):
                world.fail(function, code, "Terminal: " + HOSTILE[3])
                fill(world)
                now = await stage.poll()
                assert now["mt5_up", DESK] == (function != "terminal_info")
            if function == "terminal_info":
                # Its silence is the loss of the terminal, which has tests of its own.
                return
            world.mend(function)
            await stage.poll()
            well(stage)

    run()
