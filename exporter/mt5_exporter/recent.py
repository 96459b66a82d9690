"""The last rounds of each terminal, for people: failures are kept for longer than successes."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mt5_exporter.snapshot import ProbeResult, ProbeStatus

KEPT = 20
"""Rounds that are kept whatever came of them, and as many failed ones again from before."""

LONGEST = 200
"""Characters of a probe's message that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A probe that did not pass."""

    probe: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One round, or a loss between two; `at` is Unix seconds, `seconds` None where nothing was asked."""

    at: float
    seconds: float | None
    failures: tuple[Failure, ...]


@dataclass(slots=True)
class _Rounds:
    """One terminal's."""

    latest: deque[Look] = field(default_factory=deque)
    failed: deque[Look] = field(default_factory=lambda: deque(maxlen=KEPT))


class Recent:
    """Remembers for each terminal the last `KEPT` rounds, and the last `KEPT` failed ones before them."""

    def __init__(self) -> None:
        self._by_terminal: dict[str, _Rounds] = {}

    def take(self, terminal: str, probes: Iterable[ProbeResult], *, at: float, seconds: float | None) -> None:
        """Take a round."""
        failures = tuple(
            Failure(probe=probe.probe, reason=probe.reason, message=probe.message[:LONGEST])
            for probe in probes
            if probe.status is ProbeStatus.FAILED
        )
        rounds = self._by_terminal.setdefault(terminal, _Rounds())
        rounds.latest.append(Look(at=at, seconds=seconds, failures=failures))
        if len(rounds.latest) > KEPT:
            oldest = rounds.latest.popleft()
            if oldest.failures:
                rounds.failed.append(oldest)

    def of(self, terminal: str) -> Sequence[Look]:
        """Return what is remembered of a terminal, the newest first."""
        rounds = self._by_terminal.get(terminal, _Rounds())
        return [*reversed(rounds.latest), *reversed(rounds.failed)]

    def forget(self, terminal: str) -> None:
        """Forget a terminal that is watched no more."""
        self._by_terminal.pop(terminal, None)
