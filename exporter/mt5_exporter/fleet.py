"""The terminals that are watched now: polled when due, kept up with, exchanged while others run."""

import asyncio
import contextlib
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial

from mt5_exporter.config import Config, TerminalConfig
from mt5_exporter.counters import Counters
from mt5_exporter.difference import Difference
from mt5_exporter.events import (
    AttemptFinished,
    BreakerChanged,
    CallFailed,
    Event,
    SessionChanged,
    WorkerStarted,
    WorkerWrote,
)
from mt5_exporter.exposition.publish import Publisher
from mt5_exporter.journal import Journal
from mt5_exporter.manager import MT5SessionManager
from mt5_exporter.poll import Poller, Skipped
from mt5_exporter.recent import Recent
from mt5_exporter.scheduler import Run, Scheduler
from mt5_exporter.session import ATTACHED, SessionState
from mt5_exporter.snapshot import ProbeResult, ProbeStatus, Snapshot
from mt5_exporter.tally import Tally

SCHEDULED = frozenset({"interval", "account_interval"})
"""Keys of a terminal that say when it is polled."""


@dataclass(slots=True)
class _Post:
    """One terminal that is watched; another one of the same name is another post."""

    poller: Poller
    promptly_from: float = -math.inf
    """When a poll out of turn is allowed again, on the monotonic clock."""


class Fleet:
    """Polls terminals into the snapshot.

    Args:
        config: Which ones.
        manager: Their sessions.
        scheduler: When.
        snapshot: Takes what a poll finds; `tally` counts it, `journal` logs it.
        counters: What only grows, of terminals that are watched.
        publisher: Told of what changes beside the snapshot.
    """

    def __init__(
        self,
        config: Config,
        *,
        manager: MT5SessionManager,
        scheduler: Scheduler,
        snapshot: Snapshot,
        counters: Counters,
        tally: Tally,
        journal: Journal,
        publisher: Publisher,
    ) -> None:
        self.config = config
        self.recent = Recent()
        self._manager = manager
        self._clock = manager.clock
        self._scheduler = scheduler
        self._snapshot = snapshot
        self._counters = counters
        self._tally = tally
        self._journal = journal
        self._publisher = publisher
        self._posts = {terminal.name: self._post(terminal) for terminal in config.terminals}
        self._stopping = False

    def start(self) -> None:
        """Begin to connect to every terminal, and to poll it when it is due."""
        for name in self._posts:
            self._schedule(name)
            self._observe(name)
        self._manager.open()

    def stop(self) -> None:
        """Poll nobody out of turn any more."""
        self._stopping = True

    async def change(self, config: Config, difference: Difference) -> None:
        """Let another configuration run; what it leaves as it was notices nothing.

        A terminal whose session begins anew keeps its counters, and is read anew.
        """
        leaving = [*difference.removed, *difference.restarted]
        for name in leaving:
            self._posts[name].promptly_from = math.inf
            self._unschedule(name)
        await asyncio.gather(*(self._manager.remove(name) for name in leaving))
        # Nothing waits from here on: nobody sees the one configuration in a part and the other in another.
        for name in leaving:
            del self._posts[name]
            self._snapshot.forget(name)
        for name in difference.removed:
            self._counters.forget(name)
            self._journal.forget(name)
            self.recent.forget(name)
        self.config = config
        self._manager.configure(config)
        for name, keys in difference.adjusted.items():
            self._adjust(config.terminal(name), keys)
        self._snapshot.arrange(terminal.name for terminal in config.terminals)
        for terminal in config.terminals:
            if terminal.name not in self._posts:
                self._add(terminal)
        self._publisher.configure(config)

    def hear(self, event: Event) -> None:
        """Keep the snapshot up with a session that changes between polls."""
        match event:
            case SessionChanged(terminal=terminal) if terminal in self._posts:
                self._observe(terminal)
                if event.before in ATTACHED and event.error is not None:
                    self._lost(terminal, event.at, event.error.reason, str(event.error))
                elif event.after == SessionState.READY and event.before not in ATTACHED:
                    self._poll_promptly(terminal)
            case BreakerChanged(terminal=terminal) if terminal in self._posts:
                self._observe(terminal)
            case WorkerStarted(terminal=terminal, seconds=seconds) if terminal in self._posts:
                self._snapshot.worker_started(terminal, seconds)
            case AttemptFinished() | CallFailed() | WorkerWrote():
                # Counted, and otherwise seen only when the exposition expires.
                self._publisher.changed()
            case _:
                pass

    # -- one terminal ------------------------------------------------------------------------------------

    def _post(self, terminal: TerminalConfig) -> _Post:
        return _Post(poller=Poller(self._manager, terminal))

    def _add(self, terminal: TerminalConfig) -> None:
        self._tally.begin(terminal.name)
        self._manager.add(terminal)
        self._posts[terminal.name] = self._post(terminal)
        self._schedule(terminal.name)
        self._observe(terminal.name)

    def _adjust(self, terminal: TerminalConfig, keys: Collection[str]) -> None:
        # Only what changes it touches the schedule: a run that is due just now would be left out.
        reschedules = not SCHEDULED.isdisjoint(keys)
        if reschedules:
            self._unschedule(terminal.name)
        self._manager.adjust(terminal)
        self._posts[terminal.name].poller.terminal = terminal
        if reschedules:
            self._schedule(terminal.name)
            if self._manager.sessions()[terminal.name].attached and not self._stopping:
                # By the new interval the last poll may be too old already.
                self._scheduler.now(terminal.name)

    def _schedule(self, name: str) -> None:
        for interval, job, run in self._jobs(name):
            self._scheduler.every(interval, job, run)

    def _unschedule(self, name: str) -> None:
        for _, job, _ in self._jobs(name):
            self._scheduler.remove(job)

    def _jobs(self, name: str) -> Iterator[tuple[float, str, Run]]:
        post = self._posts[name]
        terminal = post.poller.terminal
        yield terminal.interval, name, partial(self._poll, name, post)
        if terminal.account_interval < terminal.interval:
            yield terminal.account_interval, f"{name} account", partial(self._poll_account, name, post)

    def _observe(self, name: str) -> None:
        self._snapshot.observe(name, self._manager.sessions()[name].view())

    # -- polls -------------------------------------------------------------------------------------------

    async def _poll(self, name: str, post: _Post) -> None:
        """Run one due poll and tell what came of it."""
        try:
            result = await post.poller.poll()
        except Skipped as skipped:
            if self._posts.get(name) is post:
                self._tally.skipped(name, str(skipped))
                self._publisher.changed()
            return
        if self._posts.get(name) is not post:
            # The terminal was taken away while it was polled.
            return
        self._tally.polled(result)
        self._journal.polled(result)
        self.recent.take(name, result.probes, at=result.at, seconds=result.seconds)
        self._observe(name)
        self._snapshot.publish(result)

    async def _poll_account(self, name: str, post: _Post) -> None:
        """Read the account between two polls; while one runs it reads the account itself."""
        with contextlib.suppress(Skipped):
            readings = await post.poller.poll_account()
            if self._posts.get(name) is post:
                self._tally.read(name, readings)
                self._snapshot.publish_readings(name, readings)

    def _poll_promptly(self, name: str) -> None:
        """Poll a terminal as soon as it is connected; one that is lost over and over, as scheduled."""
        now, post = self._clock.monotonic(), self._posts[name]
        if self._stopping or now < post.promptly_from:
            return
        post.promptly_from = now + post.poller.terminal.interval
        self._scheduler.now(name)

    def _lost(self, name: str, at: float, reason: str, message: str) -> None:
        self._snapshot.lost(name, at=at, reason=reason, message=message)
        loss = ProbeResult(
            probe="connection", status=ProbeStatus.FAILED, at=at, reason=reason, message=message
        )
        self.recent.take(name, [loss], at=at, seconds=None)
