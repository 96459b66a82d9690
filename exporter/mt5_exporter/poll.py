"""One scheduled round at one terminal: the probes, then the readings, then one result for all to see."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable, Sequence

from mt5_exporter import errors
from mt5_exporter.catalogue import Sample
from mt5_exporter.config import TerminalConfig
from mt5_exporter.errors import MT5Error
from mt5_exporter.manager import MT5SessionManager
from mt5_exporter.probes import PROBES, Probe, Verdict
from mt5_exporter.probes.base import failed
from mt5_exporter.readings import ACCOUNT_READINGS, READINGS, Reading
from mt5_exporter.readings.base import OUR_ACCOUNT
from mt5_exporter.round import Round, Usage
from mt5_exporter.session import Session
from mt5_exporter.snapshot import PollResult, ProbeResult, ProbeStatus, ReadingResult

log = logging.getLogger(__name__)

LEASE_WAIT = 1.0
"""Seconds that a poll waits for a library caller to hand back the lease before it is skipped."""


class Skipped(Exception):
    """The poll was due and did not run; its text is the reason as it is counted."""


class Poller:
    """Polls one terminal.

    Args:
        manager: Where its session is borrowed.
        terminal: Its configuration.
        probes: The questions, lowest layer first.
        readings: What is read then.
    """

    def __init__(
        self,
        manager: MT5SessionManager,
        terminal: TerminalConfig,
        *,
        probes: Sequence[Probe] = PROBES,
        readings: Sequence[Reading] = READINGS,
    ) -> None:
        self.terminal = terminal
        self._manager = manager
        self._clock = manager.clock
        self._probes = probes
        self._readings = readings
        self._memory = manager.memory(terminal.name)
        self._running = False

    async def poll(self) -> PollResult:
        """Run one round, bounded by the terminal's `poll_timeout`.

        Raises:
            Skipped: The last round still runs, or the lease is out.
        """
        async with self._round() as (asked, session):
            return await self._run(asked, session)

    async def poll_account(self) -> Sequence[ReadingResult]:
        """Run the readings of the account alone, between two rounds, bounded as a round is.

        Raises:
            Skipped: A round runs, which reads the account anyway, or the lease is out.
        """
        async with self._round() as (asked, session):
            below = [probe for probe in self._probes if probe.name in OUR_ACCOUNT]
            wanted = [reading for reading in self._readings if reading.name in ACCOUNT_READINGS]
            _, readings = await self._ask(asked, session, below, wanted)
            return readings

    @contextlib.asynccontextmanager
    async def _round(self) -> AsyncIterator[tuple[Round, Session]]:
        if self._running:
            raise Skipped("still_running")
        self._running = True
        try:
            async with self._manager.session(self.terminal.name, timeout=LEASE_WAIT) as lease:
                asked = Round(
                    lease,
                    terminal=self.terminal,
                    config=self._manager.config,
                    memory=self._memory,
                    books=self._manager.books,
                    clock=self._clock,
                )
                yield asked, lease.session
        except errors.MT5UnavailableError as refused:
            raise Skipped(refused.reason) from refused
        finally:
            self._running = False

    async def _run(self, asked: Round, session: Session) -> PollResult:
        started = self._clock.monotonic()
        probes, readings = await self._ask(asked, session, self._probes, self._readings)
        if not session.attached:
            # Lost on the way: what the connection probe saw at the beginning is no longer so.
            probes[0] = self._lost(probes[0], session)
        session.judge(healthy=all(probe.status is not ProbeStatus.FAILED for probe in probes))
        now = self._clock.monotonic()
        return PollResult(
            terminal=self.terminal.name,
            at=self._clock.wall(),
            instant=now,
            seconds=now - started,
            probes=tuple(probes),
            readings=tuple(readings),
            symbols=self._memory.symbols.resolution.labels,
        )

    async def _ask(
        self, asked: Round, session: Session, questions: Sequence[Probe], wanted: Sequence[Reading]
    ) -> tuple[list[ProbeResult], list[ReadingResult]]:
        """Ask the probes, then read; what the poll's own deadline leaves unanswered has failed."""
        probes: list[ProbeResult] = []
        readings: list[ReadingResult] = []
        try:
            async with asyncio.timeout(self.terminal.poll_timeout):
                for probe in questions:
                    probes.append(await self._probe(probe, asked, probes, session))
                for reading in wanted:
                    # One by one: what was read before the deadline counts.
                    readings.append(await self._read(reading, asked, probes))  # noqa: PERF401
        except TimeoutError:
            message = f"the poll's deadline of {self.terminal.poll_timeout:g} s passed"
            late = Verdict(status=ProbeStatus.FAILED, reason="poll_deadline", message=message)
            probes += [self._result(probe, late) for probe in questions[len(probes) :]]
            readings += [self._reading(reading, message=message) for reading in wanted[len(readings) :]]
        return probes, readings

    async def _probe(
        self, probe: Probe, asked: Round, before: Iterable[ProbeResult], session: Session
    ) -> ProbeResult:
        blocked = blocking(probe.requires, before)
        if blocked is not None:
            reason = f"{blocked.probe}_failed"
            return self._result(
                probe, Verdict(status=ProbeStatus.SKIPPED, reason=reason, message=blocked.message)
            )
        usage = asked.use()
        try:
            verdict = await probe.run(asked)
        except MT5Error as failure:
            cause = failure
            if isinstance(failure, errors.MT5UnavailableError) and session.last_error is not None:
                # Not sent, because the terminal was lost before: that is what a person wants to know.
                cause = session.last_error
            verdict = failed(cause.reason, str(cause))
        except Exception as defect:
            log.exception("a probe raised", extra={"terminal": self.terminal.name, "probe": probe.name})
            verdict = failed("defect", type(defect).__name__)
        return self._result(probe, verdict, usage.seconds)

    async def _read(self, reading: Reading, asked: Round, probes: Iterable[ProbeResult]) -> ReadingResult:
        blocked = blocking(reading.requires, probes)
        if blocked is not None:
            return self._reading(reading, message=f"{blocked.probe}: {blocked.message}", skipped=True)
        usage = asked.use()
        try:
            samples = tuple(await reading.read(asked))
        except MT5Error as failure:
            return self._reading(reading, usage, message=str(failure))
        except Exception as defect:
            log.exception("a reading raised", extra={"terminal": self.terminal.name, "reading": reading.name})
            return self._reading(reading, usage, message=type(defect).__name__)
        return self._reading(reading, usage, samples=samples, success=True)

    def _lost(self, seen: ProbeResult, session: Session) -> ProbeResult:
        if seen.status is not ProbeStatus.PASSED:
            return seen
        cause = session.last_error
        reason, message = (cause.reason, str(cause)) if cause else ("not_ready", "the session was lost")
        return ProbeResult(
            probe=seen.probe,
            status=ProbeStatus.FAILED,
            at=self._clock.wall(),
            seconds=seen.seconds,
            reason=reason,
            message=message,
        )

    def _result(self, probe: Probe, verdict: Verdict, seconds: float = 0.0) -> ProbeResult:
        return ProbeResult(
            probe=probe.name,
            status=verdict.status,
            at=self._clock.wall(),
            seconds=seconds,
            reason=verdict.reason,
            message=verdict.message,
        )

    def _reading(
        self,
        reading: Reading,
        usage: Usage | None = None,
        *,
        samples: tuple[Sample, ...] = (),
        message: str = "",
        success: bool = False,
        skipped: bool = False,
    ) -> ReadingResult:
        usage = usage or Usage()
        return ReadingResult(
            reading=reading.name,
            success=success,
            # As old as the oldest answer in it, which an earlier probe may have asked for.
            at=min(usage.at, self._clock.wall()),
            instant=min(usage.instant, self._clock.monotonic()),
            seconds=usage.seconds,
            samples=samples,
            message=message,
            skipped=skipped,
        )


def blocking(requires: frozenset[str], before: Iterable[ProbeResult]) -> ProbeResult | None:
    """Return the first probe of a layer below that did not hold."""
    for result in before:
        if result.probe in requires and result.status in {ProbeStatus.FAILED, ProbeStatus.SKIPPED}:
            return result
    return None
