"""A terminal whose every answer a test decides: a genuine worker with a MetaTrader5 module that is played."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Unpack

from mt5_exporter.config import TerminalConfig
from tests.session.stage import Overrides, simulated

STAND_IN = Path(__file__).with_name("stand_in.py")

TERMINAL: Mapping[str, object] = {
    "connected": True,
    "trade_allowed": True,
    "build": 5000,
    "ping_last": 20_000,
    "tradeapi_disabled": False,
    "retransmission": 2.5,
    "name": "MetaTrader 5",
    "company": "A Broker",
    "path": "C:\\MT5",
}

ACCOUNT: Mapping[str, object] = {
    "login": 42,
    "server": "Broker-Live",
    "currency": "EUR",
    "balance": 1000.0,
    "credit": 5.0,
    "profit": -10.0,
    "equity": 995.0,
    "margin": 50.0,
    "margin_free": 945.0,
    "margin_level": 1990.0,
    "trade_mode": 2,
    "margin_mode": 0,
    "trade_allowed": True,
}

TICK: Mapping[str, object] = {
    "time": 1_700_000_000,
    "time_msc": 1_700_000_000_250,
    "bid": 1.25,
    "ask": 1.5,
}

POSITION: Mapping[str, object] = {
    "ticket": 1,
    "time": 2,
    "type": 0,
    "volume": 0.1,
    "price_open": 1.0,
    "sl": 0.0,
    "tp": 0.0,
    "price_current": 1.1,
    "swap": 0.0,
    "profit": 1.0,
    "symbol": "EURUSD",
}

ORDER: Mapping[str, object] = {
    "ticket": 7,
    "time_setup": 2,
    "type": 2,
    "state": 1,
    "volume_initial": 0.3,
    "volume_current": 0.2,
    "price_open": 1.0,
    "symbol": "EURUSD",
}

SYMBOL: Mapping[str, object] = {
    "name": "EURUSD",
    "select": True,
    "visible": True,
    "digits": 5,
    "point": 0.00001,
    "spread": 10,
    "trade_mode": 4,
    "trade_contract_size": 100_000.0,
    "trade_tick_size": 0.00001,
    "trade_tick_value": 0.9,
}

WELL: Mapping[str, object] = {
    "terminal_info": TERMINAL,
    "version": [500, 5000, "14 Nov 2025"],
    "account_info": ACCOUNT,
    "symbol_info": SYMBOL,
    "symbol_info_tick": TICK,
    "positions_get": [POSITION],
    "positions_total": 3,
    "orders_get": [ORDER],
    "orders_total": 2,
}


class Answers:
    """The file from which the played module answers."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "answers.json"
        self._answers: dict[str, object] = {name: {"value": value} for name, value in WELL.items()}
        self._write()

    def known(self, question: str) -> object:
        """Return what a terminal that is well answers."""
        return WELL[question]

    def give(self, question: str, value: object, *, seconds: float = 0.0) -> None:
        """Let a function, or a function and its first argument, answer with a value."""
        self._answers[question] = {"value": value, "seconds": seconds}
        self._write()

    def fail(self, question: str, code: int, text: str) -> None:
        """Let it answer nothing, and `last_error` say why."""
        self._answers[question] = {"value": None, "error": [code, text]}
        self._write()

    def terminal(self, **fields: object) -> None:
        """Change some fields of `terminal_info`."""
        self.give("terminal_info", {**TERMINAL, **fields})

    def account(self, **fields: object) -> None:
        """Change some fields of `account_info`."""
        self.give("account_info", {**ACCOUNT, **fields})

    def tick(self, symbol: str = "", **fields: object) -> None:
        """Change some fields of a symbol's tick, or of every one's."""
        self.give(f"symbol_info_tick {symbol}".strip(), {**TICK, **fields})

    def positions(self, *changes: Mapping[str, object]) -> None:
        """Let positions be open, one for each of these changes of a position."""
        self.give("positions_get", [{**POSITION, **fields} for fields in changes])

    def orders(self, *changes: Mapping[str, object]) -> None:
        """Let orders be pending, one for each of these changes of an order."""
        self.give("orders_get", [{**ORDER, **fields} for fields in changes])

    def symbol(self, symbol: str = "", **fields: object) -> None:
        """Change some fields of a symbol's specification, or of every one's."""
        self.give(f"symbol_info {symbol}".strip(), {**SYMBOL, **fields})

    def config(self, **overrides: Unpack[Overrides]) -> TerminalConfig:
        """Return the configuration of the terminal that answers so."""
        plain: Overrides = {
            "driver": "metatrader5",
            "path": "C:\\MT5\\terminal64.exe",
            "command": (sys.executable, str(STAND_IN), str(self.path)),
            "simulation": None,
            "symbols": ("EURUSD",),
        }
        plain.update(overrides)
        return simulated(**plain)

    def _write(self) -> None:
        # Whole or not at all: the worker may read at any moment.
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(self._answers))
        fresh.replace(self.path)
