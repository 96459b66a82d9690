"""What is open, summed by symbol, side and strategy: pure, over the rows of one answer."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mt5_exporter import strategies
from mt5_exporter.config import TerminalConfig
from mt5_exporter.errors import MT5Error
from mt5_exporter.labels import clean
from mt5_exporter.model import Order, Position, Symbol

OTHER = "other"
SIDES = {0: "buy", 1: "sell"}
ORDER_TYPES = {
    2: "buy_limit",
    3: "sell_limit",
    4: "buy_stop",
    5: "sell_stop",
    6: "buy_stop_limit",
    7: "sell_stop_limit",
}

Key = tuple[str, str, str]
"""Symbol, side or type, strategy: labels."""


@dataclass(slots=True)
class OpenPositions:
    """The positions of one symbol, side and strategy; money in the deposit currency, volume in lots.

    Attributes:
        exposure: Their value, None where that of any of them is unknown: a part would pass for the whole.
    """

    count: int = 0
    volume: float = 0.0
    profit: float = 0.0
    swap: float = 0.0
    exposure: float | None = 0.0
    without_stop_loss: int = 0
    without_take_profit: int = 0


@dataclass(slots=True)
class PendingOrders:
    """The pending orders of one symbol, type and strategy; what is filled already is no part of `volume`."""

    count: int = 0
    volume: float = 0.0


class Names:
    """Which of the broker's symbols have series, and under which label.

    Args:
        terminal: `aliases` say what we call a symbol; of more than `max_symbols` always the same ones are
            kept: those that `symbols` names, in its order, then by name.
        symbols: The broker's names, as often as they come.
    """

    def __init__(self, terminal: TerminalConfig, symbols: Iterable[str]) -> None:
        ours = {theirs: name for name, theirs in terminal.aliases.items()}
        self._labels = {symbol: clean(ours.get(symbol, symbol)) for symbol in set(symbols)}
        rank = {name: place for place, name in enumerate(terminal.symbols)}
        found = sorted(set(self._labels.values()), key=lambda label: (rank.get(label, len(rank)), label))
        self._kept = frozenset(found[: terminal.max_symbols])
        self.left_out = len(found) - len(self._kept)
        """How many labels have no series."""

    def label(self, symbol: str) -> str | None:
        """Return a symbol's label, None if it has no series."""
        label = self._labels[symbol]
        return label if label in self._kept else None

    @property
    def kept(self) -> list[str]:
        """The broker's names of those that have series."""
        return sorted(symbol for symbol in self._labels if self.label(symbol) is not None)


def sum_positions(
    positions: Sequence[Position],
    names: Names,
    specifications: Mapping[str, Symbol | MT5Error],
    magics: Mapping[int, str],
) -> dict[Key, OpenPositions]:
    """Return the open positions by symbol, side and strategy."""
    found: dict[Key, OpenPositions] = {}
    for position in positions:
        label = names.label(position.symbol)
        if label is None:
            continue
        key = (label, SIDES.get(position.type, OTHER), strategies.label(magics, position.magic))
        group = found.setdefault(key, OpenPositions())
        group.count += 1
        group.volume += position.volume
        group.profit += position.profit
        group.swap += position.swap
        group.without_stop_loss += not position.sl
        group.without_take_profit += not position.tp
        value = exposure(position, specifications.get(position.symbol))
        group.exposure = None if value is None or group.exposure is None else group.exposure + value
    return found


def exposure(position: Position, symbol: Symbol | MT5Error | None) -> float | None:
    """Return a position's value in the deposit currency: volume x price / tick size x tick value.

    None where the terminal has no price, no tick size or no tick value, such as for a symbol that is not in
    Market Watch: it says 0 then.
    """
    if not isinstance(symbol, Symbol):
        return None
    parts = (position.price_current, symbol.trade_tick_size, symbol.trade_tick_value)
    if not all(math.isfinite(part) and part > 0 for part in parts):
        return None
    return position.volume * position.price_current / symbol.trade_tick_size * symbol.trade_tick_value


def sum_orders(orders: Sequence[Order], names: Names, magics: Mapping[int, str]) -> dict[Key, PendingOrders]:
    """Return the pending orders by symbol, type and strategy."""
    found: dict[Key, PendingOrders] = {}
    for order in orders:
        label = names.label(order.symbol)
        if label is None:
            continue
        key = (label, ORDER_TYPES.get(order.type, OTHER), strategies.label(magics, order.magic))
        group = found.setdefault(key, PendingOrders())
        group.count += 1
        group.volume += order.volume_current
    return found


def oldest(positions: Iterable[Position]) -> int | None:
    """Return when the first of the open positions was opened, on the trade server's clock."""
    return min((position.time for position in positions if position.time > 0), default=None)
