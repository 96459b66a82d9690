"""The reading functions of the MetaTrader5 module, answered by a simulated terminal."""

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

from mt5_exporter.far.drivers.simulated import account_view, arguments, errors, trade_view
from mt5_exporter.far.drivers.simulated.arguments import Args, Filter, History
from mt5_exporter.far.drivers.simulated.catalogue import CATALOGUE, Symbol
from mt5_exporter.far.drivers.simulated.constants import Constants
from mt5_exporter.far.drivers.simulated.errors import Refusal
from mt5_exporter.far.drivers.simulated.groups import matcher
from mt5_exporter.far.drivers.simulated.moment import Moment
from mt5_exporter.far.drivers.simulated.session import Session
from mt5_exporter.far.drivers.simulated.structs import (
    AccountInfo,
    SymbolInfo,
    TerminalInfo,
    Tick,
    TradeDeal,
    TradeOrder,
    TradePosition,
)
from mt5_exporter.far.drivers.simulated.symbol_view import symbol_info, tick

T = TypeVar("T")

VERSION = "5.0.6231"
"""Of the package whose behaviour this follows."""


class Terminal(Session, Constants):
    """One terminal's api: used in the place of the module itself."""

    __version__ = VERSION

    def version(self) -> tuple[int, int, str]:
        """Return 500, the build and its date; zeros without a session."""
        version = self.read("version", lambda _: (500, account_view.BUILD, account_view.RELEASED))
        return version or (0, 0, "")

    def terminal_info(self) -> TerminalInfo | None:
        """Return the terminal's own state."""
        return self.read("terminal_info", lambda moment: account_view.terminal_info(moment, self.path))

    def account_info(self) -> AccountInfo | None:
        """Return the account's state."""
        return self.read("account_info", account_view.account_info)

    def symbols_total(self) -> int | None:
        """Return how many symbols the broker offers."""
        return self.read("symbols_total", lambda _: len(CATALOGUE), unattached=errors.INCOMPATIBLE)

    def symbols_get(self, *args: object, **kwargs: object) -> tuple[SymbolInfo, ...] | Literal[False] | None:
        """Return the symbols of a group, or all; to bad arguments False, where others answer None."""

        def read(moment: Moment, group: str) -> tuple[SymbolInfo, ...]:
            wanted = matcher(group)
            return tuple(self._symbol(moment, name) for name in CATALOGUE if wanted(name))

        bind = lambda: arguments.group_of(args, kwargs)  # noqa: E731 - a closure over this call
        found = self.ask("symbols_get", bind, read, unattached=errors.INCOMPATIBLE)
        return False if self.last_error()[0] == self.RES_E_INVALID_PARAMS else found

    def symbol_info(self, *args: object) -> SymbolInfo | None:
        """Return one symbol."""
        return self.ask("symbol_info", lambda: arguments.symbol_of(args), self._symbol, symbol=_first(args))

    def symbol_info_tick(self, *args: object) -> Tick | None:
        """Return the latest tick of a symbol in Market Watch."""

        def read(moment: Moment, name: str) -> Tick:
            symbol = _known(name)
            if name not in self.selected:
                raise Refusal(*errors.CALL_FAILED)
            return tick(moment, symbol)

        return self.ask("symbol_info_tick", lambda: arguments.symbol_of(args), read, symbol=_first(args))

    def symbol_select(self, *args: object) -> bool:
        """Put a symbol into Market Watch, or take it out unless a position holds it there."""

        def change(moment: Moment, selection: tuple[str, bool]) -> bool:
            name, enable = selection
            symbol = _known(name)
            if enable:
                self.selected.add(name)
                return True
            if any(trade.symbol == symbol for trade in moment.book.ledger.open_trades(moment.instant)):
                raise Refusal(*errors.CALL_FAILED)
            self.selected.discard(name)
            return True

        bind = lambda: arguments.selection_of(args)  # noqa: E731 - a closure over this call
        return self.ask("symbol_select", bind, change, symbol=_first(args)) or False

    def positions_total(self) -> int | None:
        """Return how many positions are open."""
        return self.read(
            "positions_total", lambda moment: len(moment.book.ledger.open_trades(moment.instant))
        )

    def positions_get(self, *args: object, **kwargs: object) -> tuple[TradePosition, ...] | None:
        """Return the open positions: all, or of one symbol, group or ticket."""

        def read(moment: Moment, wanted: Filter) -> tuple[TradePosition, ...]:
            return tuple(row for row in trade_view.positions(moment) if wanted.wants(row.ticket, row.symbol))

        return self.ask(
            "positions_get",
            lambda: arguments.filter_of(args, kwargs),
            read,
            symbol=kwargs.get("symbol"),
        )

    def orders_total(self) -> int | None:
        """Return how many orders are pending."""
        return self.read("orders_total", lambda moment: len(moment.book.pending.waiting(moment.instant)))

    def orders_get(self, *args: object, **kwargs: object) -> tuple[TradeOrder, ...] | None:
        """Return the pending orders: all, or of one symbol, group or ticket."""

        def read(moment: Moment, wanted: Filter) -> tuple[TradeOrder, ...]:
            return tuple(row for row in trade_view.orders(moment) if wanted.wants(row.ticket, row.symbol))

        return self.ask(
            "orders_get",
            lambda: arguments.filter_of(args, kwargs),
            read,
            symbol=kwargs.get("symbol"),
        )

    def history_orders_total(self, *args: object) -> int | None:
        """Return how many orders ended between two dates."""
        return self._count("history_orders_total", args, _orders)

    def history_orders_get(self, *args: object, **kwargs: object) -> tuple[TradeOrder, ...] | None:
        """Return finished orders: between two dates, or of one position or ticket."""
        bind = lambda: arguments.history_of(args, kwargs)  # noqa: E731 - a closure over this call
        return self._history("history_orders_get", args, bind, _orders)

    def history_deals_total(self, *args: object) -> int | None:
        """Return how many deals there were between two dates."""
        return self._count("history_deals_total", args, _deals)

    def history_deals_get(self, *args: object, **kwargs: object) -> tuple[TradeDeal, ...] | None:
        """Return deals: between two dates, or of one position or one order's ticket."""
        bind = lambda: arguments.history_of(args, kwargs)  # noqa: E731 - a closure over this call
        return self._history("history_deals_get", args, bind, _deals)

    def _count(
        self, function: str, args: Args, read: Callable[[Moment, History], Sequence[object]]
    ) -> int | None:
        bind = lambda: arguments.span_of(args, {})  # noqa: E731 - a closure over this call
        return self._history(function, args, bind, lambda moment, wanted: len(read(moment, wanted)))

    def _history(
        self, function: str, args: Args, bind: Callable[[], History], read: Callable[[Moment, History], T]
    ) -> T | None:
        answer = self.ask(function, bind, read)
        if arguments.overflows(args):
            raise errors.exception_forgotten(function)
        return answer

    def _symbol(self, moment: Moment, name: str) -> SymbolInfo:
        return symbol_info(moment, _known(name), selected=name in self.selected)


def _known(name: str) -> Symbol:
    if name not in CATALOGUE:
        raise Refusal(*errors.NOT_FOUND)
    return CATALOGUE[name]


def _first(args: Args) -> object:
    return args[0] if args else None


def _orders(moment: Moment, wanted: History) -> tuple[TradeOrder, ...]:
    return tuple(
        row
        for row in trade_view.history_orders(moment)
        if wanted.wants(ticket=row.ticket, position=row.position_id, time=row.time_done, symbol=row.symbol)
    )


def _deals(moment: Moment, wanted: History) -> tuple[TradeDeal, ...]:
    return tuple(
        row
        for row in trade_view.deals(moment)
        if wanted.wants(ticket=row.order, position=row.position_id, time=row.time, symbol=row.symbol)
    )
