"""The HTTP server: uvicorn on sockets that we bound, with a deadline on every request head."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEADER_DEADLINE = 10.0
"""Seconds from the first byte, or from connecting, to a whole request head; uvicorn itself waits for ever."""

KEEP_ALIVE = 75
DRAIN = 5
"""Seconds that scrapes under way get to finish when we stop."""

BACKLOG = 128


class ListenError(Exception):
    """An address that cannot be listened on; its text is the one line that the user gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Host and port to listen on."""

    host: str
    port: int

    @classmethod
    def parse(cls, spelled: str) -> "Address":
        """Return `host:port`, `[v6]:port` or `:port`, which means every address.

        Raises:
            ListenError: It is none of these.
        """
        host, colon, port = spelled.rpartition(":")
        if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ListenError(f"--web.listen-address: expected host:port, was {spelled!r}")
        return cls(host=host.removeprefix("[").removesuffix("]"), port=int(port))

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host in {"localhost", "::1"} or self.host.startswith("127.")

    def at_port(self, port: int) -> "Address":
        """Return it with the port that the system chose where 0 was asked for."""
        return Address(host=self.host, port=port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def listen(address: Address) -> list[socket.socket]:
    """Return the bound sockets of an address.

    Raises:
        ListenError: It is in use, or none of this machine's.
    """
    try:
        found = socket.getaddrinfo(
            address.host or None,
            address.port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )
    except OSError as failure:
        raise ListenError(f"cannot listen on {address}: {failure.strerror}") from failure
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, where in found:
            with contextlib.ExitStack() as undo:
                listener = undo.enter_context(socket.socket(family, kind, protocol))
                if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
                    # On Windows the other option would let a second exporter take the same port.
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
                else:
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind(where)
                listener.listen(BACKLOG)
                listener.setblocking(False)
                undo.pop_all()
                sockets.append(listener)
    except OSError as failure:
        for listener in sockets:
            listener.close()
        raise ListenError(f"cannot listen on {address}: {failure.strerror}") from failure
    return sockets


class DeadlineProtocol(H11Protocol):
    """uvicorn's protocol, with an end for clients that send a request head slowly or never."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Expect a request."""
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Take bytes; the head is whole when uvicorn has made a cycle of it."""
        super().data_received(data)
        cycle: object = self.cycle
        if isinstance(cycle, RequestResponseCycle) and not cycle.response_complete:
            self._relax()
        elif self._deadline is None and not self.transport.is_closing():
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._relax()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Go on to a pipelined request; between requests uvicorn's keep-alive timer is in charge."""
        self._relax()
        super().on_response_complete()

    def _expect(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_DEADLINE, self.transport.close)

    def _relax(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Server(uvicorn.Server):
    """uvicorn on our event loop, which leaves signals to the exporter."""

    def __init__(self, application: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http=DeadlineProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=DRAIN,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def run_on(self, sockets: Sequence[socket.socket]) -> None:
        """Serve until `finish` is called."""
        await self.serve(sockets=list(sockets))

    def finish(self) -> None:
        """Stop accepting, and return from `run_on` when what is under way is done."""
        self.should_exit = True
