"""The composition root: builds everything once, starts it in order, and stops it in the reverse order."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence

from mt5_exporter.clock import Clock, SystemClock
from mt5_exporter.config import Config
from mt5_exporter.counters import Counters
from mt5_exporter.difference import Difference
from mt5_exporter.events import ClockJumped, Event, Events, Heartbeat, JobDue, JobEnded, LoopWoke
from mt5_exporter.exposition.internal import Internals
from mt5_exporter.exposition.publish import Publisher
from mt5_exporter.fleet import Fleet
from mt5_exporter.journal import Journal
from mt5_exporter.manager import MT5SessionManager
from mt5_exporter.overview import Overview, terminals
from mt5_exporter.reload import Load, Outcome, Reloader
from mt5_exporter.scheduler import APScheduler, Scheduler
from mt5_exporter.secret import Redactor
from mt5_exporter.snapshot import Snapshot
from mt5_exporter.spelled import fingerprint, spell
from mt5_exporter.store import StateStore
from mt5_exporter.tally import Tally
from mt5_exporter.web.front import Front, WebSettings
from mt5_exporter.web.routes import Routes, Surface

log = logging.getLogger(__name__)

HANG_UP: int | None = getattr(signal, "SIGHUP", None)
"""Reads the configuration again; Windows has no such signal."""

HEARTBEAT_LIMIT = 10.0
"""Seconds without a run of the scheduler's own job after which we are not healthy."""


COLLECT_AT = (5_000, 20, 100)
"""Objects until the youngest are collected, and how many such collections until each older generation is."""


class App:
    """One exporter.

    Args:
        config: The terminals.
        web: The HTTP surface.
        redactor: What takes secrets out of the log.
        clock: For everything that waits or ages.
        load: Reads the configuration again; what was given is taken again by default.
        reload_interval: Seconds between two looks at its files; 0 never looks.
    """

    def __init__(
        self,
        config: Config,
        *,
        web: WebSettings | None = None,
        redactor: Redactor | None = None,
        clock: Clock | None = None,
        load: Load | None = None,
        reload_interval: float = 0.0,
    ) -> None:
        self.clock = clock or SystemClock()
        self.store = StateStore(config.state_file, self.clock)
        self.internals = Internals()
        self.internals.watch(self.store)
        self.events = Events(self.internals.listener_errors.inc)
        self.counters = Counters()
        self.snapshot = Snapshot(terminal.name for terminal in config.terminals)
        self.tally = Tally(config, self.counters)
        self.redactor = redactor or Redactor()
        self.journal = Journal(self.clock.monotonic, self.redactor)
        self.manager = MT5SessionManager(config, events=self.events, clock=self.clock, store=self.store)
        self.scheduler: Scheduler = APScheduler(clock=self.clock, events=self.events)
        self._web = web or WebSettings()
        self.internals.watch_web(self._web.file)
        self._ready = False
        self._stopping = False
        self.publisher = Publisher(
            config,
            snapshot=self.snapshot,
            counters=self.counters,
            internals=self.internals,
            with_internals=self._web.exporter_metrics,
            clock=self.clock,
        )
        self.fleet = Fleet(
            config,
            manager=self.manager,
            scheduler=self.scheduler,
            snapshot=self.snapshot,
            counters=self.counters,
            tally=self.tally,
            journal=self.journal,
            publisher=self.publisher,
        )
        self.reloader = Reloader(
            config,
            load=load or (lambda: config),
            apply=self._change,
            told=self._reloaded,
            clock=self.clock,
        )
        self._reload_interval = reload_interval
        self._spelled = spell(config)
        self.internals.configured(fingerprint=fingerprint(self._spelled), at=self.clock.wall())
        for listener in (self.tally.hear, self.fleet.hear, self._measure, self.journal.hear):
            self.events.subscribe(listener)

    async def run(self, sockets: Sequence[socket.socket], stop: asyncio.Event) -> None:
        """Serve on `sockets` until `stop` is set, then drain and leave no process behind."""
        server = Front(
            Routes(self._surface()).application(),
            self._web,
            refuse=self.internals.refuse,
            clock=self.clock,
        )
        self.snapshot.on_change(self.publisher.changed)
        calm_collector()
        self.fleet.start()
        self.scheduler.start()
        publishing = asyncio.ensure_future(self.publisher.run())
        serving = asyncio.ensure_future(server.run_on(sockets))
        watching = asyncio.ensure_future(self.reloader.watch(self._reload_interval))
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({publishing, serving, watching, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stopping = True
            log.info("stopping")
            self.fleet.stop()
            await self.reloader.stop()
            await self.scheduler.stop()
            server.finish()
            await asyncio.gather(self.manager.close(), asyncio.wait({serving}))
            for task in (publishing, watching, stopped):
                task.cancel()
            await asyncio.wait({publishing, watching, stopped})
            await self.store.close()
            log.info("stopped")
        for task in (publishing, serving, watching):
            if task.done() and not task.cancelled():
                # A defect in one of them ends the exporter with its traceback, and not in silence.
                task.result()

    # -- another configuration -----------------------------------------------------------------------------

    async def _change(self, config: Config, difference: Difference) -> None:
        """Let another configuration run, whose secrets are hidden from now on."""
        for secret in config.secrets:
            self.redactor.learn(secret)
        # Some milliseconds for each terminal, which the event loop has not.
        spelled = await asyncio.to_thread(spell, config)
        await self.fleet.change(config, difference)
        self._spelled = spelled

    def _reloaded(self, outcome: Outcome) -> None:
        """Tell what came of an attempt to read the configuration again."""
        if outcome.successful:
            self.internals.configured(fingerprint=fingerprint(self._spelled), at=outcome.at)
        else:
            self.internals.not_configured()
        self.publisher.changed()

    def _measure(self, event: Event) -> None:
        """Take what is told about ourselves into our own metrics."""
        internals = self.internals
        match event:
            case JobDue(lag=lag):
                internals.scheduler_lag.observe(lag)
            case JobEnded(outcome=outcome):
                internals.scheduler_events.labels(outcome).inc()
            case ClockJumped():
                internals.clock_jumps.inc()
            case LoopWoke(late=late, tasks=tasks):
                internals.loop_lag.set(late)
                internals.tasks.set(tasks)
            case Heartbeat(at=at):
                internals.heartbeat.set(at)
            case _:
                pass

    # -- the HTTP surface -----------------------------------------------------------------------------------

    def _surface(self) -> Surface:
        return Surface(
            telemetry_path=self._web.telemetry_path,
            max_requests=self._web.max_requests,
            current=self.publisher.current,
            healthy=self._unhealthy,
            ready=self._unready,
            names=lambda: [terminal.name for terminal in self.fleet.config.terminals],
            overview=self._overview,
            spelled=lambda: self._spelled,
            reload=self.reloader.reload,
        )

    def _unhealthy(self) -> str:
        age = self.scheduler.heartbeat_age
        if age > HEARTBEAT_LIMIT:
            return f"the scheduler has not run for {age:.0f} s"
        return f"the metrics cannot be rendered: {failure}" if (failure := self.publisher.failure) else ""

    def _unready(self) -> str:
        if self._stopping:
            return "stopping"
        waiting = [name for name, record in self.snapshot.records.items() if record.poll is None]
        # Once ready, it stays so: a terminal that a reload adds takes nobody's scrapes away.
        self._ready = self._ready or not waiting
        return "" if self._ready else f"not polled yet: {', '.join(waiting)}"

    def _overview(self) -> Overview:
        last = self.reloader.last
        return Overview(
            now=self.clock.wall(),
            hash=fingerprint(self._spelled),
            reload_successful=last.successful,
            reload_message=last.message,
            reload_at=last.at,
            terminals=terminals(
                self.fleet.config, self.snapshot, self.fleet.recent, instant=self.clock.monotonic()
            ),
        )


def serve(app: App, sockets: Sequence[socket.socket], early: Sequence[int]) -> int:
    """Run the exporter on this process's main thread until a signal; return the exit status.

    Args:
        app: The exporter.
        sockets: Where it is served.
        early: The signals that came before the event loop took them.
    """
    watch_children_without_threads()
    asyncio.run(_serve(app, sockets, early))
    return 0


async def _serve(app: App, sockets: Sequence[socket.socket], early: Sequence[int]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def request_stop() -> None:
        if stop.is_set():
            # The second signal means now; the workers see their stdin end.
            os._exit(1)
        stop.set()

    def take(number: int, frame: object) -> None:
        del frame
        # A loop that is closed already has stopped.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(app.reloader.request if number == HANG_UP else request_stop)

    for number in (signal.SIGINT, signal.SIGTERM):
        # Not `add_signal_handler`, which would count one that comes just now for two.
        signal.signal(number, take)
    if HANG_UP is not None:
        signal.signal(HANG_UP, take)
    if HANG_UP in early:
        app.reloader.request()
    if any(number != HANG_UP for number in early):
        request_stop()
    await app.run(sockets, stop)


def calm_collector() -> None:
    """Collect garbage seldom, and never what start-up has made.

    What polls make dies young, by its counts; a full collection in the middle of a poll of 1,000 symbols was
    measured to hold the event loop for up to 26 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AT)


def watch_children_without_threads() -> None:
    """Let the kernel tell us of a worker's end; before 3.12 asyncio would keep a thread for each."""
    if sys.platform == "linux" and sys.version_info < (3, 12):
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
