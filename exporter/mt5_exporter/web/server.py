"""The HTTP server: uvicorn on sockets that we bound."""

import contextlib
import ipaddress
import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from mt5_exporter.web import protocol

BACKLOG = 128

SPELLED = re.compile(r"(?:\[(?P<v6>[0-9A-Za-z:.%]+)\]|(?P<host>[^\s:/\[\]]*)):(?P<port>[0-9]{1,5})")


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
        found = SPELLED.fullmatch(spelled)
        if found is None or int(found["port"]) > 65535:
            raise ListenError(f"--web.listen-address: expected host:port, was {spelled!r}")
        return cls(host=found["v6"] or found["host"] or "", port=int(found["port"]))

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it; a name may mean anything, say 127.example.com."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

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
    except UnicodeError as failure:
        raise ListenError(f"cannot listen on {address}: no host is called so") from failure
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


class Server(uvicorn.Server):
    """uvicorn on our event loop, which leaves signals to the exporter."""

    def __init__(self, application: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http=protocol.BoundedProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=protocol.KEEP_ALIVE,
                timeout_graceful_shutdown=protocol.DRAIN,
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
