"""The life of a simulated account: the same for everybody, and every sum in it right."""

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt5_exporter.far.drivers.simulated.catalogue import CATALOGUE
from mt5_exporter.far.drivers.simulated.clock import server_time, utc_time
from mt5_exporter.far.drivers.simulated.constants import Constants
from mt5_exporter.far.drivers.simulated.structs import AccountInfo, TradeDeal, TradeOrder
from tests.far.simulation import DAY, HOUR, THURSDAY, Stage

EVER = 4e9
LONG_AGO = THURSDAY - 4 * DAY
CURRENCIES = ["USD", "EUR", "JPY"]
SINCE_OPENING = st.floats(LONG_AGO, LONG_AGO + 8 * DAY)


@functools.cache
def stage(currency: str = "USD") -> Stage:
    made = Stage(currency=currency, opened=LONG_AGO)
    made.attach()
    return made


def account(on: Stage, now: float) -> AccountInfo:
    on.now = now
    info = on.api.account_info()
    assert info is not None
    return info


def deals(on: Stage, now: float) -> tuple[TradeDeal, ...]:
    on.now = now
    found = on.api.history_deals_get(0, EVER)
    assert found is not None
    return found


def orders(on: Stage, now: float) -> tuple[TradeOrder, ...]:
    on.now = now
    found = on.api.history_orders_get(0, EVER)
    assert found is not None
    return found


def picture(on: Stage, now: float) -> list[object]:
    """Return all that a terminal shows at an instant."""
    on.now = now
    api = on.api
    return [
        api.account_info(),
        api.terminal_info(),
        api.positions_get(),
        api.orders_get(),
        api.symbols_get(),
        api.symbol_info_tick("XAUUSD"),
        api.history_deals_get(0, EVER),
        api.history_orders_get(0, EVER),
    ]


@given(st.lists(st.floats(LONG_AGO, LONG_AGO + 2 * DAY), min_size=1, max_size=3), st.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_a_restarted_worker_meets_the_same_account(instants: list[float], seed: int) -> None:
    running, restarted = (Stage(seed=seed, opened=LONG_AGO) for _ in range(2))
    running.attach()
    restarted.attach()
    for instant in sorted(instants):
        picture(running, instant)

    pictures = picture(running, instants[0]), picture(restarted, instants[0])

    assert pictures[0] == pictures[1]


def test_two_seeds_live_two_lives() -> None:
    others = [Stage(seed=seed) for seed in range(5)]
    for other in others:
        other.attach()

    balances = {account(other, THURSDAY).balance for other in others}

    assert len(balances) == 5


@pytest.mark.parametrize("currency", CURRENCIES)
@given(SINCE_OPENING)
@settings(deadline=None)
def test_equity_is_balance_and_credit_and_profit(currency: str, now: float) -> None:
    info = account(stage(currency), now)

    summed = round(info.balance + info.credit + info.profit, info.currency_digits)

    assert info.equity == summed
    assert info.margin_free == round(info.equity - info.margin, info.currency_digits)


@given(SINCE_OPENING)
@settings(deadline=None)
def test_the_margin_level_is_a_percentage_and_zero_without_margin(now: float) -> None:
    info = account(stage(), now)

    expected = info.equity / info.margin * 100.0 if info.margin else 0.0

    assert info.margin_level == pytest.approx(expected)
    assert (info.margin == 0.0) == (stage().api.positions_total() == 0)


@given(SINCE_OPENING)
@settings(deadline=None)
def test_the_accounts_profit_is_that_of_its_positions_with_their_swaps(now: float) -> None:
    info = account(stage(), now)

    positions = stage().api.positions_get() or ()

    assert info.profit == pytest.approx(sum(row.profit + row.swap for row in positions), abs=0.005)
    assert len(positions) == stage().api.positions_total()


@pytest.mark.parametrize("currency", CURRENCIES)
@given(SINCE_OPENING)
@settings(deadline=None)
def test_the_balance_is_the_sum_of_the_history(currency: str, now: float) -> None:
    booked = deals(stage(currency), now)

    total = sum(deal.profit + deal.commission + deal.swap + deal.fee for deal in booked)

    assert account(stage(currency), now).balance == pytest.approx(total, abs=0.005)


@given(SINCE_OPENING, st.floats(0, 6 * HOUR))
@settings(deadline=None)
def test_the_balance_changes_by_deals_alone(now: float, later: float) -> None:
    before, after = account(stage(), now).balance, account(stage(), now + later).balance
    known = {deal.ticket for deal in deals(stage(), now)}

    booked = [deal for deal in deals(stage(), now + later) if deal.ticket not in known]

    assert after - before == pytest.approx(
        sum(deal.profit + deal.commission + deal.swap for deal in booked), abs=0.01
    )


@given(SINCE_OPENING)
@settings(deadline=None)
def test_history_only_grows(now: float) -> None:
    early = deals(stage(), now), orders(stage(), now)

    late = deals(stage(), now + DAY), orders(stage(), now + DAY)

    assert late[0][: len(early[0])] == early[0]
    assert late[1][: len(early[1])] == early[1]


def test_history_begins_with_the_deposit() -> None:
    first = deals(stage(), THURSDAY)[0]

    booked = first.type, first.profit, first.symbol, first.time

    assert booked == (Constants.DEAL_TYPE_BALANCE, 10_000.0, "", server_time(int(LONG_AGO * 1000)) // 1000)
    assert account(stage(), LONG_AGO).balance == 10_000.0


def test_there_is_nothing_before_the_account_was_opened() -> None:
    info = account(stage(), LONG_AGO - DAY)

    shown = info.balance, info.equity, stage().api.positions_total(), stage().api.orders_total()

    assert shown == (0.0, 0.0, 0, 0)
    assert deals(stage(), LONG_AGO - DAY) == ()


def test_a_closed_position_leaves_a_deal_in_and_a_deal_out() -> None:
    still_open = {row.identifier for row in at(THURSDAY).api.positions_get() or ()}
    trades: dict[int, list[TradeDeal]] = {}
    for deal in deals(stage(), THURSDAY)[1:]:
        trades.setdefault(deal.position_id, []).append(deal)

    closed = {position: rows for position, rows in trades.items() if position not in still_open}

    assert len(closed) > 80
    for first, last in closed.values():
        assert (first.entry, last.entry) == (Constants.DEAL_ENTRY_IN, Constants.DEAL_ENTRY_OUT)
        assert {first.type, last.type} == {Constants.DEAL_TYPE_BUY, Constants.DEAL_TYPE_SELL}
        assert first.volume == last.volume
        assert first.time_msc < last.time_msc
        assert first.profit == 0.0


def at(now: float) -> Stage:
    stage().now = now
    return stage()


def test_a_stop_closes_at_its_price_or_beyond_and_says_so() -> None:
    history = {order.ticket: order for order in orders(stage(), LONG_AGO + 10 * DAY)}
    stopped = [
        deal for deal in deals(stage(), LONG_AGO + 10 * DAY) if deal.reason == Constants.DEAL_REASON_SL
    ]

    opening = {deal.ticket: history[deal.position_id] for deal in stopped}

    assert len(stopped) > 5
    for deal in stopped:
        stop = opening[deal.ticket].sl
        assert deal.comment == f"[sl {stop}]"
        assert deal.price <= stop if deal.type == Constants.DEAL_TYPE_SELL else deal.price >= stop


def test_trades_open_and_close_only_while_their_market_is_open() -> None:
    traded = deals(stage(), LONG_AGO + 10 * DAY)[1:]

    shut = [deal for deal in traded if not CATALOGUE[deal.symbol].hours.is_open(utc_time(deal.time_msc))]

    assert shut == []


def test_a_position_over_the_weekend_pays_swap_and_closes_after_the_opening() -> None:
    saturday, monday = THURSDAY + 2 * DAY, THURSDAY + 3.5 * DAY
    held = [Stage(seed=seed, symbols=["EURUSD"]) for seed in range(6)]
    for holder in held:
        holder.attach()

    over = [row for holder in held for row in at_weekend(holder, saturday)]

    assert over
    closed = {deal.position_id: deal for holder in held for deal in deals(holder, monday + 2 * DAY)}
    for ticket in over:
        assert closed[ticket].swap != 0.0
        assert closed[ticket].time_msc > server_time(int((THURSDAY + 3 * DAY) * 1000))


def at_weekend(holder: Stage, saturday: float) -> list[int]:
    holder.now = saturday
    return [row.ticket for row in holder.api.positions_get() or ()]


def test_every_ticket_is_unique_and_grows_with_time() -> None:
    booked, finished = deals(stage(), LONG_AGO + 10 * DAY), orders(stage(), LONG_AGO + 10 * DAY)

    tickets = [deal.ticket for deal in booked], [order.ticket for order in finished]

    assert tickets[0] == sorted(set(tickets[0]))
    assert len(tickets[1]) == len(set(tickets[1]))
    assert {deal.order for deal in booked[1:]} <= set(tickets[1])


def test_a_deal_is_never_numbered_like_its_order() -> None:
    booked = deals(stage(), THURSDAY)

    mixed = [deal for deal in booked if deal.ticket == deal.order]

    assert mixed == []


def test_orders_wait_until_they_are_cancelled_or_expire() -> None:
    hours = (LONG_AGO + hour * HOUR for hour in range(96))
    waiting = {order.ticket: order for hour in hours for order in at(hour).api.orders_get() or ()}

    finished = {order.ticket: order for order in orders(stage(), THURSDAY + 3 * DAY)}

    assert waiting
    for ticket, order in waiting.items():
        assert order.state == Constants.ORDER_STATE_PLACED
        assert order.time_done == 0
        assert finished[ticket].state in {Constants.ORDER_STATE_CANCELED, Constants.ORDER_STATE_EXPIRED}
        assert finished[ticket].time_done >= order.time_setup


def test_history_holds_filled_cancelled_expired_and_rejected_orders() -> None:
    finished = orders(stage(), LONG_AGO + 10 * DAY)

    states = {order.state for order in finished}

    assert states == {
        Constants.ORDER_STATE_FILLED,
        Constants.ORDER_STATE_CANCELED,
        Constants.ORDER_STATE_EXPIRED,
        Constants.ORDER_STATE_REJECTED,
    }
    for order in finished:
        if order.state == Constants.ORDER_STATE_EXPIRED:
            assert order.time_expiration == order.time_done


def test_profit_moves_with_the_price_and_comes_in_the_deposit_currency() -> None:
    yen = stage("JPY")
    yen.now = LONG_AGO + DAY
    while not yen.api.positions_get(symbol="USDJPY"):
        yen.now += HOUR

    held = yen.api.positions_get(symbol="USDJPY") or ()
    rate = yen.api.symbol_info_tick("USDJPY")

    assert rate is not None
    for row in held:
        move = row.price_current - row.price_open
        earned = (move if row.type == Constants.POSITION_TYPE_BUY else -move) * 100_000 * row.volume
        assert row.profit == pytest.approx(earned, abs=1.0)
        assert row.price_current == (rate.bid if row.type == Constants.POSITION_TYPE_BUY else rate.ask)


def test_margin_follows_volume_price_and_leverage() -> None:
    on = at(THURSDAY)
    rate = on.api.symbol_info_tick("USDJPY")
    assert rate is not None
    middle = (rate.bid + rate.ask) / 2.0
    leverage = {"BTCUSD": 20.0}

    expected = sum(
        CATALOGUE[row.symbol].contract
        * row.volume
        * row.price_open
        / leverage.get(row.symbol, 100.0)
        / (middle if row.symbol == "USDJPY" else 1.0)
        for row in on.api.positions_get() or ()
    )

    assert account(on, THURSDAY).margin == pytest.approx(expected, abs=0.01)


def test_the_ping_varies_around_its_usual_microseconds() -> None:
    infos = [at(THURSDAY + second).api.terminal_info() for second in range(0, 7200, 60)]

    pings = [info.ping_last for info in infos if info is not None]

    assert len(set(pings)) > 50
    assert 10_000 < min(pings) < max(pings) < 60_000


def test_somebody_trades_at_most_hours_of_the_week() -> None:
    totals = [at(LONG_AGO + hour * HOUR).api.positions_total() for hour in range(8 * 24)]

    busy = [total for total in totals if total]

    assert len(busy) > 0.7 * len(totals)
