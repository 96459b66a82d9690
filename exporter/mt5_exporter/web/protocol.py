"""HTTP on one connection: uvicorn's protocol, with a bound on every head and a deadline on everything."""

import asyncio
import ssl
import time
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import NoReturn

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from mt5_exporter.web.crowd import Crowd
from mt5_exporter.web.tls import names
from mt5_exporter.web.web_config import Tls

HEADER_DEADLINE = 10.0
"""Seconds from the first byte, or from connecting, to a whole request head; uvicorn itself waits for ever."""

HEADER_LIMIT = 65_536
"""Bytes of a request head; the parser itself takes any."""

HEADER_COUNT = 100

PIPELINED = 16
"""Requests that may wait for the answers to those before them."""

RESPONSE_DEADLINE = 60.0
"""Seconds for one answer to be made and handed over, a client included that has stopped to read."""

KEEP_ALIVE = 75
DRAIN = 5
"""Seconds that scrapes under way get to finish when we stop."""

Headers = tuple[tuple[bytes, bytes], ...]


class State(ServerState):
    """What the connections share, with the headers of the moment.

    Args:
        headers: Returns what every answer carries.
    """

    def __init__(self, headers: Callable[[], Headers]) -> None:
        super().__init__()
        self._headers = headers
        self._second = 0
        self.empty = asyncio.Event()
        self.empty.set()

    def refresh(self) -> None:
        """Bring the headers up to this second."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self.default_headers = [(b"date", formatdate(second, usegmt=True).encode()), *self._headers()]


class Refused(Exception):
    """A request head that we do not take; its text is the status, and the connection ends."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with an end for clients that send slowly, too much or never, or never read.

    Args:
        config: uvicorn's.
        state: What is shared with the other connections.
        crowd: Told whether this one waits for a request or for its answer.
        tls: How this one speaks TLS.
        refuse: Told why a request was turned away.
    """

    def __init__(
        self, config: Config, state: State, *, crowd: Crowd, tls: Tls | None, refuse: Callable[[str], None]
    ) -> None:
        super().__init__(config, state, {})
        self._shared = state
        self._crowd = crowd
        self._tls = tls
        self._refused = refuse
        self._status = 400
        self._deadline: asyncio.TimerHandle | None = None
        self._expected: object = None
        self._in_head = False
        self._in_body = False
        self._head = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Expect a request, from whoever may connect."""
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        self._shared.empty.clear()
        self._crowd.idle(self)
        self._expect("head", HEADER_DEADLINE)
        if self._tls and not _allowed(transport, self._tls):
            self._refused("certificate")
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that is not whole yet counts against its limit."""
        if self.transport.is_closing():
            # The answer says why; what a client sends after it is nobody's request.
            return
        super().data_received(data)
        if self._in_head:
            # A header that never ends is kept by the parser, where `on_header` cannot see it.
            self._head += len(data)
            if self._head > HEADER_LIMIT and not self.transport.is_closing():
                self._turn_away(431)
        self._look(more=True)

    def on_message_begin(self) -> None:
        """Begin to count a head."""
        super().on_message_begin()
        self._in_head, self._head = True, 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._count(name, value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Let the request be answered; HTTP/1.1 wants one host."""
        self._in_head, self._in_body = False, True
        hosts, version = [name for name, _ in self.headers].count(b"host"), self.parser.get_http_version()
        if version not in {"1.0", "1.1"}:
            self._refuse(505)
        if hosts != 1 and not (hosts == 0 and version == "1.0"):
            self._refuse(400)
        if len(self.pipeline) >= PIPELINED:
            self._refuse(429)
        self._shared.refresh()
        super().on_headers_complete()
        if self.parser.should_upgrade():
            # It is answered as what it also is; what follows is in a language that we do not speak.
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Note that what follows is another request."""
        super().on_message_complete()
        self._in_body = False

    def on_response_complete(self) -> None:
        """Go on to a pipelined request; between requests uvicorn's keep-alive timer is in charge."""
        super().on_response_complete()
        if self._in_body and self.cycle.response_complete:
            # Nobody wants the rest of this body, which may trickle in for ever.
            self.transport.close()
        self._look(more=self._in_head)

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, and also one whose client has never read its answer."""
        super().timeout_keep_alive_handler()
        self._expect("end", DRAIN)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._relax()
        super().connection_lost(exc)
        self._crowd.gone(self)
        if not self.connections:
            self._shared.empty.set()

    def send_away(self) -> None:
        """End at once, to make room."""
        self._refused("evicted")
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Say that this is no request that we take; `msg` is uvicorn's."""
        del msg
        self._turn_away(self._status)

    def _turn_away(self, status: int) -> None:
        """Answer with a status and close."""
        self._refused("request")
        cycle: object = self.cycle
        # Nothing may stand in the middle of an answer that is under way.
        if not isinstance(cycle, RequestResponseCycle) or cycle.response_complete:
            phrase = HTTPStatus(status).phrase
            head = f"HTTP/1.1 {status} {phrase}\r\ncontent-type: text/plain\r\nconnection: close"
            self.transport.write(f"{head}\r\ncontent-length: {len(phrase) + 1}\r\n\r\n{phrase}\n".encode())
        self.transport.close()

    def _refuse(self, status: int) -> NoReturn:
        """Stop the parser, which hands any error on as a bad request."""
        self._status = status
        raise Refused(status)

    def _count(self, *parts: bytes) -> None:
        self._head += sum(map(len, parts))
        if self._head > HEADER_LIMIT or len(self.headers) >= HEADER_COUNT:
            self._refuse(431)

    def _look(self, *, more: bool) -> None:
        """Set the deadline of what comes next; `more` says that a part of a head is there."""
        cycle: object = self.cycle
        if isinstance(cycle, RequestResponseCycle) and not cycle.response_complete:
            self._crowd.busy(self)
            self._expect(cycle, RESPONSE_DEADLINE)
            return
        self._crowd.idle(self)
        if self.transport.is_closing():
            self._expect("end", RESPONSE_DEADLINE)
        elif more:
            self._expect("head", HEADER_DEADLINE)
        else:
            self._relax()

    def _expect(self, what: object, seconds: float) -> None:
        """Allow `seconds` for something; being told so again gives no more time."""
        if what != self._expected:
            self._relax()
            self._expected = what
            self._deadline = self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        """Close; what the client does not read by then is thrown away."""
        if self._expected == "end":
            self.transport.abort()
        else:
            self.transport.close()
            self._expect("end", DRAIN)

    def _relax(self) -> None:
        self._expected = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _allowed(transport: asyncio.Transport, tls: Tls) -> bool:
    """Return whether the client's certificate bears one of the names that may connect."""
    if not tls.client_allowed_sans:
        return True
    channel: object = transport.get_extra_info("ssl_object")
    assert isinstance(channel, ssl.SSLObject)
    return not tls.client_allowed_sans.isdisjoint(names(channel.getpeercert()))
