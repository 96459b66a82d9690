"""The log tells a change once, each way; what repeats is silent."""

import logging
from collections.abc import Sequence

import pytest

from mt5_exporter import errors
from mt5_exporter.errors import MT5Error
from mt5_exporter.events import (
    BreakerChanged,
    ClockJumped,
    Heartbeat,
    JobEnded,
    SessionChanged,
    WorkerStarted,
    WorkerWrote,
)
from mt5_exporter.journal import MAX_LINE, STDERR_BURST, Journal
from mt5_exporter.secret import Redactor, Secret
from mt5_exporter.snapshot import PollResult, ProbeResult, ProbeStatus, ReadingResult
from tests.exposition.world import ManualClock

NO_IPC = errors.error(-10004, "No IPC connection", terminal="desk-1", operation="connect")
GONE = errors.error(errors.DIED, "the worker died (SIGKILL)", terminal="desk-1")


@pytest.fixture(autouse=True)
def _everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


class Told:
    """A journal with its clock, and what it wrote."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog
        self.clock = ManualClock()
        self.redactor = Redactor()
        self.journal = Journal(self.clock.monotonic, self.redactor)

    def lines(self, level: int = logging.INFO) -> list[str]:
        """Return and forget what was written at this level or above."""
        found = [record.getMessage() for record in self._caplog.records if record.levelno >= level]
        self._caplog.clear()
        return found

    def session(self, before: str, after: str, error: MT5Error | None = None) -> None:
        change = SessionChanged(terminal="desk-1", before=before, after=after, at=0, lasted=0, error=error)
        self.journal.hear(change)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    return Told(caplog)


def poll(probes: Sequence[ProbeResult] = (), readings: Sequence[ReadingResult] = ()) -> PollResult:
    return PollResult(
        terminal="desk-1", at=0, instant=0, seconds=0, probes=tuple(probes), readings=tuple(readings)
    )


def probe(status: ProbeStatus, reason: str = "", name: str = "data_feed") -> PollResult:
    return poll([ProbeResult(probe=name, status=status, at=0, reason=reason, message=f"it is {reason}")])


def reading(*, success: bool, skipped: bool = False) -> PollResult:
    found = ReadingResult(
        reading="orders", success=success, at=0, instant=0, message="orders_total: no", skipped=skipped
    )
    return poll(readings=[found])


# -- sessions -------------------------------------------------------------------


def test_an_outage_is_two_lines_however_many_attempts_it_takes(told: Told) -> None:
    told.session("stopped", "starting")
    told.session("connecting", "ready")
    assert told.lines() == ["connected"]
    told.session("ready", "backoff", GONE)
    lost = told.lines()
    for _ in range(20):
        told.clock.advance(1)
        told.session("backoff", "starting")
        told.session("starting", "backoff", GONE)
    repeated = told.lines()

    told.session("connecting", "ready")

    assert lost == [f"not connected: {GONE}"]
    assert repeated == []
    assert told.lines() == ["connected after 20.0 s"]


def test_another_reason_is_told_and_the_outage_is_counted_from_its_beginning(told: Told) -> None:
    told.session("ready", "backoff", GONE)
    told.clock.advance(5)
    told.session("starting", "backoff", NO_IPC)
    told.clock.advance(5)
    told.session("connecting", "ready")

    assert told.lines() == [f"not connected: {GONE}", f"not connected: {NO_IPC}", "connected after 10.0 s"]


def test_a_line_names_the_terminal_and_the_class_of_cause(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    told.session("ready", "backoff", NO_IPC)

    fields = caplog.records[0].__dict__

    assert (fields["terminal"], fields["type"], fields["reason"]) == ("desk-1", "connection", "no_ipc")


def test_a_session_that_is_only_judged_says_nothing(told: Told) -> None:
    told.session("ready", "degraded")
    told.session("degraded", "ready")
    told.session("ready", "draining")
    told.session("draining", "stopped")

    assert told.lines() == []


def test_a_worker_that_is_replaced_for_its_size_is_no_outage(told: Told) -> None:
    told.session("ready", "starting")
    told.session("starting", "connecting")
    told.session("connecting", "ready")

    assert told.lines() == ["connected"]


def test_the_breaker_is_told_when_it_opens_and_closes(told: Told) -> None:
    for before, after in (
        ("closed", "open"),
        ("open", "half_open"),
        ("half_open", "open"),
        ("open", "closed"),
    ):
        told.journal.hear(BreakerChanged(terminal="desk-1", before=before, after=after, reason="consecutive"))

    assert told.lines() == ["circuit breaker is open", "circuit breaker is closed"]


# -- probes and readings -------------------------------------------------------------------


def test_a_probe_that_fails_is_told_once_and_again_when_it_is_well(told: Told) -> None:
    for _ in range(10):
        told.journal.polled(probe(ProbeStatus.FAILED, "stale"))
        told.clock.advance(15)
    told.journal.polled(probe(ProbeStatus.PASSED))
    told.journal.polled(probe(ProbeStatus.PASSED))

    assert told.lines() == ["probe data_feed fails: it is stale", "probe data_feed is well again after 150 s"]


def test_a_probe_that_fails_for_another_reason_is_told_again(told: Told) -> None:
    told.journal.polled(probe(ProbeStatus.FAILED, "stale"))
    told.journal.polled(probe(ProbeStatus.FAILED, "disconnected"))

    assert told.lines() == ["probe data_feed fails: it is stale", "probe data_feed fails: it is disconnected"]


def test_a_skipped_probe_neither_fails_nor_recovers(told: Told) -> None:
    told.journal.polled(probe(ProbeStatus.FAILED, "stale"))
    told.lines()

    told.journal.polled(probe(ProbeStatus.SKIPPED, "connection_failed"))
    told.journal.polled(probe(ProbeStatus.FAILED, "stale"))

    assert told.lines() == []


def test_the_connection_is_the_sessions_to_tell(told: Told) -> None:
    told.journal.polled(probe(ProbeStatus.FAILED, "no_ipc", name="connection"))

    assert told.lines() == []


def test_a_reading_that_fails_is_told_once_and_again_when_it_is_well(told: Told) -> None:
    for _ in range(3):
        told.journal.polled(reading(success=False))
    told.journal.polled(reading(success=False, skipped=True))
    told.journal.polled(reading(success=True))

    assert told.lines() == [
        "reading orders fails: orders_total: no",
        "reading orders is well again after 0 s",
    ]


# -- ourselves -------------------------------------------------------------------


def test_a_job_that_raises_is_told_once_with_its_traceback(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(error: Exception) -> JobEnded:
        return JobEnded(job="desk-1", outcome="error", error=error)

    told.journal.hear(fail(ValueError("why")))
    assert caplog.records[0].exc_info is not None
    told.journal.hear(fail(ValueError("why")))
    told.journal.hear(JobEnded(job="desk-1", outcome="max_instances"))
    told.journal.hear(fail(KeyError("other")))
    told.journal.hear(JobEnded(job="desk-1", outcome="executed"))
    told.journal.hear(JobEnded(job="desk-1", outcome="executed"))

    assert told.lines() == ["a job raised", "a job raised", "a job is well again"]


def test_a_jump_of_the_clock_is_told(told: Told) -> None:
    told.journal.hear(ClockJumped(seconds=-3600.0004))

    assert told.lines(logging.WARNING) == ["the wall clock jumped; every job is scheduled anew"]


def test_what_is_no_change_is_not_told(told: Told) -> None:
    told.journal.hear(Heartbeat(at=1))
    told.journal.hear(WorkerStarted(terminal="desk-1", seconds=1, python="3.11", package="5.0", pid=7))

    assert told.lines() == []


# -- stderr of workers -------------------------------------------------------------------


def test_a_flood_on_stderr_is_a_burst_then_a_line_a_second_with_what_was_dropped(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(1000):
        told.journal.hear(WorkerWrote(terminal="desk-1", line=f"line {number}"))
    assert len(told.lines()) == STDERR_BURST

    told.clock.advance(1)
    told.journal.hear(WorkerWrote(terminal="desk-1", line="after the flood"))
    told.journal.hear(WorkerWrote(terminal="desk-1", line="too soon"))

    [record] = caplog.records
    assert record.__dict__["line"] == "after the flood"
    assert record.__dict__["dropped_before"] == 1000 - STDERR_BURST


def test_a_flood_of_one_worker_silences_no_other(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(100):
        told.journal.hear(WorkerWrote(terminal="desk-1", line="flood"))
    caplog.clear()

    told.journal.hear(WorkerWrote(terminal="desk-2", line="a word"))

    assert [record.__dict__["line"] for record in caplog.records] == ["a word"]
    assert "dropped_before" not in caplog.records[0].__dict__


def test_a_line_of_stderr_is_redacted_and_then_cut(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    told.redactor.learn(Secret("hunter2-canary"))

    told.journal.hear(
        WorkerWrote(terminal="desk-1", line="x" * (MAX_LINE - 5) + "hunter2-canary" + "y" * 9000)
    )

    line = caplog.records[0].__dict__["line"]
    assert len(line) == MAX_LINE
    assert "hunter" not in line
