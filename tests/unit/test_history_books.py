"""Following an account's history: when the baseline is taken, what is asked, and that nothing is lost."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mt5_exporter import catalogue
from mt5_exporter.config import TerminalConfig
from mt5_exporter.errors import MT5DataError, MT5Error
from mt5_exporter.history import follower, source
from mt5_exporter.history.book import TRIES
from mt5_exporter.history.books import Book, Books, observe
from mt5_exporter.history.rows import DealRow
from mt5_exporter.readings.deals import DealsReading
from mt5_exporter.readings.history_orders import HistoryOrdersReading
from mt5_exporter.risk.days import Day
from mt5_exporter.risk.rules import DailyLossRule, DrawdownRule, Kind, Limit, RiskConfig
from mt5_exporter.store import Saved, StateStore, StoreError
from tests.session.stage import FakeClock, in_loop
from tests.unit.accounting import (
    BALANCE,
    DAY,
    HOUR,
    NOW,
    OUT,
    SELL,
    SO,
    TERMINAL,
    Crash,
    Desk,
    Played,
    Shelf,
    deal,
    lost,
    order,
)

OTHER = replace(TERMINAL, name="desk-2")


def desk() -> Desk:
    """Return an exporter whose store keeps everything in memory, over restarts."""
    clock, disk = FakeClock(wall=NOW), dict[str, Saved]()
    return Desk(lambda: Shelf(disk, clock), clock)


def deals(book: Book) -> float:
    """Return how many deals have been counted, of all labels."""
    return sum(sample.value for sample in book.samples("desk", (catalogue.DEALS,)))


def profit(book: Book) -> float:
    return sum(sample.value for sample in book.samples("desk", (catalogue.DEALS_PROFIT,)))


# The baseline


@in_loop
async def test_the_baseline_waits_until_the_history_is_the_same_an_interval_later() -> None:
    played, stage = Played(), desk()
    since = []
    for number in range(1, 4):
        played.trade(deal(number))
        since.append((await stage.poll(played)).since)
    since.append((await stage.poll(played)).since)

    assert since == [None, None, None, stage.clock.wall()]
    assert deals(await stage.book(played)) == 0


@in_loop
async def test_the_baseline_waits_for_the_trade_server_and_for_a_whole_interval() -> None:
    played, stage = Played(), desk()
    played.connected = False
    for _ in range(3):
        assert (await stage.poll(played)).since is None
    played.connected = True
    assert (await stage.poll(played)).since is None
    stage.clock.advance(TERMINAL.interval / 2)
    book = await stage.book(played)
    await book.follow_deals(stage.round(played))
    assert book.since is None
    played.connected = False
    await stage.poll(played)
    played.connected = True

    assert (await stage.poll(played)).since is None
    assert (await stage.poll(played)).since is not None


@in_loop
async def test_a_history_that_grows_while_the_baseline_is_read_is_waited_for() -> None:
    played, stage = Played(), desk()
    played.trade(deal(1))
    await stage.poll(played)

    def grow(frame: list[str]) -> None:
        if "history_deals_get" in frame:
            played.trade(deal(len(played.deals) + 1))

    played.on_frame.side_effect = grow
    assert (await stage.poll(played)).since is None
    played.on_frame.side_effect = None
    assert (await stage.poll(played)).since is None
    assert (await stage.poll(played)).since is not None


@pytest.mark.parametrize("wrong", [-400 * DAY, 0, 400 * DAY])
@in_loop
async def test_the_baseline_looks_back_from_the_last_deal_whatever_our_own_clock_says(wrong: int) -> None:
    played = Played()
    clock, disk = FakeClock(wall=NOW + wrong), dict[str, Saved]()
    stage = Desk(lambda: Shelf(disk, clock), clock)
    played.trade(deal(1, NOW - 40 * DAY), deal(2, NOW - 2 * DAY), deal(3, NOW))

    book = await stage.begin(played)
    [kept] = disk.values()
    assert set(kept.seen) == {("deal", 2), ("deal", 3)}

    played.trade(deal(4, NOW + 5, profit=1.5))
    assert profit(await stage.poll(played)) == 1.5
    assert book is await stage.book(played)


@in_loop
async def test_an_account_without_a_history_begins_with_its_first_deal() -> None:
    played, stage = Played(), desk()
    book = await stage.begin(played)

    played.trade(deal(1, NOW - 300 * DAY, type=BALANCE, profit=500.0))
    await stage.poll(played)

    assert book.flows == 500.0
    assert book.total(catalogue.OPERATIONS_RECEIVED, "balance") == 500.0


@in_loop
async def test_two_terminals_of_an_account_take_one_baseline_though_they_take_turns() -> None:
    played, stage = Played(), desk()
    played.trade(deal(1))
    for _ in range(2):
        await stage.poll(played)
        book = await stage.poll(played, OTHER)

    played.trade(deal(2))
    await stage.poll(played)
    await stage.poll(played, OTHER)

    assert deals(book) == 1
    assert {sample.labels[0] for sample in book.samples("desk-2", (catalogue.DEALS,))} == {"desk-2"}


# What is asked


@in_loop
async def test_a_quiet_history_costs_a_frame_and_is_read_every_ten_minutes() -> None:
    played, stage = Played(), desk()
    played.trade(deal(1))
    await stage.begin(played)
    played.frames.clear()

    await stage.poll(played)
    assert played.frames == [
        ["history_deals_total", "history_deals_total", "account_info"],
        ["history_orders_total", "history_orders_total", "account_info"],
    ]
    reads = played.count("history_deals_get")
    for _ in range(80):
        await stage.poll(played)
    assert played.count("history_deals_get") - reads == 80 * TERMINAL.interval // follower.REREAD


@in_loop
async def test_a_deal_in_another_ones_place_is_seen_after_ten_minutes() -> None:
    played, stage = Played(), desk()
    played.trade(deal(1))
    book = await stage.begin(played)
    del played.deals[1]
    played.trade(deal(2))
    await stage.poll(played)
    assert deals(book) == 0

    stage.clock.advance(follower.REREAD)
    await stage.poll(played)
    assert deals(book) == 1


@in_loop
async def test_the_second_terminal_of_an_account_does_not_read_what_the_first_has_read() -> None:
    played, stage = Played(), desk()
    await stage.begin(played)
    await stage.poll(played, OTHER)
    played.trade(deal(1))
    await stage.poll(played)
    reads = played.count("history_deals_get")

    await stage.poll(played, OTHER)

    assert played.count("history_deals_get") == reads


@in_loop
async def test_a_terminal_that_lags_behind_another_one_neither_counts_nor_reads_again() -> None:
    ahead, behind, stage = Played(), Played(), desk()
    for played in (ahead, behind):
        played.trade(deal(1))
    await stage.begin(ahead)
    ahead.trade(deal(2, profit=3.0), deal(3, profit=4.0))
    await stage.poll(ahead)
    await stage.poll(behind, OTHER)
    reads = behind.count("history_deals_get") + ahead.count("history_deals_get")
    for _ in range(3):
        await stage.poll(ahead)
        book = await stage.poll(behind, OTHER)

    assert ahead.count("history_deals_get") + behind.count("history_deals_get") == reads
    assert profit(book) == 7
    assert book.earned_since(NOW - HOUR) == 7


@in_loop
async def test_a_large_history_is_read_in_slices_and_each_deal_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "SLICE", 10)
    played, stage = Played(), desk()
    await stage.begin(played)
    # Thirty of them in one second, which cannot be divided.
    played.trade(
        *(deal(number, NOW - DAY + 60 * max(0, number - 30), profit=1.0) for number in range(1, 200))
    )
    book = await stage.poll(played)

    assert profit(book) == 199
    assert played.count("history_deals_get") > 18


@in_loop
async def test_one_more_deal_costs_the_last_ones_and_not_the_window() -> None:
    played, stage = Played(), desk()
    played.trade(*(deal(number, NOW - 60 * number) for number in range(1, 1001)))
    book = await stage.begin(played)
    for number in range(2001, 2004):
        played.handed = 0
        played.trade(deal(number, NOW + 600 * (number - 2000), profit=1.0))
        await stage.poll(played)
        assert 1 <= played.handed <= 62

    # One that is dated back further has everything read.
    played.trade(deal(2004, NOW - DAY, profit=1.0))
    await stage.poll(played)
    assert profit(book) == 4
    assert played.handed > 1000
    assert book.earned_since(NOW - DAY) == 4


@in_loop
async def test_entries_that_come_while_others_are_read_are_read_the_next_time() -> None:
    played, stage = Played(), desk()
    played.trade(*(deal(number, NOW - 60 * number) for number in range(1, 101)))
    book = await stage.begin(played)
    ages = iter((0, 50 * HOUR, 0))

    def come(function: str) -> None:
        if function == "history_deals_get":
            age = next(ages, None)
            if age is not None:
                played.trade(deal(1000 + len(played.deals), NOW - age))

    played.on_call.side_effect = come
    played.trade(deal(500, NOW + 1))
    for _ in range(4):
        await stage.poll(played)

    assert deals(book) == 4


@in_loop
async def test_thousands_of_deals_do_not_hold_up_the_event_loop() -> None:
    played, stage = Played(), desk()
    book = await stage.begin(played)
    played.trade(*(deal(number, NOW - number, profit=0.01) for number in range(1, 12_001)))
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.ensure_future(tick())
    await stage.poll(played)
    ticking.cancel()

    assert profit(book) == 120.0
    # Parsing and counting were in threads: the loop went round meanwhile, and not a handful of times.
    assert ticks > 100


# Failures


@in_loop
async def test_a_failure_changes_nothing_and_the_next_poll_catches_up() -> None:
    played, stage = Played(), desk()
    book = await stage.begin(played)
    played.trade(deal(1, profit=2.0))
    played.failing = lost()
    with pytest.raises(MT5Error):
        await stage.poll(played)
    assert profit(book) == 0

    played.failing = None
    assert profit(await stage.poll(played)) == 2


@in_loop
async def test_another_accounts_deals_are_not_taken_for_ours() -> None:
    played, stage = Played(), desk()
    book = await stage.begin(played)
    asked = stage.round(played)
    played.trade(deal(1))
    played.login = 99

    with pytest.raises(MT5DataError, match="another account"):
        await book.follow_deals(asked)
    with pytest.raises(MT5DataError, match="another account"):
        await book.observe(asked)
    assert deals(book) == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"profit": float("nan")},
        {"profit": float("inf")},
        {"swap": 1e300},
        {"ticket": 2**64},
        {"time": -1},
    ],
)
def test_a_value_that_no_deal_has_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        deal(**{"ticket": 1, "time": NOW, **fields})  # type: ignore[arg-type] # that is the point


@in_loop
async def test_an_answer_of_another_shape_is_an_error_of_data() -> None:
    played, stage = Played(), desk()
    book = await stage.begin(played)
    played.trade(deal(1))
    asked = stage.round(played)
    for odd in (["x"], 7, [[1, 2]]):
        played.odd["history_deals_get"] = odd
        with pytest.raises(MT5DataError):
            await book.follow_deals(asked)
    played.odd.clear()
    assert deals(await stage.poll(played)) == 1


@in_loop
async def test_a_terminal_waits_a_moment_for_one_that_reads_the_same_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mt5_exporter.history.book.WAIT", 0.01)
    played, stage = Played(), desk()
    book = await stage.begin(played)
    async with book._reading(stage.round(played)):
        with pytest.raises(MT5DataError, match="another terminal"):
            await book.follow_deals(stage.round(played, OTHER))

    await book.follow_deals(stage.round(played, OTHER))


@in_loop
async def test_a_store_that_cannot_be_read_yet_is_an_error_of_data() -> None:
    class Unready(StateStore):
        async def load(self, account: str) -> Saved:
            raise StoreError("locked", "database is locked")

    with pytest.raises(MT5DataError, match="database is locked"):
        await Books(Unready(None, FakeClock())).of("Broker-Live", 42)


# The account and its deals at one moment


@in_loop
async def test_an_account_is_observed_with_all_its_deals() -> None:
    played, stage = Played(), desk()
    await stage.begin(played)
    played.trade(deal(1, type=BALANCE, profit=250.0))
    played.balance = 1250.0

    seen = await observe(stage.round(played))

    assert seen.account.balance == 1250.0
    assert seen.book.flows == 250.0
    assert played.frames[-1] == ["history_deals_total", "account_info", "history_deals_total"]


@in_loop
async def test_a_deal_that_comes_while_the_account_is_looked_at_is_waited_for() -> None:
    played, stage = Played(), desk()
    await stage.begin(played)
    coming = [deal(number, type=BALANCE, profit=1.0) for number in range(1, TRIES)]

    def come(function: str) -> None:
        if function == "account_info" and played.frames[-1].count("history_deals_total") == 2 and coming:
            played.trade(coming.pop())

    played.on_call.side_effect = come
    seen = await observe(stage.round(played))
    assert seen.book.flows == TRIES - 1

    coming.extend(deal(number) for number in range(100, 200))
    with pytest.raises(MT5DataError, match="faster"):
        await observe(stage.round(played))


@in_loop
async def test_before_the_baseline_no_account_can_be_observed() -> None:
    played, stage = Played(), desk()

    with pytest.raises(MT5DataError, match="not known yet"):
        await observe(stage.round(played))


@in_loop
async def test_the_money_since_a_moment_is_told_apart_from_the_flows() -> None:
    played, stage = Played(), desk()
    book = await stage.begin(played)
    played.trade(
        deal(1, NOW - DAY, profit=1000.0),
        deal(2, NOW - HOUR, type=SELL, entry=OUT, profit=30.0, commission=-2.0, swap=-0.5),
        deal(3, NOW - HOUR, type=BALANCE, profit=-100.0),
        deal(4, NOW, type=3, profit=77.0),
    )
    asked = stage.round(played)

    assert await book.money_since(asked, NOW - HOUR) == (-72.5, -100.0)
    assert [row.ticket for row in await book.deals_since(asked, NOW - DAY)] == [1, 2, 3, 4]


@in_loop
async def test_what_is_remembered_is_there_after_a_restart() -> None:
    played, stage = Played(), desk()
    book = await stage.begin(played)
    await book.remember({"risk.daily": {"balance": 10.5, "at": None}})

    stage.restart()

    assert (await stage.book(played)).facts["risk.daily"] == {"balance": 10.5, "at": None}


# The readings


async def read(stage: Desk, played: Played, terminal: TerminalConfig = TERMINAL) -> dict[str, float]:
    """Return the values of the deals' reading that have no label but the terminal's."""
    stage.clock.advance(terminal.interval)
    samples = await DealsReading().read(stage.round(played, terminal))
    return {sample.metric.name: sample.value for sample in samples if sample.labels == (terminal.name,)}


@in_loop
async def test_there_is_nothing_to_tell_before_the_baseline() -> None:
    played, stage = Played(), desk()

    assert await read(stage, played) == {}
    assert list(await HistoryOrdersReading().read(stage.round(played))) == []


@in_loop
async def test_a_stop_out_has_the_time_at_which_it_was_first_seen() -> None:
    played, stage = Played(), desk()
    await stage.begin(played)
    values = await read(stage, played)
    assert values["mt5_account_stop_outs_total"] == 0
    assert values["mt5_account_last_stop_out_timestamp_seconds"] == 0
    played.trade(deal(1, NOW - HOUR, type=SELL, entry=OUT, reason=SO))

    values = await read(stage, played)
    seen = stage.clock.wall()
    stage.restart()
    later = await read(stage, played)

    for found in (values, later):
        assert found["mt5_account_stop_outs_total"] == 1
        assert found["mt5_account_last_stop_out_timestamp_seconds"] == seen


@in_loop
async def test_todays_profit_is_that_of_trades_since_the_servers_midnight() -> None:
    played, stage = Played(), desk()
    midnight = NOW // DAY * DAY
    played.trade(
        deal(1, midnight - 1, profit=1000.0),
        deal(2, midnight, profit=5.0, commission=-0.5),
        deal(3, NOW, type=SELL, entry=OUT, profit=-1.0, swap=-0.25, fee=-0.25),
        deal(4, NOW, type=BALANCE, profit=777.0),
        deal(5, NOW, type=13),
    )
    await stage.begin(played)

    assert (await read(stage, played))["mt5_account_profit_today"] == 3.0

    played.trade(deal(3, NOW, type=14, entry=OUT), deal(6, NOW + 1, profit=1.0))
    assert (await read(stage, played))["mt5_account_profit_today"] == 5.5


@in_loop
async def test_todays_profit_follows_the_day_of_the_rules_and_the_servers_clock() -> None:
    played, stage = Played(), desk()
    # 12:00 UTC, the server 2 h ahead, and a day that begins at 10:30 UTC: 12:30 on the server's clock.
    played.trade(deal(1, NOW + 1799, profit=1.0), deal(2, NOW + 1800, profit=2.0))
    await stage.begin(played)
    limit = Limit(money=100.0)
    day = Day(reset=10 * 60 + 30)
    rules = {
        2.0: RiskConfig(daily_loss=DailyLossRule(limit=limit), day=day),
        # Of the same day as the server's midnight, 22:00 UTC: no rule looks at `day`.
        3.0: RiskConfig(drawdown=DrawdownRule(kind=Kind.STATIC, limit=limit, initial_balance=1.0), day=day),
    }
    rules[2.0001] = RiskConfig(drawdown=DrawdownRule(kind=Kind.END_OF_DAY, limit=limit), day=day)
    for expected, risk in rules.items():
        terminal = replace(TERMINAL, risk=risk)
        asked = stage.round(played, terminal)
        asked.memory.server_clock.offset = 2 * HOUR
        samples = await DealsReading().read(asked)
        today = [sample.value for sample in samples if sample.metric is catalogue.PROFIT_TODAY]
        assert today == [int(expected)]


@in_loop
async def test_todays_profit_is_left_out_where_it_cannot_be_told() -> None:
    played, stage = Played(), desk()
    played.trade(deal(1, NOW))
    await stage.begin(played)
    asked = stage.round(played)
    asked.memory.server_clock.offset = None
    samples = await DealsReading().read(asked)
    assert catalogue.PROFIT_TODAY not in {sample.metric for sample in samples}

    book = await stage.book(played)
    assert book.earned_since(NOW - 30 * DAY) is None
    stage.restart()
    assert (await stage.book(played)).earned_since(NOW) is None


@in_loop
async def test_finished_orders_are_told_by_state() -> None:
    played, stage = Played(), desk()
    await stage.begin(played)
    played.trade(order(1), order(2, state=5))
    await stage.poll(played)

    samples = await HistoryOrdersReading().read(stage.round(played))

    assert {sample.labels: sample.value for sample in samples} == {
        ("desk", "EURUSD", "filled", "manual"): 1,
        ("desk", "EURUSD", "rejected", "manual"): 1,
    }


@in_loop
async def test_the_first_deal_after_the_baseline_is_an_increase() -> None:
    played, stage = Played(), desk()
    played.trade(deal(1))
    book = await stage.begin(played)
    labels = ("desk", "EURUSD", "buy", "in", "client", "manual")
    before = {sample.labels: sample.value for sample in book.samples("desk", (catalogue.DEALS,))}
    played.trade(deal(2))
    await stage.poll(played)
    after = {sample.labels: sample.value for sample in book.samples("desk", (catalogue.DEALS,))}

    assert (before, after) == ({labels: 0}, {labels: 1})


# Whatever happens


class Life(RuleBasedStateMachine):
    """Deals come late, back-dated and by two terminals; the exporter dies at any point; clocks are moved.

    The model beside it is a set of tickets: those that came after the baseline, and what they earned.
    """

    @initialize(before=st.lists(st.integers(0, 20 * DAY), max_size=5))
    def begin(self, before: list[int]) -> None:
        """Two terminals of an account with some history; the first one's is taken over."""
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock(wall=NOW)
        self.disk: dict[str, Saved] = {}
        self.desk = Desk(lambda: Shelf(self.disk, self.clock), self.clock)
        self.sight = {"desk": Played(), "desk-2": Played()}
        self.ticket, self.shift, self.told = 1000, 0, Decimal(0)
        self.earned: dict[int, Decimal] = {}
        self.unseen: list[tuple[str, DealRow]] = []
        for age in [*before, 0]:
            self.ticket += 1
            for played in self.sight.values():
                played.trade(deal(self.ticket, NOW - age, profit=1.0))
        self.loop.run_until_complete(self.desk.begin(self.sight["desk"]))

    @rule(
        cents=st.integers(-5000, 5000),
        late=st.integers(0, DAY - HOUR),
        terminals=st.sampled_from((("desk", "desk-2"), ("desk",), ("desk-2",))),
    )
    def trade(self, cents: int, late: int, terminals: tuple[str, ...]) -> None:
        """A deal is made, at the server's time or before; a terminal may have it later.

        Dated back, and with the server's clock set back in between, it is still within the look-back window.
        """
        self.ticket += 1
        at = int(self.clock.wall()) + self.shift - late
        row = deal(self.ticket, at, profit=cents / 100)
        self.earned[row.ticket] = Decimal(cents) / 100
        for name, played in self.sight.items():
            if name in terminals:
                played.trade(row)
            else:
                self.unseen.append((name, row))

    @rule(data=st.data())
    @precondition(lambda self: self.unseen)
    def catch_up(self, data: st.DataObject) -> None:
        """A terminal has a deal that the other one had before."""
        name, row = self.unseen.pop(data.draw(st.integers(0, len(self.unseen) - 1)))
        self.sight[name].trade(row)

    @rule(age=st.integers(5 * DAY, 30 * DAY))
    def load_late(self, age: int) -> None:
        """Both have an entry that was there before the baseline."""
        ticket = 1000 - len(self.sight["desk"].deals)
        for played in self.sight.values():
            played.trade(deal(ticket, NOW - age, profit=999.0))

    @rule(seconds=st.integers(0, 12 * HOUR))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(shift=st.sampled_from((-DAY, -HOUR, 0, HOUR, DAY, 90 * DAY)))
    def move_the_servers_clock(self, shift: int) -> None:
        self.shift = shift

    @rule()
    def restart(self) -> None:
        self.desk.restart()

    @rule(name=st.sampled_from(("desk", "desk-2")), moment=st.sampled_from(("before", "after")))
    def die_in_a_commit(self, name: str, moment: str) -> None:
        store = self.desk.store
        assert isinstance(store, Shelf)
        store.crash = moment
        try:
            self.poll(name)
        except Crash:
            self.desk.restart()
        store.crash = ""

    @rule(name=st.sampled_from(("desk", "desk-2")))
    def poll(self, name: str) -> None:
        terminal = replace(TERMINAL, name=name)
        self.loop.run_until_complete(self.desk.poll(self.sight[name], terminal))
        self.told = max(self.told, self.count())

    @invariant()
    def never_goes_back(self) -> None:
        if self.told:
            assert self.count() >= self.told

    def count(self) -> Decimal:
        book = self.loop.run_until_complete(self.desk.book(self.sight["desk"]))
        return Decimal(deals(book))

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.settle()
        finally:
            self.loop.close()

    def settle(self) -> None:
        """Let everything be seen, and compare."""
        for name, row in self.unseen:
            self.sight[name].trade(row)
        for name in ("desk", "desk-2"):
            # Also what only the reading every ten minutes finds.
            self.clock.advance(follower.REREAD)
            self.poll(name)
        book = self.loop.run_until_complete(self.desk.book(self.sight["desk"]))
        lost_money = sum(sample.value for sample in book.samples("desk", (catalogue.DEALS_LOSS,)))
        assert self.count() == len(self.earned)
        assert Decimal(str(profit(book))) == sum(max(money, Decimal(0)) for money in self.earned.values())
        assert Decimal(str(lost_money)) == -sum(min(money, Decimal(0)) for money in self.earned.values())


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
