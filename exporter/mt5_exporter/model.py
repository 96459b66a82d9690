"""What a terminal tells, in MetaTrader 5's own words and units; money is in the deposit currency."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """`terminal_info()`: the program and its link to the trade server.

    Attributes:
        connected: Whether the trade server is reached; says nothing of our own link.
        trade_allowed: The Algo Trading button.
        tradeapi_disabled: Whether trading through the Python API is forbidden.
        ping_last: Microseconds to the trade server, as last measured: stale while disconnected.
        retransmission: Re-sent TCP packets in percent.
    """

    connected: bool
    trade_allowed: bool
    build: int
    ping_last: int
    tradeapi_disabled: bool | None = None
    retransmission: float | None = None
    name: str = ""
    company: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """`version()`: all 0 and empty before there was a connection.

    Attributes:
        version: 500 for MetaTrader 5.
        released: The build's day, such as `14 Nov 2025`.
    """

    version: int
    build: int
    released: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """`account_info()`.

    Attributes:
        trade_mode: 0 demo, 1 contest, 2 real.
        margin_mode: 0 netting, 1 exchange, 2 hedging.
        margin_so_mode: Unit of the two stop-out levels: 0 percent, 1 money.
        margin_level: Percent; 0 without a position, where it says nothing.
        limit_orders: Pending orders allowed, 0 for no limit.
        trade_allowed: Whether the account may trade; False for an investor password.
        trade_expert: Whether the broker allows expert advisors.
    """

    login: int
    server: str
    currency: str
    balance: float
    credit: float
    profit: float
    equity: float
    margin: float
    margin_free: float
    margin_level: float
    leverage: int = 0
    trade_mode: int = 0
    margin_mode: int = 0
    margin_so_mode: int = 0
    margin_so_call: float = 0.0
    margin_so_so: float = 0.0
    limit_orders: int = 0
    trade_allowed: bool = True
    trade_expert: bool = True
    company: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """`symbol_info_tick(symbol)`; both times are the trade server's clock written as an epoch.

    Attributes:
        time: Server seconds.
        time_msc: Server milliseconds.
        bid: Price, 0 where the symbol has none.
        ask: Price, 0 where the symbol has none.
        last: Price of the last deal, 0 where the symbol has none.
    """

    time: int
    time_msc: int
    bid: float
    ask: float
    last: float = 0.0
    volume: int = 0
    volume_real: float = 0.0
    flags: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """`symbol_info(symbol)`, as far as monitoring needs it.

    Attributes:
        spread: Points.
        point: Price of one point.
        trade_mode: 0 disabled, 1 long only, 2 short only, 3 close only, 4 full.
        select: Whether it is in Market Watch.
    """

    name: str
    select: bool
    visible: bool
    digits: int
    point: float
    spread: int
    trade_mode: int
    trade_contract_size: float
    trade_tick_size: float
    trade_tick_value: float
    currency_base: str = ""
    currency_profit: str = ""
    currency_margin: str = ""
    volume_min: float = 0.0
    volume_max: float = 0.0
    volume_step: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One of `positions_get()`; type is 0 buy, 1 sell; `sl` and `tp` are 0 where not set."""

    ticket: int
    time: int
    type: int
    volume: float
    price_open: float
    sl: float
    tp: float
    price_current: float
    swap: float
    profit: float
    symbol: str
    magic: int = 0
    identifier: int = 0
    reason: int = 0
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One of `orders_get()` or `history_orders_get()`; volumes in lots."""

    ticket: int
    time_setup: int
    type: int
    state: int
    volume_initial: float
    volume_current: float
    price_open: float
    symbol: str
    sl: float = 0.0
    tp: float = 0.0
    price_current: float = 0.0
    time_done: int = 0
    time_expiration: int = 0
    magic: int = 0
    reason: int = 0
    position_id: int = 0
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """One of `history_deals_get()`; entry is 0 in, 1 out, 2 in/out, 3 out by."""

    ticket: int
    order: int
    time: int
    time_msc: int
    type: int
    entry: int
    position_id: int
    volume: float
    price: float
    commission: float
    swap: float
    profit: float
    symbol: str
    fee: float = 0.0
    magic: int = 0
    reason: int = 0
    comment: str = ""


def fields(struct: type) -> tuple[str, ...]:
    """Return the names that are asked of the far side, in the order they come back."""
    return tuple(_converters(struct))


def build(struct: type[T], row: object) -> T:
    """Return one struct from the values of `fields(struct)`.

    A field that this build of the terminal lacks comes as None and keeps its default.

    Raises:
        TypeError: A required field is missing, or a value is of another type than the API documents.
    """
    converters = _converters(struct)
    if not isinstance(row, list) or len(row) != len(converters):
        raise TypeError(f"{struct.__name__}: expected {len(converters)} values")
    values: dict[str, object] = {}
    for (name, (kinds, required)), value in zip(converters.items(), row, strict=True):
        if value is None:
            if required:
                raise TypeError(f"{struct.__name__}.{name} is missing")
            continue
        if not isinstance(value, kinds):
            raise TypeError(f"{struct.__name__}.{name} is a {type(value).__name__}")
        values[name] = value
    return struct(**values)


_Shape = Mapping[str, tuple[tuple[type, ...], bool]]

_SHAPES: dict[type, _Shape] = {}


def _converters(struct: type) -> _Shape:
    """Return, by field, the types that are taken and whether it must be there."""
    if struct not in _SHAPES:
        assert dataclasses.is_dataclass(struct)
        hints = typing.get_type_hints(struct)
        _SHAPES[struct] = {
            field.name: (_accepted(hints[field.name]), field.default is dataclasses.MISSING)
            for field in dataclasses.fields(struct)
        }
    return _SHAPES[struct]


def _accepted(hint: object) -> tuple[type, ...]:
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    # A whole number is a fine float, and the API itself gives 0 or 1 for some of its switches.
    widened: dict[type, tuple[type, ...]] = {float: (float, int), bool: (bool, int)}
    accepted: list[type] = []
    for kind in kinds:
        assert isinstance(kind, type)
        accepted.extend(widened.get(kind, (kind,)))
    return tuple(accepted)
