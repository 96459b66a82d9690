"""One terminal's life: its worker, its breaker, and the one supervisor that decides when to connect.

    STOPPED -> STARTING -> CONNECTING -> READY <-> DEGRADED
                  ^             |          |
                  +--- BACKOFF <+----------+        any -> DRAINING -> STOPPED

The breaker's open-until is the next attempt, and the backoff policy sets it: there is one clock.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

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
    WorkerStarted,
    WorkerWrote,
)
from mt5_exporter.far import wire
from mt5_exporter.launcher import Exit, WorkerError, WorkerProcess
from mt5_exporter.snapshot import SessionView

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

INVALID_PARAMS = -2
"""RES_E_INVALID_PARAMS: what the API itself says of arguments that it cannot use."""

LOSES = (errors.MT5ConnectionError, errors.MT5TimeoutError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One read: an API function, its arguments, and the struct whose fields are wanted of each result."""

    function: str
    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)
    struct: type | None = None

    def frame(self) -> dict[str, object]:
        """Return it as it crosses the wire."""
        fields = model.fields(self.struct) if self.struct else ()
        return {
            "function": self.function,
            "args": list(self.args),
            "kwargs": dict(self.kwargs),
            "fields": list(fields),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for one `Call`: plain JSON or an error, and the seconds the API took."""

    value: object
    seconds: float
    error: MT5Error | None = None


class Settings(Protocol):
    """Where a worker's settings come from; they may change while it runs."""

    def current(self) -> tuple[int, Mapping[str, object]]:
        """Return a revision and the settings frame of that revision."""
        ...


class Session:
    """Keeps one terminal attached, and makes its calls one at a time.

    Args:
        terminal: The terminal's configuration.
        settings: What its worker is told.
        events: Where everything that happens is told.
        clock: For every wait and every age.
        fraction: A random number in [0, 1), for the backoff's jitter.
        admit: Waits for the fleet's leave to make one more attempt.
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
    ) -> None:
        self.terminal = terminal
        self.name = terminal.name
        self.state = SessionState.STOPPED
        self.running: bool | None = None
        """Whether the terminal's program is there, as the last attempt saw it; None when it cannot tell."""
        self.last_error: MT5Error | None = None
        self.attempt = 0
        """Failures in a row since the last good `account_info`."""
        self.lost_at = float("-inf")
        """Monotonic instant at which the terminal was last lost."""
        self._settings = settings
        self._revision = -1
        self._events = events
        self._clock = clock
        self._fraction = fraction
        self._admit = admit
        self._state_since = clock.monotonic()
        self._state_since_wall = clock.wall()
        self._next_attempt = float("-inf")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._worker: WorkerProcess | None = None
        self._restart: str | None = None
        self._in_flight: asyncio.Task[list[Answer]] | None = None
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
        return self._worker if self._worker is not None and self._worker.alive else None

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
        await self.drained(operation, budget)
        worker = self._attached_worker(operation)
        try:
            permit = self.breaker.acquire()
        except CallNotPermitted:
            self._finished(operation, "not_permitted", 0.0)
            raise self._error(errors.BREAKER_OPEN, "circuit breaker is open", operation) from None
        exchange = _Exchange(operation=operation, permit=permit, budget=budget)
        task = asyncio.ensure_future(self._exchange(exchange, worker, calls))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._in_flight = task
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            exchange.detached = True
            raise

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
            self._restart = "memory"
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

    async def drain(self) -> None:
        """Stop: nothing new is sent, the worker is asked to end, then made to."""
        if self._supervisor is None:
            return
        self._go(SessionState.DRAINING)
        self._supervisor.cancel()
        await asyncio.wait({self._supervisor})
        if self._worker is not None:
            await self._worker.stop()
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
            worker = await self._started()
            self._go(SessionState.CONNECTING)
            failure = await self._connected(worker, operation)
            worker.require_alive()
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

    async def _started(self) -> WorkerProcess:
        """Return the worker, a new one where the last is gone."""
        if self.worker is not None:
            return self.worker
        self._go(SessionState.STARTING)
        if self._worker is not None:
            # It died while we waited; its pipes are still ours.
            await self._worker.stop()
            self._worker = None
        started = self._clock.monotonic()
        self._revision, settings = self._settings.current()
        worker, hello = await WorkerProcess.start(
            command=self.terminal.command,
            environment_names=self.terminal.environment,
            settings=settings,
            timeout=self.terminal.start_timeout,
            on_exit=self._worker_exited,
            on_stderr=self._worker_wrote,
        )
        self._worker = worker
        self._events.emit(
            WorkerStarted(
                terminal=self.name,
                pid=worker.pid,
                seconds=self._clock.monotonic() - started,
                python=hello.python,
                package=hello.package,
                restart=self._restart,
            )
        )
        self._restart = "crash"
        return worker

    async def _connected(self, worker: WorkerProcess, operation: str) -> MT5Error | None:
        """Attach, then make the trial call; only a good `account_info` ends the row of failures."""
        reply = await self._send(worker, {"op": "connect"}, self.terminal.connect_timeout)
        presence = reply.get("presence")
        self.running = None if presence == "unknown" else presence != "absent"
        [attached] = self._answers(reply, [Call(function=operation)])
        if attached.error is not None:
            return attached.error
        self.running = True
        trial = [
            Call(function="terminal_info", struct=model.Terminal),
            Call(function="account_info", struct=model.Account),
        ]
        reply = await self._send(worker, {"calls": [call.frame() for call in trial]}, self.terminal.timeout)
        terminal, account = self._answers(reply, trial)
        if terminal.error is not None:
            return terminal.error
        if account.error is None:
            self.attempt = 0
        if self.terminal.select:
            await self._select(worker)
        return None

    async def _select(self, worker: WorkerProcess) -> None:
        """Put the configured symbols into Market Watch; one that is unknown is counted, and probed later."""
        calls = [Call(function="symbol_select", args=(symbol, True)) for symbol in self.terminal.symbols]
        if calls:
            message = {"calls": [call.frame() for call in calls]}
            reply = await self._send(worker, message, self.terminal.timeout)
            for answer in self._answers(reply, calls):
                if answer.error is not None:
                    self._count(answer.error)

    async def _retire(self, lost: MT5Error | None) -> None:
        """End a worker that cannot be used again; a good one stays for the next attempt."""
        if lost is None:
            self._next_attempt = self._clock.monotonic()
        if self._worker is not None and (lost is None or not lost.keeps_worker):
            if lost is not None:
                self._restart = restart_reason(lost)
            await self._worker.stop()
            self._worker = None

    # -- one exchange -----------------------------------------------------------------------------------

    @property
    def _answering(self) -> bool:
        return self._in_flight is not None and not self._in_flight.done()

    async def drained(self, operation: str, budget: float) -> None:
        """Wait until the reply to an earlier caller, who may have left, is read.

        Raises:
            MT5UnavailableError: It is not within `budget` seconds.
        """
        give_up = self._clock.monotonic() + budget
        while self._in_flight is not None and not self._in_flight.done():
            await asyncio.wait({self._in_flight}, timeout=give_up - self._clock.monotonic())
            if self._answering:
                text = f"an earlier request is still being answered after {budget:g} s"
                raise self._error(errors.NO_LEASE, text, operation)

    def _attached_worker(self, operation: str) -> WorkerProcess:
        if self.state in {SessionState.DRAINING, SessionState.STOPPED}:
            raise self._error(errors.DRAINING, f"the session is {self.state}", operation)
        if self.breaker.state is BreakerState.OPEN:
            self._finished(operation, "not_permitted", 0.0)
            raise self._error(errors.BREAKER_OPEN, "circuit breaker is open", operation)
        worker = self.worker
        if not self.attached or worker is None:
            raise self._error(errors.NOT_READY, f"the session is {self.state}", operation)
        return worker

    async def _exchange(
        self, exchange: "_Exchange", worker: WorkerProcess, calls: Sequence[Call]
    ) -> list[Answer]:
        """Send one frame of calls and settle its permit, whether or not the caller still waits."""
        started = self._clock.monotonic()
        message = {"calls": [call.frame() for call in calls]}
        try:
            reply = await self._send(worker, message, exchange.budget)
            answers = self._answers(reply, calls)
        except WorkerError as gone:
            if self.state in {SessionState.DRAINING, SessionState.STOPPED}:
                exchange.permit.ignore()
                text = "the session was drained before the answer came"
                raise self._error(errors.DRAINING, text, exchange.operation) from gone
            failure = self._error(gone.code, gone.text, exchange.operation)
            failure.elapsed = self._clock.monotonic() - started
            self._count(failure)
            self._settle_failure(exchange.permit, failure, failure.elapsed)
            self._finished(exchange.operation, "failure", failure.elapsed)
            raise failure from gone
        except (TypeError, ValueError, wire.WireError) as unfit:
            exchange.permit.ignore()
            raise self._error(INVALID_PARAMS, f"cannot be sent: {unfit}", exchange.operation) from unfit
        except BaseException:
            exchange.permit.ignore()
            raise
        seconds = self._clock.monotonic() - started
        self._settle(exchange, [answer.error for answer in answers if answer.error], seconds)
        if any(c.function == "account_info" and a.error is None for c, a in zip(calls, answers, strict=True)):
            self.attempt = 0
        return answers

    def _settle(self, exchange: "_Exchange", failures: Sequence[MT5Error], seconds: float) -> None:
        """Count what a frame answered, each cause once, and hand back its permit."""
        for failure in {(failure.kind, failure.reason): failure for failure in failures}.values():
            failure.elapsed = seconds
            self._count(failure)
        worst = max(failures, key=_severity, default=None)
        if worst is not None and worst.breaker != "ignore":
            self._settle_failure(exchange.permit, worst, seconds)
            self._finished(exchange.operation, "failure", seconds)
        elif failures or exchange.detached:
            exchange.permit.ignore()
            self._finished(exchange.operation, "ignored", seconds)
        else:
            exchange.permit.success(seconds)
            self._finished(exchange.operation, "success", seconds)

    async def _send(
        self, worker: WorkerProcess, message: Mapping[str, object], budget: float
    ) -> dict[str, object]:
        revision, settings = self._settings.current()
        if revision != self._revision:
            message = {**message, "settings": settings}
        reply = worker.request(message, budget=budget)
        self._revision = revision
        return await reply

    def _answers(self, reply: Mapping[str, object], calls: Sequence[Call]) -> list[Answer]:
        """Read the rows of a reply.

        Raises:
            WorkerError: The reply has another shape; the worker is ended.
        """
        rows = reply.get("results")
        if not isinstance(rows, list) or (len(rows) != len(calls) and not _refused(rows)):
            return self._malformed(f"expected {len(calls)} results")
        answers: list[Answer] = []
        for call, row in zip(calls, rows if len(rows) == len(calls) else rows * len(calls), strict=True):
            match row:
                case [value, int(code), str(text), int() | float() as seconds]:
                    answers.append(self._answer(call, value, code, text, float(seconds)))
                case _:
                    return self._malformed("a result has another shape")
        return answers

    def _malformed(self, text: str) -> list[Answer]:
        gone = WorkerError(errors.PROTOCOL, f"malformed reply: {text}")
        if self._worker is not None:
            self._worker.kill(gone)
        raise gone

    def _answer(self, call: Call, value: object, code: int, text: str, seconds: float) -> Answer:
        if value is not None and value is not False and code >= 0:
            return Answer(value=value, seconds=seconds)
        # Only `terminal_info` says whether the terminal lives; the rest is judged as if it did.
        connected = call.function not in errors.CONNECTING | {"terminal_info"}
        failure = errors.error(
            code,
            text if code != errors.OK else "answered nothing, and no error",
            operation=call.function,
            terminal=self.name,
            connected=connected,
            attempt=self.attempt,
            elapsed=seconds,
            context={"arguments": call.args} if call.args else {},
        )
        return Answer(value=None, seconds=seconds, error=failure)

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

    def _worker_wrote(self, line: str) -> None:
        self._events.emit(WorkerWrote(terminal=self.name, line=line))

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
        if before in ATTACHED and after not in ATTACHED:
            self.lost_at = now
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
    """One frame on its way, and whether its caller still waits."""

    operation: str
    permit: Permit
    budget: float
    detached: bool = False


def loses(failure: MT5Error) -> bool:
    """Tell whether the terminal must be connected again after this."""
    return isinstance(failure, LOSES) or failure.reason == "no_memory"


def _severity(failure: MT5Error) -> tuple[bool, bool]:
    return loses(failure), failure.breaker != "ignore"


def restart_reason(lost: MT5Error) -> str:
    """Return why a worker is replaced, as `mt5_worker_restarts_total` counts it."""
    if isinstance(lost, errors.MT5TimeoutError):
        return "timeout"
    by_reason = {"worker_died": "crash", "protocol": "protocol", "no_memory": "memory"}
    return by_reason.get(lost.reason, "connection")


def _refused(rows: list[object]) -> bool:
    """Tell whether one row answers for the whole frame: a reply that was too large to send."""
    return len(rows) == 1
