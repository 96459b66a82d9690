"""A MetaTrader5 module that answers from a world's file: the outermost edge of a worker that is genuine.

Run by its path in the place of an interpreter: `python module.py WORLD -I -c CODE`. `World` in world.py
writes the file, an SQLite database of JSON texts; a commit there is seen by the next call here.

What it answers is the genuine module's, where that is known. Measured with it: codes and texts of
`last_error`, answers without a session, arguments by name only, a date longer than C's long. From the MQL5
book on `HistorySelect`: a span of history is meant on the server's clock, both its ends included. Nothing
public says by which of its times an order is chosen; here it is the time at which it was done, as in the
simulated driver. Standard library only.
"""

import json
import re
import sqlite3
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")

Fields = dict[str, object]
Error = tuple[int, str]

SUCCESS = (1, "Success")
NOT_FOUND = (-4, "Terminal: Not found")
CALL_FAILED = (-1, "Terminal: Call failed")
UNNAMED = (-2, "Unnamed arguments not allowed")
ARGUMENTS = (-2, "Invalid number of arguments")
NO_CONNECTION = (-10004, "No IPC connection")
INCOMPATIBLE = (
    -5,
    "Terminal: Incompatible versions, please install the latest version of Terminal and Python module",
)
LONGEST = 2**31 - 1
"""Of a date: Windows' `long`, into which the module puts one."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS thing (kind TEXT, key TEXT, body TEXT, PRIMARY KEY (kind, key));
CREATE TABLE IF NOT EXISTS past
  (kind TEXT, ticket INTEGER, time INTEGER, body TEXT, PRIMARY KEY (kind, ticket));
CREATE INDEX IF NOT EXISTS past_by_time ON past (kind, time);
"""


class Struct:
    """A struct of the module: attributes, and the mark by which one is known."""

    def __init__(self, fields: Fields) -> None:
        self.__dict__.update(fields)

    def _asdict(self) -> Fields:
        return dict(self.__dict__)


class Refusal(Exception):
    """The call answers nothing, and this is its `last_error`."""

    def __init__(self, error: Error) -> None:
        self.error = error
        super().__init__(*error)


class WorldFile:
    """The world as it was last written."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=20, check_same_thread=False)
        self._version = -1
        self._things: dict[str, dict[str, Fields]] = {}

    def things(self, kind: str) -> dict[str, Fields]:
        """Return all of a kind by key; they are read again after any commit of another."""
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._version, self._things = version, {}
        if kind not in self._things:
            rows = self._connection.execute(
                "SELECT key, body FROM thing WHERE kind = ? ORDER BY rowid", (kind,)
            )
            self._things[kind] = {key: json.loads(body) for key, body in rows}
        return self._things[kind]

    def put(self, kind: str, key: str, fields: Fields) -> None:
        """Write one thing, as a call does that changes the terminal."""
        statement = "UPDATE thing SET body = ? WHERE kind = ? AND key = ?"
        self._connection.execute(statement, (json.dumps(fields), kind, key))
        self._things.pop(kind, None)

    def past(self, kind: str, where: str, *values: object) -> list[Fields]:
        """Return entries of the history, in the order of their times."""
        where = f"kind = ? AND {where}"
        statement = f"SELECT body FROM past WHERE {where} ORDER BY time, ticket"  # noqa: S608 - ours
        return [json.loads(row[0]) for row in self._connection.execute(statement, (kind, *values))]


class ScriptedModule(ModuleType):
    """The module."""

    __version__ = "5.0.6231"

    def __init__(self, world: Path) -> None:
        super().__init__("MetaTrader5")
        self._world = WorldFile(world)
        self._attached = False
        self._error: Error = (0, "")

    # -- the session -----------------------------------------------------------------------------------

    def initialize(self, path: str = "", **_: object) -> bool:
        def attach() -> bool:
            self._attached = True
            return True

        return self._call("initialize", attach, unattached=None) or False

    def login(self, login: int = 0, **_: object) -> bool:
        return self._call("login", lambda: True) or False

    def shutdown(self) -> bool:
        self._attached, self._error = False, SUCCESS
        return True

    def last_error(self) -> Error:
        return self._error

    def version(self) -> object:
        build = self._one("terminal").get("build", 0)
        answer: object = self._call("version", lambda: (500, build, "01 Jan 2026"))
        return answer or (0, 0, "")

    # -- what there is now -----------------------------------------------------------------------------

    def terminal_info(self) -> Struct | None:
        return self._call("terminal_info", lambda: Struct(self._one("terminal")))

    def account_info(self) -> Struct | None:
        return self._call("account_info", lambda: Struct(self._one("account")))

    def symbols_total(self) -> int | None:
        return self._call("symbols_total", lambda: len(self._world.things("symbol")), unattached=INCOMPATIBLE)

    def symbols_get(self, group: str = "*") -> tuple[Struct, ...] | None:
        def read() -> tuple[Struct, ...]:
            return structs(
                fields for fields in self._world.things("symbol").values() if in_group(group, fields)
            )

        return self._call("symbols_get", read, unattached=INCOMPATIBLE)

    def symbol_info(self, symbol: str, /) -> Struct | None:
        return self._call("symbol_info", lambda: Struct(self._known("symbol", symbol)))

    def symbol_info_tick(self, symbol: str, /) -> Struct | None:
        def read() -> Struct:
            if not self._known("symbol", symbol).get("select"):
                raise Refusal(CALL_FAILED)
            return Struct(self._known("tick", symbol))

        return self._call("symbol_info_tick", read)

    def symbol_select(self, symbol: str, enable: bool = True, /) -> bool:
        def select() -> bool:
            fields = {**self._known("symbol", symbol), "select": enable, "visible": enable}
            self._world.put("symbol", json.dumps(symbol), fields)
            return True

        return self._call("symbol_select", select) or False

    def positions_total(self) -> int | None:
        return self._call("positions_total", lambda: len(self._world.things("position")))

    def positions_get(self, *args: object, **asked: object) -> tuple[Struct, ...] | None:
        return self._call("positions_get", lambda: self._open("position", args, asked))

    def orders_total(self) -> int | None:
        return self._call("orders_total", lambda: len(self._world.things("order")))

    def orders_get(self, *args: object, **asked: object) -> tuple[Struct, ...] | None:
        return self._call("orders_get", lambda: self._open("order", args, asked))

    # -- what has been ---------------------------------------------------------------------------------

    def history_deals_total(self, *dates: object) -> int | None:
        return self._call("history_deals_total", lambda: len(self._past("deal", dates, {})))

    def history_deals_get(self, *dates: object, **asked: object) -> tuple[Struct, ...] | None:
        return self._call("history_deals_get", lambda: self._past("deal", dates, asked))

    def history_orders_total(self, *dates: object) -> int | None:
        return self._call("history_orders_total", lambda: len(self._past("past_order", dates, {})))

    def history_orders_get(self, *dates: object, **asked: object) -> tuple[Struct, ...] | None:
        return self._call("history_orders_get", lambda: self._past("past_order", dates, asked))

    # -- behind them -----------------------------------------------------------------------------------

    def _call(
        self, function: str, read: Callable[[], T], *, unattached: Error | None = NO_CONNECTION
    ) -> T | None:
        """Answer, or refuse as the world wants it for this function, and leave `last_error` either way."""
        self._error = SUCCESS
        failure = self._world.things("failure").get(function)
        if unattached is not None and not self._attached:
            self._error = unattached
        elif failure is not None:
            self._error = whole(failure["code"]), str(failure["text"])
        else:
            try:
                return read()
            except Refusal as refusal:
                self._error = refusal.error
        return None

    def _one(self, kind: str) -> Fields:
        return self._world.things(kind).get("", {})

    def _known(self, kind: str, name: str) -> Fields:
        fields = self._world.things(kind).get(json.dumps(name))
        if fields is None:
            raise Refusal(NOT_FOUND)
        return fields

    def _open(self, kind: str, args: Sequence[object], asked: Mapping[str, object]) -> tuple[Struct, ...]:
        if args:
            raise Refusal(UNNAMED)
        found: Iterable[Fields] = self._world.things(kind).values()
        for field in ("ticket", "symbol"):
            if field in asked:
                return structs(fields for fields in found if fields.get(field) == asked[field])
        group = str(asked.get("group", "*"))
        return structs(fields for fields in found if in_group(group, fields))

    def _past(self, kind: str, dates: Sequence[object], asked: Mapping[str, object]) -> tuple[Struct, ...]:
        if "ticket" in asked:
            # Of the order, for a deal as well.
            key = "json_extract(body, '$.order')" if kind == "deal" else "ticket"
            return structs(self._world.past(kind, f"{key} = ?", asked["ticket"]))
        if "position" in asked:
            return structs(
                self._world.past(kind, "json_extract(body, '$.position_id') = ?", asked["position"])
            )
        if len(dates) != 2:
            raise Refusal(ARGUMENTS)
        start, end = (seconds(date) for date in dates)
        if max(start, end) > LONGEST:
            raise SystemError(f"<built-in function {kind}s_get> returned a result with an exception set")
        found = self._world.past(kind, "time BETWEEN ? AND ?", start, end)
        group = str(asked.get("group", "*"))
        return structs(fields for fields in found if in_group(group, fields))


def structs(found: Iterable[Fields]) -> tuple[Struct, ...]:
    return tuple(map(Struct, found))


def seconds(date: object) -> float:
    if not isinstance(date, (int, float)):
        raise Refusal(ARGUMENTS)
    return date


def whole(value: object) -> int:
    assert isinstance(value, int)
    return value


def in_group(group: str, fields: Fields) -> bool:
    """Tell whether a symbol is in a group such as `*USD*,!EUR*`: each mask takes in, or with `!` puts out."""
    name = str(fields.get("name", fields.get("symbol", "")))
    inside = False
    for mask in group.split(","):
        pattern = ".*".join(map(re.escape, mask.strip().removeprefix("!").split("*")))
        if re.fullmatch(pattern, name, re.DOTALL):
            inside = not mask.strip().startswith("!")
    return inside


if __name__ == "__main__":
    sys.modules["MetaTrader5"] = ScriptedModule(Path(sys.argv[1]))
    exec(sys.argv[sys.argv.index("-c") + 1])  # noqa: S102 - what an interpreter does
