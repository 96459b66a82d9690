"""An account that is played in this process: what a terminal answers of its history, and who asks it."""

import copy
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from unittest import mock

from mt5_exporter import errors, model
from mt5_exporter.config import Config, TerminalConfig
from mt5_exporter.errors import MT5Error
from mt5_exporter.history.books import Book, Books
from mt5_exporter.history.rows import DealRow, OrderRow
from mt5_exporter.lease import Lease, parse
from mt5_exporter.link import Answer, Call
from mt5_exporter.memory import Memory
from mt5_exporter.round import Round
from mt5_exporter.store import Change, Saved, StateStore
from mt5_exporter.store.values import to_json
from tests.session.stage import FakeClock

NOW = 1_764_763_200
"""2025-12-03 12:00 UTC; the played server's clock shows it, too."""

HOUR, DAY = 3600, 86400

BUY, SELL, BALANCE = 0, 1, 2
IN, OUT, IN_OUT, OUT_BY = 0, 1, 2, 3
SO = 6
FILLED, CANCELLED = 4, 2

TERMINAL = TerminalConfig(name="desk", interval=15.0)


def deal(ticket: int, time: int = NOW, **fields: object) -> DealRow:
    """Return a purchase of a lot of EURUSD that opens a position, or what the fields make of it."""
    plain: dict[str, object] = {
        "ticket": ticket,
        "time": time,
        "type": BUY,
        "entry": IN,
        "volume": 1.0,
        "commission": 0.0,
        "swap": 0.0,
        "profit": 0.0,
        "symbol": "EURUSD",
    }
    return model.build(DealRow, [(plain | fields).get(field) for field in model.fields(DealRow)])


def order(ticket: int, time_done: int = NOW, **fields: object) -> OrderRow:
    """Return an order for EURUSD that was filled, or what the fields make of it."""
    plain: dict[str, object] = {
        "ticket": ticket,
        "time_setup": time_done - 60,
        "time_done": time_done,
        "state": FILLED,
        "symbol": "EURUSD",
    }
    return model.build(OrderRow, [(plain | fields).get(field) for field in model.fields(OrderRow)])


class Played:
    """What a terminal has, for a test to change.

    Attributes:
        frames: The calls of each frame that it was asked.
        handed: How many entries it has handed over.
        on_call: Called with each function, after it.
        on_frame: Called with the functions of each frame, after it.
        odd: Answers instead of the genuine ones, by function.
    """

    def __init__(self) -> None:
        self.deals: dict[int, DealRow] = {}
        self.orders: dict[int, OrderRow] = {}
        self.connected = True
        self.login, self.server = 42, "Broker-Live"
        self.balance = 1000.0
        self.failing: MT5Error | None = None
        self.frames: list[list[str]] = []
        self.on_frame = mock.Mock()
        self.on_call = mock.Mock()
        self.odd: dict[str, object] = {}
        self.handed = 0

    def trade(self, *rows: DealRow | OrderRow) -> None:
        """Take entries into the history, in the place of others with their ticket."""
        for row in rows:
            if isinstance(row, DealRow):
                self.deals[row.ticket] = row
            else:
                self.orders[row.ticket] = row

    def count(self, function: str) -> int:
        """Return how often a function was called."""
        return sum(frame.count(function) for frame in self.frames)

    def answer(self, calls: Sequence[Call]) -> list[Answer]:
        """Answer a frame."""
        self.frames.append([call.function for call in calls])
        if self.failing is not None:
            raise self.failing
        answers: list[Answer] = []
        for call in calls:
            answers.append(Answer(value=self._value(call), seconds=0.0))
            self.on_call(call.function)
        self.on_frame(self.frames[-1])
        return answers

    def _value(self, call: Call) -> object:
        if call.function in self.odd:
            return self.odd[call.function]
        match call.function:
            case "terminal_info":
                fields: Mapping[str, object] = {
                    "connected": self.connected,
                    "trade_allowed": True,
                    "build": 5000,
                    "ping_last": 1,
                }
            case "account_info":
                fields = {
                    **dict.fromkeys(("credit", "profit", "margin", "margin_free", "margin_level"), 0.0),
                    "login": self.login,
                    "server": self.server,
                    "currency": "EUR",
                    "balance": self.balance,
                    "equity": self.balance,
                }
            case _:
                rows: Sequence[DealRow | OrderRow] = tuple(
                    self.deals.values() if "deals" in call.function else self.orders.values()
                )
                start, end = call.args
                assert isinstance(start, int)
                assert isinstance(end, int)
                found = [row for row in rows if start <= row.time <= end]
                if call.function.endswith("_total"):
                    return len(found)
                self.handed += len(found)
                return [self._project(call, dataclasses.asdict(row)) for row in found]
        return self._project(call, fields)

    @staticmethod
    def _project(call: Call, fields: Mapping[str, object]) -> list[object]:
        assert call.struct is not None
        return [fields.get(name) for name in model.fields(call.struct)]


class PlayedLease(Lease):
    """A lease that the played terminal answers."""

    def __init__(self, played: Played) -> None:
        self.terminal = "desk"
        self._played = played

    async def ask(self, calls: Sequence[Call], *, timeout: float | None = None) -> list[Answer]:
        return self._played.answer(calls)

    async def terminal_info(self, *, timeout: float | None = None) -> model.Terminal:
        call = Call(function="terminal_info", struct=model.Terminal)
        [answer] = await self.ask([call])
        return parse(model.Terminal, call, answer.value, self.terminal)

    async def account_info(self, *, timeout: float | None = None) -> model.Account:
        call = Call(function="account_info", struct=model.Account)
        [answer] = await self.ask([call])
        return parse(model.Account, call, answer.value, self.terminal)


class Desk:
    """An exporter's part that keeps books: it can be started again on the same store, and polls terminals.

    Args:
        store: Makes the store of each start.
        clock: Moved by the test.
    """

    def __init__(self, store: Callable[[], StateStore], clock: FakeClock) -> None:
        self.clock = clock
        self._store = store
        self._memories: dict[str, Memory] = {}
        self.restart()

    def restart(self) -> None:
        """Forget all that is not in the store."""
        self.store = self._store()
        self.books = Books(self.store)

    def round(self, played: Played, terminal: TerminalConfig = TERMINAL) -> Round:
        """Begin a round."""
        memory = self._memories.setdefault(terminal.name, Memory(terminal))
        memory.server_clock.offset = 0.0
        return Round(
            PlayedLease(played),
            terminal=terminal,
            config=Config(terminals=(terminal,)),
            memory=memory,
            books=self.books,
            clock=self.clock,
        )

    async def book(self, played: Played) -> Book:
        """Return the account's book."""
        return await self.books.of(played.server, played.login)

    async def poll(self, played: Played, terminal: TerminalConfig = TERMINAL) -> Book:
        """Let an interval pass, and take over what is new."""
        self.clock.advance(terminal.interval)
        book = await self.book(played)
        asked = self.round(played, terminal)
        await book.follow_deals(asked)
        await book.follow_orders(asked)
        return book

    async def begin(self, played: Played, terminal: TerminalConfig = TERMINAL) -> Book:
        """Take the baseline."""
        for _ in range(2):
            book = await self.poll(played, terminal)
        assert book.since is not None
        return book


def lost() -> MT5Error:
    """Return the error of a terminal that is gone."""
    return errors.error(-10004, "No IPC connection", operation="history_deals_total")


class Crash(BaseException):
    """The exporter has died."""


class Shelf(StateStore):
    """A store on a disk that the test holds; the exporter dies `before` or `after` a commit."""

    def __init__(self, disk: dict[str, Saved], clock: FakeClock) -> None:
        super().__init__(None, clock)
        self.crash = ""
        self._disk = disk

    async def load(self, account: str) -> Saved:
        if account not in self._saved:
            self._saved[account] = copy.deepcopy(self._disk.get(account, Saved()))
        return self._saved[account]

    async def commit(self, account: str, change: Change) -> bool:
        if self.crash == "before":
            raise Crash
        kept = self._disk.setdefault(account, Saved())
        kept.apply(Change(totals=change.totals, seen=change.seen, facts=json.loads(to_json(change.facts))))
        if self.crash == "after":
            raise Crash
        return await super().commit(account, change)
