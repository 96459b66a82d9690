"""Tells the log what changes, once each way; repetition is a counter's job."""

import logging
from collections.abc import Callable

from mt5_exporter.backoff import TokenBucket
from mt5_exporter.errors import MT5Error
from mt5_exporter.events import (
    BreakerChanged,
    ClockJumped,
    Event,
    JobEnded,
    SessionChanged,
    WorkerStarted,
    WorkerWrote,
)
from mt5_exporter.secret import Redactor
from mt5_exporter.session import SessionState
from mt5_exporter.snapshot import PollResult, ProbeStatus

log = logging.getLogger(__name__)

STDERR_RATE = 1.0
STDERR_BURST = 20.0
"""Lines of a worker's stderr that are logged: at once, and a second; the rest is only counted."""

MAX_LINE = 500


class Journal:
    """Keeps what was last said of each terminal.

    Args:
        monotonic: For rates and for how long something lasted.
        redactor: What takes secrets out of a worker's words.
    """

    def __init__(self, monotonic: Callable[[], float], redactor: Redactor) -> None:
        self._monotonic = monotonic
        self._redactor = redactor
        self._down: dict[str, tuple[float, str]] = {}
        self._failing: dict[tuple[str, str], tuple[float, str]] = {}
        self._raising: dict[str, str] = {}
        self._allowed: dict[str, TokenBucket] = {}
        self._dropped: dict[str, int] = {}

    def hear(self, event: Event) -> None:
        """Log one event, if it is a change."""
        match event:
            case SessionChanged():
                self._session(event)
            case BreakerChanged(terminal=terminal, before=before, after=after, reason=reason):
                level = logging.DEBUG if "half_open" in {before, after} else logging.INFO
                fields = {"terminal": terminal, "from": before, "reason": reason}
                log.log(level, "circuit breaker is %s", after.replace("_", " "), extra=fields)
            case WorkerStarted(terminal=terminal, pid=pid, python=python, package=package):
                fields = {"terminal": terminal, "pid": str(pid), "python": python, "package": package}
                log.debug("worker started", extra=fields)
            case WorkerWrote(terminal=terminal, line=line):
                self._stderr(terminal, line)
            case ClockJumped(seconds=seconds):
                fields = {"seconds": str(round(seconds, 3))}
                log.warning("the wall clock jumped; every job is scheduled anew", extra=fields)
            case JobEnded():
                self._job(event)
            case _:
                pass

    def forget(self, terminal: str) -> None:
        """Forget what was said of a terminal that is watched no more."""
        self._down.pop(terminal, None)
        self._allowed.pop(terminal, None)
        self._dropped.pop(terminal, None)
        for told in [told for told in self._failing if told[0] == terminal]:
            del self._failing[told]

    def polled(self, result: PollResult) -> None:
        """Log which probes and readings have begun to fail, or stopped."""
        for probe in result.probes:
            # The connection's changes are the session's, and a skipped probe says nothing new.
            if probe.probe == "connection" or probe.status is ProbeStatus.SKIPPED:
                continue
            cause = probe.reason if probe.status is ProbeStatus.FAILED else ""
            self._note(result.terminal, f"probe {probe.probe}", cause, probe.message)
        for reading in result.readings:
            if not reading.skipped:
                cause = "" if reading.success else "failed"
                self._note(result.terminal, f"reading {reading.reading}", cause, reading.message)

    def _note(self, terminal: str, what: str, cause: str, message: str) -> None:
        known = self._failing.get((terminal, what))
        if cause and (known is None or known[1] != cause):
            self._failing[terminal, what] = (self._monotonic(), cause)
            log.warning("%s fails: %s", what, message, extra={"terminal": terminal, "reason": cause})
        elif not cause and known is not None:
            del self._failing[terminal, what]
            lasted = self._monotonic() - known[0]
            log.info("%s is well again after %.0f s", what, lasted, extra={"terminal": terminal})

    def _session(self, change: SessionChanged) -> None:
        terminal = change.terminal
        if change.after == SessionState.READY and change.before != SessionState.DEGRADED:
            since, _ = self._down.pop(terminal, (None, ""))
            after = f" after {self._monotonic() - since:.1f} s" if since is not None else ""
            log.info("connected%s", after, extra={"terminal": terminal})
        elif change.after == SessionState.BACKOFF and change.error is not None:
            self._lost(terminal, change.error)
        else:
            fields = {"terminal": terminal, "from": change.before, "to": change.after}
            log.debug("session changed", extra=fields)

    def _lost(self, terminal: str, error: MT5Error) -> None:
        since, reason = self._down.get(terminal, (self._monotonic(), ""))
        if reason != error.reason:
            self._down[terminal] = (since, error.reason)
            fields = {"terminal": terminal, "type": error.kind, "reason": error.reason}
            log.warning("not connected: %s", error, extra=fields)

    def _job(self, ended: JobEnded) -> None:
        if ended.error is not None:
            name = type(ended.error).__name__
            if self._raising.get(ended.job) != name:
                self._raising[ended.job] = name
                log.error("a job raised", exc_info=ended.error, extra={"job": ended.job, "error": name})
        elif ended.outcome == "executed" and self._raising.pop(ended.job, ""):
            log.info("a job is well again", extra={"job": ended.job})

    def _stderr(self, terminal: str, line: str) -> None:
        now = self._monotonic()
        bucket = self._allowed.get(terminal) or TokenBucket.full(
            rate=STDERR_RATE, burst=STDERR_BURST, now=now
        )
        after, wait = bucket.reserve(now)
        if wait > 0:
            self._dropped[terminal] = self._dropped.get(terminal, 0) + 1
            return
        self._allowed[terminal] = after
        fields: dict[str, object] = {"terminal": terminal, "line": self._redactor.redact(line)[:MAX_LINE]}
        dropped = self._dropped.pop(terminal, 0)
        if dropped:
            fields["dropped_before"] = dropped
        log.warning("worker wrote to stderr", extra=fields)
