"""The link to one terminal: a worker that is started, told its settings, asked, and replaced."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mt5_exporter import errors, model
from mt5_exporter.clock import Clock
from mt5_exporter.config import TerminalConfig
from mt5_exporter.errors import MT5Error
from mt5_exporter.events import Events, WorkerStarted, WorkerWrote
from mt5_exporter.far import wire
from mt5_exporter.launcher import Exit, Reply, Settle, WorkerError, WorkerProcess

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


class Link:
    """Holds at most one worker, and reads its replies.

    Args:
        terminal: The terminal's configuration.
        settings: What the worker is told, again whenever it changes.
        events: Where a start and a line on stderr are told.
        clock: For how long a start takes.
        starts: Held while a worker starts: what a machine can start at once is bounded.
        on_exit: Called with each worker's end.
    """

    def __init__(
        self,
        terminal: TerminalConfig,
        *,
        settings: Settings,
        events: Events,
        clock: Clock,
        starts: asyncio.Semaphore,
        on_exit: Callable[[Exit], None],
    ) -> None:
        self._terminal = terminal
        self._settings = settings
        self._events = events
        self._clock = clock
        self._starts = starts
        self._on_exit = on_exit
        self._worker: WorkerProcess | None = None
        self._revision = -1
        self.restart: str | None = None
        """Why the next worker replaces the last, as `mt5_worker_restarts_total` counts it."""

    @property
    def worker(self) -> WorkerProcess | None:
        """The worker process while there is one that can be asked."""
        return self._worker if self._worker is not None and self._worker.alive else None

    def require_worker(self) -> WorkerProcess:
        """Return the worker.

        Raises:
            WorkerError: It is gone; the error says how.
        """
        if self._worker is None:
            raise WorkerError(errors.DIED, "there is no worker")
        self._worker.require_alive()
        return self._worker

    def adjust(self, terminal: TerminalConfig) -> None:
        """Go on under another configuration of the same terminal."""
        self._terminal = terminal

    async def start(self) -> None:
        """Start a worker in the place of the last.

        Raises:
            WorkerError: It did not start or greet.
        """
        # One that died while nobody asked still has its pipes.
        await self.stop()
        async with self._starts:
            started = self._clock.monotonic()
            self._revision, settings = self._settings.current()
            self._worker, hello = await WorkerProcess.start(
                command=self._terminal.command,
                environment_names=self._terminal.environment,
                settings=settings,
                timeout=self._terminal.start_timeout,
                on_exit=self._on_exit,
                on_stderr=self._wrote,
            )
        self._events.emit(
            WorkerStarted(
                terminal=self._terminal.name,
                pid=self._worker.pid,
                seconds=self._clock.monotonic() - started,
                python=hello.python,
                package=hello.package,
                restart=self.restart,
            )
        )
        self.restart = "crash"

    async def stop(self) -> None:
        """End the worker; returns when it is gone."""
        if self._worker is not None:
            await self._worker.stop()
            self._worker = None

    async def connect(self, operation: str, budget: float) -> tuple[object, Answer]:
        """Attach to the terminal.

        Args:
            operation: `connect` or `login`, for a failure.
            budget: Seconds.

        Returns:
            What was seen of the terminal (a `Presence`), and whether it let us in.

        Raises:
            WorkerError: The worker did not answer.
        """
        reply = await self._request({"op": "connect"}, budget)
        [attached] = self.answers(reply, [Call(function=operation)])
        return reply.get("presence"), attached

    async def ask(self, calls: Sequence[Call], budget: float) -> list[Answer]:
        """Make some reads in one frame.

        Raises:
            WorkerError: The worker is gone, did not answer within `budget` seconds, or broke the protocol.
            TypeError, ValueError, WireError: An argument does not fit into a frame; nothing was sent.
        """
        return self.answers(await self._request(_reads(calls), budget), calls)

    def send(self, calls: Sequence[Call], budget: float, settle: Settle) -> None:
        """Send some reads in one frame; `settle` is called with the reply, which `answers` reads.

        Raises:
            WorkerError: The worker is gone.
            TypeError, ValueError, WireError: An argument does not fit into a frame; nothing was sent.
        """
        worker = self.require_worker()
        revision, message = self._current(_reads(calls))
        worker.send(message, budget=budget, settle=settle)
        self._revision = revision

    async def _request(self, message: Mapping[str, object], budget: float) -> Reply:
        worker = self.require_worker()
        revision, message = self._current(message)
        reply = worker.request(message, budget=budget)
        self._revision = revision
        return await reply

    def _current(self, message: Mapping[str, object]) -> tuple[int, Mapping[str, object]]:
        """Return the settings' revision, and a message that carries them if they are new."""
        revision, settings = self._settings.current()
        return revision, message if revision == self._revision else {**message, "settings": settings}

    def answers(self, reply: Reply, calls: Sequence[Call]) -> list[Answer]:
        """Read the rows of a reply, one for each call.

        Raises:
            WorkerError: The reply has another shape; the worker has been ended.
        """
        rows = reply.get("results")
        match rows:
            case [[None, wire.RAISED, *_] as failure]:
                # Such as a reply that was too large to send: a failure, never a value, answers for all calls.
                rows = [failure] * len(calls)
            case _:
                pass
        if not isinstance(rows, list) or len(rows) != len(calls):
            raise self._malformed(f"expected {len(calls)} results")
        answers: list[Answer] = []
        for call, row in zip(calls, rows, strict=True):
            match row:
                case [value, int(code), str(text), int() | float() as seconds]:
                    answers.append(self._answer(call, value, code, text, float(seconds)))
                case _:
                    raise self._malformed("a result has another shape")
        return answers

    def _malformed(self, text: str) -> WorkerError:
        gone = WorkerError(errors.PROTOCOL, f"malformed reply: {text}")
        if self._worker is not None:
            self._worker.kill(gone)
        return gone

    def _answer(self, call: Call, value: object, code: int, text: str, seconds: float) -> Answer:
        if value is not None and value is not False and code >= 0:
            return Answer(value=value, seconds=seconds)
        # Only `terminal_info` says whether the terminal lives; the rest is judged as if it did.
        connected = call.function not in errors.CONNECTING | {"terminal_info"}
        failure = errors.error(
            code,
            text if code != errors.OK else "answered nothing, and no error",
            operation=call.function,
            terminal=self._terminal.name,
            connected=connected,
            elapsed=seconds,
            context={"arguments": call.args} if call.args else {},
        )
        return Answer(value=None, seconds=seconds, error=failure)

    def _wrote(self, line: str) -> None:
        self._events.emit(WorkerWrote(terminal=self._terminal.name, line=line))


def _reads(calls: Sequence[Call]) -> dict[str, object]:
    return {"calls": [call.frame() for call in calls]}


def loses(failure: MT5Error) -> bool:
    """Tell whether the terminal must be connected again after this."""
    return isinstance(failure, LOSES) or failure.reason == "no_memory"


def restart_reason(lost: MT5Error) -> str:
    """Return why a worker is replaced, as `mt5_worker_restarts_total` counts it."""
    if isinstance(lost, errors.MT5TimeoutError):
        return "timeout"
    by_reason = {"worker_died": "crash", "protocol": "protocol", "no_memory": "memory"}
    return by_reason.get(lost.reason, "connection")
