"""The faults by name, when each is active, and what it strikes."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mt5_exporter.far.drivers.simulated.errors import SimulationError

FAULTS = frozenset(
    {
        "account_switch",
        "algo_off",
        "auth_failed",
        "busy",
        "call_failed",
        "clock_shift",
        "crash",
        "disconnected",
        "garbage",
        "half_frame",
        "hang",
        "hang_gil",
        "huge_frame",
        "memory_growth",
        "no_ipc",
        "no_pipe",
        "none",
        "not_authorised",
        "not_running",
        "segfault",
        "slow",
        "stale_ticks",
        "stderr_flood",
        "wrong_id",
    }
)
"""Every fault that a simulated terminal can play."""

CONNECTING = frozenset({"initialize", "login"})
READ_FAULTS = frozenset({"call_failed", "none"})
"""They spare `CONNECTING` unless `calls` names it: only reads of a live terminal fail so."""

PIPE_FAULTS = frozenset({"no_ipc", "no_pipe", "not_running"})
"""Once begun they break the session for good, whether or not a call was made meanwhile."""


class Fault(NamedTuple):
    """One fault of the schedule; instants in epoch milliseconds."""

    name: str
    start: int = 0
    """Inclusive."""
    end: int | None = None
    """Exclusive; None for ever."""
    calls: frozenset[str] = frozenset()
    """Names of functions; empty for every call."""
    symbols: frozenset[str] = frozenset()
    """Empty for every symbol; else a fault of calls strikes only those that name one."""
    seconds: float | None = None
    """Delay of `slow`, shift of `clock_shift`; None for the usual one."""
    size: int | None = None
    """Bytes of `garbage`, `memory_growth` and `stderr_flood`; None for the usual size."""

    def active(self, instant: int) -> bool:
        """Tell whether the fault is on at an instant."""
        return self.start <= instant and (self.end is None or instant < self.end)

    def aims_at(self, function: str, symbol: str) -> bool:
        """Tell whether a call of `function`, for `symbol` or for none (empty), is among its targets."""
        if self.symbols and symbol not in self.symbols:
            return False
        if self.calls:
            return function in self.calls
        return not (self.name in READ_FAULTS and function in CONNECTING)


class Schedule:
    """The faults of one terminal, and which of them somebody has put right since."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        self._cured: dict[str, int] = {}

    def cure(self, name: str, instant: int) -> None:
        """End the faults of a name that began up to an instant: the terminal was launched, or logged in."""
        self._cured[name] = instant

    def followed_by(self, faults: Iterable[Fault]) -> "Schedule":
        """Return the schedule of other faults, with what was put right under this one."""
        schedule = Schedule(faults)
        for name, instant in self._cured.items():
            schedule.cure(name, instant)
        return schedule

    def active(self, name: str, instant: int) -> list[Fault]:
        """Return the faults of a name that are on at an instant."""
        return [fault for fault in self.faults if fault.name == name and self._on(fault, instant)]

    def striking(self, function: str, symbol: str, *, since: int, instant: int) -> list[Fault]:
        """Return the faults that meet a call, in the schedule's order.

        Args:
            function: The function called.
            symbol: The symbol it names, or empty.
            since: When the session began: a fault of the pipe that has begun after that still strikes.
            instant: Now.
        """
        return [
            fault
            for fault in self.faults
            if fault.aims_at(function, symbol)
            and (self._on(fault, instant) or (fault.name in PIPE_FAULTS and since < fault.start <= instant))
        ]

    def frozen_at(self, name: str, instant: int, symbol: str = "") -> int:
        """Return when time stopped: the start of an active fault, or of one that it follows upon."""
        while True:
            starts = [
                fault.start
                for fault in self.active(name, instant)
                if fault.start < instant and (not fault.symbols or symbol in fault.symbols)
            ]
            if not starts:
                return instant
            instant = min(starts)

    def _on(self, fault: Fault, instant: int) -> bool:
        return fault.active(instant) and fault.start > self._cured.get(fault.name, -1)


def parse_faults(value: object) -> list[Fault]:
    """Return the faults of a settings frame's `faults`: a list of objects, times in epoch seconds.

    Raises:
        SimulationError: A fault has no known name, or a value of the wrong kind.
    """
    if not isinstance(value, (list, tuple)):
        raise SimulationError(f"faults must be a list, was {type(value).__name__}")
    return [_parse_fault(entry) for entry in value]


def _parse_fault(entry: object) -> Fault:
    if not isinstance(entry, dict):
        raise SimulationError(f"a fault must be an object, was {type(entry).__name__}")
    name = entry.get("fault")
    if name not in FAULTS:
        raise SimulationError(f"unknown fault {name!r}; known are {', '.join(sorted(FAULTS))}")
    until, seconds, size = entry.get("until"), entry.get("seconds"), entry.get("bytes")
    return Fault(
        name=str(name),
        start=_milliseconds(entry, "from"),
        end=None if until is None else _milliseconds(entry, "until"),
        calls=_names(entry, "calls"),
        symbols=_names(entry, "symbols"),
        seconds=None if seconds is None else _number(entry, "seconds"),
        size=None if size is None else round(_number(entry, "bytes")),
    )


def _number(entry: Mapping[object, object], key: str) -> float:
    value = entry.get(key) or 0.0
    if not isinstance(value, (int, float)):
        raise SimulationError(f"fault {entry['fault']}: {key} must be a number, was {type(value).__name__}")
    return float(value)


def _milliseconds(entry: Mapping[object, object], key: str) -> int:
    return round(_number(entry, key) * 1000.0)


def _names(entry: Mapping[object, object], key: str) -> frozenset[str]:
    value = entry.get(key) or ()
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
        raise SimulationError(f"fault {entry['fault']}: {key} must be a list of names")
    return frozenset(value)
