"""One round of questions to one terminal: each is asked once, whoever needs its answer."""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mt5_exporter import errors
from mt5_exporter.clock import Clock
from mt5_exporter.config import Config, TerminalConfig
from mt5_exporter.errors import MT5Error
from mt5_exporter.history.books import Books
from mt5_exporter.lease import Lease, parse, parse_all
from mt5_exporter.link import Answer, Call
from mt5_exporter.memory import Memory
from mt5_exporter.model import Account, Order, Position, Symbol, Terminal, Tick, Version
from mt5_exporter.symbol_table import Listed, Watched, resolve
from mt5_exporter.threads import off_loop

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed(Generic[T]):
    """A value, the seconds its frame took, and the two instants at which it came."""

    value: T
    seconds: float
    at: float
    instant: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """The ticks of a terminal's watched symbols, and why some have none; by label, each symbol in one."""

    by_symbol: Mapping[str, Tick]
    failed: Mapping[str, MT5Error]


@dataclass(slots=True)
class Usage:
    """What one probe or reading used of a round: seconds of its frames, and the oldest answer's two times."""

    seconds: float = 0.0
    at: float = math.inf
    instant: float = math.inf

    def add(self, answer: Timed[object]) -> None:
        """Take one answer into account, whoever asked for it first."""
        self.seconds += answer.seconds
        self.at = min(self.at, answer.at)
        self.instant = min(self.instant, answer.instant)


class Round:
    """What probes and readings ask of; an answer or an error is kept until the round is over.

    Args:
        lease: The terminal's session.
        terminal: Its configuration.
        config: For the calendars.
        memory: What is remembered of the terminal.
        books: What is remembered of accounts, and kept.
        clock: For durations and times.
    """

    def __init__(
        self,
        lease: Lease,
        *,
        terminal: TerminalConfig,
        config: Config,
        memory: Memory,
        books: Books,
        clock: Clock,
    ) -> None:
        self.lease = lease
        self.terminal = terminal
        self.config = config
        self.memory = memory
        self.books = books
        self.clock = clock
        self._answers: dict[str, Timed[object] | MT5Error] = {}
        self._specifications: dict[str, Symbol | MT5Error] = {}
        self._usage = Usage()

    def use(self) -> Usage:
        """Begin to account for one probe or reading."""
        self._usage = Usage()
        return self._usage

    async def ask(self, calls: Sequence[Call]) -> list[Answer]:
        """Make some reads in one frame, of which nothing is kept for the round; each has its own answer.

        Raises:
            MT5Error: The terminal did not answer at all.
        """
        started = self.clock.monotonic()
        try:
            return await self.lease.ask(calls)
        finally:
            self._usage.seconds += self.clock.monotonic() - started

    async def terminal_info(self) -> Timed[Terminal]:
        """Ask for the program and its link to the trade server."""
        return await self._once("terminal_info", Terminal, self.lease.terminal_info)

    async def version(self) -> Timed[Version]:
        """Ask for the program's version."""
        return await self._once("version", Version, self.lease.version)

    async def account_info(self) -> Timed[Account]:
        """Ask for the account."""
        return await self._once("account_info", Account, self.lease.account_info)

    async def positions(self) -> Timed[list[Position]]:
        """Ask for the open positions."""
        return await self._once("positions", list, self.lease.positions_get)

    async def orders(self) -> Timed[list[Order]]:
        """Ask for the pending orders."""
        return await self._once("orders", list, self.lease.orders_get)

    async def specifications(self, names: Sequence[str]) -> dict[str, Symbol | MT5Error]:
        """Ask for the specification of each symbol, by the broker's name, in one frame; each is asked once.

        Raises:
            MT5Error: The terminal did not answer at all.
        """
        known = self._specifications
        wanted = [name for name in dict.fromkeys(names) if name not in known]
        calls = [Call(function="symbol_info", args=(name,), struct=Symbol) for name in wanted]
        answers = await self.ask(calls) if calls else []
        symbols = await off_loop(len(calls), _symbols, calls, answers, self.terminal.name)
        known.update(zip(wanted, symbols, strict=True))
        return {name: known[name] for name in names}

    async def ticks(self) -> Timed[Ticks]:
        """Ask for the last tick of every watched symbol, in one frame; at times, first which those are.

        Raises:
            MT5Error: The terminal did not answer, or has not yet told which symbols the patterns mean.
        """
        return await self._once("ticks", Ticks, self._ticks)

    async def _ticks(self) -> Ticks:
        if self.memory.symbols.due(self.lease.session.connections, self.clock.monotonic()):
            await self._resolve()
        watched = self.memory.symbols.resolution.watched
        if not watched:
            return Ticks(by_symbol={}, failed={})
        calls = [Call(function="symbol_info_tick", args=(symbol.name,), struct=Tick) for symbol in watched]
        answers = await self.lease.ask(calls)
        wall, instant = self.clock.wall(), self.clock.monotonic()
        ticks = await off_loop(len(calls), _ticks, watched, calls, answers, self.terminal.name)
        for label, tick in ticks.by_symbol.items():
            self.memory.feed.see(label, tick, wall)
        times = {label: tick.time_msc for label, tick in ticks.by_symbol.items()}
        self.memory.server_clock.see(times, wall=wall, instant=instant)
        return ticks

    async def _resolve(self) -> None:
        """Ask for the broker's list; what was made of an earlier one outlives a failure."""
        memory, call = self.memory, Call(function="symbols_get", struct=Listed)
        try:
            [answer] = await self.lease.ask([call])
            if answer.error is not None:
                raise answer.error
            rows = answer.value if isinstance(answer.value, list) else [answer.value]
            listed = await off_loop(len(rows), parse_all, Listed, call, rows, self.terminal.name)
        except MT5Error:
            if not memory.symbols.complete:
                raise
            return
        if listed:
            # An empty one is that of a terminal which has yet to get it.
            memory.symbols.take(await off_loop(len(listed), resolve, self.terminal, listed))
            memory.feed.keep(memory.symbols.resolution.labels)

    async def _once(self, question: str, kind: type[T], ask: Callable[[], Awaitable[T]]) -> Timed[T]:
        known = self._answers.get(question)
        if known is None:
            started = self.clock.monotonic()
            try:
                value: object = await ask()
            except MT5Error as failure:
                known = failure
            else:
                now = self.clock.monotonic()
                known = Timed(value=value, seconds=now - started, at=self.clock.wall(), instant=now)
            self._answers[question] = known
        if isinstance(known, MT5Error):
            self._usage.seconds += known.elapsed
            raise known
        self._usage.add(known)
        assert isinstance(known.value, kind)
        return Timed(value=known.value, seconds=known.seconds, at=known.at, instant=known.instant)


def _ticks(
    watched: Sequence[Watched], calls: Sequence[Call], answers: Sequence[Answer], terminal: str
) -> Ticks:
    """Return the ticks; one without a time is none, as a selected symbol has before its first."""
    ticks: dict[str, Tick] = {}
    failed: dict[str, MT5Error] = {}
    for symbol, call, answer in zip(watched, calls, answers, strict=True):
        try:
            if answer.error is not None:
                raise answer.error
            tick = parse(Tick, call, answer.value, terminal)
            if not (tick.time > 0 and 0 < tick.time_msc < 2**63):
                raise errors.error(errors.OK, "no tick yet", operation=call.function, terminal=terminal)
        except MT5Error as failure:
            failed[symbol.label] = failure
        else:
            ticks[symbol.label] = tick
    return Ticks(by_symbol=ticks, failed=failed)


def _symbols(calls: Sequence[Call], answers: Sequence[Answer], terminal: str) -> list[Symbol | MT5Error]:
    """Return the specification, or why there is none, for each of the answers."""
    found: list[Symbol | MT5Error] = []
    for call, answer in zip(calls, answers, strict=True):
        try:
            found.append(answer.error or parse(Symbol, call, answer.value, terminal))
        except MT5Error as failure:
            found.append(failure)
    return found
