"""Calls of every kind, good and bad, and how a module without a terminal answers them.

Runs on Windows Python, where it prints the genuine module's answers as JSON; elsewhere `answers` asks the
simulated one. All is standard library.
"""

import itertools
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

NO_ARGUMENTS = (
    "account_info",
    "last_error",
    "orders_total",
    "positions_total",
    "shutdown",
    "symbols_total",
    "terminal_info",
    "version",
)
BY_PLACE = ("history_deals_total", "history_orders_total", "symbol_info", "symbol_info_tick", "symbol_select")
BY_NAME = (
    "history_deals_get",
    "history_orders_get",
    "initialize",
    "login",
    "orders_get",
    "positions_get",
    "symbols_get",
)
FUNCTIONS = NO_ARGUMENTS + BY_PLACE + BY_NAME
KEYWORDS = (
    "bogus",
    "date_from",
    "date_to",
    "enable",
    "group",
    "login",
    "password",
    "path",
    "portable",
    "position",
    "server",
    "symbol",
    "ticket",
    "timeout",
)

NAIVE = [datetime(*day) for day in ((1, 1, 1), (1969, 12, 1), (1970, 1, 5), (2025, 1, 1), (9999, 12, 31))]  # noqa: DTZ001
DATES = [*NAIVE, datetime(1, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC), date(2025, 1, 1)]
WHOLE = [
    0,
    1,
    5,
    -1,
    2**31 - 1,
    2**31,
    -(2**31),
    -(2**31) - 1,
    2**32 - 1,
    2**32,
    2**63,
    2**64 - 1,
    2**64,
    2**70,
]
FLOATS = [0.0, 1.5, -1.5, 1e300, float("nan"), float("inf")]
TEXTS = ["", "5", "EURUSD", "NOPE", "*", "*USD*,!EUR*", "EUR\0USD", "2025-01-01"]
FOREIGN = ["é", "\U0001f600" * 14, "\U0001f600" * 15]
"""Not for `initialize`: its error has the path in the code page, which `last_error` may fail to decode."""

LENGTHS = (29, 30, 253, 254, 257, 258, 1997, 1998)
OTHERS: list[object] = [None, True, False, [], (), {}, b"EURUSD", object]
VALUES: list[object] = [*WHOLE, *FLOATS, *TEXTS, *("x" * length for length in LENGTHS), *OTHERS, *DATES]
FEW: list[object] = [0, 1, -1, 2**70, 1.5, "", "EURUSD", None, True, []]

Case = tuple[str, tuple[object, ...], dict[str, object]]
Answer = tuple[object, int, str]


def cases() -> Iterator[Case]:
    """Yield every call of the battery: function, arguments by place, arguments by name."""
    for function in FUNCTIONS:
        yield function, (), {}
        for value in VALUES:
            yield function, (value,), {}
        for value in FOREIGN if function != "initialize" else ():
            yield function, (value,), {}
        for number in (2, 3, 4, 5):
            yield function, ("EURUSD",) * number, {}
        for keyword, value in itertools.product(KEYWORDS, FEW):
            yield function, (), {keyword: value}
    for function in (*BY_PLACE, "history_deals_get", "history_orders_get", "login", "symbols_get"):
        for first, second in itertools.product((0, "EURUSD", NAIVE[3]), VALUES):
            yield function, (first, second), {}
            yield function, (second, first), {}
        for several in itertools.product((5, 2**70, "EURUSD", None), repeat=3):
            yield function, several, {}
    for function in BY_NAME:
        yield from cases_by_name(function)


def cases_by_name(function: str) -> Iterator[Case]:
    """Yield calls with arguments by name: each value, beside those by place, and two bad ones at a time."""
    placed: list[tuple[object, ...]] = [(0, 1), (0,), (0, 1, 2), ("x", "y"), (0, 2**31), ("EURUSD",), (None,)]
    for keyword in KEYWORDS:
        for value in VALUES:
            yield function, (), {keyword: value}
        for value in FOREIGN if function != "initialize" else ():
            yield function, (), {keyword: value}
        for places, value in itertools.product(placed, FEW):
            yield function, places, {keyword: value}
    for one, other in itertools.permutations(KEYWORDS, 2):
        for first, second in itertools.product((5, -1, "EURUSD", None), repeat=2):
            yield function, (), {one: first, other: second}


def name_of(case: Case) -> str:
    """Return a call as one would write it."""
    function, places, names = case
    written = [*map(repr, places), *(f"{name}={value!r}" for name, value in names.items())]
    return f"{function}({', '.join(written)})"


def answer(api: object, case: Case) -> Answer:
    """Make a call: its value or the type of its exception, then code and text of `last_error`."""
    function, places, names = case
    # So that one sees which calls leave the error as it was.
    getattr(api, "positions_get")("marker")  # noqa: B009 - any module will do
    try:
        value = getattr(api, function)(*places, **names)
    except Exception as error:  # noqa: BLE001 - an answer, too
        value = f"raised {type(error).__name__}"
    code, text = getattr(api, "last_error")()  # noqa: B009
    return value, code, text


def answers(api: object) -> Mapping[str, object]:
    """Return the answer to every call, as JSON gives it back."""
    found: Mapping[str, object] = json.loads(
        json.dumps({name_of(case): answer(api, case) for case in cases()})
    )
    return found


if __name__ == "__main__":
    import MetaTrader5

    print(json.dumps(answers(MetaTrader5)))  # noqa: T201 - its one output
