"""What a frame costs: a read through session, pipe and worker, over the bare call and over a bare echo.

`raw call` is the simulated driver in this process; `echo` is a process that sends every frame back unread,
over the same asyncio transport; `ask` is `Session.ask`, and `get_price` the same through the manager and a
lease. What is left of `ask` when the other two are taken off is JSON on both sides, the breaker, the
deadline, the task, and the look at the scenario file, which only simulated terminals have.
"""

import asyncio
import io
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.fleet import SYMBOLS
from benchmarks.harness import Options, main, median, progress, quantile, ratio, say, show, table
from mt5_exporter import model
from mt5_exporter.app import watch_children_without_threads
from mt5_exporter.config import Config, SimulationConfig, TerminalConfig
from mt5_exporter.far.call import project
from mt5_exporter.far.drivers.base import Settings
from mt5_exporter.far.drivers.simulated import open_driver
from mt5_exporter.link import Call
from mt5_exporter.manager import MT5SessionManager
from mt5_exporter.session import Session
from mt5_exporter.settings import WorkerSettings

ECHO = """
import sys
take, give = sys.stdin.buffer, sys.stdout.buffer
while header := take.read(4):
    give.write(header + take.read(int.from_bytes(header, "big")))
    give.flush()
"""

PAYLOAD = bytes(220)
"""About as long as a request for an account, and its reply."""

TERMINAL = TerminalConfig(
    name="desk",
    driver="simulated",
    symbols=SYMBOLS,
    market="crypto",
    simulation=SimulationConfig(seed=7),
)

Act = Callable[[], Awaitable[object]]


@dataclass(slots=True)
class Timing:
    """Microseconds: the two quantiles of each round."""

    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


class Echo(asyncio.SubprocessProtocol):
    """The near end of the echo, as bare as asyncio allows."""

    def __init__(self) -> None:
        self.transport: asyncio.SubprocessTransport | None = None
        self.reply: asyncio.Future[None] | None = None
        self.received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.SubprocessTransport)
        self.transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Count to a whole frame."""
        del fd
        self.received += len(data)
        if self.received == 4 + len(PAYLOAD) and self.reply is not None:
            self.reply.set_result(None)

    async def ask(self) -> None:
        """Send a frame and wait for it."""
        assert self.transport is not None
        stdin = self.transport.get_pipe_transport(0)
        assert isinstance(stdin, asyncio.WriteTransport)
        self.reply, self.received = asyncio.get_running_loop().create_future(), 0
        stdin.write(len(PAYLOAD).to_bytes(4, "big") + PAYLOAD)
        await self.reply


def raw(settings: Settings) -> dict[str, Callable[[], object]]:
    """Return the bare calls, on a terminal that lives in this process; projected, as a worker sends them."""
    api = open_driver(settings, io.BytesIO()).api
    assert api.initialize("", timeout=1000, portable=False)
    fields = {struct: model.fields(struct) for struct in (model.Terminal, model.Account, model.Tick)}

    def tick(symbol: str) -> object:
        return project(api.symbol_info_tick(symbol), fields[model.Tick]), api.last_error()

    return {
        "terminal_info": lambda: (project(api.terminal_info(), fields[model.Terminal]), api.last_error()),
        "account_info": lambda: (project(api.account_info(), fields[model.Account]), api.last_error()),
        "symbol_info_tick": lambda: tick(SYMBOLS[0]),
        "10 ticks": lambda: [tick(symbol) for symbol in SYMBOLS],
    }


def acts(manager: MT5SessionManager, session: Session, echo: Echo) -> dict[str, Act]:
    """Return everything that is timed, by name."""
    settings = WorkerSettings(TERMINAL, time.time).current()[1]
    ticks = [Call(function="symbol_info_tick", args=(symbol,), struct=model.Tick) for symbol in SYMBOLS]
    terminal = Call(function="terminal_info", struct=model.Terminal)
    account = Call(function="account_info", struct=model.Account)

    def bare(call: Callable[[], object]) -> Act:
        async def act() -> object:
            return call()

        return act

    async def ten_frames() -> object:
        return [await session.ask([tick]) for tick in ticks]

    return {
        **{f"raw {name}": bare(call) for name, call in raw(settings).items()},
        "echo": echo.ask,
        "ask terminal_info": lambda: session.ask([terminal]),
        "ask account_info": lambda: session.ask([account]),
        "ask symbol_info_tick": lambda: session.ask(ticks[:1]),
        "ask 10 ticks": lambda: session.ask(ticks),
        "ask 10 ticks, ten frames": ten_frames,
        "get_price": lambda: manager.get_price(SYMBOLS[0]),
    }


async def timed(what: Mapping[str, Act], *, rounds: int, times: int) -> dict[str, Timing]:
    """Time everything in turn, round by round."""
    timings = {name: Timing() for name in what}
    for turn in range(rounds):
        progress(f"round {turn + 1}")
        for name, act in what.items():
            for _ in range(10):
                await act()
            spans: list[float] = []
            for _ in range(times):
                started = time.perf_counter()
                await act()
                spans.append((time.perf_counter() - started) * 1e6)
            timings[name].p50.append(quantile(spans, 0.5))
            timings[name].p99.append(quantile(spans, 0.99))
    return timings


async def measure(*, rounds: int, times: int) -> dict[str, Timing]:
    """Start a worker and an echo, and time them."""
    async with MT5SessionManager(Config(terminals=(TERMINAL,))) as manager:
        if not await manager.wait_ready(timeout=20):
            raise RuntimeError("the simulated terminal did not connect")
        transport, echo = await asyncio.get_running_loop().subprocess_exec(
            Echo, sys.executable, "-I", "-c", ECHO
        )
        try:
            [session] = manager.sessions().values()
            return await timed(acts(manager, session, echo), rounds=rounds, times=times)
        finally:
            transport.kill()
            transport.close()


def run(options: Options) -> None:
    """Measure and print."""
    watch_children_without_threads()
    rounds, times = (3, 200) if options.quick else (9, 1000)
    timings = asyncio.run(measure(rounds=rounds, times=times))
    echo, rows = timings["echo"], []
    for name, timing in timings.items():
        call = timings.get(f"raw {name.removeprefix('ask ').removesuffix(', ten frames')}")
        if name == "get_price":
            call = timings["raw symbol_info_tick"]
        over_raw = over_both = float("nan")
        if call is not None:
            pairs = list(zip(timing.p50, call.p50, echo.p50, strict=True))
            over_raw = median([mine / bare for mine, bare, _ in pairs])
            over_both = median([mine / (bare + pipe) for mine, bare, pipe in pairs])
        rows.append(
            [
                name,
                ratio(over_raw),
                ratio(median([mine / pipe for mine, pipe in zip(timing.p50, echo.p50, strict=True)])),
                ratio(over_both),
                show(median(timing.p50)),
                show(median(timing.p99)),
            ]
        )
    say(f"Medians of {rounds} rounds of {times}; the ratios are of the p50 of the same round.\n")
    table(["operation", "/ raw call", "/ echo", "/ (raw + echo)", "p50 us", "p99 us"], rows)
    batch = median(
        [
            ten / one
            for ten, one in zip(
                timings["ask 10 ticks, ten frames"].p50, timings["ask 10 ticks"].p50, strict=True
            )
        ]
    )
    say(f"Ten symbols in ten frames cost {ratio(batch)} of one frame.\n")


if __name__ == "__main__":
    sys.exit(main(run, __doc__))
