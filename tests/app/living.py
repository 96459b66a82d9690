"""An exporter in this process and event loop, with real workers beside it, and what a test asks of it."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from mt5_exporter.app import App
from mt5_exporter.config import Config, SimulationConfig, TerminalConfig
from mt5_exporter.reload import Load
from mt5_exporter.web.front import WebSettings
from mt5_exporter.web.server import Address, listen
from tests.process.running import Scrape

PATIENCE = 20.0
STEP = 0.05


def desk(name: str = "desk-1", *, interval: float = 1.0) -> TerminalConfig:
    """Return a simulated terminal that is polled often."""
    return TerminalConfig(
        name=name,
        driver="simulated",
        interval=interval,
        timeout=0.8,
        poll_timeout=interval,
        symbols=("BTCUSD",),
        market="crypto",
        simulation=SimulationConfig(seed=5),
    )


class LivingApp:
    """The exporter and its address."""

    def __init__(self, app: App, port: int) -> None:
        self.app = app
        self.port = port

    async def get(self, path: str = "/metrics", accept: str = "", *, method: str = "GET") -> tuple[int, str]:
        """Return a page's status and text."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            request = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
            writer.write(request.encode())
            head, _, body = (await asyncio.wait_for(reader.read(), PATIENCE)).partition(b"\r\n\r\n")
            return int(head.split(b" ")[1]), body.decode()
        finally:
            writer.close()

    async def scrape(self) -> Scrape:
        """Return the metrics of the moment."""
        status, text = await self.get()
        assert status == 200, text
        return Scrape(text)

    async def wait_for(self, condition: Callable[[Scrape], bool]) -> Scrape:
        """Scrape until `condition` holds."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self.scrape()
                if condition(found):
                    return found
                await asyncio.sleep(STEP)

    async def wait_for_page(self, path: str, status: int) -> str:
        """Ask for a page until it answers with `status`; return its text."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found, text = await self.get(path)
                if found == status:
                    return text
                await asyncio.sleep(STEP)

    def worker(self, terminal: str) -> int:
        """Return a worker's process id."""
        worker = self.app.manager.sessions()[terminal].worker
        assert worker is not None
        return worker.pid


@asynccontextmanager
async def living(
    config: Config,
    *,
    web: WebSettings | None = None,
    load: Load | None = None,
    reload_interval: float = 0.0,
) -> AsyncIterator[LivingApp]:
    """Run an exporter while the test does its work; none of its workers may be left afterwards."""
    sockets = listen(Address(host="127.0.0.1", port=0))
    app = App(config, web=web, load=load, reload_interval=reload_interval)
    stop = asyncio.Event()
    running = asyncio.ensure_future(app.run(sockets, stop))
    try:
        yield LivingApp(app, sockets[0].getsockname()[1])
    finally:
        workers = [session.worker.pid for session in app.manager.sessions().values() if session.worker]
        stop.set()
        await asyncio.wait_for(running, PATIENCE)
    assert not [pid for pid in workers if exists(pid)]


def exists(pid: int) -> bool:
    """Return whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
