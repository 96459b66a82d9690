"""Reads the configuration again, and brings about what differs; what is wrong leaves all as it is."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mt5_exporter.clock import Clock
from mt5_exporter.config import Config, ConfigError
from mt5_exporter.difference import Difference, compare
from mt5_exporter.files import digests

log = logging.getLogger(__name__)

SETTLE = 1.0
"""Seconds for which a changed file must stand still before it is read: it may be half written."""

LOOKS = 10
"""Looks at a file that goes on changing, before the next interval's turn."""

Load = Callable[[], Config]
Apply = Callable[[Config, Difference], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one attempt, in a line without secrets; `at` is Unix seconds."""

    successful: bool
    message: str
    at: float


class Reloader:
    """Makes one attempt at a time; whoever asks while one runs shares the next.

    Args:
        config: What runs.
        load: Reads it again, in a thread.
        apply: Brings about a difference; it must not fail, since nobody would know what runs then.
        told: Called with each outcome.
        clock: For the interval at which the files are looked at, and for when an attempt ended.
    """

    def __init__(
        self, config: Config, *, load: Load, apply: Apply, told: Callable[[Outcome], None], clock: Clock
    ) -> None:
        self.config = config
        self.last = Outcome(successful=True, message="read at start-up", at=clock.wall())
        self._load = load
        self._apply = apply
        self._told = told
        self._clock = clock
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[Outcome] | None = None
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._stopping = False

    @property
    def stopping(self) -> bool:
        """Whether nothing is reloaded any more."""
        return self._stopping

    async def reload(self) -> Outcome:
        """Read the configuration and bring it about; a caller that leaves stops nothing."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._take_turn())
            self._keep(self._next)
        return await asyncio.shield(self._next)

    def request(self) -> None:
        """Begin to reload, for a caller that does not wait, such as a signal."""
        self._keep(asyncio.ensure_future(self.reload()))

    async def watch(self, interval: float) -> None:
        """Reload whenever a file holds something else than what runs, for ever; 0 never looks.

        An attempt that failed is made again at each interval, since what was wrong may be elsewhere.
        """
        if interval <= 0:
            await asyncio.Event().wait()
        while True:
            await self._clock.sleep(interval)
            if await self._settled_difference() or not self.last.successful:
                await self.reload()

    async def stop(self) -> None:
        """Begin nothing new; returns when what runs is over, so that no terminal is half started."""
        self._stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _keep(self, task: asyncio.Task[Outcome]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take_turn(self) -> Outcome:
        async with self._turn:
            # Whoever asks from now on may have changed the file after it was read.
            self._next = None
            outcome = await self._attempt()
        self._tell(outcome)
        return outcome

    async def _attempt(self) -> Outcome:
        if self._stopping:
            return self._outcome("the exporter is stopping")
        try:
            config = await asyncio.to_thread(self._load)
        except ConfigError as wrong:
            return self._outcome(str(wrong))
        except Exception as defect:  # noqa: BLE001 - what runs must go on; its text may hold a secret
            return self._outcome(f"defect: {type(defect).__name__}")
        difference = compare(self.config, config)
        if difference.refused:
            keys = ", ".join(difference.refused)
            return self._outcome(
                f"{config.source}: {keys}: cannot change while the exporter runs: restart it"
            )
        for warning in config.warnings:
            if warning not in self.config.warnings:
                log.warning("%s", warning)
        try:
            await self._apply(config, difference)
        except Exception as defect:
            log.exception("a configuration could not be brought about")
            return self._outcome(f"defect: {type(defect).__name__}, see the log and restart the exporter")
        self.config = config
        return Outcome(successful=True, message=str(difference), at=self._clock.wall())

    def _outcome(self, problem: str) -> Outcome:
        return Outcome(successful=False, message=problem, at=self._clock.wall())

    def _tell(self, outcome: Outcome) -> None:
        """Log what came of it; a failure that repeats itself is one."""
        repeated = not outcome.successful and outcome.message == self.last.message
        if outcome.successful:
            log.info("configuration reloaded: %s", outcome.message)
        elif not repeated:
            log.error("configuration not reloaded, the one before goes on: %s", outcome.message)
        self.last = outcome
        self._told(outcome)

    async def _settled_difference(self) -> bool:
        """Tell whether the files differ from what runs, and have stood still for a while."""
        read = self.config.files
        seen = await asyncio.to_thread(digests, read)
        for _ in range(LOOKS):
            if seen == read:
                return False
            await self._clock.sleep(SETTLE)
            before, seen = seen, await asyncio.to_thread(digests, read)
            if seen == before:
                return True
        return False
