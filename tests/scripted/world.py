"""What a scripted terminal has, as a test writes it: structs have the genuine fields unless told not to."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.scripted.module import NOT_FOUND, SCHEMA

API = json.loads((Path(__file__).parents[1] / "far" / "mt5_api_5.0.6231.json").read_text())

TEXTS = frozenset(
    {
        "bank", "basis", "category", "comment", "commondata_path", "company", "currency", "currency_base",
        "currency_margin", "currency_profit", "data_path", "description", "exchange", "external_id",
        "formula", "isin", "language", "name", "page", "path", "server", "symbol",
    }
)  # fmt: skip
"""The fields that are texts; all others are numbers."""

Fields = Mapping[str, object]

LACKING = object()
"""Given for a field, it says that this build of the terminal does not have it."""

PLAIN: Mapping[str, Fields] = {
    "TerminalInfo": {
        "connected": True,
        "trade_allowed": True,
        "build": 5000,
        "ping_last": 20_000,
        "name": "MetaTrader 5",
        "company": "A Broker",
        "path": "C:\\MT5",
    },
    "AccountInfo": {
        "login": 42,
        "server": "Broker-Live",
        "company": "A Broker",
        "currency": "USD",
        "currency_digits": 2,
        "leverage": 100,
        "trade_mode": 2,
        "margin_mode": 2,
        "margin_so_call": 100.0,
        "margin_so_so": 50.0,
        "trade_allowed": True,
        "trade_expert": True,
        "balance": 10_000.0,
        "equity": 10_000.0,
        "margin_free": 10_000.0,
    },
    "SymbolInfo": {
        "select": True,
        "visible": True,
        "digits": 5,
        "point": 0.00001,
        "spread": 10,
        "trade_mode": 4,
        "trade_contract_size": 100_000.0,
        "trade_tick_size": 0.00001,
        "trade_tick_value": 1.0,
        "volume_min": 0.01,
        "volume_max": 100.0,
        "volume_step": 0.01,
    },
    "Tick": {"bid": 1.1, "ask": 1.1001},
    "TradePosition": {"volume": 0.1, "price_open": 1.1, "price_current": 1.1},
    "TradeOrder": {"type": 2, "state": 1, "volume_initial": 0.1, "volume_current": 0.1, "price_open": 1.1},
    "TradeDeal": {},
}
"""What is not 0 or empty of a struct that is as it should be."""


def struct(name: str, fields: Fields) -> dict[str, object]:
    """Return a struct's fields in the module's order, then those that the module does not have."""
    genuine = {field: "" if field in TEXTS else 0 for field in API["structs"][name]}
    merged = {**genuine, **PLAIN[name], **fields}
    return {field: value for field, value in merged.items() if value is not LACKING}


class World:
    """The world of one scripted terminal, in a file; it begins with a terminal and an account.

    Every method takes the fields of the API's struct by their names: any value, `LACKING`, and fields that
    the API does not have as well.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=20)
        self._connection.executescript("PRAGMA synchronous = OFF;" + SCHEMA)
        with self.change():
            self.terminal()
            self.account()

    def close(self) -> None:
        """Close the file; the terminal goes on."""
        self._connection.close()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Let all changes inside be seen at once, or none of them."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def terminal(self, **fields: object) -> None:
        """Write `terminal_info`."""
        self._put("terminal", "", struct("TerminalInfo", fields))

    def account(self, **fields: object) -> None:
        """Write `account_info`."""
        self._put("account", "", struct("AccountInfo", fields))

    def symbol(self, name: str, **fields: object) -> None:
        """Write a symbol, as `symbol_info` has it."""
        self._put("symbol", json.dumps(name), struct("SymbolInfo", {"name": name, **fields}))

    def tick(self, symbol: str, *, time_msc: int, **fields: object) -> None:
        """Write a symbol's tick at a server's time in milliseconds."""
        row = struct("Tick", {"time": time_msc // 1000, "time_msc": time_msc, **fields})
        self._put("tick", json.dumps(symbol), row)

    def position(self, ticket: int, **fields: object) -> None:
        """Write an open position."""
        row = struct("TradePosition", {"ticket": ticket, "identifier": ticket, **fields})
        self._put("position", str(ticket), row)

    def order(self, ticket: int, **fields: object) -> None:
        """Write a pending order."""
        self._put("order", str(ticket), struct("TradeOrder", {"ticket": ticket, **fields}))

    def deal(self, ticket: int, *, time: int, **fields: object) -> None:
        """Write a deal at a server's time in seconds."""
        row = struct("TradeDeal", {"ticket": ticket, "time": time, "time_msc": time * 1000, **fields})
        self._put_past("deal", ticket, time, row)

    def past_order(self, ticket: int, *, time_done: int, **fields: object) -> None:
        """Write an order that ended, at a server's time in seconds."""
        row = struct(
            "TradeOrder", {"ticket": ticket, "time_done": time_done, "volume_current": 0.0, **fields}
        )
        self._put_past("past_order", ticket, time_done, row)

    def close_position(self, ticket: int) -> None:
        """Take an open position away."""
        self._drop("position", str(ticket))

    def drop_order(self, ticket: int) -> None:
        """Take a pending order away."""
        self._drop("order", str(ticket))

    def drop_all(self, kind: str) -> None:
        """Take away every `symbol`, `tick`, `position` or `order`."""
        self._connection.execute("DELETE FROM thing WHERE kind = ?", (kind,))

    def drop_symbol(self, name: str) -> None:
        """Let the broker no longer know a symbol."""
        self._drop("symbol", json.dumps(name))
        self._drop("tick", json.dumps(name))

    def forget(self) -> None:
        """Take all deals and orders out of the history."""
        self._connection.execute("DELETE FROM past")

    def fail(self, function: str, code: int = NOT_FOUND[0], text: str = NOT_FOUND[1]) -> None:
        """Let a function answer nothing, and `last_error` say this."""
        self._put("failure", function, {"code": code, "text": text})

    def mend(self, function: str) -> None:
        """Let it answer again."""
        self._drop("failure", function)

    def _put(self, kind: str, key: str, body: Fields) -> None:
        # An upsert keeps the row's place, and so the order in which the terminal lists things.
        statement = "INSERT INTO thing VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"
        self._connection.execute(statement, (kind, key, json.dumps(body)))

    def _put_past(self, kind: str, ticket: int, time: int, body: Fields) -> None:
        row = (kind, ticket, time, json.dumps(body))
        self._connection.execute("INSERT OR REPLACE INTO past VALUES (?, ?, ?, ?)", row)

    def _drop(self, kind: str, key: str) -> None:
        self._connection.execute("DELETE FROM thing WHERE kind = ? AND key = ?", (kind, key))
