"""Any life of an account, watched with gaps, against a model that saw all of it and counts whole cents."""

from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from mt5_exporter.risk.standing import Reason, Standing, Unavailable
from tests.unit.risking import SPACING, Account, Watching, rules, utc

START = int(utc("2026-03-26 09:00"))
"""In Prague the clocks change three nights later."""

RESETS = [
    int(utc(f"2026-03-{date} {hour}:00"))
    for date, hour in [(25, 23), (26, 23), (27, 23), (28, 23), (29, 22), (30, 22), (31, 22)]
] + [int(utc(f"2026-04-{date:02} 22:00")) for date in range(1, 20)]
"""Midnights in Prague, by hand."""

DAY = "\nday: {reset: 00:00, timezone: Europe/Prague}"
OPENED = 1_000_000
ENOUGH = 20_000


@dataclass(frozen=True, kw_only=True)
class Deal:
    """One event, in cents: what it earned, what was deposited, and what floats after it; None is flat."""

    wait: int
    earned: int
    flow: int
    floating: int | None
    looked: bool


DEALS = st.builds(
    Deal,
    wait=st.one_of(st.integers(1, 120), st.integers(1, 20 * 3600), st.integers(20 * 3600, 60 * 3600)),
    earned=st.integers(-ENOUGH, ENOUGH),
    flow=st.one_of(st.just(0), st.integers(-ENOUGH, ENOUGH)),
    floating=st.one_of(st.none(), st.integers(-ENOUGH, ENOUGH).filter(bool)),
    looked=st.booleans(),
)
LIVES = st.lists(DEALS, min_size=1, max_size=12)


@dataclass(frozen=True, kw_only=True)
class State:
    """The account after an event; `own` is what it has without deposits and withdrawals, all in cents."""

    at: int
    balance: int
    own: int
    floating: int | None


class Model:
    """Everything that happened, searched from the beginning each time."""

    def __init__(self) -> None:
        self.states = [State(at=START - 100_000, balance=OPENED, own=OPENED, floating=None)]
        self.looks: list[tuple[int, State]] = []

    def happen(self, at: int, deal: Deal) -> State:
        last = self.states[-1]
        state = State(
            at=at,
            balance=last.balance + deal.earned + deal.flow,
            own=last.own + deal.earned,
            floating=deal.floating,
        )
        self.states.append(state)
        return state

    def before(self, at: int) -> State:
        return [state for state in self.states if state.at < at][-1]

    def anchor(self, now: int, basis: str) -> int | None:
        """Return the day's anchor without what was deposited, None where nobody can know it."""
        reset = max(reset for reset in RESETS if reset <= now)
        return self.at_reset(reset, basis)

    def at_reset(self, reset: int, basis: str) -> int | None:
        then = self.before(reset)
        if basis == "balance" or then.floating is None:
            return then.own
        first = next(((at, state) for at, state in self.looks if at >= reset), None)
        if first is None or first[0] - reset >= SPACING:
            return None
        equity = first[1].own + (first[1].floating or 0)
        return max(equity, then.own) if basis == "higher" else equity


def cents(money: float) -> int:
    assert abs(money * 100 - round(money * 100)) < 1e-4
    return round(money * 100)


def lived(life: list[Deal], watch: Watching, model: Model, *, late: int = 5) -> Iterator[int]:
    """Let it happen, and return the times at which the exporter looks: some seconds after some of it."""
    now = START
    for number, deal in enumerate(life):
        now += deal.wait
        state = model.happen(now, deal)
        floating = deal.floating or 0
        watch.account.become(now, state.balance / 100, (state.balance + floating) / 100, deal.flow / 100)
        now += late
        if deal.looked or number == len(life) - 1:
            model.looks.append((now, state))
            yield now


@given(life=LIVES, basis=st.sampled_from(("balance", "equity", "higher")))
@settings(max_examples=300)
def test_a_daily_loss_is_that_of_the_model_or_absent_where_the_model_cannot_know_it(
    life: list[Deal], basis: str
) -> None:
    watch = Watching(rules(f"daily_loss: {{limit: 500, basis: {basis}}}{DAY}"), Account(balance=OPENED / 100))
    model = Model()

    for now in lived(life, watch, model):
        found = watch.daily_loss(now)
        anchor, state = model.anchor(now, basis), model.states[-1]
        if anchor is None:
            assert found == Unavailable(Reason.MISSED)
            continue
        assert isinstance(found, Standing)
        moved = anchor + state.balance - state.own
        equity = state.balance + (state.floating or 0)
        assert (cents(found.anchor), cents(found.loss)) == (moved, max(0, moved - equity))


@given(life=LIVES, lock=st.sampled_from((None, 0, 150)))
@settings(max_examples=300)
def test_an_end_of_day_mark_is_the_highest_balance_at_any_reset(life: list[Deal], lock: int | None) -> None:
    locked = "" if lock is None else f", lock: {lock}"
    content = f"initial_balance: 10000\ndrawdown: {{kind: end_of_day, limit: 300{locked}}}{DAY}"
    watch, model = Watching(rules(content), Account(balance=OPENED / 100)), Model()
    began: int | None = None

    for now in lived(life, watch, model):
        found, state = watch.drawdown(now), model.states[-1]
        # The mark begins at the first look, and so does what counts as deposited.
        first = model.looks[0]
        began = first[1].own - first[1].balance if began is None else began
        resets = [reset for reset in RESETS if first[0] - SPACING < reset <= now]
        mark = max([OPENED + began] + [model.before(reset).own for reset in resets])
        if lock is not None:
            mark = min(mark, OPENED + began + lock * 100 + 300 * 100)
        moved = mark + state.balance - state.own
        assert isinstance(found, Standing)
        equity = state.balance + (state.floating or 0)
        assert (cents(found.anchor), cents(found.loss)) == (moved, max(0, moved - equity))


@given(life=LIVES)
@settings(max_examples=300)
def test_a_trailing_balance_has_every_peak_since_it_was_first_seen(life: list[Deal]) -> None:
    watch = Watching(
        rules("drawdown: {kind: trailing, basis: balance, limit: 300}"), Account(balance=OPENED / 100)
    )
    model = Model()

    # Deals are searched each minute, whether the balance has changed or not.
    for now in lived(life, watch, model, late=60):
        found, state = watch.drawdown(now), model.states[-1]
        first = model.looks[0][1]
        peaks = [other.own for other in model.states if other.at >= first.at]
        assert isinstance(found, Standing)
        assert cents(found.anchor) == max(peaks) + state.balance - state.own


@given(life=LIVES)
@settings(max_examples=300)
def test_a_trailing_equity_is_the_highest_that_was_seen(life: list[Deal]) -> None:
    watch = Watching(
        rules("drawdown: {kind: trailing, basis: equity, limit: 300}"), Account(balance=OPENED / 100)
    )
    model = Model()

    for now in lived(life, watch, model):
        found, state = watch.drawdown(now), model.states[-1]
        mark = max(seen.own + (seen.floating or 0) for _, seen in model.looks)
        assert isinstance(found, Standing)
        assert cents(found.anchor) == mark + state.balance - state.own
        assert watch.asked == []
