"""The keyed pool: one supervised session per terminal, lent to one caller at a time."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from mt5_exporter import errors
from mt5_exporter.backoff import TokenBucket
from mt5_exporter.clock import Clock, SystemClock
from mt5_exporter.config import Config, TerminalConfig
from mt5_exporter.events import Events
from mt5_exporter.history.books import Books
from mt5_exporter.lease import Lease
from mt5_exporter.memory import Memory
from mt5_exporter.model import Account, Tick
from mt5_exporter.session import Session
from mt5_exporter.settings import WorkerSettings
from mt5_exporter.store import StateStore

T = TypeVar("T")

MAX_WAITING = 100
"""Callers that may wait for one terminal's lease; the next one is refused at once."""

STARTS = 2 * (os.cpu_count() or 1) + 2
"""Workers that may be starting at the same time."""

DEFAULT_LEASE_TIMEOUT = 30.0

WAIT_STEP = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStats:
    """How one terminal's slot has been used; `waited` and `used` are seconds over its whole life."""

    state: str
    breaker: str
    attempt: int
    leases: int
    lease_timeouts: int
    waiting: int
    waited: float
    used: float


class _Slot:
    """One terminal's session and the queue for its lease."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.memory = Memory(session.terminal)
        self.lock = asyncio.Lock()
        self.waiting = 0
        self.leases = 0
        self.timeouts = 0
        self.waited = 0.0
        self.used = 0.0
        self.leaving = False


class MT5SessionManager:
    """Keeps a session to every configured terminal: connects, reconnects, lends, and cleans up.

    Use it as an async context manager, or `open` and `close` it. All of it lives on one event loop;
    other threads go through `threadsafe`.

    Args:
        config: What to connect to.
        events: Where to tell what happens.
        clock: For every wait and every age.
        store: Where what is counted of accounts outlives this manager; memory by default.
        fraction: Random numbers in [0, 1), for jitter.
    """

    def __init__(
        self,
        config: Config,
        *,
        events: Events | None = None,
        clock: Clock | None = None,
        store: StateStore | None = None,
        fraction: Callable[[], float] = random.random,
    ) -> None:
        self.config = config
        self.events = events or Events()
        self.clock = clock or SystemClock()
        self.books = Books(store or StateStore(None, self.clock))
        self._bucket = TokenBucket.full(
            rate=config.connect_rate, burst=config.connect_burst, now=self.clock.monotonic()
        )
        # The bucket spaces starts; this bounds how many run at once, or a slow machine would start, time out
        # and start again for ever.
        self._starts = asyncio.Semaphore(STARTS)
        self._fraction = fraction
        self._slots = {terminal.name: self._slot_for(terminal) for terminal in config.terminals}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = False

    @property
    def threadsafe(self) -> "ThreadsafeManager":
        """The same manager for threads that do not run its event loop, once it is open."""
        return ThreadsafeManager(self, self.loop)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop on which it was opened."""
        if self._loop is None:
            raise RuntimeError("the manager is not open")
        return self._loop

    def sessions(self) -> Mapping[str, Session]:
        """Return every session by the terminal's name, in the configuration's order."""
        return {name: slot.session for name, slot in self._slots.items()}

    def open(self) -> None:
        """Begin to connect to every terminal; returns at once."""
        self._loop = asyncio.get_running_loop()
        for slot in self._slots.values():
            slot.session.start()

    # -- another configuration --------------------------------------------------------------------------

    def configure(self, config: Config) -> None:
        """Take over what holds for the fleet; its terminals are added, removed and adjusted one by one."""
        if (config.connect_rate, config.connect_burst) != (
            self.config.connect_rate,
            self.config.connect_burst,
        ):
            self._bucket = TokenBucket.full(
                rate=config.connect_rate, burst=config.connect_burst, now=self.clock.monotonic()
            )
        self.config = config

    def add(self, terminal: TerminalConfig) -> None:
        """Begin to connect to one more terminal; returns at once."""
        slot = self._slots[terminal.name] = self._slot_for(terminal)
        if self._loop is not None and not self._closing:
            slot.session.start()

    async def remove(self, name: str) -> None:
        """Refuse new leases of a terminal, end its worker, and forget it."""
        slot = self._slots[name]
        slot.leaving = True
        await slot.session.drain()
        del self._slots[name]

    def adjust(self, terminal: TerminalConfig) -> None:
        """Let a session go on where only keys of `difference.LIVE` have changed."""
        self._slots[terminal.name].session.adjust(terminal)

    def _slot_for(self, terminal: TerminalConfig) -> _Slot:
        return _Slot(
            Session(
                terminal,
                settings=WorkerSettings(terminal, self.clock.wall),
                events=self.events,
                clock=self.clock,
                fraction=self._fraction,
                admit=self._admit,
                starts=self._starts,
            )
        )

    async def wait_ready(self, *, timeout: float) -> bool:
        """Wait until every session is attached; return whether they are within `timeout` seconds."""
        return await self._wait_for(lambda session: session.attached, timeout)

    async def wait_settled(self, *, timeout: float) -> bool:
        """Wait until every session is attached or has failed an attempt; return whether they have."""
        return await self._wait_for(
            lambda session: session.attached or session.last_error is not None, timeout
        )

    async def _wait_for(self, condition: Callable[[Session], bool], timeout: float) -> bool:
        give_up = self.clock.monotonic() + timeout
        while not all(condition(slot.session) for slot in self._slots.values()):
            if self.clock.monotonic() >= give_up:
                return False
            await self.clock.sleep(WAIT_STEP)
        return True

    async def close(self) -> None:
        """Refuse new leases, then end every worker; returns when no process is left."""
        self._closing = True
        await asyncio.gather(*(slot.session.drain() for slot in self._slots.values()))

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    @asynccontextmanager
    async def session(
        self, terminal: str | None = None, *, timeout: float = DEFAULT_LEASE_TIMEOUT
    ) -> AsyncIterator[Lease]:
        """Lend a terminal's session; the callers before are served first.

        Args:
            terminal: Its name; may be left out where there is only one.
            timeout: Seconds to wait for the lease. The calls have deadlines of their own.

        Raises:
            MT5UnavailableError: No lease within `timeout`, or the manager is closing.
            MT5InvalidRequestError: There is no such terminal, or this is another event loop than the
                manager's.
        """
        slot = self._slot(terminal)
        await self._acquire(slot, timeout)
        started = self.clock.monotonic()
        lease = Lease(slot.session)
        try:
            yield lease
        finally:
            lease.release()
            slot.used += self.clock.monotonic() - started
            slot.lock.release()

    async def get_price(self, symbol: str, *, terminal: str | None = None, timeout: float = 5.0) -> Tick:
        """Return a symbol's last tick.

        Raises:
            MT5Error: What `session` and `Lease.symbol_info_tick` raise.
        """
        async with self.session(terminal, timeout=timeout) as session:
            return await session.symbol_info_tick(symbol, timeout=timeout)

    def terminal(self, name: str | None = None) -> TerminalConfig:
        """Return a terminal's configuration; the name may be left out where there is only one.

        Raises:
            MT5InvalidRequestError: There is no such terminal.
        """
        return self._slot(name).session.terminal

    def memory(self, terminal: str) -> Memory:
        """Return what is remembered of a terminal, by whoever polled it."""
        return self._slots[terminal].memory

    def get_stats(self) -> dict[str, SessionStats]:
        """Return how each terminal's slot stands and has been used, by name."""
        return {
            name: SessionStats(
                state=slot.session.state.value,
                breaker=slot.session.breaker.state.value,
                attempt=slot.session.attempt,
                leases=slot.leases,
                lease_timeouts=slot.timeouts,
                waiting=slot.waiting,
                waited=slot.waited,
                used=slot.used,
            )
            for name, slot in self._slots.items()
        }

    def _slot(self, terminal: str | None) -> _Slot:
        if self._loop is not None and running_loop() is not self._loop:
            text = "called from another event loop; use manager.threadsafe"
            raise errors.error(errors.FOREIGN_LOOP, text, terminal=terminal or "")
        if terminal is None and len(self._slots) == 1:
            return next(iter(self._slots.values()))
        if terminal is None:
            text = f"say which terminal: {', '.join(self._slots)}"
            raise errors.error(errors.NO_SUCH_TERMINAL, text)
        if terminal not in self._slots:
            text = f"no such terminal; configured are {', '.join(self._slots)}"
            raise errors.error(errors.NO_SUCH_TERMINAL, text, terminal=terminal)
        return self._slots[terminal]

    async def _acquire(self, slot: _Slot, timeout: float) -> None:
        name = slot.session.name
        self._require_open(slot)
        if self._loop is None:
            text = "the manager is not open"
            raise errors.error(errors.DRAINING, text, terminal=name)
        if slot.lock.locked() and (timeout <= 0 or slot.waiting >= MAX_WAITING):
            slot.timeouts += 1
            raise errors.error(errors.NO_LEASE, "the session is in use", terminal=name)
        started = self.clock.monotonic()
        slot.waiting += 1
        try:
            # Without contention this does not even yield to the event loop.
            async with asyncio.timeout(max(timeout, 0.001)):
                await slot.lock.acquire()
                try:
                    # A caller who left may have left a reply to be read; it is not the next one's time.
                    await slot.session.drained("", timeout)
                except BaseException:
                    slot.lock.release()
                    raise
        except (TimeoutError, errors.MT5UnavailableError):
            slot.timeouts += 1
            text = f"no lease within {timeout:g} s"
            raise errors.error(errors.NO_LEASE, text, terminal=name) from None
        finally:
            slot.waiting -= 1
            slot.waited += self.clock.monotonic() - started
        try:
            self._require_open(slot)
        except BaseException:
            slot.lock.release()
            raise
        slot.leases += 1

    def _require_open(self, slot: _Slot) -> None:
        if self._closing or slot.leaving:
            text = "the manager is closing" if self._closing else "the terminal is being removed"
            raise errors.error(errors.DRAINING, text, terminal=slot.session.name)

    async def _admit(self) -> None:
        self._bucket, wait = self._bucket.reserve(self.clock.monotonic())
        await self.clock.sleep(wait)


class ThreadsafeManager:
    """The manager's calls for other threads: each blocks its caller and never the event loop."""

    def __init__(self, manager: MT5SessionManager, loop: asyncio.AbstractEventLoop) -> None:
        self._manager = manager
        self._loop = loop

    def run(self, coroutine: Coroutine[object, object, T], *, timeout: float = 60.0) -> T:
        """Run `coroutine` on the manager's loop and return its result.

        Raises:
            TimeoutError: It has not finished within `timeout` seconds; it is cancelled.
            RuntimeError: Called on the manager's own loop, which it would block for ever, or after that loop
                has ended.
        """
        refusal = self._refusal()
        if refusal:
            # Or Python warns of one that was never awaited.
            coroutine.close()
            raise RuntimeError(refusal)
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(timeout)
        except TimeoutError:
            future.cancel()
            raise

    def get_price(self, symbol: str, *, terminal: str | None = None, timeout: float = 5.0) -> Tick:
        """Return a symbol's last tick."""
        coroutine = self._manager.get_price(symbol, terminal=terminal, timeout=timeout)
        return self.run(coroutine, timeout=2 * timeout + 1)

    def account_info(self, *, terminal: str | None = None, timeout: float = 5.0) -> Account:
        """Return the account a terminal is logged in to."""

        async def ask() -> Account:
            async with self._manager.session(terminal, timeout=timeout) as session:
                return await session.account_info(timeout=timeout)

        return self.run(ask(), timeout=2 * timeout + 1)

    def _refusal(self) -> str:
        """Return why nothing can be run now, empty where it can."""
        if running_loop() is self._loop:
            return "manager.threadsafe was called on the manager's own event loop; use await"
        return "the manager's event loop has ended" if self._loop.is_closed() else ""


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, None where there is none."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
