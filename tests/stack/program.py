"""One program of the stack, in a process group of its own, with its log in a file."""

import contextlib
import itertools
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.stack.tools import bound_to_us

STEP = 0.05
SERVED = range(20_000, 30_000)
"""Ports that no system gives away by itself: a program that is started again finds its own free."""
PORTS = itertools.cycle(
    (*SERVED[os.getpid() * 37 % len(SERVED) :], *SERVED[: os.getpid() * 37 % len(SERVED)])
)


class Program:
    """A program that can be ended, killed, paused and started again; it runs from its making on.

    Args:
        name: For messages and the log's file name.
        command: What to run.
        folder: Where its log goes.
        ready: A URL that answers 200 as soon as it is ready.
        environment: Variables beside ours.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        ready: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = bound_to_us(command)
        self._ready = ready
        self._environment = {**os.environ, **(environment or {})}
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self, seconds: float = 30) -> Self:
        """Wait until it answers."""
        wait_for(self._answers, seconds=seconds, what=lambda: f"{self.name} ready\n{self.tail()}")
        return self

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"{self.name} ended\n{self.tail()}"
        try:
            with urllib.request.urlopen(self._ready, timeout=2) as answer:  # noqa: S310 - our own loopback
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def signal(self, number: int) -> None:
        """Send a signal to the program and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """End it without any warning."""
        self.signal(signal.SIGKILL)
        self.process.wait(timeout=10)

    def stop(self, seconds: float = 15) -> None:
        """End it as its keeper would; what does not end in time is killed."""
        if self.process.poll() is None:
            # A paused process hears nothing else.
            self.signal(signal.SIGCONT)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=seconds)
        self.kill()

    def start(self) -> Self:
        """Start it again after its end."""
        assert self.process.poll() is not None, f"{self.name} still runs"
        self.process = self._start()
        return self

    def tail(self, lines: int = 30) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def wait_for(condition: Callable[[], bool], *, seconds: float, what: Callable[[], str]) -> float:
    """Wait until `condition` holds, at most `seconds`; return how long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + seconds, f"not within {seconds:.0f} s: {what()}"
        time.sleep(STEP)
    return time.monotonic() - began


def free_ports(count: int) -> list[int]:
    """Return ports on which nobody listens now, and which were not returned before."""
    found: list[int] = []
    for port in itertools.islice(PORTS, len(SERVED)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no free ports")


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    """Return a text with each first replaced by its second; one that is not there is an error."""
    for before, after in pairs:
        assert re.search(re.escape(before), text), f"{before!r} is not there"
        text = text.replace(before, after)
    return text
