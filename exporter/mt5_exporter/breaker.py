"""A circuit breaker as a state machine of (event, now): who may call, and when again.

The words are resilience4j's, the generation counter is gobreaker's. Nothing waits and nothing is called
under the lock: it guards bookkeeping only.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Outcome = Literal["success", "failure", "ignored"]


class BreakerState(StrEnum):
    """CLOSED admits all, OPEN none, HALF_OPEN exactly the permitted trial calls."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """When a breaker opens, and what closes it.

    Attributes:
        consecutive_failures: Failures in a row that trip it.
        failure_ratio: Share of failures in the window that trips it, 0 to 1.
        slow_call_ratio: Share of slow calls in the window that trips it, 0 to 1.
        slow_call_seconds: Duration from which a call is slow.
        minimum_calls: Calls in the window before either ratio counts.
        window: The last calls that are looked at.
        permitted_calls: Trial calls admitted in HALF_OPEN, all of which must succeed.
        max_half_open_seconds: After this long without a verdict, HALF_OPEN opens again, so that a lost
            permit cannot wedge it.
    """

    consecutive_failures: int = 3
    failure_ratio: float = 0.5
    slow_call_ratio: float = 1.0
    slow_call_seconds: float = 2.0
    minimum_calls: int = 5
    window: int = 10
    permitted_calls: int = 1
    max_half_open_seconds: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One change of state, and the rule that made it."""

    before: BreakerState
    after: BreakerState
    reason: str


class CallNotPermitted(Exception):
    """The breaker is open, or all its trial calls are out."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make one call; hand it back with `success`, `failure` or `ignore`, once.

    A permit of an older generation changes nothing: a hung terminal's late answer says nothing about
    the one that replaced it.
    """

    breaker: "Breaker"
    generation: int
    serial: int

    def success(self, seconds: float = 0.0) -> None:
        """Settle the call as answered after `seconds`."""
        self.breaker.settle(self, "success", seconds)

    def failure(self, seconds: float = 0.0, *, trip: bool = False) -> None:
        """Settle the call as failed; `trip` opens the breaker at once."""
        self.breaker.settle(self, "failure", seconds, trip=trip)

    def ignore(self) -> None:
        """Hand the permit back: cancelled, or an error that says nothing about the terminal."""
        self.breaker.settle(self, "ignored", 0.0)


class Breaker:
    """Guards one terminal.

    Args:
        settings: When it opens and closes.
        clock: Monotonic seconds.
        open_until: Given the times it has opened in a row and now, the instant of the next trial.
        on_transition: Told of each change, outside the lock; if it raises, the change stands.
    """

    def __init__(
        self,
        settings: BreakerSettings,
        *,
        clock: Callable[[], float],
        open_until: Callable[[int, float], float],
        on_transition: Callable[[Transition], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self.listener_errors = 0
        self._clock = clock
        self._open_until_policy = open_until
        self._on_transition = on_transition
        self._lock = threading.Lock()
        self._state = BreakerState.CLOSED
        self._generation = 0
        self._serial = 0
        self._out: set[int] = set()
        self._trial_successes = 0
        self._window: deque[tuple[bool, bool]] = deque(maxlen=settings.window)
        self._consecutive = 0
        self._opened_in_a_row = 0
        self._open_until = 0.0
        self._half_open_since = 0.0

    @property
    def state(self) -> BreakerState:
        """The state as of the last event; OPEN stays until somebody asks for a permit."""
        return self._state

    @property
    def open_until(self) -> float:
        """The instant of the next trial on the monotonic clock; meaningful while OPEN."""
        return self._open_until

    @property
    def failure_ratio(self) -> float | None:
        """Share of failures in the window, or None below the minimum of calls."""
        return self._ratio(0)

    @property
    def slow_call_ratio(self) -> float | None:
        """Share of slow calls in the window, or None below the minimum of calls."""
        return self._ratio(1)

    def acquire(self) -> Permit:
        """Return leave for one call.

        Raises:
            CallNotPermitted: The breaker is open, or all trial calls are out.
        """
        with self._lock:
            now = self._clock()
            changes = self._advance(now)
            permit = self._admit()
        self._tell(changes)
        if permit is None:
            raise CallNotPermitted(f"breaker is {self._state.value}")
        return permit

    def settle(self, permit: Permit, outcome: Outcome, seconds: float, *, trip: bool = False) -> None:
        """Take a permit back with its outcome; called by `Permit`."""
        changes: list[Transition] = []
        with self._lock:
            if permit.generation != self._generation or permit.serial not in self._out:
                return
            self._out.discard(permit.serial)
            now = self._clock()
            if outcome != "ignored":
                self._record(failed=outcome == "failure", slow=seconds >= self.settings.slow_call_seconds)
                changes = self._judge(outcome, now, trip=trip)
        self._tell(changes)

    def _ratio(self, column: int) -> float | None:
        with self._lock:
            return self._window_ratio(column)

    def _window_ratio(self, column: int) -> float | None:
        if len(self._window) < self.settings.minimum_calls:
            return None
        return sum(row[column] for row in self._window) / len(self._window)

    def _admit(self) -> Permit | None:
        if self._state is BreakerState.OPEN:
            return None
        if self._state is BreakerState.HALF_OPEN:
            taken = len(self._out) + self._trial_successes
            if taken >= self.settings.permitted_calls:
                return None
        self._serial += 1
        self._out.add(self._serial)
        return Permit(self, self._generation, self._serial)

    def _advance(self, now: float) -> list[Transition]:
        """Make the changes that time alone makes."""
        if self._state is BreakerState.OPEN and now >= self._open_until:
            return [self._go(BreakerState.HALF_OPEN, "wait_over", now)]
        waited = now - self._half_open_since
        if self._state is BreakerState.HALF_OPEN and waited >= self.settings.max_half_open_seconds:
            return [self._go(BreakerState.OPEN, "trial_lost", now)]
        return []

    def _record(self, *, failed: bool, slow: bool) -> None:
        self._window.append((failed, slow))
        self._consecutive = self._consecutive + 1 if failed else 0

    def _judge(self, outcome: Outcome, now: float, *, trip: bool) -> list[Transition]:
        """Make the change that an outcome asks for."""
        if trip:
            return [self._go(BreakerState.OPEN, "trip", now)]
        if self._state is BreakerState.HALF_OPEN:
            if outcome == "failure":
                return [self._go(BreakerState.OPEN, "trial_failed", now)]
            self._trial_successes += 1
            if self._trial_successes >= self.settings.permitted_calls:
                return [self._go(BreakerState.CLOSED, "trial_succeeded", now)]
            return []
        rule = self._tripped_rule()
        return [self._go(BreakerState.OPEN, rule, now)] if rule else []

    def _tripped_rule(self) -> str | None:
        settings = self.settings
        if self._consecutive >= settings.consecutive_failures:
            return "consecutive_failures"
        if not any(map(any, self._window)):
            return None
        failures, slow = self._window_ratio(0), self._window_ratio(1)
        if failures is not None and failures >= settings.failure_ratio:
            return "failure_ratio"
        if slow is not None and slow >= settings.slow_call_ratio:
            return "slow_call_ratio"
        return None

    def _go(self, after: BreakerState, reason: str, now: float) -> Transition:
        before, self._state = self._state, after
        self._generation += 1
        self._out.clear()
        self._trial_successes = 0
        if after is BreakerState.OPEN:
            self._opened_in_a_row += 1
            self._open_until = self._open_until_policy(self._opened_in_a_row, now)
        elif after is BreakerState.HALF_OPEN:
            self._half_open_since = now
        else:
            self._opened_in_a_row = 0
            self._window.clear()
            self._consecutive = 0
        return Transition(before=before, after=after, reason=reason)

    def _tell(self, changes: list[Transition]) -> None:
        for change in changes:
            try:
                self._on_transition(change)
            except Exception:  # noqa: BLE001 - a listener's fault must not keep the breaker shut
                self.listener_errors += 1
