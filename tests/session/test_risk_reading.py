"""What the reading of risk makes of an account and its deals, of restarts, and of what comes meanwhile."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mt5_exporter.config_file import loads
from mt5_exporter.history.book import Book
from mt5_exporter.history.rows import DealRow
from mt5_exporter.manager import MT5SessionManager
from mt5_exporter.poll import Poller
from mt5_exporter.readings.risk import TRIES, VALUES, RiskReading
from mt5_exporter.round import Round
from mt5_exporter.snapshot import ReadingResult
from mt5_exporter.store import StateStore
from tests.scripted.desk import command, configuration
from tests.scripted.world import World
from tests.session.polling import reading_of
from tests.session.stage import FakeClock, in_loop, until
from tests.unit.risking import utc

NOON = utc("2026-05-05 12:00")
MIDNIGHT = utc("2026-05-05")
NEXT = utc("2026-05-06")
OFFSET = 3 * 3600.0
INTERVAL = 15.0
UTC = "day: {reset: 00:00, timezone: UTC}"
DAILY = f"risk: {{daily_loss: {{limit: 5%, basis: higher}}, {UTC}}}"
BY_BALANCE = f"risk: {{daily_loss: {{limit: 5%}}, {UTC}}}"
STATIC = "risk: {initial_balance: 10000, drawdown: {kind: static, limit: 10%}}"
BOTH = f"""risk: {{initial_balance: 10000, daily_loss: {{limit: 5%, basis: higher}},\
 drawdown: {{kind: trailing, basis: balance, limit: 10%}}, {UTC}}}"""


class Desk:
    """An exporter's polls of one terminal, whose trade server is in Helsinki, for its risk alone."""

    def __init__(self, manager: MT5SessionManager, clock: FakeClock, world: World) -> None:
        self.manager = manager
        self.clock = clock
        self.world = world
        [terminal] = manager.config.terminals
        self.poller = Poller(manager, terminal, readings=(RiskReading(),))
        self.know_the_clock()

    def know_the_clock(self, offset: float | None = OFFSET) -> None:
        self.manager.memory("desk").server_clock.offset = offset

    async def read_at(self, at: float) -> ReadingResult:
        """Poll at a Unix time."""
        self.clock.advance(at - self.clock.wall())
        return reading_of(await self.poller.poll(), "risk")

    async def told_at(self, at: float) -> dict[tuple[str, ...], float]:
        """Poll, and return values by metric and its labels but for the terminal."""
        found = await self.read_at(at)
        assert found.success, found.message
        assert all(sample.labels[0] == "desk" for sample in found.samples)
        return {(sample.metric.name, *sample.labels[1:]): sample.value for sample in found.samples}


@asynccontextmanager
async def exporter(folder: Path, world: World, risk: str, at: float) -> AsyncIterator[Desk]:
    """Run an exporter that begins at a Unix time, with a state file."""
    content = configuration({"desk": command(world)}, f"interval: {INTERVAL:g}s", *risk.split("\n"))
    clock = FakeClock(wall=at)
    store = StateStore(folder / "state.db", clock)
    config = loads(content, "test.yml", {}, folder)
    try:
        async with MT5SessionManager(config, clock=clock, store=store) as manager:
            await until(lambda: manager.sessions()["desk"].attached, what="attached")
            yield Desk(manager, clock, world)
    finally:
        await store.close()


@asynccontextmanager
async def desk(folder: Path, risk: str, at: float = NOON) -> AsyncIterator[Desk]:
    """Run an exporter that has taken over the history of an account with 10,000 and nothing open."""
    world = World(folder / "world.db")
    try:
        async with exporter(folder, world, risk, at - INTERVAL - 1) as stage:
            # Nothing is rebuilt yet.
            stage.know_the_clock(None)
            await stage.read_at(at - INTERVAL - 1)
            await stage.read_at(at - 1)
            stage.know_the_clock()
            yield stage
    finally:
        world.close()


def earn(world: World, ticket: int, at: float, profit: float, balance: float, **fields: object) -> None:
    """Let a deal lead to a balance, with nothing open then."""
    with world.change():
        deal = {"type": 1, "entry": 1, "volume": 0.1, "profit": profit, "position_id": ticket, **fields}
        world.deal(ticket, time=int(at + OFFSET), **deal)
        world.account(balance=balance, equity=balance)


def rule(told: Mapping[tuple[str, ...], float], label: str) -> tuple[float, ...]:
    """Return a rule's loss, allowed, used, anchor and the anchor's time."""
    return tuple(told[metric.name,] for metric in VALUES[label])


# What it tells


@in_loop
async def test_a_terminal_without_rules_has_no_values(tmp_path: Path) -> None:
    async with desk(tmp_path, "stale_after: 1m") as stage:
        found = await stage.read_at(NOON)

        assert found.success
        assert found.samples == ()


@in_loop
async def test_a_rule_tells_its_values_and_where_its_anchor_comes_from(tmp_path: Path) -> None:
    async with desk(tmp_path, BY_BALANCE) as stage:
        earn(stage.world, 1, NOON - 3600, -120.5, 9_879.5)

        assert await stage.told_at(NOON) == {
            ("mt5_account_daily_loss",): 120.5,
            ("mt5_account_daily_loss_allowed",): 500,
            ("mt5_account_daily_loss_used_ratio",): 0.241,
            ("mt5_account_daily_loss_anchor",): 10_000,
            ("mt5_account_daily_loss_anchor_timestamp_seconds",): MIDNIGHT,
            ("mt5_risk_anchor_info", "daily_loss", "rebuilt"): 1,
        }


@in_loop
async def test_a_rule_without_a_value_tells_why_and_leaves_the_other_one_alone(tmp_path: Path) -> None:
    async with desk(tmp_path, BOTH) as stage:
        # Open over midnight, and nobody saw the equity then.
        earn(stage.world, 1, NOON - 3600, -100, 9_900)

        told = await stage.told_at(NOON)

        assert told["mt5_risk_unavailable_info", "daily_loss", "missed"] == 1
        assert ("mt5_account_daily_loss",) not in told
        assert rule(told, "drawdown")[:4] == (100, 1_000, 0.1, 10_000)
        assert told["mt5_risk_anchor_info", "drawdown", "configured"] == 1
        # The next day was seen from its beginning.
        stage.world.account(balance=9_900, equity=9_950)
        stage.world.position(9, type=0, volume=0.1, symbol="EURUSD")
        told = await stage.told_at(NEXT + 1)
        assert rule(told, "daily_loss") == (0, 497.5, 0, 9_950, NEXT)
        assert told["mt5_risk_anchor_info", "daily_loss", "observed"] == 1


@in_loop
async def test_credit_is_nobodys_profit(tmp_path: Path) -> None:
    async with desk(tmp_path, STATIC) as stage:
        stage.world.account(balance=10_000, credit=3_000, equity=12_800)

        assert rule(await stage.told_at(NOON), "drawdown")[0] == 200


@in_loop
async def test_deposits_and_withdrawals_are_neither_profit_nor_loss(tmp_path: Path) -> None:
    async with desk(tmp_path, BOTH) as stage:
        await stage.told_at(NOON)

        earn(stage.world, 1, NOON + 5, 5_000, 15_000, type=2, entry=0, position_id=0, volume=0.0)
        told = await stage.told_at(NOON + 15)
        assert rule(told, "daily_loss")[:4] == (0, 750, 0, 15_000)
        assert rule(told, "drawdown")[:4] == (0, 1_000, 0, 15_000)

        earn(stage.world, 2, NOON + 20, -300, 14_700, entry=1)
        earn(stage.world, 3, NOON + 25, -8_000, 6_700, type=2, entry=0, position_id=0, volume=0.0)
        told = await stage.told_at(NOON + 30)
        assert rule(told, "daily_loss")[:4] == (300, 350, 300 / 350, 7_000)
        assert rule(told, "drawdown")[:4] == (300, 1_000, 0.3, 7_000)


@in_loop
async def test_a_peak_between_two_polls_lifts_a_trailing_balance(tmp_path: Path) -> None:
    async with desk(tmp_path, BOTH) as stage:
        await stage.told_at(NOON)

        earn(stage.world, 1, NOON + 3, 800, 10_800)
        earn(stage.world, 2, NOON + 9, -900, 9_900)

        told = await stage.told_at(NOON + 15)
        assert rule(told, "drawdown") == (900, 1_000, 0.9, 10_800, NOON + 3)
        assert told["mt5_risk_anchor_info", "drawdown", "rebuilt"] == 1


# What it needs


@in_loop
async def test_before_the_history_is_known_it_is_said_why_nothing_is_told(tmp_path: Path) -> None:
    world = World(tmp_path / "world.db")
    async with exporter(tmp_path, world, STATIC, NOON) as stage:
        found = await stage.read_at(NOON)
    world.close()

    assert found.success
    assert [sample.labels for sample in found.samples] == [("desk", "drawdown", "no_baseline")]


@in_loop
async def test_without_the_servers_clock_nothing_is_rebuilt_until_it_is_known(tmp_path: Path) -> None:
    async with desk(tmp_path, BY_BALANCE) as stage:
        await stage.told_at(NOON)
        earn(stage.world, 1, NEXT + 60, -100, 9_900)
        stage.know_the_clock(None)

        assert await stage.told_at(NEXT + 3600) == {
            ("mt5_risk_unavailable_info", "daily_loss", "server_clock_unknown"): 1
        }
        stage.know_the_clock()
        assert rule(await stage.told_at(NEXT + 3615), "daily_loss")[:4] == (100, 500, 0.2, 10_000)


# What comes meanwhile


def meanwhile(monkeypatch: pytest.MonkeyPatch, world: World, balances: list[float]) -> list[float]:
    """Let the account come to these balances one by one, each when its deals have just been read."""
    starts: list[float] = []
    deals_since = Book.deals_since

    async def read_and_trade(book: Book, asked: Round, start: float) -> list[DealRow]:
        rows = await deals_since(book, asked, start)
        starts.append(start)
        if len(starts) < len(balances):
            before, balance = balances[len(starts) - 1 : len(starts) + 1]
            earn(world, 100 + len(starts), NOON - 1, balance - before, balance)
        return rows

    monkeypatch.setattr(Book, "deals_since", read_and_trade)
    return starts


@in_loop
async def test_a_deal_that_comes_while_the_past_is_read_is_read_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, BY_BALANCE) as stage:
        starts = meanwhile(monkeypatch, stage.world, [10_000, 9_900, 9_870])

        told = await stage.told_at(NOON)

    assert rule(told, "daily_loss")[:4] == (130, 500, 0.26, 10_000)
    assert starts == [MIDNIGHT + OFFSET] * TRIES


@in_loop
async def test_deals_that_come_faster_than_they_are_read_leave_the_last_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, BY_BALANCE) as stage:
        meanwhile(monkeypatch, stage.world, [10_000, 9_900, 9_800, 9_700, 9_600])

        found = await stage.read_at(NOON)

    assert not found.success
    assert "deals come faster than they can be read" in found.message


# Over a restart


@in_loop
async def test_an_anchor_outlives_the_exporter(tmp_path: Path) -> None:
    async with desk(tmp_path, BOTH, at=NEXT - 30) as stage:
        stage.world.position(9, type=0, volume=0.1, symbol="EURUSD")
        stage.world.account(balance=10_000, equity=10_400)
        await stage.told_at(NEXT + 2)

    world = World(tmp_path / "world.db")
    async with exporter(tmp_path, world, BOTH, NEXT + 7200) as later:
        world.account(balance=10_000, equity=10_100)
        told = await later.told_at(NEXT + 7200)
    world.close()

    assert rule(told, "daily_loss") == (300, 520, 300 / 520, 10_400, NEXT)
    assert told["mt5_risk_anchor_info", "daily_loss", "observed"] == 1
    assert told["mt5_risk_anchor_info", "drawdown", "configured"] == 1


@in_loop
async def test_a_reset_that_was_slept_through_is_rebuilt_from_the_deals_alone_or_missed(
    tmp_path: Path,
) -> None:
    world = World(tmp_path / "world.db")
    async with exporter(tmp_path, world, BOTH, NOON - 30) as stage:
        await stage.read_at(NOON - 30)
        await stage.read_at(NOON - 15)
        await stage.told_at(NOON)
    # Down from noon on. A peak in the afternoon, flat at midnight, a loss in the night.
    earn(world, 1, NOON + 3600, 700, 10_700)
    earn(world, 2, NOON + 7200, -400, 10_300)
    world.deal(3, time=int(NEXT + 60 + OFFSET), type=0, entry=0, volume=0.1, position_id=3)
    earn(world, 4, NEXT + 120, -51.5, 10_248.5, position_id=3)

    async with exporter(tmp_path, world, BOTH, NEXT + 3600) as stage:
        told = await stage.told_at(NEXT + 3600)

    assert rule(told, "daily_loss") == (51.5, 515, 0.1, 10_300, NEXT)
    assert rule(told, "drawdown") == (451.5, 1_000, 0.4515, 10_700, NOON + 3600)
    assert told["mt5_risk_anchor_info", "daily_loss", "rebuilt"] == 1
    # Down over the next midnight with a position open.
    world.position(5, type=0, volume=0.1, symbol="EURUSD")
    async with exporter(tmp_path, world, BOTH, NEXT + 90_000) as stage:
        told = await stage.told_at(NEXT + 90_000)

    assert told["mt5_risk_unavailable_info", "daily_loss", "missed"] == 1
    world.close()
