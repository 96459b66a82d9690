"""Renders what has changed at most once a second, in a thread, and hands out bytes while they are true."""

import asyncio
import contextlib
import gzip
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mt5_exporter.clock import Clock
from mt5_exporter.config import Config
from mt5_exporter.counters import Counters
from mt5_exporter.exposition.collect import Frozen, Stamp, collect, freeze, stamp
from mt5_exporter.exposition.internal import END, Internals
from mt5_exporter.exposition.negotiate import Format
from mt5_exporter.exposition.render import Block, block, join
from mt5_exporter.snapshot import Snapshot

log = logging.getLogger(__name__)

MAX_VALID = 5.0
"""Seconds that any exposition holds, so that nothing in it, ourselves included, can be frozen for longer."""

CLOCKS_APART = 1.0
"""Seconds by which the two clocks may drift while market hours, once collected, are still taken to hold."""

PAUSE = 1.0
"""Seconds from one rendering of changes to the next."""

COMPRESSION = 2
"""Of gzip: the scrape that is first after a rendering waits for it. On 2.5 MB (24,000 series) level 6 was
measured at 14 ms and 108 kB, this one at 4 ms and 139 kB."""


class NotRendered(Exception):
    """There is nothing true to serve: rendering raised, which the log tells once; it is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposition:
    """What a scrape gets until the monotonic instant `valid_until`; gzip is made when first asked for."""

    bodies: Mapping[Format, bytes]
    valid_until: float
    blocks: Mapping[str, Block] = field(default_factory=dict)
    _alone: dict[str, "Exposition"] = field(default_factory=dict)
    _zipped: dict[Format, asyncio.Future[bytes]] = field(default_factory=dict)

    async def zipped(self, wanted: Format) -> bytes:
        """Return a body compressed; however many ask at once, it is done once."""
        if wanted not in self._zipped:
            work = asyncio.to_thread(gzip.compress, self.bodies[wanted], COMPRESSION, mtime=0)
            self._zipped[wanted] = asyncio.ensure_future(work)
        return await asyncio.shield(self._zipped[wanted])

    def alone(self, terminal: str) -> "Exposition":
        """Return what a terminal has in it, and nothing about ourselves; that is put together once.

        Raises:
            KeyError: There is no such terminal.
        """
        if terminal not in self._alone:
            rendering = join([self.blocks[terminal]])
            bodies = {Format.TEXT: rendering.text, Format.OPENMETRICS: rendering.openmetrics + END}
            self._alone[terminal] = Exposition(bodies=bodies, valid_until=self.valid_until)
        return self._alone[terminal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One terminal's lines, and how long they hold: until its stamp changes, or the monotonic `until`."""

    block: Block
    config: Config
    stamp: Stamp
    until: float
    drift: float


class Publisher:
    """Keeps one exposition current.

    Args:
        config: For what is collected.
        snapshot: The terminals' last results.
        counters: Their totals.
        internals: The exporter's own metrics, or None to leave them out.
        clock: For the pause and for what is still valid.
    """

    def __init__(
        self,
        config: Config,
        *,
        snapshot: Snapshot,
        counters: Counters,
        internals: Internals,
        with_internals: bool,
        clock: Clock,
    ) -> None:
        self._config = config
        self._snapshot = snapshot
        self._counters = counters
        self._internals = internals
        self._with_internals = with_internals
        self._clock = clock
        self._dirty = asyncio.Event()
        self._rendering = asyncio.Lock()
        self._held: dict[str, Held] = {}
        self._current: Exposition | None = None
        self._failure = ""

    @property
    def failure(self) -> str:
        """What the last rendering raised, nothing when it went well."""
        return self._failure

    def changed(self) -> None:
        """Note that the state is no longer what was rendered."""
        self._dirty.set()

    def configure(self, config: Config) -> None:
        """Render by another configuration from now on, and serve nothing that is of the one before."""
        self._config = config
        self._current = None
        self.changed()

    async def run(self) -> None:
        """Render changes for ever; one that could not be rendered is tried again after the pause."""
        while True:
            await self._dirty.wait()
            async with self._rendering:
                with contextlib.suppress(NotRendered):
                    await self._render()
            await self._clock.sleep(PAUSE)

    async def current(self) -> Exposition:
        """Return an exposition that is true now, rendering only when the last has expired.

        Raises:
            NotRendered: It has expired, and there is no other.
        """
        if self._valid() is None:
            async with self._rendering:
                if self._valid() is None:
                    await self._render()
        assert self._current is not None
        return self._current

    def _valid(self) -> Exposition | None:
        current = self._current
        return current if current is not None and self._clock.monotonic() < current.valid_until else None

    async def _render(self) -> None:
        self._dirty.clear()
        started = self._clock.monotonic()
        try:
            while True:
                config = self._config
                rendered = await asyncio.to_thread(self._write, config, self._freeze(), started)
                if config is self._config:
                    break
            self._current = rendered
        except Exception as defect:
            # What was to be rendered still is.
            self._dirty.set()
            self._internals.render_failures.inc()
            if not self._failure:
                log.exception("rendering failed; it is tried again")
            self._failure = type(defect).__name__
            raise NotRendered(self._failure) from defect
        if self._failure:
            self._failure = ""
            log.info("rendering is well again")
        self._internals.render_seconds.set(self._clock.monotonic() - started)
        self._internals.renders.inc()

    def _freeze(self) -> list[Frozen]:
        """Copy what has changed since it was last rendered, or is no longer so."""
        instant, wall = self._clock.monotonic(), self._clock.wall()
        changed: list[Frozen] = []
        names = {terminal.name for terminal in self._config.terminals}
        self._held = {name: held for name, held in self._held.items() if name in names}
        for terminal in self._config.terminals:
            held = self._held.get(terminal.name)
            if (
                held is None
                or held.config is not self._config
                or held.stamp != stamp(self._snapshot, self._counters, terminal.name)
                or instant >= held.until
                or abs(wall - instant - held.drift) > CLOCKS_APART
            ):
                changed.append(freeze(terminal, self._snapshot, self._counters, instant=instant, wall=wall))
        return changed

    def _write(self, config: Config, changed: Sequence[Frozen], instant: float) -> Exposition:
        for frozen in changed:
            samples, until = collect(config, frozen)
            self._held[frozen.terminal.name] = Held(
                block=block(samples, frozen.histograms),
                config=config,
                stamp=frozen.stamp,
                until=until,
                drift=frozen.wall - frozen.instant,
            )
        held = [self._held[terminal.name] for terminal in config.terminals]
        rendering = join([part.block for part in held])
        valid_until = min(instant + MAX_VALID, *(part.until for part in held), math.inf)
        internals = self._internals
        internals.series.set(rendering.series)
        internals.dropped.set(rendering.dropped)
        text = internals.text() if self._with_internals else b""
        openmetrics = internals.openmetrics() if self._with_internals else b""
        return Exposition(
            bodies={
                Format.TEXT: rendering.text + text,
                Format.OPENMETRICS: rendering.openmetrics + openmetrics + END,
            },
            valid_until=valid_until,
            blocks={terminal.name: self._held[terminal.name].block for terminal in config.terminals},
        )
