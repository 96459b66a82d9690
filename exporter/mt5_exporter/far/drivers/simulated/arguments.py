"""How the genuine module reads arguments: bad ones are refused by text, unknown keywords ignored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mt5_exporter.far.drivers.simulated.errors import invalid
from mt5_exporter.far.drivers.simulated.groups import matcher

NUMBER = "Invalid number of arguments"
UNNAMED = "Unnamed arguments not allowed"

Args = Sequence[object]
Keywords = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which positions or orders are asked for; all where nothing is set."""

    symbol: str | None = None
    group: str | None = None
    ticket: int | None = None

    def wants(self, ticket: int, symbol: str) -> bool:
        """Tell whether one is asked for."""
        if self.ticket is not None:
            return ticket == self.ticket
        if self.symbol is not None:
            return symbol == self.symbol
        return self.group is None or matcher(self.group)(symbol)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Which part of the history is asked for: a ticket's, a position's, or that of a span of server time."""

    ticket: int | None = None
    position: int | None = None
    start: float = 0.0
    """Server clock in seconds, inclusive, as is `end`."""
    end: float = 0.0
    group: str | None = None

    def wants(self, *, ticket: int, position: int, time: int, symbol: str) -> bool:
        """Tell whether an entry is asked for; `ticket` is its order's."""
        if self.ticket is not None:
            return ticket == self.ticket
        if self.position is not None:
            return position == self.position
        return self.start <= time <= self.end and (self.group is None or matcher(self.group)(symbol))


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What `initialize` and `login` take; None where it was left out."""

    login: int | None = None
    server: str | None = None
    timeout: float = 60.0
    """Seconds."""


def symbol_of(args: Args) -> str:
    """Return the one symbol that a call names."""
    if len(args) != 1:
        raise invalid(NUMBER)
    return _text_at(args, 0, "symbol")


def selection_of(args: Args, keywords: Keywords) -> tuple[str, bool]:
    """Return the arguments of `symbol_select`: symbol and, unless left out, enable."""
    if not 1 <= len(args) <= 2:
        raise invalid(NUMBER)
    enable = args[1] if len(args) > 1 else keywords.get("enable", True)
    if not isinstance(enable, int):
        raise invalid('Invalid "enable" argument')
    return _text_at(args, 0, "symbol"), bool(enable)


def group_of(args: Args, keywords: Keywords) -> str | None:
    """Return the group that `symbols_get` is asked for, by place or by name."""
    if len(args) > 1:
        raise invalid(NUMBER)
    return _text_at(args, 0, "group") if args else _text(keywords, "group")


def filter_of(args: Args, keywords: Keywords) -> Filter:
    """Return the filter of `positions_get` and `orders_get`: by name only."""
    if args:
        raise invalid(UNNAMED)
    return Filter(
        symbol=_text(keywords, "symbol"), group=_text(keywords, "group"), ticket=_whole(keywords, "ticket")
    )


def history_of(args: Args, keywords: Keywords) -> History:
    """Return what `history_deals_get` and `history_orders_get` are asked for."""
    ticket, position = _whole(keywords, "ticket"), _whole(keywords, "position")
    if ticket is not None or position is not None:
        return History(ticket=ticket, position=position)
    return span_of(args, keywords)


def span_of(args: Args, keywords: Keywords) -> History:
    """Return the span between two dates: epoch seconds, or datetimes as the PC's time zone reads them."""
    named = dict(zip(("date_from", "date_to"), args, strict=False))
    if len(args) > len(named):
        raise invalid(NUMBER)
    dates = [named.get(name, keywords.get(name)) for name in ("date_from", "date_to")]
    if None in dates:
        raise invalid(NUMBER)
    start, end = (_date(date, name) for date, name in zip(dates, ("date_from", "date_to"), strict=True))
    return History(start=start, end=end, group=_text(keywords, "group"))


def path_of(args: Args) -> str:
    """Return the path that `initialize` is given, empty where it was left out."""
    if len(args) > 1:
        raise invalid(NUMBER)
    return _text_at(args, 0, "path") if args else ""


def account_of(args: Args) -> int:
    """Return the account that `login` names."""
    if len(args) != 1:
        raise invalid(NUMBER)
    if not isinstance(args[0], int):
        raise invalid('Invalid "login" argument')
    return args[0]


def credentials_of(keywords: Keywords) -> Credentials:
    """Return the named arguments of `initialize` and `login`; a password is checked and dropped."""
    _text(keywords, "password")
    timeout = _whole(keywords, "timeout")
    _whole(keywords, "portable")
    return Credentials(
        login=_whole(keywords, "login"),
        server=_text(keywords, "server"),
        timeout=60.0 if timeout is None else timeout / 1000.0,
    )


def _text_at(args: Args, index: int, name: str) -> str:
    value = args[index]
    if not isinstance(value, str):
        raise invalid(f'Invalid "{name}" argument')
    return value


def _text(keywords: Keywords, name: str) -> str | None:
    value = keywords.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid(f'Invalid "{name}" argument')
    return value


def _whole(keywords: Keywords, name: str) -> int | None:
    value = keywords.get(name)
    if value is not None and not isinstance(value, int):
        raise invalid(f'Invalid "{name}" argument')
    return value


def _date(value: object, name: str) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    if not isinstance(value, (int, float)):
        raise invalid(f'Invalid "{name}" argument')
    return float(value)
