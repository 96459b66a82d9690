"""Crowds: idle, slow, broken and very many clients, while somebody scrapes (T1, T7, T8, T10)."""

import asyncio
import math
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import psutil
import pytest
from starlette.applications import Starlette

from mt5_exporter.exposition.negotiate import Format
from mt5_exporter.exposition.publish import Exposition
from mt5_exporter.web import protocol
from mt5_exporter.web.server import Address, Server, listen
from tests.exposition.world import run, until
from tests.web.asgi import BODIES, Front

PATIENCE = 20.0
METRICS = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Running:
    """A server in this event loop, and what it refused."""

    def __init__(self, server: Server, port: int, refused: Counter[str]) -> None:
        self.server = server
        self.port = port
        self.refused = refused

    async def scrape(self) -> bytes:
        """Return one answer on a connection of its own."""
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(METRICS)
                return await reader.read(-1)
            finally:
                writer.close()


@asynccontextmanager
async def serving(*, most: int, application: Starlette | None = None) -> AsyncIterator[Running]:
    refused: Counter[str] = Counter()

    def refuse(reason: str) -> None:
        refused[reason] += 1

    sockets = listen(Address(host="127.0.0.1", port=0))
    server = Server(application or Front().application(), refuse=refuse, max_connections=most)
    task = asyncio.ensure_future(server.run_on(sockets))
    try:
        yield Running(server, sockets[0].getsockname()[1], refused)
    finally:
        server.finish()
        await asyncio.wait_for(task, PATIENCE)


def descriptors() -> int:
    """Return how many this process has."""
    return int(psutil.Process().num_fds() if sys.platform != "win32" else 0)


async def trickle(writer: asyncio.StreamWriter) -> None:
    """Send a head by the byte, until the other side has had enough."""
    for byte in b"GET /metrics HTTP/1.1\r\nX-Slow: " + b"y" * 10_000:
        if writer.transport.is_closing():
            return
        writer.write(bytes([byte]))
        await asyncio.sleep(0.1)


async def ended(reader: asyncio.StreamReader) -> None:
    """Wait until the server has closed a connection."""
    try:
        while await asyncio.wait_for(reader.read(65536), PATIENCE):
            pass
    except ConnectionError:
        pass


def test_t1_idle_and_trickling_clients_keep_nobody_from_scraping_and_end_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocol, "HEADER_DEADLINE", 1.5)

    async def main() -> None:
        async with serving(most=128) as running:
            clients = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(200)]
            slow = [asyncio.ensure_future(trickle(writer)) for _, writer in clients[::2]]

            for _ in range(20):
                assert (await running.scrape()).endswith(BODIES[Format.TEXT])

            await asyncio.gather(*(ended(reader) for reader, _ in clients))
            for task in slow:
                task.cancel()
            await asyncio.wait(slow)
            for _, writer in clients:
                writer.close()
            assert running.refused["evicted"] >= 200 - 128
            await until(lambda: len(running.server.crowd) == 0)

    run(main)


def test_a_connection_more_than_all_that_are_answered_is_refused() -> None:
    async def main() -> None:
        go_on = asyncio.Event()

        async def slowly() -> Exposition:
            await go_on.wait()
            return Exposition(bodies=dict(BODIES), valid_until=math.inf)

        async with serving(most=3, application=Front(current=slowly).application()) as running:
            under_way = [asyncio.ensure_future(running.scrape()) for _ in range(3)]
            await until(lambda: len(running.server.server_state.tasks) == 3)

            assert await running.scrape() == b""

            assert running.refused == {"connections": 1}
            go_on.set()
            assert all(answer.startswith(b"HTTP/1.1 200") for answer in await asyncio.gather(*under_way))

    run(main)


def test_t7_thousands_of_scrapes_are_200_or_503_and_leave_nothing_behind() -> None:
    async def scrape(running: Running, statuses: Counter[bytes], times: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        for _ in range(times):
            writer.write(METRICS.replace(b"Connection: close\r\n", b""))
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
            statuses[head.split(b" ")[1]] += 1
            [length] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(int(length.split(b":")[1]))
        writer.close()

    async def main() -> None:
        statuses: Counter[bytes] = Counter()
        application = Front(max_requests=40).application()
        async with serving(most=512, application=application) as running:
            before = descriptors()

            await asyncio.gather(*(scrape(running, statuses, 20) for _ in range(100)))

            await until(lambda: len(running.server.crowd) == 0)
            assert statuses.total() == 2000
            assert set(statuses) <= {b"200", b"503"}
            assert not running.refused
            assert not running.server.server_state.tasks
            await until(lambda: descriptors() <= before)

    run(main)


def test_t8_clients_that_leave_in_the_middle_leave_nothing_behind() -> None:
    async def main() -> None:
        body = dict.fromkeys(Format, b"#" * 500_000)

        async def current() -> Exposition:
            return Exposition(bodies=body, valid_until=math.inf)

        async with serving(most=64, application=Front(current=current).application()) as running:
            for _ in range(300):
                reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
                writer.write(METRICS)
                await asyncio.wait_for(reader.readexactly(100), PATIENCE)
                writer.transport.abort()

            await until(lambda: len(running.server.crowd) == 0)
            await until(lambda: not running.server.server_state.tasks)

    run(main)


# -- T10: no descriptor left --------------------------------------------------------------------------------


@contextmanager
def starved() -> Iterator[tuple[psutil.Process, int]]:
    """Run a front that has 64 descriptors; give its process and its port."""
    command = [sys.executable, "-m", "tests.web.starved"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        try:
            yield psutil.Process(child.pid), int(child.stdout.readline())
        finally:
            child.terminate()
            errors = child.communicate(timeout=PATIENCE)[1]
        assert child.returncode == 0, errors
        # One warning, however often it happened.
        assert len(errors.splitlines()) <= 1


def scraped(port: int) -> bytes:
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(METRICS)
        while part := client.recv(65536):
            received += part
    return received


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_t10_out_of_descriptors_it_makes_room_rests_and_recovers() -> None:
    with starved() as (process, port), ExitStack() as clients:
        for _ in range(100):
            clients.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
        before, started = sum(process.cpu_times()[:2]), time.monotonic()

        answers = [scraped(port) for _ in range(3)]

        used = sum(process.cpu_times()[:2]) - before
        assert all(answer.endswith(BODIES[Format.TEXT]) for answer in answers)
        # A busy loop takes all the time that there is.
        assert used < 0.5 * (time.monotonic() - started) + 0.5
        clients.close()
        assert scraped(port).endswith(BODIES[Format.TEXT])
