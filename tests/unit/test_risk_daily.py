"""The day's anchor: from where it comes, what becomes of it, and when there is none."""

import dataclasses

import pytest

from mt5_exporter.risk import daily
from mt5_exporter.risk.daily import fact_name
from mt5_exporter.risk.days import Day
from mt5_exporter.risk.facts import recall
from mt5_exporter.risk.opening import Opening
from mt5_exporter.risk.past import Past
from mt5_exporter.risk.rules import DailyLossRule, Limit, Measure
from mt5_exporter.risk.standing import Reason, Source, Standing, Unavailable
from mt5_exporter.risk.watch import watches
from tests.unit.risking import SPACING, Account, Watching, rules, utc

MIDNIGHT = utc("2026-05-05")
DAY = 86400.0
UTC = "\nday: {reset: 00:00, timezone: UTC}"
BALANCE = "daily_loss: {limit: 5%}" + UTC
EQUITY = "daily_loss: {limit: 5%, basis: equity}" + UTC
HIGHER = "daily_loss: {limit: 5%, basis: higher}" + UTC


def watching(content: str, balance: float = 10_000.0, equity: float | None = None) -> Watching:
    """Return a watch over an account that has been like this for a day before midnight."""
    account = Account(balance=balance)
    account.become(MIDNIGHT - DAY, balance, balance if equity is None else equity, 0)
    return Watching(rules(content), account)


def test_what_is_seen_soon_after_the_reset_is_what_the_day_counts_from() -> None:
    watch = watching(EQUITY, equity=10_200)

    assert watch.daily_loss(MIDNIGHT + SPACING - 1) == Standing(
        loss=0, allowed=510, anchor=10_200, at=MIDNIGHT, source=Source.OBSERVED
    )


@pytest.mark.parametrize("content", [EQUITY, HIGHER])
def test_an_equity_that_nobody_saw_is_missing_until_the_next_reset(content: str) -> None:
    watch = watching(content, equity=10_200)

    assert watch.daily_loss(MIDNIGHT + SPACING) == Unavailable(Reason.MISSED)
    watch.account.become(MIDNIGHT + 3600, 10_100, 10_100, 0)
    assert watch.daily_loss(MIDNIGHT + 7200) == Unavailable(Reason.MISSED)
    # Deals cannot tell more the second time.
    assert watch.asked == [MIDNIGHT]
    assert watch.daily_loss(MIDNIGHT + DAY + 1) == Standing(
        loss=0, allowed=505, anchor=10_100, at=MIDNIGHT + DAY, source=Source.OBSERVED
    )


@pytest.mark.parametrize("content", [BALANCE, EQUITY, HIGHER])
def test_an_account_without_positions_at_the_reset_is_rebuilt_from_its_deals(content: str) -> None:
    watch = watching(content)
    watch.account.become(MIDNIGHT + 100, 10_000, 9_900, 0)
    watch.account.become(MIDNIGHT + 200, 9_950.01, 9_950.01, 0)
    watch.account.become(MIDNIGHT + 300, 9_950.01, 9_800.01, 0)

    assert watch.daily_loss(MIDNIGHT + 3600) == Standing(
        loss=199.99, allowed=500, anchor=10_000, at=MIDNIGHT, source=Source.REBUILT
    )


def test_a_balance_is_rebuilt_whatever_was_open() -> None:
    watch = watching(BALANCE, equity=9_000)
    watch.account.become(MIDNIGHT + 100, 9_700.10, 9_700.10, 0)

    assert watch.daily_loss(MIDNIGHT + 3600) == Standing(
        loss=299.9, allowed=500, anchor=10_000, at=MIDNIGHT, source=Source.REBUILT
    )


def test_a_deal_between_the_reset_and_the_first_look_belongs_to_the_new_day() -> None:
    watch = watching(BALANCE)
    watch.account.become(MIDNIGHT, 9_900, 9_900, 0)

    assert watch.daily_loss(MIDNIGHT + 10) == Standing(
        loss=100, allowed=500, anchor=10_000, at=MIDNIGHT, source=Source.OBSERVED
    )


def test_a_deposit_between_the_reset_and_the_first_look_is_no_profit() -> None:
    watch = watching(EQUITY, equity=9_800)
    watch.account.become(MIDNIGHT + 5, 15_000, 14_800, 5_000)

    assert watch.daily_loss(MIDNIGHT + 10) == Standing(
        loss=0, allowed=740, anchor=14_800, at=MIDNIGHT, source=Source.OBSERVED
    )


@pytest.mark.parametrize("reason", [Reason.SERVER_CLOCK_UNKNOWN, Reason.HISTORY_UNAVAILABLE])
def test_deals_that_cannot_be_had_are_asked_for_again(reason: Reason) -> None:
    watch = watching(BALANCE)
    watch.account.become(MIDNIGHT + 100, 9_900, 9_900, 0)
    watch.deals = Unavailable(reason)

    assert watch.daily_loss(MIDNIGHT + 3600) == Unavailable(reason)
    watch.deals = None
    assert watch.daily_loss(MIDNIGHT + 3615) == Standing(
        loss=100, allowed=500, anchor=10_000, at=MIDNIGHT, source=Source.REBUILT
    )
    assert watch.asked == [MIDNIGHT, MIDNIGHT]


def test_without_deals_what_is_seen_soon_after_the_reset_does() -> None:
    watch = watching(HIGHER, equity=10_200)
    watch.deals = Unavailable(Reason.SERVER_CLOCK_UNKNOWN)

    assert watch.daily_loss(MIDNIGHT + 1) == Standing(
        loss=0, allowed=510, anchor=10_200, at=MIDNIGHT, source=Source.OBSERVED
    )
    watch.daily_loss(MIDNIGHT + 3600)
    assert watch.asked == [MIDNIGHT]


def test_an_account_that_was_opened_today_counts_from_its_first_deposit() -> None:
    watch = Watching(rules(BALANCE), Account(balance=0))
    watch.account.become(MIDNIGHT + 36_000, 10_000, 10_000, 10_000)
    watch.account.become(MIDNIGHT + 36_100, 9_800, 9_800, 0)

    assert watch.daily_loss(MIDNIGHT + 40_000) == Standing(
        loss=200, allowed=500, anchor=10_000, at=MIDNIGHT, source=Source.REBUILT
    )


@pytest.mark.parametrize("balance", [0.0, -20.0])
def test_without_money_there_is_nothing_to_lose(balance: float) -> None:
    assert watching(BALANCE, balance).daily_loss(MIDNIGHT + 1) == Unavailable(Reason.NO_MONEY)


def test_a_clock_that_is_set_back_a_moment_leaves_the_day_alone() -> None:
    watch = watching(EQUITY, equity=10_200)
    began = watch.daily_loss(MIDNIGHT + 1)

    assert watch.daily_loss(MIDNIGHT - 5) == began
    assert watch.daily_loss(MIDNIGHT + 2) == began


def test_a_clock_that_was_far_ahead_is_not_believed_any_more() -> None:
    watch = watching(BALANCE)
    watch.daily_loss(MIDNIGHT + 400 * DAY)

    now = watch.daily_loss(MIDNIGHT + 3600)

    assert isinstance(now, Standing)
    assert now.at == MIDNIGHT


def test_one_days_anchor_serves_every_rule_that_resets_alike() -> None:
    midnight, close = Day(), Day(reset=17 * 60, timezone="America/New_York")
    watch = watching(HIGHER, equity=10_200)
    watch.daily_loss(MIDNIGHT + 1)
    state = recall(Opening, watch.facts[fact_name(midnight)])

    rule = DailyLossRule(limit=Limit(money=300), basis=Measure.BALANCE)
    _, result = daily.step(
        rule, midnight, state, watch.account.seen(MIDNIGHT + 60), Unavailable(Reason.MISSED)
    )

    assert fact_name(midnight) != fact_name(close)
    assert result == Standing(loss=0, allowed=300, anchor=10_000, at=MIDNIGHT, source=Source.OBSERVED)


@pytest.mark.parametrize(
    "change",
    [{"reset": "yesterday"}, {"source": "dreamt"}, {"balance": True}, {"more": 1.0}, {"equity": [1.0]}],
)
def test_a_fact_of_another_shape_is_no_fact(change: dict[str, object]) -> None:
    state = Opening(reset=1.0, flows=0.0, source=Source.OBSERVED, balance=2.0)
    fact = dataclasses.asdict(state)

    assert recall(Opening, fact) == state
    assert recall(Opening, {**fact, "balance": 2}) == state
    assert recall(Opening, {**fact, **change}) is None
    assert recall(Opening, dict(list(fact.items())[1:])) is None
    assert recall(Opening, None) is None


def test_deals_prove_a_flat_account_only_where_every_lot_is_accounted_for() -> None:
    account = Account(balance=100)
    account.become(10, 100, 90, 0)
    account.become(20, 95, 95, 0)

    assert account.past(0).was_flat(10)
    assert not account.past(0).was_flat(11)
    assert not account.past(0).was_flat(20)
    assert account.past(0).was_flat(21)
    held = Past(since=0, entries=(), balance=0, flows=0, held={1: 0.01})
    assert not held.was_flat(5)


def test_deals_that_do_not_reach_back_to_the_reset_are_as_good_as_none() -> None:
    watch = watching(BALANCE)
    [rule] = watches(watch.config).values()
    seen = watch.account.seen(MIDNIGHT + 3600)

    _, standing = rule.step({}, seen, watch.account.past(MIDNIGHT + 1))

    assert standing == Unavailable(Reason.HISTORY_UNAVAILABLE)
