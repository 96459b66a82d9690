"""How the genuine module reads arguments: bad ones are refused by text, unknown keywords ignored.

It looks at them in an order of its own, and only the first bad one is told. That of a keyword that is there
counts, None included. `tests/real_mt5` holds all of this against the module itself.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from mt5_exporter.far.drivers.simulated.errors import invalid
from mt5_exporter.far.drivers.simulated.groups import matcher

ARGUMENTS = "Invalid arguments"
NUMBER = "Invalid number of arguments"
UNNAMED = "Unnamed arguments not allowed"
PLACES = ("1st", "2nd", "3rd")

SYMBOL, GROUP, PATH, CREDENTIAL = 29, 1997, 257, 253
"""The longest texts, in UTF-16 units."""

LONGLONG, ULONG = 2**64 - 1, 2**32 - 1
"""The largest ticket or login, and the longest timeout; none may be negative."""

LONGEST_DATE = 2**31
"""A whole number as a date must fit in a `long` of Windows."""

# Windows converts no other dates that come without a time zone.
FIRST_DAY, LAST_DAY = datetime(1970, 1, 2), datetime(3001, 1, 1)  # noqa: DTZ001 - theirs has none, either

Args = Sequence[object]
Keywords = Mapping[str, object]


class Filter(NamedTuple):
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


class History(NamedTuple):
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


class Credentials(NamedTuple):
    """What `initialize` and `login` take; a password is checked and dropped."""

    timeout: float
    """Seconds."""
    login: int = 0
    """0 for none."""
    server: str = ""
    """Empty for that of the account."""
    path: str = ""


def symbol_of(args: Args) -> str:
    """Return the one symbol that a call names."""
    if len(args) != 1:
        raise invalid(ARGUMENTS)
    return _text(args[0], SYMBOL, ARGUMENTS)


def selection_of(args: Args) -> tuple[str, bool]:
    """Return the arguments of `symbol_select`: symbol and, unless left out, enable, of any type."""
    if not 1 <= len(args) <= 2:
        raise invalid(ARGUMENTS)
    return symbol_of(args[:1]), bool(args[1]) if len(args) > 1 else True


def group_of(args: Args, keywords: Keywords) -> str:
    """Return the group that `symbols_get` is asked for, by place or by name."""
    _at_most(1, args)
    return _named_text(keywords, "group", GROUP, _placed_text(args, 0, GROUP, "*"))


def filter_of(args: Args, keywords: Keywords) -> Filter:
    """Return the filter of `positions_get` and `orders_get`: by name only, and one of them."""
    if args:
        raise invalid(UNNAMED)
    if "ticket" in keywords:
        return Filter(ticket=_named_whole(keywords, "ticket", LONGLONG))
    if "symbol" in keywords:
        return Filter(symbol=_named_text(keywords, "symbol", SYMBOL))
    return Filter(group=_named_text(keywords, "group", GROUP) if "group" in keywords else None)


def history_of(args: Args, keywords: Keywords) -> History:
    """Return what `history_deals_get` and `history_orders_get` are asked for; dates go before a ticket."""
    if len(args) == 2 or not {"ticket", "position"} & keywords.keys():
        return span_of(args, keywords)
    if args:
        raise invalid(UNNAMED)
    if "ticket" in keywords:
        return History(ticket=_named_whole(keywords, "ticket", LONGLONG))
    return History(position=_named_whole(keywords, "position", LONGLONG))


def span_of(args: Args, keywords: Keywords) -> History:
    """Return the span between two dates: epoch seconds, or datetimes as the PC's time zone reads them."""
    if len(args) != 2:
        raise invalid(ARGUMENTS)
    if _is_long(args[0]) and isinstance(args[1], datetime):
        # It asks the datetime for its timestamp, which fails over the exception left behind by the first.
        raise invalid(ARGUMENTS)
    start, end = map(_date, args)
    group = _named_text(keywords, "group", GROUP) if "group" in keywords else None
    return History(start=start, end=end, group=group)


def overflows(args: Args) -> bool:
    """Tell whether a date is longer than C's `long`.

    The genuine module goes on with such a call and leaves the OverflowError behind.
    """
    if len(args) != 2:
        return False
    start, end = args
    return _is_long(start) or (isinstance(start, (int, float, datetime)) and _is_long(end))


def attachment_of(args: Args, keywords: Keywords) -> Credentials:
    """Return what `initialize` is asked for; the path by place or by name."""
    _at_most(1, args)
    path = _placed_text(args, 0, PATH, "")
    found = _named_credentials(keywords, 0, "")
    return found._replace(path=_named_text(keywords, "path", PATH, path))


def login_of(args: Args, keywords: Keywords) -> Credentials:
    """Return the account that `login` names; login, password and server by place or by name."""
    _at_most(3, args)
    login = _whole(args[0], LONGLONG, _unnamed(0)) if args else 0
    _placed_text(args, 1, CREDENTIAL, "")
    found = _named_credentials(keywords, login, _placed_text(args, 2, CREDENTIAL, ""))
    if not found.login:
        raise invalid(_named("login"))
    return found


def _named_credentials(keywords: Keywords, login: int, server: str) -> Credentials:
    login = _named_whole(keywords, "login", LONGLONG, login)
    server = _named_text(keywords, "server", CREDENTIAL, server)
    _named_text(keywords, "password", CREDENTIAL)
    timeout = _named_whole(keywords, "timeout", ULONG, 60_000)
    return Credentials(login=login, server=server, timeout=timeout / 1000.0)


def _at_most(number: int, args: Args) -> None:
    if len(args) > number:
        raise invalid(NUMBER)


def _placed_text(args: Args, index: int, longest: int, default: str) -> str:
    return _text(args[index], longest, _unnamed(index)) if len(args) > index else default


def _named_text(keywords: Keywords, name: str, longest: int, default: str = "") -> str:
    return _text(keywords[name], longest, _named(name)) if name in keywords else default


def _named_whole(keywords: Keywords, name: str, largest: int, default: int = 0) -> int:
    return _whole(keywords[name], largest, _named(name)) if name in keywords else default


def _named(name: str) -> str:
    return f'Invalid "{name}" argument'


def _unnamed(index: int) -> str:
    return f"Invalid {PLACES[index]} unnamed argument"


def _text(value: object, longest: int, refusal: str) -> str:
    """Return a text as C reads it: up to its first NUL."""
    if not isinstance(value, str) or len(value.encode("utf-16-le", "surrogatepass")) > 2 * longest:
        raise invalid(refusal)
    return value.partition("\0")[0]


def _whole(value: object, largest: int, refusal: str) -> int:
    if not isinstance(value, int):
        raise invalid(refusal)
    if not 0 <= value <= largest:
        raise invalid(refusal, forgotten=True)
    return value


def _date(value: object) -> float:
    if isinstance(value, datetime):
        if value.tzinfo is None and not FIRST_DAY <= value <= LAST_DAY:
            raise invalid(ARGUMENTS, forgotten=True)
        return value.timestamp()
    if not isinstance(value, (int, float)):
        raise invalid(ARGUMENTS)
    return -1.0 if _is_long(value) else float(value)


def _is_long(value: object) -> bool:
    return isinstance(value, int) and not -LONGEST_DATE <= value < LONGEST_DATE
