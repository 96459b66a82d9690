"""Processes that a benchmark starts, weighs, holds still and, in every case, ends."""

import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

URL = re.compile(r"http://127\.0\.0\.1:\d+")
START_TIMEOUT = 60.0


class Child:
    """One started program; leaving it ends it and all of its own children.

    Args:
        arguments: What to run.
        directory: Where.
    """

    def __init__(self, arguments: Sequence[str], *, directory: Path | None = None) -> None:
        guard = shutil.which("setpriv")
        # The kernel ends it with us, should we be killed ourselves.
        prefix = [guard, "--pdeathsig", "KILL", "--"] if guard else []
        self.popen = subprocess.Popen(  # noqa: S603 - what we benchmark, with our own arguments
            [*prefix, *arguments],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )
        self.process = psutil.Process(self.popen.pid)
        self.output: list[str] = []
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.output = [*self.output[-50:], line]
            self._lines.put(line)

    def url(self) -> str:
        """Wait for the address that it prints when it serves."""
        give_up = time.monotonic() + START_TIMEOUT
        while time.monotonic() < give_up:
            try:
                found = URL.search(self._lines.get(timeout=0.2))
            except queue.Empty:
                if self.popen.poll() is not None:
                    break
                continue
            if found:
                return found.group(0)
        raise RuntimeError("it did not begin to serve:\n" + "".join(self.output))

    def cpu(self) -> float:
        """Return the CPU seconds of the process itself."""
        return cpu(self.process)

    def resident(self) -> float:
        """Return its resident memory in MiB."""
        return self.process.memory_info().rss / 2**20

    def hold(self) -> None:
        """Stop it, so that it takes nothing from the one that is measured."""
        self.process.suspend()

    def go(self) -> None:
        """Let it run again."""
        self.process.resume()

    def end(self) -> None:
        """End it in order, or else by force."""
        if self.popen.poll() is None:
            children = self.process.children(recursive=True)
            self.process.resume()
            self.popen.terminate()
            try:
                self.popen.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait(timeout=10)
            for child in children:
                if child.is_running():
                    child.kill()
        self._reader.join(timeout=5)
        if self.popen.stdout is not None:
            self.popen.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()


def module(name: str, *arguments: str) -> list[str]:
    """Return the command line of one of our own modules."""
    return [sys.executable, "-m", f"benchmarks.{name}", *arguments]


def cpu(process: psutil.Process) -> float:
    """Return the CPU seconds of a process, without its children."""
    times = process.cpu_times()
    return float(times.user + times.system)
