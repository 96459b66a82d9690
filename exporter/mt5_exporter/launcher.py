"""Starts, feeds and ends one worker process, on Linux, on Windows and in a foreign interpreter."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mt5_exporter.bundle import BOOTSTRAP, bundle
from mt5_exporter.errors import DEADLINE, DIED, PROTOCOL
from mt5_exporter.far import wire
from mt5_exporter.secret import Secret

INHERITED = (
    "HOME",
    "LANG",
    "LC_ALL",
    "PATH",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "WINEPREFIX",
    "WINEDEBUG",
    "WINEARCH",
)
"""The variables that every worker gets; `environment:` adds names, and nothing else reaches it."""

# A group of its own keeps Ctrl-C from a worker: it reaches the exporter, which drains.
if sys.platform == "win32":
    CREATION_FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP
    PROCESS_GROUP = None
else:
    CREATION_FLAGS = 0
    PROCESS_GROUP = 0

LARGE = 256 * 1024
"""Bytes from which a frame is parsed off the event loop: 3.5 MB measured 26 ms on it."""

REAPED = 2.0
"""Seconds that the end of a killed worker may take to be told to us."""

LAST_WORDS = 0.2
"""Seconds that a dead worker's stderr is still read; a grandchild may hold the pipe for ever."""


class WorkerError(Exception):
    """The worker did not answer; `code` is one of the near side's own, or the far side's greeting's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a worker says of itself when it is ready."""

    python: str
    driver: str
    package: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a worker ended.

    `told` says that somebody has heard of it already: we asked for it, or a pending request failed with it.
    """

    status: int
    reason: str
    told: bool


Reply = dict[str, object]
"""A worker's whole answer to one request, in plain JSON."""

Settle = Callable[["Reply | WorkerError"], None]


@dataclass(slots=True)
class _Pending:
    serial: int
    settle: Settle
    deadline: asyncio.TimerHandle


def command_line(command: Sequence[str] | None) -> list[str]:
    """Return the worker's argv: an interpreter, ours by default, that reads everything else from stdin."""
    line = [*(command or [sys.executable]), "-I", "-c", BOOTSTRAP]
    guard = shutil.which("setpriv") if sys.platform == "linux" else None
    # The kernel then ends the worker with us, even while it hangs with the GIL held.
    return [guard, "--pdeathsig", "KILL", "--", *line] if guard else line


def environment(names: Sequence[str], inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what a worker sees of our environment: an allow-list, since secrets live in the rest."""
    return {name: inherited[name] for name in (*INHERITED, *names) if name in inherited}


class WorkerProcess(asyncio.SubprocessProtocol):
    """The near end of one worker: one request in flight at a time, and a deadline on each.

    The deadline, and only the deadline, kills. Whoever awaits a reply may be cancelled; the reply is
    still read.
    """

    def __init__(self, on_exit: Callable[[Exit], None], on_stderr: Callable[[str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_exit = on_exit
        self._on_stderr = on_stderr
        self._transport: asyncio.SubprocessTransport | None = None
        self._received = bytearray()
        self._errors = bytearray()
        self._pending: _Pending | None = None
        self._serial = 0
        self._ending: WorkerError | None = None
        self._told = False
        self._last_words: asyncio.TimerHandle | None = None
        self._hello: asyncio.Future[Hello] = self._loop.create_future()
        self._parsing: set[asyncio.Future[None]] = set()
        self._stdout_ended = False
        self.exited: asyncio.Future[Exit] = self._loop.create_future()
        self.resident_memory: int | None = None

    @classmethod
    async def start(
        cls,
        *,
        command: Sequence[str] | None,
        environment_names: Sequence[str],
        settings: Mapping[str, object],
        timeout: float,
        on_exit: Callable[[Exit], None],
        on_stderr: Callable[[str], None],
    ) -> tuple["WorkerProcess", Hello]:
        """Start a worker and wait for its greeting.

        Args:
            command: The interpreter and its arguments, or None for our own.
            environment_names: Variables to pass on beside `INHERITED`.
            settings: The settings frame, credentials included.
            timeout: Seconds until it must have greeted.
            on_exit: Called once when the process is gone.
            on_stderr: Called with each line it writes there.

        Raises:
            WorkerError: It did not start, or greeted with an error, or not in time.
        """
        loop = asyncio.get_running_loop()
        line = command_line(command)
        interpreter = command[0] if command else sys.executable
        if sys.platform == "linux" and shutil.which(interpreter) is None:
            # `setpriv` would be found, and its last words go to stderr.
            raise WorkerError(DIED, f"cannot start {interpreter}: not found, or not executable")
        try:
            transport, worker = await loop.subprocess_exec(
                lambda: cls(on_exit, on_stderr),
                *line,
                env=environment(environment_names),
                creationflags=CREATION_FLAGS,
                process_group=PROCESS_GROUP,
            )
        except (OSError, ValueError) as failure:
            reason = getattr(failure, "strerror", None) or failure
            raise WorkerError(DIED, f"cannot start {interpreter}: {reason}") from failure
        if sys.platform == "win32":
            _job().take(transport.get_pid())
        try:
            worker._write(bundle() + wire.encode(settings, spell))  # noqa: SLF001 - our own
            async with asyncio.timeout(timeout):
                return worker, await asyncio.shield(worker._hello)  # noqa: SLF001 - our own
        except BaseException as failure:
            late = WorkerError(DEADLINE, f"the worker did not greet within {timeout:g} s")
            worker.kill(late)
            await worker._gone(REAPED)  # noqa: SLF001 - our own
            worker._close_pipes()  # noqa: SLF001 - our own
            if isinstance(failure, TimeoutError):
                raise late from None
            raise

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._transport is not None
        return self._transport.get_pid()

    @property
    def alive(self) -> bool:
        """Whether it runs and nobody has ended it."""
        return self._ending is None and not self.exited.done()

    @property
    def busy(self) -> bool:
        """Whether a request is in flight."""
        return self._pending is not None

    def request(self, message: Mapping[str, object], *, budget: float) -> asyncio.Future[Reply]:
        """Send one request; its reply or a `WorkerError` comes within `budget` seconds.

        Whoever awaits it may be cancelled; the reply is still read.

        Raises:
            WorkerError, WireError, TypeError: What `send` raises.
        """
        reply: asyncio.Future[Reply] = self._loop.create_future()
        # Nobody may be left to await it.
        reply.add_done_callback(lambda done: done.cancelled() or done.exception())

        def settle(outcome: Reply | WorkerError) -> None:
            if reply.done():
                return
            if isinstance(outcome, WorkerError):
                reply.set_exception(outcome)
            else:
                reply.set_result(outcome)

        self.send(message, budget=budget, settle=settle)
        return reply

    def send(self, message: Mapping[str, object], *, budget: float, settle: Settle) -> None:
        """Send one request; `settle` is called once, with what came of it, within `budget` seconds.

        Raises:
            WorkerError: The worker is gone.
            wire.WireError: The request is larger than a frame; nothing was sent.
            TypeError: JSON has no word for what is in it; nothing was sent.
        """
        self.require_alive()
        assert self._pending is None, "one request in flight at a time"
        self._serial += 1
        frame = wire.encode({"id": self._serial, "budget": budget, **message}, spell)
        timer = self._loop.call_later(budget, self._too_late, budget)
        self._pending = _Pending(self._serial, settle, timer)
        self._write(frame)

    def require_alive(self) -> None:
        """Make sure that it runs.

        Raises:
            WorkerError: It does not; the text says how it ended.
        """
        if self._ending is not None:
            raise self._ending
        if self.exited.done():
            raise WorkerError(DIED, self.exited.result().reason)

    def kill(self, cause: WorkerError) -> None:
        """End the process at once, with all of its group, and fail what is pending with `cause`."""
        if self._ending is None:
            self._ending = cause
        self._told = True
        self._end(forced=True)
        self._fail(cause)

    async def stop(self, *, grace: float = 2.0) -> None:
        """End the process in order: ask, wait `grace` seconds, terminate, wait half as long, kill."""
        self._told = True
        if self._ending is None:
            self._ending = WorkerError(DIED, "the worker was stopped")
        with contextlib.suppress(OSError, RuntimeError):
            self._write(wire.encode({"op": "shutdown"}))
        for wait, forced in ((grace, False), (grace / 2, True)):
            if await self._gone(wait):
                break
            self._end(forced=forced)
        if not await self._gone(grace):
            self._on_stderr(f"process {self.pid} did not end when it was killed")
        self._close_pipes()

    # -- asyncio's side ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Take frames from stdout and lines from stderr."""
        if fd == 1:
            if self._ending is None:
                self._received += data
                self._take_frames()
        else:
            self._errors += data
            *lines, rest = self._errors.split(b"\n")
            # A flood without a newline must not fill memory.
            self._errors = bytearray(rest[-4096:])
            for line in lines:
                self._on_stderr(line.decode("utf-8", "replace").rstrip())

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Note the end of stdout: no frame can come after it."""
        del exc
        if fd == 1:
            self._stdout_ended = True
            if self._transport is not None and self._transport.get_returncode() is not None:
                self._ended()

    def process_exited(self) -> None:
        """Report the end, after its last frame, or without one while a grandchild holds the pipe."""
        assert self._transport is not None
        if self._stdout_ended:
            self._ended()
        else:
            self._loop.call_later(LAST_WORDS, self._ended)
        self._last_words = self._loop.call_later(LAST_WORDS, self._close_pipes)

    def _too_late(self, budget: float) -> None:
        self.kill(WorkerError(DEADLINE, f"no answer within {budget:g} s"))

    # -- our own ----------------------------------------------------------------------------------------

    def _ended(self) -> None:
        if self.exited.done():
            return
        assert self._transport is not None
        status = self._transport.get_returncode() or 0
        cause = self._ending or WorkerError(DIED, f"the worker died ({describe(status)})")
        self._told = self._told or self._pending is not None or not self._hello.done()
        ended = Exit(status=status, reason=cause.text, told=self._told)
        self.exited.set_result(ended)
        self._fail(cause)
        self._on_exit(ended)

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        stdin = self._transport.get_pipe_transport(0)
        assert isinstance(stdin, asyncio.WriteTransport)
        stdin.write(data)

    def _take_frames(self) -> None:
        """Cut the received bytes into frames; whatever breaks the protocol ends the worker."""
        while len(self._received) >= wire.HEADER and self._ending is None:
            try:
                length = wire.body_length(bytes(self._received[: wire.HEADER]))
                if len(self._received) < wire.HEADER + length:
                    return
                body = bytes(self._received[wire.HEADER : wire.HEADER + length])
                del self._received[: wire.HEADER + length]
                if length < LARGE:
                    self._accept(wire.decode(body))
                    continue
            except wire.WireError as failure:
                self.kill(WorkerError(PROTOCOL, str(failure)))
                return
            # There is one frame in flight at the most, so none can overtake this one.
            parsing = asyncio.ensure_future(self._parse_large(body))
            self._parsing.add(parsing)
            parsing.add_done_callback(self._parsing.discard)

    async def _parse_large(self, body: bytes) -> None:
        try:
            self._accept(await asyncio.to_thread(wire.decode, body))
        except wire.WireError as failure:
            self.kill(WorkerError(PROTOCOL, str(failure)))

    def _accept(self, message: dict[str, object]) -> None:
        """Settle the greeting or the pending request with one frame."""
        if not self._hello.done():
            self._greeted(message)
            return
        pending = self._pending
        if pending is None or message.get("id") != pending.serial:
            raise wire.WireError(f"reply {message.get('id')!r} to a request that nobody made")
        rss = message.get("rss")
        self.resident_memory = rss if isinstance(rss, int) else None
        self._pending = None
        pending.deadline.cancel()
        pending.settle(message)

    def _greeted(self, message: dict[str, object]) -> None:
        match message:
            case {"error": [int(code), str(text)]}:
                self._hello.set_exception(WorkerError(code, text))
            case {
                "hello": {"protocol": wire.PROTOCOL, "python": python, "driver": driver, "package": package}
            } if "error" not in message:
                self._hello.set_result(Hello(python=str(python), driver=str(driver), package=str(package)))
            case _:
                hello = message.get("hello")
                raise wire.WireError(f"the worker greets with {hello!r}, not protocol {wire.PROTOCOL}"[:200])

    def _fail(self, cause: WorkerError) -> None:
        if not self._hello.done():
            self._hello.set_exception(cause)
            self._hello.exception()
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.deadline.cancel()
            pending.settle(cause)

    def _end(self, *, forced: bool) -> None:
        """Signal the whole group; Windows knows one way only."""
        if self.exited.done() or self._transport is None:
            return
        # Gone in between is what we want.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._transport.terminate()
            else:
                os.killpg(self._transport.get_pid(), signal.SIGKILL if forced else signal.SIGTERM)

    def _close_pipes(self) -> None:
        """Let go of our ends, in time for an event loop that is about to close."""
        if not self.exited.done() or self._transport is None:
            # To close the transport now would take the exit status away from whoever waits for it.
            return
        if self._last_words is not None:
            self._last_words.cancel()
        self._transport.close()

    async def _gone(self, seconds: float) -> bool:
        done, _ = await asyncio.wait({self.exited}, timeout=seconds)
        return bool(done)


def spell(value: object) -> str:
    """Return a secret's text for the frame that carries it.

    Raises:
        TypeError: It is something else that JSON has no word for.
    """
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"{type(value).__name__} has no place in a frame")


def describe(status: int) -> str:
    """Return an exit status as a person says it."""
    if status >= 0:
        return f"exit status {status}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"


if sys.platform == "win32":
    import functools

    from mt5_exporter.job_object import JobObject

    @functools.cache
    def _job() -> JobObject:
        return JobObject()
