"""The HTTP surface as one: the server, the gate before the pages, and the file that says how both behave."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp

from mt5_exporter.clock import Clock
from mt5_exporter.web.gate import Gate
from mt5_exporter.web.server import MAX_CONNECTIONS, Server
from mt5_exporter.web.watch import WebConfigFile

REFUSALS = (
    "certificate",
    "connections",
    "descriptors",
    "evicted",
    "handshake",
    "password",
    "password_queue",
    "rate_limit",
    "request",
)
"""Why a connection or a request is turned away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """What the flags say of the HTTP surface.

    Attributes:
        telemetry_path: Where the exposition is.
        max_requests: Scrapes that may be under way at once; 0 for no limit.
        max_connections: Connections that may be there at once; 0 for no limit.
        exporter_metrics: Whether the exporter tells of itself.
        open_health: Whether the pages about health ask for no password.
        file: The web configuration; None for plain HTTP without authentication.
    """

    telemetry_path: str = "/metrics"
    max_requests: int = 40
    max_connections: int = MAX_CONNECTIONS
    exporter_metrics: bool = True
    open_health: bool = False
    file: WebConfigFile | None = None


class Front:
    """Serves an application as flags and web configuration say.

    Args:
        application: Who answers requests.
        settings: What the flags say.
        refuse: Told why a connection or a request was turned away.
        clock: For the rate limit.
    """

    def __init__(
        self, application: ASGIApp, settings: WebSettings, *, refuse: Callable[[str], None], clock: Clock
    ) -> None:
        self._file = file = settings.file
        if file is None:
            self._gate = None
            self._server = Server(application, refuse=refuse, max_connections=settings.max_connections)
            return
        self._gate = Gate(
            application,
            lambda: file.current,
            refuse=refuse,
            now=clock.monotonic,
            open_health=settings.open_health,
        )
        self._server = Server(
            self._gate,
            tls=lambda: file.current.tls,
            headers=lambda: file.current.headers,
            refuse=refuse,
            max_connections=settings.max_connections,
        )

    async def run_on(self, sockets: Sequence[socket.socket]) -> None:
        """Serve until `finish` is called, and keep up with the file."""
        watching = asyncio.ensure_future(self._file.watch()) if self._file else None
        try:
            await self._server.run_on(sockets)
        finally:
            if watching is not None:
                watching.cancel()
                await asyncio.wait({watching})
            if self._gate is not None:
                self._gate.close()

    def finish(self) -> None:
        """Stop accepting, and return from `run_on` when what is under way is done."""
        self._server.finish()
