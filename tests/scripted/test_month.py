"""A month of trading on two accounts and three terminals, by the hour: what is served is in the ledger."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.process.running import Scrape
from tests.scripted import month
from tests.scripted.audit import Account, Keeper, check_counters, check_values
from tests.scripted.desk import Desk, command, configuration, desk
from tests.scripted.ledger import ENTRIES, OPERATIONS, REASONS
from tests.scripted.month import Broker, utc
from tests.scripted.world import World
from tests.session.stage import FakeClock, in_loop

KEYS = (
    "symbols: [EURUSD, XAUUSD, USDJPY, DE40]",
    "strategies: {trend: [1001], grid: [1002]}",
    "stale_after: 4h",
    "history_lookback: 1d",
    "risk:",
    "  daily_loss: {limit: 5%, basis: balance}",
    "  drawdown: {kind: trailing, basis: equity, limit: 8%, of: anchor}",
    "  day: {reset: '17:00', timezone: America/New_York}",
)
LEARNING = 7
"""Minutes in which the market ticks and is polled, until the server's clock is known for sure."""

CHECKED = 12 * 3600
"""Seconds from one comparison to the next."""

CLOCK_CHANGES = {month.BEGIN, utc("09 21:00"), month.MOVE}
"""The first hours of another server's clock."""

OUTAGES: Mapping[float, float] = {
    utc("05 10:00"): utc("05 12:00"),
    utc("07 20:00"): utc("09 22:00"),
    utc("13 18:00"): utc("14 02:00"),
    utc("18 14:00"): utc("18 16:00"),
    utc("20 18:00"): utc("21 00:00"),
    utc("26 04:00"): utc("26 10:00"),
}
"""The last hour that the exporter saw before it was stopped, and the first one that it sees again: at once;
over the change of the clocks; over a reset; in a stop-out; over a reset by the moved clock; for a night."""


def lives() -> list[tuple[list[float], list[float]]]:
    """Return the hours that each run of the exporter sees, and those in which there is none after it."""
    found: list[tuple[list[float], list[float]]] = [([], [])]
    back = 0.0
    for at in month.hours():
        if found[-1][0] and found[-1][0][-1] in OUTAGES:
            back = OUTAGES[found[-1][0][-1]]
            if at >= back:
                found.append(([], []))
        found[-1][at < back].append(at)
    return found


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[list[Account]]:
    found = [
        Account(
            broker=Broker(seed=20250303, login=42),
            world=World(tmp_path / "hedging.db"),
            terminals=("hedging", "spare"),
        ),
        Account(
            broker=Broker(seed=20250304, login=43, netting=True),
            world=World(tmp_path / "netting.db"),
            terminals=("netting",),
        ),
    ]
    yield found
    for account in found:
        account.world.close()


@in_loop
async def take_over(accounts: Sequence[Account], clock: FakeClock, folder: Path) -> None:
    """Run the exporter until it has taken over what was there before it."""
    commands = {name: command(account.world) for account in accounts for name in account.terminals}
    async with desk(configuration(commands, *KEYS), clock=clock, folder=folder, state="state.db") as stage:
        await learn(stage, accounts, clock, known=False)
        now = await stage.scrape()
        assert all(now.get("mt5_history_since_timestamp_seconds", terminal=name) for name in commands)


@in_loop
async def live(
    hours: Sequence[float], accounts: Sequence[Account], clock: FakeClock, folder: Path, keeper: Keeper
) -> None:
    """Run the exporter through these hours, and hold what it serves against the ledger every few of them."""
    commands = {name: command(account.world) for account in accounts for name in account.terminals}
    async with desk(configuration(commands, *KEYS), clock=clock, folder=folder, state="state.db") as stage:
        for at in hours:
            clock.advance(at - clock.wall())
            for account in accounts:
                account.live(at)
            learning = at == hours[0] or at in CLOCK_CHANGES
            await poll(stage, accounts, clock, spare=learning or at % CHECKED == 0)
            if learning:
                check(await stage.scrape(), accounts, keeper, at, values=False)
                await learn(stage, accounts, clock)
            if learning or at % CHECKED == 0:
                check(await stage.scrape(), accounts, keeper, at)


def check(
    now: Scrape, accounts: Sequence[Account], keeper: Keeper, at: float, *, values: bool = True
) -> None:
    """Hold a scrape against the ledgers; values that need the server's clock are not there at first."""
    keeper.look(now)
    for account in accounts:
        check_counters(now, account, month.show(at))
        if values:
            check_values(now, account, month.show(at))


async def poll(
    stage: Desk, accounts: Sequence[Account], clock: FakeClock, *, spare: bool = True, known: bool = True
) -> None:
    """Poll each account's terminals, or but one; before the history is known, what needs it fails."""
    for account in accounts:
        account.look(clock.wall())
        for terminal in account.terminals if spare else account.terminals[:1]:
            result = await stage.poll(terminal)
            failed = [reading for reading in result.readings if not reading.success]
            assert failed == [] or not known


async def learn(stage: Desk, accounts: Sequence[Account], clock: FakeClock, *, known: bool = True) -> None:
    """Let some minutes go by in which nothing but prices' times change."""
    for _ in range(LEARNING):
        clock.advance(60)
        for account in accounts:
            account.broker.tick(account.world, clock.wall())
        await poll(stage, accounts, clock, known=known)


@pytest.mark.timeout(240)
def test_a_month_of_trading_is_served_as_the_ledger_has_it(accounts: list[Account], tmp_path: Path) -> None:
    clock, keeper = FakeClock(wall=month.BEGIN), Keeper()
    for account in accounts:
        account.begin()
    take_over(accounts, clock, tmp_path)
    for awake, asleep in lives():
        live(awake, accounts, clock, tmp_path, keeper)
        for at in asleep:
            for account in accounts:
                account.live(at)
    assert sum(len(account.broker.shown) for account in accounts) > 4000
    assert kinds_met(accounts) == (set(ENTRIES.values()), set(REASONS.values()), set(OPERATIONS.values()))


def kinds_met(accounts: Sequence[Account]) -> tuple[set[str], set[str], set[str]]:
    """Return the entries and reasons of trades, and the operations, that the month has had."""
    sums = [account.ledger.sums for account in accounts]
    trades = [labels for each in sums for labels in each["mt5_deals_total"]]
    operations = {kind for each in sums for (kind,) in each["mt5_account_operations_total"]}
    return {labels[2] for labels in trades}, {labels[3] for labels in trades}, operations
