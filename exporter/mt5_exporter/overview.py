"""What the front page says of the exporter and its terminals, as values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mt5_exporter.config import Config, TerminalConfig
from mt5_exporter.exposition.collect import Validity, is_up
from mt5_exporter.probes import PROBES
from mt5_exporter.readings import READINGS
from mt5_exporter.recent import Look, Recent
from mt5_exporter.snapshot import ProbeStatus, Snapshot, TerminalRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeView:
    """A probe's last result; times are Unix seconds, 0 for never."""

    name: str
    status: str
    reason: str = ""
    message: str = ""
    last_run: float = 0.0
    last_success: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingView:
    """How old a reading is, None before it ever succeeded; in seconds."""

    name: str
    age: float | None
    stale_after: float
    message: str = ""

    @property
    def fresh(self) -> bool:
        """Whether its series are served."""
        return self.age is not None and self.age < self.stale_after


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalView:
    """One terminal."""

    name: str
    driver: str
    up: bool
    state: str
    since: float
    breaker: str
    failed_attempts: int
    probes: tuple[ProbeView, ...]
    readings: tuple[ReadingView, ...]
    recent: tuple[Look, ...]

    @property
    def well(self) -> bool:
        """Whether there is nothing to look at."""
        return self.up and not any(probe.status == ProbeStatus.FAILED for probe in self.probes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All of it; `now` is Unix seconds. The last reload is empty where nothing is reloaded."""

    now: float
    hash: str
    reload_successful: bool
    reload_message: str
    reload_at: float
    terminals: tuple[TerminalView, ...]


def terminals(
    config: Config, snapshot: Snapshot, recent: Recent, *, instant: float
) -> tuple[TerminalView, ...]:
    """Return every terminal as it stands at the monotonic `instant`."""
    return tuple(
        _terminal(terminal, snapshot.records[terminal.name], recent.of(terminal.name), instant)
        for terminal in config.terminals
    )


def _terminal(
    terminal: TerminalConfig, record: TerminalRecord, recent: Sequence[Look], instant: float
) -> TerminalView:
    session = record.session
    return TerminalView(
        name=terminal.name,
        driver=terminal.driver,
        up=is_up(terminal, record, instant, Validity(math.inf)),
        state=session.state if session else "",
        since=session.since if session else 0.0,
        breaker=session.breaker if session else "",
        failed_attempts=session.attempt if session else 0,
        probes=tuple(_probe(probe.name, terminal.name, record) for probe in PROBES),
        readings=tuple(_reading(reading.name, terminal, record, instant) for reading in READINGS),
        recent=tuple(recent),
    )


def _probe(name: str, terminal: str, record: TerminalRecord) -> ProbeView:
    result = record.probes.get(name)
    if result is None:
        return ProbeView(name=name, status=ProbeStatus.UNKNOWN, reason="not_run")
    return ProbeView(
        name=name,
        status=result.status,
        reason=result.reason,
        message=_said(result.message, terminal),
        last_run=result.at,
        last_success=record.probe_success_at.get(name, 0.0),
    )


def _reading(name: str, terminal: TerminalConfig, record: TerminalRecord, instant: float) -> ReadingView:
    last, good = record.readings.get(name), record.fresh.get(name)
    return ReadingView(
        name=name,
        age=max(0.0, instant - good.instant) if good else None,
        stale_after=terminal.stale_after,
        message=_said(last.message, terminal.name) if last and not last.success else "",
    )


def _said(message: str, terminal: str) -> str:
    """Return a message without the name of the terminal, under which it stands."""
    return message.replace(f"terminal {terminal!r}: ", "")
