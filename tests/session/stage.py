"""What the tests of sessions stand on: an event loop, a clock moved by hand, and one session to watch."""

import asyncio
import functools
import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, Self, TypedDict, TypeVar, Unpack

import psutil

from mt5_exporter.backoff import Backoff
from mt5_exporter.breaker import BreakerSettings
from mt5_exporter.clock import Clock, SystemClock
from mt5_exporter.config import AccountConfig, Config, SimulationConfig, TerminalConfig
from mt5_exporter.events import CallFailed, Event, Events, SessionChanged
from mt5_exporter.limits import Limits
from mt5_exporter.link import Call
from mt5_exporter.market import FX, Calendar
from mt5_exporter.session import Session, SessionState
from mt5_exporter.settings import frame, simulate

P = ParamSpec("P")
E = TypeVar("E")

PATIENCE = 25.0
"""Seconds after which a test that waits has failed."""

STEP = 0.005

Fault = Mapping[str, object]


def in_loop(test: Callable[P, Coroutine[object, object, None]]) -> Callable[P, None]:
    """Run a test on an event loop of its own; what the loop would only log fails it."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def bounded() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: problems.append(str(context)))
            async with asyncio.timeout(PATIENCE):
                await test(*args, **kwargs)

        problems: list[str] = []
        asyncio.run(bounded())
        assert problems == []

    assert inspect.iscoroutinefunction(test)
    return run


async def until(condition: Callable[[], object], *, seconds: float = 10.0, what: str = "") -> None:
    """Wait for a condition, at most so long."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, what or inspect.getsource(condition)
        await asyncio.sleep(STEP)


class FakeClock:
    """Time goes on when told, for whoever asks this clock; processes and pipes keep the real one."""

    def __init__(self, wall: float | None = None) -> None:
        self.now = 1000.0
        self.epoch = (time.time() if wall is None else wall) - self.now
        self.slept: list[float] = []
        self._sleepers: list[asyncio.Future[None]] = []

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.epoch + self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        until = self.now + seconds
        await asyncio.sleep(0)
        while self.now < until:
            sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._sleepers.append(sleeper)
            await sleeper

    @property
    def sleeping(self) -> bool:
        """Whether somebody waits for this clock now."""
        return any(not sleeper.done() for sleeper in self._sleepers)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        sleepers, self._sleepers = self._sleepers, []
        for sleeper in sleepers:
            if not sleeper.done():
                sleeper.set_result(None)


class Behind(SystemClock):
    """A wall clock a second behind the workers', so that a scenario that is read has begun already."""

    def wall(self) -> float:
        return super().wall() - 1.0


class Overrides(TypedDict, total=False):
    """The keys of a terminal that tests change."""

    name: str
    driver: str
    path: str
    command: tuple[str, ...] | None
    environment: tuple[str, ...]
    login: bool
    select: bool
    account: AccountConfig | None
    interval: float
    timeout: float
    poll_timeout: float
    connect_timeout: float
    start_timeout: float
    symbols: tuple[str, ...]
    aliases: Mapping[str, str]
    max_symbols: int
    strategies: Mapping[int, str]
    heartbeat_files: Mapping[str, Path]
    market: str
    symbol_markets: Mapping[str, str]
    limits: Limits
    max_worker_memory: int
    breaker: BreakerSettings
    backoff: Backoff
    login_retry: float
    simulation: SimulationConfig | None


LOGIN = 7001
SERVER = "Sim-Live"


def simulation(scenario: Path | None = None) -> SimulationConfig:
    """Return an account of one hour, which is computed in no time."""
    return SimulationConfig(
        seed=5, scenario=scenario, login=LOGIN, server=SERVER, opened=time.time() // 3600 * 3600 - 3600
    )


def simulated(scenario: Path | None = None, **overrides: Unpack[Overrides]) -> TerminalConfig:
    """Return a simulated terminal whose market never closes."""
    plain: Overrides = {
        "name": "desk",
        "driver": "simulated",
        "timeout": 3.0,
        "connect_timeout": 3.0,
        "start_timeout": 15.0,
        "interval": 5.0,
        "symbols": ("BTCUSD",),
        "market": "crypto",
        "simulation": simulation(scenario),
    }
    plain.update(overrides)
    return TerminalConfig(**plain)


CALENDARS: Mapping[str, Calendar] = {
    "crypto": Calendar(name="crypto"),
    "always": Calendar(name="always"),
    "fx": FX,
}


def config(*terminals: TerminalConfig, rate: float = 1000.0, burst: int = 1000) -> Config:
    """Return a configuration of these terminals that never holds an attempt back."""
    return Config(terminals=terminals, connect_rate=rate, connect_burst=burst, calendars=CALENDARS)


def fault(name: str, *calls: str, symbols: Sequence[str] = (), **more: object) -> Fault:
    """Return a fault that has begun just now."""
    begun = time.time() - 0.05
    return {"fault": name, "from": begun, "calls": list(calls), "symbols": list(symbols), **more}


class Played:
    """Settings whose faults a test changes while the worker runs."""

    def __init__(self, terminal: TerminalConfig, faults: Sequence[Fault]) -> None:
        self._terminal = terminal
        self._faults = list(faults)
        self._revision = 0

    def play(self, faults: Sequence[Fault]) -> None:
        self._faults = list(faults)
        self._revision += 1

    def current(self) -> tuple[int, Mapping[str, object]]:
        settings = frame(self._terminal)
        if self._terminal.simulation is not None:
            world = simulate(self._terminal.simulation, self._terminal, time.time())
            settings["simulation"] = {**world, "faults": self._faults}
        return self._revision, settings


async def at_once() -> None:
    """Admit every attempt."""


class Stage:
    """One session with a real worker, and everything that it tells.

    Use it as an async context manager: inside, it is started; at the end it is drained.
    """

    def __init__(
        self,
        *faults: Fault,
        clock: Clock | None = None,
        terminal: TerminalConfig | None = None,
        admit: Callable[[], Awaitable[None]] = at_once,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.terminal = terminal or simulated()
        self.settings = Played(self.terminal, faults)
        self.heard: list[Event] = []
        self.events = Events()
        self.events.subscribe(self.heard.append)
        self.session = Session(
            self.terminal,
            settings=self.settings,
            events=self.events,
            clock=self.clock,
            fraction=lambda: 0.5,
            admit=admit,
            starts=asyncio.Semaphore(1),
        )

    async def __aenter__(self) -> Self:
        self.session.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.session.drain()

    def play(self, *faults: Fault) -> None:
        """Let these faults be on, and no other."""
        self.settings.play(faults)

    async def reach(self, *states: SessionState) -> None:
        """Wait until the session is in one of these states."""
        await until(lambda: self.session.state in states, what=f"{states}, was {self.session.state}")

    async def ready(self) -> None:
        """Wait until it is READY."""
        await self.reach(SessionState.READY)

    async def lost(self) -> None:
        """Wait until it is in BACKOFF and the supervisor has retired the worker and sleeps."""
        await self.reach(SessionState.BACKOFF)
        if isinstance(self.clock, FakeClock):
            clock = self.clock
            await until(lambda: clock.sleeping, what="the supervisor sleeps")

    async def ask(self, function: str, *args: object, timeout: float | None = None) -> object:
        """Make one call."""
        return await self.session.ask_one(Call(function=function, args=args), timeout=timeout)

    @property
    def pid(self) -> int:
        """The worker's process."""
        assert self.session.worker is not None
        return self.session.worker.pid

    @property
    def worker(self) -> psutil.Process:
        """The worker's process, to look at."""
        return psutil.Process(self.pid)

    def of(self, kind: type[E]) -> list[E]:
        """Return the events of one kind, in order."""
        return [event for event in self.heard if isinstance(event, kind)]

    @property
    def failures(self) -> list[tuple[str, str]]:
        """Type and reason of every failure that was counted."""
        return [(event.error.kind, event.error.reason) for event in self.of(CallFailed)]

    @property
    def way(self) -> list[str]:
        """The states gone through."""
        return [event.after for event in self.of(SessionChanged)]


def children() -> list[psutil.Process]:
    """Return the processes that this test run still has."""
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if child.is_running() and child.status() != psutil.STATUS_ZOMBIE
    ]


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
