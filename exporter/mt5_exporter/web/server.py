"""The HTTP server: where it listens, and whom it lets connect."""

import asyncio
import contextlib
import errno
import ipaddress
import logging
import math
import os
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from mt5_exporter.web import protocol
from mt5_exporter.web.crowd import Crowd
from mt5_exporter.web.protocol import Headers
from mt5_exporter.web.web_config import Tls

log = logging.getLogger(__name__)

BACKLOG = 128

MAX_CONNECTIONS = 512
"""As in Prometheus itself."""

EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
QUIET = 60.0
"""Seconds for which that is told once."""

ACCEPT_PAUSE = 0.05
"""Seconds until we try again what the system has just refused."""

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


class Opening:
    """A connection whose TLS is not spoken yet."""

    def __init__(self, task: "asyncio.Task[None]") -> None:
        self._task = task

    def send_away(self) -> None:
        """Give it up."""
        self._task.cancel()


class Server:
    """Accepts connections on our event loop and lets uvicorn's protocol answer on them.

    It accepts by itself, so that each connection gets the TLS of its moment, and has a place before its
    handshake.

    Args:
        application: Who answers requests.
        tls: Returns how TLS is spoken on the next connection, None for plain HTTP.
        headers: Returns what every answer carries.
        refuse: Told why a connection or a request was turned away.
        max_connections: How many there may be; 0 for no limit.
    """

    def __init__(
        self,
        application: ASGIApp,
        *,
        tls: Callable[[], Tls | None] = lambda: None,
        headers: Callable[[], Headers] = lambda: (),
        refuse: Callable[[str], None] = lambda _: None,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self._config = uvicorn.Config(
            application,
            http=protocol.BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=protocol.KEEP_ALIVE,
        )
        self._config.load()
        # Whoever sends rubbish would fill the log with a warning each time.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        self._tls = tls
        self._refuse = refuse
        self._stop = asyncio.Event()
        self._told = -math.inf
        self._opening: set[asyncio.Task[None]] = set()
        self.crowd = Crowd(max_connections)
        self.server_state = protocol.State(headers)
        self.started = False

    async def run_on(self, sockets: Sequence[socket.socket]) -> None:
        """Serve until `finish` is called; then let what is under way finish, but not for long."""
        accepting = [asyncio.ensure_future(self._accept(listener)) for listener in sockets]
        self.started = True
        await self._stop.wait()
        ended = {*accepting, *self._opening}
        for task in ended:
            task.cancel()
        if ended:
            await asyncio.wait(ended)
        for listener in sockets:
            listener.close()
        for connection in [*self.server_state.connections]:
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(protocol.DRAIN):
                await self.server_state.empty.wait()
        for connection in [*self.server_state.connections]:
            connection.transport.abort()
        for cut_off in [*self.server_state.tasks]:
            cut_off.cancel()
        if self.server_state.tasks:
            await asyncio.wait([*self.server_state.tasks])

    def finish(self) -> None:
        """Stop accepting, and return from `run_on` when what is under way is done."""
        self._stop.set()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(listener)
            except OSError as failure:
                await self._cannot_accept(failure)
                continue
            if not self.crowd.make_room():
                self._refuse("connections")
                client.close()
                continue
            opening = asyncio.ensure_future(self._open(client))
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)

    async def _cannot_accept(self, failure: OSError) -> None:
        """Pause, so as not to be told so again and again; out of descriptors, let one go before."""
        if failure.errno in EXHAUSTED:
            self._refuse("descriptors")
            now = asyncio.get_running_loop().time()
            if now - self._told >= QUIET:
                self._told = now
                log.warning("cannot accept connections", extra={"reason": os.strerror(failure.errno)})
            self.crowd.evict()
        await asyncio.sleep(ACCEPT_PAUSE)

    async def _open(self, client: socket.socket) -> None:
        """Shake hands, and leave the connection to its protocol."""
        task = asyncio.current_task()
        assert task is not None
        tls, guest = self._tls(), Opening(task)
        self.crowd.idle(guest)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol.BoundedProtocol(
                    self._config, self.server_state, crowd=self.crowd, tls=tls, refuse=self._refuse
                ),
                client,
                ssl=tls.context if tls else None,
                ssl_handshake_timeout=protocol.HEADER_DEADLINE if tls else None,
                ssl_shutdown_timeout=protocol.DRAIN if tls else None,
            )
        except OSError:
            # No TLS, the wrong one, a certificate that does not do, a client that left or never spoke.
            self._refuse("handshake")
        finally:
            self.crowd.gone(guest)
