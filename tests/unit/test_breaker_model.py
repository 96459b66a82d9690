"""The breaker against a naive model of itself, through whatever sequences hypothesis thinks of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from hypothesis import settings, strategies
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from mt5_exporter.breaker import Breaker, BreakerSettings, CallNotPermitted, Permit, Transition

LEGAL = {("closed", "open"), ("open", "half_open"), ("half_open", "open"), ("half_open", "closed")}

Settlement = Literal["success", "slow", "failure", "slow_failure", "trip", "ignore"]


def wait_after(opened: int) -> float:
    return 5.0 * 2.0 ** min(opened, 4)


@dataclass(eq=False)
class Ticket:
    """The model's permit; `epoch` is the number of changes that had been made when it was given."""

    epoch: int
    verdict: Settlement | None = None


@dataclass
class NaiveBreaker:
    """Keeps everything that ever happened, and looks all of it through for each answer."""

    settings: BreakerSettings
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    change_times: list[float] = field(default_factory=list)
    tickets: list[Ticket] = field(default_factory=list)
    counted: list[tuple[Ticket, Settlement]] = field(default_factory=list)

    @property
    def state(self) -> str:
        return self.changes[-1][1] if self.changes else "closed"

    @property
    def open_until(self) -> float:
        """How often it opened since it was last closed decides how long it waits."""
        opened = 0
        for _, after, _ in reversed(self.changes):
            if after == "closed":
                break
            opened += after == "open"
        return self.change_times[-1] + wait_after(opened)

    def recent(self) -> list[Settlement]:
        """The outcomes that count since it was last closed, oldest first, at most a window of them."""
        closings = [number for number, change in enumerate(self.changes, 1) if change[1] == "closed"]
        since = closings[-1] if closings else 0
        return [verdict for ticket, verdict in self.counted if ticket.epoch >= since]

    def ratio(self, of: set[Settlement]) -> float | None:
        window = self.recent()[-self.settings.window :]
        if len(window) < self.settings.minimum_calls:
            return None
        return len([verdict for verdict in window if verdict in of]) / len(window)

    @property
    def failure_ratio(self) -> float | None:
        return self.ratio({"failure", "slow_failure", "trip"})

    @property
    def slow_call_ratio(self) -> float | None:
        return self.ratio({"slow", "slow_failure"})

    def change(self, after: str, reason: str, now: float) -> None:
        self.changes.append((self.state, after, reason))
        self.change_times.append(now)

    def acquire(self, now: float) -> Ticket | None:
        if self.state == "open" and now >= self.open_until:
            self.change("half_open", "wait_over", now)
        elif self.state == "half_open" and now - self.change_times[-1] >= self.settings.max_half_open_seconds:
            self.change("open", "trial_lost", now)
        if self.state == "open":
            return None
        mine = [ticket for ticket in self.tickets if ticket.epoch == len(self.changes)]
        trials = [ticket for ticket in mine if ticket.verdict != "ignore"]
        if self.state == "half_open" and len(trials) >= self.settings.permitted_calls:
            return None
        ticket = Ticket(len(self.changes))
        self.tickets.append(ticket)
        return ticket

    def settle(self, ticket: Ticket, verdict: Settlement, now: float) -> None:
        if ticket.epoch != len(self.changes) or ticket.verdict is not None:
            return
        ticket.verdict = verdict
        if verdict == "ignore":
            return
        self.counted.append((ticket, verdict))
        failed = verdict in {"failure", "slow_failure", "trip"}
        if verdict == "trip":
            self.change("open", "trip", now)
        elif self.state == "half_open":
            good = [t for t in self.tickets if t.epoch == ticket.epoch and t.verdict in {"success", "slow"}]
            if failed:
                self.change("open", "trial_failed", now)
            elif len(good) == self.settings.permitted_calls:
                self.change("closed", "trial_succeeded", now)
        else:
            self.judge(now)

    def judge(self, now: float) -> None:
        last = self.recent()[-self.settings.consecutive_failures :]
        if len(last) == self.settings.consecutive_failures and not {"success", "slow"} & set(last):
            self.change("open", "consecutive_failures", now)
        elif (ratio := self.failure_ratio) is not None and ratio >= self.settings.failure_ratio:
            self.change("open", "failure_ratio", now)
        elif (ratio := self.slow_call_ratio) is not None and ratio >= self.settings.slow_call_ratio:
            self.change("open", "slow_call_ratio", now)


SETTLE: dict[Settlement, Callable[[Permit], None]] = {
    "success": lambda permit: permit.success(0.5),
    "slow": lambda permit: permit.success(2.0),
    "failure": lambda permit: permit.failure(0.5),
    "slow_failure": lambda permit: permit.failure(2.0),
    "trip": lambda permit: permit.failure(trip=True),
    "ignore": lambda permit: permit.ignore(),
}

Pair = tuple[Permit, Ticket]


class BreakerMachine(RuleBasedStateMachine):
    """Drives both and compares all that can be seen; permits stay at hand, so some come late or twice."""

    pairs: Bundle[Pair] = Bundle("pairs")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.listener_raises = False
        self.raised = 0
        self.changes: list[Transition] = []

    @initialize(
        consecutive_failures=strategies.integers(1, 5),
        failure_ratio=strategies.sampled_from([0.3, 0.5, 1.0]),
        slow_call_ratio=strategies.sampled_from([0.3, 0.5, 1.0]),
        minimum_calls=strategies.integers(1, 5),
        window=strategies.integers(1, 8),
        permitted_calls=strategies.integers(1, 4),
    )
    def build(
        self,
        *,
        consecutive_failures: int,
        failure_ratio: float,
        slow_call_ratio: float,
        minimum_calls: int,
        window: int,
        permitted_calls: int,
    ) -> None:
        settings = BreakerSettings(
            consecutive_failures=consecutive_failures,
            failure_ratio=failure_ratio,
            slow_call_ratio=slow_call_ratio,
            minimum_calls=minimum_calls,
            window=window,
            permitted_calls=permitted_calls,
            max_half_open_seconds=30.0,
        )
        self.model = NaiveBreaker(settings)
        self.breaker = Breaker(
            settings,
            clock=lambda: self.now,
            open_until=lambda opened, now: now + wait_after(opened),
            on_transition=self.listener,
        )

    def listener(self, change: Transition) -> None:
        self.changes.append(change)
        if self.listener_raises:
            self.raised += 1
            raise RuntimeError("the listener's own fault")

    @rule(raises=strategies.booleans())
    def change_the_listener(self, raises: bool) -> None:
        self.listener_raises = raises

    @rule(seconds=strategies.sampled_from([0.0, 0.1, 9.9, 10.0, 30.0, 80.0]))
    def advance(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def advance_to_the_next_trial(self) -> None:
        self.now = max(self.now, self.breaker.open_until)

    @rule(target=pairs)
    def acquire(self) -> Pair | MultipleResults[Pair]:
        shut = self.breaker.state == "open" and self.now < self.breaker.open_until
        ticket = self.model.acquire(self.now)
        try:
            permit = self.breaker.acquire()
        except CallNotPermitted:
            assert ticket is None
            return multiple()
        assert not shut
        assert ticket is not None
        return permit, ticket

    @rule(pair=pairs, verdict=strategies.sampled_from(sorted(SETTLE)))
    def settle(self, pair: Pair, verdict: Settlement) -> None:
        permit, ticket = pair
        self.model.settle(ticket, verdict, self.now)
        SETTLE[verdict](permit)

    @rule(pair=pairs, verdict=strategies.sampled_from(sorted(SETTLE)))
    def settle_a_call_that_took_its_time(self, pair: Pair, verdict: Settlement) -> None:
        self.now += 3.0
        self.settle(pair, verdict)

    @invariant()
    def nobody_sees_a_difference(self) -> None:
        assert self.breaker.state == self.model.state
        assert self.breaker.failure_ratio == self.model.failure_ratio
        assert self.breaker.slow_call_ratio == self.model.slow_call_ratio
        assert [(c.before, c.after, c.reason) for c in self.changes] == self.model.changes
        if self.breaker.state == "open":
            assert self.breaker.open_until == self.model.open_until

    @invariant()
    def half_open_has_no_more_trials_out_than_permitted(self) -> None:
        out = [t for t in self.model.tickets if t.epoch == len(self.changes) and t.verdict is None]
        assert self.breaker.state != "half_open" or len(out) <= self.breaker.settings.permitted_calls

    @invariant()
    def every_change_is_legal_and_goes_on_where_the_last_one_ended(self) -> None:
        state = "closed"
        for change in self.changes:
            assert change.before == state
            assert (change.before, change.after) in LEGAL
            state = change.after

    @invariant()
    def a_raising_listener_is_counted(self) -> None:
        assert self.breaker.listener_errors == self.raised

    def teardown(self) -> None:
        """Whatever happened, and whoever kept a permit: it closes again once the calls succeed."""
        if not hasattr(self, "breaker"):
            return
        # At worst: trial calls beside a lost one, the time to give that up, the wait, and every trial call.
        trials = self.breaker.settings.permitted_calls
        for _ in range((trials - 1) + 2 + trials):
            if self.breaker.state == "closed":
                return
            try:
                self.breaker.acquire().success()
            except CallNotPermitted:
                self.now = max(self.now + 31.0, self.breaker.open_until)
        assert self.breaker.state == "closed"


def test_the_breaker_does_what_a_naive_model_does() -> None:
    run_state_machine_as_test(
        BreakerMachine, settings=settings(max_examples=250, stateful_step_count=50, deadline=None)
    )
