"""A terminal whose answers a test decides, polled by hand at an instant of the test's choice."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Unpack

from mt5_exporter.clock import Clock
from mt5_exporter.manager import MT5SessionManager
from mt5_exporter.poll import Poller
from mt5_exporter.probes import PROBES, Probe
from mt5_exporter.readings import READINGS, Reading
from mt5_exporter.session import Session
from mt5_exporter.snapshot import PollResult, ProbeResult, ReadingResult
from tests.session.stage import FakeClock, Overrides, config, until
from tests.session.terminals import Answers

HOUR = 3600.0
WEDNESDAY = 1_764_763_200.0
"""2025-12-03 12:00 UTC: every market is open."""

OPENING = 1_765_144_800.0
"""2025-12-07 22:00 UTC: Sunday, 17:00 in New York."""

SATURDAY = WEDNESDAY + 72 * HOUR


class Polling:
    """One terminal, its answers, and its poller."""

    def __init__(
        self,
        answers: Answers,
        clock: Clock,
        probes: Sequence[Probe],
        readings: Sequence[Reading],
        overrides: Overrides,
    ) -> None:
        self.answers = answers
        self.terminal = answers.config(**overrides)
        self.manager = MT5SessionManager(config(self.terminal), clock=clock, fraction=lambda: 0.0)
        self.poller = Poller(self.manager, self.terminal, probes=probes, readings=readings)

    @property
    def session(self) -> Session:
        return self.manager.sessions()[self.terminal.name]

    async def attached(self) -> None:
        await until(lambda: self.session.attached, what="attached")

    async def poll(self) -> PollResult:
        return await self.poller.poll()

    async def probe(self, name: str) -> ProbeResult:
        """Poll, and return what one probe found."""
        return probe_of(await self.poll(), name)

    async def reading(self, name: str) -> ReadingResult:
        """Poll, and return what one reading gave."""
        return reading_of(await self.poll(), name)

    async def told(self, name: str) -> tuple[str, str, str]:
        """Poll, and return one probe's status, reason and message."""
        found = await self.probe(name)
        return found.status.value, found.reason, found.message

    async def values(self, name: str) -> dict[tuple[str, tuple[str, ...]], float]:
        """Poll, and return one reading's values by metric and labels."""
        found = await self.reading(name)
        assert found.success, found.message
        return {(sample.metric.name, sample.labels): sample.value for sample in found.samples}


@asynccontextmanager
async def polling(
    folder: Path,
    clock: Clock | None = None,
    *,
    probes: Sequence[Probe] = PROBES,
    readings: Sequence[Reading] = READINGS,
    **overrides: Unpack[Overrides],
) -> AsyncIterator[Polling]:
    """Return an attached terminal; its clock stands at a Wednesday's noon unless another is given."""
    stage = Polling(Answers(folder), clock or FakeClock(wall=WEDNESDAY), probes, readings, overrides)
    async with stage.manager:
        await stage.attached()
        yield stage


def probe_of(result: PollResult, name: str) -> ProbeResult:
    return next(probe for probe in result.probes if probe.probe == name)


def reading_of(result: PollResult, name: str) -> ReadingResult:
    return next(reading for reading in result.readings if reading.reading == name)
