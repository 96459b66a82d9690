"""The loop beside the terminal: one request in, one call or a few made, one reply out."""

import contextlib
import faulthandler
import functools
import os
import platform
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from typing import BinaryIO

from mt5_exporter.far import wire
from mt5_exporter.far.drivers import open_driver
from mt5_exporter.far.drivers.base import Driver, Settings

READS = frozenset(
    {
        "account_info",
        "history_deals_get",
        "history_deals_total",
        "history_orders_get",
        "history_orders_total",
        "orders_get",
        "orders_total",
        "positions_get",
        "positions_total",
        "symbol_info",
        "symbol_info_tick",
        "symbols_get",
        "symbols_total",
        "terminal_info",
        "version",
    }
)
"""All that a worker does for anybody; the rest is refused, whatever the near side asks."""

MARGIN = 2.0
"""Seconds past its budget after which a worker whose parent is gone, too, ends itself."""

Row = tuple[object, int, str, float]
"""One call's value, code and text of `last_error`, and the seconds it took."""


class Worker:
    """Serves one terminal's requests, one at a time."""

    def __init__(self, driver: Driver, settings: Settings, replies: BinaryIO) -> None:
        self.driver = driver
        self.settings = settings
        self.replies = replies
        self.reads = READS | {"symbol_select"} if settings.get("select") else READS

    def send(self, message: Mapping[str, object]) -> None:
        """Write one frame and flush it."""
        self.replies.write(wire.encode(message))
        self.replies.flush()

    def answer(self, request: Mapping[str, object]) -> None:
        """Serve one request within its budget, or end this process."""
        settings = request.get("settings")
        if isinstance(settings, dict):
            self.settings = {**self.settings, **settings}
            self.driver.configure(self.settings)
        budget = number(request.get("budget"))
        arm(budget + MARGIN)
        try:
            if request.get("op") == "connect":
                presence, row = self.connect(budget)
                body: dict[str, object] = {"presence": presence, "results": [row]}
            else:
                body = {"results": [self.call(call) for call in sequence(request.get("calls"))]}
        finally:
            disarm()
        try:
            self.send({"id": request.get("id"), "rss": resident_memory(), **body})
        except wire.WireError as error:
            row = (None, wire.RAISED, str(error), 0.0)
            self.send({"id": request.get("id"), "rss": resident_memory(), "results": [row]})

    def connect(self, budget: float) -> tuple[str, Row]:
        """Attach to the terminal; an exception is an answer, too."""
        started = time.perf_counter()
        try:
            return self.attach(budget, started)
        except Exception as error:  # noqa: BLE001 - such as a program to launch that is not there
            row = (None, wire.RAISED, f"{type(error).__name__}: {error}", time.perf_counter() - started)
            return "unknown", row

    def attach(self, budget: float, started: float) -> tuple[str, Row]:
        """Look whether the terminal is there at all, which cannot hang, and only then touch it."""
        presence = self.driver.presence() if self.settings.get("preflight", True) else "unknown"
        if presence == "absent" and self.settings.get("launch"):
            # By our own hand and never by `initialize`, which would wait up to 100 s and start a second
            # copy at the next attempt.
            self.driver.launch()
            presence = self.driver.presence()
        refusal = {
            "absent": (wire.NOT_RUNNING, "the terminal is not running"),
            "busy": (wire.BUSY, "every instance of the terminal's pipe is taken"),
            "no_pipe": (wire.NO_PIPE, "the terminal runs and has not opened its pipe"),
        }.get(presence)
        if refusal is not None:
            return presence, (None, *refusal, time.perf_counter() - started)
        api = self.driver.api
        # Half, because the module counts its sleeps only and the rest of a round trip comes on top.
        wait = int(budget * 500)
        portable = bool(self.settings.get("portable"))
        attached = api.initialize(text(self.settings.get("path")), timeout=wait, portable=portable)
        if attached and self.settings.get("login"):
            account = mapping(self.settings.get("account"))
            attached = api.login(
                int(number(account.get("login"))),
                password=text(account.get("password")),
                server=text(account.get("server")),
                timeout=wait,
            )
        code, message = api.last_error()
        return presence, (bool(attached), code, message, time.perf_counter() - started)

    def call(self, call: object) -> Row:
        """Make one read and project its fields; a refusal or an exception is an answer, too."""
        request = mapping(call)
        function = text(request.get("function"))
        if function not in self.reads:
            return None, wire.REFUSED, f"{function} is not among the reads of this exporter", 0.0
        started = time.perf_counter()
        try:
            value, code, message = self.driver.read(
                function,
                [*sequence(request.get("args"))],
                mapping(request.get("kwargs")),
                [str(field) for field in sequence(request.get("fields"))],
            )
        except Exception as error:  # noqa: BLE001 - whatever the driver raises, the near side classifies
            return None, wire.RAISED, f"{type(error).__name__}: {error}", time.perf_counter() - started
        return value, code, message, time.perf_counter() - started


def arm(seconds: float) -> None:
    """End this process after `seconds`, with a traceback, unless it is disarmed before.

    A hung call holds the GIL and sees neither a signal handler of Python nor the end of stdin: when the
    parent has died, too, only this can end the process. It is the kernel's timer and a handler in C; Windows
    has a thread of C for it, which costs some 50 us a request.
    """
    if sys.platform == "win32":
        faulthandler.dump_traceback_later(seconds, exit=True)
    else:
        faulthandler.register(signal.SIGALRM, chain=True)
        signal.setitimer(signal.ITIMER_REAL, seconds)


def disarm() -> None:
    """Call off what `arm` has planned."""
    if sys.platform == "win32":
        faulthandler.cancel_dump_traceback_later()
    else:
        signal.setitimer(signal.ITIMER_REAL, 0)


def resident_memory() -> int | None:
    """Return this process's resident memory in bytes, or None where the system does not tell."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            return int(os.pread(statm(), 100, 0).split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return None
    from mt5_exporter.far import windows  # noqa: PLC0415 - its libraries exist there only

    return windows.resident_memory()


@functools.cache
def statm() -> int:
    """Return the open file of this process's memory; opening it anew costs more than reading it."""
    return os.open("/proc/self/statm", os.O_RDONLY)


def number(value: object) -> float:
    """Return a frame's number; the near side always sends one."""
    if not isinstance(value, (int, float)):
        raise wire.WireError(f"expected a number, was {type(value).__name__}")
    return value


def text(value: object) -> str:
    """Return a frame's text, empty where it was left out."""
    return value if isinstance(value, str) else ""


def mapping(value: object) -> dict[str, object]:
    """Return a frame's object, empty where it was left out."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> Iterable[object]:
    """Return a frame's list, empty where it was left out."""
    return value if isinstance(value, list) else ()


def take_stdout() -> BinaryIO:
    """Return fd 1 for frames alone, and point it at stderr: a stray print cannot corrupt a frame."""
    frames = os.dup(1)
    os.dup2(2, 1)
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - Windows only

        msvcrt.setmode(frames, os.O_BINARY)
    return os.fdopen(frames, "wb")


def serve(requests: BinaryIO, replies: BinaryIO) -> int:
    """Greet, then answer requests until stdin ends; return the exit status."""
    settings = wire.read(requests)
    if settings is None:
        return 0
    hello: dict[str, object] = {"protocol": wire.PROTOCOL, "python": platform.python_version()}
    try:
        driver = open_driver(settings, replies)
    except ImportError as error:
        replies.write(wire.encode({"hello": hello, "error": [wire.NO_MODULE, str(error)]}))
        replies.flush()
        return 1
    worker = Worker(driver, settings, replies)
    worker.send({"hello": {**hello, "driver": driver.name, "package": driver.package}})
    while (request := wire.read(requests)) is not None:
        if request.get("op") == "shutdown":
            break
        worker.answer(request)
    arm(MARGIN)
    driver.api.shutdown()
    disarm()
    return 0


def main() -> int:
    """Run the worker on this process's own stdin and stdout."""
    replies = take_stdout()
    try:
        return serve(sys.stdin.buffer, replies)
    except wire.WireError as error:
        sys.stderr.write(f"worker: {error}\n")
        return 2
    except BrokenPipeError:
        # The parent is gone; there is nobody left to tell.
        return 0
