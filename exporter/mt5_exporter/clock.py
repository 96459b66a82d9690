"""The two clocks, as a value that is handed in: monotonic for spans, wall for facts."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the session, the scheduler and the snapshot ask of time."""

    def monotonic(self) -> float:
        """Return seconds that never go back, for spans and deadlines."""
        ...

    def wall(self) -> float:
        """Return seconds since the Unix epoch, for timestamps that people and Prometheus read."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait by the monotonic clock."""
        ...


class SystemClock:
    """This machine's clocks."""

    def monotonic(self) -> float:
        """Return the system's monotonic seconds."""
        return time.monotonic()

    def wall(self) -> float:
        """Return the system's Unix time."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait on the running event loop."""
        await asyncio.sleep(seconds)
