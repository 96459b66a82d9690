"""Each event is counted once, in its own series, and nothing else moves."""

import pytest

from mt5_exporter import catalogue, errors
from mt5_exporter.catalogue import Metric
from mt5_exporter.counters import Counters
from mt5_exporter.events import (
    AttemptFinished,
    BreakerChanged,
    CallFailed,
    CallFinished,
    ClockJumped,
    Event,
    Heartbeat,
    JobDue,
    JobEnded,
    LoopWoke,
    SessionChanged,
    WorkerStarted,
    WorkerWrote,
)
from mt5_exporter.snapshot import PollResult, ProbeResult, ProbeStatus, ReadingResult
from mt5_exporter.tally import Tally
from tests.exposition.world import CONFIG

NO_IPC = errors.error(-10004, "No IPC connection", terminal="desk-1")

Counted = dict[tuple[Metric, tuple[str, ...]], float]


def changed(before: str, after: str, error: errors.MT5Error | None = None) -> SessionChanged:
    return SessionChanged(terminal="desk-1", before=before, after=after, at=0, lasted=1, error=error)


def call(operation: str, outcome: str, *, slow: bool = False) -> CallFinished:
    return CallFinished(terminal="desk-1", operation=operation, outcome=outcome, seconds=0.25, slow=slow)


def worker(restart: str | None) -> WorkerStarted:
    return WorkerStarted(terminal="desk-1", seconds=1, python="3.11", package="5.0", pid=7, restart=restart)


NAMES = tuple(terminal.name for terminal in CONFIG.terminals)


class Counting:
    """A tally, and what it counted since the beginning."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.tally = Tally(CONFIG, self.counters)
        self.before = self.series()

    def series(self) -> set[tuple[Metric, tuple[str, ...]]]:
        return {(sample.metric, sample.labels) for name in NAMES for sample in self.counters.samples(name)}

    def counted(self) -> dict[tuple[str, ...], float]:
        """Return what is not 0, by name and labels without the terminal; no other terminal may count."""
        moved = {
            (s.metric.name, *s.labels): s.value for t in NAMES for s in self.counters.samples(t) if s.value
        }
        assert {labels[1] for labels in moved} <= {"desk-1"}
        return {(name, *labels): value for (name, _, *labels), value in moved.items()}

    def requests(self) -> float:
        rows = {labels: counts for _, labels, counts in self.counters.histograms("desk-1")}
        return rows["desk-1",][-2]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (CallFailed(terminal="desk-1", error=NO_IPC), {("mt5_errors_total", "connection", "no_ipc"): 1}),
        (AttemptFinished(terminal="desk-1", seconds=1), {("mt5_session_attempts_total",): 1}),
        (
            AttemptFinished(terminal="desk-1", seconds=1, error=NO_IPC),
            {("mt5_session_attempts_total",): 1, ("mt5_session_attempt_failures_total",): 1},
        ),
        (changed("ready", "backoff", NO_IPC), {("mt5_session_losses_total",): 1}),
        (changed("degraded", "backoff", NO_IPC), {("mt5_session_losses_total",): 1}),
        (changed("connecting", "backoff", NO_IPC), {}),
        (changed("ready", "starting"), {}),
        (changed("ready", "draining"), {}),
        (
            BreakerChanged(terminal="desk-1", before="closed", after="open", reason="consecutive"),
            {("mt5_breaker_transitions_total", "closed", "open"): 1},
        ),
        (worker(None), {}),
        (worker("memory"), {("mt5_worker_restarts_total", "memory"): 1}),
        (WorkerWrote(terminal="desk-1", line="x"), {("mt5_worker_stderr_lines_total",): 1}),
        (call("account_info", "success"), {("mt5_breaker_calls_total", "success"): 1}),
        (
            call("account_info", "failure", slow=True),
            {("mt5_breaker_calls_total", "failure"): 1, ("mt5_breaker_slow_calls_total",): 1},
        ),
        (call("account_info", "not_permitted"), {("mt5_breaker_calls_total", "not_permitted"): 1}),
        (call("connect", "failure"), {}),
        (call("login", "failure"), {}),
        (JobDue(job="desk-1", lag=1), {}),
        (JobEnded(job="desk-1", outcome="error", error=ValueError()), {}),
        (ClockJumped(seconds=9), {}),
        (LoopWoke(late=1, tasks=1), {}),
        (Heartbeat(at=1), {}),
    ],
    ids=repr,
)
def test_an_event_is_counted_once_and_where_it_belongs(
    event: Event, expected: dict[tuple[str, ...], float]
) -> None:
    counting = Counting()

    counting.tally.hear(event)

    assert counting.counted() == expected
    assert counting.series() == counting.before, "a series that was not there from the beginning"


def test_only_a_request_that_was_sent_has_a_duration() -> None:
    counting = Counting()

    counting.tally.hear(call("account_info", "success"))
    counting.tally.hear(call("account_info", "failure"))
    counting.tally.hear(call("account_info", "not_permitted"))
    counting.tally.hear(call("connect", "success"))

    assert counting.requests() == 2


@pytest.mark.parametrize("code", sorted(code for code in errors.VERDICTS if -20000 < code < 0))
def test_every_error_of_the_api_is_counted_in_a_series_that_is_there(code: int) -> None:
    counting = Counting()
    error = errors.error(code, "x", terminal="desk-1", operation="account_info", connected=True)

    counting.tally.hear(CallFailed(terminal="desk-1", error=error))

    if error.kind != "permission":
        assert counting.series() == counting.before
    assert counting.counted() == {("mt5_errors_total", error.kind, error.reason): 1}


def test_a_poll_is_counted_with_each_probe_that_ran_and_each_reading_that_failed() -> None:
    counting = Counting()
    statuses = {
        "connection": ProbeStatus.PASSED,
        "authentication": ProbeStatus.FAILED,
        "data_feed": ProbeStatus.SKIPPED,
        "latency": ProbeStatus.UNKNOWN,
    }
    result = PollResult(
        terminal="desk-1",
        at=0,
        instant=0,
        seconds=1,
        probes=tuple(ProbeResult(probe=name, status=status, at=0) for name, status in statuses.items()),
        readings=(
            ReadingResult(reading="terminal", success=True, at=0, instant=0),
            ReadingResult(reading="account", success=False, at=0, instant=0),
            ReadingResult(reading="orders", success=False, at=0, instant=0, skipped=True),
        ),
    )

    counting.tally.polled(result)

    assert counting.counted() == {
        ("mt5_polls_total",): 1,
        ("mt5_probe_runs_total", "connection"): 1,
        ("mt5_probe_runs_total", "authentication"): 1,
        ("mt5_probe_runs_total", "latency"): 1,
        ("mt5_probe_failures_total", "authentication"): 1,
        ("mt5_reading_failures_total", "account"): 1,
    }


@pytest.mark.parametrize("reason", ["still_running", "no_lease", "draining"])
def test_a_poll_that_did_not_run_is_counted_by_its_reason(reason: str) -> None:
    counting = Counting()

    counting.tally.skipped("desk-1", reason)

    assert counting.counted() == {("mt5_polls_skipped_total", reason): 1}
    assert counting.counters.value(catalogue.POLLS_SKIPPED, "desk-1", reason) == 1
