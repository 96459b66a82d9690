"""A front on a real socket, with a web configuration, and clients that speak TLS to it."""

import asyncio
import base64
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from starlette.types import ASGIApp

from mt5_exporter.clock import SystemClock
from mt5_exporter.web.front import Front, WebSettings
from mt5_exporter.web.server import Address, listen
from mt5_exporter.web.watch import WebConfigFile
from tests.web import asgi

PATIENCE = 10.0


@dataclass(kw_only=True)
class Answered:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(kw_only=True)
class Served:
    """A front that runs in this event loop."""

    port: int
    file: WebConfigFile | None
    refused: Counter[str] = field(default_factory=Counter)

    async def get(
        self, path: str = "/metrics", *, tls: ssl.SSLContext | None = None, user: str = "", password: str = ""
    ) -> Answered:
        """Ask for a page on a new connection."""
        extra = basic(user, password) if user else ""
        return await self.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n{extra}", tls=tls)

    async def send(self, head: str, *, tls: ssl.SSLContext | None = None) -> Answered:
        """Send a head, whose end is added, on a new connection."""
        request = f"{head}Connection: close\r\n\r\n"
        name = "127.0.0.1" if tls else None
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self.port, ssl=tls, server_hostname=name
            )
            try:
                writer.write(request.encode())
                received = await reader.read(-1)
            finally:
                writer.transport.abort()
        return parsed(received)


def basic(user: str, password: str) -> str:
    """Return the header of a name and its password."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return f"Authorization: Basic {pair}\r\n"


def parsed(received: bytes) -> Answered:
    """Return an answer as a value; no answer is an error of the connection."""
    if not received:
        raise ConnectionError
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Answered(status=int(first.split(" ")[1]), headers=headers, body=body)


@asynccontextmanager
async def served(
    config: Path | None = None, *, open_health: bool = False, application: ASGIApp | None = None
) -> AsyncIterator[Served]:
    """Run a front while the test does its work."""
    file = WebConfigFile(config) if config else None
    [listener] = listen(Address(host="127.0.0.1", port=0))
    found = Served(port=listener.getsockname()[1], file=file)

    def refuse(reason: str) -> None:
        found.refused[reason] += 1

    front = Front(
        application or asgi.Front().application(),
        WebSettings(file=file, open_health=open_health),
        refuse=refuse,
        clock=SystemClock(),
    )
    running = asyncio.ensure_future(front.run_on([listener]))
    try:
        yield found
    finally:
        front.finish()
        await asyncio.wait_for(running, PATIENCE)
