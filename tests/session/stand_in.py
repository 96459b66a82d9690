"""A MetaTrader5 module that answers from a file: the outermost edge of a worker that is otherwise genuine.

Run by its path, in the place of an interpreter: `python stand_in.py ANSWERS.json -I -c CODE`. The file is
read again at each call: `{"account_info": {"value": {...}, "error": [1, "Success"], "seconds": 0.5}}`.
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Protocol


class Struct:
    """A struct of the module: attributes, and the mark of a named tuple."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self.__dict__.update(fields)

    def _asdict(self) -> dict[str, object]:
        return dict(self.__dict__)


def build(value: object) -> object:
    if isinstance(value, dict):
        return Struct(value)
    return [build(item) for item in value] if isinstance(value, list) else value


class Function(Protocol):
    """Any function of the module."""

    def __call__(self, *args: object) -> object: ...


class StandIn(ModuleType):
    """The module."""

    __version__ = "5.0.1"

    def __init__(self, answers: Path) -> None:
        super().__init__("MetaTrader5")
        self.answers = answers
        self.error: tuple[int, str] = (1, "Success")

    def initialize(self, path: str, **_: object) -> object:
        return self.call("initialize", path)

    def login(self, login: int, **_: object) -> object:
        return self.call("login", str(login))

    def last_error(self) -> tuple[int, str]:
        return self.error

    def shutdown(self) -> None:
        self.error = (1, "Success")

    def __getattr__(self, name: str) -> Function:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args: self.call(name, *args)

    def call(self, name: str, *args: object) -> object:
        """Answer by name and first argument, or by name alone, or with True."""
        answers = json.loads(self.answers.read_text())
        answer = answers.get(f"{name} {args[0]}" if args else name, answers.get(name, {"value": True}))
        time.sleep(answer.get("seconds", 0))
        code, text = answer.get("error", [1, "Success"])
        self.error = (code, text)
        return build(answer.get("value"))


if __name__ == "__main__":
    sys.modules["MetaTrader5"] = StandIn(Path(sys.argv[1]))
    exec(sys.argv[sys.argv.index("-c") + 1])  # noqa: S102 - what an interpreter does
