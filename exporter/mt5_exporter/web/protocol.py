"""HTTP on one connection: uvicorn's protocol, with a bound on every head and a deadline on everything."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEADER_DEADLINE = 10.0
"""Seconds from the first byte, or from connecting, to a whole request head; uvicorn itself waits for ever."""

HEADER_LIMIT = 65_536
"""Bytes of a request head; the parser itself takes any."""

HEADER_COUNT = 100

RESPONSE_DEADLINE = 60.0
"""Seconds for one answer to be made and handed over, a client included that has stopped to read."""

KEEP_ALIVE = 75
DRAIN = 5
"""Seconds that scrapes under way get to finish when we stop."""


class Refused(Exception):
    """A request head that we do not take; the parser turns it into a 400 and the end of the connection."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with an end for clients that send slowly, too much or never, or never read."""

    _deadline: asyncio.TimerHandle | None = None
    _expected: object = None
    _in_head = False
    _head = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Expect a request."""
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        self._expect("head", HEADER_DEADLINE)

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
                self.send_400_response("Request head too large.")
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
        self._in_head = False
        hosts, version = [name for name, _ in self.headers].count(b"host"), self.parser.get_http_version()
        if not (hosts == 1 or (hosts == 0 and version == "1.0")):
            raise Refused
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Go on to a pipelined request; between requests uvicorn's keep-alive timer is in charge."""
        super().on_response_complete()
        self._look(more=self._in_head)

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, and also one whose client has never read its answer."""
        super().timeout_keep_alive_handler()
        self._expect("end", DRAIN)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._relax()
        super().connection_lost(exc)

    def _count(self, *parts: bytes) -> None:
        self._head += sum(map(len, parts))
        if self._head > HEADER_LIMIT or len(self.headers) >= HEADER_COUNT:
            raise Refused

    def _look(self, *, more: bool) -> None:
        """Set the deadline of what comes next; `more` says that a part of a head is there."""
        cycle: object = self.cycle
        if isinstance(cycle, RequestResponseCycle) and not cycle.response_complete:
            self._expect(cycle, RESPONSE_DEADLINE)
        elif self.transport.is_closing():
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
