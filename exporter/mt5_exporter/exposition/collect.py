"""Turns what is known of a terminal into samples, and says until when they hold."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Metric, Sample
from mt5_exporter.config import Config, TerminalConfig
from mt5_exporter.counters import Counters
from mt5_exporter.probes import PROBES
from mt5_exporter.readings import READINGS
from mt5_exporter.snapshot import ProbeStatus, Snapshot, TerminalRecord
from mt5_exporter.symbol_table import resolve

Histogram = tuple[Metric, tuple[str, ...], tuple[float, ...]]


Stamp = tuple[int, int]
"""How often a terminal's record and its counters have changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """One terminal's part of an exposition, copied on the event loop; `instant` is monotonic."""

    terminal: TerminalConfig
    record: TerminalRecord
    totals: Sequence[Sample]
    histograms: Sequence[Histogram]
    stamp: Stamp
    instant: float
    wall: float


@dataclass(slots=True)
class Validity:
    """The earliest instant at which something collected is no longer so."""

    until: float

    def limit(self, instant: float) -> None:
        """Take one more expiry."""
        self.until = min(self.until, instant)


def stamp(snapshot: Snapshot, counters: Counters, terminal: str) -> Stamp:
    """Return what changes whenever something about a terminal does."""
    return snapshot.version(terminal), counters.version(terminal)


def freeze(
    terminal: TerminalConfig, snapshot: Snapshot, counters: Counters, *, instant: float, wall: float
) -> Frozen:
    """Copy what may change while a thread renders."""
    name = terminal.name
    return Frozen(
        terminal=terminal,
        record=snapshot.copy(name),
        totals=counters.samples(name),
        histograms=list(counters.histograms(name)),
        stamp=stamp(snapshot, counters, name),
        instant=instant,
        wall=wall,
    )


def collect(config: Config, frozen: Frozen) -> tuple[list[Sample], float]:
    """Return every sample of a terminal, and the monotonic instant until which they hold."""
    validity = Validity(math.inf)
    terminal, record = frozen.terminal, frozen.record
    samples: list[Sample] = []
    samples.extend(_status(terminal, record, frozen, validity))
    samples.extend(_probes(terminal, record))
    samples.extend(_readings(terminal, record, frozen.instant, validity))
    # Those that the file names are there from start-up, those that a pattern finds once it has.
    labels = dict.fromkeys((*resolve(terminal).labels, *(record.poll.symbols if record.poll else ())))
    samples.extend(_markets(config, frozen, labels, validity))
    samples.extend(terminal.limits.samples(terminal.name, labels))
    samples.extend(frozen.totals)
    return samples, validity.until


def is_up(terminal: TerminalConfig, record: TerminalRecord, instant: float, validity: Validity) -> bool:
    """Tell whether the last connection probe passed, and a poll has finished in time."""
    connection = record.probes.get("connection")
    if connection is None or connection.status is not ProbeStatus.PASSED or record.poll is None:
        return False
    expires = record.poll.instant + terminal.interval + terminal.poll_timeout
    if instant >= expires:
        return False
    validity.limit(expires)
    return True


def _status(
    terminal: TerminalConfig, record: TerminalRecord, frozen: Frozen, validity: Validity
) -> Iterator[Sample]:
    name = (terminal.name,)
    yield Sample(catalogue.UP, name, is_up(terminal, record, frozen.instant, validity))
    yield Sample(catalogue.STALE_AFTER, name, terminal.stale_after)
    yield Sample(catalogue.POLL_INTERVAL, name, terminal.interval)
    yield Sample(catalogue.POLL_DEADLINE, name, terminal.poll_timeout)
    poll = record.poll
    yield Sample(catalogue.POLL_LAST_FINISH, name, poll.at if poll else 0)
    yield Sample(catalogue.POLL_SECONDS, name, poll.seconds if poll else 0)
    if record.worker_start_seconds is not None:
        yield Sample(catalogue.WORKER_START_SECONDS, name, record.worker_start_seconds)
    yield from _session(terminal.name, record)


def _session(terminal: str, record: TerminalRecord) -> Iterator[Sample]:
    view = record.session
    if view is None:
        return
    name = (terminal,)
    for state in catalogue.SESSION_STATES:
        yield Sample(catalogue.SESSION_STATE, (terminal, state), state == view.state)
    for state in catalogue.BREAKER_STATES:
        yield Sample(catalogue.BREAKER_STATE, (terminal, state), state == view.breaker)
    yield Sample(catalogue.SESSION_STATE_SINCE, name, view.since)
    yield Sample(catalogue.SESSION_FAILED_ATTEMPTS, name, view.attempt)
    yield Sample(catalogue.WORKER_UP, name, view.worker_up)
    optional = (
        (catalogue.TERMINAL_RUNNING, view.running),
        (catalogue.WORKER_MEMORY, view.worker_memory),
        (catalogue.BREAKER_OPEN_UNTIL, view.open_until),
        (catalogue.BREAKER_FAILURE_RATIO, view.failure_ratio),
        (catalogue.BREAKER_SLOW_CALL_RATIO, view.slow_call_ratio),
    )
    for metric, value in optional:
        if value is not None:
            yield Sample(metric, name, value)


def _probes(terminal: TerminalConfig, record: TerminalRecord) -> Iterator[Sample]:
    for probe in PROBES:
        labels = (terminal.name, probe.name)
        result = record.probes.get(probe.name)
        status = result.status if result else ProbeStatus.UNKNOWN
        yield Sample(catalogue.PROBE_SUCCESS, labels, status is ProbeStatus.PASSED)
        for possible in catalogue.PROBE_STATUSES:
            yield Sample(catalogue.PROBE_STATUS, (*labels, possible), possible == status.value)
        yield Sample(catalogue.PROBE_SECONDS, labels, result.seconds if result else 0)
        yield Sample(catalogue.PROBE_LAST_RUN, labels, result.at if result else 0)
        yield Sample(catalogue.PROBE_LAST_SUCCESS, labels, record.probe_success_at.get(probe.name, 0))
        if status is not ProbeStatus.PASSED:
            reason = result.reason if result else "not_run"
            yield Sample(catalogue.PROBE_FAILURE, (*labels, reason), 1)
    authentication = record.probes.get("authentication")
    if authentication is not None and terminal.account is not None:
        matches = authentication.status is ProbeStatus.PASSED
        if matches or authentication.reason == "account_mismatch":
            yield Sample(catalogue.ACCOUNT_MATCH, (terminal.name,), matches)


def _readings(
    terminal: TerminalConfig, record: TerminalRecord, instant: float, validity: Validity
) -> Iterator[Sample]:
    for reading in READINGS:
        labels = (terminal.name, reading.name)
        last, good = record.readings.get(reading.name), record.fresh.get(reading.name)
        expires = good.instant + terminal.stale_after if good else instant
        fresh = instant < expires
        yield Sample(catalogue.READING_SUCCESS, labels, last is not None and last.success)
        yield Sample(catalogue.READING_SECONDS, labels, last.seconds if last else 0)
        yield Sample(catalogue.READING_LAST_SUCCESS, labels, good.at if good else 0)
        yield Sample(catalogue.READING_STALE, labels, not fresh)
        if good is None:
            continue
        if fresh:
            validity.limit(expires)
            yield from good.samples
        else:
            # What only grows stays: a counter that leaves and comes back would be taken for a restart.
            yield from (sample for sample in good.samples if sample.metric.group == "lasting")


def _markets(config: Config, frozen: Frozen, labels: Collection[str], validity: Validity) -> Iterator[Sample]:
    terminal, wall = frozen.terminal, frozen.wall
    is_open: dict[str, bool] = {}
    for label in labels or (None,):
        calendar = config.calendar_of(terminal, label)
        if calendar.name not in is_open:
            is_open[calendar.name] = calendar.is_open(wall)
            validity.limit(frozen.instant + calendar.next_change(wall) - wall)
        if label is not None:
            yield Sample(catalogue.SYMBOL_MARKET_OPEN, (terminal.name, label), is_open[calendar.name])
    yield Sample(catalogue.TERMINAL_MARKET_OPEN, (terminal.name,), any(is_open.values()))
