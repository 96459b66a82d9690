"""The last results of every terminal and their age: the only state that is shared.

Ages are taken on the monotonic clock; the Unix times beside them are for people and for PromQL.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mt5_exporter.catalogue import Sample


class ProbeStatus(StrEnum):
    """What became of a probe: unknown is an honest answer, such as a closed market's feed."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """One run of one probe; `at` is Unix seconds, `reason` a bounded label, `message` for a person."""

    probe: str
    status: ProbeStatus
    at: float
    seconds: float = 0.0
    reason: str = ""
    message: str = ""

    @property
    def ran(self) -> bool:
        """Whether the question was asked at all."""
        return self.status is not ProbeStatus.SKIPPED


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingResult:
    """One attempt at one reading; `at` is Unix seconds, `instant` monotonic."""

    reading: str
    success: bool
    at: float
    instant: float
    seconds: float = 0.0
    samples: tuple[Sample, ...] = ()
    message: str = ""
    skipped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PollResult:
    """One finished poll; `symbols` are the labels of those that were watched."""

    terminal: str
    at: float
    instant: float
    seconds: float
    probes: tuple[ProbeResult, ...]
    readings: tuple[ReadingResult, ...]
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """How a session stood when it was last looked at; `open_until` and `since` are Unix seconds."""

    state: str
    since: float
    breaker: str
    attempt: int = 0
    running: bool | None = None
    worker_up: bool = False
    worker_memory: int | None = None
    open_until: float | None = None
    failure_ratio: float | None = None
    slow_call_ratio: float | None = None


@dataclass(slots=True)
class TerminalRecord:
    """What is known of one terminal; written by `Snapshot` alone."""

    probes: dict[str, ProbeResult] = field(default_factory=dict)
    probe_success_at: dict[str, float] = field(default_factory=dict)
    readings: dict[str, ReadingResult] = field(default_factory=dict)
    fresh: dict[str, ReadingResult] = field(default_factory=dict)
    """The last good result of each reading, whatever its age."""
    poll: PollResult | None = None
    session: SessionView | None = None
    worker_start_seconds: float | None = None
    version: int = 0


class Snapshot:
    """Holds a record for each terminal, and says when one has changed.

    Args:
        terminals: The configured names, in their order.
        changed: Called after every change.
    """

    def __init__(self, terminals: Iterable[str], changed: Callable[[], None] = lambda: None) -> None:
        self._records = {name: TerminalRecord() for name in terminals}
        self._changed = changed

    @property
    def records(self) -> Mapping[str, TerminalRecord]:
        """The records by the terminal's name."""
        return self._records

    def copy(self, terminal: str) -> TerminalRecord:
        """Return a record that no later change touches, for a thread to read."""
        record = self._records[terminal]
        return TerminalRecord(
            probes=dict(record.probes),
            probe_success_at=dict(record.probe_success_at),
            readings=dict(record.readings),
            fresh=dict(record.fresh),
            poll=record.poll,
            session=record.session,
            worker_start_seconds=record.worker_start_seconds,
        )

    def version(self, terminal: str) -> int:
        """Return a number that grows with each change of a terminal's record."""
        return self._records[terminal].version

    def forget(self, terminal: str) -> None:
        """Drop what is known of a terminal."""
        self._records.pop(terminal, None)

    def arrange(self, terminals: Iterable[str]) -> None:
        """Hold a record for each of these, in this order; what is known of them stays."""
        self._records = {name: self._records.get(name) or TerminalRecord() for name in terminals}

    def on_change(self, changed: Callable[[], None]) -> None:
        """Call `changed` after every change from now on."""
        self._changed = changed

    def publish(self, result: PollResult) -> None:
        """Take a finished poll, whole: no reader sees a half of it."""
        record = self._records[result.terminal]
        record.poll = result
        for probe in result.probes:
            self._take_probe(record, probe)
        for reading in result.readings:
            self._take_reading(record, reading)
        self._touch(record)

    def publish_readings(self, terminal: str, readings: Iterable[ReadingResult]) -> None:
        """Take readings from between two polls."""
        record = self._records[terminal]
        for reading in readings:
            self._take_reading(record, reading)
        self._touch(record)

    def lost(self, terminal: str, *, at: float, reason: str, message: str) -> None:
        """Take the loss of a terminal between polls: it is the connection probe's answer, come early."""
        result = ProbeResult(
            probe="connection", status=ProbeStatus.FAILED, at=at, reason=reason, message=message
        )
        record = self._records[terminal]
        self._take_probe(record, result)
        self._touch(record)

    def observe(self, terminal: str, view: SessionView) -> None:
        """Take how a session stands."""
        record = self._records[terminal]
        record.session = view
        self._touch(record)

    def worker_started(self, terminal: str, seconds: float) -> None:
        """Take how long a worker took to start."""
        record = self._records[terminal]
        record.worker_start_seconds = seconds
        self._touch(record)

    def _touch(self, record: TerminalRecord) -> None:
        record.version += 1
        self._changed()

    @staticmethod
    def _take_reading(record: TerminalRecord, result: ReadingResult) -> None:
        record.readings[result.reading] = result
        if result.success:
            record.fresh[result.reading] = result

    @staticmethod
    def _take_probe(record: TerminalRecord, result: ProbeResult) -> None:
        record.probes[result.probe] = result
        if result.status is ProbeStatus.PASSED:
            record.probe_success_at[result.probe] = result.at
