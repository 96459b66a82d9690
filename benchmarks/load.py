"""Who scrapes: wrk for throughput, and a paced client that asks as a monitoring system does."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import quantile
from benchmarks.processes import Child, module

TOOLS = Path(__file__).parents[1] / ".tools" / "bench"

HEADERS = {
    "Accept": "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "Accept-Encoding": "gzip",
    "User-Agent": "Prometheus/2.42.0",
}
"""What Debian's Prometheus sends."""

REPORT = """
done = function(summary, latency, requests)
  io.write(string.format('{"p50": %.4f, "p99": %.4f, "requests": %d, "failed": %d}\\n',
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.requests,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status
      + summary.errors.timeout))
end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What wrk saw: milliseconds, and requests that were answered."""

    p50: float
    p99: float
    requests: int


def unpack_tools() -> None:
    """Unpack what is compared from Debian's packages, the first time."""
    subprocess.run([Path(__file__).parent / "tools"], check=True)  # noqa: S603 - our own script


def wrk(url: str, *, connections: int, seconds: int) -> Load:
    """Ask as fast as the connections allow.

    Raises:
        RuntimeError: Requests failed, so that their latency says nothing.
    """
    library = next((TOOLS / "usr" / "lib").glob("*/libluajit-5.1.so.2")).parent
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(REPORT)
        script.flush()
        headers = [f"-H{name}: {value}" for name, value in HEADERS.items()]
        command = [
            *(str(TOOLS / "usr/bin/wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=60s"),
            *headers,
            *("-s", script.name, url),
        ]
        run = subprocess.run(  # noqa: S603 - our own arguments
            command,
            env={**os.environ, "LD_LIBRARY_PATH": str(library)},
            capture_output=True,
            text=True,
            check=True,
        )
    found = re.search(r"^\{.*\}$", run.stdout, re.MULTILINE)
    if found is None:
        raise RuntimeError(run.stdout + run.stderr)
    seen: dict[str, float] = json.loads(found.group(0))
    if seen["failed"]:
        raise RuntimeError(f"{url}: {seen['failed']:.0f} of {seen['requests']:.0f} requests failed")
    if not seen["requests"]:
        return Load(p50=float("nan"), p99=float("nan"), requests=0)
    return Load(p50=seen["p50"], p99=seen["p99"], requests=int(seen["requests"]))


class Scraper:
    """One keep-alive connection."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=60)

    def get(self, path: str = "/metrics", *, plain: bool = False) -> bytes:
        """Return a body: plain text, or as Prometheus asks for it."""
        self._connection.request("GET", path, headers={} if plain else HEADERS)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
        return body

    def text(self) -> str:
        """Return the metrics as text."""
        return self.get(plain=True).decode()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class BareScraper:
    """One keep-alive connection without a library, whose parsing would be most of what is measured."""

    def __init__(self, url: str) -> None:
        where = urllib.parse.urlsplit(url)
        assert where.hostname is not None
        assert where.port is not None
        self._socket = socket.create_connection((where.hostname, where.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = ("GET /metrics HTTP/1.1", f"Host: {where.netloc}")
        headers = (f"{name}: {value}" for name, value in HEADERS.items())
        self._request = "\r\n".join((*lines, *headers, "", "")).encode()

    def get(self) -> None:
        """Ask once, and read all of the answer, which has to tell its length."""
        self._socket.sendall(self._request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._some()
        head, _, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if length is None or not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(head.decode())
        left = int(length[1]) - len(body)
        while left > 0:
            left -= len(self._some())

    def _some(self) -> bytes:
        data = self._socket.recv(1 << 18)
        if not data:
            raise RuntimeError("the server closed the connection")
        return data


@dataclass(slots=True)
class Latencies:
    """What a paced client saw, in milliseconds."""

    values: list[float]

    @property
    def p50(self) -> float:
        """The median."""
        return quantile(self.values, 0.5)

    @property
    def p99(self) -> float:
        """The 99th percentile."""
        return quantile(self.values, 0.99)


@contextmanager
def paced(url: str, *, every: float) -> Iterator[Latencies]:
    """Scrape every so many seconds, from a process of its own, for as long as the context lasts."""
    seen = Latencies([])
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "latencies"
        with Child(module("load", url, str(every), str(record))):
            yield seen
        seen.values = [float(line) for line in record.read_text().splitlines()]


def main() -> int:
    """Scrape until ended; write each latency in milliseconds, a line each."""
    url, every, record = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
    scraper = BareScraper(url)
    scraper.get()
    due = time.monotonic()
    with record.open("w", buffering=1) as lines:
        while True:
            due = max(due + every, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
            started = time.perf_counter()
            scraper.get()
            lines.write(f"{(time.perf_counter() - started) * 1000:.4f}\n")


if __name__ == "__main__":
    sys.exit(main())
