"""One promise for each failure that was measured in a circuit breaker library, and the breaker's own rules.

The failures are those of `resilience.md`, section 1.
"""

import asyncio
import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from mt5_exporter.breaker import (
    Breaker,
    BreakerSettings,
    BreakerState,
    CallNotPermitted,
    Permit,
    Transition,
)

WAIT = 10.0
PATIENCE = 20.0
"""Seconds after which a barrier that will never fill fails the test."""


class FakeClock:
    """Monotonic seconds that go on when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def make_breaker(
    clock: Callable[[], float],
    *,
    settings: BreakerSettings | None = None,
    on_transition: Callable[[Transition], None] = lambda _: None,
) -> Breaker:
    return Breaker(
        settings or BreakerSettings(),
        clock=clock,
        open_until=lambda _opened, now: now + WAIT,
        on_transition=on_transition,
    )


def opened(clock: FakeClock, **settings: int) -> Breaker:
    """Return a breaker whose wait is over, so that the next call is a trial."""
    breaker = make_breaker(clock, settings=BreakerSettings(**settings))
    breaker.acquire().failure(trip=True)
    clock.advance(WAIT)
    return breaker


def try_acquire(breaker: Breaker) -> Permit | None:
    try:
        return breaker.acquire()
    except CallNotPermitted:
        return None


def test_fifty_concurrent_tasks_admit_exactly_the_permitted_trials(
    clock: FakeClock, subtests: pytest.Subtests
) -> None:
    async def storm(breaker: Breaker) -> int:
        answered = asyncio.Event()

        async def trial() -> bool:
            permit = try_acquire(breaker)
            await answered.wait()
            if permit is not None:
                permit.success()
            return permit is not None

        tasks = [asyncio.create_task(trial()) for _ in range(50)]
        await asyncio.sleep(0)
        answered.set()
        return sum(await asyncio.gather(*tasks))

    for permitted in (1, 3):
        with subtests.test(permitted=permitted):
            breaker = opened(clock, permitted_calls=permitted)

            admitted = asyncio.run(storm(breaker))

            assert admitted == permitted
            assert breaker.state is BreakerState.CLOSED


@pytest.fixture
def eager_switching() -> Iterator[None]:
    """Make the interpreter change threads as often as it can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("eager_switching")
@pytest.mark.parametrize("permitted", [1, 3])
def test_twenty_threads_in_half_open_admit_exactly_the_permitted_trials(
    clock: FakeClock, permitted: int
) -> None:
    breaker = opened(clock, permitted_calls=permitted)
    start, tried = threading.Barrier(20), threading.Barrier(20)

    def trial(_: int) -> bool:
        start.wait(PATIENCE)
        permit = try_acquire(breaker)
        tried.wait(PATIENCE)
        if permit is not None:
            permit.success()
        return permit is not None

    with ThreadPoolExecutor(20) as threads:
        admitted = sum(threads.map(trial, range(20)))

    assert admitted == permitted
    assert breaker.state is BreakerState.CLOSED


def test_twenty_threads_in_closed_are_not_serialised(clock: FakeClock) -> None:
    breaker = make_breaker(clock)
    all_inside = threading.Barrier(20)

    def call(_: int) -> None:
        permit = breaker.acquire()
        # Passes only once all twenty are inside of their call at the same time.
        all_inside.wait(PATIENCE)
        permit.success()

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(call, range(20)))

    assert not all_inside.broken
    assert breaker.state is BreakerState.CLOSED


def test_a_listener_that_raises_does_not_stop_it_opening(clock: FakeClock) -> None:
    def listener(change: Transition) -> None:
        raise RuntimeError(change.reason)

    breaker = make_breaker(clock, on_transition=listener)

    for _ in range(3):
        breaker.acquire().failure()

    assert breaker.state is BreakerState.OPEN
    assert breaker.listener_errors == 1
    with pytest.raises(CallNotPermitted, match="breaker is open"):
        breaker.acquire()


def test_a_listener_that_raises_does_not_stop_it_closing(clock: FakeClock) -> None:
    def listener(change: Transition) -> None:
        raise RuntimeError(change.reason)

    breaker = make_breaker(clock, on_transition=listener)
    breaker.acquire().failure(trip=True)
    clock.advance(WAIT)

    breaker.acquire().success()

    assert breaker.state is BreakerState.CLOSED
    assert breaker.listener_errors == 3


def test_a_listener_may_ask_the_breaker_for_a_permit(clock: FakeClock) -> None:
    asked: list[Permit | None] = []
    breaker = make_breaker(clock, on_transition=lambda _: asked.append(try_acquire(breaker)))

    breaker.acquire().failure(trip=True)

    assert asked == [None]


def test_a_cancelled_trial_returns_its_permit_and_is_neither_success_nor_failure(clock: FakeClock) -> None:
    breaker = opened(clock)
    opened_until = breaker.open_until

    async def trial() -> None:
        permit = breaker.acquire()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            permit.ignore()
            raise

    async def cancelled() -> bool:
        task = asyncio.create_task(trial())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(cancelled())

    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.open_until == opened_until
    assert try_acquire(breaker) is not None


def test_a_wall_clock_one_hour_ahead_admits_nobody_early() -> None:
    breaker = make_breaker(time.monotonic)
    breaker.acquire().failure(trip=True)

    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
        permit = try_acquire(breaker)

    assert permit is None
    assert breaker.state is BreakerState.OPEN


def test_a_wall_clock_one_hour_back_keeps_nobody_out() -> None:
    breaker = Breaker(BreakerSettings(), clock=time.monotonic, open_until=lambda _opened, now: now)
    breaker.acquire().failure(trip=True)

    with time_machine.travel(datetime.now(UTC) - timedelta(hours=1)):
        permit = try_acquire(breaker)

    assert permit is not None
    assert breaker.state is BreakerState.HALF_OPEN


@pytest.mark.parametrize("late", [Permit.success, Permit.failure, Permit.ignore])
def test_a_late_result_of_an_older_generation_is_dropped(
    clock: FakeClock, late: Callable[[Permit], None]
) -> None:
    breaker = make_breaker(clock)
    hung = breaker.acquire()
    breaker.acquire().failure(trip=True)
    clock.advance(WAIT)
    trial = breaker.acquire()

    late(hung)
    after_the_late_one = breaker.state
    also_admitted = try_acquire(breaker)
    trial.success()

    assert after_the_late_one is BreakerState.HALF_OPEN
    assert also_admitted is None
    assert breaker.state is BreakerState.CLOSED


def test_a_permit_counts_once(clock: FakeClock) -> None:
    breaker = make_breaker(clock)
    permit = breaker.acquire()

    for _ in range(10):
        permit.failure()

    assert breaker.state is BreakerState.CLOSED


def test_a_lost_permit_cannot_wedge_half_open(clock: FakeClock) -> None:
    changes: list[Transition] = []
    breaker = make_breaker(clock, on_transition=changes.append)
    breaker.acquire().failure(trip=True)
    clock.advance(WAIT)
    breaker.acquire()

    clock.advance(breaker.settings.max_half_open_seconds)
    assert try_acquire(breaker) is None
    clock.advance(WAIT)
    breaker.acquire().success()

    assert breaker.state is BreakerState.CLOSED
    assert [change.reason for change in changes] == [
        "trip",
        "wait_over",
        "trial_lost",
        "wait_over",
        "trial_succeeded",
    ]


def test_half_open_waits_for_its_trial_until_the_maximum(clock: FakeClock) -> None:
    breaker = opened(clock)
    trial = breaker.acquire()

    clock.advance(breaker.settings.max_half_open_seconds - 0.001)
    meanwhile = (try_acquire(breaker), breaker.state)
    trial.success()

    assert meanwhile == (None, BreakerState.HALF_OPEN)
    assert breaker.state is BreakerState.CLOSED


def test_the_ratios_are_absent_below_the_minimum_of_calls(clock: FakeClock) -> None:
    breaker = make_breaker(clock, settings=BreakerSettings(minimum_calls=5, failure_ratio=1.0))

    for _ in range(4):
        breaker.acquire().success()
    few = (breaker.failure_ratio, breaker.slow_call_ratio)
    breaker.acquire().failure(2.0)

    assert few == (None, None)
    assert breaker.failure_ratio == pytest.approx(0.2)
    assert breaker.slow_call_ratio == pytest.approx(0.2)


def test_closing_forgets_the_window(clock: FakeClock) -> None:
    breaker = make_breaker(clock, settings=BreakerSettings(minimum_calls=1, consecutive_failures=2))
    breaker.acquire().failure()
    clock.advance(WAIT)

    breaker.acquire().success()

    assert breaker.state is BreakerState.CLOSED
    assert breaker.failure_ratio is None


def test_a_ratio_of_slow_calls_opens(clock: FakeClock) -> None:
    changes: list[Transition] = []
    settings = BreakerSettings(slow_call_ratio=0.6, slow_call_seconds=2.0, minimum_calls=5)
    breaker = make_breaker(clock, settings=settings, on_transition=changes.append)

    for seconds in (0.1, 1.999, 2.0, 2.0, 30.0):
        breaker.acquire().success(seconds)

    assert changes == [
        Transition(before=BreakerState.CLOSED, after=BreakerState.OPEN, reason="slow_call_ratio")
    ]
    assert breaker.slow_call_ratio == pytest.approx(0.6)


def test_a_ratio_of_failures_opens_without_three_in_a_row(clock: FakeClock) -> None:
    changes: list[Transition] = []
    breaker = make_breaker(clock, on_transition=changes.append)

    for failed in (True, False, True, False, True):
        permit = breaker.acquire()
        if failed:
            permit.failure()
        else:
            permit.success()

    assert [change.reason for change in changes] == ["failure_ratio"]


def test_a_success_between_failures_starts_the_row_anew(clock: FakeClock) -> None:
    breaker = make_breaker(clock, settings=BreakerSettings(failure_ratio=1.0))

    for settle in (Permit.failure, Permit.failure, Permit.success, Permit.failure, Permit.failure):
        settle(breaker.acquire())
    closed_before = breaker.state
    breaker.acquire().failure()

    assert closed_before is BreakerState.CLOSED
    assert breaker.state is BreakerState.OPEN


def test_an_ignored_call_leaves_the_row_of_failures_alone(clock: FakeClock) -> None:
    breaker = make_breaker(clock)

    for settle in (Permit.failure, Permit.ignore, Permit.failure, Permit.ignore, Permit.failure):
        settle(breaker.acquire())

    assert breaker.state is BreakerState.OPEN


def test_one_failed_trial_opens_again_and_the_policy_learns_how_often(clock: FakeClock) -> None:
    asked: list[tuple[int, float]] = []

    def open_until(opened_in_a_row: int, now: float) -> float:
        asked.append((opened_in_a_row, now))
        return now + WAIT

    breaker = Breaker(BreakerSettings(permitted_calls=2), clock=clock, open_until=open_until)
    breaker.acquire().failure(trip=True)
    clock.advance(WAIT)

    breaker.acquire().success()
    breaker.acquire().failure()

    assert breaker.state is BreakerState.OPEN
    assert asked == [(1, 1000.0), (2, 1010.0)]
    assert breaker.open_until == 1020.0


def test_a_good_trial_resets_what_the_policy_is_told(clock: FakeClock) -> None:
    asked: list[int] = []

    def open_until(opened_in_a_row: int, now: float) -> float:
        asked.append(opened_in_a_row)
        return now + WAIT

    breaker = Breaker(BreakerSettings(), clock=clock, open_until=open_until)
    for settle in (Permit.failure, Permit.success):
        breaker.acquire().failure(trip=True)
        clock.advance(WAIT)
        settle(breaker.acquire())
        clock.advance(WAIT)
    breaker_was = breaker.state
    for _ in range(3):
        breaker.acquire().failure()

    assert breaker_was is BreakerState.CLOSED
    assert asked == [1, 2, 3, 1]


@pytest.mark.usefixtures("eager_switching")
def test_threads_that_settle_at_once_leave_a_chain_of_legal_transitions(clock: FakeClock) -> None:
    changes: list[Transition] = []
    recorded = threading.Lock()

    def listener(change: Transition) -> None:
        with recorded:
            changes.append(change)

    breaker = make_breaker(clock, on_transition=listener)
    start = threading.Barrier(20)

    def call(_: int) -> None:
        permit = breaker.acquire()
        start.wait(PATIENCE)
        permit.failure()

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(call, range(20)))

    assert [(change.before, change.after) for change in changes] == [(BreakerState.CLOSED, BreakerState.OPEN)]
    assert all(a.after is b.before for a, b in itertools.pairwise(changes))
