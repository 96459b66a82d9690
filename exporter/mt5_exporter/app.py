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
from functools import partial

from mt5_exporter.clock import Clock, SystemClock
from mt5_exporter.config import Config
from mt5_exporter.counters import Counters
from mt5_exporter.events import (
    AttemptFinished,
    BreakerChanged,
    CallFailed,
    ClockJumped,
    Event,
    Events,
    Heartbeat,
    JobDue,
    JobEnded,
    LoopWoke,
    SessionChanged,
    WorkerStarted,
    WorkerWrote,
)
from mt5_exporter.exposition.collect import Validity, is_up
from mt5_exporter.exposition.internal import Internals
from mt5_exporter.exposition.publish import Publisher
from mt5_exporter.journal import Journal
from mt5_exporter.manager import MT5SessionManager
from mt5_exporter.poll import Poller, Skipped
from mt5_exporter.scheduler import APScheduler, Scheduler
from mt5_exporter.secret import Redactor
from mt5_exporter.session import ATTACHED, SessionState
from mt5_exporter.snapshot import Snapshot
from mt5_exporter.store import StateStore
from mt5_exporter.tally import Tally
from mt5_exporter.web.front import Front, WebSettings
from mt5_exporter.web.routes import Routes, Surface, TerminalLine

log = logging.getLogger(__name__)

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
    """

    def __init__(
        self,
        config: Config,
        *,
        web: WebSettings | None = None,
        redactor: Redactor | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.config = config
        self.clock = clock or SystemClock()
        self.store = StateStore(config.state_file, self.clock)
        self.internals = Internals()
        self.internals.watch(self.store)
        self.events = Events(self.internals.listener_errors.inc)
        self.counters = Counters()
        self.snapshot = Snapshot(terminal.name for terminal in config.terminals)
        self.tally = Tally(config, self.counters)
        self.journal = Journal(self.clock.monotonic, redactor or Redactor())
        self.manager = MT5SessionManager(config, events=self.events, clock=self.clock, store=self.store)
        self.scheduler: Scheduler = APScheduler(clock=self.clock, events=self.events)
        self._web = web or WebSettings()
        self.internals.watch_web(self._web.file)
        self._terminals = {terminal.name: terminal for terminal in config.terminals}
        self._pollers = {terminal.name: Poller(self.manager, terminal) for terminal in config.terminals}
        self._promptly_polled: dict[str, float] = {}
        self._stopping = False
        self.publisher = Publisher(
            config,
            snapshot=self.snapshot,
            counters=self.counters,
            internals=self.internals,
            with_internals=self._web.exporter_metrics,
            clock=self.clock,
        )
        for listener in (self.tally.hear, self._watch, self._measure, self.journal.hear):
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
        for terminal in self.config.terminals:
            self.scheduler.every(terminal.interval, terminal.name, partial(self._poll, terminal.name))
            if terminal.account_interval < terminal.interval:
                job = f"{terminal.name} account"
                self.scheduler.every(
                    terminal.account_interval, job, partial(self._poll_account, terminal.name)
                )
            self._observe(terminal.name)
        calm_collector()
        self.manager.open()
        self.scheduler.start()
        publishing = asyncio.ensure_future(self.publisher.run())
        serving = asyncio.ensure_future(server.run_on(sockets))
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({publishing, serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stopping = True
            log.info("stopping")
            await self.scheduler.stop()
            server.finish()
            await asyncio.gather(self.manager.close(), asyncio.wait({serving}))
            for task in (publishing, stopped):
                task.cancel()
            await asyncio.wait({publishing, stopped})
            await self.store.close()
            log.info("stopped")
        for task in (publishing, serving):
            if task.done() and not task.cancelled():
                # A defect in either ends the exporter with its traceback, and not in silence.
                task.result()

    async def _poll(self, name: str) -> None:
        """Run one due poll and tell what came of it."""
        try:
            result = await self._pollers[name].poll()
        except Skipped as skipped:
            self.tally.skipped(name, str(skipped))
            self.publisher.changed()
            return
        self.tally.polled(result)
        self.journal.polled(result)
        self._observe(name)
        self.snapshot.publish(result)

    async def _poll_account(self, name: str) -> None:
        """Read the account between two polls; while one runs it reads the account itself."""
        with contextlib.suppress(Skipped):
            readings = await self._pollers[name].poll_account()
            self.tally.read(name, readings)
            self.snapshot.publish_readings(name, readings)

    # -- what happens between polls -----------------------------------------------------------------------

    def _watch(self, event: Event) -> None:
        """Keep the snapshot up with a session that changes between polls."""
        match event:
            case SessionChanged(terminal=terminal):
                self._observe(terminal)
                if event.before in ATTACHED and event.error is not None:
                    reason, message = event.error.reason, str(event.error)
                    self.snapshot.lost(terminal, at=event.at, reason=reason, message=message)
                elif event.after == SessionState.READY and event.before not in ATTACHED:
                    self._poll_promptly(terminal)
            case BreakerChanged(terminal=terminal):
                self._observe(terminal)
            case WorkerStarted(terminal=terminal, seconds=seconds):
                self.snapshot.worker_started(terminal, seconds)
            case AttemptFinished() | CallFailed() | WorkerWrote():
                # Counted, and otherwise seen only when the exposition expires.
                self.publisher.changed()
            case _:
                pass

    def _poll_promptly(self, terminal: str) -> None:
        """Poll a terminal as soon as it is connected; one that is lost over and over, as scheduled."""
        now = self.clock.monotonic()
        if self._stopping or now < self._promptly_polled.get(terminal, float("-inf")):
            return
        self._promptly_polled[terminal] = now + self._terminals[terminal].interval
        self.scheduler.now(terminal)

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
            case LoopWoke(late=late):
                internals.loop_lag.set(late)
            case Heartbeat(at=at):
                internals.heartbeat.set(at)
            case _:
                pass

    def _observe(self, terminal: str) -> None:
        session = self.manager.sessions()[terminal]
        self.snapshot.observe(terminal, session.view())

    # -- the HTTP surface -----------------------------------------------------------------------------------

    def _surface(self) -> Surface:
        return Surface(
            telemetry_path=self._web.telemetry_path,
            max_requests=self._web.max_requests,
            current=self.publisher.current,
            healthy=self._unhealthy,
            ready=self._unready,
            terminals=self._lines,
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
        return f"not polled yet: {', '.join(waiting)}" if waiting else ""

    def _lines(self) -> list[TerminalLine]:
        now = self.clock.monotonic()
        lines: list[TerminalLine] = []
        for terminal in self.config.terminals:
            record = self.snapshot.records[terminal.name]
            failures = [probe.message for probe in record.probes.values() if probe.message]
            lines.append(
                TerminalLine(
                    name=terminal.name,
                    state=record.session.state if record.session else "",
                    up=is_up(terminal, record, now, Validity(now)),
                    message=failures[0] if failures else "",
                )
            )
        return lines


def serve(app: App, sockets: Sequence[socket.socket], early: Sequence[int]) -> int:
    """Run the exporter on this process's main thread until a signal; return the exit status.

    Args:
        app: The exporter.
        sockets: Where it is served.
        early: The signals to stop that came before the event loop took them.
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
        del number, frame
        # A loop that is closed already has stopped.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(request_stop)

    for number in (signal.SIGINT, signal.SIGTERM):
        # Not `add_signal_handler`, which would count one that comes just now for two.
        signal.signal(number, take)
    if early:
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
