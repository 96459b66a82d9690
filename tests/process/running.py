"""A real exporter in a process of its own, as a user starts it, with what a test asks of it."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from prometheus_client.parser import text_string_to_metric_families

SERVING = re.compile(r'\burl"?[=:] ?"?(http://[^\s"/]+)(/[^\s"]*)')
STEP = 0.05


class Scrape:
    """One parsed answer of `/metrics`."""

    def __init__(self, text: str) -> None:
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def get(self, name: str, **labels: str) -> float | None:
        """Return one series, None where it is not there; `from_` stands for the label `from`."""
        wanted = {key.rstrip("_"): value for key, value in labels.items()}
        return self.samples.get((name, frozenset(wanted.items())))

    def names(self, **labels: str) -> set[str]:
        """Return the names of all series that carry these labels."""
        return {name for name, found in self.samples if frozenset(labels.items()) <= found}


class RunningExporter:
    """Started on a free port; ended with every child it still has."""

    def __init__(
        self, arguments: Sequence[str], *, directory: Path, environment: dict[str, str] | None = None
    ) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "mt5_exporter",
                "--web.listen-address=127.0.0.1:0",
                "--log.level=debug",
                *arguments,
            ],
            cwd=directory,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.log: list[str] = []
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = self._address()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.log.append(line)
            self._lines.put(line)

    def _address(self) -> str:
        give_up = time.monotonic() + 20
        while time.monotonic() < give_up:
            try:
                found = SERVING.search(self._lines.get(timeout=0.2))
            except queue.Empty:
                assert self.process.poll() is None, "".join(self.log)
                continue
            if found:
                return found.group(1)
        raise AssertionError("".join(self.log))

    def get(self, path: str = "/metrics") -> str:
        """Return a page's text."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310 - our own loopback
            body: bytes = answer.read()
            return body.decode()

    def scrape(self) -> Scrape:
        """Return the metrics of the moment."""
        return Scrape(self.get())

    def wait_for(self, condition: Callable[[Scrape], bool], *, seconds: float, what: str = "") -> Scrape:
        """Scrape until `condition` holds, at most `seconds`."""
        give_up = time.monotonic() + seconds
        while True:
            found = self.scrape()
            if condition(found):
                return found
            assert time.monotonic() < give_up, f"not within {seconds} s: {what}\n" + "".join(self.log[-40:])
            time.sleep(STEP)

    def workers(self) -> list[psutil.Process]:
        """Return the worker processes."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: int = signal.SIGTERM, *, seconds: float = 15) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        status = self.process.wait(timeout=seconds)
        self._reader.join(timeout=5)
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            workers = self.workers()
            self.process.kill()
            self.process.wait(timeout=10)
            for worker in workers:
                if worker.is_running():
                    worker.kill()
        if self.process.stdout is not None:
            self._reader.join(timeout=5)
            self.process.stdout.close()


def gone(workers: Sequence[psutil.Process], *, seconds: float) -> bool:
    """Return whether all of these processes end within `seconds`."""
    _, alive = psutil.wait_procs(list(workers), timeout=seconds)
    return not alive
