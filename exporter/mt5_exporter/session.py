"""One terminal's life: its worker, its breaker, and the one supervisor that decides when to connect.

    STOPPED -> STARTING -> CONNECTING -> READY <-> DEGRADED
                  ^             |          |
                  +--- BACKOFF <+----------+        any -> DRAINING -> STOPPED

The breaker's open-until is the next attempt, and the backoff policy sets it: there is one clock.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from mt5_exporter import errors, model
from mt5_exporter.breaker import Breaker, BreakerState, CallNotPermitted, Permit, Transition
from mt5_exporter.clock import Clock
from mt5_exporter.config import TerminalConfig
from mt5_exporter.errors import MT5Error
from mt5_exporter.events import (
    AttemptFinished,
    BreakerChanged,
    CallFailed,
    CallFinished,
    Events,
    SessionChanged,
)
from mt5_exporter.far import wire
from mt5_exporter.launcher import Exit, Reply, WorkerError, WorkerProcess
from mt5_exporter.link import Answer, Call, Link, Settings, loses, restart_reason
from mt5_exporter.snapshot import SessionView
from mt5_exporter.symbol_table import resolve

log = logging.getLogger(__name__)


class SessionState(StrEnum):
    """Where a session is; READY and DEGRADED are attached, the rest is not."""

    STOPPED = "stopped"
    STARTING = "starting"
    CONNECTING = "connecting"
    READY = "ready"
    DEGRADED = "degraded"
    BACKOFF = "backoff"
    DRAINING = "draining"


ATTACHED = frozenset({SessionState.READY, SessionState.DEGRADED})

TRIAL = (
    Call(function="terminal_info", struct=model.Terminal),
    Call(function="account_info", struct=model.Account),
)
"""The trial call that ends every attempt."""

INVALID_PARAMS = -2
"""RES_E_INVALID_PARAMS: what the API itself says of arguments that it cannot use."""


class Session:
    """Keeps one terminal attached, and makes its calls one at a time.

    Args:
        terminal: The terminal's configuration.
        settings: What its worker is told.
        events: Where everything that happens is told.
        clock: For every wait and every age.
        fraction: A random number in [0, 1), for the backoff's jitter.
        admit: Waits for the fleet's leave to make one more attempt.
        starts: Held while a worker starts, by all sessions of a fleet.
    """

    def __init__(
        self,
        terminal: TerminalConfig,
        *,
        settings: Settings,
        events: Events,
        clock: Clock,
        fraction: Callable[[], float],
        admit: Callable[[], Awaitable[None]],
        starts: asyncio.Semaphore,
    ) -> None:
        self.terminal = terminal
        self.name = terminal.name
        self.state = SessionState.STOPPED
        self.running: bool | None = None
        """Whether the terminal's program is there, as the last attempt saw it; None when it cannot tell."""
        self.last_error: MT5Error | None = None
        self.attempt = 0
        """Failures in a row since the last good `account_info`."""
        self.connections = 0
        """How often it has been attached so far."""
        self._events = events
        self._clock = clock
        self._fraction = fraction
        self._admit = admit
        self._state_since = clock.monotonic()
        self._state_since_wall = clock.wall()
        self._next_attempt = float("-inf")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._link = Link(
            terminal,
            settings=settings,
            events=events,
            clock=clock,
            starts=starts,
            on_exit=self._worker_exited,
        )
        self._in_flight: _Exchange | None = None
        self._settled: asyncio.Future[None] | None = None
        self._loss: asyncio.Future[MT5Error | None] | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self.breaker = Breaker(
            terminal.breaker,
            clock=clock.monotonic,
            open_until=self._open_until,
            on_transition=self._breaker_changed,
        )

    # -- for whoever holds the lease --------------------------------------------------------------------

    @property
    def attached(self) -> bool:
        """Whether a call can be sent now."""
        return self.state in ATTACHED

    @property
    def worker(self) -> WorkerProcess | None:
        """The worker process while there is one."""
        return self._link.worker

    async def ask(self, calls: Sequence[Call], *, timeout: float | None = None) -> list[Answer]:
        """Make some reads in one frame; each has its own answer or error.

        A cancelled caller detaches: the worker lives on, its late reply is read and dropped.

        Raises:
            MT5UnavailableError: Nothing was sent: not attached, breaker open, draining, or an earlier
                caller's request is still being answered.
            MT5TimeoutError: No answer within `timeout` seconds; the worker has been ended.
            MT5ConnectionError: The worker died or broke the protocol.
            MT5InvalidRequestError: Nothing was sent: an argument does not fit into a frame.
        """
        operation = calls[0].function
        budget = self.terminal.timeout if timeout is None else timeout
        if asyncio.get_running_loop() is not self._loop and self._loop is not None:
            text = "called from another event loop; use manager.threadsafe"
            raise self._error(errors.FOREIGN_LOOP, text, operation)
        if self._answering:
            await self.drained(operation, budget)
        self._require_attached(operation)
        try:
            permit = self.breaker.acquire()
        except CallNotPermitted:
            self._finished(operation, "not_permitted", 0.0)
            raise self._error(errors.BREAKER_OPEN, "circuit breaker is open", operation) from None
        exchange = _Exchange(
            operation=operation,
            calls=calls,
            permit=permit,
            started=self._clock.monotonic(),
            outcome=asyncio.get_running_loop().create_future(),
        )
        try:
            # No task of its own: each turn of the event loop costs a call some 20 us.
            self._link.send(calls, budget, partial(self._take_reply, exchange))
        except WorkerError as gone:
            raise self._gone(exchange, gone) from gone
        except (TypeError, ValueError, wire.WireError) as unfit:
            permit.ignore()
            raise self._error(INVALID_PARAMS, f"cannot be sent: {unfit}", operation) from unfit
        except BaseException:
            permit.ignore()
            raise
        self._in_flight = exchange
        return await exchange.outcome

    async def ask_one(self, call: Call, *, timeout: float | None = None) -> object:
        """Make one read and return its plain value.

        Raises:
            MT5Error: What `ask` raises, and what the call itself answered.
        """
        [answer] = await self.ask([call], timeout=timeout)
        if answer.error is not None:
            raise answer.error
        return answer.value

    def judge(self, *, healthy: bool) -> None:
        """Take the probes' verdict on an attached terminal: READY, or DEGRADED while one fails."""
        if self.attached:
            self._go(SessionState.READY if healthy else SessionState.DEGRADED)

    def released(self) -> None:
        """Take back the lease; the moment at which a worker that has grown too large is replaced."""
        worker = self.worker
        if worker is None or not self.attached or self._answering:
            return
        if (worker.resident_memory or 0) > self.terminal.max_worker_memory:
            self._link.restart = "memory"
            self._lose(None)

    def view(self) -> SessionView:
        """Return how it stands."""
        worker = self.worker
        wait = self.breaker.open_until - self._clock.monotonic()
        is_open = self.breaker.state is BreakerState.OPEN
        return SessionView(
            state=self.state.value,
            since=self._state_since_wall,
            breaker=self.breaker.state.value,
            attempt=self.attempt,
            running=self.running,
            worker_up=worker is not None,
            worker_memory=worker.resident_memory if worker else None,
            open_until=self._clock.wall() + wait if is_open else None,
            failure_ratio=self.breaker.failure_ratio,
            slow_call_ratio=self.breaker.slow_call_ratio,
        )

    # -- life -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect, and to stay connected."""
        self._loop = asyncio.get_running_loop()
        self._supervisor = asyncio.ensure_future(self._supervise())

    def adjust(self, terminal: TerminalConfig) -> None:
        """Go on under another configuration of the same terminal: each call reads what it needs."""
        self.terminal = terminal
        self._link.adjust(terminal)

    async def drain(self) -> None:
        """Stop: nothing new is sent, the worker is asked to end, then made to."""
        if self._supervisor is None:
            return
        self._go(SessionState.DRAINING)
        self._supervisor.cancel()
        await asyncio.wait({self._supervisor})
        await self._link.stop()
        self._go(SessionState.STOPPED)

    async def _supervise(self) -> None:
        """Make every attempt there is, one after the other, until cancelled."""
        while True:
            await self._clock.sleep(max(0.0, self._next_attempt - self._clock.monotonic()))
            await self._admit()
            try:
                permit = self.breaker.acquire()
            except CallNotPermitted:
                # Somebody else's trial call is out, or the clock rounds below open-until.
                self._next_attempt = max(self.breaker.open_until, self._clock.monotonic() + 0.1)
                continue
            self._loss = asyncio.get_running_loop().create_future()
            lost = await self._attempt(permit)
            if lost is None:
                self._go(SessionState.READY)
                lost = await self._loss
            self._loss = None
            await self._retire(lost)
            if lost is not None:
                self._go(SessionState.BACKOFF, lost)

    async def _attempt(self, permit: Permit) -> MT5Error | None:
        """Try once; return what went wrong."""
        started = self._clock.monotonic()
        operation = "login" if self.terminal.login else "connect"
        failure: MT5Error | None = None
        try:
            if self.worker is None:
                self._go(SessionState.STARTING)
                await self._link.start()
            self._go(SessionState.CONNECTING)
            failure = await self._connected(operation)
            # It may have died since its last answer.
            self._link.require_worker()
        except WorkerError as gone:
            failure = self._error(gone.code, gone.text, operation)
        except asyncio.CancelledError:
            permit.ignore()
            raise
        except Exception as defect:
            # Without a supervisor the terminal would be dark until somebody restarts the exporter.
            log.exception("an attempt raised", extra={"terminal": self.name})
            failure = self._error(errors.PROTOCOL, f"defect: {type(defect).__name__}", operation)
        seconds = self._clock.monotonic() - started
        if failure is None:
            # Starting and attaching take their time; that makes no call slow.
            permit.success()
        else:
            failure.elapsed = seconds
            self._count(failure)
            self._settle_failure(permit, failure, seconds)
        self._events.emit(AttemptFinished(terminal=self.name, seconds=seconds, error=failure))
        return failure

    async def _connected(self, operation: str) -> MT5Error | None:
        """Attach, then make the trial call; only a good `account_info` ends the row of failures."""
        presence, attached = await self._link.connect(operation, self.terminal.connect_timeout)
        self.running = None if presence == "unknown" else presence != "absent"
        if attached.error is not None:
            return attached.error
        self.running = True
        terminal, account = await self._link.ask(TRIAL, self.terminal.timeout)
        if terminal.error is not None:
            return terminal.error
        if account.error is None:
            self.attempt = 0
        self.connections += 1
        await self._select()
        return None

    async def _select(self) -> None:
        """Put the symbols that the configuration names into Market Watch, never those that a pattern finds.

        One that is unknown is counted, and probed later.
        """
        symbols = resolve(self.terminal).watched
        if not self.terminal.select or not symbols:
            return
        calls = [Call(function="symbol_select", args=(symbol.name, True)) for symbol in symbols]
        for answer in await self._link.ask(calls, self.terminal.timeout):
            if answer.error is not None:
                self._count(answer.error)

    async def _retire(self, lost: MT5Error | None) -> None:
        """End a worker that cannot be used again; a good one stays for the next attempt."""
        if lost is None:
            self._next_attempt = self._clock.monotonic()
        elif not lost.keeps_worker:
            self._link.restart = restart_reason(lost)
        if lost is None or not lost.keeps_worker:
            await self._link.stop()

    # -- one exchange -----------------------------------------------------------------------------------

    @property
    def _answering(self) -> bool:
        return self._in_flight is not None

    async def drained(self, operation: str, budget: float) -> None:
        """Wait until the reply to an earlier caller, who may have left, is read.

        Raises:
            MT5UnavailableError: It is not within `budget` seconds.
        """
        give_up = self._clock.monotonic() + budget
        while self._answering:
            if self._settled is None:
                self._settled = asyncio.get_running_loop().create_future()
            done, _ = await asyncio.wait({self._settled}, timeout=give_up - self._clock.monotonic())
            if not done:
                text = f"an earlier request is still being answered after {budget:g} s"
                raise self._error(errors.NO_LEASE, text, operation)

    def _require_attached(self, operation: str) -> None:
        if self.state in {SessionState.DRAINING, SessionState.STOPPED}:
            raise self._error(errors.DRAINING, f"the session is {self.state}", operation)
        if self.breaker.state is BreakerState.OPEN:
            self._finished(operation, "not_permitted", 0.0)
            raise self._error(errors.BREAKER_OPEN, "circuit breaker is open", operation)
        if not self.attached or self.worker is None:
            raise self._error(errors.NOT_READY, f"the session is {self.state}", operation)

    def _take_reply(self, exchange: "_Exchange", reply: Reply | WorkerError) -> None:
        """Settle a frame's permit and hand on its answers, if its caller still waits for them."""
        self._in_flight = None
        if self._settled is not None:
            self._settled.set_result(None)
            self._settled = None
        outcome = exchange.outcome
        try:
            answers = reply if isinstance(reply, WorkerError) else self._link.answers(reply, exchange.calls)
        except WorkerError as malformed:
            answers = malformed
        except Exception as defect:
            exchange.permit.ignore()
            if outcome.done():
                raise
            outcome.set_exception(defect)
            return
        if isinstance(answers, WorkerError):
            failure = self._gone(exchange, answers)
            failure.__cause__ = answers
            if not outcome.done():
                outcome.set_exception(failure)
            return
        seconds = self._clock.monotonic() - exchange.started
        self._settle(exchange, [answer.error for answer in answers if answer.error], seconds)
        for call, answer in zip(exchange.calls, answers, strict=True):
            if call.function == "account_info" and answer.error is None:
                self.attempt = 0
        if not outcome.done():
            outcome.set_result(answers)

    def _gone(self, exchange: "_Exchange", gone: WorkerError) -> MT5Error:
        """Settle a frame whose worker is gone, and return what its caller is told."""
        if self.state in {SessionState.DRAINING, SessionState.STOPPED}:
            exchange.permit.ignore()
            text = "the session was drained before the answer came"
            return self._error(errors.DRAINING, text, exchange.operation)
        failure = self._error(gone.code, gone.text, exchange.operation)
        failure.elapsed = self._clock.monotonic() - exchange.started
        self._count(failure)
        self._settle_failure(exchange.permit, failure, failure.elapsed)
        self._finished(exchange.operation, "failure", failure.elapsed)
        return failure

    def _settle(self, exchange: "_Exchange", failures: Sequence[MT5Error], seconds: float) -> None:
        """Count what a frame answered, each cause once, and hand back its permit."""
        for failure in {(failure.kind, failure.reason): failure for failure in failures}.values():
            failure.elapsed = seconds
            self._count(failure)
        worst = max(failures, key=_severity, default=None)
        if worst is not None and worst.breaker != "ignore":
            self._settle_failure(exchange.permit, worst, seconds)
            self._finished(exchange.operation, "failure", seconds)
        elif failures or exchange.outcome.cancelled():
            exchange.permit.ignore()
            self._finished(exchange.operation, "ignored", seconds)
        else:
            exchange.permit.success(seconds)
            self._finished(exchange.operation, "success", seconds)

    # -- bookkeeping ------------------------------------------------------------------------------------

    def _error(self, code: int, text: str, operation: str) -> MT5Error:
        return errors.error(
            code, text, operation=operation, terminal=self.name, connected=False, attempt=self.attempt
        )

    def _count(self, failure: MT5Error) -> None:
        self._events.emit(CallFailed(terminal=self.name, error=failure))

    def _finished(self, operation: str, outcome: str, seconds: float) -> None:
        slow = seconds >= self.terminal.breaker.slow_call_seconds
        self._events.emit(
            CallFinished(terminal=self.name, operation=operation, outcome=outcome, seconds=seconds, slow=slow)
        )

    def _settle_failure(self, permit: Permit, failure: MT5Error, seconds: float) -> None:
        """Plan the next attempt first: if this failure opens the breaker, it opens until then."""
        if loses(failure) or not self.attached:
            self._plan(failure)
        if loses(failure):
            self._lose(failure)
        if failure.breaker == "ignore":
            permit.ignore()
        else:
            permit.failure(seconds, trip=failure.breaker == "trip")

    def _plan(self, failure: MT5Error | None) -> None:
        self.attempt += 1
        now = self._clock.monotonic()
        if failure is not None and failure.breaker == "trip":
            self._next_attempt = now + self.terminal.login_retry
        else:
            self._next_attempt = self.terminal.backoff.next_attempt(self.attempt, now, self._fraction())

    def _open_until(self, opened: int, now: float) -> float:
        del opened
        if self._next_attempt <= now:
            self._plan(None)
        return self._next_attempt

    def _breaker_changed(self, change: Transition) -> None:
        self._events.emit(
            BreakerChanged(terminal=self.name, before=change.before, after=change.after, reason=change.reason)
        )
        if change.after is BreakerState.OPEN and self.attached:
            # Attached, and yet failing: the supervisor makes the trial call when the breaker's time comes.
            self._lose(self._error(errors.BREAKER_OPEN, f"circuit breaker opened: {change.reason}", ""))

    def _lose(self, lost: MT5Error | None) -> None:
        """Tell the supervisor, once, that the terminal is no longer to be used."""
        if self._loss is not None and not self._loss.done():
            self._loss.set_result(lost)
            self._go(SessionState.STARTING if lost is None else SessionState.BACKOFF, lost)

    def _worker_exited(self, ended: Exit) -> None:
        """Take a death that no request has told of."""
        if ended.told or self.state not in ATTACHED | {SessionState.BACKOFF}:
            # While we connect, the attempt itself finds out.
            return
        failure = self._error(errors.DIED, ended.reason, "")
        self._count(failure)
        try:
            permit = self.breaker.acquire()
        except CallNotPermitted:
            return
        self._settle_failure(permit, failure, 0.0)

    def _go(self, after: SessionState, failure: MT5Error | None = None) -> None:
        if after is SessionState.READY:
            self.last_error = None
        if failure is not None:
            self.last_error = failure
        if after is self.state:
            return
        now = self._clock.monotonic()
        before, self.state = self.state, after
        lasted, self._state_since = now - self._state_since, now
        self._state_since_wall = self._clock.wall()
        self._events.emit(
            SessionChanged(
                terminal=self.name,
                before=before,
                after=after,
                at=self._clock.wall(),
                lasted=lasted,
                attempt=self.attempt,
                error=failure,
            )
        )


@dataclass(slots=True)
class _Exchange:
    """One frame on its way; its outcome is cancelled when its caller no longer waits."""

    operation: str
    calls: Sequence[Call]
    permit: Permit
    started: float
    outcome: asyncio.Future[list[Answer]]


def _severity(failure: MT5Error) -> tuple[bool, bool]:
    return loses(failure), failure.breaker != "ignore"
