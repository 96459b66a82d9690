"""What another configuration means for the terminals that run: pure in (the old one, the new one)."""

import types
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from mt5_exporter.config import Config, TerminalConfig

LIVE = frozenset(
    {
        "account_interval",
        "backoff",
        "connect_timeout",
        "heartbeat_files",
        "history_lookback",
        "interval",
        "limits",
        "login_retry",
        "market",
        "max_worker_memory",
        "poll_timeout",
        "risk",
        "stale_after",
        "start_timeout",
        "strategies",
        "symbol_markets",
        "timeout",
    }
)
"""Keys of a terminal that the next call, poll or exposition reads anew; any other one needs a new session."""

NONE: Mapping[str, tuple[str, ...]] = types.MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Which terminals come, go and change, by name; for those that change, the keys that do.

    Attributes:
        adjusted: They keep session and worker.
        restarted: They get new ones.
        fleet: The keys outside of `terminals` that differ.
        refused: Those among them that hold for as long as the process does.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    adjusted: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NONE)
    restarted: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NONE)
    fleet: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it in a line, without any value."""
        parts = (
            ("added", self.added),
            ("removed", self.removed),
            ("restarted", tuple(map(_spelled, self.restarted.items()))),
            ("adjusted", tuple(map(_spelled, self.adjusted.items()))),
            ("changed", self.fleet),
        )
        return "; ".join(f"{what} {', '.join(names)}" for what, names in parts if names) or "no difference"


def compare(old: Config, new: Config) -> Difference:
    """Return what has to be done so that `new` runs where `old` does."""
    before = {terminal.name: terminal for terminal in old.terminals}
    after = {terminal.name: terminal for terminal in new.terminals}
    adjusted: dict[str, tuple[str, ...]] = {}
    restarted: dict[str, tuple[str, ...]] = {}
    for name in before.keys() & after.keys():
        changed = _changed(before[name], after[name])
        if not LIVE.issuperset(changed):
            restarted[name] = changed
        elif changed:
            adjusted[name] = changed
    differing = tuple(
        name
        for name, one, other in (
            ("connect_rate", old.connect_rate, new.connect_rate),
            ("connect_burst", old.connect_burst, new.connect_burst),
            ("calendars", dict(old.calendars), dict(new.calendars)),
            ("state_file", old.state_file, new.state_file),
        )
        if one != other
    )
    return Difference(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        adjusted={name: adjusted[name] for name in after if name in adjusted},
        restarted={name: restarted[name] for name in after if name in restarted},
        fleet=differing,
        refused=tuple(name for name in differing if name == "state_file"),
    )


def _changed(before: TerminalConfig, after: TerminalConfig) -> tuple[str, ...]:
    names = (key.name for key in fields(TerminalConfig))
    return tuple(name for name in names if getattr(before, name) != getattr(after, name))


def _spelled(changed: tuple[str, tuple[str, ...]]) -> str:
    name, keys = changed
    return f"{name} ({', '.join(keys)})"
