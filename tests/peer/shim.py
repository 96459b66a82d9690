"""strategytester5 by the name of the MetaTrader5 module: its structs, its terminal, its engine, our glue.

Run by its path in the place of an interpreter: `python shim.py FOLDER -I -c CODE`. Before each call it
obeys the new lines of FOLDER/acts.jsonl, and then writes into FOLDER/says.json what the peer itself says of
its world. It runs where strategytester5 is installed and nothing of ours is; the worker comes over stdin as
ever.

Taken from the peer: every struct; the account, positions, orders and deals, and how they come about; the
check of stops, pending orders, margin and stop-out at each tick; `order_calc_profit`,
`evaluate_margin_state`. Written here, since it has none: attaching, `version`, `last_error` as a pair, the
lists of symbols, dates as epoch seconds for orders, and the `Parent` of whom it wants to learn its symbols
and its account.
"""

import datetime as dt
import importlib
import json
import logging
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

# What the peer's dashboard and charts need, and its terminal does not.
for unneeded in (
    "flask",
    "flask_socketio",
    "numba",
    "plotly",
    "plotly.graph_objects",
    "plotly.subplots",
    "scipy",
    "scipy.stats",
    "tqdm",
):
    sys.modules[unneeded] = MagicMock()
# It imports the genuine module for its constants and one struct, which it has itself as well.
genuine = sys.modules["MetaTrader5"] = ModuleType("MetaTrader5")
peer = importlib.import_module("strategytester5.MetaTrader5")
constants = vars(importlib.import_module("strategytester5.MetaTrader5.constants").MetaTrader5Constants)
vars(genuine).update({name: value for name, value in constants.items() if name.isupper()})
vars(genuine)["AccountInfo"] = peer.AccountInfo
VirtualMetaTrader5 = importlib.import_module("strategytester5.MetaTrader5.api").VirtualMetaTrader5
StrategyTester = importlib.import_module("strategytester5.tester").StrategyTester

Fields = dict[str, object]

ACTS = ("tick", "send", "deposit", "judge")
"""What the test may let happen: methods of `Shim`."""

SUCCESS = (1, "Success")
SYMBOLS = {"EURUSD": ("EUR", 5), "GBPUSD": ("GBP", 5)}
SERVER = "Peer-Demo"
LOGIN = 11_223_344

MENDED = {"reason": 0, "external_id": "", "volume": 0.0, "price": 0.0}
"""What the peer leaves as another type than the API has, a NaN or a text for a number: its nothing is 0."""


class Parent:
    """The terminal from which the peer learns its symbols and its account, in the peer's own structs."""

    def symbols_get(self) -> list[object]:
        return [self.symbol(name, base, digits) for name, (base, digits) in SYMBOLS.items()]

    def symbol(self, name: str, base: str, digits: int) -> object:
        point = 10.0**-digits
        plain: Fields = dict.fromkeys(peer.SymbolInfo._fields, 0)
        known: Fields = {
            "name": name,
            "select": True,
            "visible": True,
            "digits": digits,
            "point": point,
            "spread": 10,
            "trade_mode": 4,
            "trade_calc_mode": 0,
            "trade_contract_size": 100_000.0,
            "trade_tick_size": point,
            "trade_tick_value": 100_000.0 * point,
            "volume_min": 0.01,
            "volume_max": 100.0,
            "volume_step": 0.01,
            "currency_base": base,
            "currency_profit": "USD",
            "currency_margin": base,
        }
        return peer.SymbolInfo(**{**plain, **known})

    def account_info(self) -> object:
        plain: Fields = dict.fromkeys(peer.AccountInfo._fields, 0)
        known: Fields = {
            "login": LOGIN,
            "leverage": 100,
            "limit_orders": 200,
            "margin_mode": 2,
            "trade_allowed": True,
            "trade_expert": True,
            "currency_digits": 2,
            "balance": 10_000.0,
            "equity": 10_000.0,
            "margin_free": 10_000.0,
            "margin_so_call": 100.0,
            "margin_so_so": 50.0,
            "name": "A. Trader",
            "server": SERVER,
            "currency": "USD",
            "company": "A Peer",
        }
        return peer.AccountInfo(**{**plain, **known})

    def terminal_info(self) -> object:
        plain: Fields = dict.fromkeys(peer.TerminalInfo._fields, 0)
        known: Fields = {
            "connected": True,
            "trade_allowed": True,
            "build": 5000,
            "ping_last": 20_000,
            "company": "A Peer",
            "name": "strategytester5",
            "path": "C:\\Peer",
        }
        return peer.TerminalInfo(**{**plain, **known})

    def last_error(self) -> tuple[int, str]:
        return SUCCESS


class Shim(ModuleType):
    """The module."""

    def __init__(self, folder: Path) -> None:
        super().__init__("MetaTrader5")
        self.folder = folder
        self.obeyed = 0
        self.results: list[int] = []
        self.judged: list[str] = []
        self.terminal = VirtualMetaTrader5(parent_mt5=Parent(), custom_broker_data_path=str(folder))
        self.terminal.logger = logging.getLogger("peer")
        # The engine without its files, its configuration and its dashboard: what it does at each tick.
        self.engine = object.__new__(StrategyTester)
        self.engine.simulated_mt5 = self.terminal
        self.engine.logger = self.terminal.logger
        self.engine.IS_OPTIMIZATION_MODE = True
        self.engine.IS_MARGIN_STOPOUT = False

    # -- attaching, and the last error -----------------------------------------------------------------

    def initialize(self, *_: object, **__: object) -> bool:
        return True

    def shutdown(self) -> bool:
        return True

    def last_error(self) -> tuple[int, str]:
        # The peer keeps None, whatever a read has answered.
        return SUCCESS if self.terminal.last_error() is None else (-1, str(self.terminal.last_error()))

    def version(self) -> tuple[int, int, str]:
        return 500, 5000, "01 Jan 2026"

    # -- reads -----------------------------------------------------------------------------------------

    def terminal_info(self) -> object:
        return self.up_to_date().TERMINAL_INFO

    def account_info(self) -> object:
        return self.up_to_date().account_info()

    def symbols_total(self) -> int:
        return len(self.up_to_date().SYMBOL_INFO_CACHE)

    def symbols_get(self, group: str = "*") -> tuple[object, ...]:
        assert group == "*"
        return tuple(self.up_to_date().SYMBOL_INFO_CACHE.values())

    def symbol_info(self, symbol: str) -> object:
        return self.up_to_date().symbol_info(symbol)

    def symbol_info_tick(self, symbol: str) -> object:
        return self.up_to_date().symbol_info_tick(symbol)

    def positions_total(self) -> int:
        return int(self.up_to_date().positions_total())

    def positions_get(self, **asked: object) -> tuple[object, ...]:
        return mended(self.up_to_date().positions_get(**asked))

    def orders_total(self) -> int:
        return int(self.up_to_date().orders_total())

    def orders_get(self, **asked: object) -> tuple[object, ...]:
        return mended(self.up_to_date().orders_get(**asked))

    def history_deals_get(self, start: int, end: int) -> tuple[object, ...]:
        return mended(self.up_to_date().history_deals_get(start, end))

    def history_deals_total(self, start: int, end: int) -> int:
        return int(self.up_to_date().history_deals_total(start, end))

    def history_orders_get(self, start: int, end: int) -> tuple[object, ...]:
        found = self.up_to_date().history_orders_get(*map(dt.datetime.fromtimestamp, (start, end)))
        # The peer lists an order as soon as it is placed, and once more when it has ended.
        return mended([order for order in found if order.state != self.terminal.ORDER_STATE_PLACED])

    def history_orders_total(self, start: int, end: int) -> int:
        return len(self.history_orders_get(start, end))

    # -- what the test wants ---------------------------------------------------------------------------

    def up_to_date(self) -> ModuleType:
        """Return the peer's terminal once it has obeyed every act that there is."""
        lines = (self.folder / "acts.jsonl").read_text().splitlines()
        for line in lines[self.obeyed :]:
            name, arguments = json.loads(line)
            assert name in ACTS
            getattr(self, name)(**arguments)
            self.obeyed += 1
            self.say()
        terminal: ModuleType = self.terminal
        return terminal

    def tick(self, symbol: str, bid: float, ask: float, time: int) -> None:
        """Let the market move, and the engine see to all that follows."""
        values: Fields = dict.fromkeys(peer.Tick._fields, 0)
        known: Fields = {"time": time, "time_msc": time * 1000, "bid": bid, "ask": ask}
        self.terminal.tick_update(symbol, peer.Tick(**{**values, **known}))
        # In the engine's order; after a stop has closed a position, what is left is reckoned anew.
        self.engine._positions_monitoring()
        self.engine._pending_orders_monitoring()
        self.engine._positions_monitoring()
        self.engine._account_monitoring(pos_must_exist=False)

    def send(self, **request: object) -> None:
        """Give an order to the peer, as an expert advisor does."""
        self.results.append(self.terminal.order_send(request).retcode)
        self.engine._positions_monitoring()
        self.engine._account_monitoring(pos_must_exist=False)

    def deposit(self, amount: float) -> None:
        """Book a deposit, in the peer's struct and not by the peer, which knows the first balance only."""
        account = self.terminal.ACCOUNT
        self.terminal.ACCOUNT = account._replace(balance=account.balance + amount)
        values: Fields = dict.fromkeys(peer.TradeDeal._fields, 0)
        now = self.terminal.current_time()
        known: Fields = {
            "ticket": self.terminal._generate_deal_ticket(),
            "time": now,
            "time_msc": now * 1000,
            "type": self.terminal.DEAL_TYPE_BALANCE,
            "profit": amount,
            "symbol": "",
            "comment": "",
        }
        self.terminal.DEALS.append(peer.TradeDeal(**{**values, **known}))
        self.engine._positions_monitoring()
        self.engine._account_monitoring(pos_must_exist=False)

    def judge(self, equity: float) -> None:
        """Ask the peer what it would do at another equity."""
        account = self.terminal.ACCOUNT._replace(equity=equity)
        self.judged.append(peer.evaluate_margin_state(account).state)

    def say(self) -> None:
        """Write down what the peer says."""
        terminal = self.terminal
        says = {
            "obeyed": self.obeyed,
            "account": terminal.ACCOUNT._asdict(),
            "positions": [position._asdict() for position in terminal.POSITIONS],
            "orders": [order._asdict() for order in terminal.ORDERS],
            "deals": [deal._asdict() for deal in terminal.DEALS],
            "history_orders": [order._asdict() for order in terminal.ORDERS_HISTORY],
            "ticks": {symbol: tick._asdict() for symbol, tick in terminal.TICK_CACHE.items()},
            "values": [
                # The profit of a lot bought for nothing: what the position is worth.
                terminal.order_calc_profit(0, position.symbol, position.volume, 0.0, position.price_current)
                for position in terminal.POSITIONS
            ],
            "state": peer.evaluate_margin_state(terminal.ACCOUNT).state,
            "results": self.results,
            "judged": self.judged,
        }
        fresh = self.folder / "says.new"
        fresh.write_text(json.dumps(says))
        fresh.replace(self.folder / "says.json")


def mended(rows: Sequence[object]) -> tuple[object, ...]:
    """Return structs whose nothing is the API's."""
    return tuple(mend(row) for row in rows)


def mend(row: object) -> object:
    wrong = {
        field: nothing
        for field, nothing in MENDED.items()
        if hasattr(row, field) and odd(getattr(row, field), nothing)
    }
    return row._replace(**wrong)  # type: ignore[attr-defined]


def odd(value: object, nothing: object) -> bool:
    return isinstance(value, str) != isinstance(nothing, str) or (
        isinstance(value, float) and math.isnan(value)
    )


if __name__ == "__main__":
    sys.modules["MetaTrader5"] = Shim(Path(sys.argv[1]))
    exec(sys.argv[sys.argv.index("-c") + 1])  # noqa: S102 - what an interpreter does
