"""What deals and finished orders add up to: worked by hand, then held against a ledger of another make."""

from collections import defaultdict
from decimal import Decimal
from typing import Unpack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Metric
from mt5_exporter.config import TerminalConfig
from mt5_exporter.history.deals import FLOWS, MARK, STOP_OUT, count_deals
from mt5_exporter.history.mark import Mark, baseline, reach, recall
from mt5_exporter.history.money import UNIT
from mt5_exporter.history.orders import count_orders
from mt5_exporter.history.rows import DealRow, OrderRow
from mt5_exporter.history.sums import LEFT_OUT
from mt5_exporter.store import Saved
from tests.session.stage import Overrides
from tests.unit.accounting import (
    BALANCE,
    BUY,
    CANCELLED,
    DAY,
    HOUR,
    IN_OUT,
    NOW,
    OUT,
    OUT_BY,
    SELL,
    SO,
    TERMINAL,
    deal,
    order,
)

OPENED = Mark(since=NOW, highest=0, newest=0, watermark=NOW, floor=0)
"""Of an account without a history; every deal counts."""

LONG = ("EURUSD", "buy", "in", "client", "manual")


def counted(
    *rows: DealRow, saved: Saved | None = None, mark: Mark = OPENED, **keys: Unpack[Overrides]
) -> Saved:
    """Return an account with these deals taken over."""
    saved = saved or Saved()
    plain: Overrides = {"name": "desk"}
    plain.update(keys)
    terminal = TerminalConfig(**plain)
    saved.apply(count_deals(saved, recall(saved.facts.get(MARK)) or mark, rows, terminal, NOW))
    return saved


def ended(*rows: OrderRow, saved: Saved | None = None, mark: Mark = OPENED) -> Saved:
    """Return an account with these orders taken over."""
    saved = saved or Saved()
    saved.apply(count_orders(saved, mark, rows, TERMINAL, NOW))
    return saved


def totals(saved: Saved, metric: Metric) -> dict[tuple[str, ...], float]:
    """Return what of a metric is more than nothing."""
    return {
        labels: value / UNIT
        for (name, labels), value in saved.totals.items()
        if name == metric.name and value
    }


# Trades


def test_a_trade_adds_to_each_total_of_its_labels() -> None:
    saved = counted(
        deal(1, volume=0.5, commission=-3.5, magic=1001, reason=3),
        deal(
            2, type=SELL, entry=OUT, volume=0.5, commission=-3.5, swap=-1.25, profit=20.0, fee=0.5, reason=4
        ),
        strategies={1001: "scalper"},
    )

    entered = ("EURUSD", "buy", "in", "expert", "scalper")
    left = ("EURUSD", "buy", "out", "sl", "manual")
    assert totals(saved, catalogue.DEALS) == {entered: 1, left: 1}
    assert totals(saved, catalogue.DEALS_VOLUME) == {entered: 0.5, left: 0.5}
    assert totals(saved, catalogue.DEALS_PROFIT) == {left: 20}
    assert totals(saved, catalogue.DEALS_LOSS) == {}
    assert totals(saved, catalogue.DEALS_COMMISSION_PAID) == {entered: 3.5, left: 3.5}
    assert totals(saved, catalogue.DEALS_COMMISSION_RECEIVED) == {}
    assert totals(saved, catalogue.DEALS_SWAP_PAID) == {left: 1.25}
    assert totals(saved, catalogue.DEALS_SWAP_RECEIVED) == {}
    assert totals(saved, catalogue.DEALS_FEE_PAID) == {}
    assert totals(saved, catalogue.DEALS_FEE_RECEIVED) == {left: 0.5}
    assert totals(saved, catalogue.OPERATIONS) == {}


def test_a_reversal_and_a_close_by_count_for_the_position_that_they_close() -> None:
    saved = counted(
        deal(1, type=SELL, entry=IN_OUT, volume=3.0, profit=-10.0),
        deal(2, type=SELL, entry=OUT_BY, profit=4.0),
        deal(3, type=BUY, entry=OUT_BY, profit=-1.0),
    )

    assert totals(saved, catalogue.DEALS_LOSS) == {
        ("EURUSD", "buy", "in_out", "client", "manual"): 10,
        ("EURUSD", "sell", "out_by", "client", "manual"): 1,
    }
    assert totals(saved, catalogue.DEALS_PROFIT) == {("EURUSD", "buy", "out_by", "client", "manual"): 4}
    assert totals(saved, catalogue.DEALS_VOLUME)["EURUSD", "buy", "in_out", "client", "manual"] == 3


def test_what_this_version_does_not_know_counts_as_other() -> None:
    saved = counted(
        deal(1, type=77, profit=-5.0),
        deal(2, entry=9, reason=88, magic=5),
    )

    assert totals(saved, catalogue.OPERATIONS) == {("other",): 1}
    assert totals(saved, catalogue.OPERATIONS_PAID) == {("other",): 5}
    assert totals(saved, catalogue.DEALS) == {("EURUSD", "buy", "other", "other", "other"): 1}


def test_a_stop_out_is_counted_and_leaves_its_time() -> None:
    saved = counted(deal(1, type=SELL, entry=OUT, reason=SO, profit=-900.0))

    assert totals(saved, catalogue.STOP_OUTS) == {(): 1}
    assert saved.facts[STOP_OUT] == NOW


def test_all_series_of_a_label_set_begin_together() -> None:
    saved = counted(deal(1))

    names = {name for (name, labels) in saved.totals if labels == LONG}
    assert names == {
        row.name for row in catalogue.METRICS.values() if row.labels[1:] == catalogue.DEALS.labels[1:]
    }


# Operations


def test_operations_have_their_kind_and_flows_are_summed() -> None:
    saved = counted(
        deal(1, type=BALANCE, profit=1000.0, symbol=""),
        deal(2, type=BALANCE, profit=-250.0, fee=-1.0, symbol=""),
        deal(3, type=3, profit=100.0, symbol=""),
        deal(4, type=7, commission=-7.0, symbol=""),
        deal(5, type=6, profit=50.0, symbol=""),
        deal(6, type=5, profit=0.0, symbol=""),
    )

    assert totals(saved, catalogue.OPERATIONS) == {
        ("balance",): 2,
        ("credit",): 1,
        ("commission",): 1,
        ("bonus",): 1,
        ("correction",): 1,
    }
    assert totals(saved, catalogue.OPERATIONS_RECEIVED) == {
        ("balance",): 1000,
        ("credit",): 100,
        ("bonus",): 50,
    }
    assert totals(saved, catalogue.OPERATIONS_PAID) == {("balance",): 251, ("commission",): 7}
    assert saved.totals[FLOWS, ()] == (1000 - 251 + 50) * UNIT
    assert totals(saved, catalogue.DEALS) == {}


def test_a_trade_that_is_cancelled_later_is_seen_and_costs_nothing_twice() -> None:
    before = counted(deal(1, type=SELL, entry=OUT, profit=30.0, commission=-2.0))

    after = counted(deal(1, type=14, entry=OUT, commission=-2.0), saved=before)
    again = counted(deal(1, type=14, entry=OUT, commission=-2.0), saved=after)

    assert totals(again, catalogue.DEALS) == {("EURUSD", "buy", "out", "client", "manual"): 1}
    assert totals(again, catalogue.DEALS_PROFIT) == {("EURUSD", "buy", "out", "client", "manual"): 30}
    assert totals(again, catalogue.OPERATIONS) == {("sell_canceled",): 1}
    assert totals(again, catalogue.OPERATIONS_PAID) == {}


def test_a_trade_that_was_cancelled_before_it_was_seen_is_no_trade() -> None:
    saved = counted(deal(1, type=13, commission=-2.0))
    saved = counted(deal(1, type=13, commission=-2.0), saved=saved)

    assert totals(saved, catalogue.DEALS) == {}
    assert totals(saved, catalogue.OPERATIONS) == {("buy_canceled",): 1}
    assert totals(saved, catalogue.OPERATIONS_PAID) == {("buy_canceled",): 2}


# What counts


def test_what_was_there_at_the_baseline_does_not_count_and_lets_its_series_begin_at_0() -> None:
    rows = [deal(7, NOW - HOUR, profit=1.0), deal(9, NOW, reason=SO), deal(8, NOW, type=BALANCE, profit=5.0)]
    mark = baseline(((row.ticket, row.time) for row in rows), start=NOW - DAY, wall=NOW)

    saved = counted(*rows, mark=mark)

    assert saved.totals["mt5_deals_total", LONG] == 0
    assert saved.totals["mt5_account_operations_total", ("balance",)] == 0
    assert all(value == 0 for value in saved.totals.values())
    assert STOP_OUT not in saved.facts
    assert {ticket for _, ticket in saved.seen} == {7, 8, 9}


def test_history_that_loads_late_does_not_count_and_what_the_broker_dates_back_does() -> None:
    mark = baseline([(100, NOW)], start=NOW - 4 * DAY, wall=NOW)

    saved = counted(deal(50, NOW - HOUR), deal(101, NOW - DAY), mark=mark)

    assert totals(saved, catalogue.DEALS) == {LONG: 1}
    assert ("deal", 50) in saved.seen


def test_a_ticket_counts_once_however_often_and_in_whatever_order_it_comes() -> None:
    rows = [deal(3), deal(1), deal(2), deal(3), deal(1)]
    saved = counted(*rows)

    again = counted(*reversed(rows), saved=saved)

    assert totals(again, catalogue.DEALS) == {LONG: 3}


def test_old_tickets_are_forgotten_and_never_looked_at_again() -> None:
    window = reach(TERMINAL.history_lookback)
    saved = counted(deal(1, NOW - 3 * window), mark=Mark(since=0, highest=0, newest=0, watermark=0, floor=0))
    assert set(saved.seen) == {("deal", 1)}

    saved = counted(deal(2, NOW), saved=saved)
    mark = recall(saved.facts[MARK])

    assert mark is not None
    assert set(saved.seen) == {("deal", 2)}
    assert mark.start(TERMINAL.history_lookback) == NOW - window
    # Whoever looks back further from now on does not find it again.
    assert mark.start(10 * TERMINAL.history_lookback) == mark.floor == NOW - 2 * window
    assert totals(counted(deal(1, NOW - 3 * window), saved=saved), catalogue.DEALS) == {LONG: 2}


def test_a_clock_that_ran_far_ahead_does_not_hide_what_follows() -> None:
    ahead = deal(1, NOW + 400 * DAY)
    saved = counted(ahead)
    mark = recall(saved.facts[MARK])

    assert mark is not None
    assert mark.watermark == NOW + DAY
    assert mark.start(HOUR) <= NOW - HOUR


@pytest.mark.parametrize("fact", [None, 7, {}, {"since": 1.0}, {"since": "x", "highest": 1}])
def test_a_fact_that_is_no_mark_is_none(fact: object) -> None:
    assert recall(fact) is None


# Symbols


def test_symbols_beyond_the_most_are_summed_as_other_and_counted() -> None:
    saved = counted(deal(1, symbol="B"), deal(2, symbol="A"), max_symbols=2)

    saved = counted(
        deal(3, symbol="C", profit=5.0), deal(4, symbol="D"), deal(5, symbol="A"), saved=saved, max_symbols=2
    )

    by_symbol: dict[str, float] = defaultdict(float)
    for labels, number in totals(saved, catalogue.DEALS).items():
        by_symbol[labels[0]] += number
    assert by_symbol == {"A": 2, "B": 1, "other": 2}
    assert sum(totals(saved, catalogue.DEALS_PROFIT).values()) == 5
    assert saved.facts[LEFT_OUT] == ["C", "D"]

    saved = counted(deal(6, symbol="D"), saved=saved, max_symbols=3)
    assert saved.facts[LEFT_OUT] == ["C"]


def test_orders_and_deals_share_their_symbols() -> None:
    saved = counted(deal(1, symbol="A"), max_symbols=1)
    saved.apply(
        count_orders(saved, OPENED, [order(1, symbol="B")], TerminalConfig(name="d", max_symbols=1), NOW)
    )

    assert totals(saved, catalogue.HISTORY_ORDERS) == {("other", "filled", "manual"): 1}


def test_a_symbol_has_our_name_and_no_character_that_does_harm() -> None:
    saved = counted(
        deal(1, symbol="EURUSD.m"),
        deal(2, symbol="X\ud800\n\x00" + "y" * 500),
        deal(3, symbol=""),
        aliases={"EURUSD": "EURUSD.m"},
    )

    symbols = {labels[0] for labels in totals(saved, catalogue.DEALS)}
    assert symbols == {"EURUSD", "X   " + "y" * 124, "other"}


# Orders


def test_orders_count_by_how_they_ended() -> None:
    saved = ended(
        order(1),
        order(2, state=CANCELLED),
        order(3, state=3),
        order(4, state=5),
        order(5, state=6),
        order(6, state=42),
    )

    assert totals(saved, catalogue.HISTORY_ORDERS) == {
        ("EURUSD", state, "manual"): 1
        for state in ("filled", "cancelled", "partial", "rejected", "expired", "other")
    }


def test_an_order_on_its_way_counts_when_it_has_ended() -> None:
    saved = ended(order(1, state=9))
    assert saved.seen == {}

    saved = ended(order(1, state=CANCELLED), saved=saved)
    assert totals(saved, catalogue.HISTORY_ORDERS) == {("EURUSD", "cancelled", "manual"): 1}


def test_an_order_that_was_pending_at_the_baseline_counts_when_it_ends() -> None:
    mark = baseline([(100, NOW)], start=NOW - DAY, wall=NOW)

    saved = ended(order(50, NOW + 1, state=CANCELLED), order(60, NOW - HOUR), mark=mark)

    assert totals(saved, catalogue.HISTORY_ORDERS) == {("EURUSD", "cancelled", "manual"): 1}


def test_an_order_without_an_end_has_the_time_of_its_beginning() -> None:
    assert order(1, 0, time_setup=5).time == 5


# Against a ledger of another make

CENTS = st.integers(-10_000_000, 10_000_000).map(lambda cents: cents / 100)

ROWS = st.lists(
    st.builds(
        deal,
        st.integers(1, 60),
        st.integers(NOW - DAY, NOW + DAY),
        type=st.sampled_from((0, 1, 2, 3, 4, 6, 7, 12, 17, 19, 50)),
        entry=st.sampled_from((0, 1, 2, 3, 8)),
        reason=st.sampled_from((0, 3, 4, 5, 6, 30)),
        magic=st.sampled_from((0, 1001, 7)),
        symbol=st.sampled_from(("EURUSD", "XAUUSD", "BTCUSD")),
        volume=st.integers(1, 500).map(lambda hundredths: hundredths / 100),
        profit=CENTS,
        commission=CENTS,
        swap=CENTS,
        fee=CENTS,
    ),
    max_size=40,
)


@given(rows=ROWS, cuts=st.lists(st.integers(0, 40), max_size=4), data=st.data())
@settings(max_examples=150)
def test_the_totals_are_those_of_a_plain_ledger(
    rows: list[DealRow], cuts: list[int], data: st.DataObject
) -> None:
    # However the deals are dealt out over several readings, each in any order and with any known ones again.
    first: dict[int, DealRow] = {}
    for row in rows:
        first.setdefault(row.ticket, row)
    unique = list(first.values())
    saved, taken = Saved(), 0
    for cut in [*sorted(cuts), len(unique)]:
        shown = unique[:taken] + unique[taken:cut]
        taken = max(taken, cut)
        shown = data.draw(st.permutations(shown))
        saved = counted(*shown, *shown[:3], saved=saved, strategies={1001: "scalper"})

    assert {key: Decimal(value) / UNIT for key, value in saved.totals.items() if value} == ledger(unique)


def ledger(rows: list[DealRow]) -> dict[tuple[str, tuple[str, ...]], Decimal]:
    """Return the totals that are not 0, worked out from the documentation and in decimal numbers."""
    book: dict[tuple[str, tuple[str, ...]], Decimal] = defaultdict(Decimal)
    names = {2: "balance", 3: "credit", 4: "charge", 6: "bonus", 7: "commission", 12: "interest", 17: "tax"}
    for row in rows:
        money = {f: Decimal(str(getattr(row, f))) for f in ("profit", "commission", "swap", "fee")}
        if row.type in {0, 1}:
            bought = (row.type == 0) == (row.entry in {0, 8})
            labels = (
                row.symbol,
                "buy" if bought else "sell",
                {0: "in", 1: "out", 2: "in_out", 3: "out_by"}.get(row.entry, "other"),
                {0: "client", 3: "expert", 4: "sl", 5: "tp", 6: "so"}.get(row.reason, "other"),
                {0: "manual", 1001: "scalper"}.get(row.magic, "other"),
            )
            book["mt5_deals_total", labels] += 1
            book["mt5_deals_volume_lots_total", labels] += Decimal(str(row.volume))
            won = money.pop("profit")
            book["mt5_deals_profit_total" if won > 0 else "mt5_deals_loss_total", labels] += abs(won)
            for field, value in money.items():
                word = "received" if value > 0 else "paid"
                book[f"mt5_deals_{field}_{word}_total", labels] += abs(value)
            book["mt5_account_stop_outs_total", ()] += row.reason == 6
            continue
        kind = (names | {19: "stop_out_compensation"}).get(row.type, "other")
        whole = sum(money.values(), Decimal(0))
        word = "received" if whole > 0 else "paid"
        book["mt5_account_operations_total", (kind,)] += 1
        book[f"mt5_account_operations_{word}_total", (kind,)] += abs(whole)
        if row.type in {2, 6, 19}:
            book["flows", ()] += whole
    return {key: value for key, value in book.items() if value}
