"""The mark that a drawdown counts from: how it begins, rises, stops rising, and when nobody knows it."""

import pytest

from mt5_exporter.risk.days import Day
from mt5_exporter.risk.drawdown import STRIDE, Mark, fact_name, step
from mt5_exporter.risk.facts import recall
from mt5_exporter.risk.standing import Reason, Source, Standing, Unavailable
from mt5_exporter.risk.watch import FURTHEST
from tests.unit.risking import SPACING, Account, Watching, rules, utc

NOON = utc("2026-05-05 12:00")
MIDNIGHT = utc("2026-05-06")
DAY = 86400.0
UTC = "\nday: {reset: 00:00, timezone: UTC}"
INITIAL = "initial_balance: 10000\n"
STATIC = INITIAL + "drawdown: {kind: static, limit: 1000}"
TRAILING = "drawdown: {kind: trailing, basis: equity, limit: 1000}"
BY_BALANCE = "drawdown: {kind: trailing, basis: balance, limit: 1000}"
BY_BOTH = "drawdown: {kind: trailing, basis: higher, limit: 1000}"
DAILY = "drawdown: {kind: end_of_day, basis: balance, limit: 1000}" + UTC
DAILY_EQUITY = "drawdown: {kind: end_of_day, basis: equity, limit: 1000%s}" + UTC


def watching(content: str, balance: float = 10_000.0) -> Watching:
    return Watching(rules(content), Account(balance=balance, equity=balance))


def anchor(standing: Standing | Unavailable) -> tuple[float, Source] | Reason:
    return (standing.anchor, standing.source) if isinstance(standing, Standing) else standing.reason


# How a mark begins


def test_a_static_mark_is_the_initial_balance_and_stays_there() -> None:
    watch = watching(STATIC)

    assert anchor(watch.drawdown(NOON)) == (10_000, Source.CONFIGURED)
    watch.account.become(NOON + 1, 12_000, 12_500, 0)
    assert anchor(watch.drawdown(NOON + DAY)) == (10_000, Source.CONFIGURED)
    watch.account.become(NOON + 2, 9_600, 9_500, 0)
    assert watch.drawdown(NOON + 2 * DAY) == Standing(
        loss=500, allowed=1_000, anchor=10_000, at=NOON, source=Source.CONFIGURED
    )
    assert watch.asked == []


@pytest.mark.parametrize(
    ("content", "begins"),
    [
        (TRAILING, (9_000, Source.FIRST_SEEN)),
        (INITIAL + TRAILING, (10_000, Source.CONFIGURED)),
        (TRAILING.replace("1000", "1000, high_water: 11000"), (11_000, Source.CONFIGURED)),
        (INITIAL + TRAILING.replace("1000", "1000, high_water: 9500"), (10_000, Source.CONFIGURED)),
        (INITIAL.replace("10000", "8000") + TRAILING, (9_000, Source.OBSERVED)),
        (DAILY, (9_000, Source.FIRST_SEEN)),
        (INITIAL + DAILY, (10_000, Source.CONFIGURED)),
    ],
)
def test_a_mark_begins_with_what_is_configured_or_seen_first(
    content: str, begins: tuple[float, Source]
) -> None:
    assert anchor(watching(content, 9_000).drawdown(NOON)) == begins


@pytest.mark.parametrize("content", [STATIC, INITIAL + TRAILING, INITIAL + DAILY])
def test_no_mark_begins_before_there_is_money(content: str) -> None:
    watch = watching(content, 0.0)

    assert watch.drawdown(NOON) == Unavailable(Reason.NO_MONEY)
    watch.account.become(NOON + 10, 10_000, 10_000, 10_000)
    assert anchor(watch.drawdown(NOON + 60)) == (10_000, Source.CONFIGURED)


def test_a_mark_is_kept_apart_from_that_of_another_rule_but_for_its_limit() -> None:
    configs = map(rules, (STATIC, INITIAL + TRAILING, TRAILING, BY_BALANCE, BY_BOTH, DAILY))
    names = {fact_name(config.drawdown, config.day) for config in configs if config.drawdown}
    tight, wide = (rules(TRAILING.replace("1000", limit)).drawdown for limit in ("1000", "2000"))
    assert tight
    assert wide

    assert len(names) == 6
    assert fact_name(tight, Day()) == fact_name(wide, Day(reset=60))
    counted = rules(TRAILING.replace("1000", "1000, flows: counted")).drawdown
    assert counted
    assert fact_name(counted, Day()) != fact_name(tight, Day())


# How it rises


def test_a_trailing_mark_rises_with_what_is_seen_and_never_falls() -> None:
    watch = watching(TRAILING)
    watch.drawdown(NOON)

    watch.account.become(NOON + 1, 10_000, 10_300, 0)
    assert anchor(watch.drawdown(NOON + 15)) == (10_300, Source.OBSERVED)
    watch.account.become(NOON + 16, 10_000, 9_900, 0)
    assert watch.drawdown(NOON + 30) == Standing(
        loss=400, allowed=1_000, anchor=10_300, at=NOON + 15, source=Source.OBSERVED
    )
    assert watch.asked == []


@pytest.mark.parametrize("content", [BY_BALANCE, BY_BOTH])
def test_a_peak_of_the_balance_that_nobody_saw_is_found_in_the_deals(content: str) -> None:
    watch = watching(content)
    watch.drawdown(NOON)

    watch.account.become(NOON + 1, 10_400.40, 10_400.40, 0)
    watch.account.become(NOON + 2, 10_100, 10_100, 0)
    assert watch.drawdown(NOON + 15) == Standing(
        loss=300.4, allowed=1_000, anchor=10_400.4, at=NOON + 1, source=Source.REBUILT
    )


def test_a_peak_that_left_no_trace_in_the_balance_is_found_a_minute_later() -> None:
    watch = watching(BY_BALANCE)
    watch.drawdown(NOON)
    watch.account.become(NOON + 1, 10_500, 10_500, 0)
    watch.account.become(NOON + 2, 10_000, 10_000, 0)

    assert anchor(watch.drawdown(NOON + STRIDE - 1)) == (10_000, Source.FIRST_SEEN)
    assert anchor(watch.drawdown(NOON + STRIDE)) == (10_500, Source.REBUILT)
    assert watch.asked == [NOON]


def test_a_peak_from_before_the_mark_began_is_none_of_its() -> None:
    watch = watching(BY_BALANCE)
    watch.account.become(NOON - 3600, 10_900, 10_900, 0)
    watch.account.become(NOON - 1800, 10_000, 10_000, 0)
    rule, day = watch.config.drawdown, watch.config.day
    assert rule
    mark, _ = step(rule, day, None, watch.account.seen(NOON), Unavailable(Reason.MISSED))

    # Asked for on behalf of another rule, these deals go back further.
    seen, past = watch.account.seen(NOON + STRIDE), watch.account.past(NOON - DAY)
    _, standing = step(rule, day, mark, seen, past)

    assert anchor(standing) == (10_000, Source.FIRST_SEEN)


def test_a_deposit_lifts_no_mark_but_moves_it() -> None:
    watch = watching(BY_BALANCE)
    watch.drawdown(NOON)
    watch.account.become(NOON + 1, 9_800, 9_800, 0)
    watch.account.become(NOON + 2, 14_800, 14_800, 5_000)

    assert watch.drawdown(NOON + 15) == Standing(
        loss=200, allowed=1_000, anchor=15_000, at=NOON, source=Source.FIRST_SEEN
    )
    watch.account.become(NOON + 20, 6_800, 6_800, -8_000)
    assert watch.drawdown(NOON + 30) == Standing(
        loss=200, allowed=1_000, anchor=7_000, at=NOON, source=Source.FIRST_SEEN
    )


def test_a_withdrawal_that_counts_brings_the_account_nearer_to_its_floor() -> None:
    watch = watching(BY_BALANCE.replace("1000", "1000, flows: counted"))
    watch.drawdown(NOON)
    watch.account.become(NOON + 1, 10_600, 10_600, 0)
    watch.account.become(NOON + 2, 9_999, 9_999, -601)

    assert watch.drawdown(NOON + 15) == Standing(
        loss=601, allowed=1_000, anchor=10_600, at=NOON + 1, source=Source.REBUILT
    )


def test_an_end_of_day_mark_takes_every_reset_and_nothing_between() -> None:
    watch = watching(DAILY)
    watch.drawdown(NOON)
    watch.account.become(NOON + 1, 10_900, 10_900, 0)
    watch.account.become(NOON + 2, 10_700, 10_500, 0)
    assert anchor(watch.drawdown(MIDNIGHT - 1)) == (10_000, Source.FIRST_SEEN)

    assert anchor(watch.drawdown(MIDNIGHT + 1)) == (10_700, Source.OBSERVED)
    watch.drawdown(MIDNIGHT + 16)
    assert watch.asked == [MIDNIGHT]
    watch.account.become(MIDNIGHT + DAY - 5, 11_000, 11_000, 0)
    watch.account.become(MIDNIGHT + DAY + 5, 10_200, 10_200, 0)
    watch.account.become(MIDNIGHT + 2 * DAY + 5, 10_900, 10_900, 0)
    assert watch.drawdown(MIDNIGHT + 2 * DAY + 3600) == Standing(
        loss=100, allowed=1_000, anchor=11_000, at=MIDNIGHT + DAY, source=Source.REBUILT
    )


def test_an_exporter_that_starts_with_the_reset_takes_that_reset() -> None:
    watch = watching(INITIAL + DAILY, 10_400)

    assert anchor(watch.drawdown(MIDNIGHT + SPACING - 1)) == (10_400, Source.OBSERVED)
    assert anchor(watching(INITIAL + DAILY, 10_400).drawdown(MIDNIGHT + SPACING)) == (
        10_000,
        Source.CONFIGURED,
    )


# Where it stops


def test_a_locked_floor_is_that_of_the_initial_balance_and_moves_with_deposits_alone() -> None:
    watch = watching(INITIAL + TRAILING.replace("1000", "1000, lock: 50"))
    watch.drawdown(NOON)
    watch.account.become(NOON + 1, 10_000, 11_049, 0)
    assert anchor(watch.drawdown(NOON + 15)) == (11_049, Source.OBSERVED)
    watch.account.become(NOON + 16, 10_000, 13_000, 0)
    assert anchor(watch.drawdown(NOON + 30)) == (11_050, Source.OBSERVED)

    watch.account.become(NOON + 31, 12_000, 12_000, 2_000)

    assert watch.drawdown(NOON + 45) == Standing(
        loss=1_050, allowed=1_000, anchor=13_050, at=NOON + 30, source=Source.OBSERVED
    )


# When nobody knows it


def test_a_reset_whose_equity_nobody_knows_leaves_a_mark_unknown_for_good() -> None:
    watch = watching(INITIAL + DAILY_EQUITY % "")
    watch.drawdown(NOON)
    watch.account.become(NOON + 1, 10_000, 10_200, 0)

    assert watch.drawdown(MIDNIGHT + SPACING) == Unavailable(Reason.MISSED)
    watch.account.become(MIDNIGHT + 60, 10_100, 10_100, 0)
    assert watch.drawdown(MIDNIGHT + DAY + 1) == Unavailable(Reason.MISSED)
    # A person who knows it from the firm writes it down: a mark of its own.
    told = rules((INITIAL + DAILY_EQUITY) % ", high_water: 10250")
    before, after = (fact_name(c.drawdown, c.day) for c in (watch.config, told) if c.drawdown)
    assert before != after


def test_a_reset_that_is_missing_matters_no_more_once_the_floor_is_locked() -> None:
    watch = watching(INITIAL + DAILY_EQUITY % ", lock: 0")
    watch.drawdown(NOON)
    watch.account.become(NOON + 1, 10_000, 10_200, 0)
    assert watch.drawdown(MIDNIGHT + SPACING) == Unavailable(Reason.MISSED)

    watch.account.become(MIDNIGHT + 60, 11_000, 11_000, 0)

    assert anchor(watch.drawdown(MIDNIGHT + DAY + 1)) == (11_000, Source.OBSERVED)


def test_resets_without_deals_are_waited_for() -> None:
    watch = watching(DAILY)
    watch.drawdown(NOON)
    watch.account.become(NOON + 1, 10_500, 10_500, 0)
    watch.account.become(MIDNIGHT + 1, 10_300, 10_300, 0)
    watch.deals = Unavailable(Reason.SERVER_CLOCK_UNKNOWN)

    assert watch.drawdown(MIDNIGHT + DAY + 1) == Unavailable(Reason.SERVER_CLOCK_UNKNOWN)
    watch.deals = None
    assert anchor(watch.drawdown(MIDNIGHT + DAY + 16)) == (10_500, Source.REBUILT)


def test_a_trailing_balance_without_deals_is_what_is_seen_while_it_is_seen_without_a_gap() -> None:
    watch = watching(BY_BALANCE)
    watch.deals = Unavailable(Reason.SERVER_CLOCK_UNKNOWN)
    watch.drawdown(NOON)
    for look in range(1, 20):
        watch.account.become(NOON + look * SPACING - 1, 10_000 + look, 10_000 + look, 0)
        assert anchor(watch.drawdown(NOON + look * SPACING)) == (10_000 + look, Source.OBSERVED)

    last = NOON + 19 * SPACING
    blind = last + STRIDE + SPACING

    assert anchor(watch.drawdown(blind)) == (10_019, Source.OBSERVED)
    assert watch.drawdown(blind + STRIDE + SPACING + 1) == Unavailable(Reason.SERVER_CLOCK_UNKNOWN)
    watch.deals = None
    assert anchor(watch.drawdown(blind + STRIDE + SPACING + 2)) == (10_019, Source.OBSERVED)


@pytest.mark.parametrize("content", [BY_BALANCE, DAILY])
def test_after_an_absence_too_long_for_the_deals_a_mark_is_not_known(content: str) -> None:
    watch = watching(content)
    watch.drawdown(NOON)
    watch.account.become(NOON + 1, 10_500, 10_500, 0)
    watch.account.become(NOON + 2, 10_100, 10_100, 0)

    assert watch.drawdown(NOON + FURTHEST + DAY) == Unavailable(Reason.HISTORY_UNAVAILABLE)
    assert watch.asked == []


def test_a_clock_that_was_far_ahead_costs_no_reset() -> None:
    watch = watching(DAILY)
    watch.drawdown(NOON + 300 * DAY)

    watch.drawdown(NOON)
    watch.account.become(NOON + 1, 10_700, 10_700, 0)

    assert anchor(watch.drawdown(MIDNIGHT + 1)) == (10_700, Source.OBSERVED)


def test_a_mark_is_the_same_after_the_store() -> None:
    watch = watching(TRAILING)
    rule = watch.config.drawdown
    assert rule
    watch.drawdown(NOON)

    assert recall(Mark, watch.facts[fact_name(rule, watch.config.day)]) == Mark(
        value=10_000,
        flows=0,
        at=NOON,
        source=Source.FIRST_SEEN,
        began=0,
        through=NOON,
        earned=10_000,
        missed=False,
    )
