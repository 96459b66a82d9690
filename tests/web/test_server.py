"""The server on real sockets: what slow, rude and broken clients get, and what the others get meanwhile."""

import asyncio
import math
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime

import pytest
from starlette.applications import Starlette

from mt5_exporter.exposition.negotiate import Format
from mt5_exporter.exposition.publish import Exposition
from mt5_exporter.web import protocol as module
from mt5_exporter.web.server import Address, Server, listen
from tests.exposition.world import run, until
from tests.web.asgi import BODIES, Front

SOON = 0.25
"""Seconds of every deadline here."""

PATIENCE = 8.0
"""Seconds after which a test fails that waits for the server."""

GET = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
METRICS = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
HEALTHY = b"healthy\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]


@pytest.fixture(autouse=True)
def _short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEADER_DEADLINE", "RESPONSE_DEADLINE", "DRAIN"):
        monkeypatch.setattr(module, name, SOON)


class Running:
    """A server in this event loop."""

    def __init__(self, server: Server, port: int) -> None:
        self.server = server
        self.port = port
        self._opened: list[asyncio.StreamWriter] = []

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)

    async def connect(self) -> Streams:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._opened.append(writer)
        return reader, writer

    async def ask(self, request: bytes) -> bytes:
        """Send bytes and return all that comes until the server closes, or pauses for long."""
        reader, writer = await self.connect()
        writer.write(request)
        return await whole(reader)

    async def close(self) -> None:
        for writer in self._opened:
            writer.close()


@asynccontextmanager
async def serving(application: Starlette | None = None) -> AsyncIterator[Running]:
    sockets = listen(Address(host="127.0.0.1", port=0))
    server = Server(application or Front().application())
    task = asyncio.ensure_future(server.run_on(sockets))
    running = Running(server, sockets[0].getsockname()[1])
    await until(lambda: server.started)
    try:
        yield running
    finally:
        await running.close()
        server.finish()
        await asyncio.wait_for(task, PATIENCE)


async def whole(reader: asyncio.StreamReader) -> bytes:
    """Return everything up to the server's end of the connection."""
    received = b""
    try:
        while part := await asyncio.wait_for(reader.read(65536), PATIENCE):
            received += part
    except ConnectionError:
        pass
    return received


async def one_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return the status and body of the next answer on a connection that stays."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
    status = int(head.split(b" ", 2)[1])
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    body = await asyncio.wait_for(reader.readexactly(int(lengths[0].split(b":")[1])), PATIENCE)
    return status, body


async def trickle(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send a byte now and again, until the other side has had enough."""
    for byte in data * 1000:
        if writer.transport.is_closing():
            return
        writer.write(bytes([byte]))
        await asyncio.sleep(SOON / 20)


def with_server(test: Callable[[Running], Awaitable[None]], application: Starlette | None = None) -> None:
    async def main() -> None:
        async with serving(application) as running:
            await test(running)

    run(main)


# -- deadlines ----------------------------------------------------------------------------------------------


def test_a_silent_client_is_sent_away_at_the_deadline() -> None:
    async def test(running: Running) -> None:
        started = time.monotonic()

        received = await running.ask(b"")

        assert received == b""
        assert time.monotonic() - started >= SOON * 0.9

    with_server(test)


def test_a_head_that_trickles_in_is_cut_off_at_the_deadline() -> None:
    async def test(running: Running) -> None:
        reader, writer = await running.connect()
        sending = asyncio.ensure_future(trickle(writer, b"GET /metrics HTTP/1.1\r\nX-Slow: y"))

        received = await whole(reader)

        sending.cancel()
        assert received == b""
        await until(lambda: running.connections == 0)

    with_server(test)


def test_a_second_head_that_trickles_in_on_a_kept_connection_is_cut_off_as_well() -> None:
    async def test(running: Running) -> None:
        reader, writer = await running.connect()
        writer.write(GET)
        first = await one_answer(reader)
        sending = asyncio.ensure_future(trickle(writer, b"GET /metrics HTTP/1.1\r\nX-Slow: y"))

        received = await whole(reader)

        sending.cancel()
        assert first == (200, HEALTHY)
        assert received == b""

    with_server(test)


def test_a_kept_connection_may_be_idle_for_longer_than_a_head_may_take() -> None:
    async def test(running: Running) -> None:
        reader, writer = await running.connect()
        writer.write(GET)
        await one_answer(reader)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 2 * SOON)
        writer.write(GET)

        assert await one_answer(reader) == (200, HEALTHY)

    with_server(test)


def test_an_idle_connection_ends_with_the_keep_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEP_ALIVE", SOON)

    async def test(running: Running) -> None:
        received = await running.ask(GET)

        assert received.endswith(HEALTHY)
        await until(lambda: running.connections == 0)

    with_server(test)


def test_pipelined_requests_are_answered_in_their_order() -> None:
    async def test(running: Running) -> None:
        reader, writer = await running.connect()
        writer.write(GET + METRICS + GET)

        answers = [await one_answer(reader) for _ in range(3)]

        assert answers == [(200, HEALTHY), (200, BODIES[Format.TEXT]), (200, HEALTHY)]

    with_server(test)


def test_a_head_that_begins_behind_a_pipelined_request_has_the_same_deadline() -> None:
    async def test(running: Running) -> None:
        reader, writer = await running.connect()
        writer.write(GET + GET + b"GET /-/hea")
        answers = [await one_answer(reader) for _ in range(2)]

        rest = await whole(reader)

        assert answers == [(200, HEALTHY)] * 2
        assert rest == b""

    with_server(test)


def test_an_answer_that_is_never_made_ends_with_its_deadline() -> None:
    async def never() -> Exposition:
        await asyncio.sleep(PATIENCE)
        raise AssertionError

    async def test(running: Running) -> None:
        assert await running.ask(METRICS) == b""

    with_server(test, Front(current=never).application())


BIG = 20_000_000


def big() -> Starlette:
    async def current() -> Exposition:
        return Exposition(bodies=dict.fromkeys(Format, b"#" * BIG), valid_until=math.inf)

    return Front(current=current).application()


@pytest.mark.parametrize(
    "request_", [METRICS, METRICS * 5, METRICS.replace(b"x\r\n", b"x\r\nConnection: close\r\n")]
)
def test_a_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch, request_: bytes) -> None:
    monkeypatch.setattr(module, "KEEP_ALIVE", SOON)

    async def test(running: Running) -> None:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        with client:
            await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", running.port))
            await asyncio.get_running_loop().sock_sendall(client, request_)
            await until(lambda: running.connections == 1)

            await until(lambda: running.connections == 0)

    with_server(test, big())


def test_slow_clients_keep_nobody_from_scraping() -> None:
    async def test(running: Running) -> None:
        idle = [await running.connect() for _ in range(100)]
        for _, writer in idle[::2]:
            writer.write(b"GET /metr")
        reader, writer = await running.connect()
        writer.write(METRICS)

        answer = await one_answer(reader)

        assert answer == (200, BODIES[Format.TEXT])
        for reader, _ in idle:
            assert await whole(reader) == b""

    with_server(test)


def test_clients_that_leave_in_the_middle_of_an_answer_leave_nothing_behind() -> None:
    async def test(running: Running) -> None:
        for _ in range(20):
            reader, writer = await running.connect()
            writer.write(METRICS)
            await reader.readexactly(100)
            writer.transport.abort()
        await until(lambda: running.connections == 0)

        assert (await running.ask(GET.replace(b"x\r\n", b"x\r\nConnection: close\r\n"))).endswith(HEALTHY)
        assert not running.server.server_state.tasks

    with_server(test, big())


# -- what is no request -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(
            b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n", id="1-MB-header"
        ),
        pytest.param(b"GET /" + b"y" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", id="1-MB-path"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", id="TLS"),
        pytest.param(b"GET /metrics\r\n\r\n", id="HTTP-0.9"),
        pytest.param(b"GET /metrics HTTP/1.1\r\n\r\n", id="no-host"),
        pytest.param(b"GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", id="two-hosts"),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            id="length-and-chunks",
        ),
        pytest.param(b"GET /met\xffrics HTTP/1.1\r\nHost: x\r\n\r\n", id="path-not-ascii"),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
            id="two-lengths",
        ),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", id="negative-length"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n", id="space-in-a-name"),
    ],
)
def test_what_is_no_request_is_refused_and_the_connection_closed(request_: bytes) -> None:
    async def test(running: Running) -> None:
        received = await running.ask(request_)

        # A client that still sends may lose the answer to its own reset.
        assert received.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505")) or received == b""
        await until(lambda: running.connections == 0)

    with_server(test)


def test_two_thousand_headers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEP_ALIVE", SOON)

    async def test(running: Running) -> None:
        received = await running.ask(GET.replace(b"\r\n\r\n", b"\r\nX-A: bcdefg" * 2_000 + b"\r\n\r\n"))

        assert received.split(b" ")[1] == b"431"

    with_server(test)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"HEAD /metrics HTTP/1.1", b"200"),
        (b"GET /metrics HTTP/1.0", b"200"),
        (b"GET /metrics?name=x HTTP/1.1", b"200"),
        (b"POST /metrics HTTP/1.1", b"405"),
        (b"TRACE /metrics HTTP/1.1", b"405"),
        (b"FOO /metrics HTTP/1.1", b"400"),
        (b"GET // HTTP/1.1", b"404"),
        (b"GET /metrics%00 HTTP/1.1", b"404"),
        (b"GET /%ff%fe HTTP/1.1", b"404"),
        (b"GET /../metrics HTTP/1.1", b"404"),
        (b"GET http://x/metrics HTTP/1.1", b"200"),
        (b"OPTIONS * HTTP/1.1", b"404"),
    ],
)
def test_a_request_line_is_answered_by_its_status(request_: bytes, status: bytes) -> None:
    async def test(running: Running) -> None:
        received = await running.ask(request_ + b"\r\nHost: x\r\nConnection: close\r\n\r\n")

        head, _, body = received.partition(b"\r\n\r\n")
        assert head.split(b" ")[1] == status
        assert b"server:" not in head.lower()
        assert bool(body) is not request_.startswith(b"HEAD")

    with_server(test)


def test_a_body_that_is_announced_and_never_sent_holds_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEP_ALIVE", SOON)

    async def test(running: Running) -> None:
        received = await running.ask(
            b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx"
        )

        assert received.endswith(HEALTHY)
        await until(lambda: running.connections == 0)

    with_server(test)


def test_a_body_that_trickles_in_after_its_answer_ends_the_connection() -> None:
    async def test(running: Running) -> None:
        reader, writer = await running.connect()
        writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        sending = asyncio.ensure_future(trickle(writer, b"x"))

        received = await whole(reader)

        sending.cancel()
        assert received.endswith(HEALTHY)
        await until(lambda: running.connections == 0)

    with_server(test)


def test_t6_more_pipelined_requests_than_anybody_sends_end_the_connection() -> None:
    async def test(running: Running) -> None:
        received = await running.ask(GET * 1000)

        assert received.count(b"HTTP/1.1") <= 1
        await until(lambda: running.connections == 0)
        assert not running.server.server_state.tasks

    with_server(test)


def test_t6_nothing_is_said_in_the_middle_of_an_answer() -> None:
    async def test(running: Running) -> None:
        reader, writer = await running.connect()
        writer.write(METRICS)
        received = await reader.readexactly(1000)
        writer.write(b"rubbish\r\n\r\n")

        received += await whole(reader)

        _, _, body = received.partition(b"\r\n\r\n")
        # On a busy machine the deadline may cut it off.
        assert set(body[:BIG]) <= set(b"#")
        assert body[BIG:].startswith(b"HTTP/1.1 400") or body[BIG:] == b""

    with_server(test, big())


def test_t6_rubbish_before_an_answer_is_made_takes_its_place_for_nobody() -> None:
    async def never() -> Exposition:
        await asyncio.sleep(PATIENCE)
        raise AssertionError

    async def test(running: Running) -> None:
        assert await running.ask(METRICS + b"rubbish\r\n\r\n") == b""

    with_server(test, Front(current=never).application())


@pytest.mark.parametrize("upgrade", [b"h2c", b"websocket"])
def test_a_request_to_speak_otherwise_is_answered_and_ends_the_connection(upgrade: bytes) -> None:
    async def test(running: Running) -> None:
        received = await running.ask(
            GET.replace(b"x\r\n", b"x\r\nConnection: Upgrade\r\nUpgrade: " + upgrade + b"\r\n")
        )

        assert received.startswith(b"HTTP/1.1 200")
        assert received.endswith(HEALTHY)

    with_server(test)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /metrics HTTP/2.0\r\nHost: x\r\n\r\n", b"505"),
        (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400"),
    ],
)
def test_other_protocols_are_refused(request_: bytes, status: bytes) -> None:
    async def test(running: Running) -> None:
        received = await running.ask(request_)

        assert received.split(b" ")[1] == status

    with_server(test)


def test_an_answer_carries_its_date() -> None:
    async def test(running: Running) -> None:
        received = await running.ask(GET.replace(b"x\r\n", b"x\r\nConnection: close\r\n"))

        dates = [line for line in received.split(b"\r\n") if line.startswith(b"date: ")]
        assert len(dates) == 1
        assert abs(parsedate_to_datetime(dates[0][6:].decode()).timestamp() - time.time()) < 60

    with_server(test)


def test_a_stopping_server_lets_a_scrape_finish_and_sends_idle_clients_away() -> None:
    async def main() -> None:
        arrived, go_on = asyncio.Event(), asyncio.Event()

        async def slowly() -> Exposition:
            arrived.set()
            await go_on.wait()
            return Exposition(bodies=dict(BODIES), valid_until=math.inf)

        async with serving(Front(current=slowly).application()) as running:
            idle, _ = await running.connect()
            reader, writer = await running.connect()
            writer.write(METRICS)
            await arrived.wait()
            running.server.finish()
            assert await whole(idle) == b""
            go_on.set()

            assert await one_answer(reader) == (200, BODIES[Format.TEXT])

    run(main)
