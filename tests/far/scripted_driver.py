"""A driver that does what its settings tell it to: the module `simulated` of the workers under test.

Its text is sent to real workers, too, so it imports nothing but the far side and the standard library.
"""

import collections
import ctypes
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mt5_exporter.far import worker
from mt5_exporter.far.call import call
from mt5_exporter.far.drivers.base import Presence, Settings

SUCCESS = (1, "Success")


@dataclass
class Answer:
    """What one call returns, leaves in `last_error`, and does on its way."""

    value: object = None
    error: tuple[int, str] = SUCCESS
    act: Callable[[], None] = lambda: None


class Call(Protocol):
    """Any function of the module."""

    def __call__(self, *args: object, **kwargs: object) -> object: ...


class ScriptedApi:
    """Stands for the MetaTrader5 module and writes down every touch."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = answers
        self.log: list[tuple[str, tuple[object, ...], dict[str, object]]] = []
        self.error = SUCCESS

    def initialize(self, path: str, /, *, timeout: int, portable: bool) -> bool:
        return bool(self.call("initialize")(path, timeout=timeout, portable=portable))

    def login(self, login: int, /, *, password: str, server: str, timeout: int) -> bool:
        return bool(self.call("login")(login, password=password, server=server, timeout=timeout))

    def last_error(self) -> tuple[int, str]:
        self.log.append(("last_error", (), {}))
        return self.error

    def shutdown(self) -> None:
        self.log.append(("shutdown", (), {}))

    def __getattr__(self, name: str) -> Call:
        return self.call(name)

    def call(self, name: str) -> Call:
        def function(*args: object, **kwargs: object) -> object:
            self.log.append((name, args, kwargs))
            answer = self.answers.get(name, Answer(value=True))
            self.error = answer.error
            answer.act()
            return answer.value

        return function

    @property
    def touched(self) -> list[str]:
        """The names of the calls, in order."""
        return [name for name, _, _ in self.log]


@dataclass
class ScriptedDriver:
    """A terminal whose presence goes through `presences` and stays at the last one."""

    api: ScriptedApi
    presences: list[Presence] = field(default_factory=lambda: ["served"])
    name: str = "scripted"
    package: str = "5.0.1"
    launches: int = 0
    configured: list[Settings] = field(default_factory=list)

    def read(
        self, function: str, args: Sequence[object], kwargs: Mapping[str, object], fields: Sequence[str]
    ) -> tuple[object, int, str]:
        return call(self.api, function, args, kwargs, fields)

    def presence(self) -> Presence:
        self.api.log.append(("presence", (), {}))
        return self.presences.pop(0) if len(self.presences) > 1 else self.presences[0]

    def launch(self) -> None:
        self.api.log.append(("launch", (), {}))
        self.launches += 1

    def configure(self, settings: Settings) -> None:
        self.configured.append(settings)


def struct(**fields: object) -> object:
    """Return a value as the module's own: a named tuple."""
    return collections.namedtuple("Struct", fields)(**fields)  # noqa: PYI024


def print_on_stdout() -> None:
    os.write(1, b"a stray line of the C library\n")
    sys.stdout.write("a stray print\n")
    sys.stdout.flush()


def hang_with_the_gil() -> None:
    """Sleep in C as the module does: no other thread, no signal handler and no end of stdin gets through."""
    ctypes.PyDLL(None).sleep(60)


def raise_an_error() -> None:
    raise RuntimeError("the call broke")


ACTS = {"print": print_on_stdout, "hang": hang_with_the_gil, "raise": raise_an_error}


def entries(value: object) -> Iterable[tuple[str, str]]:
    return value.items() if isinstance(value, dict) else ()


def open_driver(settings: Settings, frames: object) -> ScriptedDriver:
    """Return a driver whose calls do as `settings["acts"]` says: function name to a key of `ACTS`."""
    margin = settings.get("margin")
    if isinstance(margin, float):
        worker.MARGIN = margin
    answers = {name: Answer(value=name, act=ACTS[act]) for name, act in entries(settings.get("acts"))}
    return ScriptedDriver(ScriptedApi(answers))
