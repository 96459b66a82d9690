"""A session on loan: the typed reads of one terminal, for as long as the lease is held."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from mt5_exporter import errors, model
from mt5_exporter.errors import MT5Error
from mt5_exporter.link import Answer, Call
from mt5_exporter.model import Account, Deal, Order, Position, Symbol, Terminal, Tick, Version
from mt5_exporter.session import Session
from mt5_exporter.threads import off_loop

T = TypeVar("T")


class Lease:
    """One terminal's session, ours alone until it is released; every call has a deadline of its own.

    Every method takes `timeout` in seconds (default: the terminal's `timeout`) and raises what
    `Session.ask` raises, `MT5DataError` for an answer of another shape, and the API's own failures.
    """

    def __init__(self, session: Session) -> None:
        self._session: Session | None = session
        self.terminal = session.name

    @property
    def session(self) -> Session:
        """The session behind it.

        Raises:
            MT5UnavailableError: The lease has been released.
        """
        if self._session is None:
            text = "the lease has been released"
            raise errors.error(errors.NO_LEASE, text, terminal=self.terminal)
        return self._session

    def release(self) -> None:
        """End the lease; whoever still holds the object gets a clear error."""
        if self._session is not None:
            self._session.released()
            self._session = None

    async def ask(self, calls: Sequence[Call], *, timeout: float | None = None) -> list[Answer]:
        """Make several reads in one frame; each has its own answer or error."""
        return await self.session.ask(calls, timeout=timeout)

    async def call(self, function: str, *args: object, timeout: float | None = None) -> object:
        """Make any read of the allow-list that returns a plain value, such as `symbols_total`."""
        return await self.session.ask_one(Call(function=function, args=args), timeout=timeout)

    async def terminal_info(self, *, timeout: float | None = None) -> Terminal:
        """Return the program's state and its link to the trade server."""
        return await self._one(Call(function="terminal_info", struct=Terminal), Terminal, timeout)

    async def version(self, *, timeout: float | None = None) -> Version:
        """Return the program's version and build."""
        # A plain tuple, and not a struct to project: the fields are none of ours to name.
        value = await self.session.ask_one(Call(function="version"), timeout=timeout)
        return parse(Version, Call(function="version"), value, self.terminal)

    async def account_info(self, *, timeout: float | None = None) -> Account:
        """Return the account the terminal is logged in to."""
        return await self._one(Call(function="account_info", struct=Account), Account, timeout)

    async def symbol_info(self, symbol: str, *, timeout: float | None = None) -> Symbol:
        """Return a symbol's specification."""
        return await self._one(Call(function="symbol_info", args=(symbol,), struct=Symbol), Symbol, timeout)

    async def symbol_info_tick(self, symbol: str, *, timeout: float | None = None) -> Tick:
        """Return a symbol's last tick; its times are the trade server's."""
        return await self._one(Call(function="symbol_info_tick", args=(symbol,), struct=Tick), Tick, timeout)

    async def positions_get(self, *, symbol: str = "", timeout: float | None = None) -> list[Position]:
        """Return the open positions, of one symbol or all."""
        kwargs: dict[str, object] = {"symbol": symbol} if symbol else {}
        return await self._many(
            Call(function="positions_get", kwargs=kwargs, struct=Position), Position, timeout
        )

    async def orders_get(self, *, symbol: str = "", timeout: float | None = None) -> list[Order]:
        """Return the pending orders, of one symbol or all."""
        kwargs: dict[str, object] = {"symbol": symbol} if symbol else {}
        return await self._many(Call(function="orders_get", kwargs=kwargs, struct=Order), Order, timeout)

    async def history_deals_get(self, start: int, end: int, *, timeout: float | None = None) -> list[Deal]:
        """Return the deals between two instants, both epoch seconds of the trade server's clock."""
        call = Call(function="history_deals_get", args=(start, end), struct=Deal)
        return await self._many(call, Deal, timeout)

    async def positions_total(self, *, timeout: float | None = None) -> int:
        """Return the number of open positions."""
        return await self._count("positions_total", timeout)

    async def orders_total(self, *, timeout: float | None = None) -> int:
        """Return the number of pending orders."""
        return await self._count("orders_total", timeout)

    async def _one(self, call: Call, struct: type[T], timeout: float | None) -> T:
        return parse(struct, call, await self.session.ask_one(call, timeout=timeout), self.terminal)

    async def _many(self, call: Call, struct: type[T], timeout: float | None) -> list[T]:
        rows = await self.session.ask_one(call, timeout=timeout)
        if not isinstance(rows, list):
            raise schema_error(call, f"expected a list, was {type(rows).__name__}", self.terminal)
        return await off_loop(len(rows), parse_all, struct, call, rows, self.terminal)

    async def _count(self, function: str, timeout: float | None) -> int:
        call = Call(function=function)
        return count(call, await self.session.ask_one(call, timeout=timeout), self.terminal)


def parse(struct: type[T], call: Call, row: object, terminal: str) -> T:
    """Return one struct of an answer.

    Raises:
        MT5DataError: It has another shape than the API documents.
    """
    try:
        return model.build(struct, row)
    except TypeError as failure:
        raise schema_error(call, str(failure), terminal) from failure


def parse_all(struct: type[T], call: Call, rows: Iterable[object], terminal: str) -> list[T]:
    """Return the structs of an answer; one that is none spoils them all, since a sum of the rest would lie.

    Raises:
        MT5DataError: One has another shape than the API documents.
    """
    return [parse(struct, call, row, terminal) for row in rows]


def count(call: Call, value: object, terminal: str) -> int:
    """Return a whole number of an answer.

    Raises:
        MT5DataError: It is none.
    """
    if not isinstance(value, int):
        raise schema_error(call, f"expected a number, was {type(value).__name__}", terminal)
    return value


def schema_error(call: Call, text: str, terminal: str) -> MT5Error:
    """Return the error for an answer that the API's documentation does not allow."""
    return errors.MT5DataError(
        text, verdict=errors.SCHEMA, code=errors.OK, operation=call.function, terminal=terminal
    )
