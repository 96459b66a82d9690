"""One round of questions to one terminal: each is asked once, whoever needs its answer."""

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from mt5_exporter.clock import Clock
from mt5_exporter.config import Config, TerminalConfig
from mt5_exporter.errors import MT5Error
from mt5_exporter.feed import Feed
from mt5_exporter.lease import Lease, parse
from mt5_exporter.link import Call
from mt5_exporter.model import Account, Terminal, Tick

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
    """The ticks of a terminal's symbols, and why some have none."""

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
        feed: Where ticks are watched.
        clock: For durations and times.
    """

    def __init__(
        self, lease: Lease, *, terminal: TerminalConfig, config: Config, feed: Feed, clock: Clock
    ) -> None:
        self.lease = lease
        self.terminal = terminal
        self.config = config
        self.feed = feed
        self.clock = clock
        self._answers: dict[str, Timed[object] | MT5Error] = {}
        self._usage = Usage()

    def use(self) -> Usage:
        """Begin to account for one probe or reading."""
        self._usage = Usage()
        return self._usage

    async def terminal_info(self) -> Timed[Terminal]:
        """Ask for the program and its link to the trade server."""
        return await self._once("terminal_info", Terminal, self.lease.terminal_info)

    async def account_info(self) -> Timed[Account]:
        """Ask for the account."""
        return await self._once("account_info", Account, self.lease.account_info)

    async def positions_total(self) -> Timed[int]:
        """Ask for the number of open positions."""
        return await self._once("positions_total", int, self.lease.positions_total)

    async def orders_total(self) -> Timed[int]:
        """Ask for the number of pending orders."""
        return await self._once("orders_total", int, self.lease.orders_total)

    async def ticks(self) -> Timed[Ticks]:
        """Ask for the last tick of every configured symbol, in one frame."""
        return await self._once("ticks", Ticks, self._ticks)

    async def _ticks(self) -> Ticks:
        symbols = self.terminal.symbols
        if not symbols:
            return Ticks(by_symbol={}, failed={})
        calls = [Call(function="symbol_info_tick", args=(symbol,), struct=Tick) for symbol in symbols]
        ticks: dict[str, Tick] = {}
        failed: dict[str, MT5Error] = {}
        for symbol, call, answer in zip(symbols, calls, await self.lease.ask(calls), strict=True):
            try:
                if answer.error is not None:
                    raise answer.error
                ticks[symbol] = parse(Tick, call, answer.value, self.terminal.name)
            except MT5Error as failure:
                failed[symbol] = failure
            else:
                self.feed.see(symbol, ticks[symbol], self.clock.wall())
        return Ticks(by_symbol=ticks, failed=failed)

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
