"""Counts what happens: the one subscriber that turns events into totals."""

from collections.abc import Iterable, Iterator
from itertools import permutations

from mt5_exporter import catalogue, errors
from mt5_exporter.catalogue import BREAKER_STATES, Metric
from mt5_exporter.config import Config
from mt5_exporter.counters import Counters
from mt5_exporter.events import (
    AttemptFinished,
    BreakerChanged,
    CallFailed,
    CallFinished,
    Event,
    SessionChanged,
    WorkerStarted,
    WorkerWrote,
)
from mt5_exporter.probes import PROBES
from mt5_exporter.readings import READINGS
from mt5_exporter.session import ATTACHED
from mt5_exporter.snapshot import PollResult, ProbeStatus, ReadingResult

OUTCOMES = ("success", "failure", "ignored", "not_permitted")
RESTARTS = ("timeout", "crash", "protocol", "connection", "memory")
SKIPS = ("still_running", "no_lease", "draining")


class Tally:
    """Counts into `counters`; every series it knows of begins at 0."""

    def __init__(self, config: Config, counters: Counters) -> None:
        self._counters = counters
        for terminal in config.terminals:
            self.begin(terminal.name)

    def begin(self, terminal: str) -> None:
        """Let every series of a terminal begin at 0, those that count already excepted."""
        for metric, labels in series():
            self._counters.start(metric, terminal, *labels)

    def hear(self, event: Event) -> None:
        """Count one event; what is not named here is not counted."""
        add = self._counters.add
        match event:
            case CallFailed(terminal=terminal, error=error):
                add(catalogue.ERRORS, terminal, error.kind, error.reason)
            case CallFinished() if event.operation not in errors.CONNECTING:
                self._call(event)
            case AttemptFinished(terminal=terminal, error=error):
                add(catalogue.SESSION_ATTEMPTS, terminal)
                add(catalogue.SESSION_ATTEMPT_FAILURES, terminal, amount=error is not None)
            case SessionChanged(terminal=terminal, before=before, error=error):
                lost = before in ATTACHED and error is not None
                add(catalogue.SESSION_LOSSES, terminal, amount=lost)
            case BreakerChanged(terminal=terminal, before=before, after=after):
                add(catalogue.BREAKER_TRANSITIONS, terminal, before, after)
            case WorkerStarted(terminal=terminal, restart=str(reason)):
                add(catalogue.WORKER_RESTARTS, terminal, reason)
            case WorkerWrote(terminal=terminal):
                add(catalogue.WORKER_STDERR, terminal)
            case _:
                pass

    def polled(self, result: PollResult) -> None:
        """Count a finished poll."""
        add, terminal = self._counters.add, result.terminal
        add(catalogue.POLLS, terminal)
        for probe in result.probes:
            if probe.ran:
                add(catalogue.PROBE_RUNS, terminal, probe.probe)
            if probe.status is ProbeStatus.FAILED:
                add(catalogue.PROBE_FAILURES, terminal, probe.probe)
        self.read(terminal, result.readings)

    def read(self, terminal: str, readings: Iterable[ReadingResult]) -> None:
        """Count readings, of a poll or from between two."""
        for reading in readings:
            if not reading.success and not reading.skipped:
                self._counters.add(catalogue.READING_FAILURES, terminal, reading.reading)

    def skipped(self, terminal: str, reason: str) -> None:
        """Count a poll that did not run."""
        self._counters.add(catalogue.POLLS_SKIPPED, terminal, reason)

    def _call(self, event: CallFinished) -> None:
        self._counters.add(catalogue.BREAKER_CALLS, event.terminal, event.outcome)
        self._counters.add(catalogue.BREAKER_SLOW_CALLS, event.terminal, amount=event.slow)
        if event.outcome != "not_permitted":
            self._counters.observe(catalogue.REQUEST_SECONDS, event.terminal, value=event.seconds)


def series() -> Iterator[tuple[Metric, tuple[str, ...]]]:
    """Return every series of one terminal that is counted here, without the terminal's own label."""
    for metric in (
        catalogue.WORKER_STDERR,
        catalogue.SESSION_ATTEMPTS,
        catalogue.SESSION_ATTEMPT_FAILURES,
        catalogue.SESSION_LOSSES,
        catalogue.BREAKER_SLOW_CALLS,
        catalogue.POLLS,
        catalogue.REQUEST_SECONDS,
    ):
        yield metric, ()
    by_label: dict[Metric, Iterable[str]] = {
        catalogue.WORKER_RESTARTS: RESTARTS,
        catalogue.BREAKER_CALLS: OUTCOMES,
        catalogue.POLLS_SKIPPED: SKIPS,
        catalogue.PROBE_RUNS: (probe.name for probe in PROBES),
        catalogue.PROBE_FAILURES: (probe.name for probe in PROBES),
        catalogue.READING_FAILURES: (reading.name for reading in READINGS),
    }
    for metric, values in by_label.items():
        yield from ((metric, (value,)) for value in values)
    yield from ((catalogue.ERRORS, cause) for cause in errors.COUNTED)
    yield from ((catalogue.BREAKER_TRANSITIONS, change) for change in permutations(BREAKER_STATES, 2))
