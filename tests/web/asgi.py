"""Asks an ASGI application directly, with header bytes that no HTTP client would send."""

import functools
import gzip
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.types import Message

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Sample
from mt5_exporter.exposition.negotiate import Format
from mt5_exporter.exposition.publish import Exposition
from mt5_exporter.exposition.render import block
from mt5_exporter.overview import Overview, TerminalView
from mt5_exporter.reload import Outcome
from mt5_exporter.web.routes import Routes, Surface

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
BODIES = {
    Format.TEXT: (GOLDEN / "fresh.txt").read_bytes(),
    Format.OPENMETRICS: (GOLDEN / "fresh.om").read_bytes(),
}

READ = Outcome(successful=True, message="no difference", at=1_764_849_540.0)

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One response; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as a person reads it."""
        return self.body.decode()

    def exposition(self) -> bytes:
        """Return the body without its encoding."""
        return unzip(self.body) if "content-encoding" in self.headers else self.body


unzip = functools.lru_cache(maxsize=8)(gzip.decompress)


async def ask(
    application: Starlette,
    path: str = "/metrics",
    *,
    method: str = "GET",
    headers: Headers = (),
    query: bytes = b"",
) -> Answer:
    """Return the answer to one request."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": list(headers),
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 10_685),
    }
    await application(scope, receive, send)
    start, *parts = sent
    return Answer(
        status=start["status"],
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]},
        body=b"".join(part["body"] for part in parts),
    )


@dataclass(kw_only=True)
class Front:
    """What the routes are given, as a test sets it; by default all is well."""

    telemetry_path: str = "/metrics"
    max_requests: int = 0
    unhealthy: str = ""
    unready: str = ""
    terminals: tuple[TerminalView, ...] = ()
    names: tuple[str, ...] = ()
    outcome: Outcome = READ
    now: float = 1_764_849_600.0
    spelled: str = "terminals: []\n"
    current: Callable[[], Awaitable[Exposition]] | None = None

    def application(self) -> Starlette:
        """Return the application that is served."""
        blocks = {name: block([Sample(catalogue.UP, (name,), 1)]) for name in self.names}
        exposition = Exposition(bodies=dict(BODIES), valid_until=math.inf, blocks=blocks)

        async def always() -> Exposition:
            return exposition

        async def reload() -> Outcome:
            return self.outcome

        return Routes(
            Surface(
                telemetry_path=self.telemetry_path,
                max_requests=self.max_requests,
                current=self.current or always,
                healthy=lambda: self.unhealthy,
                ready=lambda: self.unready,
                names=lambda: self.names,
                overview=self.overview,
                spelled=lambda: self.spelled,
                reload=reload,
            )
        ).application()

    def overview(self) -> Overview:
        """Return what the front page says."""
        return Overview(
            now=self.now,
            hash="0123456789abcdef",
            reload_successful=self.outcome.successful,
            reload_message=self.outcome.message,
            reload_at=self.outcome.at,
            terminals=self.terminals,
        )
