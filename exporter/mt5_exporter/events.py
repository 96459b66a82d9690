"""What happened, as frozen values; logs and metrics subscribe, nobody else is told."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from mt5_exporter.errors import MT5Error

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChanged:
    """A session went from one state to another; `error` is why, where there is one.

    `at` is Unix seconds, `lasted` the seconds spent in `before`.
    """

    terminal: str
    before: str
    after: str
    at: float
    lasted: float
    attempt: int = 0
    error: MT5Error | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerChanged:
    """A circuit breaker went from one state to another; `reason` says which rule did it."""

    terminal: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFinished:
    """A request was settled: success, failure, ignored, or not_permitted when it was never sent."""

    terminal: str
    operation: str
    outcome: str
    seconds: float
    slow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFailed:
    """One failure, counted once however many calls of its frame it touched."""

    terminal: str
    error: MT5Error


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFinished:
    """An attempt to connect ended; `error` is None for a good one."""

    terminal: str
    seconds: float
    error: MT5Error | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStarted:
    """A worker process greeted; `restart` is why its predecessor ended, None for the first."""

    terminal: str
    pid: int
    seconds: float
    python: str
    package: str
    restart: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerWrote:
    """A line on a worker's stderr, as it came."""

    terminal: str
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDue:
    """A scheduled job was begun, `lag` seconds after its due time."""

    job: str
    lag: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnded:
    """A due run ended: executed, error, missed or max_instances; `error` is what it raised."""

    job: str
    outcome: str
    error: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockJumped:
    """The wall clock jumped by `seconds` against the monotonic one, and every job was scheduled anew."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopWoke:
    """The event loop woke a watchdog, `late` seconds after its time, with so many `tasks` on it."""

    late: float
    tasks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """The scheduler ran its own job at Unix time `at`."""

    at: float


Event = (
    SessionChanged
    | BreakerChanged
    | CallFinished
    | CallFailed
    | AttemptFinished
    | WorkerStarted
    | WorkerWrote
    | JobDue
    | JobEnded
    | ClockJumped
    | LoopWoke
    | Heartbeat
)

Listener = Callable[[Event], None]


class Events:
    """Hands every event to every listener; one that raises is logged, counted and disturbs nobody.

    Args:
        failed: Called once for each listener that raised.
    """

    def __init__(self, failed: Callable[[], None] = lambda: None) -> None:
        self._listeners: list[Listener] = []
        self._failed = failed
        self.listener_errors = 0

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with each event from now on, on the event loop's thread."""
        self._listeners.append(listener)

    def emit(self, event: Event) -> None:
        """Tell everyone."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                self.listener_errors += 1
                self._failed()
                log.exception("a listener failed", extra={"event": type(event).__name__})
