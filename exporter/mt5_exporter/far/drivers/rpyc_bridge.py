"""A terminal behind an rpyc classic server, such as mt5linux runs in Wine: each call is one evaluation there.

The server gets the text of `far/call.py` once and then evaluates one JSON text after the other: a call costs
one round trip, its value is a text, and no reference to an object of the other side ever travels. This end
offers the server nothing.
"""

import importlib
import importlib.util
import json
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol, runtime_checkable

from mt5_exporter.far import wire
from mt5_exporter.far.drivers.base import Api, Driver, Presence, Settings

REACHED = 3.0
"""Seconds that the bridge's port may take to accept a connection; a call has the worker's own deadline."""

NEVER = (0, "")
"""What `last_error` says before any call."""

Answer = tuple[object, int, str]


class Classic(Protocol):
    """The root of an rpyc classic server: every attribute of it that is looked up is a round trip."""

    execute: Callable[[str], object]
    """Runs statements in this connection's namespace."""
    eval: Callable[[str], object]
    """Returns an expression's value."""


class Connection(Protocol):
    """An rpyc connection."""

    root: Classic

    def close(self) -> None:
        """End it."""
        ...


@runtime_checkable
class Sourced(Protocol):
    """A loader that knows the text of its modules; both of ours do."""

    def get_source(self, fullname: str, /) -> str:
        """Return it."""
        ...


class RpycDriver:
    """One terminal, by the address of its bridge; it is its own `api`.

    The module behind a bridge may be somebody else's as well, so its `shutdown` is never called.
    """

    name = "rpyc"

    def __init__(self, rpyc: object, settings: Settings) -> None:
        self._rpyc = rpyc
        self._connection: Connection | None = None
        self._evaluate: Callable[[str], object] | None = None
        self._sees_pipes = False
        self._error = NEVER
        self.package = f"rpyc {'.'.join(map(str, getattr(rpyc, '__version__', ())))}"
        self.configure(settings)

    @property
    def api(self) -> Api:
        """Return the module's functions."""
        return self

    def configure(self, settings: Settings) -> None:
        """Take where the bridge is, and the terminal's program beside it."""
        self._path = str(settings.get("path") or "")
        bridge = settings.get("bridge")
        self._bridge: Mapping[str, object] = bridge if isinstance(bridge, Mapping) else {}
        self._host = str(self._bridge.get("host") or "127.0.0.1")
        self._port = int(str(self._bridge.get("port") or 18812))

    # -- the module's own functions ---------------------------------------------------------------------

    def initialize(self, path: str, /, *, timeout: int, portable: bool) -> bool:
        """Reach the bridge if it is not, then let it attach."""
        if self._evaluate is None:
            self._reach()
        if self._evaluate is None:
            return False
        words = {"timeout": timeout, "portable": portable}
        value, code, text = self.read("initialize", [path] if path else [], words, ())
        self._error = code, text
        return bool(value)

    def login(self, login: int, /, *, password: str, server: str, timeout: int) -> bool:
        """Refuse: a password does not go to a port that runs what it is sent."""
        del login, password, server, timeout
        self._error = wire.REFUSED, "a password does not travel over a bridge"
        return False

    def last_error(self) -> tuple[int, str]:
        """Return code and text of the last `initialize` or `login`."""
        return self._error

    def shutdown(self) -> None:
        """Leave the bridge; the terminal, and whoever else uses its module, go on."""
        connection, self._connection, self._evaluate = self._connection, None, None
        if connection is not None:
            # What is gone already needs no farewell.
            with suppress(Exception):
                connection.close()

    # -- the driver's -----------------------------------------------------------------------------------

    def read(
        self, function: str, args: Sequence[object], kwargs: Mapping[str, object], fields: Sequence[str]
    ) -> Answer:
        """Make one call over there; a lost bridge is an answer, and the next `initialize` reaches for it."""
        if self._evaluate is None:
            return None, wire.NO_BRIDGE, f"no connection to the bridge at {self._where}"
        # ASCII without a control character, and `repr` quotes the rest: no text of a broker or of a caller
        # can leave the literal that it is put into.
        request = json.dumps([function, list(args), dict(kwargs), list(fields)])
        try:
            value, code, text, raised = rows(self._evaluate(f"answer(MetaTrader5, {request!r})"))
        except Exception as error:  # noqa: BLE001 - rpyc raises whatever the bytes of a stranger make of it
            return None, *self._lost(error)
        return (None, wire.RAISED, raised) if raised else (value, code, text)

    def presence(self) -> Presence:
        """Ask the bridge's own Windows for the terminal's pipe; elsewhere it cannot be told."""
        if self._evaluate is None:
            self._reach()
        if self._evaluate is None or not self._sees_pipes:
            return "unknown"
        try:
            found = self._evaluate(f"presence({self._path!a})")
        except Exception as error:  # noqa: BLE001 - as in `read`
            self._error = self._lost(error)
            return "unknown"
        words: dict[object, Presence] = {
            "served": "served",
            "busy": "busy",
            "no_pipe": "no_pipe",
            "absent": "absent",
        }
        return words.get(found, "unknown") if type(found) is str else "unknown"

    def launch(self) -> None:
        """Do nothing: a terminal on another machine is started there."""

    # -- behind them ------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._host}:{self._port}"

    def _reach(self) -> None:
        """Connect, and bring along what the bridge is to run; `last_error` says what came of it."""
        try:
            self._connection = self._connect()
            root = self._connection.root
            root.execute("import sys, MetaTrader5")
            root.execute(source("mt5_exporter.far.call"))
            evaluate = root.eval
            self._sees_pipes = evaluate("sys.platform == 'win32'") is True
            if self._sees_pipes:
                root.execute(source("mt5_exporter.far.windows"))
            self._evaluate = evaluate
        except Exception as error:  # noqa: BLE001 - as in `read`
            self._error = self._lost(error)

    def _connect(self) -> Connection:
        plain = socket.create_connection((self._host, self._port), timeout=REACHED)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = self._secured(plain)
            # From here on it is the worker's deadline that ends a wait.
            link.settimeout(None)
            return connect(self._rpyc, link)
        except BaseException:
            plain.close()
            raise

    def _secured(self, plain: socket.socket) -> socket.socket:
        tls = self._bridge.get("tls")
        if not isinstance(tls, Mapping):
            return plain
        import ssl  # noqa: PLC0415 - it brings OpenSSL, which a bridge behind a tunnel needs not

        context = ssl.create_default_context(cafile=str(tls["ca_file"]))
        if tls.get("cert_file"):
            context.load_cert_chain(str(tls["cert_file"]), str(tls["key_file"]))
        return context.wrap_socket(plain, server_hostname=str(tls.get("server_name") or self._host))

    def _lost(self, error: Exception) -> tuple[int, str]:
        """Drop the connection, and return code and text of why."""
        self.shutdown()
        # Its own words: rpyc appends the other side's traceback, and makes an OSError without its fields.
        words = " ".join(map(str, error.args)).strip()
        first = next(iter(words.splitlines()), "")[:200]
        why = f"{type(error).__name__}: {first}" if first else type(error).__name__
        code = wire.NO_MODULE if isinstance(error, ImportError) else wire.NO_BRIDGE
        return code, f"the bridge at {self._where}: {why}"


def rows(text: object) -> tuple[object, int, str, str]:
    """Return what `call.answer` said.

    Raises:
        TypeError, ValueError: It did not say it: the other side is none that we have prepared.
    """
    # Not `isinstance`, which would ask a reference to the other side's object for its class.
    if type(text) is not str:
        raise TypeError("the answer is no text")
    match json.loads(text):
        case [value, int(code), str(message), str(raised)]:
            return value, code, message, raised
        case _:
            raise ValueError("the answer has another shape")


def source(module: str) -> str:
    """Return the text of a module of the far side, wherever it was loaded from."""
    # Only looked for, since not every system has what `windows` imports.
    spec = importlib.util.find_spec(module)
    loader = spec.loader if spec is not None else None
    assert isinstance(loader, Sourced)
    return loader.get_source(module)


def connect(rpyc: object, link: socket.socket) -> Connection:
    """Return a connection that has everything of the other side and gives it nothing of ours."""
    factory = importlib.import_module("rpyc.utils.factory")
    service = importlib.import_module("rpyc.core.service").FakeSlaveService
    stream = getattr(rpyc, "SocketStream")(link)  # noqa: B009 - a module without types
    config = {"sync_request_timeout": None, "allow_safe_attrs": False}
    connection: Connection = factory.connect_stream(stream, service=service, config=config)
    return connection


def open_driver(settings: Settings, frames: object) -> Driver:
    """Import rpyc beside this interpreter.

    Raises:
        ImportError: It is not installed.
    """
    del frames
    try:
        rpyc = importlib.import_module("rpyc")
    except ImportError as error:
        python = sys.executable or "this Python"
        raise ImportError(
            f"driver rpyc needs a package in {python}: pip install 'mt5-exporter[rpyc]' ({error})"
        ) from error
    return RpycDriver(rpyc, settings)
