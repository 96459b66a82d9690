"""What can go wrong with a terminal, and what each failure means for the session.

    MT5Error
    ├── MT5ConnectionError       the link to the terminal is gone, or the terminal is
    ├── MT5TimeoutError          no answer within our own deadline
    ├── MT5AuthenticationError   the trade server rejects the login
    ├── MT5PermissionError       a call that this session may not make
    ├── MT5InvalidRequestError   a call that can never succeed as it stands
    ├── MT5DataError             an answer without usable content
    ├── MT5BrokerError           the terminal or its trade server refuses
    └── MT5UnavailableError      never sent

Errors cross the wire as (code, text). `classify` is the one place that reads a code.
"""

import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from mt5_exporter.far import wire

BreakerEffect = Literal["failure", "ignore", "trip"]

OK = 1
"""RES_S_OK: what `last_error` says after a success."""

DIED = -21000
DEADLINE = -21001
PROTOCOL = -21002
"""The near side's own codes: the worker is gone, has not answered in time, or broke the protocol."""

BREAKER_OPEN = -22000
NO_LEASE = -22001
DRAINING = -22002
NOT_READY = -22003
FOREIGN_LOOP = -22004
NO_SUCH_TERMINAL = -22005
"""The near side's own codes for what was never sent."""


class MT5Error(Exception):
    """Base of every error of a session; its text is for the person on call.

    Attributes:
        message: What happened, without the terminal's name.
        code: MT5's `last_error` code or retcode, or one of this module's own.
        operation: The API function, or `connect`.
        terminal: The terminal's name in the configuration.
        attempt: Which connection attempt in a row this was, 0 outside of one.
        elapsed: Seconds from sending the request to the error.
        context: Further facts with bounded, secret-free values.
        reason: The class of cause, a bounded metric label.
        retryable: Whether the same call may succeed later.
        breaker: What it does to the circuit breaker.
        keeps_worker: Whether the worker is still good.
    """

    kind: ClassVar[str] = "error"

    def __init__(
        self,
        message: str,
        *,
        verdict: "Verdict",
        code: int,
        operation: str = "",
        terminal: str = "",
        attempt: int = 0,
        elapsed: float = 0.0,
        context: Mapping[str, object] = types.MappingProxyType({}),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.operation = operation
        self.terminal = terminal
        self.attempt = attempt
        self.elapsed = elapsed
        self.context = dict(context)
        self.reason = verdict.reason
        self.retryable = verdict.retryable
        self.breaker: BreakerEffect = verdict.breaker
        self.keeps_worker = verdict.keeps_worker

    def __str__(self) -> str:
        who = f"terminal {self.terminal!r}: " if self.terminal else ""
        what = f"{self.operation}: " if self.operation else ""
        # Neither our own codes nor the one of a success help anybody to look an error up.
        code = f" (MT5 error {self.code})" if self.code > wire.REFUSED and self.code != OK else ""
        return f"{who}{what}{self.message}{code}"


class MT5ConnectionError(MT5Error):
    """The link to the terminal is gone, or the terminal is."""

    kind = "connection"


class MT5TimeoutError(MT5Error):
    """No answer within our own deadline; a read may be repeated, an order never."""

    kind = "timeout"


class MT5AuthenticationError(MT5Error):
    """The trade server rejects the login."""

    kind = "authentication"


class MT5PermissionError(MT5Error):
    """A call that this session may not make."""

    kind = "permission"


class MT5InvalidRequestError(MT5Error):
    """A call that can never succeed as it stands."""

    kind = "invalid_request"


class MT5DataError(MT5Error):
    """An answer without usable content."""

    kind = "data"


class MT5BrokerError(MT5Error):
    """The terminal or its trade server refuses."""

    kind = "broker"


class MT5UnavailableError(MT5Error):
    """Never sent, so always safe to repeat: breaker open, no lease, not connected, draining."""

    kind = "unavailable"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a code means: the error's class, its bounded reason, and what follows."""

    error: type[MT5Error]
    reason: str
    retryable: bool
    breaker: BreakerEffect
    keeps_worker: bool = False
    """Whether the worker is still good: the terminal is the one that must change."""


def _lost(reason: str, *, keeps_worker: bool = False) -> Verdict:
    return Verdict(MT5ConnectionError, reason, True, "failure", keeps_worker)


def _denied(reason: str) -> Verdict:
    return Verdict(MT5PermissionError, reason, False, "ignore", True)


def _wrong(reason: str) -> Verdict:
    return Verdict(MT5InvalidRequestError, reason, False, "ignore", True)


def _refused(reason: str, *, retryable: bool = False, breaker: BreakerEffect = "ignore") -> Verdict:
    return Verdict(MT5BrokerError, reason, retryable, breaker, True)


def _unsent(reason: str) -> Verdict:
    return Verdict(MT5UnavailableError, reason, True, "ignore", True)


NO_DATA = Verdict(MT5DataError, "no_data", True, "ignore", True)
SCHEMA = Verdict(MT5DataError, "schema", True, "ignore", True)
UNKNOWN = Verdict(MT5BrokerError, "unknown", False, "ignore", True)
REJECTED = Verdict(MT5AuthenticationError, "rejected", True, "failure", True)
REJECTED_LOGIN = Verdict(MT5AuthenticationError, "rejected", True, "trip", True)
SYMBOL_FAILED = Verdict(MT5DataError, "call_failed", True, "ignore", True)
CALL_FAILED = _refused("call_failed", retryable=True, breaker="failure")

VERDICTS: Mapping[int, Verdict] = types.MappingProxyType(
    {
        # The package's own codes (MetaTrader5 5.0.6231, __init__.py).
        OK: NO_DATA,
        -1: CALL_FAILED,
        -2: _wrong("invalid_params"),
        -3: Verdict(MT5UnavailableError, "no_memory", True, "failure"),
        -4: Verdict(MT5DataError, "not_found", True, "ignore", True),
        -5: _wrong("version"),
        -6: REJECTED,
        -7: _wrong("unsupported"),
        -8: _denied("auto_trading_disabled"),
        -10000: _lost("ipc"),
        -10001: _lost("ipc_send"),
        -10002: _lost("ipc_receive"),
        -10003: _lost("ipc_init"),
        -10004: _lost("no_ipc"),
        -10005: _lost("not_authorised", keeps_worker=True),
        # The far side's.
        wire.REFUSED: _denied("not_allowed"),
        wire.RAISED: Verdict(MT5DataError, "raised", True, "ignore", True),
        wire.NOT_RUNNING: _lost("not_running", keeps_worker=True),
        wire.BUSY: _lost("busy", keeps_worker=True),
        wire.NO_PIPE: _lost("no_pipe", keeps_worker=True),
        wire.NO_MODULE: _lost("no_module"),
        # A worker that has lost its bridge reaches for it anew by itself.
        wire.NO_BRIDGE: _lost("no_bridge", keeps_worker=True),
        # The near side's.
        DIED: _lost("worker_died"),
        DEADLINE: Verdict(MT5TimeoutError, "deadline", True, "failure"),
        PROTOCOL: _lost("protocol"),
        BREAKER_OPEN: _unsent("breaker_open"),
        NO_LEASE: _unsent("no_lease"),
        DRAINING: _unsent("draining"),
        NOT_READY: _unsent("not_ready"),
        FOREIGN_LOOP: _wrong("foreign_loop"),
        NO_SUCH_TERMINAL: _wrong("no_such_terminal"),
        # TRADE_RETCODE_*: they reach a library user who trades; the exporter never does.
        10004: _refused("requote"),
        10006: _refused("reject"),
        10007: _refused("cancel"),
        10011: _refused("error", breaker="failure"),
        10012: Verdict(MT5TimeoutError, "trade_timeout", False, "failure", True),
        10013: _wrong("invalid"),
        10014: _wrong("invalid_volume"),
        10015: _wrong("invalid_price"),
        10016: _wrong("invalid_stops"),
        10017: _denied("trade_disabled"),
        10018: _refused("market_closed"),
        10019: _wrong("no_money"),
        10020: _refused("price_changed"),
        10021: _refused("price_off"),
        10022: _wrong("invalid_expiration"),
        10023: _refused("order_changed"),
        10024: _refused("too_many_requests", retryable=True),
        10025: _wrong("no_changes"),
        10026: _denied("server_disables_at"),
        10027: _denied("client_disables_at"),
        10028: _refused("locked"),
        10029: _wrong("frozen"),
        10030: _wrong("invalid_fill"),
        10031: _refused("no_trade_server", retryable=True, breaker="failure"),
        10032: _denied("only_real"),
        10033: _wrong("limit_orders"),
        10034: _wrong("limit_volume"),
        10035: _wrong("invalid_order"),
        10036: _wrong("position_closed"),
        10038: _wrong("invalid_close_volume"),
        10039: _wrong("close_order_exist"),
        10040: _wrong("limit_positions"),
        10041: _wrong("reject_cancel"),
        10042: _denied("long_only"),
        10043: _denied("short_only"),
        10044: _denied("close_only"),
        10045: _denied("fifo_close"),
    }
)

MIN_RETCODE = 10000

CONNECTING = frozenset({"connect", "login"})
OF_ONE_SYMBOL = frozenset({"symbol_info", "symbol_info_tick", "symbol_select"})


def classify(code: int, operation: str, *, connected: bool) -> Verdict:
    """Return what `code` means for `operation`; total, so that an unknown code is a broker's `unknown`.

    Args:
        code: From `last_error`, a retcode, or one of the project's own.
        operation: The API function; `connect`, or `login` for a connect that was told to log in.
        connected: Whether the terminal is known to answer otherwise.
    """
    if code == -1 and not connected:
        return _lost("call_failed")
    if code == -5 and operation.startswith("symbols_") and not connected:
        # Without a session the symbol lists answer "incompatible versions" (measured).
        return _lost("no_ipc")
    if code == -1 and operation in OF_ONE_SYMBOL:
        # Such as one that is not in Market Watch: it says nothing about the terminal.
        return SYMBOL_FAILED
    if code == wire.RAISED and operation in CONNECTING:
        return _lost("raised")
    if code == -6 and operation == "login":
        return REJECTED_LOGIN
    return VERDICTS.get(code, UNKNOWN)


def error(
    code: int,
    text: str,
    *,
    operation: str = "",
    terminal: str = "",
    connected: bool = True,
    attempt: int = 0,
    elapsed: float = 0.0,
    context: Mapping[str, object] = types.MappingProxyType({}),
) -> MT5Error:
    """Return the error that `code` stands for, with everything a person on call asks for."""
    verdict = classify(code, operation, connected=connected)
    return verdict.error(
        text or verdict.reason.replace("_", " "),
        verdict=verdict,
        code=code,
        operation=operation,
        terminal=terminal,
        attempt=attempt,
        elapsed=elapsed,
        context=context,
    )


COUNTED: tuple[tuple[str, str], ...] = tuple(
    sorted(
        {
            (verdict.error.kind, verdict.reason)
            for code, verdict in VERDICTS.items()
            if code < MIN_RETCODE
            and (code == -3 or verdict.error is not MT5UnavailableError)
            and code not in {FOREIGN_LOOP, NO_SUCH_TERMINAL, -8}
        }
        | {
            (v.error.kind, v.reason)
            for v in (SCHEMA, UNKNOWN, SYMBOL_FAILED, _lost("call_failed"), _lost("raised"))
        }
    )
)
"""Every (type, reason) that `mt5_errors_total` counts; what was never sent has counters of its own."""
